"""The 4096-point Fourier transform of eight real signals at once, in compiled code.

Sample m of the eight signals is one row of ``x`` (see ``lanes``). Pairs of samples are the real and imaginary parts of
2048 complex points:

1. Complex transforms of 16 points over every 128th pair split the bins by their remainder k modulo 16.
2. Each remainder is a complex transform of 128 points, in scrambled order (see ``short_fft``).
3. ``halves`` separates the spectra of even and odd samples; bins k and 2048 - k follow from them.
"""

import numpy as np
from numba import njit

from core.features.frames import FloatArray, IntArray
from core.features.kernels.lanes import Lanes, load
from core.features.kernels.short_fft import BLOCK, COS, HALF, PLACES, SIN, SUB, transform, turned
from core.features.kernels.types import CONTRACT

SAMPLES = 4096
PAIRS = SAMPLES // 2
REMAINDERS = PAIRS // SUB
ROWS = REMAINDERS * BLOCK  # rows of work space for the real parts, and for the imaginary parts


def _first_turns() -> FloatArray:
    """Return exp(-2 pi i n k / 2048) for pair n < 128 and remainder k < 16 as pairs cos, sin: shape (128 * 32,)."""
    angle = -2 * np.pi / PAIRS * np.outer(np.arange(SUB), np.arange(REMAINDERS))
    return np.stack([np.cos(angle), np.sin(angle)], axis=2).ravel()


def _bin_rows() -> IntArray:
    """Return the row of bin k of the 2048 complex bins, and of bin 0 again at the end: shape (2049,)."""
    k = np.arange(PAIRS + 1) % PAIRS
    return k % REMAINDERS * BLOCK + PLACES[k // REMAINDERS]


def half_turns() -> FloatArray:
    """Return exp(-2 pi i k / 4096) for k <= 1024 as pairs cos, sin: shape (2050,)."""
    angle = -2 * np.pi / SAMPLES * np.arange(PAIRS // 2 + 1)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).ravel()


FIRST_TURNS = _first_turns()
BIN_ROWS = _bin_rows()


@njit(nogil=True, fastmath=CONTRACT)
def _four(x: FloatArray, row: int) -> tuple[Lanes, ...]:
    """Transform the four pairs that begin in ``row`` and every 1024 rows later: four complex numbers."""
    ar, ai, br, bi = load(x, row), load(x, row + 1), load(x, row + 1024), load(x, row + 1025)
    cr, ci, dr, di = load(x, row + 2048), load(x, row + 2049), load(x, row + 3072), load(x, row + 3073)
    return _butterfly(ar, ai, br, bi, cr, ci, dr, di)


@njit(nogil=True, fastmath=CONTRACT)
def _butterfly(
    ar: Lanes, ai: Lanes, br: Lanes, bi: Lanes, cr: Lanes, ci: Lanes, dr: Lanes, di: Lanes
) -> tuple[Lanes, ...]:
    """Transform four complex numbers."""
    sr, si, tr, ti = ar + cr, ai + ci, ar - cr, ai - ci
    ur, ui, vr, vi = br + dr, bi + di, br - dr, bi - di
    return sr + ur, si + ui, tr + vi, ti - vr, sr - ur, si - ui, tr - vi, ti + vr


@njit(nogil=True, fastmath=CONTRACT)
def _store_four(re: FloatArray, im: FloatArray, n: int, first: int, z: tuple[Lanes, ...]) -> None:
    """Turn the four numbers of pair n and store them with remainders first, first + 4, first + 8, first + 12."""
    t = 2 * (REMAINDERS * n + first)
    row = first * BLOCK + n
    turned(re, im, row, z[0], z[1], FIRST_TURNS[t], FIRST_TURNS[t + 1])
    turned(re, im, row + 4 * BLOCK, z[2], z[3], FIRST_TURNS[t + 8], FIRST_TURNS[t + 9])
    turned(re, im, row + 8 * BLOCK, z[4], z[5], FIRST_TURNS[t + 16], FIRST_TURNS[t + 17])
    turned(re, im, row + 12 * BLOCK, z[6], z[7], FIRST_TURNS[t + 24], FIRST_TURNS[t + 25])


@njit(nogil=True, fastmath=CONTRACT)
def transform_pairs(x: FloatArray, re: FloatArray, im: FloatArray) -> None:
    """Do steps 1 and 2: bin k of the complex transform of x is in row ``BIN_ROWS[k]`` of re and im.

    x : 4096 rows.  re, im : ``ROWS`` rows each.
    """
    for n in range(SUB):
        a0r, a0i, a1r, a1i, a2r, a2i, a3r, a3i = _four(x, 2 * n)
        b0r, b0i, b1r, b1i, b2r, b2i, b3r, b3i = _four(x, 2 * n + 256)
        c0r, c0i, c1r, c1i, c2r, c2i, c3r, c3i = _four(x, 2 * n + 512)
        d0r, d0i, d1r, d1i, d2r, d2i, d3r, d3i = _four(x, 2 * n + 768)
        # Turn by exp(-2 pi i j k / 16), for j = 1, 2, 3 (b, c, d) and k = 1, 2, 3.
        b1r, b1i = COS * b1r + SIN * b1i, COS * b1i - SIN * b1r
        b2r, b2i = HALF * (b2r + b2i), HALF * (b2i - b2r)
        b3r, b3i = SIN * b3r + COS * b3i, SIN * b3i - COS * b3r
        c1r, c1i = HALF * (c1r + c1i), HALF * (c1i - c1r)
        c2r, c2i = c2i, -1.0 * c2r
        c3r, c3i = HALF * (c3i - c3r), -HALF * (c3r + c3i)
        d1r, d1i = SIN * d1r + COS * d1i, SIN * d1i - COS * d1r
        d2r, d2i = HALF * (d2i - d2r), -HALF * (d2r + d2i)
        d3r, d3i = -COS * d3r - SIN * d3i, SIN * d3r - COS * d3i
        _store_four(re, im, n, 0, _butterfly(a0r, a0i, b0r, b0i, c0r, c0i, d0r, d0i))
        _store_four(re, im, n, 1, _butterfly(a1r, a1i, b1r, b1i, c1r, c1i, d1r, d1i))
        _store_four(re, im, n, 2, _butterfly(a2r, a2i, b2r, b2i, c2r, c2i, d2r, d2i))
        _store_four(re, im, n, 3, _butterfly(a3r, a3i, b3r, b3i, c3r, c3i, d3r, d3i))
    for remainder in range(REMAINDERS):
        transform(re, im, remainder)


@njit(nogil=True, fastmath=CONTRACT)
def halves(re: FloatArray, im: FloatArray, k: int, cos: float, sin: float) -> tuple[Lanes, Lanes, Lanes, Lanes]:
    """Return twice E and twice O: bin k of x is E + O, and bin 2048 - k is the conjugate of E - O.

    cos, sin : exp(-2 pi i k / 4096).
    """
    p, q = BIN_ROWS[k], BIN_ROWS[PAIRS - k]
    zr, zi, wr, wi = load(re, p), load(im, p), load(re, q), load(im, q)
    ar, ai, br, bi = zr + wr, zi - wi, zi + wi, wr - zr
    return ar, ai, cos * br - sin * bi, sin * br + cos * bi
