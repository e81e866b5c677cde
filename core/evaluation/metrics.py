"""Compute figures with intervals (F1, AUC, calibration error, ...) from tables of predictions.

A *table of predictions* has one row for each clip and repeat: ``row`` (number of the clip), ``y`` (its emotion),
``p_angry``, ``p_happy``, ``p_relax``, ``p_sad`` (probabilities, sum 1), and optionally ``repeat`` (of the
cross-validation; every repeat contains every clip once) and ``group`` (clips of one recording share a number).

A figure is the mean over the repeats. Its interval is a 95 % group bootstrap: recordings are drawn with replacement,
the same recordings in every repeat. The percentiles are corrected for the bias of the bootstrap, which matters for ECE,
because extra noise increases ECE. The interval describes the variation with other clips of the same kind; models are
not fitted again.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from core.errors import TableError
from core.schema import ALL, EMOTIONS, PROBA

BINS = 15  # reliability bins, of equal width or equal count
RESAMPLES = 1000
SIMULATIONS = 200
LEVEL = 0.95
PER_EMOTION = ("f1", "precision", "recall", "auc", "support")

Figures = dict[tuple[str, str], np.ndarray]  # (measure, emotion) -> one value for each resample


@dataclass(frozen=True, eq=False)
class Predictions:
    """A table of predictions as arrays.

    y, group : shape (n,), codes.  proba : shape (repeats, n, 4).  rows : shape (n,).
    """

    rows: np.ndarray
    y: np.ndarray
    group: np.ndarray
    proba: np.ndarray


def as_arrays(predictions: pd.DataFrame) -> Predictions:
    """Validate a table of predictions and convert it to arrays. Raises TableError when it is invalid."""
    missing = [c for c in ("row", "y", *PROBA) if c not in predictions.columns]
    if missing or predictions.empty:
        raise TableError(f"A table of predictions needs rows and the column {missing[0] if missing else 'row'}.")
    table = predictions.assign(repeat=predictions["repeat"] if "repeat" in predictions.columns else 0)
    table = table.sort_values(["repeat", "row"], kind="stable")
    repeats = table["repeat"].nunique()
    rows = table["row"].to_numpy().reshape(-1)
    n = len(rows) // repeats
    if n * repeats != len(rows) or (rows.reshape(repeats, n) != rows[:n]).any() or len(set(rows[:n])) != n:
        raise TableError("Every repeat of a table of predictions must contain every clip exactly once.")
    proba = table[list(PROBA)].to_numpy(dtype=float).reshape(repeats, n, len(EMOTIONS))
    if not np.isfinite(proba).all() or np.abs(proba.sum(axis=2) - 1).max() > 1e-3:
        raise TableError("The probabilities of every prediction must be finite and sum to 1.")
    y = pd.Index(EMOTIONS).get_indexer(pd.Index(table["y"].iloc[:n]))  # -1: no emotion
    if (y < 0).any():
        raise TableError(f"The emotion in column y must be one of {', '.join(EMOTIONS)}.")
    group = table["group"].to_numpy()[:n] if "group" in table.columns else rows[:n]
    return Predictions(rows[:n], y, pd.factorize(group)[0], proba / proba.sum(axis=2, keepdims=True))


def divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a / b, and 0 where b is 0: the convention for precision and recall of an absent class."""
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b != 0)


def _bin_error(bins: np.ndarray, confidence: np.ndarray, right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Expected calibration error for each row of weights, shape (b, n); bins, confidence, right : of each clip."""
    members = np.eye(bins.max() + 1)[bins] * (confidence - right)[:, None]
    return np.abs(weights @ members).sum(axis=1) / weights.sum(axis=1)


def bin_errors(confidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Expected calibration error for each row of answers, shape (b,), in bins of equal width.

    confidence : shape (n,), highest probability of each clip.  right : shape (b, n), bool.
    """
    bins = _bins(confidence, adaptive=False)
    sums = (confidence - right) @ np.eye(bins.max() + 1)[bins]
    return np.asarray(np.abs(sums).sum(axis=1) / len(confidence))


def _bins(confidence: np.ndarray, *, adaptive: bool) -> np.ndarray:
    """Bin of each clip: equal width over [0, 1], or equal count (adaptive)."""
    if adaptive:
        order = np.argsort(np.argsort(confidence, kind="stable"), kind="stable")
        return order * min(BINS, len(order)) // len(order)
    return np.minimum((confidence * BINS).astype(int), BINS - 1)


def _measure(y: np.ndarray, proba: np.ndarray, weights: np.ndarray) -> Figures:
    """All figures of one repeat for each row of weights; each value has shape (b,).

    y : (n,) codes.  proba : (n, 4).  weights : (b, n), number of times that each clip counts.
    Matrix products replace calls of sklearn.metrics: 1000 resamples of ten repeats take half a second instead of
    minutes. The tests compare every figure with sklearn's.
    """
    k, n = len(EMOTIONS), len(y)
    truth, guess = np.eye(k)[y], proba.argmax(axis=1)
    total = weights.sum(axis=1)
    confusion = (weights @ np.eye(k * k)[y * k + guess]).reshape(-1, k, k)
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    support, called = confusion.sum(axis=2), confusion.sum(axis=1)
    precision, recall, f1 = divide(hits, called), divide(hits, support), divide(2 * hits, called + support)
    auc = np.empty_like(f1)
    for c in range(k):
        inside, outside = proba[y == c, c], proba[y != c, c]
        wins = (inside[:, None] > outside) + 0.5 * (inside[:, None] == outside)
        pairs = support[:, c] * (total - support[:, c])
        won = ((weights[:, y == c] @ wins) * weights[:, y != c]).sum(axis=1)
        auc[:, c] = np.where(pairs > 0, divide(won, pairs), np.nan)
    own = proba[np.arange(n), y]
    confidence, right = proba.max(axis=1), (guess == y).astype(float)
    second = (np.argsort(np.argsort(-proba, axis=1, kind="stable"), axis=1)[np.arange(n), y] < 2).astype(float)
    per_clip = {
        "top2": second,
        "log_loss": -np.log(np.clip(own, np.finfo(float).eps, 1)),
        "brier": ((proba - truth) ** 2).sum(axis=1),
    }
    figures: Figures = {
        ("accuracy", ALL): hits.sum(axis=1) / total,
        ("macro_f1", ALL): f1.mean(axis=1),
        ("weighted_f1", ALL): (f1 * support).sum(axis=1) / total,
        ("macro_precision", ALL): precision.mean(axis=1),
        ("macro_recall", ALL): recall.mean(axis=1),
        ("macro_auc", ALL): auc.mean(axis=1),
        **{(name, ALL): weights @ values / total for name, values in per_clip.items()},
        ("ece", ALL): _bin_error(_bins(confidence, adaptive=False), confidence, right, weights),
        ("ece_adaptive", ALL): _bin_error(_bins(confidence, adaptive=True), confidence, right, weights),
        ("class_gap", ALL): f1.max(axis=1) - f1.min(axis=1),
    }
    for name, values in zip(PER_EMOTION, (f1, precision, recall, auc, support), strict=True):
        figures |= {(name, emotion): values[:, c] for c, emotion in enumerate(EMOTIONS)}
    return figures


def _over_repeats(predictions: Predictions, weights: np.ndarray) -> Figures:
    each = [_measure(predictions.y, proba, weights) for proba in predictions.proba]
    return {key: np.mean([figures[key] for figures in each], axis=0) for key in each[0]}


def _draws(group: np.ndarray, *, resamples: int, seed: int) -> np.ndarray:
    """Number of times that each clip counts in each resample of whole recordings, shape (resamples, n)."""
    groups = group.max() + 1
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(groups, np.full(groups, 1 / groups), size=resamples)
    return counts[:, group].astype(float)


def share_interval(hits: float, of: float) -> tuple[float, float]:
    """Wilson interval of a share from counts, at ``LEVEL``; NaN for no counts. The counts may be means of repeats.

    A bootstrap of counts that are all equal has no width: 0 of 59 would be 0 % (0 to 0 %). This interval is 0 to 6 %.
    """
    if not of > 0:
        return np.nan, np.nan
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    p, z2 = hits / of, z**2
    middle, half = p + z2 / (2 * of), z * np.sqrt(p * (1 - p) / of + z2 / (4 * of**2))
    low, high = (middle - half) / (1 + z2 / of), (middle + half) / (1 + z2 / of)
    return max(0.0, float(low)), min(1.0, float(high))


def interval(value: float, resampled: np.ndarray) -> tuple[float, float]:
    """Percentile interval of a bootstrap, corrected for its bias."""
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(resampled, [tail, 1 - tail]) - (np.nanmean(resampled) - value)
    return float(low), float(high)


def resampled(predictions: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0) -> Figures:
    """All figures in each bootstrap resample, shape (resamples,). The same seed draws the same clips."""
    p = as_arrays(predictions)
    return _over_repeats(p, _draws(p.group, resamples=resamples, seed=seed))


_SHARES = ("accuracy", "top2")
_BOUNDED = {"log_loss": (0.0, np.inf), "brier": (0.0, 2.0), "support": (0.0, np.inf)}


def scores(predictions: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """All figures with their intervals.

    Returns measure, emotion (``"all"`` for figures over all emotions), value, low, high. Brier is the sum over the four
    emotions, in [0, 2]; class_gap is the best minus the worst F1; ece uses the highest probability of each clip.

    The bootstrap has no width when all resamples are equal, for example with an accuracy of 1. Then a share of the
    clips has its Wilson interval for the number of recordings, and other figures have none (NaN).
    """
    p = as_arrays(predictions)
    values = _over_repeats(p, np.ones((1, len(p.y))))
    drawn = resampled(predictions, resamples=resamples, seed=seed) if resamples else {}
    lines = []
    for (measure, emotion), value in values.items():
        low = high = np.nan
        if resamples and measure != "support" and np.ptp(drawn[measure, emotion]) > 1e-12:  # rounding is no width
            bottom, top = _BOUNDED.get(measure, (0.0, 1.0))
            low, high = np.clip(interval(float(value[0]), drawn[measure, emotion]), bottom, top)
        elif resamples and measure in _SHARES:
            recordings = p.group.max() + 1
            low, high = share_interval(float(value[0]) * recordings, recordings)
        lines.append((measure, emotion, float(value[0]), float(low), float(high)))
    return pd.DataFrame(lines, columns=["measure", "emotion", "value", "low", "high"])


def figure(table: pd.DataFrame, measure: str, emotion: str = ALL) -> pd.Series:
    """Select one row of `scores`: value, low, high."""
    return table[(table["measure"] == measure) & (table["emotion"] == emotion)].iloc[0]


def perfect_ece(predictions: pd.DataFrame, *, simulations: int = SIMULATIONS, seed: int = 0) -> pd.DataFrame:
    """ECE of a perfectly calibrated model with these probabilities, by simulation.

    Each simulation draws one random number for each clip, which selects its label from the probabilities of every
    repeat. So the repeats share their labels, as they share the true labels, and their errors do not average out.

    Returns
    -------
    Columns measure (ece, ece_adaptive), expected (mean over the simulations) and p95 (95th percentile).
    """
    p = as_arrays(predictions)
    chosen = np.random.default_rng(seed).random((simulations, len(p.y), 1))
    drawn: dict[str, list[np.ndarray]] = {"ece": [], "ece_adaptive": []}
    for proba in p.proba:
        labels = (chosen > np.cumsum(proba, axis=1)[:, :-1]).sum(axis=2)
        confidence, right = proba.max(axis=1), labels == proba.argmax(axis=1)
        for name, values in drawn.items():
            bins = _bins(confidence, adaptive=name == "ece_adaptive")
            sums = (confidence - right) @ np.eye(bins.max() + 1)[bins]
            values.append(np.abs(sums).sum(axis=1) / len(confidence))
    means = {name: np.mean(values, axis=0) for name, values in drawn.items()}  # over the repeats, as the figure itself
    lines = [(name, float(v.mean()), float(np.quantile(v, 0.95))) for name, v in means.items()]
    return pd.DataFrame(lines, columns=["measure", "expected", "p95"])


def confusion(predictions: pd.DataFrame) -> pd.DataFrame:
    """Confusion matrix as a table: y, predicted, count (mean over repeats), share (of the clips with the emotion y)."""
    p = as_arrays(predictions)
    k = len(EMOTIONS)
    codes = p.y[None, :] * k + p.proba.argmax(axis=2)
    counts = np.bincount(codes.ravel(), minlength=k * k).reshape(k, k) / len(p.proba)
    table = pd.DataFrame(counts, index=list(EMOTIONS), columns=list(EMOTIONS)).rename_axis("y")
    long = table.reset_index().melt("y", var_name="predicted", value_name="count")
    long["share"] = long["count"] / long.groupby("y")["count"].transform("sum").replace(0, np.nan)
    return long.sort_values(["y", "predicted"], ignore_index=True)


def confusion_cell(predictions: pd.DataFrame, *, y: str, predicted: str) -> pd.DataFrame:
    """Clips in one cell of the confusion matrix, most confident first.

    Returns row, share (of the repeats with the clip in this cell) and the mean p_*.
    """
    p = as_arrays(predictions)
    inside = p.proba.argmax(axis=2) == EMOTIONS.index(predicted)
    table = pd.DataFrame({"row": p.rows, "share": inside.mean(axis=0)})
    table[list(PROBA)] = p.proba.mean(axis=0)
    chosen = table[(p.y == EMOTIONS.index(y)) & (table["share"] > 0)]
    return chosen.sort_values(["share", f"p_{predicted}", "row"], ascending=[False, False, True], ignore_index=True)


def reliability(predictions: pd.DataFrame, *, adaptive: bool = False) -> pd.DataFrame:
    """Reliability diagram: accuracy for each bin of confidence, without empty bins.

    Returns bin, count (clips in a repeat), confidence (mean), accuracy, and low, high (Wilson interval of the accuracy
    at this count).
    """
    p = as_arrays(predictions)
    confidence = p.proba.max(axis=2)
    bins = np.array([_bins(c, adaptive=adaptive) for c in confidence])
    lines = pd.DataFrame(
        {
            "bin": bins.ravel(),
            "confidence": confidence.ravel(),
            "accuracy": (p.proba.argmax(axis=2) == p.y).ravel().astype(float),
        }
    )
    table = lines.groupby("bin").agg(
        count=("accuracy", "size"), confidence=("confidence", "mean"), accuracy=("accuracy", "mean")
    )
    table["count"] /= len(p.proba)
    ends = [share_interval(s * n, n) for s, n in zip(table["accuracy"], table["count"], strict=True)]
    table["low"], table["high"] = np.array(ends).T
    return table.reset_index()


def risk_coverage(predictions: pd.DataFrame, *, thresholds: np.ndarray | None = None) -> pd.DataFrame:
    """Coverage and accuracy for thresholds on the highest probability.

    thresholds : default 0.25 to 1.00 in steps of 0.01.
    Returns threshold, coverage (share of clips with an answer), accuracy (of these answers), top2_rest (share of the
    clips without an answer whose emotion is one of the two most probable); NaN when there are no such clips.
    """
    p = as_arrays(predictions)
    thresholds = np.round(np.arange(0.25, 1.001, 0.01), 2) if thresholds is None else np.asarray(thresholds)
    order = np.argsort(np.argsort(-p.proba, axis=2, kind="stable"), axis=2)
    rank = np.take_along_axis(order, np.broadcast_to(p.y[None, :, None], (*order.shape[:2], 1)), axis=2)[..., 0]
    sure = p.proba.max(axis=2)[..., None] >= thresholds
    accepted, rest = sure.sum(axis=(0, 1)), (~sure).sum(axis=(0, 1))
    right, second = (sure & (rank == 0)[..., None]).sum(axis=(0, 1)), (~sure & (rank < 2)[..., None]).sum(axis=(0, 1))
    return pd.DataFrame(
        {
            "threshold": thresholds,
            "coverage": sure.mean(axis=(0, 1)),
            "accuracy": np.where(accepted > 0, right / np.maximum(accepted, 1), np.nan),
            "top2_rest": np.where(rest > 0, second / np.maximum(rest, 1), np.nan),
        }
    )


def roc(predictions: pd.DataFrame, *, points: int = 101) -> pd.DataFrame:
    """ROC curve of each emotion, mean over the repeats: emotion, false_positive_rate, true_positive_rate."""
    from sklearn.metrics import roc_curve

    p, grid, tables = as_arrays(predictions), np.linspace(0, 1, points), []
    for c, emotion in enumerate(EMOTIONS):
        curves = []
        for proba in p.proba:
            false, true, _ = roc_curve(p.y == c, proba[:, c])
            curves.append(np.interp(grid, false, true))
        curve = np.mean(curves, axis=0)
        curve[0] = 0.0
        tables.append(pd.DataFrame({"emotion": emotion, "false_positive_rate": grid, "true_positive_rate": curve}))
    return pd.concat(tables, ignore_index=True)


def precision_recall(predictions: pd.DataFrame, *, points: int = 101) -> pd.DataFrame:
    """Precision-recall curve of each emotion, mean over the repeats: emotion, recall, precision.

    The precision is the highest precision at this recall or above.
    """
    from sklearn.metrics import precision_recall_curve

    p, grid, tables = as_arrays(predictions), np.linspace(0, 1, points), []
    for c, emotion in enumerate(EMOTIONS):
        curves = []
        for proba in p.proba:
            precision, recall, _ = precision_recall_curve(p.y == c, proba[:, c])
            best = np.maximum.accumulate(precision)  # recall falls along the curve
            curves.append(best[np.searchsorted(-recall, -grid, side="right") - 1])
        tables.append(pd.DataFrame({"emotion": emotion, "recall": grid, "precision": np.mean(curves, axis=0)}))
    return pd.concat(tables, ignore_index=True)
