"""Compose melodies in a scale, with phrases, places of rest and an ending on the karar."""

from collections.abc import Sequence

import numpy as np

from core.makam.synthesis import Score

LOWEST, HIGHEST = -2, 9  # degrees: 0 = karar, 7 = its octave


def compose(
    makam: str,
    steps: Sequence[float],
    karar_hz: float,
    *,
    dominant: int = 4,
    falling: bool = False,
    seconds: float = 60.0,
    seed: int = 0,
) -> Score:
    """Compose a melody that ends on the karar.

    Parameters
    ----------
    makam
        Name of the makam.
    steps
        Seven steps in commas from the karar to its octave.
    karar_hz
        Frequency of the karar in Hz.
    dominant
        Degree of the güçlü; 4 is the fifth above the karar.
    falling
        Whether the melody begins near the octave (inici), not near the karar (çıkıcı).
    seconds
        Duration; the last note makes it exact.
    seed
        Seed of the random numbers.
    """
    rng = np.random.default_rng([seed, *makam.encode()])
    heights = np.concatenate([[0], np.cumsum(steps)])
    course = [7, dominant, 7, dominant, 2, 0] if falling else [0, dominant, 7, dominant, dominant, 0]
    notes: list[tuple[float, float]] = []
    degree, at, end = course[0], 0.0, seconds - min(4.0, seconds / 3)

    def sing(where: int, length: float) -> float:
        octave, step = divmod(where, len(steps))
        notes.append((octave * float(heights[-1]) + float(heights[step]), length))
        return length

    while at < end:
        centre = np.interp(at / end, np.linspace(0, 1, len(course)), course)
        for _ in range(rng.integers(4, 9)):
            at += sing(degree, float(rng.choice([0.18, 0.25, 0.25, 0.4, 0.6])))
            pull = 0.25 * (centre - degree) + rng.normal(0, 1.2)
            step = int(np.clip(round(pull), -2, 2)) or int(rng.choice([-1, 1]))
            degree = int(np.clip(degree + step, LOWEST, HIGHEST))
        rest = 0 if at > 0.8 * end else min((0, dominant, 7), key=lambda d: abs(d - degree))
        at += _walk(degree, rest, sing)
        at += sing(rest, float(rng.choice([0.8, 1.2])))
        notes.append((float("nan"), 0.25))
        degree, at = rest, at + 0.25
    notes = notes[:-1] if notes[-1][0] != notes[-1][0] else notes
    at = sum(length for _, length in notes)
    if degree != 0:
        at += _walk(degree, 0, sing)
    sing(0, max(seconds - at, 1.5))
    return Score(makam, karar_hz, tuple(c for c, _ in notes), tuple(s for _, s in notes))


def _walk(degree: int, target: int, sing) -> float:  # type: ignore[no-untyped-def]
    """Go step by step from a degree to the one before the target; return the seconds."""
    step = 1 if target > degree else -1
    return sum(sing(d, 0.3) for d in range(degree, target, step))
