"""Fluctuation: how strongly the loudness of each frequency band rises and falls at the rates of rhythm."""

from math import nan

import numpy as np

from core.features.frames import FloatArray, IntArray, bin_frequencies, cut, frame_starts, hamming, next_pow2
from core.features.kernels import rhythm as kernels
from core.schema import SR

FRAME_S, RATE = 0.023, 80  # seconds; frames a second
FASTEST_HZ = 10.0  # modulation above it is no rhythm
LEAST_POINTS = 8000  # of the modulation spectrum
BLOCK = 64  # frames whose spectra are held in memory at once
FAMILY, FAMILY_HOP = 4, 2205  # at 44.1 kHz every 4th frame begins exactly 2205 samples later, 4 x 551.25
FLOOR = 1e-16  # keeps log(0) finite
# fmt: off
BARK_EDGES = (100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300,
              6400, 7700, 9500, 12000, 15500)  # Hz, upper ends; Zwicker (1961)
# fmt: on


def outer_ear(f: FloatArray) -> FloatArray:
    """Amplitude factor of the outer ear at frequencies in Hz; 0 at 0 Hz. Terhardt (1979); spec. section 13, step 2."""
    khz = np.maximum(f, np.finfo(float).tiny) / 1000
    db = -3.64 * khz**-0.8 + 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) - 0.001 * khz**4
    return np.where(f > 0, 10 ** (db / 20), 0.0)


def bark_bands(f: FloatArray) -> IntArray:
    """First bin of every Bark band, and the bin after the last band: shape (bands + 1,).

    f : frequencies of the bins in Hz. A band takes the bins above the previous edge, up to and including its own. The
    last band is the first that reaches the last bin. Spec. section 13, step 3.
    """
    edges = np.array([0, *BARK_EDGES], float)
    edges = edges[: np.searchsorted(edges, f[-1]) + 1]
    return np.searchsorted(f, edges, side="right")


def spreading(bands: int) -> FloatArray:
    """How much of band j's power reaches band i: shape (bands, bands).

    Schroeder et al. (1979); spec. section 13, step 4.
    """
    apart = np.subtract.outer(np.arange(bands), np.arange(bands)) + 0.474
    return 10 ** ((15.81 + 7.5 * apart - 17.5 * np.sqrt(1 + apart**2)) / 10)


def band_loudness(y: FloatArray, sr: float) -> tuple[FloatArray, float]:
    """Power of the Bark bands after outer ear and masking, in dB: shape (t, bands), 80 rows a second.

    y : shape (n,).  Returns with it the time that the frames cover in seconds, NaN when there are none.
    Spec. section 13, steps 1-5.
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
    for first in range(0, len(power), BLOCK):  # few enough for BLAS to stay on one thread, which costs less here
        power[first : first + BLOCK] = power[first : first + BLOCK] @ masks
    return 10 * np.log10(power + FLOOR), duration_s


def band_power(y: FloatArray, starts: IntArray, length: int, *, weight: FloatArray, edges: IntArray) -> FloatArray:
    """Weighted power spectrum of every frame, summed from each edge up to the next: shape (t, len(edges) - 1).

    weight : factor of each bin.  edges : those of ``bark_bands``.
    """
    out = np.empty((len(starts), len(edges) - 1))
    for first in range(0, len(starts), BLOCK):
        block = slice(first, first + BLOCK)
        spectra = np.fft.rfft(cut(y, starts[block], length) * hamming(length), next_pow2(length))
        power = (spectra.real**2 + spectra.imag**2) * weight
        out[block] = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)
    return out


def fluctuation_peak_mean(y: FloatArray, sr: float) -> float:
    """Loudness modulation at 0 to 10 Hz, most sensitive at 4 Hz, averaged over rates and Bark bands; dB, not negative.

    y : shape (n,). The mean of each band's loudness is left in, so the value depends on the level. NaN in silence and
    in clips shorter than a frame.
    MIRtoolbox 1.7.1 `mirfluctuation` after Pampalk et al. (2002); spec. section 13.
    """
    loudness, duration_s = band_loudness(y, sr)
    if len(loudness) == 0 or not y.any():
        return nan
    points = next_pow2(max(len(loudness), LEAST_POINTS))
    f = np.linspace(0, RATE / 2, points // 2 + 1)
    kept = int(np.searchsorted(f, FASTEST_HZ)) + 1
    strength = np.abs(np.fft.rfft(loudness, points, axis=0)[:kept]) / duration_s
    weight = np.maximum(0, np.minimum(f / 4, 1 - 0.3 * (f - 4) / 6))[:kept]
    return float((strength * weight[:, None]).mean())
