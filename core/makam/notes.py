"""Find the stable notes of a melody.

A note is a stretch in which the pitch stays near one value. Vibrato belongs to one note, a slide to none. The pitch of
a note is the median of its pitches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, log2

import numpy as np

from core.makam.melody import REFERENCE_HZ, Melody

COMMA_CENTS = 1200 / 53  # Holdrian comma: 53 to the octave
SHORTEST_S = 0.1  # a shorter stretch is an ornament or a slide
SMOOTH_S = 0.2  # a period of a slow vibrato
STEP_CENTS = 1.5 * COMMA_CENTS  # a smoothed pitch farther away than this begins another note


@dataclass(frozen=True)
class Note:
    """One stable note.

    start_s, end_s : times in s.  cents : pitch in cents over 440 Hz.  confidence : mean confidence in [0, 1].
    """

    start_s: float
    end_s: float
    cents: float
    confidence: float

    @property
    def hz(self) -> float:
        """The pitch in Hz."""
        return hz_of(self.cents)

    @property
    def length_s(self) -> float:
        """The length in s."""
        return self.end_s - self.start_s


def hz_of(cents: float) -> float:
    """Return the frequency in Hz of a pitch in cents over 440 Hz."""
    return REFERENCE_HZ * 2.0 ** (cents / 1200)


def cents_of(hz: float) -> float:
    """Return the pitch in cents over 440 Hz of a frequency in Hz."""
    return 1200 * log2(hz / REFERENCE_HZ)


def notes_of(melody: Melody, *, shortest_s: float = SHORTEST_S) -> tuple[Note, ...]:
    """Return the stable notes of a melody in the order of time.

    shortest_s : stretches that are shorter are left out.
    """
    smooth = smoothed(melody.cents, max(1, round(SMOOTH_S / melody.hop_s)))
    bounds = _bounds(smooth)
    found = []
    for first, end in bounds:
        if (end - first) * melody.hop_s < shortest_s:
            continue
        pitch = float(np.median(melody.cents[first:end]))
        sure = float(np.mean(melody.confidence[first:end]))
        found.append(Note(first * melody.hop_s, end * melody.hop_s, pitch, sure))
    return tuple(found)


def smoothed(cents: np.ndarray, width: int) -> np.ndarray:
    """Return the pitch without vibrato: the mean of the voiced neighbours. NaN stays NaN.

    cents : shape (n,), NaN where unvoiced.  width : number of neighbours, in frames.
    """
    voiced = ~np.isnan(cents)
    ones = np.ones(width)
    total = np.convolve(np.where(voiced, cents, 0.0), ones, mode="same")[: cents.size]
    count = np.convolve(voiced.astype(float), ones, mode="same")[: cents.size]
    return np.where(voiced, total / np.maximum(count, 1), np.nan)


def _bounds(smooth: np.ndarray) -> list[tuple[int, int]]:
    """First and last frame (exclusive) of each stretch whose smoothed pitch stays near its own running mean."""
    found: list[tuple[int, int]] = []
    first, total = 0, 0.0
    inside = False
    for k, value in enumerate(smooth.tolist()):
        if isnan(value):
            if inside:
                found.append((first, k))
            inside = False
        elif not inside:
            first, total, inside = k, value, True
        elif abs(value - total / (k - first)) > STEP_CENTS:
            found.append((first, k))
            first, total = k, value
        else:
            total += value
    if inside:
        found.append((first, smooth.size))
    return found


def commas_over(cents: float, karar_hz: float) -> float:
    """Return a pitch in commas over the karar. cents : over 440 Hz."""
    return (cents - cents_of(karar_hz)) / COMMA_CENTS


def joined(notes: Sequence[Note], *, near_cents: float = COMMA_CENTS, gap_s: float = 0.3) -> tuple[Note, ...]:
    """Join neighbouring notes of one pitch that only a short gap or an ornament separates.

    near_cents : largest difference of the pitches.  gap_s : longest gap in s.
    """
    found: list[Note] = []
    for note in notes:
        last = found[-1] if found else None
        if last and note.start_s - last.end_s <= gap_s and abs(note.cents - last.cents) <= near_cents:
            weight = last.length_s / (last.length_s + note.length_s)
            found[-1] = Note(
                last.start_s,
                note.end_s,
                weight * last.cents + (1 - weight) * note.cents,
                weight * last.confidence + (1 - weight) * note.confidence,
            )
        else:
            found.append(note)
    return tuple(found)
