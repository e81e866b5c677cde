"""Dynamics: RMS energy and low energy; also the zero-crossing rate, which uses the same loop."""

from math import nan

import numpy as np

from core.features.frames import FloatArray, cut, frame_starts

FRAME_S = 0.05
HOP_RATIO = 0.5


def rms_energy(y: FloatArray) -> float:
    """Root mean square of the samples y, shape (n,), in full scale.

    Returns a value in [0, 1] for audio in [-1, 1]; NaN for fewer than two samples, because MIRtoolbox divides by
    n - 1. Source: MIRtoolbox `mirrms`; spec. section 2.
    """
    return float(np.sqrt(np.square(y).sum() / (len(y) - 1))) if len(y) > 1 else nan  # y @ y would start BLAS threads


def frame_rms(y: FloatArray, sr: float) -> FloatArray:
    """Root mean square of 50 ms frames with 50 % overlap: y of shape (n,) to (t,), full scale."""
    starts, length = frame_starts(len(y), sr, length_s=FRAME_S, hop_ratio=HOP_RATIO)
    return np.sqrt((cut(y, starts, length) ** 2).mean(axis=1))


def low_energy(rms: FloatArray) -> float:
    """Share of frames with less than the mean RMS.

    rms : shape (t,), RMS of each frame, full scale.
    Returns a ratio in [0, 1]; NaN without frames. High in speech and in music with few loud moments, low in a steady
    drone. Source: MIRtoolbox `mirlowenergy`, after Tzanetakis & Cook (2002); spec. section 3.
    """
    if len(rms) == 0:
        return nan
    mean = np.cumsum(rms)[-1] / len(rms)  # sequential sum: in a steady tone the last digit decides
    return float((rms < mean).mean())


def zero_crossing_rate(y: FloatArray, sr: float) -> float:
    """Number of zero crossings in one direction per second, for y of shape (n,).

    Returns 1/s, in [0, sr / 2]. A sample of exactly zero is not counted as a crossing.
    Source: MIRtoolbox `mirzerocross`; spec. section 4.
    """
    return float(np.count_nonzero(y[:-1] * y[1:] < 0)) / len(y) * sr / 2 if len(y) else nan


def measure(y: FloatArray, sr: float) -> dict[str, float]:
    """Compute the three features, by published name; y of shape (n,), sr in Hz.

    One compiled loop computes the same values as the functions above.
    """
    from core.features.kernels.clip import levels

    y = np.ascontiguousarray(y)
    starts, length = frame_starts(len(y), sr, length_s=FRAME_S, hop_ratio=HOP_RATIO)
    rms = np.empty(len(starts))
    energy, crossings = levels(y, starts, length, rms)
    return {
        "_RMSenergy_Mean": float(np.sqrt(energy / (len(y) - 1))) if len(y) > 1 else nan,
        "_Lowenergy_Mean": low_energy(rms),
        "_Zero-crossingrate_Mean": crossings / len(y) * sr / 2 if len(y) else nan,
    }
