"""The karar (tonic) of a recording: candidates with probabilities.

Each candidate pitch is compared with the templates of all makams, so karar and makam are estimated together. The
candidates are the peaks of the melody and its last steady notes.
"""

from dataclasses import dataclass

import numpy as np

from core.features.frames import FloatArray
from core.makam.commas import hz_of_cents
from core.makam.description import candidate_pitches, circular, describe
from core.makam.melody import Melody
from core.makam.notes import Notes, steady_notes
from core.makam.templates import WHOLE_S, Templates, karar_temperature, probabilities, shipped_templates
from core.wording import counted, duration, whole_percent

NEAR = 35.0  # cents: a note belongs to a pitch when it is not farther away
_TRUSTED_S, _TRUSTED_NOTES = 10.0, 12  # with less melody, every probability is lower
_FADES = 0.2  # share of the recording: notes this far before the end count e times less for the exact pitch


@dataclass(frozen=True)
class KararCandidate:
    """One candidate. probability : 0 to 1.  reason : a sentence for people.

    The probabilities of all candidates add up to 1, or to less where there is too little melody.
    """

    hz: float
    probability: float
    reason: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """A melody compared with templates. pitches : candidates in cents, shape (c,).  scores : shape (c, makams)."""

    notes: Notes
    pitches: FloatArray
    scores: FloatArray
    voiced_s: float


def compare(melody: Melody, templates: Templates, *, karar_cents: float | None = None) -> Comparison | None:
    """Compare a melody with templates; None for a melody without a steady note.

    karar_cents : the karar in cents over 440 Hz, if it is known; then it is the only candidate.
    """
    notes = steady_notes(melody)
    if len(notes) == 0:
        return None
    pitches = candidate_pitches(melody, notes) if karar_cents is None else np.array([karar_cents])
    voiced_s = float(melody.voiced.sum()) * melody.hop_s
    return Comparison(notes, pitches, templates.scores(describe(melody, notes, pitches), voiced_s), voiced_s)


def karar_candidates(melody: Melody, n: int = 3, *, templates: Templates | None = None) -> tuple[KararCandidate, ...]:
    """Find the most probable karars of a melody, the best first; none for a melody without a steady note."""
    used = templates or shipped_templates()
    compared = compare(melody, used)
    if compared is None:
        return ()
    voiced = melody.cents[melody.voiced]
    each = karar_probabilities(compared, used)
    return tuple(
        KararCandidate(
            hz=hz_of_cents(exact_pitch(compared.notes, float(compared.pitches[k]))),
            probability=float(each[k]),
            reason=_reason(compared.notes, voiced, float(compared.pitches[k])),
        )
        for k in np.argsort(-each, kind="stable")[:n]
    )


def karar_probabilities(compared: Comparison, templates: Templates) -> FloatArray:
    """Return the probability of each candidate: shape (candidates,)."""
    temperature = karar_temperature(templates.trust, compared.voiced_s)
    enough = min(1.0, compared.voiced_s / _TRUSTED_S, len(compared.notes) / _TRUSTED_NOTES)
    return enough * probabilities(compared.scores, temperature).sum(axis=1)


def karar_caution(melody: Melody) -> str:
    """Return a sentence that says how little this recording proves about its karar; empty where it proves enough."""
    voiced_s = float(melody.voiced.sum()) * melody.hop_s
    if voiced_s >= WHOLE_S:
        return ""
    return (
        f"There is only {duration(voiced_s)} of melody. Less than 2 minutes prove little about the karar: "
        "check it by ear with the drone."
    )


def exact_pitch(notes: Notes, pitch: float) -> float:
    """Measure a candidate on the steady notes near it; late notes count most, because performers move.

    pitch : in cents over 440 Hz, in any octave. The result is in the octave of the notes that count most.
    """
    near = np.abs(circular(notes.cents - pitch)) <= NEAR
    if not near.any():
        return pitch + 1200 * round((float(np.median(notes.cents)) - pitch) / 1200)
    ends = notes.ends_s[near] / notes.ends_s[-1]
    weights = notes.seconds[near] * np.exp((ends - 1) / _FADES)
    away = circular(notes.cents[near] - pitch)
    octaves = np.round((notes.cents[near] - pitch - away) / 1200)
    in_use = np.unique(octaves)
    octave = in_use[np.argmax([weights[octaves == k].sum() for k in in_use])]
    return float(pitch + np.average(away, weights=weights) + 1200 * octave)


def _reason(notes: Notes, voiced: FloatArray, pitch: float) -> str:
    """Say what speaks for a candidate: how much of the melody is on it, and whether the end is."""
    on_it = np.abs(circular(notes.cents - pitch)) <= NEAR
    share = whole_percent(float(np.mean(np.abs(circular(voiced - pitch)) <= NEAR)))
    end = "The last steady note is on this pitch" if on_it[-1] else "The last steady note is on another pitch"
    return f"{end}. {counted(int(on_it.sum()), 'steady note')} and {share} of the melody are on it, octaves together."
