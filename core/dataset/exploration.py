"""What a table of features shows: filters, tests, correlations, a projection and outliers, each as a tidy table.

All functions take a frame with the column Class and the 50 features (float, NaN = not measurable) and leave it as it
is. Row numbers are those of the frame's index.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from core.dataset.cleaning import robust_z
from core.errors import TableError
from core.pvalues import holm
from core.schema import BY_COLUMN, COLUMNS, EMOTIONS, FEATURES, LABEL

TESTS = {"kruskal": "Kruskal-Wallis test, effect ε²", "anova": "One-way ANOVA, effect η²"}
CORRECTIONS = {"holm": "Holm", "bh": "Benjamini-Hochberg"}
CORRELATIONS: dict[Literal["spearman", "pearson"], str] = {
    "spearman": "Spearman (ranks)",
    "pearson": "Pearson (straight line)",
}
LEAST_ROWS = 3  # of an emotion, for it to take part in a test
COMPONENTS = 5  # axes of the projection that are kept
OUTLIER = 3.5  # robust z beyond which a value is listed; after Iglewicz & Hoaglin (1993)


def pick(
    frame: pd.DataFrame,
    *,
    emotions: Sequence[str] = EMOTIONS,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> pd.DataFrame:
    """Rows of these emotions whose features lie within the ranges (ends included).

    ranges : column -> (low, high); a row without the value is left out.  Returns an empty frame when none is left.
    """
    keep = frame[LABEL].isin(list(emotions))
    for column, (low, high) in (ranges or {}).items():
        keep &= frame[column].between(low, high)
    return frame.loc[keep]


def balance(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of each emotion: columns emotion, rows, share in [0, 1] (NaN in an empty table)."""
    rows = frame[LABEL].value_counts().reindex(EMOTIONS, fill_value=0)
    share = rows / rows.sum() if rows.sum() else rows * np.nan
    return pd.DataFrame({"emotion": EMOTIONS, "rows": rows.to_numpy(), "share": share.to_numpy()})


def summary(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """One feature for each emotion at hand: rows, missing, mean, sd and the five numbers of a box plot."""
    values = frame.groupby(LABEL)[column]
    table = values.describe(percentiles=[0.25, 0.5, 0.75]).reindex([e for e in EMOTIONS if e in set(frame[LABEL])])
    table.insert(1, "missing", values.agg(lambda v: v.isna().sum()).reindex(table.index).astype(int))
    names = {"count": "rows", "std": "sd", "25%": "lower quartile", "50%": "median", "75%": "upper quartile"}
    return table.rename(columns=names).astype({"rows": int}).rename_axis("emotion").reset_index()


def feature_tests(frame: pd.DataFrame, *, test: str = "kruskal", correction: str = "holm") -> pd.DataFrame:
    """Which features tell the emotions apart: one row a feature, largest effect first.

    Exact copies of a row count once: they are one clip. A feature that is constant, or that fewer than two emotions
    have, gets NaN and comes last.

    test : "kruskal" compares ranks, effect ε² = H / (n - 1) in [0, 1] (Tomczak & Tomczak 2014); "anova" compares means,
        effect η² = between / total sum of squares.
    correction : of the p values for 50 tests: "holm" (family-wise error) or "bh" (false discovery rate).
    Returns columns column, feature, group, n, statistic, effect, p, p_corrected, highest, lowest (emotions by median).
    Raises TableError when fewer than two emotions have rows enough.
    """
    from scipy import stats

    frame = frame.drop_duplicates([LABEL, *COLUMNS])
    counts = frame[LABEL].value_counts()
    emotions = [e for e in EMOTIONS if counts.get(e, 0) >= LEAST_ROWS]
    if len(emotions) < 2:
        raise TableError(f"A comparison needs at least {LEAST_ROWS} different rows of each of two emotions.")
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
    """p values corrected for their number; NaN stay NaN and do not count.

    "holm" : Holm (1979), keeps the chance of any false claim; "bh" : Benjamini & Hochberg (1995), the share of them.
    """
    known = ~np.isnan(p)
    result = np.full(len(p), np.nan)
    if correction == "bh":
        from scipy import stats

        result[known] = stats.false_discovery_control(p[known])
        return result
    result[known] = holm(p[known])
    return result


def correlations(
    frame: pd.DataFrame, *, columns: Sequence[str] = COLUMNS, method: Literal["spearman", "pearson"] = "spearman"
) -> pd.DataFrame:
    """Correlation of each pair of features, in [-1, 1]; NaN for a constant one. Index and columns: column names."""
    return frame[list(columns)].corr(method=method)


def strongest_pairs(correlation: pd.DataFrame, *, n: int = 20) -> pd.DataFrame:
    """The n pairs with the largest absolute correlation: columns first, second (readable names), correlation."""
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
    """A table seen along its directions of largest variance.

    points : columns row, Class, pc1, pc2, ... (unit: standard deviations of single features).
    explained : share of the variance along each axis, in [0, 1], decreasing.
    loadings : column, feature, and the weight of the feature on each axis (pc1, ...), in [-1, 1].
    """

    points: pd.DataFrame
    explained: tuple[float, ...]
    loadings: pd.DataFrame


def project(frame: pd.DataFrame) -> Projection:
    """Principal components of the z-scores of the 50 features; missing values stand at the feature's median.

    A component's sign has no meaning; it is fixed so that its largest weight is positive.
    Raises TableError when fewer than three rows, or fewer than two features that vary, are left.
    """
    values = frame[list(COLUMNS)]
    values = values.fillna(values.median()).fillna(0.0)
    spread = values.std()
    varying = [c for c in COLUMNS if spread[c] > 1e-12]  # 1e-12: the rounding error of a constant column
    if len(frame) < 3 or len(varying) < 2:
        raise TableError("A projection needs at least three rows and two features that vary.")
    z = ((values[varying] - values[varying].mean()) / spread[varying]).to_numpy()
    u, s, vt = np.linalg.svd(z, full_matrices=False)
    kept = min(COMPONENTS, int((s > 1e-9 * s[0]).sum()))
    signs = np.sign(vt[np.arange(kept), np.abs(vt[:kept]).argmax(axis=1)])
    names = [f"pc{i + 1}" for i in range(kept)]
    points = pd.DataFrame(u[:, :kept] * s[:kept] * signs, columns=names)
    points.insert(0, "row", frame.index.to_numpy())
    points.insert(1, LABEL, frame[LABEL].to_numpy())
    loadings = pd.DataFrame(vt[:kept].T * signs, columns=names)
    loadings.insert(0, "column", varying)
    loadings.insert(1, "feature", [BY_COLUMN[c].name for c in varying])
    return Projection(points, tuple(float(v) for v in (s**2 / (s**2).sum())[:kept]), loadings)


def outliers(frame: pd.DataFrame, *, limit: float = OUTLIER) -> pd.DataFrame:
    """Values far from the feature's median: columns row, Class, column, feature, value, median, score; farthest first.

    score : robust z of `core.dataset.cleaning.robust_z`, the one measure of an outlier in this product: logarithmic for
    features without an upper limit, not judged for those confined to [0, 1].
    limit : smallest absolute score that is listed. An outlier is a question, not an error.
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
