"""Write the melody of a recording as layers that other programs read.

A *layer* is one file about one recording: the pitch track, or its notes. Times are in seconds from the beginning of the
recording. Every name of a column carries its unit.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import numpy as np
import pandas as pd

from core.makam.commas import CENTS, DUGAH, cents_of_hz
from core.makam.melody import REFERENCE_HZ, Melody
from core.makam.midi import midi
from core.makam.seyir import Note, notes_of
from core.makams import COMMAS
from core.source_note import PROGRAM
from core.spreadsheets import csv_for_people
from core.turkish import fold

FRAME_RATE = 44_100  # Hz: Sonic Visualiser places points by the number of a sample


@dataclass(frozen=True, eq=False)
class Analysed:
    """What the layers are made from.

    Parameters
    ----------
    name
        Name of the recording, for the headers.
    melody
        The pitch track.
    karar_hz
        The karar in Hz; None when it is not known. Commas are then counted from 440 Hz.
    comments
        Lines before the column names of CSV files, from ``core.source_note``.
    facts
        What else the JSON file says, such as the makam and who corrected the karar.
    """

    name: str
    melody: Melody
    karar_hz: float | None
    comments: str = ""
    facts: dict[str, object] | None = None

    @property
    def notes(self) -> tuple[Note, ...]:
        """The stable notes."""
        return notes_of(self.melody)


@dataclass(frozen=True)
class Layer:
    """A kind of file.

    label : words of the button.  ending : of the file name.  mime : media type.  write : makes the file.
    """

    label: str
    ending: str
    mime: str
    write: Callable[[Analysed], bytes]


def track_table(melody: Melody, karar_hz: float | None) -> pd.DataFrame:
    """Return the pitch track as a table: one row a frame, empty cells where there is no pitch."""
    cents = melody.cents - (0.0 if karar_hz is None else cents_of_hz(karar_hz))
    over = "a4" if karar_hz is None else "karar"
    return pd.DataFrame(
        {
            "time_s": np.round(melody.times_s, 6),
            "frequency_hz": np.round(melody.hz, 3),
            f"cents_over_{over}": np.round(cents, 2),
            f"commas_over_{over}": np.round(cents / CENTS, 3),
            "confidence": np.round(melody.confidence, 4),
        }
    )


def notes_table(notes: Sequence[Note], karar_hz: float | None) -> pd.DataFrame:
    """Return the notes as a table: one row a note."""
    over = "a4" if karar_hz is None else "karar"
    base = REFERENCE_HZ if karar_hz is None else karar_hz
    return pd.DataFrame(
        {
            "start_s": [round(note.start_s, 4) for note in notes],
            "end_s": [round(note.end_s, 4) for note in notes],
            "frequency_hz": [round(note.hz, 3) for note in notes],
            f"commas_over_{over}": [round(note.commas(base), 2) for note in notes],
            "confidence": [round(note.confidence, 3) for note in notes],
        }
    )


def _track_csv(given: Analysed) -> bytes:
    return csv_for_people(track_table(given.melody, given.karar_hz), comments=given.comments)


def _notes_csv(given: Analysed) -> bytes:
    return csv_for_people(notes_table(given.notes, given.karar_hz), comments=given.comments)


def _symbtr(given: Analysed) -> bytes:
    """Notes with the column names of SymbTr; a tab separates the cells. Bar lines and lyrics are not known."""
    lines = ["Sira\tKod\tNota53\tNotaAE\tKoma53\tKomaAE\tPay\tPayda\tMs\tLNS\tBas\tSoz1\tOffset"]
    for k, note in enumerate(given.notes, 1):
        comma = DUGAH + round(note.cents / CENTS)
        name, ms = symbtr_name(comma), round(1000 * note.length_s)
        lines.append(f"{k}\t9\t{name}\t{name}\t{comma}\t{comma}\t\t\t{ms}\t95\t\t\t{note.start_s:.4f}")
    return ("\n".join(lines) + "\n").encode()


_NATURALS = {0: "Do", 9: "Re", 18: "Mi", 22: "Fa", 31: "Sol", 40: "La", 49: "Si"}  # commas over Do


def symbtr_name(comma: int) -> str:
    """Return the name of a comma as SymbTr writes it: 305 is ``"La4"``, 313 is ``"Si4b1"``."""
    octave, step = divmod(comma, COMMAS)
    near = min((*_NATURALS, COMMAS), key=lambda natural: abs(step - natural))
    off = step - near
    name, octave = ("Do", octave + 1) if near == COMMAS else (_NATURALS[near], octave)
    return f"{name}{octave - 1}" + (f"#{off}" if off > 0 else f"b{-off}" if off else "")


def _tomato(given: Analysed) -> bytes:
    """The names of tomato's JSON files: ``pitch`` with time, frequency (0 = no pitch) and confidence, ``tonic``."""
    melody = given.melody
    hz = np.nan_to_num(melody.hz)
    columns: list[np.ndarray] = [melody.times_s.round(6), hz.round(3), melody.confidence.round(4)]
    pitch: dict[str, object] = {
        "pitch": np.column_stack(columns).tolist(),
        "hopSize": round(melody.hop_s * FRAME_RATE),
        "sampleRate": FRAME_RATE,
        "source": PROGRAM,
    }
    tonic = None if given.karar_hz is None else {"value": round(given.karar_hz, 3), "unit": "Hz"}
    return _json({"pitch": pitch, "tonic": tonic})


def _plain_json(given: Analysed) -> bytes:
    track = track_table(given.melody, given.karar_hz)
    about: dict[str, object] = {
        "program": PROGRAM,
        "recording": given.name,
        "karar": {"value": given.karar_hz, "unit": "Hz"},
        "hop": {"value": given.melody.hop_s, "unit": "s"},
        "comma": {"value": CENTS, "unit": "cent"},
        **(given.facts or {}),
        "track": {column: _numbers(track[column]) for column in track},
        "notes": notes_table(given.notes, given.karar_hz).to_dict("records"),
    }
    return _json(about)


def _numbers(column: pd.Series) -> list[float | None]:
    return [None if np.isnan(value) else value for value in column.to_numpy(float).tolist()]


def _json(content: dict[str, object]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _svl(given: Analysed) -> bytes:
    """A time-value layer of Sonic Visualiser, in Hz."""
    hz = given.melody.hz
    frames = np.round(np.arange(hz.size) * given.melody.hop_s * FRAME_RATE).astype(int)
    voiced = ~np.isnan(hz)
    hop = max(1, round(given.melody.hop_s * FRAME_RATE))
    known = hz[voiced] if voiced.any() else np.array([0.0])
    points = "".join(
        f'<point frame="{frame}" value="{value:.4f}" label="" />\n'
        for frame, value in zip(frames[voiced].tolist(), hz[voiced].tolist(), strict=True)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE sonic-visualiser>\n<sv>\n<data>\n'
        f'<model id="1" name={_attribute(given.name)} sampleRate="{FRAME_RATE}" start="0" '
        f'end="{hz.size * hop}" type="sparse" dimensions="2" resolution="{hop}" notifyOnAdd="true" dataset="0" '
        f'minimum="{known.min():.4f}" maximum="{known.max():.4f}" units="Hz" />\n'
        f'<dataset id="0" dimensions="2">\n{points}</dataset>\n</data>\n<display>\n'
        f'<layer id="2" type="timevalues" name={_attribute(given.name)} model="1" plotStyle="1" />\n'
        "</display>\n</sv>\n"
    ).encode()


def _attribute(text: str) -> str:
    return quoteattr("".join(c if c.isprintable() else " " for c in text))


def _audacity(given: Analysed) -> bytes:
    """Labels of Audacity: start, end and text of each note, separated by tabs."""
    base = REFERENCE_HZ if given.karar_hz is None else given.karar_hz
    lines = [f"{n.start_s:.6f}\t{n.end_s:.6f}\t{n.commas(base):+.1f} commas" for n in given.notes]
    return ("\n".join(lines) + "\n").encode()


def _pitch_tier(given: Analysed) -> bytes:
    """A PitchTier of Praat, text format, in Hz."""
    hz = given.melody.hz
    voiced = np.flatnonzero(~np.isnan(hz))
    end = hz.size * given.melody.hop_s
    lines = ['File type = "ooTextFile"', 'Object class = "PitchTier"', "", "xmin = 0", f"xmax = {end:.6f}"]
    lines.append(f"points: size = {voiced.size}")
    for number, k in enumerate(voiced.tolist(), 1):
        lines += [f"points [{number}]:", f"    number = {k * given.melody.hop_s:.6f}", f"    value = {hz[k]:.4f}"]
    return ("\n".join(lines) + "\n").encode()


def _midi(given: Analysed) -> bytes:
    return midi(given.notes, name=given.name)


LAYERS = {
    "csv": Layer("Pitch track (CSV)", "csv", "text/csv", _track_csv),
    "notes": Layer("Notes (CSV)", "notes.csv", "text/csv", _notes_csv),
    "svl": Layer("Sonic Visualiser layer", "svl", "application/xml", _svl),
    "audacity": Layer("Audacity labels", "labels.txt", "text/plain", _audacity),
    "praat": Layer("Praat PitchTier", "PitchTier", "text/plain", _pitch_tier),
    "tomato": Layer("JSON with the names of tomato", "tomato.json", "application/json", _tomato),
    "symbtr": Layer("Notes with the columns of SymbTr", "symbtr.txt", "text/tab-separated-values", _symbtr),
    "json": Layer("JSON with units", "json", "application/json", _plain_json),
    "midi": Layer("MIDI with pitch bend", "mid", "audio/midi", _midi),
}


def file_stem(name: str) -> str:
    """Return a file name without letters that file systems refuse, made from the name of a recording."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in fold(name.rsplit(".", 1)[0]))
    return plain.strip("-")[:80] or "recording"
