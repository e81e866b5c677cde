"""Compiled kernels for chroma, of a whole clip and of frames. See ``kernels.clip`` for the general rules."""

from math import cos, log10, pi, sin, sqrt

import numpy as np
from numba import njit, types

from core.features.frames import ComplexArray, FloatArray, IntArray
from core.features.kernels.framing import largest
from core.features.kernels.types import (
    FLOAT,
    INT,
    NO_NAN,
    READ,
    READ_COMPLEX,
    READ_COMPLEX_2D,
    READ_INT_2D,
    WRITE,
    WRITE_2D,
)

DB_FLOOR = 1e-16
TURN = 64
PRODUCT = 256  # number of factors (each <= 10) whose product does not overflow a float64


@njit(types.void(READ, FLOAT, READ_INT_2D, INT, WRITE), cache=True, nogil=True, fastmath=NO_NAN)
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


@njit(types.void(READ_COMPLEX, INT, INT, INT, FLOAT, WRITE), cache=True, nogil=True, fastmath=NO_NAN)
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
    nogil=True,
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
