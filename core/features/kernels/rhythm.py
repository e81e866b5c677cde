"""Compiled kernels for the rhythm features: spectra of many short frames at once.

The results equal ``attack.magnitude_sums`` and ``fluctuation.band_power`` in plain numpy to 1e-12. Eight frames are
computed in parallel (see ``lanes`` and ``short_fft``): every 50th frame starts exactly 1323 samples later (every 4th
2205), so sample m of eight such frames is one row of a transposed copy of the clip.
"""

import numpy as np
from numba import njit, types

from core.features.frames import FloatArray, IntArray
from core.features.kernels.lanes import LANES, aligned_rows, divider_root, load, magnitude, root, spread, store
from core.features.kernels.short_fft import (
    BLOCK,
    FOLDED,
    FOURTH,
    HELD,
    PLACES,
    POINTS,
    SECOND,
    SUB,
    TENTH,
    eight,
    split,
    square,
    transform,
    transform_but_last,
    transpose,
    unfold_power,
)
from core.features.kernels.types import CONTRACT, INT, READ, READ_INT, WRITE, WRITE_2D


@njit(
    types.void(READ, READ_INT, INT, READ, WRITE, WRITE, WRITE, WRITE),
    cache=True,
    nogil=True,
    fastmath=CONTRACT,
)
def sum_magnitudes(
    y: FloatArray,
    offsets: IntArray,
    hop: int,
    window: FloatArray,
    xt: FloatArray,
    re: FloatArray,
    im: FloatArray,
    out: FloatArray,
) -> None:
    """Sum the magnitudes of bins 0..1024 of each frame into out."""
    family = len(offsets)
    for first in range(0, len(out), family * LANES):
        transpose(y, first // family * hop, hop, len(xt) // LANES, xt)
        for member in range(min(family, len(out) - first)):
            split(xt, offsets[member], window, re, im)
            total = spread(0.0)
            for block in range(1, 8):
                transform_but_last(re, im, block)
                for p in range(block * BLOCK, block * BLOCK + SUB, 8):
                    real, imaginary = eight(re, im, p)
                    for i in range(0, 8, 2):  # the divider works while the other root is refined
                        total = total + root(square(real[i], imaginary[i]))
                        total = total + divider_root(square(real[i + 1], imaginary[i + 1]))
            transform(re, im, FOLDED)
            zr, zi = load(re, 0), load(im, 0)
            total = total + (magnitude(zr + zi) + magnitude(zr - zi))
            for k in range(1, SUB // 2):
                one, other = unfold_power(re, im, k)
                total = total + 0.5 * (root(one) + divider_root(other))
            one, other = unfold_power(re, im, SUB // 2)
            store(re, 0, total + 0.5 * root(one))
            for lane in range(LANES):
                frame = first + lane * family + member
                if frame < len(out):
                    out[frame] = re[lane]


@njit(
    types.void(READ, READ_INT, INT, READ, READ, READ_INT, WRITE, WRITE, WRITE, WRITE, WRITE_2D),
    cache=True,
    nogil=True,
    fastmath=CONTRACT,
)
def sum_bands(
    y: FloatArray,
    offsets: IntArray,
    hop: int,
    window: FloatArray,
    weight: FloatArray,
    edges: IntArray,
    xt: FloatArray,
    re: FloatArray,
    im: FloatArray,
    power: FloatArray,
    out: FloatArray,
) -> None:
    """Sum the weighted power of the even bins 0..1024 between consecutive edges, for each frame, into out."""
    family, bands = len(offsets), len(edges) - 1
    for first in range(0, len(out), family * LANES):
        transpose(y, first // family * hop, hop, len(xt) // LANES, xt)
        for member in range(min(family, len(out) - first)):
            split(xt, offsets[member], window, re, im)
            for block, remainder in ((SECOND, 2), (TENTH, 10), (FOURTH, 4)):
                transform(re, im, block)
                for k in range(SUB):
                    even = remainder // 2 + 8 * k
                    p = block * BLOCK + PLACES[k]
                    store(power, min(even, POINTS // 2 - even), square(load(re, p), load(im, p)))
            transform(re, im, FOLDED)
            zr, zi = load(re, 0), load(im, 0)
            store(power, 0, (zr + zi) * (zr + zi))
            store(power, POINTS // 4, (zr - zi) * (zr - zi))
            for k in range(1, SUB // 2 + 1):
                one, other = unfold_power(re, im, k)
                store(power, 4 * k, 0.25 * one)
                store(power, POINTS // 4 - 4 * k, 0.25 * other)
            for band in range(bands):
                total = spread(0.0)
                for even in range(edges[band], edges[band + 1]):
                    total = total + weight[even] * load(power, even)
                store(re, 0, total)
                for lane in range(LANES):
                    frame = first + lane * family + member
                    if frame < len(out):
                        out[frame, band] = re[lane]


def _frames_room(offsets: IntArray, window: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the window padded to ``HELD`` samples, and work space for the transposed clip and eight transforms."""
    padded = np.zeros(HELD)
    padded[: len(window)] = window
    return padded, aligned_rows(int(offsets[-1]) + HELD), aligned_rows(8 * BLOCK), aligned_rows(8 * BLOCK)


def magnitude_sums(y: FloatArray, count: int, *, offsets: IntArray, hop: int, window: FloatArray) -> FloatArray:
    """Sum bins 0..1024 of the 2048-point magnitude spectra of ``count`` frames: shape (count,).

    Parameters
    ----------
    y
        Shape (n,).
    count
        Number of frames.
    offsets
        Starts of the frames of the first family, shape (f,).
    hop
        Distance in samples between two families.
    window
        Shape (L,), L <= 1408.
    """
    out = np.empty(count)
    if count == 0:
        return out
    sum_magnitudes(y, offsets, hop, *_frames_room(offsets, window), out)
    return out


def band_power(
    y: FloatArray,
    count: int,
    *,
    offsets: IntArray,
    hop: int,
    window: FloatArray,
    weight: FloatArray,
    edges: IntArray,
) -> FloatArray:
    """Sum weighted 1024-point power spectra between consecutive edges: shape (count, len(edges) - 1).

    A 1024-point spectrum is every second bin of a 2048-point spectrum.
    weight : factor of each bin, shape (513,).  edges : first bin of each band, and the bin after the last band.
    The other arguments are those of ``magnitude_sums``.
    """
    out = np.empty((count, len(edges) - 1))
    if count == 0:
        return out
    padded, xt, re, im = _frames_room(offsets, window)
    sum_bands(y, offsets, hop, padded, weight, edges, xt, re, im, aligned_rows(POINTS // 4 + 1), out)
    return out
