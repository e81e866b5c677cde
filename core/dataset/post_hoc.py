"""Pairs of groups after a test of one feature: which two groups differ, and by how much."""

from itertools import combinations

import numpy as np
import pandas as pd

from core.dataset.exploration import LEAST_ROWS
from core.pvalues import holm
from core.wording import counted

LEVEL = 0.95
ALPHA = 0.05
FAMILY = "all pairs of groups for this feature"


def pairs_of_groups(frame: pd.DataFrame, column: str, groups: pd.Series) -> pd.DataFrame:
    """Compare each pair of groups in one feature with the Mann-Whitney test, corrected by Holm for all pairs.

    The effect is Cliff's delta, in [-1, 1]: the chance that a row of the first group has a larger value than a row of
    the second, minus the chance that it has a smaller one. Its interval uses the consistent variance of Cliff (1993)
    and is asymmetric (Feng & Cliff 2004), so it stays within [-1, 1].

    Parameters
    ----------
    frame
        The 50 features.
    groups
        The group of each row, categorical.

    Returns
    -------
    pd.DataFrame
        Columns first, second, delta, p_holm, low, high, p, n_first, n_second, median_first, median_second; groups with
        fewer than three known values are left out.
    """
    from scipy.stats import mannwhitneyu

    of_row = groups.loc[frame.index]
    parts = {str(name): frame.loc[of_row == name, column].dropna().to_numpy() for name in of_row.cat.categories}
    parts = {name: part for name, part in parts.items() if len(part) >= LEAST_ROWS}
    lines = []
    for a, b in combinations(parts, 2):
        one, other = parts[a], parts[b]
        p = float(mannwhitneyu(one, other).pvalue)
        medians = float(np.median(one)), float(np.median(other))
        lines.append((a, b, len(one), len(other), *medians, *cliffs_delta(one, other), p))
    names = ["first", "second", "n_first", "n_second", "median_first", "median_second", "delta", "low", "high", "p"]
    table = pd.DataFrame(lines, columns=names)
    table["p_holm"] = holm(table["p"].to_numpy(dtype=float))
    first = ["first", "second", "delta", "p_holm", "low", "high", "p"]
    return table[[*first, *(c for c in names if c not in first)]]


def pairs_in_words(pairs: pd.DataFrame, *, feature: str, groups: str, overall: float) -> str:
    """Say which pairs differ, in Markdown. Without a difference between all groups, no pair is a result.

    Parameters
    ----------
    pairs
        From `pairs_of_groups`.
    feature, groups
        The feature and the groups in words: "Tempo (bpm)", "makams".
    overall
        Corrected p of the test of all groups in this feature.
    """
    differ = pairs[pairs["p_holm"] < ALPHA]
    found = ", ".join(f"{r.first} and {r.second}" for r in differ.itertuples())
    count = f"{len(differ)} of {counted(len(pairs), 'pair')} differ"
    if overall < ALPHA:
        return f"**{count}** in {feature}" + (f": {found}." if found else ".")
    no = f"**No difference is shown:** the test of all {groups} finds none in {feature} (corrected p {overall:.2g})."
    if np.isnan(overall):
        no = f"**No difference is shown:** the {groups} could not be tested in {feature}."
    more = f" Alone, {count}: {found}. Without a difference between all {groups}, this can be chance."
    return no + (more if found else "")


def cliffs_delta(one: np.ndarray, other: np.ndarray, *, level: float = LEVEL) -> tuple[float, float, float]:
    """Cliff's delta of two samples with its confidence interval: (delta, low, high)."""
    from scipy.stats import norm

    n, m = len(one), len(other)
    below, upto = np.searchsorted(np.sort(other), one, "left"), np.searchsorted(np.sort(other), one, "right")
    of_one = (below + upto - m) / m  # for each value: share of the other sample below it minus share above it
    smaller, not_larger = np.searchsorted(np.sort(one), other, "left"), np.searchsorted(np.sort(one), other, "right")
    of_other = (n - smaller + n - not_larger - n) / n
    delta = float(of_one.mean())
    ones = float((below + m - upto).sum())  # the squared signs of all n x m comparisons
    all_pairs = ones - n * m * delta**2
    variance = m**2 * ((of_one - delta) ** 2).sum() + n**2 * ((of_other - delta) ** 2).sum() - all_pairs
    variance = max(float(variance) / (n * m * (n - 1) * (m - 1)), (1 - delta**2) / (n * m - 1))
    z = float(norm.ppf((1 + level) / 2))
    if abs(delta) == 1:  # no overlap: the variance is zero, so the interval comes from the sizes alone
        edge = (min(n, m) - z**2) / (min(n, m) + z**2)
        return delta, *((edge, 1.0) if delta > 0 else (-1.0, -edge))
    spread = z * np.sqrt(variance) * np.sqrt((1 - delta**2) ** 2 + z**2 * variance)
    middle, scale = delta - delta**3, 1 - delta**2 + z**2 * variance
    return delta, max(-1.0, float((middle - spread) / scale)), min(1.0, float((middle + spread) / scale))
