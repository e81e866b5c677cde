"""Is a clip like the music that the model knows? And where does each of its values stand among the four emotions?

All from summaries that travel with the model (quantiles, means, correlations), so that no row of the table is needed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import ModelError
from core.schema import BY_COLUMN, COLUMNS, EMOTIONS, FeatureVector

LEVELS = np.linspace(0, 1, 21)  # quantiles that are stored for each feature, overall and for each emotion
USUAL = (LEVELS[1], LEVELS[-2])  # 5 % and 95 %: what lies between is called usual
FALSE_ALARMS = 0.03  # share of the training music itself, held out, that the two limits together let ring
MOST_MISSING = 10  # of 50 features; a clip that lacks more cannot be compared
FOLDS = 5
ALL = "all"


@dataclass(frozen=True, eq=False)
class Reference:
    """Summary of the training music.

    used : columns that are compared, m of them; details of how the table was made may be left out.
    logged : shape (m,), bool; these are compared by their logarithm, not below ``floor`` (shape (m,)).
    mean, sd : shape (m,), after the logarithm.  correlation : shape (m, m), shrunk.
    quantiles : "all" or an emotion -> shape (50, 21), the features' quantiles at ``LEVELS`` in schema order.
    distances : shape (21,), quantiles at ``LEVELS`` of the distance of held-out training clips.
    feature_limit : standard deviations from which one feature is off.  distance_limit : distance that is too far.
    clips : number of training clips.  false_alarms : share of held-out training clips that are called unlike.
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


@dataclass(frozen=True, eq=False)
class Unlike:
    """Whether a clip is unlike the training music, and in what.

    flag : forces review.  reasons : why, one phrase each; empty when the flag is not raised.
    features : all compared features, furthest first: feature, value, low, high (90 % of the training music is between),
        deviation (standard deviations from its mean, of logarithms where ``logged``), off (bool).
    distance : of all features together, allowing for how they go together; 1 is usual.
    percentile : share of the training music (held out) that is nearer, in percent.  missing : features not measured.
    """

    flag: bool
    reasons: tuple[str, ...]
    features: pd.DataFrame
    distance: float
    percentile: float
    missing: int


def make_reference(
    X: pd.DataFrame, y: Sequence[str], groups: Sequence[int], *, ignore: Sequence[str] = (), seed: int = 0
) -> Reference:
    """Learn the summary and the limits.

    X : training clips, columns of the schema.  y : emotions.  groups : copies of one recording share a number.
    ignore : columns that are not compared.
    The limits are those that ``FALSE_ALARMS`` of the clips exceed when each is compared with the rest (grouped
    folds), half of the alarms from single features and half from the distance where the two do not coincide.
    ``false_alarms`` is measured once more outside: limits learned on four fifths, asked on the last.
    """
    frame, labels, of_group = X[list(COLUMNS)].astype(float), np.asarray(y), np.asarray(groups)
    used = tuple(c for c in COLUMNS if c not in ignore)
    alarms = []
    for train, test in _folds(labels, of_group, seed):
        inner = frame.iloc[train][list(used)].to_numpy()
        limits = _limits(inner, labels[train], of_group[train], used, seed)[0]
        fitted = _fit(inner, used)
        furthest, distance = _extremes(fitted, frame.iloc[test][list(used)].to_numpy())
        alarms.append((furthest > limits[0]) | (distance > limits[1]))
    values = frame[list(used)].to_numpy()
    (feature_limit, distance_limit), distances = _limits(values, labels, of_group, used, seed)
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
    )


_Fitted = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _folds(labels: np.ndarray, groups: np.ndarray, seed: int):  # type: ignore[no-untyped-def]
    from sklearn.model_selection import StratifiedGroupKFold

    return StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(labels, labels, groups)


def _fit(values: np.ndarray, used: Sequence[str]) -> _Fitted:
    """Logged columns, their floors, means, standard deviations and shrunk correlations (Ledoit & Wolf 2004)."""
    from scipy.stats import skew
    from sklearn.covariance import ledoit_wolf

    positive = (np.nanmin(values, axis=0) > 0) & np.array([BY_COLUMN[c].low >= 0 for c in used])
    floor = np.where(positive, np.nanmin(values, axis=0) / 10, 0.0)  # a zero is far away, not infinitely
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
    """Deviations in standard deviations, shape (n, m); NaN where a feature is not measured."""
    logged, floor, mean, sd, _ = fitted
    scaled = np.where(logged, np.log(np.maximum(values, np.where(logged, floor, 1))), values)
    return (scaled - mean) / sd


def deviations(values: np.ndarray, reference: Reference) -> np.ndarray:
    """Deviations from the training music in its standard deviations, shape (n, m), columns ``reference.used``.

    values : shape (n, 50), features in schema order.  Logarithms are taken where the reference does; NaN stays NaN.
    """
    used = [COLUMNS.index(c) for c in reference.used]
    fitted = (reference.logged, reference.floor, reference.mean, reference.sd, reference.correlation)
    return _z(fitted, values[:, used])


def _distance(z: np.ndarray, correlation: np.ndarray) -> float:
    """Mahalanobis distance over the root of the number of features measured."""
    known = ~np.isnan(z)
    if not known.any():
        return np.nan
    at = z[known]
    return float(np.sqrt(at @ np.linalg.solve(correlation[np.ix_(known, known)], at) / known.sum()))


def _extremes(fitted: _Fitted, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest absolute deviation and distance of each row."""
    z = _z(fitted, values)
    return np.abs(np.nan_to_num(z)).max(axis=1), np.array([_distance(row, fitted[-1]) for row in z])


def _limits(
    values: np.ndarray, labels: np.ndarray, groups: np.ndarray, used: Sequence[str], seed: int
) -> tuple[tuple[float, float], np.ndarray]:
    """Limits that ``FALSE_ALARMS`` of the held-out rows exceed in one or both, and the held-out distances."""
    furthest, distance = np.empty(len(values)), np.empty(len(values))
    for train, test in _folds(labels, groups, seed):
        furthest[test], distance[test] = _extremes(_fit(values[train], used), values[test])
    rank = np.maximum(pd.Series(furthest).rank(pct=True), pd.Series(distance).rank(pct=True))
    level = float(np.quantile(rank, 1 - FALSE_ALARMS))
    return (float(np.quantile(furthest, level)), float(np.quantile(distance, level))), distance


def unlike(vector: FeatureVector, reference: Reference) -> Unlike:
    """Compare a clip with the training music: is a feature, or how the features go together, beyond the limits?

    Features that are not measured (NaN) are left out of the comparison; with more than ``MOST_MISSING`` of them the
    flag is raised.
    """
    used = [COLUMNS.index(c) for c in reference.used]
    values = vector.values[used]
    fitted = (reference.logged, reference.floor, reference.mean, reference.sd, reference.correlation)
    z = _z(fitted, values[None])[0]
    low, high = reference.quantiles[ALL][used][:, 1], reference.quantiles[ALL][used][:, -2]  # at the levels ``USUAL``
    off = np.abs(np.nan_to_num(z)) > reference.feature_limit
    order = np.argsort(-np.abs(z), kind="stable")  # furthest first, NaN last
    columns = {"value": values, "low": low, "high": high, "deviation": z, "off": off}
    features = pd.DataFrame(
        {"feature": [reference.used[k] for k in order], **{name: column[order] for name, column in columns.items()}}
    )
    distance, missing = _distance(z, reference.correlation), int(np.isnan(vector.values).sum())
    far = distance > reference.distance_limit
    reasons = [_phrase(reference.used[k], values[k], low[k], high[k], above=z[k] > 0) for k in order if off[k]]
    if far and not reasons:
        nearest = [BY_COLUMN[reference.used[k]].name for k in order[:3]]
        reasons.append(f"its features together are unusual, first {', '.join(nearest[:2])} and {nearest[2]}")
    if missing > MOST_MISSING:
        reasons.append(f"{missing} of the 50 features could not be measured")
    percentile = float(np.interp(distance, reference.distances, 100 * LEVELS)) if not np.isnan(distance) else np.nan
    return Unlike(bool(reasons), tuple(reasons), features, distance, percentile, missing)


def _phrase(column: str, value: float, low: float, high: float, *, above: bool) -> str:
    feature, side = BY_COLUMN[column], "above" if above else "below"
    unit = "" if feature.unit in ("1", "ratio") else f" {feature.unit}"
    return f"{feature.name} is {_number(value)}{unit}, {side} the usual {_number(low)} to {_number(high)}"


def _number(value: float) -> str:
    """Three digits, without an exponent where a person would not write one."""
    return f"{value:.0f}" if 100 <= abs(value) < 1e6 else f"{value:.3g}"


def place(vector: FeatureVector, reference: Reference) -> pd.DataFrame:
    """Where each value stands in the training music.

    Returns one row a feature in schema order: feature, value, all, angry, happy, relax, sad: the percentage of these
    clips with a lower value (equal ones count half), in [0, 100]; NaN where the value is.
    """
    table = pd.DataFrame({"feature": COLUMNS, "value": vector.values})
    for name in (ALL, *EMOTIONS):
        table[name] = [_percentile(v, q) for v, q in zip(vector.values, reference.quantiles[name], strict=True)]
    return table


def _percentile(value: float, quantiles: np.ndarray) -> float:
    """Middle of the percentages that a value has among quantiles; equal quantiles are ties."""
    if np.isnan(value) or np.isnan(quantiles).any():
        return np.nan
    below, upto = np.searchsorted(quantiles, value, "left"), np.searchsorted(quantiles, value, "right")
    if upto > below:  # on a quantile, or on several that are equal
        return float(50 * (LEVELS[below] + LEVELS[upto - 1]))
    return float(np.interp(value, quantiles, 100 * LEVELS))


def nearest(vector: FeatureVector, reference: Reference, table: pd.DataFrame, *, count: int = 5) -> pd.DataFrame:
    """The training clips that are most like this one, nearest first.

    table : the published table (its index is the row number); equal columns as in the schema.
    Returns the table's rows with a first column ``distance``: root mean square difference in standard deviations.
    """
    fitted = (reference.logged, reference.floor, reference.mean, reference.sd, reference.correlation)
    used = list(reference.used)
    away = _z(fitted, table[used].to_numpy(dtype=float)) - _z(fitted, vector.row()[used].to_numpy())
    distance = pd.Series(np.sqrt(np.nanmean(away**2, axis=1)), index=table.index, name="distance")
    nearest_rows = distance.sort_values(kind="stable").index[:count]
    return pd.concat([distance, table], axis=1).loc[nearest_rows]


def reference_json(reference: Reference) -> bytes:
    """The summary as JSON, numbers to six digits."""

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
    """The summary that ``reference_json`` made. Raises ModelError when it is missing, damaged or does not fit."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        arrays = {k: np.array(known[k]) for k in ("logged", "floor", "mean", "sd", "correlation", "distances")}
        quantiles = {name: np.array(known["quantiles"][name], dtype=float) for name in (ALL, *EMOTIONS)}
        fitted = Reference(**{**known, **arrays, "used": tuple(known["used"]), "quantiles": quantiles})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"The summary of the training music {path.name} cannot be read: train again.") from error
    m = len(fitted.used)
    shapes = {a.shape for a in fitted.quantiles.values()}
    if not set(fitted.used) <= set(COLUMNS) or fitted.correlation.shape != (m, m) or shapes != {(50, len(LEVELS))}:
        raise ModelError(f"The summary of the training music {path.name} does not fit the 50 features: train again.")
    return fitted
