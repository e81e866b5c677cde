"""Frames, windows and magnitude spectra: what every chapter cuts a clip into.

MIRtoolbox keeps the hop as a real number and rounds each start down, so that the distance between starts varies by one
sample. No frame is padded and the incomplete tail is dropped.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
ComplexArray = NDArray[np.complex128]


def frame_starts(
    n: int, sr: float, *, length_s: float, hop_ratio: float | None = None, rate_hz: float | None = None
) -> tuple[IntArray, int]:
    """First sample of every frame, and the length of a frame, of a clip of n samples.

    length_s : length of a frame in seconds.  Give one of hop_ratio (hop as a share of the length) and rate_hz (frames
    a second).

    Returns starts, shape (t,), in samples, empty when the clip is shorter than a frame; and L in samples.
    Source: MIRtoolbox `mirframe`; spec. section 1.1.
    """
    if (hop_ratio is None) == (rate_hz is None):
        raise ValueError("Give either hop_ratio or rate_hz.")
    exact_length = length_s * sr
    length = int(exact_length)
    hop = sr / rate_hz if rate_hz is not None else (hop_ratio or 0.0) * exact_length
    count = int((n - length) / hop) + 1 if n >= length else 0
    return np.floor(np.arange(count) * hop).astype(np.int64), length


def cut(y: FloatArray, starts: IntArray, length: int) -> FloatArray:
    """The frames themselves as a matrix of shape (t, length), copied from y of shape (n,)."""
    if len(starts) == 0:
        return np.empty((0, length))
    return np.lib.stride_tricks.sliding_window_view(y, length)[starts]


def centres_s(starts: IntArray, length: int, sr: float) -> FloatArray:
    """Time of the middle of every frame in seconds, shape (t,)."""
    return (starts.astype(np.float64) + (length - 1) / 2) / sr


def next_pow2(n: int) -> int:
    """Smallest power of two that is at least n (n >= 1)."""
    return 1 << (n - 1).bit_length()


def hamming(length: int) -> FloatArray:
    """Symmetric Hamming window, shape (length,), from 0.08 to 1: the window of every spectrum but the onset curves'."""
    return np.hamming(length)


def hanning(length: int) -> FloatArray:
    """Hann window without its zero end points, shape (length,), in (0, 1]: that of the onset curves.

    Neither `numpy.hanning` nor `scipy.signal.windows.hann` is this window (spec. section 1.2).
    """
    return np.hanning(length + 2)[1:-1]


def bin_frequencies(n_fft: int, sr: float) -> FloatArray:
    """Frequencies of the bins 0 .. n_fft / 2 in Hz, shape (n_fft // 2 + 1,)."""
    return np.linspace(0, sr / 2, n_fft // 2 + 1)


def magnitude_spectra(windowed: FloatArray) -> FloatArray:
    """Magnitude spectra of frames that are already windowed: shape (..., L) to (..., next_pow2(L) / 2 + 1).

    Zero-padded at the end to the next power of two; scaled neither by the length nor by the window.
    Source: MIRtoolbox `mirspectrum`; spec. section 1.3.
    """
    bins = np.fft.rfft(windowed, next_pow2(windowed.shape[-1]))
    return np.abs(bins)
