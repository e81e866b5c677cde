"""Explore a table of features: filters, tests, correlations, a projection and outliers, each as a tidy table.

All functions take a frame with the 50 features (float, NaN = not measurable) and do not change it. Row numbers are
taken from the index of the frame. ``groups`` is the group of each row, from `core.dataset.open_tables.grouping`;
without it, the groups are the emotions of the column Class.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from core.dataset.cleaning import robust_z
from core.dataset.open_tables import group_name, grouping
from core.errors import TableError
from core.pvalues import benjamini_hochberg, holm
from core.schema import BY_COLUMN, COLUMNS, FEATURES, LABEL
from core.wording import counted

TESTS = {"kruskal": "Kruskal-Wallis test, effect ε²", "anova": "One-way ANOVA, effect η²"}
CORRECTIONS = {"holm": "Holm", "bh": "Benjamini-Hochberg"}
CORRELATIONS: dict[Literal["spearman", "pearson"], str] = {
    "spearman": "Spearman (ranks)",
    "pearson": "Pearson (straight line)",
}
LEAST_ROWS = 3  # rows that a group needs to be included in a test
COMPONENTS = 5  # number of axes of the projection
OUTLIER = 3.5  # limit of the robust z-score; source: Iglewicz & Hoaglin (1993)


def filter_rows(
    frame: pd.DataFrame,
    *,
    groups: pd.Series | None = None,
    shown: Sequence[str] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> pd.DataFrame:
    """Select the rows of these groups whose features are within the ranges; the result can be empty.

    Parameters
    ----------
    frame
        The 50 features.
    groups
        The group of each row.
    shown
        The groups to include; None includes all rows, also those without a group.
    ranges
        Column -> (low, high), both ends included. A row in which the value is missing is excluded.
    """
    selected = pd.Series(data=True, index=frame.index)
    if shown is not None:
        selected &= _groups(frame, groups).isin(list(shown))
    for column, (low, high) in (ranges or {}).items():
        selected &= frame[column].between(low, high)
    return frame.loc[selected]


def _groups(frame: pd.DataFrame, groups: pd.Series | None) -> pd.Series:
    """The groups of these rows; by default their emotions."""
    return grouping(frame) if groups is None else groups.loc[frame.index]


def group_balance(frame: pd.DataFrame, groups: pd.Series | None = None) -> pd.DataFrame:
    """Count the rows of each group: columns group, rows, share in [0, 1] (NaN in an empty table)."""
    counted = _groups(frame, groups)
    rows = counted.value_counts().reindex(counted.cat.categories, fill_value=0)
    share = rows / rows.sum() if rows.sum() else rows * np.nan
    return pd.DataFrame({"group": list(rows.index), "rows": rows.to_numpy(), "share": share.to_numpy()})


def summarise_feature(frame: pd.DataFrame, column: str, groups: pd.Series | None = None) -> pd.DataFrame:
    """Summarise one feature per group: rows, missing, mean, sd, minimum, quartiles and maximum."""
    values = frame[column].groupby(_groups(frame, groups), observed=True)
    table = values.describe(percentiles=[0.25, 0.5, 0.75])
    table.insert(1, "missing", values.agg(lambda v: v.isna().sum()).reindex(table.index).astype(int))
    names = {"count": "rows", "std": "sd", "25%": "lower quartile", "50%": "median", "75%": "upper quartile"}
    table.index = table.index.astype(str)
    return table.rename(columns=names).astype({"rows": int}).rename_axis("group").reset_index()


def feature_tests(
    frame: pd.DataFrame, groups: pd.Series | None = None, *, test: str = "kruskal", correction: str = "holm"
) -> pd.DataFrame:
    """Test each feature for differences between the groups: one row per feature, largest effect first.

    Each row counts once, copies too: leave copies of a clip out first (`core.dataset.open_tables.without_copies`). A
    feature that is constant, or that is known for fewer than two groups, gets NaN and comes last.

    Parameters
    ----------
    frame
        The 50 features.
    groups
        The group of each row.
    test
        "kruskal" compares ranks, effect ε² = H / (n - 1) in [0, 1] (Tomczak & Tomczak 2014). "anova" compares means,
        effect η² = sum of squares between groups / total sum of squares.
    correction
        Correction of the p-values for 50 tests: "holm" (family-wise error rate) or "bh" (false discovery rate).

    Returns
    -------
    pd.DataFrame
        Columns column, feature, group (of features), n, statistic, effect, by_chance, p, p_corrected, highest and
        lowest (the groups of rows with the highest and the lowest median). by_chance : the mean effect of groups
        without any difference, (groups - 1) / (n - 1); small groups reach it easily.

    Raises
    ------
    TableError
        If fewer than two groups have enough rows.
    """
    from scipy import stats

    of_row = _groups(frame, groups)
    counts = of_row.value_counts()
    names = [name for name in of_row.cat.categories if counts[name] >= LEAST_ROWS]
    if len(names) < 2:
        what = "emotions" if of_row.name == LABEL else "groups"
        raise TableError(f"A comparison needs at least {LEAST_ROWS} rows of each of two {what}. Widen the filter.")
    medians = group_medians(frame, of_row).loc[names]
    rows = []
    for feature in FEATURES:
        parts = [frame.loc[of_row == name, feature.column].dropna().to_numpy() for name in names]
        parts = [part for part in parts if len(part) >= LEAST_ROWS]
        values = np.concatenate([[], *parts])
        statistic = effect = chance = p = np.nan
        if len(parts) > 1 and np.ptp(values) > 0:
            chance = (len(parts) - 1) / (len(values) - 1)
            if test == "anova":
                between = sum(len(part) * (part.mean() - values.mean()) ** 2 for part in parts)
                statistic, p = stats.f_oneway(*parts)
                effect = between / ((values - values.mean()) ** 2).sum()
            else:
                statistic, p = stats.kruskal(*parts)
                effect = statistic / (len(values) - 1)
        middle = medians[feature.column].dropna()
        ends = (middle.idxmax(), middle.idxmin()) if len(middle) else ("", "")
        rows.append((feature.column, feature.name, feature.group, len(values), statistic, effect, chance, p, *ends))
    columns = ["column", "feature", "group", "n", "statistic", "effect", "by_chance", "p", "highest", "lowest"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(8, "p_corrected", corrected(table["p"].to_numpy(), correction))
    return table.sort_values("effect", ascending=False, ignore_index=True, kind="stable")


def left_out_of_tests(groups: pd.Series) -> str:
    """Say which rows no test of `feature_tests` includes, as a sentence; "" if all rows are included.

    groups : the group of each row, categorical.
    """
    without = int(groups.isna().sum())
    sizes = groups.value_counts()
    small = [f"{name} ({n})" for name, n in sizes.items() if 0 < n < LEAST_ROWS]
    parts = [f"{counted(without, 'row')} without {group_name(str(groups.name))}"] if without else []
    if small:
        parts.append(f"{counted(len(small), 'group')} with fewer than {LEAST_ROWS} rows: {', '.join(small)}")
    return f"Not tested: {'; '.join(parts)}." if parts else ""


def group_medians(frame: pd.DataFrame, groups: pd.Series | None = None) -> pd.DataFrame:
    """Median of each feature in each group: index group, 50 columns."""
    medians = frame[list(COLUMNS)].groupby(_groups(frame, groups), observed=True).median()
    return medians.set_axis(medians.index.astype(str))


def medians_and_effects(frame: pd.DataFrame, tests: pd.DataFrame, groups: pd.Series | None = None) -> pd.DataFrame:
    """All 50 features in one table: feature, effect, p_corrected, p, unit, n and the median of each group.

    tests : from `feature_tests` of the same rows and groups; the order of its rows is the order of the table.
    """
    medians = group_medians(frame, groups).T.add_prefix("median ")
    units = tests["column"].map(lambda column: BY_COLUMN[column].unit)
    table = tests[["column", "feature", "effect", "p_corrected", "p"]].assign(unit=units, n=tests["n"])
    return table.join(medians, on="column").drop(columns="column")


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
        Columns row, group, pc1, pc2, ... (unit: standard deviations of single features).
    explained
        Share of the variance on each axis, in [0, 1], decreasing.
    loadings
        Columns column, feature, and the weight of the feature on each axis (pc1, ...), in [-1, 1].
    """

    points: pd.DataFrame
    explained: tuple[float, ...]
    loadings: pd.DataFrame


def project(frame: pd.DataFrame, groups: pd.Series | None = None, *, by: pd.DataFrame | None = None) -> Projection:
    """Compute principal components of the z-scores of the 50 features; missing values are replaced by the median.

    The sign of a component has no meaning; it is chosen so that the largest weight is positive.

    Parameters
    ----------
    frame
        The rows of the map.
    groups
        The group of each row.
    by
        The rows that decide the median, the mean, the spread and the axes; by default all rows of the map.

    Raises
    ------
    TableError
        If there are fewer than three rows, or fewer than two features that vary.
    """
    basis = (frame if by is None else by)[list(COLUMNS)]
    medians = basis.median()
    basis = basis.fillna(medians).fillna(0.0)
    spread = basis.std()
    varying = [c for c in COLUMNS if spread[c] > 1e-12]  # 1e-12: the rounding error of a constant column
    if len(basis) < 3 or len(varying) < 2:
        raise TableError("A projection needs at least three rows and two features that vary. Widen the filter.")
    centre, scale = basis[varying].mean(), spread[varying]
    s, vt = np.linalg.svd(((basis[varying] - centre) / scale).to_numpy(), full_matrices=False)[1:]
    axes = min(COMPONENTS, int((s > 1e-9 * s[0]).sum()))
    signs = np.sign(vt[np.arange(axes), np.abs(vt[:axes]).argmax(axis=1)])
    names = [f"pc{i + 1}" for i in range(axes)]
    z = (frame[varying].fillna(medians).fillna(0.0) - centre) / scale
    points = pd.DataFrame(z.to_numpy() @ vt[:axes].T * signs, columns=names)
    points.insert(0, "row", frame.index.to_numpy())
    points.insert(1, "group", _texts(_groups(frame, groups)))
    loadings = pd.DataFrame(vt[:axes].T * signs, columns=names)
    loadings.insert(0, "column", varying)
    loadings.insert(1, "feature", [BY_COLUMN[c].name for c in varying])
    return Projection(points, tuple(float(v) for v in (s**2 / (s**2).sum())[:axes]), loadings)


def _texts(groups: pd.Series) -> pd.Series:
    """The groups in their order, numbered from 0; "" for a row without a group."""
    return groups.cat.add_categories("").fillna("").reset_index(drop=True)


def outliers(frame: pd.DataFrame, groups: pd.Series | None = None, *, limit: float = OUTLIER) -> pd.DataFrame:
    """List values with a robust z-score of at least `limit` (see `core.dataset.cleaning.robust_z`), farthest first.

    An outlier is not always an error. Returns columns row, group, column, feature, value, median, score.
    """
    values = frame[list(COLUMNS)]
    score = robust_z(values.to_numpy())
    row, place = np.nonzero(np.abs(np.nan_to_num(score)) >= limit)
    names = [COLUMNS[i] for i in place]
    table = pd.DataFrame(
        {
            "row": frame.index.to_numpy()[row],
            "group": _texts(_groups(frame, groups)).iloc[row].array,
            "column": names,
            "feature": [BY_COLUMN[c].name for c in names],
            "value": values.to_numpy()[row, place],
            "median": values.median().to_numpy()[place],
            "score": score[row, place],
        }
    )
    return table.sort_values("score", key=abs, ascending=False, ignore_index=True, kind="stable")
