"""Compiled kernels for a whole clip: levels, steps of the long Fourier transform, sums over its spectrum.

Each kernel has a plain numpy version, named in its docstring, and the tests compare the two. All kernels use float64
and one thread. ``REASSOCIATE`` lets the compiler split sums over vector lanes: the last digits can differ between
machines but not between runs, and NaN and infinity are respected. Each kernel has one fixed signature and is compiled
once; the compiled code is cached.
"""

from math import sqrt

import numpy as np
from numba import njit, types

from core.features.frames import ComplexArray, FloatArray, IntArray
from core.features.kernels.types import (
    CONTRACT,
    FLOAT,
    INT,
    READ,
    READ_COMPLEX_2D,
    READ_INT,
    REASSOCIATE,
    WRITE,
    WRITE_2D,
    WRITE_COMPLEX,
)


@njit(types.Tuple((FLOAT, INT))(READ, READ_INT, INT, WRITE), cache=True, nogil=True, fastmath=REASSOCIATE)
def levels(y: FloatArray, starts: IntArray, length: int, rms: FloatArray) -> tuple[float, int]:
    """Return the sum of squares and the number of sign changes of y; fill rms, shape (t,), with the RMS of the frames.

    Plain versions: `dynamics.rms_energy`, `dynamics.zero_crossing_rate`, `dynamics.frame_rms`.
    """
    total = 0.0
    for i in range(y.size):
        total += y[i] * y[i]
    crossings = 0
    for i in range(y.size - 1):
        crossings += 1 if y[i] * y[i + 1] < 0 else 0
    for t in range(starts.size):
        frame = y[starts[t] : starts[t] + length]
        energy = 0.0
        for i in range(length):
            energy += frame[i] * frame[i]
        rms[t] = sqrt(energy / length)
    return total, crossings


@njit(types.void(WRITE_2D, INT, READ, READ, READ, READ), cache=True, nogil=True, fastmath=CONTRACT)
def twiddle(
    grid: FloatArray,
    cols: int,
    fine_re: FloatArray,
    fine_im: FloatArray,
    coarse_re: FloatArray,
    coarse_im: FloatArray,
) -> None:
    """Multiply entry (r, c) of the complex grid by the twiddle factor of r * c; middle step of a long FFT.

    grid : shape (rows, 2 * pitch), real and imaginary parts alternate, cols of them used (a multiple of TURN).
    fine_*, coarse_* : roots of unity for r * (c % TURN) and r * (c // TURN).
    """
    rows = grid.shape[0]
    turns = coarse_re.size
    step = fine_re.size // rows
    turn_re = np.empty(step)
    turn_im = np.empty(step)
    for r in range(rows):
        for b in range(step):
            turn_re[b] = fine_re[r * b]
            turn_im[b] = fine_im[r * b]
        for a in range(cols // step):
            are = coarse_re[(r * a) % turns]
            aim = coarse_im[(r * a) % turns]
            here = grid[r, 2 * a * step : 2 * (a + 1) * step]
            for b in range(step):
                wre = are * turn_re[b] - aim * turn_im[b]
                wim = are * turn_im[b] + aim * turn_re[b]
                zre = here[2 * b]
                zim = here[2 * b + 1]
                here[2 * b] = zre * wre - zim * wim
                here[2 * b + 1] = zre * wim + zim * wre


TILE = 8  # rows written together; eight neighbouring bins fill a cache line
CHUNK = 256  # columns written together


@njit(
    types.void(READ_COMPLEX_2D, INT, READ, READ, READ, READ, WRITE, WRITE_COMPLEX),
    cache=True,
    nogil=True,
    fastmath=CONTRACT,
)
def unfold(
    grid: ComplexArray,
    cols: int,
    row_re: FloatArray,
    row_im: FloatArray,
    col_re: FloatArray,
    col_im: FloatArray,
    magnitude: FloatArray,
    low: ComplexArray,
) -> None:
    """Compute the bins of a real signal from the FFT of its samples packed as complex pairs.

    grid : shape (rows, pitch), rows a multiple of TILE; bin k of the packed FFT is at (k % rows, k // rows).
    row_*, col_* : exp(-2 pi i k / n_fft) for k = 0 .. rows - 1 and for k = rows * (0 .. cols - 1).
    Fills magnitude, shape (rows * cols + 1,), and low, the first bins as complex numbers.
    """
    rows = grid.shape[0]
    tile_re = np.empty((TILE, CHUNK))
    tile_im = np.empty((TILE, CHUNK))
    tile = np.empty((TILE, CHUNK))
    for first in range(0, rows, TILE):
        for begin in range(0, cols, CHUNK):
            width = min(CHUNK, cols - begin)
            for j in range(TILE):
                r = first + j
                wr = row_re[r]
                wi = row_im[r]
                here = grid[r, begin : begin + width]
                last = cols - begin - (1 if r else 0)  # the mirror of the first bin in `here`
                skip = 1 if r == 0 and begin == 0 else 0  # bin 0 has no mirror in the grid
                there = grid[(rows - r) % rows, last - width + 1 : last - skip + 1]
                for c in range(skip, width):
                    z = here[c]
                    o = there[np.uint64(width - 1 - c)]  # unsigned, so no check for negative indices
                    ere = 0.5 * (z.real + o.real)
                    eim = 0.5 * (z.imag - o.imag)
                    dre = 0.5 * (z.imag + o.imag)
                    dim = 0.5 * (o.real - z.real)
                    tre = wr * col_re[begin + c] - wi * col_im[begin + c]
                    tim = wr * col_im[begin + c] + wi * col_re[begin + c]
                    xre = ere + tre * dre - tim * dim
                    xim = eim + tre * dim + tim * dre
                    tile_re[j, c] = xre
                    tile_im[j, c] = xim
                    tile[j, c] = sqrt(xre * xre + xim * xim)
                if skip:
                    tile_re[0, 0] = grid[0, 0].real + grid[0, 0].imag
                    tile_im[0, 0] = 0.0
                    tile[0, 0] = abs(tile_re[0, 0])
            for c in range(width):
                k = rows * (begin + c) + first
                for j in range(TILE):
                    magnitude[k + j] = tile[j, c]
                for j in range(min(TILE, low.size - k)):
                    low[k + j] = complex(tile_re[j, c], tile_im[j, c])
    magnitude[rows * cols] = abs(grid[0, 0].real - grid[0, 0].imag)


BLOCK = 4096


@njit(types.Tuple((FLOAT, FLOAT, FLOAT, INT))(READ, INT, FLOAT), cache=True, nogil=True, fastmath=REASSOCIATE)
def first_sums(magnitude: FloatArray, bright: int, share: float) -> tuple[float, float, float, int]:
    """Return the sum, the sum weighted by bin number, the sum from bin `bright` on, and the bin that reaches `share`.

    Plain version: `timbre.spectral_shape`.
    """
    bins = magnitude.size
    blocks = np.empty((bins + BLOCK - 1) // BLOCK)
    total = 0.0
    weighted = 0.0
    for b in range(blocks.size):
        piece = magnitude[b * BLOCK : min(bins, (b + 1) * BLOCK)]
        plain = 0.0
        ramp = 0.0
        for i in range(piece.size):
            plain += piece[i]
            ramp += i * piece[i]
        blocks[b] = plain
        total += plain
        weighted += ramp + b * BLOCK * plain
    above = 0.0
    for i in range(bright, bins):
        above += magnitude[i]
    target = share * total
    reached = 0.0
    b = 0
    while b + 1 < blocks.size and reached + blocks[b] < target:
        reached += blocks[b]
        b += 1
    i = b * BLOCK
    reached += magnitude[i]
    while i + 1 < bins and reached < target:
        i += 1
        reached += magnitude[i]
    return total, weighted, above, i


@njit(types.UniTuple(FLOAT, 3)(READ, FLOAT, FLOAT), cache=True, nogil=True, fastmath=REASSOCIATE)
def central_sums(magnitude: FloatArray, floor: float, centre: float) -> tuple[float, float, float]:
    """Sum (magnitude + floor) * (bin - centre)^k for k = 2, 3, 4. Plain version: `timbre.spectral_shape`."""
    second = 0.0
    third = 0.0
    fourth = 0.0
    for i in range(magnitude.size):
        offset = i - centre
        square = offset * offset
        term = (magnitude[i] + floor) * square
        second += term
        third += term * offset
        fourth += term * square
    return second, third, fourth
