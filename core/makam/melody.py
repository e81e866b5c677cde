"""The melody of a recording: its pitch over time, where it sounds, and how sure that is."""

from dataclasses import dataclass

import numpy as np

from core.errors import AudioError
from core.features.frames import FloatArray

REFERENCE_HZ = 440.0  # 0 cents
HOP_S = 8 * 128 / 44100  # one value every 23.2 ms, as in the published melodies of Turkish makam music
UNVOICED = -32768  # in a track of int16


@dataclass(frozen=True, eq=False)
class Melody:
    """Pitch over time.

    cents : shape (n,), float64, cents over 440 Hz, NaN where there is no melody.
    confidence : shape (n,), float64, 0 to 1: the share of the sound that this pitch and its harmonics explain.
    hop_s : seconds from one value to the next. Value i is the pitch at i * hop_s.
    """

    cents: FloatArray
    confidence: FloatArray
    hop_s: float

    def __post_init__(self) -> None:
        if self.cents.ndim != 1 or self.cents.shape != self.confidence.shape:
            raise AudioError(
                f"A melody needs one confidence for each pitch: {self.cents.shape}, {self.confidence.shape}."
            )
        if self.cents.dtype != np.float64 or self.confidence.dtype != np.float64:
            raise AudioError(f"A melody is float64; this one is {self.cents.dtype} and {self.confidence.dtype}.")
        if np.isinf(self.cents).any() or not ((self.confidence >= 0) & (self.confidence <= 1)).all():
            raise AudioError("A melody has finite pitches or NaN, and confidences from 0 to 1.")
        if not 0 < self.hop_s < np.inf:
            raise AudioError(f"A distance of {self.hop_s} s between the values of a melody makes no sense.")

    @property
    def voiced(self) -> np.ndarray:
        """Where the melody sounds: shape (n,), bool."""
        return ~np.isnan(self.cents)

    @property
    def times_s(self) -> FloatArray:
        """The time of each value in seconds: shape (n,)."""
        return np.arange(self.cents.size) * np.float64(self.hop_s)

    @property
    def hz(self) -> FloatArray:
        """The pitch in Hz: shape (n,), NaN where there is no melody."""
        return np.float64(REFERENCE_HZ) * np.exp2(self.cents / 1200)

    @property
    def duration_s(self) -> float:
        return self.cents.size * self.hop_s


def melody_from_track(cents_int16: np.ndarray, hop_s: float = HOP_S) -> Melody:
    """Make a melody of a stored track: whole cents over 440 Hz, -32768 where there is no melody."""
    voiced = cents_int16 != UNVOICED
    return Melody(np.where(voiced, cents_int16, np.nan).astype(np.float64), voiced.astype(np.float64), hop_s)


def melody_of(y: np.ndarray, sr: int) -> Melody:
    """Track the melody of a mono recording: y, shape (n,), at any sampling rate from 8 kHz."""
    from core.makam.tracking import track

    return track(y, sr)
