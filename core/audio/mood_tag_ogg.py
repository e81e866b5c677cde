"""The mood in the comments of an Ogg Vorbis or Opus file. Source: Ogg (RFC 3533).

The comments are in the pages after the first one, in Vorbis together with the tables of the decoder. These pages are
written again; the pages with sound stay, because their numbers stay.
"""

import struct

from core.audio.byte_edits import Edit
from core.audio.vorbis_comments import moods_of, with_mood
from core.errors import AudioError

_MAGIC = {b"OpusTags": 1, b"\x03vorbis": 2}  # begin of the packet with the comments -> packets until the sound
_HEAD = 27  # bytes of a page's head without its table of segments
_MOST_SEGMENTS = 255
_UNUSUAL = "The Ogg file is of an unusual kind, so the mood is not written into it."


def moods(data: bytes) -> tuple[str, ...]:
    """The moods in the comments."""
    packets, _, _ = _headers(data)
    return moods_of(packets[0][_magic(packets[0]) :])


def edits(data: bytes, mood: str) -> tuple[Edit, ...]:
    """The edits that write a mood as the only one."""
    (first, *others), at, pages = _headers(data)
    size = _magic(first)
    packets = [first[:size] + with_mood(first[size:], mood), *others]
    segments = [part for packet in packets for part in (*[255] * (len(packet) // 255), len(packet) % 255)]
    whole, new, done = b"".join(packets), [], 0
    if -(-len(segments) // _MOST_SEGMENTS) > len(pages):
        raise AudioError("The tag of this file has no room for another entry.")
    share = -(-len(segments) // len(pages))
    for k, (begin, _) in enumerate(pages):
        part = segments[k * share : (k + 1) * share]
        if not part:
            raise AudioError(_UNUSUAL)
        continued = 1 if k and segments[k * share - 1] == 255 else 0
        ends = any(segment < 255 for segment in part)
        head = b"OggS\0" + bytes([continued]) + struct.pack("<q", 0 if ends else -1) + data[begin + 14 : begin + 22]
        page = head + bytes(4) + bytes([len(part), *part]) + whole[done : done + sum(part)]
        new.append(page[:22] + struct.pack("<I", _checksum(page)) + page[26:])
        done += sum(part)
    end = pages[-1][1]
    return (Edit(at, data[at:end], b"".join(new)),)


def _magic(packet: bytes) -> int:
    """Bytes before the comments."""
    for magic in _MAGIC:
        if packet.startswith(magic):
            return len(magic)
    raise AudioError(_UNUSUAL)


def _headers(data: bytes) -> tuple[list[bytes], int, list[tuple[int, int]]]:
    """The packets from the comments to the sound, where they begin, and the begin and end of their pages."""
    first = _page_end(data, 0)
    serial, at, packet = data[14:18], first, b""
    packets: list[bytes] = []
    pages: list[tuple[int, int]] = []
    while True:
        end = _page_end(data, at)
        if data[at + 14 : at + 18] != serial or data[at + 5] & 6:
            raise AudioError(_UNUSUAL)  # several streams, or no sound
        place = at + _HEAD + data[at + 26]
        for segment in data[at + _HEAD : place]:
            packet, place = packet + data[place : place + segment], place + segment
            if segment < 255:
                packets, packet = [*packets, packet], b""
        pages.append((at, end))
        at = end
        wanted = next((count for magic, count in _MAGIC.items() if packets and packets[0].startswith(magic)), 2)
        if len(packets) >= wanted:
            if len(packets) > wanted or packet:
                raise AudioError(_UNUSUAL)  # the sound begins in the same page
            return packets, first, pages


def _page_end(data: bytes, at: int) -> int:
    if data[at : at + 4] != b"OggS" or at + _HEAD > len(data):
        raise AudioError(_UNUSUAL)
    segments = data[at + 26]
    end = at + _HEAD + segments + sum(data[at + _HEAD : at + _HEAD + segments])
    if end > len(data):
        raise AudioError(_UNUSUAL)
    return end


def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 1 << 31 else value << 1) & 0xFFFFFFFF
        table.append(value)
    return table


_TABLE = _table()


def _checksum(page: bytes) -> int:
    """CRC-32 of a page, as Ogg counts it."""
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ _TABLE[value >> 24 ^ byte]
    return value
