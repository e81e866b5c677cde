"""Compiled kernels for the spectra of frames: chroma and roughness. See ``kernels.clip`` for the general rules."""

from math import cos, exp, log10, pi, sin, sqrt

import numpy as np
from numba import njit, types

from core.features.frames import ComplexArray, FloatArray, IntArray
from core.features.kernels.types import (
    CONTRACT,
    FLOAT,
    INT,
    READ,
    READ_COMPLEX,
    READ_COMPLEX_2D,
    READ_INT,
    READ_INT_2D,
    REASSOCIATE,
    WRITE,
    WRITE_2D,
    WRITE_INT,
)

NO_NAN = REASSOCIATE | {"nnan"}  # for values that are always finite: allows vector lanes for products too

MASKED = 46.0  # exp(-46) is 1e-20; the beating of partials further apart is ignored


@njit(types.void(READ, READ_INT, READ, WRITE_2D), cache=True, fastmath=CONTRACT)
def window_frames(y: FloatArray, starts: IntArray, window: FloatArray, frames: FloatArray) -> None:
    """Fill the beginning of each row of frames with the windowed frame of y."""
    for t in range(starts.size):
        here = y[starts[t] : starts[t] + window.size]
        row = frames[t]
        for i in range(window.size):
            row[i] = here[i] * window[i]


@njit(FLOAT(READ), cache=True)
def largest(values: FloatArray) -> float:
    """Return the largest of non-negative numbers. They are compared as integers, which can use vector lanes."""
    bits = values.view(np.int64)
    result = np.zeros(1, np.int64)
    top = bits[0]
    for i in range(bits.size):
        top = max(top, bits[i])
    result[0] = top
    return result.view(np.float64)[0]


@njit(FLOAT(READ), cache=True)
def smallest(values: FloatArray) -> float:
    """Return the smallest of non-negative numbers, as in ``largest``."""
    bits = values.view(np.int64)
    result = np.zeros(1, np.int64)
    bottom = bits[0]
    for i in range(bits.size):
        bottom = min(bottom, bits[i])
    result[0] = bottom
    return result.view(np.float64)[0]


# -- chroma ------------------------------------------------------------------------------------------------------------

DB_FLOOR = 1e-16
TURN = 64
PRODUCT = 256  # number of factors (each <= 10) whose product does not overflow a float64


@njit(types.void(READ, FLOAT, READ_INT_2D, INT, WRITE), cache=True, fastmath=NO_NAN)
def fold(power: FloatArray, scale: float, bounds: IntArray, lowest: int, chroma: FloatArray) -> None:
    """Compute chroma, shape (12,), from the squared magnitudes of the bins heard.

    The sum of levels is the logarithm of a product, so hundreds of bins need only one logarithm.
    scale : factor of the magnitudes.  Plain version: `tonality.decibels` and the rest of `tonality.chroma`.
    """
    top = sqrt(largest(power)) * scale + DB_FLOOR
    per_floor = 10.0 / top  # the floor is 20 dB below the maximum
    slope = scale * per_floor
    offset = DB_FLOOR * per_floor
    chroma[:] = 0.0
    last = bounds.shape[0] - 1
    for s in range(last + 1):
        begin = bounds[s, 0]
        end = bounds[s, 1]
        if end <= begin:
            continue
        level = 0.0
        for a in range(begin, end, PRODUCT):
            product = 1.0
            for i in range(a, min(a + PRODUCT, end)):
                factor = sqrt(power[i]) * slope + offset
                product *= factor if factor > 1.0 else 1.0
            level += log10(product)
        level *= 20.0 / (end - begin)
        if s == 0:
            level *= 0.5
        if s == last:
            level *= 0.5
        chroma[(lowest + s) % 12] += level
    strongest = 0.0
    for k in range(12):
        strongest = max(strongest, chroma[k])
    for k in range(12):
        chroma[k] /= strongest + 1e-6


@njit(types.void(READ_COMPLEX, INT, INT, INT, FLOAT, WRITE), cache=True, fastmath=NO_NAN)
def shifted_power(low: ComplexArray, first: int, n: int, n_fft: int, shift: float, power: FloatArray) -> None:
    """Compute the squared magnitudes of the windowed clip after subtracting `shift` from each sample, from bin `first`.

    low : spectrum of the windowed clip of n samples.  The spectrum of the window has a closed form (three Dirichlet
    kernels), so no second FFT is needed.
    """
    eps_cos = cos(pi / (n - 1)) ** 2
    eps_sin = sin(pi / (n - 1)) ** 2
    table = np.empty((4, TURN))
    for b in range(TURN):
        table[0, b] = sin(pi * ((b * n) % (2 * n_fft)) / n_fft)
        table[1, b] = cos(pi * ((b * n) % (2 * n_fft)) / n_fft)
        table[2, b] = sin(pi * b / n_fft)
        table[3, b] = cos(pi * b / n_fft)
    for a in range(0, power.size, TURN):
        k = first + a
        big_sin = sin(pi * ((k * n) % (2 * n_fft)) / n_fft)
        big_cos = cos(pi * ((k * n) % (2 * n_fft)) / n_fft)
        small_sin = sin(pi * k / n_fft)
        small_cos = cos(pi * k / n_fft)
        count = min(TURN, power.size - a)
        here = low[k : k + count]
        out = power[a : a + count]
        for b in range(count):
            s_n = big_sin * table[1, b] + big_cos * table[0, b]
            c_n = big_cos * table[1, b] - big_sin * table[0, b]
            s_1 = small_sin * table[3, b] + small_cos * table[2, b]
            c_1 = small_cos * table[3, b] - small_sin * table[2, b]
            side = (s_n * s_1 * eps_cos - c_n * c_1 * eps_sin) / (s_1 * s_1 * eps_cos - c_1 * c_1 * eps_sin)
            height = shift * (0.54 * s_n / s_1 - 0.46 * side)
            re = here[b].real - height * (c_n * c_1 + s_n * s_1)
            im = here[b].imag + height * (s_n * c_1 - c_n * s_1)
            out[b] = re * re + im * im


@njit(
    types.void(
        READ_COMPLEX_2D,
        READ_COMPLEX,
        READ_COMPLEX,
        READ,
        READ,
        INT,
        INT,
        READ_INT_2D,
        INT,
        WRITE_2D,
    ),
    cache=True,
    fastmath=NO_NAN,
)
def frame_chroma(
    packed: ComplexArray,
    roots: ComplexArray,
    window: ComplexArray,
    shifts: FloatArray,
    ranges: FloatArray,
    first: int,
    heard: int,
    bounds: IntArray,
    lowest: int,
    chroma: FloatArray,
) -> None:
    """Compute the chroma of frames, shape (t, 12), from their packed FFTs, shape (t, n_fft / 2).

    roots, window : exp(-2 pi i k / n_fft) and the spectrum of the window for k = first .. heard - 1.
    shifts, ranges : minimum and range of each frame; a constant frame has no chroma.
    Plain version: `tonality.frame_chroma`.
    """
    half = packed.shape[1]
    last = heard - first - 1
    power = np.empty(heard - first)
    for t in range(packed.shape[0]):
        if ranges[t] == 0.0:
            chroma[t] = 0.0
            continue
        shift = shifts[t]
        here = packed[t, first:heard]
        there = packed[t, half - heard + 1 : half - first + 1]
        for i in range(power.size):
            z = here[i]
            o = there[np.uint64(last - i)]  # unsigned, so no check for negative indices
            dre = 0.5 * (z.imag + o.imag)
            dim = 0.5 * (o.real - z.real)
            w = roots[i]
            v = window[i]
            re = 0.5 * (z.real + o.real) + w.real * dre - w.imag * dim - shift * v.real
            im = 0.5 * (z.imag - o.imag) + w.real * dim + w.imag * dre - shift * v.imag
            power[i] = re * re + im * im
        fold(power, 1.0 / ranges[t], bounds, lowest, chroma[t])


# -- roughness ---------------------------------------------------------------------------------------------------------


@njit(
    types.Tuple((INT, FLOAT, FLOAT))(READ_COMPLEX_2D, FLOAT, INT, FLOAT, FLOAT, WRITE, WRITE, WRITE_INT, WRITE_INT),
    cache=True,
    fastmath=NO_NAN,
)
def collect_peaks(
    spectra: ComplexArray,
    contrast: float,
    used: int,
    low: float,
    high: float,
    heights: FloatArray,
    notches: FloatArray,
    bins: IntArray,
    ends: IntArray,
) -> tuple[int, float, float]:
    """Collect local maxima of the magnitudes of some frames, as candidates for peaks.

    A maximum is stored if it reaches `contrast` times the highest magnitude so far; all peaks do. The entries are
    appended to the output arrays from index `used`.

    Parameters
    ----------
    spectra
        Shape (t, bins).
    contrast
        Required contrast of a peak, as a share of the range.
    used
        Number of entries in use.
    low, high
        Minimum and maximum of all magnitudes so far.
    heights, notches, bins
        Output: magnitude of each maximum, smallest magnitude since the previous maximum, and bin number.
    ends
        Output, shape (t,): number of entries in use after each frame.

    Returns
    -------
    tuple
        Updated values of used, low and high.
    """
    size = spectra.shape[1]
    magnitude = np.empty(size)
    for t in range(spectra.shape[0]):
        spectrum = spectra[t]
        for k in range(size):
            magnitude[k] = sqrt(spectrum[k].real * spectrum[k].real + spectrum[k].imag * spectrum[k].imag)
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


@njit
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


@njit
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
