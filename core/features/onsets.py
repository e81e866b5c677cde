"""The onset curve (energy over time) and the event density."""

from dataclasses import dataclass
from math import nan

import numpy as np

from core.features.frames import FloatArray, IntArray, centres_s, cut, frame_starts, hanning, next_pow2
from core.features.peaks import find_peaks

FRAME_S, HOP_RATIO = 0.1, 0.1  # long enough to smooth ripples within a note; 100 values per second
PARTS = 10  # hops per frame
BLOCK = 24  # hops weighted at once; small blocks keep BLAS on one thread, which is faster here
CONTRAST = 0.1  # minimum rise and fall of an event, as a share of the range of the curve


@dataclass(frozen=True, eq=False)
class OnsetCurve:
    """Energy over time.

    Parameters
    ----------
    values
        Shape (t,), power of each frame, >= 0.
    times_s
        Shape (t,), centres of the frames in seconds.
    rate
        Number of values per second.
    """

    values: FloatArray
    times_s: FloatArray
    rate: float


def onset_curve(y: FloatArray, sr: float) -> OnsetCurve:
    """Compute the power of 0.1 s frames, 100 per second, not scaled by the maximum.

    y : shape (n,), full scale 1. The curve is empty if the clip is shorter than a frame; the rate is NaN with fewer
    than two frames. Source: MIRtoolbox 1.7.1 `mironsets`, default 'Spectro' curve; spec. section 9.
    """
    starts, length = frame_starts(len(y), sr, length_s=FRAME_S, hop_ratio=HOP_RATIO)
    aligned = length % PARTS == 0 and np.array_equal(starts, np.arange(len(starts)) * (length // PARTS))
    values = power_by_parts(y, len(starts), length) if aligned else power(y, starts, length)
    rate = sr / float(starts[1] - starts[0]) if len(starts) > 1 else nan
    return OnsetCurve(values, centres_s(starts, length, sr), rate)


def power(y: FloatArray, starts: IntArray, length: int) -> FloatArray:
    """Sum the power spectrum of each frame, with a Hann window and zero-padding to the next power of two P: shape (t,).

    By Parseval's theorem no spectrum is needed: the sum over bins 0..P/2 is half of P * sum((w x)^2) plus half of the
    bins 0 and P/2, which have no mirror image.
    """
    windowed = cut(y, starts, length) * hanning(length)
    squares = next_pow2(length) * (windowed**2).sum(axis=1)
    return np.asarray((squares + windowed.sum(axis=1) ** 2 + (windowed @ _alternating(length)) ** 2) / 2)


def power_by_parts(y: FloatArray, count: int, length: int) -> FloatArray:
    """Compute ``power`` of ``count`` frames with a hop of a tenth of their length: shape (count,).

    Each tenth of a frame is weighted for all ten positions that it has in frames; a frame is the sum of ten parts.
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
    """Return 1, -1, 1, -1, ...: a wave at the Nyquist frequency."""
    return np.where(np.arange(length) % 2, -1.0, 1.0)


def event_density(curve: OnsetCurve) -> float:
    """Number of events per second, in [0, rate / 2]: peaks of the onset curve with a contrast of at least 0.1.

    0 in silence; NaN if the curve has fewer than two values.
    Source: MIRtoolbox 1.7.1 `mireventdensity`; spec. section 9.
    """
    peaks = find_peaks(curve.values, contrast=CONTRAST)
    return len(peaks) * curve.rate / len(curve.values) if len(curve.values) > 1 else nan
