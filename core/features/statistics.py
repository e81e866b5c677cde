"""Statistics of a series of frame values: mean, spread, trend and periodicity (`mirstat` up to MIRtoolbox 1.7.1)."""

from dataclasses import dataclass
from math import log, nan

import numpy as np

from core.features.frames import FloatArray

REGULAR_S = 0.5e-3  # frames are regular if the distance between their starts varies by less than this
EPS = 1e-12  # keeps log(0) finite in MIRtoolbox's entropies


@dataclass(frozen=True)
class Trend:
    """Mean and standard deviation in the unit of the series; slope in standard deviations per clip."""

    mean: float
    std: float
    slope: float


@dataclass(frozen=True)
class Stat(Trend):
    """A trend, and the strongest periodicity: rate in Hz, autocorrelation, and entropy of the autocorrelation."""

    period_freq: float
    period_amp: float
    period_entropy: float


def trend(values: FloatArray) -> Trend:
    """Compute mean, sample standard deviation and slope of a series, shape (t,); NaN entries are ignored.

    The slope is the slope of the z-scores over a time axis from 0 to 1 that is *not* centred; it is within +-sqrt(3).
    (Version 1.7.2 and later centre the axis, which gives about four times the value.)
    All three are NaN without any value; std and slope are NaN for one value; slope is NaN for a constant series.
    Source: MIRtoolbox 1.7.1 `mirstat`; spec. section 1.4.
    """
    valid = ~np.isnan(values)
    known = values[valid]
    if len(known) == 0:
        return Trend(nan, nan, nan)
    mean = float(known.mean())
    if len(known) == 1:
        return Trend(mean, nan, nan)
    std = float(known.std(ddof=1))
    if not std > 0:
        return Trend(mean, std, nan)
    axis = np.linspace(0, 1, len(values))[valid]
    return Trend(mean, std, float(((known - mean) / std) @ axis / (axis @ axis)))


def mirstat(values: FloatArray, starts_s: FloatArray) -> Stat:
    """Compute the six statistics of a series, shape (t,); NaN entries are ignored.

    The autocorrelation is computed without removing the mean: period_amp is in [0, 1] for a series that is never
    negative, period_entropy is in [0, 1]. The period is NaN if the autocorrelation only falls; the rate is also NaN if
    the frames are irregular. Source: MIRtoolbox 1.7.1 `mirstat`; spec. section 1.4.

    Parameters
    ----------
    values
        Shape (t,), one value per frame.
    starts_s
        Shape (t,), start times of the frames in seconds.
    """
    basic = trend(values)
    known = values[~np.isnan(values)]
    n = len(known)
    if n < 2 or not known.any():
        return Stat(basic.mean, basic.std, basic.slope, nan, nan, nan)
    correlation = np.correlate(known, known, mode="full")[n - 1 :]
    correlation /= correlation[0]

    shares = np.abs(correlation) / np.abs(correlation).sum()
    entropy = float(-(shares * np.log(shares + EPS)).sum() / log(n))

    rises = np.flatnonzero(np.diff(correlation) > 0)
    if len(rises) == 0:
        return Stat(basic.mean, basic.std, basic.slope, nan, nan, entropy)
    after = correlation.copy()
    after[: rises[0] + 1] = 0
    lag = int(after.argmax())
    regular = bool((np.abs(np.diff(starts_s, 2)) < REGULAR_S).all())
    rate = 1 / (lag * float(starts_s[1] - starts_s[0])) if regular and lag > 0 else nan
    return Stat(basic.mean, basic.std, basic.slope, rate, float(after[lag]), entropy)
