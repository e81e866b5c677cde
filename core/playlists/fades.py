"""Fades at the two ends of each piece, and what is between two pieces: a gap or a crossfade.

One set of these settings serves the player of the page and the levelled copies. A fade is a quarter of a sine wave, so
that the power of two pieces in a crossfade stays the same. ``pages/assets/list_player.js`` uses the same curve.
"""

from dataclasses import dataclass

import numpy as np

from core.errors import CoreError

LONGEST_FADE_S = 15.0
LONGEST_GAP_S = 60.0


@dataclass(frozen=True)
class Fades:
    """Settings of the joins, in seconds.

    in_s, out_s : fade at the begin and at the end of a piece.  gap_s : silence between two pieces.
    crossfade_s : time in which two pieces sound together. Then the end of the one and the begin of the other fade for
        exactly this time, and there is no gap.
    """

    in_s: float = 0.0
    out_s: float = 0.0
    gap_s: float = 0.0
    crossfade_s: float = 0.0

    def __post_init__(self) -> None:
        for name, value, most in (
            ("fade-in", self.in_s, LONGEST_FADE_S),
            ("fade-out", self.out_s, LONGEST_FADE_S),
            ("crossfade", self.crossfade_s, LONGEST_FADE_S),
            ("gap", self.gap_s, LONGEST_GAP_S),
        ):
            if not 0 <= value <= most:
                raise CoreError(f"The {name} must last from 0 to {most:g} seconds, not {value:g}.")
        if self.gap_s and self.crossfade_s:
            raise CoreError("Two pieces have a gap between them or a crossfade, not both. Set one of the two to 0.")

    def ends(self, number: int, of: int) -> tuple[float, float]:
        """Fade-in and fade-out of a piece in seconds. number : from 1.  of : number of pieces in the list."""
        begin = self.crossfade_s if self.crossfade_s and number > 1 else self.in_s
        end = self.crossfade_s if self.crossfade_s and number < of else self.out_s
        return begin, end

    def gap_after(self, number: int, of: int) -> float:
        """Silence after a piece, in seconds; none after the last one."""
        return self.gap_s if number < of else 0.0

    def text(self) -> str:
        """The settings as a short text; empty when nothing fades and nothing is between two pieces."""
        parts = (
            ("fade-in", self.in_s),
            ("fade-out", self.out_s),
            ("gap", self.gap_s),
            ("crossfade", self.crossfade_s),
        )
        return ", ".join(f"{name} {value:g} s" for name, value in parts if value)


def envelope(first: int, count: int, *, frames: int, sr: int, in_s: float, out_s: float) -> np.ndarray:
    """Factors of the fades for some samples of a piece, shape (count,), in [0, 1].

    first : position of the first of these samples.  frames : length of the piece in samples.
    A piece that is shorter than its two fades gets shorter ones: each takes at most half of it.
    """
    at = first + np.arange(count)
    factors = np.ones(count)
    begin, end = (min(round(seconds * sr), frames // 2) for seconds in (in_s, out_s))
    if begin:
        factors *= np.sin(np.pi / 2 * np.clip(at / begin, 0, 1))
    if end:
        factors *= np.sin(np.pi / 2 * np.clip((frames - at) / end, 0, 1))
    return factors
