"""Compiled kernels that the spectra of frames share: cut and window frames, find extremes. See ``kernels.clip``."""

import numpy as np
from numba import njit, types

from core.features.frames import FloatArray, IntArray
from core.features.kernels.types import CONTRACT, FLOAT, READ, READ_INT, WRITE_2D


@njit(types.void(READ, READ_INT, READ, WRITE_2D), cache=True, nogil=True, fastmath=CONTRACT)
def window_frames(y: FloatArray, starts: IntArray, window: FloatArray, frames: FloatArray) -> None:
    """Fill the beginning of each row of frames with the windowed frame of y."""
    for t in range(starts.size):
        here = y[starts[t] : starts[t] + window.size]
        row = frames[t]
        for i in range(window.size):
            row[i] = here[i] * window[i]


@njit(FLOAT(READ), cache=True, nogil=True)
def largest(values: FloatArray) -> float:
    """Return the largest of non-negative numbers. They are compared as integers, which can use vector lanes."""
    bits = values.view(np.int64)
    result = np.zeros(1, np.int64)
    top = bits[0]
    for i in range(bits.size):
        top = max(top, bits[i])
    result[0] = top
    return result.view(np.float64)[0]


@njit(FLOAT(READ), cache=True, nogil=True)
def smallest(values: FloatArray) -> float:
    """Return the smallest of non-negative numbers, as in ``largest``."""
    bits = values.view(np.int64)
    result = np.zeros(1, np.int64)
    bottom = bits[0]
    for i in range(bits.size):
        bottom = min(bottom, bits[i])
    result[0] = bottom
    return result.view(np.float64)[0]
