"""Compiled kernels for roughness: peaks of the spectra of frames, and their beating. See ``kernels.clip``."""

from math import exp

import numpy as np
from numba import njit, types

from core.features.frames import FloatArray, IntArray
from core.features.kernels.framing import largest, smallest
from core.features.kernels.lanes import LANES, root, store
from core.features.kernels.real_fft import SAMPLES, halves, transform_pairs
from core.features.kernels.short_fft import square
from core.features.kernels.types import (
    CONTRACT,
    FLOAT,
    INT,
    NO_NAN,
    READ,
    READ_INT,
    REASSOCIATE,
    WRITE,
    WRITE_INT,
)

MASKED = 46.0  # exp(-46) is 1e-20; the beating of partials further apart is ignored


@njit(nogil=True, fastmath=CONTRACT)
def eight_spectra(
    y: FloatArray,
    starts: IntArray,
    window: FloatArray,
    turns: FloatArray,
    x: FloatArray,
    re: FloatArray,
    im: FloatArray,
    magnitudes: FloatArray,
) -> None:
    """Fill magnitudes, shape (8, 2049), with the 4096-point spectra of eight frames. x, re, im : see ``real_fft``."""
    for m in range(window.size):
        for lane in range(LANES):
            x[LANES * m + lane] = y[np.uint64(starts[lane] + m)] * window[m]
    transform_pairs(x, re, im)
    for k in range(SAMPLES // 4 + 1):
        ar, ai, br, bi = halves(re, im, k, turns[2 * k], turns[2 * k + 1])
        store(x, 0, 0.5 * root(square(ar + br, ai + bi)))
        store(x, 1, 0.5 * root(square(ar - br, ai - bi)))
        for lane in range(LANES):
            magnitudes[lane, k] = x[lane]
            magnitudes[lane, SAMPLES // 2 - k] = x[LANES + lane]


@njit(
    types.Tuple((INT, FLOAT, FLOAT))(
        READ, READ_INT, INT, READ, READ, WRITE, WRITE, WRITE, FLOAT, INT, FLOAT, FLOAT, WRITE, WRITE, WRITE_INT,
        WRITE_INT,
    ),
    cache=True,
    nogil=True,
    fastmath=NO_NAN,
)  # fmt: skip
def collect_peaks(
    y: FloatArray,
    starts: IntArray,
    count: int,
    window: FloatArray,
    turns: FloatArray,
    x: FloatArray,
    re: FloatArray,
    im: FloatArray,
    contrast: float,
    used: int,
    low: float,
    high: float,
    heights: FloatArray,
    notches: FloatArray,
    bins: IntArray,
    ends: IntArray,
) -> tuple[int, float, float]:
    """Collect local maxima of the magnitudes of eight frames, as candidates for peaks.

    A maximum is stored if it reaches `contrast` times the highest magnitude so far; all peaks do. The entries are
    appended to the output arrays from index `used`.

    Parameters
    ----------
    y, starts, count, window
        Samples, starts of eight frames, number of these frames that are wanted (the first ones), window.
    turns, x, re, im
        See ``real_fft``; x is zero after the end of the window.
    contrast
        Required contrast of a peak, as a share of the range.
    used
        Number of entries in use.
    low, high
        Minimum and maximum of all magnitudes so far.
    heights, notches, bins
        Output: magnitude of each maximum, smallest magnitude since the previous maximum, and bin number.
    ends
        Output, shape (count,): number of entries in use after each frame.

    Returns
    -------
    tuple
        Updated values of used, low and high.
    """
    size = SAMPLES // 2 + 1
    magnitudes = np.empty((LANES, size))
    eight_spectra(y, starts, window, turns, x, re, im, magnitudes)
    for t in range(count):
        magnitude = magnitudes[t]
        low = min(low, smallest(magnitude))
        high = max(high, largest(magnitude))
        least = 0.999 * contrast * high
        before = -1
        for k in range(size):
            value = magnitude[k]
            if value < least or (k > 0 and value <= magnitude[k - 1]) or (k + 1 < size and value < magnitude[k + 1]):
                continue
            notch = value
            for i in range(before + 1, k):
                notch = min(notch, magnitude[i])
            heights[used] = value
            notches[used] = notch
            bins[used] = k
            used += 1
            before = k
        ends[t] = used
    return used, low, high


@njit(nogil=True)
def stand_out(
    heights: FloatArray,
    notches: FloatArray,
    begin: int,
    end: int,
    contrast: float,
    low: float,
    high: float,
    chosen: IntArray,
) -> int:
    """Select the peaks among the maxima begin .. end - 1: fill chosen and return their number.

    Plain version: `peaks.find_peaks`.
    """
    count = 0
    current = -1
    top = 0.0
    old = -np.inf
    valley = np.inf
    skipped = np.inf  # smallest magnitude since the last maximum that is high enough
    for c in range(begin, end):
        value = (heights[c] - low) / (high - low)
        skipped = min(skipped, notches[c])
        if not value >= contrast:
            continue
        valley = min(valley, (skipped - low) / (high - low))
        skipped = np.inf
        real_notch = current >= 0 and top - valley >= contrast
        if current >= 0 and not real_notch:
            old = min(old, valley)
            if value <= top:
                continue
        elif real_notch and top - old < contrast:
            old = min(old, valley)
        elif real_notch:
            chosen[count] = current
            count += 1
            old = valley
        current = c
        top = value
        valley = np.inf
    if current >= 0 and top - old >= contrast:
        chosen[count] = current
        count += 1
    return count


@njit(nogil=True)
def fill_beating(rate: float, row: FloatArray) -> None:
    """Compute the beating of a partial with one 0, 1, 2, ... bins higher; rate : change of the exponent per bin."""
    slow = exp(-3.51 * rate)
    fast = exp(-5.75 * rate)
    slow_power = 1.0
    fast_power = 1.0
    for d in range(row.size):
        row[d] = slow_power - fast_power
        slow_power *= slow
        fast_power *= fast


@njit(
    types.void(READ, READ, READ_INT, READ_INT, FLOAT, FLOAT, FLOAT, INT, FLOAT, WRITE),
    cache=True,
    nogil=True,
    fastmath=REASSOCIATE,
)
def sum_roughness(
    heights: FloatArray,
    notches: FloatArray,
    bins: IntArray,
    ends: IntArray,
    contrast: float,
    low: float,
    high: float,
    size: int,
    spacing: float,
    roughness: FloatArray,
) -> None:
    """Compute the roughness of each frame from the output of `collect_peaks`.

    The beating of two bins depends on the lower bin and on the distance d in bins: it is the difference of two d-th
    powers, which are computed once for each lower bin.
    low, high : minimum and maximum of all magnitudes, low < high.  size : bins of a spectrum.  spacing : Hz per bin.
    Plain version: `timbre.frame_roughness`.
    """
    rates = 0.24 / (0.0207 * np.arange(size) * spacing + 18.96) * spacing
    offsets = np.zeros(size + 1, np.int64)
    for k in range(size):
        offsets[k + 1] = offsets[k] + min(size - k, int(MASKED / (3.51 * rates[k])) + 1)
    beating = np.empty(offsets[size])
    known = np.zeros(size, np.bool_)
    chosen = np.empty(size, np.int64)
    place = np.empty(size, np.int64)
    height = np.empty(size)
    begin = 0
    for t in range(ends.size):
        count = stand_out(heights, notches, begin, ends[t], contrast, low, high, chosen)
        begin = ends[t]
        for i in range(count):
            place[i] = bins[chosen[i]]
            height[i] = heights[chosen[i]]
        total = 0.0
        stop = 0
        for i in range(count):
            lower = place[i]
            row = beating[offsets[lower] : offsets[lower + 1]]
            if not known[lower]:
                known[lower] = True
                fill_beating(rates[lower], row)
            while stop < count and place[stop] - lower < row.size:
                stop += 1
            part = 0.0
            for j in range(i + 1, stop):
                part += height[j] * row[np.uint64(place[j] - lower)]
            total += height[i] * part
        roughness[t] = total
