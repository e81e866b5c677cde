"""Timbre: shape of the spectrum, MFCC and roughness."""

from dataclasses import dataclass
from math import nan

import numpy as np

from core.features.frames import (
    FloatArray,
    IntArray,
    bin_frequencies,
    cut,
    frame_starts,
    hamming,
    magnitude_spectra,
)
from core.features.peaks import find_peaks
from core.features.spectrum import Spectrum, clip_spectrum
from core.features.statistics import trend
from core.schema import SR

ROLLOFF = 0.85
BRIGHT_HZ = 1500.0
EPS = 1e-12
MEL_EPS = 1e-16
NOISY = 0.95  # entropy above which MIRtoolbox returns no centroid

MEL_BANDS = 40
MFCC_RANKS = 13

ROUGH_FRAME_S = 0.05
ROUGH_HOP_RATIO = 0.5
ROUGH_CONTRAST = 0.01
USUAL_MAXIMA = 64  # maxima of a frame that room is made for at first; noise has more

COLUMNS = {
    "rolloff": "_Rolloff_Mean",
    "brightness": "_Brightness_Mean",
    "centroid": "_Spectralcentroid_Mean",
    "spread": "_Spectralspread_Mean",
    "skewness": "_Spectralskewness_Mean",
    "kurtosis": "_Spectralkurtosis_Mean",
    "flatness": "_Spectralflatness_Mean",
    "entropy": "_EntropyofSpectrum_Mean",
}


@dataclass(frozen=True)
class SpectralShape:
    """Rolloff, centroid and spread in Hz; brightness, flatness and entropy in [0, 1]; skewness; kurtosis >= 1."""

    rolloff: float
    brightness: float
    centroid: float
    spread: float
    skewness: float
    kurtosis: float
    flatness: float
    entropy: float


def spectral_shape(magnitude: FloatArray, freqs: FloatArray) -> SpectralShape:
    """Compute eight descriptors of a magnitude spectrum that do not depend on its level.

    magnitude : shape (bins,), any positive scale.  freqs : shape (bins,), Hz.
    All are NaN for silence; the centroid is NaN if the entropy exceeds 0.95.
    Source: MIRtoolbox `mirrolloff`, `mirbrightness`, `mircentroid`, `mirspread`, `mirskewness`, `mirkurtosis`,
    `mirflatness`, `mirentropy`; spec. section 5.
    """
    total = magnitude.sum()
    if not total > 0:
        return SpectralShape(*[nan] * 8)
    rolloff = freqs[np.argmax(np.cumsum(magnitude) >= ROLLOFF * total)]
    brightness = magnitude[freqs > BRIGHT_HZ].sum() / total

    shares = magnitude / (total + EPS)
    entropy = -(shares * np.log(shares + EPS)).sum() / _log_of_bins(magnitude)
    with np.errstate(divide="ignore", invalid="ignore"):  # log(0) of an empty bin; zero spread of a single bin
        flatness = np.exp(np.log(magnitude).mean()) / magnitude.mean()
        weights = magnitude + magnitude.min()  # plus, not minus, as in MIRtoolbox
        weights /= weights.sum()
        centroid = freqs @ weights
        offset = freqs - centroid
        spread = np.sqrt(offset**2 @ weights)
        skewness = offset**3 @ weights / spread**3
        kurtosis = offset**4 @ weights / spread**4
    if entropy > NOISY:
        centroid = nan
    values = (rolloff, brightness, centroid, spread, skewness, kurtosis, flatness, entropy)
    return SpectralShape(*map(float, values))


def _log_of_bins(magnitude: FloatArray) -> float:
    """Return the maximum entropy of the bins; NaN for a single bin."""
    return float(np.log(len(magnitude))) if len(magnitude) > 1 else nan


def clip_shape(spectrum: Spectrum) -> SpectralShape:
    """Compute `spectral_shape` of the spectrum of a clip with compiled kernels."""
    from core.features.kernels.clip import central_sums, first_sums

    magnitude, spacing = spectrum.magnitude, spectrum.sr / spectrum.n_fft
    bins = len(magnitude)
    total, weighted, above, rolloff = first_sums(magnitude, int(BRIGHT_HZ / spacing) + 1, ROLLOFF)
    if not total > 0:
        return SpectralShape(*[nan] * 8)
    floor = magnitude.min()
    mass = total + bins * floor
    centre = (weighted + floor * bins * (bins - 1) / 2) / mass
    variance, third, fourth = np.array(central_sums(magnitude, floor, centre)) / mass
    mean_log, shares_log = _log_sums(magnitude, total + EPS)
    with np.errstate(divide="ignore", invalid="ignore"):  # as in `spectral_shape`
        skewness, kurtosis = third / np.sqrt(variance) ** 3, fourth / variance**2
    entropy = -shares_log / _log_of_bins(magnitude)
    centroid = nan if entropy > NOISY else centre * spacing
    flatness = np.exp(mean_log) / (total / bins)
    values = (
        rolloff * spacing,
        above / total,
        centroid,
        np.sqrt(variance) * spacing,
        skewness,
        kurtosis,
        flatness,
        entropy,
    )
    return SpectralShape(*map(float, values))


def _log_sums(magnitude: FloatArray, total: float) -> tuple[float, float]:
    """Return the mean of log m and the sum of q log(q + 1e-12), q = m / total, in blocks that fit into the cache."""
    logs, shares_logs, buffer = 0.0, 0.0, np.empty(8192)
    with np.errstate(divide="ignore"):  # log(0) of an empty bin
        for first in range(0, len(magnitude), len(buffer)):
            piece = magnitude[first : first + len(buffer)]
            work = buffer[: len(piece)]
            logs += float(np.log(piece, out=work).sum())
            np.divide(piece, total, out=work)
            work += EPS
            shares_logs += float(piece @ np.log(work, out=work))
    return logs / len(magnitude), shares_logs / total


def mel_edges() -> FloatArray:
    """The 42 corner frequencies in Hz of the 40 triangular filters: linear up to 933 Hz, then logarithmic.

    Source: Slaney, Auditory Toolbox (1998); spec. section 6.
    """
    linear = 133.3333 + 66.66666666 * np.arange(13)
    return np.concatenate([linear, linear[-1] * 1.0711703 ** np.arange(1, 30)])


def mel_energies(magnitude: FloatArray, freqs: FloatArray) -> FloatArray:
    """Magnitudes (not powers) summed under the 40 mel filters, each of unit area: shape (bins,) to (40,).

    freqs : shape (bins,), Hz, ascending from 0; bins above 6854 Hz, the last corner, are not needed.
    """
    edges = mel_edges()
    corner = np.searchsorted(freqs, edges, side="right")
    energies = np.empty(MEL_BANDS)
    for band in range(MEL_BANDS):
        lower, centre, upper = edges[band : band + 3]
        rising = slice(corner[band], corner[band + 1])
        falling = slice(corner[band + 1], corner[band + 2])
        energies[band] = (
            (magnitude[rising] * (freqs[rising] - lower)).sum() / (centre - lower)
            + (magnitude[falling] * (upper - freqs[falling])).sum() / (upper - centre)
        ) * (2 / (upper - lower))
    return energies + MEL_EPS


def mfcc(energies: FloatArray) -> FloatArray:
    """Mel-frequency cepstral coefficients 1 to 13: mel energies of shape (40,) to (13,), in decades (log10).

    The cosine transform is scaled by sqrt(2 / 40); coefficient 0, the level, is omitted.
    Source: MIRtoolbox `mirmfcc`; spec. section 6.
    """
    rank = np.arange(1, MFCC_RANKS + 1)[:, np.newaxis]
    band = np.arange(MEL_BANDS)
    cosines = np.cos(rank * (2 * band + 1) * np.pi / (2 * MEL_BANDS))
    return cosines @ np.log10(energies + MEL_EPS) / np.sqrt(MEL_BANDS / 2)


def pair_roughness(freqs: FloatArray, magnitude: FloatArray) -> float:
    """Sum the sensory dissonance (beating) of all pairs of partials.

    freqs : shape (k,), Hz, ascending.  magnitude : shape (k,).  Returns amplitude squared, >= 0.
    Source: the curve of Plomp & Levelt as fitted by Sethares (1998), weighted by the product of the magnitudes.
    """
    low, high = np.triu_indices(len(freqs), 1)
    distance = freqs[high] - freqs[low]
    scale = 0.24 / (0.0207 * freqs[low] + 18.96)
    beating = np.exp(-3.51 * scale * distance) - np.exp(-5.75 * scale * distance)
    return float((magnitude[low] * magnitude[high]) @ beating)


def frame_roughness(y: FloatArray, sr: float) -> tuple[FloatArray, IntArray]:
    """Roughness of 50 ms frames with 50 % overlap: y of shape (n,) to (t,), amplitude squared; also the frame starts.

    Partials are spectral peaks with a contrast of at least 1 % of the range of all magnitudes of the clip.
    Source: MIRtoolbox `mirroughness` (Sethares); spec. section 8.
    """
    starts, length = frame_starts(len(y), sr, length_s=ROUGH_FRAME_S, hop_ratio=ROUGH_HOP_RATIO)
    spectra = magnitude_spectra(cut(y, starts, length) * hamming(length))
    if len(spectra) == 0:
        return np.empty(0), starts
    freqs = bin_frequencies(2 * (spectra.shape[1] - 1), sr)
    low, high = spectra.min(), spectra.max()
    values = np.zeros(len(spectra))
    for i, magnitude in enumerate(spectra):
        partials = find_peaks(magnitude, contrast=ROUGH_CONTRAST, low=low, high=high)
        values[i] = pair_roughness(freqs[partials], magnitude[partials])
    return values, starts


def frame_roughness_compiled(y: FloatArray, sr: float) -> FloatArray:
    """Compute `frame_roughness` with compiled kernels at 44.1 kHz: y of shape (n,) to (t,).

    The contrast of a peak depends on the range of the whole clip. The first pass therefore collects the local maxima of
    all frames; the second pass selects the peaks and computes the roughness.
    """
    from core.features.kernels.lanes import LANES, aligned_rows
    from core.features.kernels.real_fft import ROWS, SAMPLES, half_turns
    from core.features.kernels.roughness import collect_peaks, sum_roughness

    if sr != SR:
        return frame_roughness(y, sr)[0]
    starts, length = frame_starts(len(y), sr, length_s=ROUGH_FRAME_S, hop_ratio=ROUGH_HOP_RATIO)
    count, window = len(starts), hamming(length)
    bins = SAMPLES // 2 + 1
    most = LANES * ((bins + 1) // 2 + 1)  # at most one of two neighbouring bins is a maximum
    room = max(most, count * USUAL_MAXIMA)
    heights, notches, places = np.empty(room), np.empty(room), np.empty(room, np.int64)
    ends = np.empty(count, np.int64)
    turns, x, re, im = half_turns(), aligned_rows(SAMPLES), aligned_rows(ROWS), aligned_rows(ROWS)
    x[LANES * length :] = 0.0
    used, low, high = 0, np.inf, 0.0
    for first in range(0, count, LANES):
        here = starts[np.minimum(np.arange(first, first + LANES), count - 1)]  # eight, also at the end
        if used + most > len(heights):
            heights, notches, places = (np.concatenate([a, np.empty_like(a)]) for a in (heights, notches, places))
        used, low, high = collect_peaks(
            y, here, min(LANES, count - first), window, turns, x, re, im, ROUGH_CONTRAST, used, low, high,
            heights, notches, places, ends[first:],
        )  # fmt: skip
    roughness = np.zeros(count)
    if low < high:
        sum_roughness(heights, notches, places, ends, ROUGH_CONTRAST, low, high, bins, sr / SAMPLES, roughness)
    return roughness


def measure(y: FloatArray, sr: float, spectrum: Spectrum | None = None) -> dict[str, float]:
    """Compute the 23 timbre features, by published name; y of shape (n,), sr in Hz.

    spectrum : the spectrum of the clip; computed if omitted.
    """
    y = np.ascontiguousarray(y)
    if spectrum is None:
        spectrum = clip_spectrum(y, sr)
    shape = clip_shape(spectrum)
    measured = {column: getattr(shape, name) for name, column in COLUMNS.items()}
    coefficients = mfcc(mel_energies(spectrum.magnitude[: len(spectrum.low)], spectrum.low_freqs))
    measured |= {f"_MFCC_Mean_{rank}": float(value) for rank, value in enumerate(coefficients, 1)}
    roughness = trend(frame_roughness_compiled(y, sr))
    return measured | {"_Roughness_Mean": roughness.mean, "_Roughness_Slope": roughness.slope}
