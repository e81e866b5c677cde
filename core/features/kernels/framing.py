"""Parts of compiled kernels that the spectra of frames share: extremes. See ``kernels.clip``."""

import numpy as np
from numba import njit

from core.features.frames import FloatArray


@njit(nogil=True)
def largest(values: FloatArray) -> float:
    """Return the largest of non-negative numbers. They are compared as integers, which can use vector lanes."""
    bits = values.view(np.int64)
    result = np.zeros(1, np.int64)
    top = bits[0]
    for i in range(bits.size):
        top = max(top, bits[i])
    result[0] = top
    return result.view(np.float64)[0]


@njit(nogil=True)
def smallest(values: FloatArray) -> float:
    """Return the smallest of non-negative numbers, as in ``largest``."""
    bits = values.view(np.int64)
    result = np.zeros(1, np.int64)
    bottom = bits[0]
    for i in range(bits.size):
        bottom = min(bottom, bits[i])
    result[0] = bottom
    return result.view(np.float64)[0]
