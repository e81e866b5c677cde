"""SHAP values: the contribution of each of the 50 features to a prediction, as tidy tables.

All candidates use sampled Shapley values (`core.models.shapley`) of the pipeline's probabilities, with a small
background of typical clips. Logarithms, ratios, scaling and the members of a
blend are inside the pipeline, so the contributions belong to the measured features. Shapley values are linear in the
model, so the values of a blend are the mean of its members' values.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.atomic import replacing
from core.errors import ModelError
from core.models import forests
from core.models.prediction import Model
from core.models.shapley import in_chunks, shapley
from core.schema import BY_COLUMN, COLUMNS, EMOTIONS, FeatureVector

BACKGROUND_PER_EMOTION = 6  # typical clips for each emotion: 24 in all, in 4 x 3 mirrored pairs
ORDERS = 3  # random orders of the features, each used forwards and backwards: 0.2 s for the blend
SHAP_DIGITS = 4  # stored decimals; the sampling error is about ten times larger


def make_background(
    X: pd.DataFrame, y: Sequence[str], *, per_emotion: int = BACKGROUND_PER_EMOTION, seed: int = 0
) -> pd.DataFrame:
    """Artificial typical clips of each emotion, with the features' distributions and correlations but no real row.

    A Gaussian copula for each emotion: random sums of the normal scores of its clips have the same covariance, and the
    emotion's quantiles convert them back to feature values. Clips are mirrored pairs, so that medians are exact.

    Parameters
    ----------
    X : training clips, columns of the schema, NaN ignored.
    y : emotion of each clip.
    per_emotion : number of artificial clips for each emotion.

    Returns
    -------
    4 * per_emotion rows of the 50 columns, rounded to six digits; the same for the same data and seed.
    """
    from scipy.special import ndtr, ndtri

    rng = np.random.default_rng(seed)
    values, labels = X[list(COLUMNS)].to_numpy(dtype=float), np.asarray(y)
    rows = []
    for emotion in EMOTIONS:
        own = pd.DataFrame(values[labels == emotion])
        if len(own) < 2:
            raise ModelError(f"The background needs at least 2 clips of each emotion; {emotion} has {len(own)}.")
        scores = ndtri((own.rank() - 0.5) / own.notna().sum()).fillna(0.0).to_numpy()
        half = rng.standard_normal((-(-per_emotion // 2), len(own))) / np.sqrt(len(own)) @ scores
        positions = ndtr(np.concatenate([half, -half])[:per_emotion])
        rows.append(np.column_stack([_quantile(own[k], positions[:, k]) for k in own]))
    made = np.concatenate(rows)
    digits = np.frompyfunc(lambda v: float(f"{v:.6g}"), 1, 1)(made).astype(float)
    return pd.DataFrame(digits, columns=list(COLUMNS))


def _quantile(column: pd.Series, positions: np.ndarray) -> np.ndarray:
    known = column.dropna().to_numpy()
    return np.quantile(known, positions) if len(known) else np.full(len(positions), np.nan)


def base_model(pipeline: Any) -> Any:
    """Return the pipeline without its calibration; a pipeline without calibration is returned unchanged.

    The calibration has one temperature for all probabilities and does not change their order. So the explanations use
    the base model: the values of a blend are then the mean of its members' values. A model that has probabilities only
    through its calibration (a support vector machine) keeps the calibration.
    """
    steps = getattr(pipeline, "steps", None)
    if steps is not None:
        return type(pipeline)([*steps[:-1], (steps[-1][0], base_model(steps[-1][1]))])
    members = list(getattr(pipeline, "calibrated_classifiers_", []))
    base = members[0].estimator if len(members) == 1 else None
    return base if hasattr(base, "predict_proba") else pipeline


def _function(pipeline: Any, classes: Sequence[str]) -> Callable[[np.ndarray], np.ndarray]:
    """Function from features, shape (n, 50), to probabilities in the order of ``EMOTIONS``."""
    order, names = [list(classes).index(e) for e in EMOTIONS], list(COLUMNS)
    return lambda rows: forests.predict_proba(pipeline, pd.DataFrame(rows, columns=names))[:, order]


def explain_clip(
    model: Model,
    vector: FeatureVector,
    background: pd.DataFrame,
    *,
    calibrated: bool = False,
    orders: int = ORDERS,
    seed: int = 0,
) -> pd.DataFrame:
    """Explain the prediction of one clip by SHAP values.

    Parameters
    ----------
    background : typical clips, from ``make_background``.
    calibrated : explain the displayed probabilities; False explains the base model, before calibration.
    orders : number of random orders of the features.

    Returns
    -------
    One row for each emotion and feature: columns clip, emotion, feature, value, shap, base. For each emotion, ``base``
    and all ``shap`` values add up to the explained probability.
    """
    proba = _function(model.pipeline if calibrated else base_model(model.pipeline), model.classes)
    phi, base = shapley(proba, vector.values[None], _values(background), orders=orders, seed=seed)
    table = _tidy(vector.clip_id, phi[0].T)
    table.insert(3, "value", np.tile(vector.values, len(EMOTIONS)))
    return table.assign(base=np.repeat(base, len(COLUMNS)))


def explain_table(
    pipeline: Any,
    X: pd.DataFrame,
    background: pd.DataFrame,
    *,
    classes: Sequence[str] = EMOTIONS,
    orders: int = 1,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """SHAP values of many clips, for the global importance of features.

    Parameters
    ----------
    X : table with the 50 columns; its index is the row number in the published table.
    background : typical clips, from ``make_background``.
    classes : order of the pipeline's classes.
    orders : number of random orders of the features.
    progress : called with the number of finished clips and the number of all clips.

    Returns
    -------
    Columns row, emotion, feature (categories), shap and base (float32). Feature values are in the table and not
    repeated here. The base value and all SHAP values of an emotion add up to its probability before calibration.
    """
    proba, against = _function(base_model(pipeline), classes), _values(background)
    done, bases = [], []
    for i, x in enumerate(_values(X)):
        phi, base = shapley(proba, x[None], against, orders=orders, seed=seed + i)
        done.append(phi[0].T)
        bases.append(base)
        if progress:
            progress(i + 1, len(X))
    n = len(EMOTIONS) * len(COLUMNS)
    one = _tidy("", np.zeros((len(EMOTIONS), len(COLUMNS))))
    return pd.DataFrame(
        {
            "row": np.repeat(X.index.to_numpy(), n),
            "emotion": pd.Categorical(np.tile(one["emotion"], len(X)), categories=EMOTIONS),
            "feature": pd.Categorical(np.tile(one["feature"], len(X)), categories=COLUMNS),
            "shap": np.array(done, dtype=np.float32).reshape(-1),
            "base": np.repeat(np.array(bases, dtype=np.float32).reshape(-1), len(COLUMNS)),
        }
    )


def _values(table: pd.DataFrame) -> np.ndarray:
    missing = [c for c in COLUMNS if c not in table.columns]
    if missing:
        raise ModelError(f"The table lacks {len(missing)} of the 50 feature columns, first {missing[0]!r}.")
    return table[list(COLUMNS)].to_numpy(dtype=float)


def _tidy(clip: str, by_emotion: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "clip": clip,
            "emotion": np.repeat(EMOTIONS, len(COLUMNS)),
            "feature": np.tile(COLUMNS, len(EMOTIONS)),
            "shap": by_emotion.reshape(-1),
        }
    )


def write_shap(table: pd.DataFrame, path: Path) -> None:
    """Store the result of ``explain_table`` as Parquet: one row for each clip and emotion, one column a feature.

    The base values are stored if the table has them; versions before 0.3 did not store them.
    """
    wide = table.pivot_table(index=["row", "emotion"], columns="feature", values="shap", sort=False, observed=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    small = wide[list(COLUMNS)].round(SHAP_DIGITS).astype(np.float32)  # few distinct values, hence a small file
    if "base" in table:
        small["base"] = table.groupby(["row", "emotion"], sort=False, observed=True)["base"].first()
    with replacing(path) as unfinished:
        small.reset_index().to_parquet(unfinished, index=False, compression="zstd")


def read_shap(path: Path) -> pd.DataFrame:
    """Read the table of ``write_shap``. Raises ModelError when the file is missing or damaged."""
    try:
        wide = pd.read_parquet(path)
        known = ["row", "emotion", *(["base"] if "base" in wide else [])]
        table = wide.melt(known, list(COLUMNS), var_name="feature", value_name="shap")
    except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are ValueErrors
        raise _unreadable(path) from error
    table["emotion"] = pd.Categorical(table["emotion"], categories=EMOTIONS)
    table["feature"] = pd.Categorical(table["feature"], categories=COLUMNS)
    table = table[["row", "emotion", "feature", "shap", *(["base"] if "base" in table else [])]]
    return table.sort_values(["row", "emotion", "feature"], ignore_index=True)


def explained_rows(path: Path) -> frozenset[int]:
    """Rows of the table that have an explanation in a file of ``write_shap``.

    Raises ModelError when the file is missing or damaged.
    """
    try:
        return frozenset(pd.read_parquet(path, columns=["row"])["row"].tolist())
    except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are ValueErrors
        raise _unreadable(path) from error


def _unreadable(path: Path) -> ModelError:
    return ModelError(f"The stored explanations, {path.name}, cannot be read. Train the models again.")


def importance(shap: pd.DataFrame, *, by: str = "feature", per_emotion: bool = False) -> pd.DataFrame:
    """Mean absolute SHAP value, largest first.

    Parameters
    ----------
    shap : columns row (or clip), emotion, feature, shap.
    by : "feature", or "group" for dynamics, rhythm, timbre and tonality. The values of a clip are summed in each group
        first, so opposite contributions cancel.
    per_emotion : one importance for each emotion.

    Returns
    -------
    Columns feature or group, emotion (with ``per_emotion``), importance, share (of the total).
    """
    clip = "row" if "row" in shap.columns else "clip"
    table = shap
    if by == "group":
        chapter = shap["feature"].map({c: f.group.split(":")[0] for c, f in BY_COLUMN.items()}).astype(str)
        table = (
            shap.assign(group=chapter).groupby([clip, "emotion", "group"], observed=True)["shap"].sum().reset_index()
        )
    elif by != "feature":
        raise ModelError(f"The importance must be by 'feature' or by 'group', not by {by!r}.")
    keys = ["emotion", by] if per_emotion else [by]
    mean = table.assign(importance=table["shap"].abs().astype(float)).groupby(keys, observed=True)["importance"].mean()
    result = mean.reset_index().sort_values("importance", ascending=False, ignore_index=True)
    total = result.groupby("emotion", observed=True)["importance"].transform("sum") if per_emotion else mean.sum()
    return result.assign(share=result["importance"] / total)


def interaction(
    model: Model, X: pd.DataFrame, first: str, second: str, *, others: int = 8, seed: int = 0
) -> pd.DataFrame:
    """Interaction of two features for each clip and emotion.

    The clip's values of the first feature, the second feature and both are copied into ``others`` random clips of X.
    The interaction is the second difference of the probabilities. It is zero when the two effects simply add up.

    Returns
    -------
    Columns row, emotion, first, second (the values of the two features), interaction.
    """
    rng = np.random.default_rng(seed)
    values, a, b = _values(X), COLUMNS.index(first), COLUMNS.index(second)
    host = values[rng.integers(len(values), size=(len(values), others))]  # (n, others, 50)
    cells = []
    for copied in ((a, b), (a,), (b,), ()):
        rows = host.copy()
        for k in copied:
            rows[:, :, k] = values[:, None, k]
        cells.append(rows.reshape(-1, len(COLUMNS)))
    proba = _function(base_model(model.pipeline), model.classes)
    both, only_a, only_b, none = (in_chunks(proba, c).reshape(len(values), others, -1).mean(axis=1) for c in cells)
    surplus = both - only_a - only_b + none
    return pd.DataFrame(
        {
            "row": np.repeat(X.index.to_numpy(), len(EMOTIONS)),
            "emotion": np.tile(EMOTIONS, len(X)),
            "first": np.repeat(values[:, a], len(EMOTIONS)),
            "second": np.repeat(values[:, b], len(EMOTIONS)),
            "interaction": surplus.reshape(-1),
        }
    )
