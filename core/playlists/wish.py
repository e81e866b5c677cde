"""The wish for a path: its way on the circle, its shape over time, and its tempo and loudness from start to end.

A *way* is a list of neighbouring emotions on the circle (`core.playlists.circle`), its *stations*: from sad to happy
over relax or over angry, as the listener chooses. A place on the way is a number from 0 (the first station) to its
last station; a place between two stations is a mixture of both, such as 60 % sad and 40 % relax. The *progress* is the
place as a share of the way, from 0 to 1. The shape says which progress is wished at which time.

A path to a calm goal (relax, sad) falls in tempo and loudness; a path to a lively goal (happy, angry) may rise. Slower
and softer music calms: listeners to slow music breathe slower and have a lower heart rate (Bernardi et al. 2006; Gomez
& Danuser 2007).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from core.errors import CoreError
from core.playlists.circle import CIRCLE, STRONG
from core.schema import EMOTIONS

HOLD = 1 / 3  # share of the time that "hold then move" stays in the present mood
SLOWEST, FASTEST = 40.0, 200.0  # bpm, the range of the tempo feature


class Shape(StrEnum):
    """How the wished mood moves over time."""

    LINEAR = "linear"
    HOLD = "hold then move"
    LATE = "late"
    EARLY = "early"
    MINUTES = "minutes for each mood"


@dataclass(frozen=True)
class Wish:
    """The wish of a person for a path.

    Attributes
    ----------
    shape : how the mood moves over time.
    end_bpm : tempo at the end; None = what the library has for the goal.
    mood_minutes : for ``Shape.MINUTES``, the minutes in each mood of the way.
    """

    shape: Shape = Shape.LINEAR
    end_bpm: float | None = None
    mood_minutes: tuple[float, ...] = ()


def check_wish(wish: Wish, way: tuple[str, ...]) -> None:
    """Refuse a wish that no path can have. Raises CoreError."""
    if wish.end_bpm is not None and not SLOWEST <= wish.end_bpm <= FASTEST:
        raise CoreError(
            f"The tempo at the end must be between {SLOWEST:.0f} and {FASTEST:.0f} bpm, not {wish.end_bpm:g} bpm."
        )
    minutes = wish.mood_minutes
    if wish.shape is Shape.MINUTES and (len(minutes) != len(way) or not all(m > 0 for m in minutes)):
        raise CoreError(f"Give the minutes of each mood of the way: {', '.join(way)}. Each must be more than 0.")


def shortest_ways(start: str, goal: str) -> list[tuple[str, ...]]:
    """Shortest ways along the circle: one, or two between opposite emotions, with the pleasant one first."""
    a, b, n = CIRCLE.index(start), CIRCLE.index(goal), len(CIRCLE)
    shortest = []
    for step in (1, -1):
        length = (b - a) * step % n
        if 2 * length <= n:
            shortest.append(tuple(CIRCLE[(a + step * k) % n] for k in range(length + 1)))
    return sorted(dict.fromkeys(shortest), key=lambda way: [e in ("angry", "sad") for e in way[1:-1]])


def mixture_at(place: float | np.ndarray, way: tuple[str, ...]) -> np.ndarray:
    """Wanted probabilities at places on the way: shape of ``place`` + (4,), in the order of ``EMOTIONS``."""
    apart = np.abs(np.asarray(place, dtype=float)[..., None] - np.arange(len(way)))
    shares = np.maximum(0.0, 1.0 - apart)
    mixture = np.zeros((*shares.shape[:-1], len(EMOTIONS)))
    mixture[..., [EMOTIONS.index(e) for e in way]] = shares
    return mixture


@dataclass(frozen=True)
class Curve:
    """The wished mood, tempo and loudness at each time of a list.

    Attributes
    ----------
    way : the stations.
    wanted_s : wanted length in seconds.
    per_step : 2 or 3 pieces in each step; 0 = the list has no steps.
    tempo : wished tempo at the start and at the end, log2 of bpm; NaN = no wish.
    lufs : wished loudness of the music at the start and at the end; NaN = no wish.
    """

    way: tuple[str, ...]
    wanted_s: float
    wish: Wish = Wish()
    per_step: int = 0
    tempo: tuple[float, float] = (np.nan, np.nan)
    lufs: tuple[float, float] = (np.nan, np.nan)

    @property
    def last(self) -> int:
        """Index of the last station."""
        return len(self.way) - 1

    @property
    def calm(self) -> bool:
        """Whether the goal is calm, so that tempo and loudness should not rise."""
        return STRONG[self.way[-1]] < 0

    def steps(self, number: int) -> np.ndarray:
        """Step (from 1) of each of ``number`` pieces."""
        if not self.per_step:
            return np.ones(number, dtype=int)
        steps = max(len(self.way), number // 2 if self.per_step == 2 else -(-number // 3))
        parts = np.array_split(np.arange(number), min(steps, number))
        return np.repeat(np.arange(1, len(parts) + 1), [len(part) for part in parts])

    def progress(self, begins_s: np.ndarray, number: int, at_end: int = 1) -> np.ndarray:
        """Wished progress of pieces that begin at these times.

        number : pieces of the list.  at_end : pieces that share the progress of the last one; the progress is 1 when
            these are expected to begin.
        """
        begins = np.asarray(begins_s, dtype=float)
        if self.wish.shape is Shape.MINUTES and self.last:
            knots = [0.0, *(60 * np.cumsum(self.wish.mood_minutes))]
            return np.asarray(np.interp(begins, knots, [0.0, *(np.arange(self.last) + 0.5), self.last]) / self.last)
        latest = self.wanted_s * (number - at_end) / number
        share = np.clip(begins / latest, 0.0, 1.0) if latest > 0 else np.zeros_like(begins)
        if self.wish.shape is Shape.HOLD:
            return np.asarray(np.maximum(0.0, share - HOLD) / (1 - HOLD))
        if self.wish.shape is Shape.LATE:
            return np.asarray(share**2)
        return np.asarray(1 - (1 - share) ** 2 if self.wish.shape is Shape.EARLY else share)

    def planned(self, begins_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Progress of the mood and of the tempo of each piece of a list; the mood is the same in a whole step."""
        number = len(begins_s)
        steps = self.steps(number)
        first = np.searchsorted(steps, steps)
        at_end = int(np.sum(steps == steps[-1])) if number else 1
        mood = self.progress(begins_s[first], number, at_end)
        tempo = self.progress(begins_s, number)
        if self.last:
            mood = np.where(steps == steps[-1], 1.0, mood) if number else mood
        tempo[-1:] = 1.0
        return mood, tempo

    def tempo_at(self, progress: np.ndarray) -> np.ndarray:
        """Wished tempo, log2 of bpm."""
        return np.asarray(self.tempo[0] + (self.tempo[1] - self.tempo[0]) * progress)

    def lufs_at(self, progress: np.ndarray) -> np.ndarray:
        """Wished loudness of the music, before any gain."""
        return np.asarray(self.lufs[0] + (self.lufs[1] - self.lufs[0]) * progress)


def plan_of_curve(curve: Curve) -> dict[str, Any]:
    """The wish of a list as JSON values, for the store; way and length are stored with the list."""
    ends = {"tempo": curve.tempo, "lufs": curve.lufs}
    return {
        "shape": curve.wish.shape.value,
        "end_bpm": curve.wish.end_bpm,
        "mood_minutes": list(curve.wish.mood_minutes),
        "per_step": curve.per_step,
        **{name: [None if np.isnan(value) else value for value in pair] for name, pair in ends.items()},
    }


def curve_from_plan(plan: Mapping[str, Any], way: tuple[str, ...], wanted_s: float) -> Curve:
    """The curve of a stored list, from ``plan_of_curve``."""
    wish = Wish(Shape(plan["shape"]), plan["end_bpm"], tuple(plan["mood_minutes"]))
    tempo, lufs = ([np.nan if value is None else float(value) for value in plan[name]] for name in ("tempo", "lufs"))
    return Curve(way, wanted_s, wish, int(plan["per_step"]), (tempo[0], tempo[1]), (lufs[0], lufs[1]))
