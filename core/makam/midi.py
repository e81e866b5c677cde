"""Write notes as a standard MIDI file with pitch bend, so that commas are not rounded to semitones.

One channel, one note at a time. The range of the pitch bend is set to two semitones, which every synthesiser
understands. Source: Standard MIDI Files 1.0; MIDI 1.0, registered parameter 0 (pitch bend sensitivity).
"""

import struct
from collections.abc import Sequence

from core.makam.seyir import Note

TICKS = 480  # of a quarter note
BEAT_US = 500_000  # a quarter note in microseconds: 960 ticks a second
TICKS_PER_S = TICKS * 1_000_000 / BEAT_US
BEND_SEMITONES = 2
BEND_CENTRE, BEND_MOST = 8192, 16383
VELOCITY = 80


def midi(notes: Sequence[Note], *, name: str = "melody") -> bytes:
    """Return a MIDI file (format 0) of the notes. Notes outside of the range of MIDI are left out."""
    events = [_meta(3, name.encode("utf-8", "replace")[:200]), _meta(0x51, BEAT_US.to_bytes(3, "big"))]
    events += [bytes([0, 0xB0, control, value]) for control, value in _BEND_RANGE]
    at = 0
    for note in notes:
        key, bend = key_and_bend(note.cents)
        if not 0 <= key <= 127:
            continue
        start, end = max(at, round(note.start_s * TICKS_PER_S)), round(note.end_s * TICKS_PER_S)
        if end <= start:
            continue
        events.append(_length(start - at) + bytes([0xE0, bend & 0x7F, bend >> 7]))
        events.append(bytes([0, 0x90, key, VELOCITY]))
        events.append(_length(end - start) + bytes([0x80, key, 0]))
        at = end
    track = b"".join(events) + _meta(0x2F, b"")
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS) + b"MTrk" + struct.pack(">I", len(track)) + track


_BEND_RANGE = ((101, 0), (100, 0), (6, BEND_SEMITONES), (38, 0))  # registered parameter 0, in semitones and cents


def key_and_bend(cents: float) -> tuple[int, int]:
    """Return the MIDI key and the pitch bend (0 to 16383) of a pitch in cents over 440 Hz."""
    key = round(69 + cents / 100)
    off = (69 + cents / 100 - key) / BEND_SEMITONES
    return key, min(BEND_MOST, max(0, round(BEND_CENTRE + off * BEND_CENTRE)))


def _meta(kind: int, data: bytes) -> bytes:
    return bytes([0, 0xFF, kind]) + _length(len(data)) + data


def _length(value: int) -> bytes:
    """A number as MIDI stores it: seven bits a byte, the highest bit says that more follow."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    return bytes(reversed(parts))
