"""Pitch content: the chromagram of the clip, and how the harmony changes (HCDF)."""

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

LOWEST_HZ = 100.0
HIGHEST_HZ = 6400.0  # the first 100 * 2^k from 5000 Hz on
MIDDLE_C_HZ = 261.6256
RANGE_DB = 20.0
EPS = 1e-16
RESOLUTION = 0.85 * (2 ** (1 / 12) - 1)  # a bin may be this share of a frequency wide

HCDF_FRAME_S = 0.743
HCDF_HOP_RATIO = 0.1
FRAMES_AT_ONCE = 8  # their spectra fit the processor's cache
GRID = 64  # samples whose extremes are taken once for all frames


def kept_bins(freqs: FloatArray, length: int, sr: float) -> tuple[int, int, int]:
    """Where the chromagram looks: first bin, end of the bins heard, end of the bins counted.

    The bins heard reach from 100 Hz to 6400 Hz and set the 20 dB range; those counted are whole octaves, which are
    five at 44.1 kHz because the first bin lies just above 100 Hz. Frames too short to tell semitones at 100 Hz apart
    begin higher; when they cannot at all, the three are equal.
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
    """Bins of every semitone: bounds of shape (semitones, 2), half open, and the first semitone, counted from middle C.

    freqs : shape (bins,), ascending, Hz. A bin belongs to a semitone when it lies strictly between the midpoints
    (in Hz) to its neighbours. Source: spec. section 7, step 5.
    """
    ends = 12 * np.log2(freqs[[0, -1]] / MIDDLE_C_HZ)
    low, high = (np.sign(ends) * np.floor(np.abs(ends) + 0.5)).astype(np.int64)  # halves away from zero
    centres = MIDDLE_C_HZ * 2 ** (np.arange(low - 1, high + 2) / 12)
    middle = centres[1:-1]
    left = middle - 0.5 * (middle - centres[:-2])
    right = middle + 0.5 * (centres[2:] - middle)
    return np.stack([np.searchsorted(freqs, left, side="right"), np.searchsorted(freqs, right)], axis=1), int(low)


def decibels(magnitude: FloatArray) -> FloatArray:
    """Level above 20 dB below the maximum, in [0, 20] dB: shape (bins,) to (bins,). NaN counts as nothing, 0."""
    level = 20 * np.log10(magnitude + EPS)
    with np.errstate(invalid="ignore"):
        return np.fmax(0, level - np.fmax.reduce(level, initial=-np.inf) + RANGE_DB)


def chroma(y: FloatArray, sr: float) -> FloatArray:
    """Strength of the twelve pitch classes from C on, relative to the strongest: y of shape (n,) to (12,), in [0, 1].

    The signal is stretched to 0..1 first, so neither its level nor an offset matters. All zero for a constant signal,
    all NaN for one too short to tell semitones apart.
    Source: MIRtoolbox `mirchromagram`; spec. section 7.
    """
    n_fft = next_pow2(len(y))
    freqs = bin_frequencies(n_fft, sr)
    first, heard, counted = kept_bins(freqs, len(y), sr)
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
    """Place on the circles of fifths, minor thirds and major thirds: chroma of shape (t, 12) to (t, 6).

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
    """Chroma of frames of 0.743 s, a tenth apart: y of shape (n,) to (t, 12); and the starts of the frames, (t,)."""
    starts, length = frame_starts(len(y), sr, length_s=HCDF_FRAME_S, hop_ratio=HCDF_HOP_RATIO)
    vectors = [chroma(frame, sr) for frame in cut(y, starts, length)]
    return np.array(vectors).reshape(-1, 12), starts


def clip_chroma(y: FloatArray, spectrum: Spectrum) -> FloatArray:
    """`chroma` of a clip from its spectrum, by compiled loops: shape (12,).

    Stretching the signal to 0..1 is linear, so the spectrum of the stretched one follows from that of the clip and
    that of the window.
    """
    from core.features.kernels.spectral import fold, shifted_power

    freqs = spectrum.low_freqs
    first, heard, counted = kept_bins(freqs, len(y), spectrum.sr)
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
    """Minimum and maximum of every frame, both of shape (t,): y of shape (n,), frames of at least 128 samples.

    Taken over the cells of a grid that lie inside the frame, and over its first and last 64 samples.
    """
    grid = np.arange(0, len(y), GRID)
    inside = np.stack([-(-starts // GRID), (starts + length) // GRID], axis=1).ravel()
    edges = np.concatenate([np.arange(GRID), np.arange(length - GRID, length)])
    ends = y[starts[:, np.newaxis] + edges]
    extremes = []
    for function in (np.minimum, np.maximum):
        cells = np.append(function.reduceat(y, grid), y[-1])  # one more, so that every end is an index
        extremes.append(function(function.reduceat(cells, inside)[::2], function.reduce(ends, axis=1)))
    return extremes[0], extremes[1]


def frame_chroma_compiled(y: FloatArray, sr: float) -> tuple[FloatArray, IntArray]:
    """`frame_chroma` by compiled loops: chroma, shape (t, 12), and the starts of the frames, (t,)."""
    from core.features.kernels.spectral import frame_chroma as fold_frames
    from core.features.kernels.spectral import window_frames

    starts, length = frame_starts(len(y), sr, length_s=HCDF_FRAME_S, hop_ratio=HCDF_HOP_RATIO)
    vectors = np.zeros((len(starts), 12))
    if len(starts) == 0:
        return vectors, starts
    n_fft, window = next_pow2(length), hamming(length)
    freqs = bin_frequencies(n_fft, sr)
    first, heard, counted = kept_bins(freqs, length, sr)
    if first == heard:
        return np.full((len(starts), 12), np.nan), starts
    bounds, lowest = semitone_bounds(freqs[first:counted])
    window_spectrum = np.fft.rfft(window, n_fft)[first:heard].copy()
    roots = np.exp(-2j * np.pi / n_fft * np.arange(first, heard))
    low, high = frame_extremes(y, starts, length)

    frames = np.empty((FRAMES_AT_ONCE, n_fft))
    packed = frames.view(np.complex128)  # pairs of samples as complex numbers: a real FFT at the price of half a one
    for begin in range(0, len(starts), FRAMES_AT_ONCE):
        these = slice(begin, begin + FRAMES_AT_ONCE)
        here = len(starts[these])
        frames[:, length:] = 0
        window_frames(y, starts[these], window, frames)
        np.fft.fft(packed[:here], out=packed[:here])
        fold_frames(
            packed[:here], roots, window_spectrum, low[these], (high - low)[these], first, heard, bounds, lowest,
            vectors[these],
        )  # fmt: skip
    return vectors, starts


def measure(y: FloatArray, sr: float, spectrum: Spectrum | None = None) -> dict[str, float]:
    """The 18 features of the chapter under their published names; y of shape (n,), sr in Hz.

    spectrum : that of the clip, where it is at hand.  In silence harmony is not measurable: NaN.
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
