"""Compare a clip with the training music: outlier check, and percentile ranks of its features for each emotion.

The comparison uses summaries stored with the model (quantiles, means, correlations). It needs no row of the table.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import ModelError
from core.schema import BY_COLUMN, COLUMNS, EMOTIONS, GAIN_POWER, RMS, ROUGHNESS, FeatureVector

LEVELS = np.linspace(0, 1, 21)  # quantiles stored for each feature, overall and for each emotion
USUAL = (LEVELS[1], LEVELS[-2])  # 5 % and 95 %: values between these quantiles are called usual
FALSE_ALARMS = 0.03  # share of held-out training clips that the two limits together flag as outliers
MOST_MISSING = 10  # of 50 features; a clip with more missing features cannot be compared
FOLDS = 5
ALL = "all"


@dataclass(frozen=True, eq=False)
class Reference:
    """Summary of the training music.

    Attributes
    ----------
    used : the m compared columns; columns that depend on how the published table was made can be ignored.
    logged : shape (m,), bool: these columns are compared on a log scale.
    floor : shape (m,), lowest value before the logarithm.
    mean, sd : shape (m,), after the logarithm.
    correlation : shape (m, m), shrunk.
    quantiles : "all" or an emotion -> shape (50, 21), quantiles of the features at ``LEVELS``, in schema order.
    distances : shape (21,), quantiles at ``LEVELS`` of the distances of held-out training clips.
    feature_limit : largest usual deviation of one feature, in standard deviations.
    distance_limit : largest usual distance.
    clips : number of training clips.
    false_alarms : share of held-out training clips that are flagged as outliers.
    level : usual RMS energy. Clips are compared as if they had this level: roughness is converted to it, and the
        outlier check ignores RMS energy. None (models of version 0.2): clips are compared as measured.
    usual : shape (m, 2), 5 % and 95 % quantiles of the compared columns; None: those of ``quantiles``.
    """

    used: tuple[str, ...]
    logged: np.ndarray
    floor: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    correlation: np.ndarray
    quantiles: dict[str, np.ndarray]
    distances: np.ndarray
    feature_limit: float
    distance_limit: float
    clips: int
    false_alarms: float
    level: float | None = None
    usual: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class OutlierCheck:
    """Result of the outlier check of one clip.

    Attributes
    ----------
    flag : True when the clip is unlike the training music. The flag forces a review.
    reasons : one phrase for each reason; empty when the flag is False.
    features : all compared features, largest deviation first: feature, value, low, high (90 % of the training music is
        between them), deviation (standard deviations from the mean, on the log scale where ``logged``), off (bool).
    distance : scaled Mahalanobis distance of all features together; 1 is usual.
    percentile : percentage of held-out training clips with a smaller distance.
    missing : number of features that were not measured.
    """

    flag: bool
    reasons: tuple[str, ...]
    features: pd.DataFrame
    distance: float
    percentile: float
    missing: int


def make_reference(
    X: pd.DataFrame,
    y: Sequence[str],
    groups: Sequence[int],
    *,
    ignore: Sequence[str] = (),
    level_free: bool = True,
    seed: int = 0,
) -> Reference:
    """Learn the summary and the limits of the outlier check.

    The limits come from grouped cross-validation: ``FALSE_ALARMS`` of the held-out clips exceed one of them, and both
    are quantiles at the same level. ``false_alarms`` comes from an outer cross-validation: the limits are learned on
    four fifths of the clips and tested on the last fifth.

    Parameters
    ----------
    X : training clips, columns of the schema.
    y : emotion of each clip.
    groups : number of the recording of each clip; copies of one recording share a number.
    ignore : columns that are not compared.
    level_free : compare clips as if they all had the same level.
    """
    frame, labels, of_group = X[list(COLUMNS)].astype(float), np.asarray(y), np.asarray(groups)
    used = tuple(c for c in COLUMNS if c not in ignore)
    level = float(np.nanmedian(frame[RMS])) if level_free and {RMS, ROUGHNESS} <= set(used) else None
    values = _at_level(frame[list(used)].to_numpy(), used, level)
    ignored = _ignored(used, level)
    alarms = []
    for train, test in _folds(labels, of_group, seed):
        limits = _limits(values[train], labels[train], of_group[train], used, ignored, seed)[0]
        fitted = _fit(values[train], used)
        furthest, distance = _extremes(fitted, values[test], ignored)
        alarms.append((furthest > limits[0]) | (distance > limits[1]))
    (feature_limit, distance_limit), distances = _limits(values, labels, of_group, used, ignored, seed)
    logged, floor, mean, sd, correlation = _fit(values, used)
    parts = {ALL: frame} | {e: frame[labels == e] for e in EMOTIONS}
    return Reference(
        used=used,
        logged=logged,
        floor=floor,
        mean=mean,
        sd=sd,
        correlation=correlation,
        quantiles={name: np.nanquantile(part.to_numpy(), LEVELS, axis=0).T for name, part in parts.items()},
        distances=np.quantile(distances, LEVELS),
        feature_limit=feature_limit,
        distance_limit=distance_limit,
        clips=len(frame),
        false_alarms=float(np.concatenate(alarms).mean()),
        level=level,
        usual=np.nanquantile(values, USUAL, axis=0).T,
    )


def _at_level(values: np.ndarray, used: Sequence[str], level: float | None) -> np.ndarray:
    """Values of the columns ``used`` with the roughness that each clip would have at this level; shape (n, m)."""
    if level is None:
        return values
    rough, rms = used.index(ROUGHNESS), values[:, used.index(RMS)]
    changed = values.copy()
    with np.errstate(divide="ignore"):
        gain = np.where(rms > 0, level / rms, np.nan)
    changed[:, rough] = values[:, rough] * gain ** GAIN_POWER[ROUGHNESS]
    return changed


def _ignored(used: Sequence[str], level: float | None) -> np.ndarray:
    """Columns that the outlier check ignores: RMS energy, if clips are compared at one level. Shape (m,), bool.

    Fluctuation is not ignored, because it detects speech. A change of level by 20 dB moves it by 0.1 standard
    deviations in music.
    """
    return np.array([level is not None and c == RMS for c in used])


_Fitted = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _folds(labels: np.ndarray, groups: np.ndarray, seed: int):  # type: ignore[no-untyped-def]
    from sklearn.model_selection import StratifiedGroupKFold

    return StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(labels, labels, groups)


def _fit(values: np.ndarray, used: Sequence[str]) -> _Fitted:
    """Logged columns, their floors, means, standard deviations and shrunk correlations (Ledoit & Wolf 2004)."""
    from scipy.stats import skew
    from sklearn.covariance import ledoit_wolf

    positive = (np.nanmin(values, axis=0) > 0) & np.array([BY_COLUMN[c].low >= 0 for c in used])
    floor = np.where(positive, np.nanmin(values, axis=0) / 10, 0.0)  # so that a zero is far away, but not infinitely
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(values)
    skewed = np.abs(skew(values, nan_policy="omit")) > np.abs(skew(np.where(positive, logs, values), nan_policy="omit"))
    logged = positive & np.asarray(skewed)
    scaled = np.where(logged, np.log(np.maximum(values, np.where(logged, floor, 1))), values)
    mean, sd = np.nanmean(scaled, axis=0), np.nanstd(scaled, axis=0)
    sd = np.where(sd > 0, sd, 1.0)
    z = np.nan_to_num((scaled - mean) / sd)
    covariance, _ = ledoit_wolf(z)
    return logged, floor, mean, sd, covariance


def _z(fitted: _Fitted, values: np.ndarray) -> np.ndarray:
    """Deviations in standard deviations, shape (n, m); NaN for a missing feature."""
    logged, floor, mean, sd, _ = fitted
    scaled = np.where(logged, np.log(np.maximum(values, np.where(logged, floor, 1))), values)
    return (scaled - mean) / sd


def deviations(values: np.ndarray, reference: Reference) -> np.ndarray:
    """Deviations from the training music in its standard deviations, shape (n, m), columns ``reference.used``.

    values : shape (n, 50), features in schema order. The log scale is used where the reference uses it; NaN stays NaN.
    """
    return _z(_fitted(reference), _compared(values, reference))


def _compared(values: np.ndarray, reference: Reference) -> np.ndarray:
    """Features in schema order, shape (n, 50), to the compared columns, shape (n, m)."""
    used = [COLUMNS.index(c) for c in reference.used]
    return _at_level(values[:, used], reference.used, reference.level)


def _fitted(reference: Reference) -> _Fitted:
    return reference.logged, reference.floor, reference.mean, reference.sd, reference.correlation


def _distance(z: np.ndarray, correlation: np.ndarray) -> float:
    """Mahalanobis distance, divided by the square root of the number of measured features."""
    known = ~np.isnan(z)
    if not known.any():
        return np.nan
    at = z[known]
    return float(np.sqrt(at @ np.linalg.solve(correlation[np.ix_(known, known)], at) / known.sum()))


def _extremes(fitted: _Fitted, values: np.ndarray, ignored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest absolute deviation and distance of each row."""
    z = np.where(ignored, np.nan, _z(fitted, values))
    return np.abs(np.nan_to_num(z)).max(axis=1), np.array([_distance(row, fitted[-1]) for row in z])


def _limits(
    values: np.ndarray, labels: np.ndarray, groups: np.ndarray, used: Sequence[str], ignored: np.ndarray, seed: int
) -> tuple[tuple[float, float], np.ndarray]:
    """Limits of deviation and distance (``FALSE_ALARMS`` of the held-out rows exceed one), and held-out distances."""
    furthest, distance = np.empty(len(values)), np.empty(len(values))
    for train, test in _folds(labels, groups, seed):
        furthest[test], distance[test] = _extremes(_fit(values[train], used), values[test], ignored)
    rank = np.maximum(pd.Series(furthest).rank(pct=True), pd.Series(distance).rank(pct=True))
    level = float(np.quantile(rank, 1 - FALSE_ALARMS))
    return (float(np.quantile(furthest, level)), float(np.quantile(distance, level))), distance


def check_outlier(vector: FeatureVector, reference: Reference) -> OutlierCheck:
    """Check whether a clip is unlike the training music, in single features or in their combination.

    Missing features (NaN) are ignored. A clip with more than ``MOST_MISSING`` missing features is flagged.
    """
    values = _compared(vector.values[None], reference)[0]
    ignored = _ignored(reference.used, reference.level)
    z = np.where(ignored, np.nan, _z(_fitted(reference), values[None])[0])
    low, high = _usual(reference).T
    off = np.abs(np.nan_to_num(z)) > reference.feature_limit
    order = np.argsort(-np.abs(z), kind="stable")  # furthest first, NaN last
    order = order[~ignored[order]]
    columns = {"value": values, "low": low, "high": high, "deviation": z, "off": off}
    features = pd.DataFrame(
        {"feature": [reference.used[k] for k in order], **{name: column[order] for name, column in columns.items()}}
    )
    distance, missing = _distance(z, reference.correlation), int(np.isnan(vector.values).sum())
    far = distance > reference.distance_limit
    level = reference.level
    reasons = [_phrase(reference.used[k], values[k], (low[k], high[k]), z[k] > 0, level) for k in order if off[k]]
    if far and not reasons:
        names = [BY_COLUMN[reference.used[k]].name for k in order[:3]]
        reasons.append(f"the combination of its features is unusual, mainly {', '.join(names[:2])} and {names[2]}")
    if missing > MOST_MISSING:
        reasons.append(f"{missing} of the 50 features could not be measured")
    percentile = float(np.interp(distance, reference.distances, 100 * LEVELS)) if not np.isnan(distance) else np.nan
    return OutlierCheck(bool(reasons), tuple(reasons), features, distance, percentile, missing)


def unlike_rows(values: np.ndarray, reference: Reference) -> np.ndarray:
    """Return the flag of `check_outlier` for many clips, shape (n,). values : shape (n, 50), in schema order."""
    ignored = _ignored(reference.used, reference.level)
    furthest, distance = _extremes(_fitted(reference), _compared(values, reference), ignored)
    missing = np.isnan(values).sum(axis=1)
    return (
        (furthest > reference.feature_limit) | (distance > reference.distance_limit) | (missing > MOST_MISSING)
    ).astype(bool)


def _usual(reference: Reference) -> np.ndarray:
    """Quantiles ``USUAL`` of the compared columns, shape (m, 2)."""
    if reference.usual is not None:
        return reference.usual
    return reference.quantiles[ALL][[COLUMNS.index(c) for c in reference.used]][:, [1, -2]]


def _phrase(column: str, value: float, usual: tuple[float, float], above: bool, level: float | None) -> str:
    feature, side = BY_COLUMN[column], "above" if above else "below"
    unit = "" if feature.unit in ("1", "ratio") else f" {feature.unit}"
    name = f"{feature.name} at the usual level" if level is not None and column == ROUGHNESS else feature.name
    return f"{name} is {_number(value)}{unit}, {side} the usual {_number(usual[0])} to {_number(usual[1])}"


def _number(value: float) -> str:
    """Number with three digits, without an exponent between 100 and a million."""
    return f"{value:.0f}" if 100 <= abs(value) < 1e6 else f"{value:.3g}"


def percentile_ranks(vector: FeatureVector, reference: Reference) -> pd.DataFrame:
    """Percentile rank of each feature in the training music.

    Returns one row for each feature in schema order. Columns feature, value, all, angry, happy, relax, sad: the
    percentage of these training clips with a lower value (equal values count half), in [0, 100]; NaN for a missing
    value.
    """
    table = pd.DataFrame({"feature": COLUMNS, "value": vector.values})
    for name in (ALL, *EMOTIONS):
        table[name] = [_percentile(v, q) for v, q in zip(vector.values, reference.quantiles[name], strict=True)]
    return table


def _percentile(value: float, quantiles: np.ndarray) -> float:
    """Percentile rank of a value among quantiles; the middle rank when several quantiles equal the value."""
    if np.isnan(value) or np.isnan(quantiles).any():
        return np.nan
    below, upto = np.searchsorted(quantiles, value, "left"), np.searchsorted(quantiles, value, "right")
    if upto > below:  # the value equals one or several quantiles
        return float(50 * (LEVELS[below] + LEVELS[upto - 1]))
    return float(np.interp(value, quantiles, 100 * LEVELS))


def nearest_clips(vector: FeatureVector, reference: Reference, table: pd.DataFrame, *, count: int = 5) -> pd.DataFrame:
    """Training clips most similar to this clip, nearest first.

    Parameters
    ----------
    table : the published table with the columns of the schema; its index is the row number.
    count : number of clips to return.

    Returns
    -------
    Rows of the table with a first column ``distance``: root mean square difference in standard deviations.
    """
    away = deviations(table[list(COLUMNS)].to_numpy(dtype=float), reference) - deviations(
        vector.values[None], reference
    )
    away = away[:, ~_ignored(reference.used, reference.level)]
    distance = pd.Series(np.sqrt(np.nanmean(away**2, axis=1)), index=table.index, name="distance")
    nearest_rows = distance.sort_values(kind="stable").index[:count]
    return pd.concat([distance, table], axis=1).loc[nearest_rows]


def reference_json(reference: Reference) -> bytes:
    """Content of reference.json, numbers with six digits."""

    def plain(value):  # type: ignore[no-untyped-def]
        if isinstance(value, np.ndarray):
            return plain(value.tolist())
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [plain(v) for v in value]
        return float(f"{value:.6g}") if isinstance(value, float) else value

    return (json.dumps({k: plain(v) for k, v in reference.__dict__.items()}) + "\n").encode()


def read_reference(path: Path) -> Reference:
    """Read reference.json. Raises ModelError when the file is missing or damaged, or describes other features."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        arrays = {k: np.array(known[k]) for k in ("logged", "floor", "mean", "sd", "correlation", "distances")}
        quantiles = {name: np.array(known["quantiles"][name], dtype=float) for name in (ALL, *EMOTIONS)}
        usual = None if known.get("usual") is None else np.array(known["usual"], dtype=float)
        fitted = Reference(**{**known, **arrays, "used": tuple(known["used"]), "quantiles": quantiles, "usual": usual})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"The summary of the training music, {path.name}, cannot be read. Train again.") from error
    m = len(fitted.used)
    shapes = {a.shape for a in fitted.quantiles.values()}
    whole = fitted.correlation.shape == (m, m) and (fitted.usual is None or fitted.usual.shape == (m, 2))
    if not set(fitted.used) <= set(COLUMNS) or not whole or shapes != {(50, len(LEVELS))}:
        raise ModelError(f"The summary of the training music, {path.name}, describes other features. Train again.")
    return fitted
