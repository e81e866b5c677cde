"""The candidate models: scikit-learn pipelines from the 50 feature columns to the four emotions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, StratifiedGroupKFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from core.training.estimators import (
    FRAGILE,
    CalibratedBlend,
    ClipScores,
    EncodedLabels,
    FeatureColumns,
    RegularisedDiscriminant,
)

CHAMPION = "blend"
VOTERS = (
    "random_forest",
    "svm_rbf",
    "logistic_regression",
)  # chosen before this comparison
TREES = 200
SEARCH_FOLDS = 3
SEARCH_DRAWS = 5  # settings tried in a randomised search: with about 260 rows, more draws overfit

Grid = Mapping[str, list[Any]]


@dataclass(frozen=True)
class Candidate:
    """A model that can be compared, tuned and promoted.

    Attributes
    ----------
    name : short and stable; used in files.
    label : name for display.
    pipeline : not fitted; accepts a table with the 50 columns, NaN allowed. ``predict_proba`` returns the four
        emotions in alphabetical order.
    grid : settings for the search inside each fold; empty when the settings are fixed.
    search : ``"grid"`` tries all settings, ``"random"`` draws ``SEARCH_DRAWS`` of them.
    """

    name: str
    label: str
    pipeline: Pipeline
    grid: Grid = field(default_factory=dict)
    search: Literal["grid", "random"] = "grid"


def prepared(
    model: BaseEstimator,
    *,
    log: bool = True,
    ratios: bool = True,
    drop: tuple[str, ...] | None = None,
    level_free: bool = True,
    scale: bool = True,
    limit: float | None = 3.0,
    extra: tuple[tuple[str, BaseEstimator], ...] = (),
) -> Pipeline:
    """Pipeline: feature columns, median imputation, z-scores, clipping, extra steps, model.

    Parameters
    ----------
    log, ratios, drop, level_free : see `FeatureColumns`; ``drop=None`` drops the fragile columns.
    scale : standardise the columns to z-scores.
    limit : clip z-scores to [-limit, limit]; None to keep them.
    extra : named steps between the scaling and the model, such as PCA or SMOTE.
    """
    columns = FeatureColumns(log=log, ratios=ratios, drop=FRAGILE if drop is None else drop, level_free=level_free)
    steps: list[tuple[str, BaseEstimator]] = [
        ("columns", columns),
        ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
    ]
    if scale:
        steps.append(("scale", StandardScaler()))
    if scale and limit is not None:
        steps.append(("clip", ClipScores(limit=limit)))
    steps += [*extra, ("model", model)]
    if any(hasattr(step, "fit_resample") for _, step in extra):
        from imblearn.pipeline import Pipeline as ResamplingPipeline

        return ResamplingPipeline(steps)
    return Pipeline(steps)


def published(model: BaseEstimator) -> Pipeline:
    """Pipeline on the 50 published columns: median imputation, z-scores, model."""
    return prepared(model, log=False, ratios=False, drop=(), level_free=False, limit=None)


def _singles(seed: int) -> dict[str, BaseEstimator]:
    """The eight algorithms with default settings, except 200 trees in the random forest and longer training limits."""
    from lightgbm import LGBMClassifier
    from xgboost import XGBClassifier

    return {
        "random_forest": RandomForestClassifier(TREES, random_state=seed),
        "xgboost": EncodedLabels(XGBClassifier(n_jobs=1, random_state=seed, verbosity=0)),
        "gradient_boosting": GradientBoostingClassifier(random_state=seed),
        "svm_rbf": with_probabilities(SVC(), seed=seed),
        "lightgbm": LGBMClassifier(n_jobs=1, random_state=seed, verbosity=-1, deterministic=True, force_row_wise=True),
        "logistic_regression": LogisticRegression(max_iter=2000),
        "mlp": MLPClassifier(max_iter=1000, random_state=seed),
        "knn": KNeighborsClassifier(),
    }


LABELS = {
    "random_forest": "Random forest",
    "xgboost": "XGBoost",
    "gradient_boosting": "Gradient boosting",
    "svm_rbf": "SVM (RBF)",
    "lightgbm": "LightGBM",
    "logistic_regression": "Logistic regression",
    "mlp": "Neural network (MLP)",
    "knn": "Nearest neighbours",
    "soft_vote": "Soft vote of three",
    "stacking": "Stacking of three",
    "blend": "Blend of four",
}
ALGORITHMS = tuple(LABELS)[:8]

GRIDS: dict[str, tuple[Literal["grid", "random"], Grid]] = {
    "random_forest": (
        "random",
        {"model__max_features": ["sqrt", 0.3], "model__min_samples_leaf": [1, 2, 4], "model__max_depth": [None, 8]},
    ),
    "xgboost": (
        "random",
        {
            "model__estimator__learning_rate": [0.05, 0.1, 0.3],
            "model__estimator__max_depth": [2, 3, 6],
            "model__estimator__subsample": [0.7, 1.0],
            "model__estimator__colsample_bytree": [0.4, 1.0],
        },
    ),
    "gradient_boosting": (
        "random",
        {
            "model__learning_rate": [0.05, 0.1],
            "model__max_depth": [2, 3],
            "model__max_features": ["sqrt"],  # all columns take ten times as long and score no better
            "model__subsample": [0.6, 1.0],
            "model__n_estimators": [100, 200],
        },
    ),
    "svm_rbf": (
        "grid",
        {"model__estimator__C": [1, 3, 10], "model__estimator__gamma": ["scale", 0.01, 0.003]},
    ),
    "lightgbm": (
        "random",
        {
            "model__learning_rate": [0.05, 0.1],
            "model__num_leaves": [7, 15, 31],
            "model__min_child_samples": [5, 10, 20],
            "model__colsample_bytree": [0.4, 1.0],
        },
    ),
    "logistic_regression": ("grid", {"model__C": [0.01, 0.03, 0.1, 0.3, 1.0]}),
    "mlp": (
        "random",
        {"model__hidden_layer_sizes": [(32,), (100,), (32, 32)], "model__alpha": [1e-4, 0.1, 1.0, 10.0]},
    ),
    "knn": (
        "grid",
        {"model__n_neighbors": [5, 9, 15, 25], "model__weights": ["uniform", "distance"]},
    ),
}


def blend_members(seed: int) -> list[tuple[str, BaseEstimator]]:
    """The four members of the champion: different kinds of model with fixed settings."""
    return [
        ("rda", RegularisedDiscriminant(pooled=0.8, shrink=0.3)),
        ("lr", LogisticRegression(C=0.1, max_iter=2000)),
        ("svm", SVC(C=2.0, gamma=0.01)),
        ("et", ExtraTreesClassifier(TREES, max_features=0.3, random_state=seed)),
    ]


def calibrated(model: BaseEstimator, *, seed: int) -> CalibratedClassifierCV:
    """The model with temperature scaling; the temperature is learned on five folds of the training rows."""
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return CalibratedClassifierCV(model, method="temperature", cv=folds, ensemble=False)


def with_probabilities(model: BaseEstimator, *, seed: int) -> BaseEstimator:
    """The model itself if it has ``predict_proba``; otherwise calibrated, so that it returns probabilities."""
    return model if hasattr(model, "predict_proba") else calibrated(model, seed=seed)


def all_candidates(seed: int) -> dict[str, Candidate]:
    """All candidates by name: the eight algorithms, soft vote, stacking and the blend."""
    singles = _singles(seed)
    voters = [(name, singles[name]) for name in VOTERS]
    stack = StackingClassifier(
        voters, LogisticRegression(max_iter=2000), cv=StratifiedKFold(3, shuffle=True, random_state=seed)
    )
    made = {
        name: Candidate(name, LABELS[name], published(model), GRIDS[name][1], GRIDS[name][0])
        for name, model in singles.items()
    }
    fixed = {
        "soft_vote": published(VotingClassifier(voters, voting="soft")),
        "stacking": published(stack),
        "blend": prepared(CalibratedBlend(blend_members(seed), random_state=seed)),
    }
    return made | {name: Candidate(name, LABELS[name], pipeline) for name, pipeline in fixed.items()}


def searched(candidate: Candidate, *, seed: int) -> GridSearchCV | RandomizedSearchCV:
    """A search for the candidate's settings: best macro-F1 on grouped folds of the training rows."""
    folds = StratifiedGroupKFold(SEARCH_FOLDS, shuffle=True, random_state=seed)
    if candidate.search == "grid":
        return GridSearchCV(candidate.pipeline, dict(candidate.grid), scoring="f1_macro", cv=folds)
    return RandomizedSearchCV(
        candidate.pipeline,
        {name: list(values) for name, values in candidate.grid.items()},
        n_iter=SEARCH_DRAWS,
        scoring="f1_macro",
        cv=folds,
        random_state=np.random.RandomState(seed).randint(2**31 - 1),
    )
