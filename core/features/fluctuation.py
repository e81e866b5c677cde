"""Fluctuation: strength of the loudness modulation of frequency bands at rhythmic rates."""

from math import nan

import numpy as np

from core.features.frames import FloatArray, IntArray, bin_frequencies, cut, frame_starts, hamming, next_pow2
from core.features.kernels import rhythm as kernels
from core.schema import SR

FRAME_S, RATE = 0.023, 80  # seconds; frames per second
FASTEST_HZ = 10.0  # faster modulation is not heard as rhythm
LEAST_POINTS = 8000  # minimum number of points of the modulation spectrum
BLOCK = 64  # number of spectra in memory at once
FAMILY, FAMILY_HOP = 4, 2205  # at 44.1 kHz, 4 hops of 551.25 samples are exactly 2205 samples
FLOOR = 1e-16  # keeps log(0) finite
# fmt: off
BARK_EDGES = (100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300,
              6400, 7700, 9500, 12000, 15500)  # Hz, upper ends; Zwicker (1961)
# fmt: on


def outer_ear(f: FloatArray) -> FloatArray:
    """Amplitude factor of the outer ear at frequencies in Hz. Source: Terhardt (1979); spec. section 13, step 2."""
    khz = np.maximum(f, np.finfo(float).tiny) / 1000
    db = -3.64 * khz**-0.8 + 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) - 0.001 * khz**4
    return np.where(f > 0, 10 ** (db / 20), 0.0)


def bark_bands(f: FloatArray) -> IntArray:
    """Return the first bin of each Bark band, and the bin after the last band: shape (bands + 1,).

    f : frequencies of the bins in Hz. A band contains the bins above the previous edge, up to and including its own
    edge. The last band is the first one that contains the last bin. Source: spec. section 13, step 3.
    """
    edges = np.array([0, *BARK_EDGES], float)
    edges = edges[: np.searchsorted(edges, f[-1]) + 1]
    return np.searchsorted(f, edges, side="right")


def spreading(bands: int) -> FloatArray:
    """Spreading function of masking: the share of the power of band j that reaches band i, shape (bands, bands).

    Source: Schroeder et al. (1979); spec. section 13, step 4.
    """
    distance = np.subtract.outer(np.arange(bands), np.arange(bands)) + 0.474
    return 10 ** ((15.81 + 7.5 * distance - 17.5 * np.sqrt(1 + distance**2)) / 10)


def band_loudness(y: FloatArray, sr: float) -> tuple[FloatArray, float]:
    """Compute the power of the Bark bands in dB, after outer ear and masking: shape (t, bands), 80 rows per second.

    y : shape (n,).  Also returns the duration of all frames in seconds, NaN without frames.
    Source: spec. section 13, steps 1-5.
    """
    starts, length = frame_starts(len(y), sr, length_s=FRAME_S, rate_hz=RATE)
    f = bin_frequencies(next_pow2(length), sr)
    weight, edges = outer_ear(f) ** 2, bark_bands(f)
    if sr == SR:
        power = kernels.band_power(
            y,
            len(starts),
            offsets=starts[:FAMILY],
            hop=FAMILY_HOP,
            window=hamming(length),
            weight=weight,
            edges=edges,
        )
    else:
        power = band_power(y, starts, length, weight=weight, edges=edges)
    duration_s = float(starts[-1] + length - 1) / sr if len(starts) else nan
    masks = spreading(len(edges) - 1).T
    for first in range(0, len(power), BLOCK):  # small blocks keep BLAS on one thread, which is faster here
        power[first : first + BLOCK] = power[first : first + BLOCK] @ masks
    return 10 * np.log10(power + FLOOR), duration_s


def band_power(y: FloatArray, starts: IntArray, length: int, *, weight: FloatArray, edges: IntArray) -> FloatArray:
    """Sum the weighted power spectrum of each frame between consecutive edges: shape (t, len(edges) - 1).

    weight : factor of each bin.  edges : from ``bark_bands``.
    """
    out = np.empty((len(starts), len(edges) - 1))
    for first in range(0, len(starts), BLOCK):
        block = slice(first, first + BLOCK)
        spectra = np.fft.rfft(cut(y, starts[block], length) * hamming(length), next_pow2(length))
        power = (spectra.real**2 + spectra.imag**2) * weight
        out[block] = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)
    return out


def fluctuation_peak_mean(y: FloatArray, sr: float) -> float:
    """Mean loudness modulation from 0 to 10 Hz over rates and Bark bands, weighted with a maximum at 4 Hz; dB, >= 0.

    y : shape (n,). The mean loudness of each band is not removed, so the value depends on the level. NaN for silence
    and for clips shorter than a frame.
    Source: MIRtoolbox 1.7.1 `mirfluctuation`, after Pampalk et al. (2002); spec. section 13.
    """
    loudness, duration_s = band_loudness(y, sr)
    if len(loudness) == 0 or not y.any():
        return nan
    points = next_pow2(max(len(loudness), LEAST_POINTS))
    f = np.linspace(0, RATE / 2, points // 2 + 1)
    bins = int(np.searchsorted(f, FASTEST_HZ)) + 1
    strength = np.abs(np.fft.rfft(loudness, points, axis=0)[:bins]) / duration_s
    weight = np.maximum(0, np.minimum(f / 4, 1 - 0.3 * (f - 4) / 6))[:bins]
    return float((strength * weight[:, None]).mean())
