"""The 2048-point Fourier transform of eight short frames at once, in compiled code.

Sample m of the eight frames is one row of a transposed copy of the clip (see ``lanes``). At most 1408 of the 2048
points are not zero:

1. Real 16-point transforms over every 128th sample split the bins by their remainder k modulo 16. The remainders k and
   16 - k mirror each other, so remainders 1, 2, 3, 4 and 9, 10, 11 (for 7, 6, 5) represent fourteen.
2. Each remainder is a complex transform of 128 points (4 x 4 x 8) with bins in scrambled order.
3. Remainders 0 and 8 together are a real transform of 256 points, computed as one complex transform of 128 points.
"""

import numpy as np
from numba import njit

from core.features.frames import FloatArray, IntArray
from core.features.kernels.lanes import LANES, Lanes, load, store
from core.features.kernels.types import CONTRACT

POINTS = 2048
SUB = 128  # points of a transform after the first split
HELD = 11 * SUB  # maximum number of non-zero samples of a frame
BLOCK = SUB + 5  # rows between two transforms; a multiple of 128 would cause cache conflicts
FOLDED, SECOND, TENTH, FOURTH = 0, 3, 4, 7  # blocks: remainders 0 and 8, 2, 10, 4


def _turns(count: int, points: int) -> FloatArray:
    """Return exp(-2 pi i k / points) for k < count as pairs cos, sin: shape (2 count,)."""
    angle = -2 * np.pi * np.arange(count) / points
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).ravel()


def _first_turns() -> FloatArray:
    """Return the twiddle factors for the samples of each remainder: shape (128 * 14,)."""
    angle = -2 * np.pi / POINTS * np.outer(np.arange(SUB), [1, 9, 2, 10, 3, 11, 4])
    return np.stack([np.cos(angle), np.sin(angle)], axis=2).ravel()


def _places() -> IntArray:
    """Return the row of bin k after a 128-point transform: shape (128,)."""
    k = np.arange(SUB)
    return k % 4 * 32 + k // 4 % 4 * 8 + k // 16


FIRST_TURNS = _first_turns()
TURNS = _turns(SUB, SUB)
UNFOLD_TURNS = _turns(SUB // 2 + 1, 2 * SUB)
PLACES = _places()
COS, SIN, HALF = float(np.cos(np.pi / 8)), float(np.sin(np.pi / 8)), float(np.sqrt(0.5))


@njit(nogil=True)
def transpose(y: FloatArray, base: int, hop: int, rows: int, xt: FloatArray) -> None:
    """Set row m of xt to y[base + m + hop * lane], with zeros after the end of the clip."""
    for lane in range(LANES):
        begin = base + lane * hop
        inside = max(0, min(rows, len(y) - begin))
        for m in range(inside):
            xt[m * LANES + lane] = y[begin + m]
        for m in range(inside, rows):
            xt[m * LANES + lane] = 0.0


@njit(nogil=True, fastmath=CONTRACT)
def turned(re: FloatArray, im: FloatArray, row: int, x: Lanes, y: Lanes, cos: float, sin: float) -> None:
    """Store (x + iy)(cos + i sin)."""
    store(re, row, cos * x - sin * y)
    store(im, row, sin * x + cos * y)


@njit(nogil=True, fastmath=CONTRACT)
def split(xt: FloatArray, begin: int, window: FloatArray, re: FloatArray, im: FloatArray) -> None:
    """Step 1: window the frames, transform every 128th sample, and store the results in eight blocks."""
    for n in range(SUB):
        p = begin + n
        x0, x1, x2 = window[n] * load(xt, p), window[n + 128] * load(xt, p + 128), window[n + 256] * load(xt, p + 256)
        x3, x4 = window[n + 384] * load(xt, p + 384), window[n + 512] * load(xt, p + 512)
        x5, x6 = window[n + 640] * load(xt, p + 640), window[n + 768] * load(xt, p + 768)
        x7, x8 = window[n + 896] * load(xt, p + 896), window[n + 1024] * load(xt, p + 1024)
        x9, x10 = window[n + 1152] * load(xt, p + 1152), window[n + 1280] * load(xt, p + 1280)

        # Eight even points (x12 and x14 are 0): e0 and e4 are real, e1 = e1r - i e1i, e3 = e3r + i e3i.
        total, apart, side, across = x0 + x8, x0 - x8, x2 + x10, x2 - x10
        front, back = total + x4, side + x6
        e0, e4, e2r, e2i = front + back, front - back, total - x4, x6 - side
        near, far = HALF * (across - x6), HALF * (across + x6)
        e1r, e1i, e3r, e3i = apart + near, x4 + far, apart - near, x4 - far

        # Eight odd points (x11, x13 and x15 are 0), in the same way.
        total, apart = x1 + x9, x1 - x9
        front, back = total + x5, x3 + x7
        o0, o4, o2r, o2i = front + back, front - back, total - x5, x7 - x3
        near, far = HALF * (x3 - x7), HALF * (x3 + x7)
        o1r, o1i, o3r, o3i = apart + near, x5 + far, apart - near, x5 - far

        # Remainder k = even + rotated odd; remainder k + 8 = even - rotated odd.
        t = 14 * n
        u, v = COS * o1r - SIN * o1i, SIN * o1r + COS * o1i
        turned(re, im, BLOCK + n, e1r + u, -1.0 * (e1i + v), FIRST_TURNS[t], FIRST_TURNS[t + 1])
        turned(re, im, 2 * BLOCK + n, e1r - u, v - e1i, FIRST_TURNS[t + 2], FIRST_TURNS[t + 3])
        u, v = HALF * (o2r + o2i), HALF * (o2i - o2r)
        turned(re, im, 3 * BLOCK + n, e2r + u, e2i + v, FIRST_TURNS[t + 4], FIRST_TURNS[t + 5])
        turned(re, im, 4 * BLOCK + n, e2r - u, e2i - v, FIRST_TURNS[t + 6], FIRST_TURNS[t + 7])
        u, v = SIN * o3r + COS * o3i, SIN * o3i - COS * o3r
        turned(re, im, 5 * BLOCK + n, e3r + u, e3i + v, FIRST_TURNS[t + 8], FIRST_TURNS[t + 9])
        turned(re, im, 6 * BLOCK + n, e3r - u, e3i - v, FIRST_TURNS[t + 10], FIRST_TURNS[t + 11])
        turned(re, im, 7 * BLOCK + n, e4, -1.0 * o4, FIRST_TURNS[t + 12], FIRST_TURNS[t + 13])
        # The real transform of 256 points: even samples become real parts, odd samples become imaginary parts.
        part = im if n % 2 else re
        store(part, n // 2, e0)
        store(part, 64 + n // 2, o0)


@njit(nogil=True, fastmath=CONTRACT)
def quarter(re: FloatArray, im: FloatArray, base: int, size: int, step: int) -> None:
    """Do one radix-4 pass over ``size`` rows: remainder k of the bins goes to the k-th quarter."""
    q = size // 4
    for n in range(q):
        p = base + n
        ar, ai, br, bi = load(re, p), load(im, p), load(re, p + q), load(im, p + q)
        cr, ci, dr, di = load(re, p + 2 * q), load(im, p + 2 * q), load(re, p + 3 * q), load(im, p + 3 * q)
        sr, si, tr, ti = ar + cr, ai + ci, ar - cr, ai - ci
        ur, ui, vr, vi = br + dr, bi + di, br - dr, bi - di
        t = 2 * n * step
        store(re, p, sr + ur)
        store(im, p, si + ui)
        turned(re, im, p + q, tr + vi, ti - vr, TURNS[t], TURNS[t + 1])
        turned(re, im, p + 2 * q, sr - ur, si - ui, TURNS[2 * t], TURNS[2 * t + 1])
        turned(re, im, p + 3 * q, tr - vi, ti + vr, TURNS[3 * t], TURNS[3 * t + 1])


@njit(nogil=True, fastmath=CONTRACT)
def eight(re: FloatArray, im: FloatArray, p: int) -> tuple[tuple[Lanes, ...], tuple[Lanes, ...]]:
    """Do the last pass, a transform of eight points; return eight real and eight imaginary parts."""
    a0, a1, a2, a3 = load(re, p), load(re, p + 1), load(re, p + 2), load(re, p + 3)
    a4, a5, a6, a7 = load(re, p + 4), load(re, p + 5), load(re, p + 6), load(re, p + 7)
    b0, b1, b2, b3 = load(im, p), load(im, p + 1), load(im, p + 2), load(im, p + 3)
    b4, b5, b6, b7 = load(im, p + 4), load(im, p + 5), load(im, p + 6), load(im, p + 7)
    sr, si, tr, ti = a0 + a4, b0 + b4, a0 - a4, b0 - b4
    ur, ui, vr, vi = a2 + a6, b2 + b6, a2 - a6, b2 - b6
    e0r, e0i, e1r, e1i, e2r, e2i, e3r, e3i = sr + ur, si + ui, tr + vi, ti - vr, sr - ur, si - ui, tr - vi, ti + vr
    sr, si, tr, ti = a1 + a5, b1 + b5, a1 - a5, b1 - b5
    ur, ui, vr, vi = a3 + a7, b3 + b7, a3 - a7, b3 - b7
    o0r, o0i, o2r, o2i = sr + ur, si + ui, si - ui, ur - sr
    x, y = tr + vi, ti - vr
    o1r, o1i = HALF * (x + y), HALF * (y - x)
    x, y = tr - vi, ti + vr
    o3r, o3i = HALF * (y - x), -HALF * (x + y)
    real = (e0r + o0r, e1r + o1r, e2r + o2r, e3r + o3r, e0r - o0r, e1r - o1r, e2r - o2r, e3r - o3r)
    imaginary = (e0i + o0i, e1i + o1i, e2i + o2i, e3i + o3i, e0i - o0i, e1i - o1i, e2i - o2i, e3i - o3i)
    return real, imaginary


@njit(nogil=True, fastmath=CONTRACT)
def square(x: Lanes, y: Lanes) -> Lanes:
    return x * x + y * y


@njit(nogil=True, fastmath=CONTRACT)
def transform_but_last(re: FloatArray, im: FloatArray, block: int) -> None:
    """Step 2: transform a block in place, in scrambled order, without the last pass."""
    base = block * BLOCK
    quarter(re, im, base, 128, 1)
    for part in range(base, base + SUB, 32):
        quarter(re, im, part, 32, 4)


@njit(nogil=True, fastmath=CONTRACT)
def transform(re: FloatArray, im: FloatArray, block: int) -> None:
    """Transform a block in place, in scrambled order, including the last pass."""
    transform_but_last(re, im, block)
    for p in range(block * BLOCK, block * BLOCK + SUB, 8):
        real, imaginary = eight(re, im, p)
        for i in range(8):
            store(re, p + i, real[i])
            store(im, p + i, imaginary[i])


@njit(nogil=True, fastmath=CONTRACT)
def unfold_power(re: FloatArray, im: FloatArray, k: int) -> tuple[Lanes, Lanes]:
    """Step 3: return four times the power of bins k and 128 - k of the real transform of 256 points."""
    p, q = PLACES[k], PLACES[-k]
    zr, zi, wr, wi = load(re, p), load(im, p), load(re, q), load(im, q)
    ar, ai, br, bi = zr + wr, zi - wi, zi + wi, wr - zr
    cos, sin = UNFOLD_TURNS[2 * k], UNFOLD_TURNS[2 * k + 1]
    tr, ti = cos * br - sin * bi, sin * br + cos * bi
    return square(ar + tr, ai + ti), square(ar - tr, ai - ti)
