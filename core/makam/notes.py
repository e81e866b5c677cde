"""Steady notes: the parts of a melody where the pitch stays."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from core.features.frames import FloatArray, IntArray
from core.makam.melody import Melody
from core.makams import COMMAS

LEAST_S = 0.12  # a shorter part is a glide or an ornament
LEAVES = 45.0  # cents: a pitch this far from the note so far starts a new note
_GAP = 2  # a hole of so many values is not a rest
_SMOOTH_S = 0.16
_MEMORY_S = 0.28  # the note so far is a mean over this time


@dataclass(frozen=True, eq=False)
class Notes:
    """Steady notes in order; all arrays have the shape (n,).

    cents : median pitch over 440 Hz.  first, values : index of the first value in the melody, and number of values.
    """

    first: IntArray
    values: IntArray
    cents: FloatArray
    hop_s: float

    def __len__(self) -> int:
        return self.first.size

    @property
    def seconds(self) -> FloatArray:
        return (self.values * self.hop_s).astype(np.float64)

    @property
    def starts_s(self) -> FloatArray:
        return (self.first * self.hop_s).astype(np.float64)

    @property
    def ends_s(self) -> FloatArray:
        return self.starts_s + self.seconds


def steady_notes(melody: Melody) -> Notes:
    """Divide a melody into steady notes. What changes too fast belongs to no note."""
    at = np.flatnonzero(melody.voiced)
    least = max(round(LEAST_S / melody.hop_s), 3)
    found: list[tuple[int, int, float]] = []
    for phrase in np.split(at, np.flatnonzero(np.diff(at) > _GAP) + 1):
        if phrase.size >= least:
            found.extend(_notes_of_phrase(phrase, melody, least))
    first, values, cents = zip(*found, strict=True) if found else ((), (), ())
    return Notes(np.array(first, dtype=np.int64), np.array(values, dtype=np.int64), np.array(cents, dtype=float),
                 melody.hop_s)  # fmt: skip


def heights_in_use(notes: Notes, *, least: float = 0.05) -> int:
    """Count the heights, octaves together, that hold at least this share of the time of the notes each."""
    commas = np.round(notes.cents * COMMAS / 1200).astype(int) % COMMAS
    shares = np.bincount(commas, notes.seconds, COMMAS) / max(float(notes.seconds.sum()), 1e-9)
    count = 0
    while True:
        near = shares + np.roll(shares, 1) + np.roll(shares, -1)  # one comma around
        top = int(near.argmax())
        if near[top] < least:
            return count
        shares[[top - 1, top, (top + 1) % COMMAS]] = 0
        count += 1


def _notes_of_phrase(phrase: IntArray, melody: Melody, least: int) -> list[tuple[int, int, float]]:
    """Notes of one phrase without rests, as first value, number of values and cents."""
    width = max(round(_SMOOTH_S / melody.hop_s), 1)
    smooth = median_filter(melody.cents[phrase], width, mode="nearest")
    memory = max(round(_MEMORY_S / melody.hop_s), 1)
    ends, mean, counted = [0], smooth[0], 1
    for k, cents in enumerate(smooth.tolist()):
        if abs(cents - mean) > LEAVES:
            ends.append(k)
            mean, counted = cents, 1
        else:
            counted += 1
            mean += (cents - mean) / min(counted, memory)
    ends.append(len(smooth))
    return [
        (int(phrase[a]), b - a, float(np.median(smooth[a:b])))
        for a, b in zip(ends[:-1], ends[1:], strict=True)
        if b - a >= least
    ]
