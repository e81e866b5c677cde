"""Compiled kernel of ``core.dataset.near_duplicates``: which rows of a long table may be near one another."""

import numpy as np
from numba import njit, types

CODES = types.Array(types.uint8, 2, "C", readonly=True)
SLACK = types.Array(types.int32, 1, "C", readonly=True)
PAIRS = types.Array(types.int64, 2, "C")
HALF = 32  # columns between two looks at the sum; most pairs end after the first look
STEPS = 255  # of a code: the position 0 to 1 in one byte
UNKNOWN = 127  # code of a missing value
_TILE = 128  # rows that stay in the fastest memory while a block of rows is compared with them


def coded(ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return positions (shape (n, m), 0 to 1, NaN = missing) as bytes, shape (n, 64), and the slack of each row.

    The difference of two codes is at most ``STEPS`` times that of the positions, and 1. A missing value differs by
    nothing, but its code differs by up to 128 from another: the slack of its row allows for this.
    """
    unknown = np.isnan(ranks)
    codes = np.zeros((len(ranks), 2 * HALF), dtype=np.uint8)
    codes[:, : ranks.shape[1]] = np.where(unknown, UNKNOWN, np.floor(np.nan_to_num(ranks) * STEPS))
    return codes, ((STEPS - UNKNOWN) * unknown.sum(axis=1)).astype(np.int32)


@njit(types.int64(CODES, SLACK, types.int64, types.int64, types.int64, types.int64, PAIRS), cache=True, nogil=True)
def find_close(
    codes: np.ndarray, slack: np.ndarray, start: int, stop: int, most: int, half: int, found: np.ndarray
) -> int:
    """Find the pairs of rows whose codes differ by at most ``most`` in sum, and the slack of both rows.

    Bytes and whole numbers, because a processor subtracts many of them at once: 3 ns for a pair of rows. The half is an
    argument, as a constant would be unrolled into single steps.

    codes, slack : from ``coded``.  start, stop : the first rows of the pairs; the second ones are all later rows.
    found : shape (k, 2), is filled with the first k pairs. Returns the number of all pairs.
    """
    number, rows, columns = 0, codes.shape[0], codes.shape[1]
    for tile in range(start, rows, _TILE):
        for i in range(start, stop):
            for j in range(max(tile, i + 1), min(tile + _TILE, rows)):
                limit = most + slack[i] + slack[j]
                total = np.int32(0)
                for k in range(half):
                    total = np.int32(total + abs(np.int32(codes[i, k]) - np.int32(codes[j, k])))
                if total > limit:
                    continue
                for k in range(half, columns):
                    total = np.int32(total + abs(np.int32(codes[i, k]) - np.int32(codes[j, k])))
                if total <= limit:
                    if number < found.shape[0]:
                        found[number, 0], found[number, 1] = i, j
                    number += 1
    return number
