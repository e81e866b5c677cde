"""What MIRtoolbox keeps of a series: mean, spread, trend and periodicity (`mirstat`, up to version 1.7.1)."""

from dataclasses import dataclass
from math import log, nan

import numpy as np

from core.features.frames import FloatArray

REGULAR_S = 0.5e-3  # frames are regular when the distance between their starts varies by less than this
EPS = 1e-12  # keeps log(0) finite in MIRtoolbox's entropies


@dataclass(frozen=True)
class Trend:
    """Mean and standard deviation in the unit of the series; slope in standard deviations per clip."""

    mean: float
    std: float
    slope: float


@dataclass(frozen=True)
class Stat(Trend):
    """A trend, and the strongest periodicity: its rate in Hz, its autocorrelation, and the evenness of all lags."""

    period_freq: float
    period_amp: float
    period_entropy: float


def trend(values: FloatArray) -> Trend:
    """Mean, sample standard deviation and slope of a series of shape (t,); NaN entries are left out.

    The slope is that of the z-scores over a time axis from 0 to 1 that is *not* centred, so it lies within
    +-sqrt(3). (Version 1.7.2 and later centre it, which gives about four times the value.)
    NaN where there is too little: all three without a value, std and slope with one, slope in a constant series.
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
    """The six statistics of a series, shape (t,), whose frames start at starts_s, shape (t,), in seconds.

    NaN entries are left out. Period statistics rest on the autocorrelation with the mean left in: period_amp in [0, 1]
    for a series that is never negative, period_entropy in [0, 1]. NaN where there is too little to tell: no periodicity
    in a series whose autocorrelation only falls, no rate where frames are irregular.
    Source: MIRtoolbox 1.7.1 `mirstat`; spec. section 1.4.
    """
    found = trend(values)
    known = values[~np.isnan(values)]
    n = len(known)
    if n < 2 or not known.any():
        return Stat(found.mean, found.std, found.slope, nan, nan, nan)
    correlation = np.correlate(known, known, mode="full")[n - 1 :]
    correlation /= correlation[0]

    shares = np.abs(correlation) / np.abs(correlation).sum()
    entropy = float(-(shares * np.log(shares + EPS)).sum() / log(n))

    rises = np.flatnonzero(np.diff(correlation) > 0)
    if len(rises) == 0:
        return Stat(found.mean, found.std, found.slope, nan, nan, entropy)
    after = correlation.copy()
    after[: rises[0] + 1] = 0
    lag = int(after.argmax())
    regular = bool((np.abs(np.diff(starts_s, 2)) < REGULAR_S).all())
    rate = 1 / (lag * float(starts_s[1] - starts_s[0])) if regular and lag > 0 else nan
    return Stat(found.mean, found.std, found.slope, rate, float(after[lag]), entropy)
