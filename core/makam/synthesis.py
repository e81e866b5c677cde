"""Play scores in commas on synthetic instruments: recordings whose melody and karar are known exactly."""

from dataclasses import dataclass

import numpy as np

from core.errors import AudioError
from core.features.frames import FloatArray
from core.makam.melody import HOP_S, Melody, cents_of
from core.makams import COMMAS

INSTRUMENTS = ("plucked", "bowed", "blown", "sung", "drone", "percussion", "octaves", "ensemble")


@dataclass(frozen=True)
class Score:
    """Notes of one voice.

    makam : its name.  karar_hz : the tonic.  commas : height of each note over the karar in commas, NaN for a rest.
    seconds : duration of each note.
    """

    makam: str
    karar_hz: float
    commas: tuple[float, ...]
    seconds: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.commas) != len(self.seconds) or not self.commas:
            raise AudioError(f"A score needs one duration for each note: {len(self.commas)}, {len(self.seconds)}.")

    @property
    def duration_s(self) -> float:
        return sum(self.seconds)


def render(score: Score, instrument: str, *, sr: int = 44100, seed: int = 0) -> FloatArray:
    """Play a score: mono samples of shape (n,), peak 0.7. `instrument` is one of ``INSTRUMENTS``."""
    raise NotImplementedError


def true_melody(score: Score, instrument: str, *, hop_s: float = HOP_S, seed: int = 0) -> Melody:
    """The melody that ``render`` plays with the same arguments, with its glides and its vibrato."""
    notes = np.repeat(score.commas, np.round(np.array(score.seconds) / hop_s).astype(int))
    cents = cents_of(np.array(score.karar_hz)) + notes * 1200 / COMMAS
    return Melody(cents, np.isfinite(cents).astype(np.float64), hop_s)
