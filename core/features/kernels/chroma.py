"""Compiled kernels for chroma, of a whole clip and of frames. See ``kernels.clip`` for the general rules."""

from math import cos, log10, pi, sin, sqrt

import numpy as np
from numba import njit, types

from core.features.frames import ComplexArray, FloatArray, IntArray
from core.features.kernels.framing import largest
from core.features.kernels.lanes import Lanes, aligned_rows, lane_sum, load
from core.features.kernels.real_fft import ROWS, SAMPLES, half_turns, halves, transform_pairs
from core.features.kernels.types import (
    CONTRACT,
    FLOAT,
    INT,
    NO_NAN,
    READ,
    READ_COMPLEX,
    READ_INT,
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


PHASES = 8  # a frame is eight signals of 4096 samples: every eighth sample
FRAME = PHASES * SAMPLES


def _phase_turns() -> FloatArray:
    """Return cos and sin of 2 pi r / 8 and of 2 pi r / 16 for phase r: four rows of eight, flat."""
    angles = [2 * np.pi / turn * np.arange(PHASES) for turn in (8, 16)]
    return np.concatenate([part(angle) for angle in angles for part in (np.cos, np.sin)])


PHASE_TURNS = _phase_turns()


@njit(nogil=True, fastmath=CONTRACT)
def turned_power(re: Lanes, im: Lanes, row: int) -> tuple[float, float]:
    """Return the powers of two sums over the phases: turned by PHASE_TURNS[row] backwards and forwards."""
    cos, sin = load(PHASE_TURNS, row), load(PHASE_TURNS, row + 1)
    a, b, c, d = lane_sum(cos * re), lane_sum(sin * im), lane_sum(cos * im), lane_sum(sin * re)
    return (a + b) ** 2 + (c - d) ** 2, (a - b) ** 2 + (c + d) ** 2


@njit(nogil=True, fastmath=CONTRACT)
def phases_power(
    re: FloatArray, im: FloatArray, half_turns: FloatArray, cos: FloatArray, sin: FloatArray, power: FloatArray
) -> None:
    """Fill power with four times the power of bins 0 .. 5120 of the 32768-point spectrum of eight phases.

    re, im : output of ``transform_pairs``.  cos, sin : exp(-2 pi i k r / 32768) for k <= 1024 (rows) and phase r.
    Bin k is the sum over r of bin k of phase r, turned by this factor. Other bins are sums of the same products or of
    their conjugates, turned further.
    """
    quarter = SAMPLES // 4
    for k in range(quarter + 1):
        er, ei, dr, di = halves(re, im, k, half_turns[2 * k], half_turns[2 * k + 1])
        tr, ti = load(cos, k), load(sin, k)
        ar, ai, br, bi = tr * er - ti * ei, tr * ei + ti * er, tr * dr - ti * di, tr * di + ti * dr
        zr, zi = ar + br, ai + bi
        power[k] = lane_sum(zr) ** 2 + lane_sum(zi) ** 2
        power[SAMPLES + k], power[SAMPLES - k] = turned_power(zr, zi, 0)
        power[SAMPLES // 2 + k], power[SAMPLES // 2 - k] = turned_power(ar - br, ai - bi, 2)


@njit(
    types.void(
        READ,
        READ_INT,
        READ,
        READ,
        READ,
        READ,
        READ,
        READ,
        INT,
        INT,
        READ_INT_2D,
        INT,
        WRITE,
        WRITE,
        WRITE,
        WRITE_2D,
    ),
    cache=True,
    nogil=True,
    fastmath=NO_NAN,
)
def frame_chroma(
    y: FloatArray,
    starts: IntArray,
    window: FloatArray,
    shifts: FloatArray,
    ranges: FloatArray,
    half_turns: FloatArray,
    cos: FloatArray,
    sin: FloatArray,
    first: int,
    heard: int,
    bounds: IntArray,
    lowest: int,
    x: FloatArray,
    re: FloatArray,
    im: FloatArray,
    chroma: FloatArray,
) -> None:
    """Compute the chroma of frames with 32768-point spectra, shape (t, 12).

    shifts, ranges : minimum and range of each frame; a constant frame has no chroma.
    x, re, im : work space of ``real_fft``; x is zero after the end of the window.
    Plain version: `tonality.frame_chroma`.
    """
    power = np.empty(SAMPLES + SAMPLES // 4 + 1)
    for t in range(starts.size):
        if ranges[t] == 0.0:
            chroma[t] = 0.0
            continue
        here = y[starts[t] : starts[t] + window.size]
        for i in range(window.size):
            x[i] = (here[i] - shifts[t]) * window[i]
        transform_pairs(x, re, im)
        phases_power(re, im, half_turns, cos, sin, power)
        fold(power[first:heard], 0.5 / ranges[t], bounds, lowest, chroma[t])


def chroma_of_frames(
    y: FloatArray,
    starts: IntArray,
    window: FloatArray,
    shifts: FloatArray,
    ranges: FloatArray,
    *,
    heard: tuple[int, int],
    bounds: IntArray,
    lowest: int,
) -> FloatArray:
    """Allocate work space and call ``frame_chroma``: chroma, shape (t, 12).

    heard : first and last + 1 of the bins heard, at most 5121.
    """
    chroma = np.empty((len(starts), 12))
    angle = 2 * np.pi / FRAME * np.outer(np.arange(SAMPLES // 4 + 1), np.arange(PHASES)).ravel()
    x, re, im = aligned_rows(SAMPLES), aligned_rows(ROWS), aligned_rows(ROWS)
    x[len(window) :] = 0.0
    frame_chroma(
        y, starts, window, shifts, ranges, half_turns(), np.cos(angle), -np.sin(angle), *heard, bounds, lowest, x,
        re, im, chroma,
    )  # fmt: skip
    return chroma
