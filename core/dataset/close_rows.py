"""Compiled kernel of ``core.dataset.near_duplicates``: which rows of a long table may be near one another."""

import numpy as np
from numba import njit, types

RANKS = types.Array(types.float32, 2, "C", readonly=True)
MARKS = types.Array(types.boolean, 2, "C")
AT_ONCE = 10  # columns between two looks at the sum


@njit(types.void(RANKS, types.int64, types.float64, MARKS), cache=True, nogil=True)
def mark_close(ranks: np.ndarray, start: int, most: float, close: np.ndarray) -> None:
    """Mark the pairs of rows whose values differ by at most ``most`` in sum; a missing value (NaN) differs by nothing.

    The sum of a pair ends as soon as it is larger. Most pairs end after a third of the columns.

    ranks : shape (n, m).  close : shape (b, n - start), for the rows from ``start`` on; only later rows are compared.
    """
    columns = ranks.shape[1]
    for i in range(close.shape[0]):
        for j in range(close.shape[1]):
            total, k = 0.0, 0
            while j > i and k < columns and total <= most:
                for column in range(k, min(k + AT_ONCE, columns)):
                    difference = abs(ranks[start + i, column] - ranks[start + j, column])
                    if difference > 0.0:  # not with NaN
                        total += difference
                k += AT_ONCE
            close[i, j] = j > i and total <= most
