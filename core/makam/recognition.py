"""Suggest the makam of a whole recording. A suggestion is about a scale and its use, not about the whole of a makam."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.features.frames import FloatArray
from core.makam.commas import cents_of_hz, hz_of_cents
from core.makam.description import describe
from core.makam.karar import Comparison, compare, exact_pitch
from core.makam.melody import Melody
from core.makam.templates import Templates, probabilities
from core.makam.trust import NEVER
from core.wording import clock, whole_percent

ENOUGH_S = 40.0  # of melody; below, there are no suggestions
ENOUGH_NOTES = 30
SCALE_ONLY = "A suggestion compares a scale and its use. A makam is more than that: its course, phrases and character."


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
    voiced_s = float(melody.voiced.sum()) * melody.hop_s
    compared = None
    if voiced_s >= ENOUGH_S:
        compared = compare(melody, templates, karar_cents=None if karar_hz is None else cents_of_hz(karar_hz))
    if compared is None or len(compared.notes) < ENOUGH_NOTES or not compared.enough:
        return Suggestions(
            "not enough",
            (),
            f"There is not enough for a makam: {clock(voiced_s)} of melody, and a scale needs four "
            "heights. A clip of 30 s does not carry a makam. Use the whole recording.",
        )
    pairs = probabilities(compared.scores, templates.trust.makam)
    each = np.minimum(pairs.sum(axis=0), templates.trust.most)
    three = tuple(
        Suggestion(
            templates.makams[m],
            float(each[m]),
            karar_hz or hz_of_cents(exact_pitch(compared.notes, float(compared.pitches[pairs[:, m].argmax()]))),
        )
        for m in np.argsort(-pairs.sum(axis=0), kind="stable")[:3]
    )
    if three[0].probability >= templates.trust.clear and _is_typical(melody, compared, pairs, templates):
        return Suggestions(
            "clear", three, f"{three[0].name} fits much better than the others. {templates.known} {SCALE_ONLY}"
        )
    never = "These templates never call a suggestion clear. " if templates.trust.clear >= NEVER else ""
    return Suggestions(
        "unsure",
        three,
        f"{never}About {whole_percent(templates.trust.first)} of the first suggestions are right. A person has to "
        f"choose. {templates.known} {SCALE_ONLY}",
    )


def _is_typical(melody: Melody, compared: Comparison, pairs: FloatArray, templates: Templates) -> bool:
    """Whether the melody is as like the first suggestion as nearly all recordings of this makam."""
    makam = int(pairs.sum(axis=0).argmax())
    karar = compared.pitches[[pairs[:, makam].argmax()]]
    return templates.is_typical(describe(melody, compared.notes, karar)[0], makam)
