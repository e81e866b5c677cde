"""The onset curve, energy over time, and how many events it shows."""

from dataclasses import dataclass
from math import nan

import numpy as np

from core.features.frames import FloatArray, IntArray, centres_s, cut, frame_starts, hanning, next_pow2
from core.features.peaks import find_peaks

FRAME_S, HOP_RATIO = 0.1, 0.1  # slow enough to melt a note's ripples, 100 values a second
PARTS = 10  # hops in a frame
BLOCK = 24  # hops that are weighted at once: few enough for BLAS to stay on one thread, which costs less here
CONTRAST = 0.1  # least rise and fall of an event, as a share of the curve's range


@dataclass(frozen=True, eq=False)
class OnsetCurve:
    """values : shape (t,), power per frame, not negative.  times_s : frame centres.  rate : values a second."""

    values: FloatArray
    times_s: FloatArray
    rate: float


def onset_curve(y: FloatArray, sr: float) -> OnsetCurve:
    """Power of every 0.1 s frame of a clip, 100 a second, not yet scaled by its maximum.

    y : shape (n,), full scale 1. Empty when the clip is shorter than a frame; rate is NaN with fewer than two.
    MIRtoolbox 1.7.1 `mironsets`, default 'Spectro' curve; spec. section 9.
    """
    starts, length = frame_starts(len(y), sr, length_s=FRAME_S, hop_ratio=HOP_RATIO)
    aligned = length % PARTS == 0 and np.array_equal(starts, np.arange(len(starts)) * (length // PARTS))
    values = power_by_parts(y, len(starts), length) if aligned else power(y, starts, length)
    rate = sr / float(starts[1] - starts[0]) if len(starts) > 1 else nan
    return OnsetCurve(values, centres_s(starts, length, sr), rate)


def power(y: FloatArray, starts: IntArray, length: int) -> FloatArray:
    """Sum of the power spectrum of every frame under a Hann window, zero-padded to the next power of two P: shape (t,).

    By Parseval no spectrum is needed: the sum over bins 0..P/2 is half of P * sum((w x)^2) plus the two bins that have
    no mirror image, 0 and P/2.
    """
    windowed = cut(y, starts, length) * hanning(length)
    squares = next_pow2(length) * (windowed**2).sum(axis=1)
    return np.asarray((squares + windowed.sum(axis=1) ** 2 + (windowed @ _alternating(length)) ** 2) / 2)


def power_by_parts(y: FloatArray, count: int, length: int) -> FloatArray:
    """What ``power`` gives for ``count`` frames that follow each other by a tenth of their length: shape (count,).

    Each tenth of a frame is weighted in all ten places that it takes in frames, and a frame adds up ten of them.
    """
    hop = length // PARTS
    rows = y[: len(y) // hop * hop].reshape(-1, hop)
    window = hanning(length)
    plain = np.stack([window, window * _alternating(length)]).reshape(2 * PARTS, hop).T
    squared = (window**2).reshape(PARTS, hop).T
    weighted = np.empty((len(rows), 3 * PARTS))
    for first in range(0, len(rows), BLOCK):
        block = slice(first, first + BLOCK)
        weighted[block, : 2 * PARTS] = rows[block] @ plain
        weighted[block, 2 * PARTS :] = np.square(rows[block]) @ squared
    parts = weighted.reshape(len(rows), 3, PARTS)
    frames = np.sum([parts[k : k + count, :, k] for k in range(PARTS)], axis=0)
    total, alternating, squares = frames.T
    return np.asarray((next_pow2(length) * squares + total**2 + alternating**2) / 2)


def _alternating(length: int) -> FloatArray:
    """1, -1, 1, -1 ..: the wave of half the sampling rate."""
    return np.where(np.arange(length) % 2, -1.0, 1.0)


def event_density(curve: OnsetCurve) -> float:
    """Events a second, in [0, rate / 2]: peaks of the onset curve with a contrast of 0.1, over its length.

    0 in silence; NaN when the curve has fewer than two values.
    MIRtoolbox 1.7.1 `mireventdensity`; spec. section 9.
    """
    found = find_peaks(curve.values, contrast=CONTRAST)
    return len(found) * curve.rate / len(curve.values) if len(curve.values) > 1 else nan
