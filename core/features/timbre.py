"""The colour of the sound: shape of the spectrum, MFCC, roughness."""

from dataclasses import dataclass
from math import nan

import numpy as np

from core.features.frames import FloatArray, IntArray, bin_frequencies, cut, frame_starts, hamming, magnitude_spectra
from core.features.peaks import peaks

ROLLOFF = 0.85
BRIGHT_HZ = 1500.0
EPS = 1e-12
MEL_EPS = 1e-16
NOISY = 0.95  # above this entropy MIRtoolbox gives no centroid

MEL_BANDS = 40
MFCC_RANKS = 13

ROUGH_FRAME_S = 0.05
ROUGH_HOP_RATIO = 0.5
ROUGH_CONTRAST = 0.01


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
    """Eight descriptions of one magnitude spectrum; none depends on its level.

    magnitude : shape (bins,), any positive scale.  freqs : shape (bins,), Hz.
    All NaN for silence; the centroid is NaN where the entropy exceeds 0.95.
    Source: MIRtoolbox `mirrolloff`, `mirbrightness`, `mircentroid`, `mirspread`, `mirskewness`, `mirkurtosis`,
    `mirflatness`, `mirentropy`; spec. section 5.
    """
    total = magnitude.sum()
    if not total > 0:
        return SpectralShape(*[nan] * 8)
    rolloff = freqs[np.argmax(np.cumsum(magnitude) >= ROLLOFF * total)]
    brightness = magnitude[freqs > BRIGHT_HZ].sum() / total

    shares = magnitude / (total + EPS)
    with np.errstate(divide="ignore", invalid="ignore"):  # one bin: log(1) = 0; no spread; a bin of exactly zero
        entropy = -(shares * np.log(shares + EPS)).sum() / np.log(len(magnitude))
        flatness = np.exp(np.log(magnitude).mean()) / magnitude.mean()
        weights = magnitude + magnitude.min()  # sic
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


def mel_edges() -> FloatArray:
    """The 42 corner frequencies in Hz of the 40 triangular filters: linear up to 933 Hz, then logarithmic.

    Source: Slaney, Auditory Toolbox (1998); spec. section 6.
    """
    linear = 133.3333 + 66.66666666 * np.arange(13)
    return np.concatenate([linear, linear[-1] * 1.0711703 ** np.arange(1, 30)])


def mel_energies(magnitude: FloatArray, freqs: FloatArray) -> FloatArray:
    """Magnitudes (not powers) summed under the 40 mel filters, each of unit area: shape (bins,) to (40,)."""
    edges = mel_edges()
    energies = np.empty(MEL_BANDS)
    for band in range(MEL_BANDS):
        lower, centre, upper = edges[band : band + 3]
        height = 2 / (upper - lower)
        rising = (freqs > lower) & (freqs <= centre)
        falling = (freqs > centre) & (freqs < upper)
        energies[band] = height * (
            magnitude[rising] @ (freqs[rising] - lower) / (centre - lower)
            + magnitude[falling] @ (upper - freqs[falling]) / (upper - centre)
        )
    return energies + MEL_EPS


def mfcc(energies: FloatArray) -> FloatArray:
    """Mel-frequency cepstral coefficients 1 to 13: mel energies of shape (40,) to (13,), in decades (log10).

    The cosine transform is scaled by sqrt(2 / 40); coefficient 0, the level, is left out.
    Source: MIRtoolbox `mirmfcc`; spec. section 6.
    """
    rank = np.arange(1, MFCC_RANKS + 1)[:, np.newaxis]
    band = np.arange(MEL_BANDS)
    cosines = np.cos(rank * (2 * band + 1) * np.pi / (2 * MEL_BANDS))
    return cosines @ np.log10(energies + MEL_EPS) / np.sqrt(MEL_BANDS / 2)


def pair_roughness(freqs: FloatArray, magnitude: FloatArray) -> float:
    """Sensory dissonance of partials: every pair beats, the more the nearer and the stronger the two are.

    freqs : shape (k,), Hz, ascending.  magnitude : shape (k,).  Returns amplitude squared, >= 0.
    Source: Plomp & Levelt's curve as fitted by Sethares (1998), weighted by the product of the magnitudes.
    """
    low, high = np.triu_indices(len(freqs), 1)
    distance = freqs[high] - freqs[low]
    scale = 0.24 / (0.0207 * freqs[low] + 18.96)
    beating = np.exp(-3.51 * scale * distance) - np.exp(-5.75 * scale * distance)
    return float((magnitude[low] * magnitude[high]) @ beating)


def frame_roughness(y: FloatArray, sr: float) -> tuple[FloatArray, IntArray]:
    """Roughness of half-overlapping 50 ms frames: y of shape (n,) to (t,), amplitude squared; and the frames' starts.

    Partials are the spectral peaks that stand out by 1 % of the clip's range of magnitudes.
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
        found = peaks(magnitude, contrast=ROUGH_CONTRAST, low=low, high=high)
        values[i] = pair_roughness(freqs[found], magnitude[found])
    return values, starts
