"""Compose melodies in a scale, with phrases, places of rest and an ending on the karar."""

import numpy as np

from core.makam.synthesis import Score
from core.makam.theory import Makam
from core.makams import COMMAS

OCTAVE = 7  # degrees over the karar, which is degree 0
LOWEST, HIGHEST = -2, 9


def compose(makam: Makam, karar_hz: float, *, seconds: float = 60.0, seed: int = 0) -> Score:
    """Compose a melody that follows the seyir of a makam and ends on its karar.

    karar_hz : frequency of the karar.  seconds : duration; the last note, of 1.5 s or more, makes it exact.
    """
    rng = np.random.default_rng([seed, *makam.name.encode()])
    heights = np.array([*makam.degrees, COMMAS])
    dominant = int(np.abs(heights - makam.guclu_commas[0]).argmin()) or OCTAVE
    course = {
        "ascending": [0, dominant, OCTAVE, dominant, 0],
        "ascending-descending": [dominant, dominant, OCTAVE, dominant, 2, 0],
        "descending": [OCTAVE, dominant, OCTAVE, dominant, 2, 0],
    }[makam.seyir]
    notes: list[tuple[int | None, float]] = []  # degree (None = a rest), seconds
    degree, end = course[0], seconds - min(4.0, seconds / 3)
    while (at := _length(notes)) < end:
        centre = np.interp(at / end, np.linspace(0, 1, len(course)), course)
        for _ in range(rng.integers(4, 9)):
            notes.append((degree, float(rng.choice([0.18, 0.25, 0.25, 0.4, 0.6]))))
            pull = 0.25 * (centre - degree) + rng.normal(0, 1.2)
            step = int(np.clip(round(pull), -2, 2)) or int(rng.choice([-1, 1]))
            degree = int(np.clip(degree + step, LOWEST, HIGHEST))
        rest = 0 if at > 0.8 * end else min((0, dominant, OCTAVE), key=lambda d: abs(d - degree))
        notes += [*_walk(degree, rest), (rest, float(rng.choice([0.8, 1.2]))), (None, 0.25)]
        degree = rest
    notes = [*notes[:-1], *_walk(degree, 0)]
    notes.append((0, max(seconds - _length(notes), 1.5)))
    commas = (float("nan") if d is None else d // OCTAVE * COMMAS + float(heights[d % OCTAVE]) for d, _ in notes)
    return Score(makam.name, karar_hz, tuple(commas), tuple(length for _, length in notes))


def _length(notes: list[tuple[int | None, float]]) -> float:
    return sum(length for _, length in notes)


def _walk(degree: int, target: int) -> list[tuple[int | None, float]]:
    """Go step by step from a degree to the one before the target."""
    return [(d, 0.3) for d in range(degree, target, 1 if target > degree else -1)]
