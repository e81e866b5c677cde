"""The way of a melody through a recording: its notes, where it rests, and where it begins and ends.

A *zone of rest* is a place where the melody stays on one note for a while. All heights are measured. A person has to
say whether a rest is a güçlü, an asma karar or the karar.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.makam.commas import CENTS, cents_of_hz, hz_of_cents
from core.makam.melody import Melody
from core.makam.notes import steady_notes
from core.makam.profile import name_of
from core.makam.theory import Makam

REST_S = 1.5  # a rest is at least this long
GAP_S = 0.3  # a shorter gap between two notes of one pitch does not end a rest
EDGE_SHARE, EDGE_LEAST_S = 0.1, 10.0  # the opening and the ending are a tenth of the recording, but at least 10 s
PARTS = 12  # of the course of the melody


@dataclass(frozen=True)
class Note:
    """One steady note, or several of one pitch.

    start_s, end_s : times in s.  cents : pitch in cents over 440 Hz.  confidence : mean confidence in [0, 1].
    """

    start_s: float
    end_s: float
    cents: float
    confidence: float

    @property
    def hz(self) -> float:
        """The pitch in Hz."""
        return hz_of_cents(self.cents)

    @property
    def length_s(self) -> float:
        """The length in s."""
        return self.end_s - self.start_s

    def commas(self, karar_hz: float) -> float:
        """Return the height over the karar in commas."""
        return (self.cents - cents_of_hz(karar_hz)) / CENTS


def notes_of(melody: Melody) -> tuple[Note, ...]:
    """Return the steady notes of a melody in the order of time."""
    notes = steady_notes(melody)
    ends = notes.first + notes.values
    sure = [
        float(np.mean(melody.confidence[first:end]))
        for first, end in zip(notes.first.tolist(), ends.tolist(), strict=True)
    ]
    rows = zip(notes.starts_s.tolist(), notes.ends_s.tolist(), notes.cents.tolist(), sure, strict=True)
    return tuple(Note(*row) for row in rows)


def joined(notes: Sequence[Note], *, near_cents: float = 1.5 * CENTS, gap_s: float = GAP_S) -> tuple[Note, ...]:
    """Join neighbouring notes of one pitch that only a short gap or an ornament separates.

    near_cents : largest difference of the pitches.  gap_s : longest gap in s.
    """
    found: list[Note] = []
    for note in notes:
        last = found[-1] if found else None
        if last and note.start_s - last.end_s <= gap_s and abs(note.cents - last.cents) <= near_cents:
            share = last.length_s / (last.length_s + note.length_s)
            cents = share * last.cents + (1 - share) * note.cents
            sure = share * last.confidence + (1 - share) * note.confidence
            found[-1] = Note(last.start_s, note.end_s, cents, sure)
        else:
            found.append(note)
    return tuple(found)


def rests(melody: Melody, karar_hz: float, *, makam: Makam | None = None, least_s: float = REST_S) -> pd.DataFrame:
    """Return the zones of rest of a melody: start_s, end_s, seconds, commas (over the karar) and perde.

    makam : its theory names the perdes; without it they have no names.  least_s : shortest rest.
    """
    held = [note for note in joined(notes_of(melody)) if note.length_s >= least_s]
    commas = [note.commas(karar_hz) for note in held]
    return pd.DataFrame(
        {
            "start_s": [note.start_s for note in held],
            "end_s": [note.end_s for note in held],
            "seconds": [note.length_s for note in held],
            "commas": commas,
            "perde": [name_of(height, makam) for height in commas],
        }
    )


@dataclass(frozen=True)
class Edge:
    """The beginning or the end of a melody.

    seconds : length of the part that was looked at.  commas : height of its longest note over the karar.
    perde : its name; empty without a makam.  last : height of its last steady note over the karar, and last_perde its
    name.
    """

    seconds: float
    commas: float
    perde: str
    last: float
    last_perde: str


@dataclass(frozen=True)
class Course:
    """The measured course of a melody.

    opening, ending : None for a melody without steady notes there.
    heights : median height over the karar in commas in each of 12 equal parts; NaN for a part without a melody.
    ends_on_karar : whether the last steady note is within two commas of the karar, in any octave.
    """

    opening: Edge | None
    ending: Edge | None
    heights: tuple[float, ...]
    ends_on_karar: bool


def course(melody: Melody, karar_hz: float, *, makam: Makam | None = None) -> Course:
    """Measure where a melody begins, how its height changes, and where it ends.

    makam : its theory names the perdes.
    """
    notes = notes_of(melody)
    length = min(max(EDGE_SHARE * melody.duration_s, EDGE_LEAST_S), melody.duration_s)
    opening = _edge([n for n in notes if n.start_s < length], length, karar_hz, makam)
    end = max((n.end_s for n in notes), default=0.0)
    ending = _edge([n for n in notes if n.end_s > end - length], length, karar_hz, makam)
    octave = 1200 / CENTS
    off = abs((ending.last + octave / 2) % octave - octave / 2) if ending else np.inf
    return Course(opening, ending, _heights(melody, karar_hz), bool(off <= 2))


def _edge(notes: Sequence[Note], seconds: float, karar_hz: float, makam: Makam | None) -> Edge | None:
    if not notes:
        return None
    held = max(joined(notes), key=lambda note: note.length_s).commas(karar_hz)
    last = notes[-1].commas(karar_hz)
    return Edge(seconds, held, name_of(held, makam), last, name_of(last, makam))


def _heights(melody: Melody, karar_hz: float) -> tuple[float, ...]:
    commas = (melody.cents - cents_of_hz(karar_hz)) / CENTS
    parts = [part[~np.isnan(part)] for part in np.array_split(commas, PARTS)]
    return tuple(float(np.median(part)) if part.size else float("nan") for part in parts)
