"""Tempo and pulse clarity: rate and strength of the repetition between 40 and 200 beats per minute."""

from math import ceil, nan

import numpy as np

from core.features.frames import FloatArray, next_pow2
from core.features.kernels import filterbank as kernels
from core.features.onsets import OnsetCurve
from core.features.peaks import find_peaks, find_valleys

CHANNELS = 10
LOWEST_HZ = 50.0
EAR_Q, MIN_BW = 9.26449, 24.7  # auditory filters of Glasberg and Moore
TIME_CONSTANT_S = 0.02  # time constant of the low-pass filter of the envelope
DECIMATION = kernels.DECIMATION

SLOWEST, FASTEST = 40, 200  # bpm
RESONANCE_S = 0.5  # the period at which people most easily tap along
FACTORS = range(2, 11)  # multiples of a period that the enhancement removes


def gammatone(sr: float) -> FloatArray:
    """Coefficients of ten gammatone filters with four second-order sections each: shape (10, 4, 6), scipy's order.

    The centre frequencies fall from nearly sr / 2 to 50 Hz, evenly spaced on the ERB scale; gain 1 at the centre.
    Source: Slaney (1993), Apple technical report 35; spec. section 11, step 1.
    """
    corner = EAR_Q * MIN_BW
    steps = np.arange(1, CHANNELS + 1) * (np.log(LOWEST_HZ + corner) - np.log(sr / 2 + corner)) / CHANNELS
    cf = -corner + (sr / 2 + corner) * np.exp(steps)
    period = 1 / sr
    decay = 1.019 * 2 * np.pi * (cf / EAR_Q + MIN_BW) * period
    angle = 2 * np.pi * cf * period
    inner, outer = np.sqrt(3 - 2**1.5), np.sqrt(3 + 2**1.5)
    kappa = np.array([outer, -outer, inner, -inner])[:, None]

    z = np.exp(2j * angle)
    pole = np.exp(-decay + 1j * angle)
    zeros = -2 * z * period + 2 * pole * period * (np.cos(angle) + kappa * np.sin(angle))
    poles = -2 / np.exp(2 * decay) - 2 * z + 2 * (1 + z) / np.exp(decay)
    gain = np.abs(zeros.prod(axis=0)) / np.abs(poles) ** 4

    sections = np.zeros((CHANNELS, 4, 6))
    sections[..., 0] = period
    sections[..., 1] = (-period * (np.cos(angle) + kappa * np.sin(angle)) / np.exp(decay)).T
    sections[:, 0, :3] /= gain[:, None]
    sections[..., 3] = 1
    sections[..., 4] = (-2 * np.cos(angle) / np.exp(decay))[:, None]
    sections[..., 5] = np.exp(-2 * decay)[:, None]
    return sections


def summed_envelope(y: FloatArray, sections: FloatArray, a: float) -> FloatArray:
    """Sum the envelopes of all frequency channels: shape (ceil(n / 16),), >= 0, sampling rate sr / 16.

    Each channel is rectified, smoothed forwards and backwards by a one-pole filter, and decimated by 16.
    Source: MIRtoolbox 1.7.1 `mirenvelope`; spec. section 11, steps 1-3.

    Parameters
    ----------
    y
        Shape (n,), n >= 4.
    sections
        Coefficients from ``gammatone``.
    a
        Pole of the smoothing filter.
    """
    from scipy.signal import filtfilt, sosfilt  # takes half a second to import; the compiled kernel does not need it

    total = np.zeros(-(-len(y) // DECIMATION))
    for channel in sections:
        rectified = np.abs(sosfilt(channel, y))
        smooth = filtfilt([1 - a], [1, -a], rectified, padtype="odd", padlen=3)
        total += np.maximum(smooth[::DECIMATION], 0)
    return total


def periodicity(curve: FloatArray, rate: float) -> tuple[FloatArray, FloatArray]:
    """Autocorrelation of a curve at the lags of 200 to 40 beats per minute, weighted by the tapping resonance.

    Source: MIRtoolbox 1.7.1 `mirautocor` with 'Resonance', after Toiviainen & Snyder (2003); spec. section 11,
    steps 4-5.

    Parameters
    ----------
    curve
        Shape (t,), any unit.
    rate
        Values per second.

    Returns
    -------
    tuple
        The weighted autocorrelation, in [-1, 1], and its lags in seconds, both shape (k,); both are empty if the curve
        is constant or too short for the first lag.
    """
    lags = np.arange(ceil(len(curve) / 2)) / rate
    first, last = np.searchsorted(lags, [60 / FASTEST, 60 / SLOWEST])
    lags = lags[first : last + 1]
    s = curve - curve.mean() if len(lags) else np.empty(0)
    energy = float(np.square(s).sum())
    if not energy > 0:
        return np.empty(0), np.empty(0)
    least = len(s) + int(last) + 1  # zero-padding for the longest lag, so that the correlation is not circular
    size = min(odd * next_pow2(-(-least // odd)) for odd in (1, 3, 5, 9, 15))
    spectrum = np.fft.rfft(s, size)
    correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)[first : first + len(lags)] / energy
    weight = np.maximum(0, 1 - np.log2(lags / RESONANCE_S) ** 2 / 4)
    return correlation * (weight / weight.max()), lags


def enhanced(c: FloatArray, lags: FloatArray) -> FloatArray:
    """Remove the repetitions of a period at its multiples from an autocorrelation.

    c, lags : shape (k,), k >= 2. Positive parts of the curve, stretched by 2, 3, .. 10, are subtracted from the curve.
    Source: MIRtoolbox 1.7.1 `mirautocor` 'Enhanced', after Tolonen & Karjalainen (2000); spec. section 11, step 6.
    """
    floor = _floor(c)
    y, u, spacing = c - floor, lags, lags[1] - lags[0]
    removed = added = 0
    if y[1] < y[0]:
        rises = np.flatnonzero(np.diff(y) > 0)
        removed = int(rises[0]) if len(rises) else 0
        y, u = y[removed:], u[removed:]
    if y[1] > y[0]:
        step, slope, before = y[1] - y[0], [], []
        value, lag = y[0], u[0]
        while value > 0:
            step *= 1.1
            value, lag = value - step, lag - spacing
            slope.append(value)
            before.append(lag)
        added = len(slope)
        y, u = np.concatenate([slope[::-1], y]), np.concatenate([before[::-1], u])
        y[0] = 0
    for factor in FACTORS:
        y = _without_echo(y, u, factor)
    if removed > added:
        return np.concatenate([np.zeros(removed - added), y])
    return y[added - removed :] + floor


def _floor(c: FloatArray) -> float:
    """Return the highest valley below the lowest peak; 0 if there is none. Source: spec. section 11, step 6a."""
    tops = c[find_peaks(c, contrast=0.01, begin=False, end=False, local=True)]
    if len(tops) == 0:
        return 0.0
    lows = c[find_valleys(c, contrast=0.01, local=True)]
    return float(lows[lows < tops.min()].max(initial=-np.inf)) if (lows < tops.min()).any() else 0.0


def _without_echo(y: FloatArray, u: FloatArray, factor: int) -> FloatArray:
    """Subtract from y the same curve stretched by a factor, not below 0. Source: spec. section 11, step 6c."""
    shrunk = u / factor
    inside = np.flatnonzero((u != 0) & (shrunk >= u[0]))
    if len(inside) == 0:
        return y
    echo = np.interp(shrunk, u, y, right=np.inf)
    echo[: inside[0]] = 0
    return np.maximum(0, y - np.maximum(echo, 0))


def best_lag(c: FloatArray, lags: FloatArray) -> float:
    """Lag of the highest peak in the unit of ``lags``, refined by a parabola through it; NaN when there is no peak.

    Spec. section 11, step 7.
    """
    found = find_peaks(c, contrast=0.1, begin=False, end=False, local=True)
    if len(found) == 0:
        return nan
    k = int(found[c[found].argmax()])
    left, top, right = c[k - 1 : k + 2]
    shift = (right - left) / (2 * (2 * top - right - left))
    return float(lags[k] + shift * (lags[k + 1] - lags[k] if shift >= 0 else lags[k] - lags[k - 1]))


def mean_tempo(y: FloatArray, sr: float) -> float:
    """Tempo in beats per minute, from 40 to 200; NaN if there is no clear beat or the clip is shorter than about 0.6 s.

    y : shape (n,). Source: MIRtoolbox 1.7.1 `mirtempo`; spec. section 11.
    """
    if len(y) < DECIMATION or not y.any():
        return nan
    envelope = kernels.summed_envelope(y, gammatone(sr), float(np.exp(-1 / (TIME_CONSTANT_S * sr))))
    c, lags = periodicity(np.diff(envelope), sr / DECIMATION)
    return 60 / best_lag(enhanced(c, lags), lags) if len(c) > 2 else nan


def pulse_clarity(curve: OnsetCurve) -> float:
    """Strength of the repetition of the onset curve at beat rates, in [-1, 1]; NaN if it is constant or too short.

    Source: MIRtoolbox 1.7.1 `mirpulseclarity` ('MaxAutocor'), Lartillot et al. (2008); spec. section 12.
    """
    c, _ = periodicity(np.diff(curve.values), curve.rate)
    return float(c.max()) if len(c) else nan
