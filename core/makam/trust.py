"""Measure how far probabilities of karar and makam can be trusted, on recordings that were not learned from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.features.frames import FloatArray
from core.makam.description import circular
from core.makam.templates import Trust, probabilities

ON_KARAR = 25.0  # cents: a karar that is nearer counts as right
RIGHT = 0.94  # aim for clear suggestions, of recordings that were left out
_FEWEST_CLEAR = 20  # recordings from which the limit of a clear suggestion is measured
_NEVER = 1.0  # no suggestion counts as clear
_TEMPERATURES = np.geomspace(0.4, 6.0, 30)


@dataclass(frozen=True, eq=False)
class Held:
    """A recording that was left out: its scores, the right candidate (-1 if there is none) and the right makam."""

    scores: FloatArray
    right: int
    makam: int


def right_candidate(pitches: FloatArray, karar_cents: float) -> int:
    """Return the index of the candidate that is the karar; -1 if none is within 25 cents."""
    away = np.abs(circular(pitches - karar_cents))
    nearest = int(away.argmin())
    return nearest if away[nearest] <= ON_KARAR else -1


def measure_trust(whole: Sequence[Held], clips: Sequence[Held]) -> Trust:
    """Choose the temperatures that give the right answers the highest probability, and the limit of "clear"."""
    makam = _best_temperature(whole, _makam_of)
    return Trust(
        karar=_best_temperature(whole, _karar_of),
        karar_clip=_best_temperature(clips, _karar_of),
        makam=makam,
        clear=_clear_limit(whole, makam),
    )


def _karar_of(held: Held, pairs: FloatArray) -> float:
    """Probability of the right karar; of a karar that is no candidate: what is left by the others, at least 1 %."""
    return float(pairs[held.right].sum()) if held.right >= 0 else 0.01


def _makam_of(held: Held, pairs: FloatArray) -> float:
    return float(pairs[:, held.makam].sum())


def _best_temperature(held: Sequence[Held], probability: Callable[[Held, FloatArray], float]) -> float:
    losses = [
        -np.mean([np.log(probability(h, probabilities(h.scores, t)) + 1e-6) for h in held]) for t in _TEMPERATURES
    ]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def _clear_limit(held: Sequence[Held], temperature: float) -> float:
    """The lowest probability from which on enough first suggestions are right."""
    each = [probabilities(h.scores, temperature).sum(axis=0) for h in held]
    highest = np.array([p.max() for p in each])
    right = np.array([p.argmax() == h.makam for p, h in zip(each, held, strict=True)])
    order = np.argsort(-highest, kind="stable")
    share = np.cumsum(right[order]) / np.arange(1, len(held) + 1)
    enough = np.flatnonzero((share >= RIGHT) & (np.arange(1, len(held) + 1) >= min(_FEWEST_CLEAR, len(held))))
    return float(highest[order][enough[-1]]) if enough.size else _NEVER
