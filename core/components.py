"""Connected components: groups of items that are linked directly or through other items."""

import numpy as np
from numpy.typing import ArrayLike


def connected_groups(first: ArrayLike, second: ArrayLike, n: int) -> np.ndarray:
    """Number the connected groups of `n` items.

    Parameters
    ----------
    first, second
        Shape (m,). Positions (from 0) of the two items of each link.
    n
        Number of items.

    Returns
    -------
    np.ndarray
        Shape (n,), int64. The group of each item. Groups are numbered from 0 in the order of their first member.
    """
    one, other = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    lowest = np.arange(n)  # of each item: the lowest item of its group that is known so far
    while True:
        low, known = np.minimum(lowest[one], lowest[other]), lowest.copy()
        for ends in (one, other):
            np.minimum.at(lowest, known[ends], low)  # what is known of an item holds for the items that point to it
        lowest = np.minimum(lowest, lowest[lowest])
        if np.array_equal(lowest, known):
            return np.unique(lowest, return_inverse=True)[1].astype(np.int64)
