"""Frames, windows and magnitude spectra, shared by all feature modules.

MIRtoolbox uses a fractional hop and rounds each start down, so the distance between starts varies by one sample.
Frames are not padded, and an incomplete frame at the end is dropped.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
ComplexArray = NDArray[np.complex128]


def frame_starts(
    n: int, sr: float, *, length_s: float, hop_ratio: float | None = None, rate_hz: float | None = None
) -> tuple[IntArray, int]:
    """Compute the first sample of each frame and the frame length in samples.

    Source: MIRtoolbox `mirframe`; spec. section 1.1.

    Parameters
    ----------
    n
        Number of samples of the clip.
    sr
        Sampling rate in Hz.
    length_s
        Length of a frame in seconds.
    hop_ratio, rate_hz
        Hop as a share of the frame length, or number of frames per second. Give exactly one of them.

    Returns
    -------
    tuple
        Starts in samples, shape (t,), empty if the clip is shorter than a frame; length of a frame in samples.
    """
    if (hop_ratio is None) == (rate_hz is None):
        raise ValueError("Give either hop_ratio or rate_hz.")
    exact_length = length_s * sr
    length = int(exact_length)
    hop = sr / rate_hz if rate_hz is not None else (hop_ratio or 0.0) * exact_length
    count = int((n - length) / hop) + 1 if n >= length else 0
    return np.floor(np.arange(count) * hop).astype(np.int64), length


def cut(y: FloatArray, starts: IntArray, length: int) -> FloatArray:
    """Copy the frames of y, shape (n,), into a matrix of shape (t, length)."""
    if len(starts) == 0:
        return np.empty((0, length))
    return np.lib.stride_tricks.sliding_window_view(y, length)[starts]


def centres_s(starts: IntArray, length: int, sr: float) -> FloatArray:
    """Times of the frame centres in seconds, shape (t,)."""
    return (starts.astype(np.float64) + (length - 1) / 2) / sr


def next_pow2(n: int) -> int:
    """Smallest power of two that is at least n (n >= 1)."""
    return 1 << (n - 1).bit_length()


def hamming(length: int) -> FloatArray:
    """Symmetric Hamming window, shape (length,), from 0.08 to 1; used for all spectra except the onset curves."""
    return np.hamming(length)


def hanning(length: int) -> FloatArray:
    """Hann window without its zero end points, shape (length,), in (0, 1]; used for the onset curves.

    This window differs from `numpy.hanning` and `scipy.signal.windows.hann` (spec. section 1.2).
    """
    return np.hanning(length + 2)[1:-1]


def bin_frequencies(n_fft: int, sr: float) -> FloatArray:
    """Frequencies of the bins 0 .. n_fft / 2 in Hz, shape (n_fft // 2 + 1,)."""
    return np.linspace(0, sr / 2, n_fft // 2 + 1)


def magnitude_spectra(windowed: FloatArray) -> FloatArray:
    """Magnitude spectra of windowed frames: shape (..., L) to (..., next_pow2(L) / 2 + 1).

    Frames are zero-padded at the end to the next power of two. The spectra are not normalised.
    Source: MIRtoolbox `mirspectrum`; spec. section 1.3.
    """
    bins = np.fft.rfft(windowed, next_pow2(windowed.shape[-1]))
    return np.abs(bins)
