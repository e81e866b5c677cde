"""Which features made the model say what it says: SHAP values in the 50 features themselves, as tidy tables.

One mechanism for every candidate: the permutation explainer of the shap library (Lundberg & Lee 2017; Mitchell et al.
2022) on the pipeline's probabilities, against a small background of typical clips. Logs, ratios, scaling and members of
a blend are all inside the pipeline, so that what is explained is what was measured; and since Shapley values are
linear in the model, a blend's are the average of its members'.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.atomic import replacing
from core.errors import ModelError
from core.models.prediction import Model
from core.schema import BY_COLUMN, COLUMNS, EMOTIONS, FeatureVector

BACKGROUND_PER_EMOTION = 6  # typical clips an emotion: 24 in all, sums of 4 x 3 mirrored pairs
ORDERS = 3  # orders of the features, each walked forth and back: a fifth of a second for the blend
SHAP_DIGITS = 4  # decimals stored; the sampling error is some ten times larger
CHUNK = 20_000  # rows given to the model at once: bounds the memory at 8 MB a copy


def make_background(
    X: pd.DataFrame, y: Sequence[str], *, per_emotion: int = BACKGROUND_PER_EMOTION, seed: int = 0
) -> pd.DataFrame:
    """Typical clips of each emotion that are nobody's clip: the features' distributions and correlations, no row.

    A Gaussian copula for each emotion: random sums of the normal scores of its clips have their covariance, and are
    brought back by the emotion's quantiles. Clips come in mirrored pairs, so that medians are exact.

    X : columns of the schema, NaN ignored.  y : emotions.
    Returns 4 * per_emotion rows of the 50 columns, rounded to six digits; the same for the same data and seed.
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
    """The pipeline with the model under its calibration in the calibration's place; any other pipeline as it is.

    One temperature moves the four probabilities toward or away from one another and leaves their order. The reasons
    are the base model's: a blend's are the average of its members'. A model that has probabilities only through its
    calibration (a support vector machine) keeps it.
    """
    steps = getattr(pipeline, "steps", None)
    if steps is not None:
        return type(pipeline)([*steps[:-1], (steps[-1][0], base_model(steps[-1][1]))])
    members = list(getattr(pipeline, "calibrated_classifiers_", []))
    base = members[0].estimator if len(members) == 1 else None
    return base if hasattr(base, "predict_proba") else pipeline


def shapley(
    proba: Callable[[np.ndarray], np.ndarray], x: np.ndarray, background: np.ndarray, *, orders: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Shapley values of clips, sampled over orders of the features by the shap library.

    proba : (n, m) -> (n, k).  x : shape (n, m).  background : shape (b, m). NaN is a value like any other.
    Returns contributions, shape (n, m, k), and the base values, the mean output over the background, shape (k,).
    They add up to ``proba(x)`` whatever the number of orders. The same seed gives the same values.
    """
    import shap

    masker = shap.maskers.Independent(background, max_samples=len(background))
    state = np.random.get_state()  # noqa: NPY002  (shap seeds numpy's global generator)
    try:
        explainer = shap.PermutationExplainer(lambda rows: _in_chunks(proba, rows), masker, seed=seed)
        found = explainer(x, max_evals=orders * (2 * x.shape[1] + 1), silent=True)
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return found.values, found.base_values[0]


def _in_chunks(proba: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
    return np.concatenate([proba(rows[i : i + CHUNK]) for i in range(0, len(rows), CHUNK)])


def _function(pipeline: Any, classes: Sequence[str]) -> Callable[[np.ndarray], np.ndarray]:
    """Probabilities in the order of EMOTIONS as a function of an array (n, 50)."""
    order, names = [list(classes).index(e) for e in EMOTIONS], list(COLUMNS)
    return lambda rows: np.asarray(pipeline.predict_proba(pd.DataFrame(rows, columns=names)), dtype=float)[:, order]


def explain_clip(
    model: Model,
    vector: FeatureVector,
    background: pd.DataFrame,
    *,
    calibrated: bool = False,
    orders: int = ORDERS,
    seed: int = 0,
) -> pd.DataFrame:
    """Why the model says what it says about one clip.

    calibrated : explain the probabilities that are shown; else those of the base model, before calibration.
    Returns one row an emotion and feature: columns clip, emotion, feature, value, shap, base; the values of ``shap`` of
    an emotion and its ``base`` add up to the probability explained.
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
    """SHAP values of many clips, for global importance.

    X : table with the 50 columns; its index (the row of the published table) names the clips.
    Returns columns row, emotion, feature (categories) and shap (float32). The features' values are the table's and
    are not repeated; the base value of an emotion is the probability minus the sum.
    progress : called with (clips done, clips in all).
    """
    proba, against = _function(base_model(pipeline), classes), _values(background)
    done = []
    for i, x in enumerate(_values(X)):
        done.append(shapley(proba, x[None], against, orders=orders, seed=seed + i)[0][0].T)
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
    """Store what ``explain_table`` returned: one column a feature, one row a clip and emotion (Parquet, small)."""
    wide = table.pivot_table(index=["row", "emotion"], columns="feature", values="shap", sort=False, observed=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    small = wide[list(COLUMNS)].round(SHAP_DIGITS).astype(np.float32)  # few distinct values, hence a small file
    with replacing(path) as unfinished:
        small.reset_index().to_parquet(unfinished, index=False, compression="zstd")


def read_shap(path: Path) -> pd.DataFrame:
    """The table that ``write_shap`` stored. Raises ModelError when it is missing or is no such table."""
    try:
        wide = pd.read_parquet(path)
        table = wide.melt(["row", "emotion"], list(COLUMNS), var_name="feature", value_name="shap")
    except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are ValueErrors
        raise ModelError(f"The stored explanations {path.name} cannot be read: train the models again.") from error
    table["emotion"] = pd.Categorical(table["emotion"], categories=EMOTIONS)
    table["feature"] = pd.Categorical(table["feature"], categories=COLUMNS)
    return table.sort_values(["row", "emotion", "feature"], ignore_index=True)


def importance(shap: pd.DataFrame, *, by: str = "feature", per_emotion: bool = False) -> pd.DataFrame:
    """Mean absolute contribution to a probability, largest first.

    shap : columns row (or clip), emotion, feature, shap.
    by : "feature", or "group" for dynamics, rhythm, timbre and tonality (contributions of a clip are summed within
        the group first, so that two features that cancel count as nothing).
    Returns columns feature or group, [emotion,] importance, share (of the total, per emotion where asked).
    """
    clip = "row" if "row" in shap.columns else "clip"
    table = shap
    if by == "group":
        chapter = shap["feature"].map({c: f.group.split(":")[0] for c, f in BY_COLUMN.items()}).astype(str)
        table = (
            shap.assign(group=chapter).groupby([clip, "emotion", "group"], observed=True)["shap"].sum().reset_index()
        )
    elif by != "feature":
        raise ModelError(f"Importance is by 'feature' or by 'group', not by {by!r}.")
    keys = ["emotion", by] if per_emotion else [by]
    mean = table.assign(importance=table["shap"].abs().astype(float)).groupby(keys, observed=True)["importance"].mean()
    result = mean.reset_index().sort_values("importance", ascending=False, ignore_index=True)
    total = result.groupby("emotion", observed=True)["importance"].transform("sum") if per_emotion else mean.sum()
    return result.assign(share=result["importance"] / total)


def interaction(
    model: Model, X: pd.DataFrame, first: str, second: str, *, others: int = 8, seed: int = 0
) -> pd.DataFrame:
    """How much two features say together beyond what each says alone, for each clip and emotion.

    Second difference of the probabilities when the clip's values of the two features are put, one, the other and
    both, into ``others`` randomly chosen clips of X: zero where the two simply add up.
    Returns columns row, emotion, first, second (the values of the two features), interaction.
    """
    rng = np.random.default_rng(seed)
    values, a, b = _values(X), COLUMNS.index(first), COLUMNS.index(second)
    host = values[rng.integers(len(values), size=(len(values), others))]  # (n, others, 50)
    cells = []
    for put in ((a, b), (a,), (b,), ()):
        rows = host.copy()
        for k in put:
            rows[:, :, k] = values[:, None, k]
        cells.append(rows.reshape(-1, len(COLUMNS)))
    proba = _function(base_model(model.pipeline), model.classes)
    both, only_a, only_b, none = (_in_chunks(proba, c).reshape(len(values), others, -1).mean(axis=1) for c in cells)
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
