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
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    links = coo_array((np.ones(len(ends[0])), ends), shape=(n, n))
    _, group = connected_components(links, directed=False)
    _, first_member, number = np.unique(group, return_index=True, return_inverse=True)
    order = np.empty(len(first_member), dtype=np.int64)
    order[np.argsort(first_member)] = np.arange(len(first_member))
    return np.asarray(order[number], dtype=np.int64)
