"""How often the pieces of each group, such as a makam or an artist, have a mood: shares with intervals, and a test."""

import numpy as np
import pandas as pd

from core.errors import CoreError
from core.evaluation.metrics import share_interval
from core.playlists.pieces import GROUPINGS
from core.pvalues import holm

FEWEST = 5  # pieces: a smaller group has no test


def mood_shares(pieces: pd.DataFrame, mood: str, by: str) -> pd.DataFrame:
    """Count a mood in each group of pieces.

    Parameters
    ----------
    pieces
        One row for each piece, with the columns ``mood`` and ``by``. Pieces with an empty group are left out.
    mood
        The emotion that is counted, such as ``"relax"``.
    by
        Name of a column, one of ``core.playlists.pieces.GROUPINGS``.

    Returns
    -------
    One row for each group, the largest share first: the group, ``n`` (pieces), ``with_mood``, ``share`` with its 95 %
    interval ``low`` and ``high``, ``others`` (share in all other groups), ``p`` (Fisher's exact test against the other
    groups) and ``p_holm`` (corrected for all groups). The pieces of one artist or one session are not independent, so a
    small p is a hint and no proof. p is NaN for groups of fewer than 5 pieces.

    Raises
    ------
    CoreError
        If the table has no column of this name.
    """
    for column in ("mood", by):
        if column not in pieces:
            known = ", ".join(name for name in GROUPINGS if name in pieces)
            raise CoreError(
                f"The table of pieces has no column {column!r}. It can be grouped by: {known or 'nothing'}."
            )
    named = pieces[pieces[by].fillna("").astype(str) != ""]
    has = named["mood"].eq(mood)
    grouped = has.groupby(named[by].astype(str)).agg(["size", "sum"])
    numbers = list(zip(grouped["sum"].astype(int).tolist(), grouped["size"].tolist(), strict=True))
    every = int(has.sum()), len(named)
    found = {(hits, n): (hits / n, *share_interval(hits, n), *_against(hits, n, *every)) for hits, n in set(numbers)}
    rows = [(group, n, hits, *found[hits, n]) for group, (hits, n) in zip(grouped.index, numbers, strict=True)]
    table = pd.DataFrame(rows, columns=[by, "n", "with_mood", "share", "low", "high", "others", "p"])
    tested = table["p"].notna()
    table["p_holm"] = np.nan
    table.loc[tested, "p_holm"] = holm(table.loc[tested, "p"].to_numpy(dtype=float))
    return table.sort_values(["share", "n"], ascending=False, kind="stable", ignore_index=True)


def _against(hits: int, n: int, all_hits: int, all_n: int) -> tuple[float, float]:
    """Share of the mood in all other groups, and p of the difference."""
    from scipy.stats import fisher_exact

    other_hits, other_n = all_hits - hits, all_n - n
    if other_n == 0:
        return float("nan"), float("nan")
    if min(n, other_n) < FEWEST:
        return other_hits / other_n, float("nan")
    table = [[hits, n - hits], [other_hits, other_n - other_hits]]
    return other_hits / other_n, float(fisher_exact(table).pvalue)
