"""Explore a table of features: filters, tests, correlations, a projection and outliers, each as a tidy table.

All functions take a frame with the column Class and the 50 features (float, NaN = not measurable) and do not change
it. Row numbers are taken from the index of the frame.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from core.dataset.cleaning import robust_z
from core.errors import TableError
from core.pvalues import benjamini_hochberg, holm
from core.schema import BY_COLUMN, COLUMNS, EMOTIONS, FEATURES, LABEL

TESTS = {"kruskal": "Kruskal-Wallis test, effect ε²", "anova": "One-way ANOVA, effect η²"}
CORRECTIONS = {"holm": "Holm", "bh": "Benjamini-Hochberg"}
CORRELATIONS: dict[Literal["spearman", "pearson"], str] = {
    "spearman": "Spearman (ranks)",
    "pearson": "Pearson (straight line)",
}
LEAST_ROWS = 3  # rows that an emotion needs to be included in a test
COMPONENTS = 5  # number of axes of the projection
OUTLIER = 3.5  # limit of the robust z-score; source: Iglewicz & Hoaglin (1993)


def filter_rows(
    frame: pd.DataFrame,
    *,
    emotions: Sequence[str] = EMOTIONS,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> pd.DataFrame:
    """Select the rows of these emotions whose features are within the ranges; the result can be empty.

    Parameters
    ----------
    frame
        Column Class and the 50 features.
    emotions
        The emotions to include.
    ranges
        Column -> (low, high), both ends included. A row in which the value is missing is excluded.
    """
    selected = frame[LABEL].isin(list(emotions))
    for column, (low, high) in (ranges or {}).items():
        selected &= frame[column].between(low, high)
    return frame.loc[selected]


def class_balance(frame: pd.DataFrame) -> pd.DataFrame:
    """Count the rows of each emotion: columns emotion, rows, share in [0, 1] (NaN in an empty table)."""
    rows = frame[LABEL].value_counts().reindex(EMOTIONS, fill_value=0)
    share = rows / rows.sum() if rows.sum() else rows * np.nan
    return pd.DataFrame({"emotion": EMOTIONS, "rows": rows.to_numpy(), "share": share.to_numpy()})


def summarise_feature(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Summarise one feature per emotion: rows, missing, mean, sd, minimum, quartiles and maximum."""
    values = frame.groupby(LABEL)[column]
    table = values.describe(percentiles=[0.25, 0.5, 0.75]).reindex([e for e in EMOTIONS if e in set(frame[LABEL])])
    table.insert(1, "missing", values.agg(lambda v: v.isna().sum()).reindex(table.index).astype(int))
    names = {"count": "rows", "std": "sd", "25%": "lower quartile", "50%": "median", "75%": "upper quartile"}
    return table.rename(columns=names).astype({"rows": int}).rename_axis("emotion").reset_index()


def feature_tests(frame: pd.DataFrame, *, test: str = "kruskal", correction: str = "holm") -> pd.DataFrame:
    """Test each feature for differences between the emotions: one row per feature, largest effect first.

    Exact copies of a row count once, because they are one clip. A feature that is constant, or that is known for fewer
    than two emotions, gets NaN and comes last.

    Parameters
    ----------
    frame
        Column Class and the 50 features.
    test
        "kruskal" compares ranks, effect ε² = H / (n - 1) in [0, 1] (Tomczak & Tomczak 2014). "anova" compares means,
        effect η² = sum of squares between groups / total sum of squares.
    correction
        Correction of the p-values for 50 tests: "holm" (family-wise error rate) or "bh" (false discovery rate).

    Returns
    -------
    pd.DataFrame
        Columns column, feature, group, n, statistic, effect, p, p_corrected, highest and lowest (the emotions with the
        highest and the lowest median).

    Raises
    ------
    TableError
        If fewer than two emotions have enough rows.
    """
    from scipy import stats

    frame = frame.drop_duplicates([LABEL, *COLUMNS])
    counts = frame[LABEL].value_counts()
    emotions = [e for e in EMOTIONS if counts.get(e, 0) >= LEAST_ROWS]
    if len(emotions) < 2:
        raise TableError(
            f"A comparison needs at least {LEAST_ROWS} different rows of each of two emotions. Widen the filter."
        )
    medians = frame.groupby(LABEL)[list(COLUMNS)].median().loc[emotions]
    rows = []
    for feature in FEATURES:
        parts = [frame.loc[frame[LABEL] == e, feature.column].dropna().to_numpy() for e in emotions]
        parts = [part for part in parts if len(part) >= LEAST_ROWS]
        values = np.concatenate([[], *parts])
        statistic = effect = p = np.nan
        if len(parts) > 1 and np.ptp(values) > 0:
            if test == "anova":
                between = sum(len(part) * (part.mean() - values.mean()) ** 2 for part in parts)
                statistic, p = stats.f_oneway(*parts)
                effect = between / ((values - values.mean()) ** 2).sum()
            else:
                statistic, p = stats.kruskal(*parts)
                effect = statistic / (len(values) - 1)
        middle = medians[feature.column].dropna()
        ends = (middle.idxmax(), middle.idxmin()) if len(middle) else ("", "")
        rows.append((feature.column, feature.name, feature.group, len(values), statistic, effect, p, *ends))
    names = ["column", "feature", "group", "n", "statistic", "effect", "p", "highest", "lowest"]
    table = pd.DataFrame(rows, columns=names)
    table.insert(7, "p_corrected", corrected(table["p"].to_numpy(), correction))
    return table.sort_values("effect", ascending=False, ignore_index=True, kind="stable")


def corrected(p: np.ndarray, correction: str) -> np.ndarray:
    """Correct p-values for multiple tests with "holm" or "bh" (see `core.pvalues`); NaN is ignored and stays NaN."""
    known = ~np.isnan(p)
    result = np.full(len(p), np.nan)
    result[known] = benjamini_hochberg(p[known]) if correction == "bh" else holm(p[known])
    return result


def correlations(
    frame: pd.DataFrame, *, columns: Sequence[str] = COLUMNS, method: Literal["spearman", "pearson"] = "spearman"
) -> pd.DataFrame:
    """Correlation matrix of the features, values in [-1, 1]; NaN for a constant feature."""
    return frame[list(columns)].corr(method=method)


def strongest_pairs(correlation: pd.DataFrame, *, n: int = 20) -> pd.DataFrame:
    """Return the n pairs with the largest absolute correlation: columns first, second (readable names), correlation."""
    first, second = np.triu_indices(len(correlation), k=1)
    values = correlation.to_numpy()[first, second]
    names = [BY_COLUMN[c].name for c in correlation.index]
    pairs = pd.DataFrame(
        {
            "first": [names[i] for i in first],
            "second": [names[i] for i in second],
            "correlation": values,
        }
    ).dropna()
    return pairs.sort_values("correlation", key=abs, ascending=False, ignore_index=True, kind="stable").head(n)


@dataclass(frozen=True, eq=False)
class Projection:
    """Principal components of a table.

    Parameters
    ----------
    points
        Columns row, Class, pc1, pc2, ... (unit: standard deviations of single features).
    explained
        Share of the variance on each axis, in [0, 1], decreasing.
    loadings
        Columns column, feature, and the weight of the feature on each axis (pc1, ...), in [-1, 1].
    """

    points: pd.DataFrame
    explained: tuple[float, ...]
    loadings: pd.DataFrame


def project(frame: pd.DataFrame) -> Projection:
    """Compute principal components of the z-scores of the 50 features; missing values are replaced by the median.

    The sign of a component has no meaning; it is chosen so that the largest weight is positive.

    Raises
    ------
    TableError
        If there are fewer than three rows, or fewer than two features that vary.
    """
    values = frame[list(COLUMNS)]
    values = values.fillna(values.median()).fillna(0.0)
    spread = values.std()
    varying = [c for c in COLUMNS if spread[c] > 1e-12]  # 1e-12: the rounding error of a constant column
    if len(frame) < 3 or len(varying) < 2:
        raise TableError("A projection needs at least three rows and two features that vary. Widen the filter.")
    z = ((values[varying] - values[varying].mean()) / spread[varying]).to_numpy()
    u, s, vt = np.linalg.svd(z, full_matrices=False)
    axes = min(COMPONENTS, int((s > 1e-9 * s[0]).sum()))
    signs = np.sign(vt[np.arange(axes), np.abs(vt[:axes]).argmax(axis=1)])
    names = [f"pc{i + 1}" for i in range(axes)]
    points = pd.DataFrame(u[:, :axes] * s[:axes] * signs, columns=names)
    points.insert(0, "row", frame.index.to_numpy())
    points.insert(1, LABEL, frame[LABEL].to_numpy())
    loadings = pd.DataFrame(vt[:axes].T * signs, columns=names)
    loadings.insert(0, "column", varying)
    loadings.insert(1, "feature", [BY_COLUMN[c].name for c in varying])
    return Projection(points, tuple(float(v) for v in (s**2 / (s**2).sum())[:axes]), loadings)


def outliers(frame: pd.DataFrame, *, limit: float = OUTLIER) -> pd.DataFrame:
    """List values with a robust z-score of at least `limit` (see `core.dataset.cleaning.robust_z`), farthest first.

    An outlier is not always an error. Returns columns row, Class, column, feature, value, median, score.
    """
    values = frame[list(COLUMNS)]
    score = robust_z(values.to_numpy())
    row, place = np.nonzero(np.abs(np.nan_to_num(score)) >= limit)
    names = [COLUMNS[i] for i in place]
    table = pd.DataFrame(
        {
            "row": frame.index.to_numpy()[row],
            LABEL: frame[LABEL].to_numpy()[row],
            "column": names,
            "feature": [BY_COLUMN[c].name for c in names],
            "value": values.to_numpy()[row, place],
            "median": values.median().to_numpy()[place],
            "score": score[row, place],
        }
    )
    return table.sort_values("score", key=abs, ascending=False, ignore_index=True, kind="stable")
