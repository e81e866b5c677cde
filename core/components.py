"""Groups of things that are linked in pairs, directly or by way of others."""

import numpy as np
from numpy.typing import ArrayLike


def connected_groups(first: ArrayLike, second: ArrayLike, n: int) -> np.ndarray:
    """Number of the group of each of `n` things; linked things are in one group.

    Parameters
    ----------
    first, second : shape (m,), positions from 0 of the two ends of each link.

    Returns
    -------
    Shape (n,), int64. Groups are numbered from 0 in the order of their first member.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    links = coo_array((np.ones(len(ends[0])), ends), shape=(n, n))
    _, group = connected_components(links, directed=False)
    _, where, number = np.unique(group, return_index=True, return_inverse=True)
    order = np.empty(len(where), dtype=np.int64)
    order[np.argsort(where)] = np.arange(len(where))
    return np.asarray(order[number], dtype=np.int64)
