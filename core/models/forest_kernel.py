"""Compiled kernel: walk the trees of a forest, whose nodes lie one after the other in flat arrays."""

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from core.features.kernels.types import INT

TOGETHER = 8  # rows that walk a tree in step: while one waits for memory, the others go on

_ROWS = types.Array(types.float32, 2, "C", readonly=True)
_COUNTS = types.Array(INT, 1, "C", readonly=True)
_NODES = types.Array(types.uint32, 1, "C", readonly=True)  # unsigned, so no check for negative indices
_LIMITS = types.Array(types.float32, 1, "C", readonly=True)
_SHARES = types.Array(types.float64, 2, "C", readonly=True)


@njit(
    types.void(_ROWS, _NODES, _COUNTS, _NODES, _NODES, _LIMITS, _SHARES, types.Array(types.float64, 2, "C")),
    cache=True,
    nogil=True,
)
def add_shares(
    rows: NDArray[np.float32],
    roots: NDArray[np.uint32],
    depths: NDArray[np.int64],
    child: NDArray[np.uint32],
    feature: NDArray[np.uint32],
    limit: NDArray[np.float32],
    share: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Add the shares of the classes in the leaf of each row, of one tree after the other, to out, shape (n, k).

    The sum of a row has the order of the trees, as in scikit-learn, so its last bit is the same. All rows walk one tree
    before the next tree, because a tree fits into the processor's cache and a forest does not.

    Parameters
    ----------
    rows
        Shape (n, m), finite.
    roots, depths
        First node of each tree, and number of its steps.
    child
        Next node of a value up to the limit; the node after it is for a value above. A leaf names itself.
    feature, limit
        Column that a node compares, and its limit; infinity in a leaf.
    share
        Shape (nodes, k).
    """
    at = np.empty(TOGETHER, np.uint32)
    width = np.uint32(rows.shape[1])
    groups = (rows.shape[0] + TOGETHER - 1) // TOGETHER
    values = np.zeros(groups * TOGETHER * width, np.float32)  # with rows of zeros at the end
    for i in range(rows.shape[0]):
        for column in range(width):
            values[i * width + column] = rows[i, column]
    for tree in range(roots.size):
        for group in range(groups):
            here = values[group * TOGETHER * width : (group + 1) * TOGETHER * width]
            for i in range(TOGETHER):
                at[i] = roots[tree]
            for _ in range(depths[tree]):
                for i in range(TOGETHER):
                    node = at[i]
                    value = here[np.uint32(i) * width + feature[node]]
                    at[i] = child[node] + np.uint32(value > limit[node])
            first = group * TOGETHER
            for i in range(min(TOGETHER, rows.shape[0] - first)):
                for k in range(out.shape[1]):
                    out[first + i, k] += share[at[i], k]
