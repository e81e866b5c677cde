"""The onset curve, energy over time, and how many events it shows."""

from dataclasses import dataclass
from math import nan

import numpy as np

from core.features.frames import FloatArray, centres_s, cut, frame_starts, hanning, next_pow2
from core.features.peaks import peaks

FRAME_S, HOP_RATIO = 0.1, 0.1  # slow enough to melt a note's ripples, 100 values a second
CONTRAST = 0.1  # least rise and fall of an event, as a share of the curve's range


@dataclass(frozen=True, eq=False)
class OnsetCurve:
    """values : shape (t,), power per frame, not negative.  times_s : frame centres.  rate : values a second."""

    values: FloatArray
    times_s: FloatArray
    rate: float


def onset_curve(y: FloatArray, sr: float) -> OnsetCurve:
    """Power of every 0.1 s frame of a clip, 100 a second, not yet scaled by its maximum.

    y : shape (n,), full scale 1.
    The sum of the power spectrum of the frame under a Hann window, zero-padded to P = 8192 points at 44.1 kHz. By
    Parseval no spectrum is needed: the sum over bins 0..P/2 is half of P * sum((w x)^2) plus the two bins that have no
    mirror image, 0 and P/2. Empty when the clip is shorter than a frame; rate is NaN with fewer than two.
    MIRtoolbox 1.7.1 `mironsets`, default 'Spectro' curve; spec. section 9.
    """
    starts, length = frame_starts(len(y), sr, length_s=FRAME_S, hop_ratio=HOP_RATIO)
    windowed = cut(y, starts, length) * hanning(length)
    alternating = 1.0 - 2.0 * (np.arange(length) % 2)
    power = next_pow2(length) * (windowed**2).sum(axis=1)
    values = (power + windowed.sum(axis=1) ** 2 + (windowed @ alternating) ** 2) / 2
    rate = sr / float(starts[1] - starts[0]) if len(starts) > 1 else nan
    return OnsetCurve(values, centres_s(starts, length, sr), rate)


def event_density(curve: OnsetCurve) -> float:
    """Events a second, in [0, rate / 2]: peaks of the onset curve with a contrast of 0.1, over its length.

    0 in silence; NaN when the curve has fewer than two values.
    MIRtoolbox 1.7.1 `mireventdensity`; spec. section 9.
    """
    found = peaks(curve.values, contrast=CONTRAST)
    return len(found) * curve.rate / len(curve.values) if len(curve.values) > 1 else nan
