"""Compare a person's own recordings with the published table: where they are, what is out of range, and how far."""

import numpy as np
import pandas as pd

from core.dataset.cleaning import robust_z
from core.dataset.exploration import Projection, project
from core.dataset.post_hoc import cliffs_delta
from core.errors import TableError
from core.schema import COLUMNS, FEATURES

OWN, PUBLISHED = "own recordings", "published table"
LEAST = 3  # known values that a feature needs on both sides to be compared


def compare_features(own: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Compare each feature of the own rows with the published rows, the largest difference first.

    Returns
    -------
    pd.DataFrame
        Columns feature, unit, n_own, n_published, median_own, median_published; percentile (share of the published
        values below the own median, in [0, 1]); low and high (the range of the published values); out (share of the own
        values outside this range); farthest (largest distance of an own value from this range, in standard deviations
        of the published values, as in `_beyond`; 0 = all are inside); delta, delta_low, delta_high
        (Cliff's delta of own against published, with its 95 % interval).
    """
    beyond = _beyond(own, published)
    lines = []
    for place, feature in enumerate(FEATURES):
        mine, theirs = (t[feature.column].dropna().to_numpy(dtype=float) for t in (own, published))
        known = len(mine) >= LEAST and len(theirs) >= LEAST
        delta = cliffs_delta(mine, theirs) if known else (np.nan, np.nan, np.nan)
        median = float(np.median(mine)) if len(mine) else np.nan
        outside = beyond[:, place][~np.isnan(beyond[:, place])]
        lines.append(
            {
                "feature": feature.name,
                "unit": feature.unit,
                "n_own": len(mine),
                "n_published": len(theirs),
                "median_own": median,
                "median_published": float(np.median(theirs)) if len(theirs) else np.nan,
                "percentile": float((theirs < median).mean()) if len(mine) and len(theirs) else np.nan,
                "low": theirs.min() if len(theirs) else np.nan,
                "high": theirs.max() if len(theirs) else np.nan,
                "out": float((outside > 0).mean()) if len(outside) else np.nan,
                "farthest": float(outside.max()) if len(outside) else np.nan,
                **dict(zip(("delta", "delta_low", "delta_high"), delta, strict=True)),
            }
        )
    return pd.DataFrame(lines).sort_values("delta", key=abs, ascending=False, ignore_index=True, kind="stable")


def compare_rows(own: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Count for each own row the features outside the published range: index row, columns out, farthest and feature.

    farthest : largest distance from the range, as in `compare_features`.  feature : the feature with this distance.
    The rows farthest from the published table are first.
    """
    beyond = np.nan_to_num(_beyond(own, published))
    names = np.array([f.name for f in FEATURES], dtype=object)
    out = (beyond > 0).sum(axis=1)
    feature = np.where(out > 0, names[beyond.argmax(axis=1)], "")
    table = pd.DataFrame({"out": out, "farthest": beyond.max(axis=1, initial=0), "feature": feature}, index=own.index)
    return table.rename_axis("row").sort_values(["out", "farthest"], ascending=False, kind="stable")


def map_of_both(own: pd.DataFrame, published: pd.DataFrame) -> Projection:
    """Put both tables on one map, whose axes come from the published rows only; the group is the table.

    Raises TableError if there are too few published rows.
    """
    both = pd.concat([published[list(COLUMNS)], own[list(COLUMNS)]], keys=[PUBLISHED, OWN], names=["table", "row"])
    groups = pd.Series(pd.Categorical(both.index.get_level_values("table"), [PUBLISHED, OWN]), index=both.index)
    seen = project(both, groups, by=published)
    points = seen.points.assign(row=[row for _, row in both.index])
    return Projection(points, seen.explained, seen.loadings)


def _beyond(own: pd.DataFrame, published: pd.DataFrame) -> np.ndarray:
    """Distance of each own value from the range of the published values, in standard deviations; 0 = inside.

    Shape (n, 50); NaN = unknown. The deviations are robust, as in `robust_z`. The plain standard deviation is used for
    features without such a scale, and for values outside that a logarithm does not show: zero and negative ones.
    """
    if published.empty:
        raise TableError("There are no published rows to compare with. Widen the filter.")
    values = pd.concat([published[list(COLUMNS)], own[list(COLUMNS)]]).to_numpy(dtype=float)
    reference = np.arange(len(values)) < len(published)
    scaled = robust_z(values, reference=reference)
    known = pd.DataFrame(values[reference])
    spread = known.std().to_numpy()
    plain = (values - known.mean().to_numpy()) / np.where(spread > 0, spread, np.nan)
    robust, ordinary = _from_range(scaled, reference), _from_range(plain, reference)
    return np.where(robust > 0, robust, ordinary)


def _from_range(scaled: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Distance of the other rows from the range of the reference rows; 0 = inside, NaN = unknown."""
    edges = pd.DataFrame(scaled[reference])
    low, high = edges.min().to_numpy(), edges.max().to_numpy()
    mine = scaled[~reference]
    return np.where(np.isnan(mine), np.nan, np.maximum(0.0, np.maximum(low - mine, mine - high)))
