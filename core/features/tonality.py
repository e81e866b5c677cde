"""Tonality: chromagram of the clip and harmonic change (HCDF)."""

import numpy as np

from core.features.frames import (
    FloatArray,
    IntArray,
    bin_frequencies,
    cut,
    frame_starts,
    hamming,
    magnitude_spectra,
    next_pow2,
)
from core.features.spectrum import Spectrum, clip_spectrum
from core.features.statistics import mirstat
from core.schema import SR

LOWEST_HZ = 100.0
HIGHEST_HZ = 6400.0  # the first value of 100 * 2^k above 5000 Hz
MIDDLE_C_HZ = 261.6256
RANGE_DB = 20.0
EPS = 1e-16
RESOLUTION = 0.85 * (2 ** (1 / 12) - 1)  # largest allowed width of a bin, as a share of its frequency

HCDF_FRAME_S = 0.743
HCDF_HOP_RATIO = 0.1
GRID = 64  # size of the cells whose minimum and maximum are computed once for all frames


def chroma_bins(freqs: FloatArray, length: int, sr: float) -> tuple[int, int, int]:
    """Return the bins of the chromagram: first bin, end of the bins heard, end of the bins counted.

    The bins heard are those from 100 Hz to 6400 Hz; they define the 20 dB range. The bins counted are whole octaves:
    five at 44.1 kHz, because the first bin is just above 100 Hz. Frames too short to separate semitones at 100 Hz start
    at a higher bin; if they cannot separate any semitones, all three numbers are 0.
    Source: MIRtoolbox `mirchromagram`; spec. section 7, steps 2 and 4.
    """
    lowest = LOWEST_HZ if sr / (LOWEST_HZ * RESOLUTION) <= length else sr / length / RESOLUTION
    first = int(np.searchsorted(freqs, lowest))
    heard = min(int(np.searchsorted(freqs, HIGHEST_HZ)) + 1, len(freqs))
    if first >= heard:
        return 0, 0, 0
    octaves = np.floor(np.log2(freqs[heard - 1] / freqs[first]))
    return first, heard, int(np.searchsorted(freqs[:heard], freqs[first] * 2**octaves, side="right"))


def semitone_bounds(freqs: FloatArray) -> tuple[IntArray, int]:
    """Return the half-open bin ranges of the semitones, shape (semitones, 2), and the first semitone (0 = middle C).

    freqs : shape (bins,), ascending, Hz. A bin belongs to a semitone if it is strictly between the midpoints (in Hz) to
    the neighbouring semitones. Source: spec. section 7, step 5.
    """
    ends = 12 * np.log2(freqs[[0, -1]] / MIDDLE_C_HZ)
    low, high = (np.sign(ends) * np.floor(np.abs(ends) + 0.5)).astype(np.int64)  # rounds halves away from zero
    centres = MIDDLE_C_HZ * 2 ** (np.arange(low - 1, high + 2) / 12)
    middle = centres[1:-1]
    left = middle - 0.5 * (middle - centres[:-2])
    right = middle + 0.5 * (centres[2:] - middle)
    return np.stack([np.searchsorted(freqs, left, side="right"), np.searchsorted(freqs, right)], axis=1), int(low)


def decibels(magnitude: FloatArray) -> FloatArray:
    """Level relative to 20 dB below the maximum, in [0, 20] dB: shape (bins,) to (bins,). NaN becomes 0."""
    level = 20 * np.log10(magnitude + EPS)
    with np.errstate(invalid="ignore"):
        return np.fmax(0, level - np.fmax.reduce(level, initial=-np.inf) + RANGE_DB)


def chroma(y: FloatArray, sr: float) -> FloatArray:
    """Strength of the twelve pitch classes from C, relative to the strongest: y of shape (n,) to (12,), in [0, 1].

    The signal is scaled to 0..1 first, so level and offset do not matter. All values are 0 for a constant signal and
    NaN for a signal too short to separate semitones. Source: MIRtoolbox `mirchromagram`; spec. section 7.
    """
    n_fft = next_pow2(len(y))
    freqs = bin_frequencies(n_fft, sr)
    first, heard, counted = chroma_bins(freqs, len(y), sr)
    if first == heard:
        return np.full(12, np.nan)
    with np.errstate(invalid="ignore"):  # constant: 0 / 0
        unit = (y - y.min()) / (y.max() - y.min())
    magnitude = magnitude_spectra(unit * hamming(len(y)))
    level = decibels(magnitude[first:heard])[: counted - first]

    bounds, lowest = semitone_bounds(freqs[first:counted])
    semitones = np.array([level[a:b].mean() if b > a else 0.0 for a, b in bounds])
    semitones[0] /= 2
    semitones[-1] /= 2
    folded = np.zeros(12)
    np.add.at(folded, (lowest + np.arange(len(semitones))) % 12, semitones)
    return folded / (folded.max() + 1e-6)


def tonal_centroid(chroma_vectors: FloatArray) -> FloatArray:
    """Position on the circles of fifths, minor thirds and major thirds: chroma of shape (t, 12) to (t, 6).

    Source: Harte, Sandler & Gasser (2006), without their normalisation; spec. section 14, step 2.
    """
    k = np.arange(12)
    circles = ((7 * k / 6, 1.0), (3 * k / 2, 1.0), (2 * k / 3, 0.5))
    axes = [radius * turn(np.pi * angle) for angle, radius in circles for turn in (np.sin, np.cos)]
    return chroma_vectors @ np.array(axes).T


def harmonic_change(chroma_vectors: FloatArray) -> FloatArray:
    """Distance between the tonal centroids of neighbouring frames: chroma of shape (t, 12) to (t - 1,), >= 0.

    Source: MIRtoolbox `mirhcdf`, after Harte, Sandler & Gasser (2006); spec. section 14.
    """
    steps = np.diff(tonal_centroid(chroma_vectors), axis=0)
    return np.sqrt((steps**2).sum(axis=1))


def frame_chroma(y: FloatArray, sr: float) -> tuple[FloatArray, IntArray]:
    """Chroma of 0.743 s frames with a hop of a tenth: y of shape (n,) to (t, 12); also the frame starts, (t,)."""
    starts, length = frame_starts(len(y), sr, length_s=HCDF_FRAME_S, hop_ratio=HCDF_HOP_RATIO)
    vectors = [chroma(frame, sr) for frame in cut(y, starts, length)]
    return np.array(vectors).reshape(-1, 12), starts


def clip_chroma(y: FloatArray, spectrum: Spectrum) -> FloatArray:
    """Compute `chroma` of a clip from its spectrum with compiled kernels: shape (12,).

    Scaling the signal to 0..1 is linear, so the scaled spectrum follows from the spectra of the clip and the window.
    """
    from core.features.kernels.chroma import fold, shifted_power

    freqs = spectrum.low_freqs
    first, heard, counted = chroma_bins(freqs, len(y), spectrum.sr)
    if first == heard:
        return np.full(12, np.nan)
    low, high, folded = y.min(), y.max(), np.zeros(12)
    if low < high:
        power = np.empty(heard - first)
        shifted_power(spectrum.low, first, len(y), spectrum.n_fft, low, power)
        bounds, lowest = semitone_bounds(freqs[first:counted])
        fold(power, 1 / (high - low), bounds, lowest, folded)
    return folded


def frame_extremes(y: FloatArray, starts: IntArray, length: int) -> tuple[FloatArray, FloatArray]:
    """Minimum and maximum of each frame, both shape (t,): y of shape (n,), frames of at least 128 samples.

    Computed from the grid cells inside the frame and from its first and last 64 samples.
    """
    grid = np.arange(0, len(y), GRID)
    inside = np.stack([-(-starts // GRID), (starts + length) // GRID], axis=1).ravel()
    edges = np.concatenate([np.arange(GRID), np.arange(length - GRID, length)])
    ends = y[starts[:, np.newaxis] + edges]
    extremes = []
    for function in (np.minimum, np.maximum):
        cells = np.append(function.reduceat(y, grid), y[-1])  # an additional cell, so that every end is a valid index
        extremes.append(function(function.reduceat(cells, inside)[::2], function.reduce(ends, axis=1)))
    return extremes[0], extremes[1]


def frame_chroma_compiled(y: FloatArray, sr: float) -> tuple[FloatArray, IntArray]:
    """Compute `frame_chroma` with compiled kernels at 44.1 kHz: chroma, shape (t, 12), and the frame starts, (t,)."""
    from core.features.kernels.chroma import FRAME, chroma_of_frames

    starts, length = frame_starts(len(y), sr, length_s=HCDF_FRAME_S, hop_ratio=HCDF_HOP_RATIO)
    if sr != SR:
        return frame_chroma(y, sr)
    if len(starts) == 0:
        return np.zeros((0, 12)), starts
    freqs = bin_frequencies(FRAME, sr)
    first, heard, counted = chroma_bins(freqs, length, sr)
    bounds, lowest = semitone_bounds(freqs[first:counted])
    low, high = frame_extremes(y, starts, length)
    window = hamming(length)
    vectors = chroma_of_frames(y, starts, window, low, high - low, heard=(first, heard), bounds=bounds, lowest=lowest)
    return vectors, starts


def measure(y: FloatArray, sr: float, spectrum: Spectrum | None = None) -> dict[str, float]:
    """Compute the 18 tonality features, by published name; y of shape (n,), sr in Hz.

    spectrum : the spectrum of the clip; computed if omitted.  The features of harmonic change are NaN in silence.
    """
    y = np.ascontiguousarray(y)
    if spectrum is None:
        spectrum = clip_spectrum(y, sr)
    measured = {f"_Chromagram_Mean_{i}": float(value) for i, value in enumerate(clip_chroma(y, spectrum), 1)}
    vectors, starts = frame_chroma_compiled(y, sr) if y.any() else (np.empty((0, 12)), np.empty(0, np.int64))
    change = mirstat(harmonic_change(vectors), starts[1:] / sr)
    return measured | {
        "_HarmonicChangeDetectionFunction_Mean": change.mean,
        "_HarmonicChangeDetectionFunction_Std": change.std,
        "_HarmonicChangeDetectionFunction_Slope": change.slope,
        "_HarmonicChangeDetectionFunction_PeriodFreq": change.period_freq,
        "_HarmonicChangeDetectionFunction_PeriodAmp": change.period_amp,
        "_HarmonicChangeDetectionFunction_PeriodEntropy": change.period_entropy,
    }
