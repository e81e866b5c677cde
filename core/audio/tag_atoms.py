"""Read the tags of MP4 files (M4A, AAC and ALAC from phones and iTunes), also with a wrong or missing text type.

Sources: the QuickTime File Format Specification, "Metadata", and the layout of iTunes: ``moov/udta/meta/ilst``.
"""

import struct
from collections.abc import Iterator

from core.audio.tag_text import LARGEST_TEXT, decode_text

_NAMES = {
    **{b"\xa9ART": "artist", b"\xa9nam": "title", b"\xa9alb": "album", b"\xa9gen": "genre", b"\xa9day": "year"},
    **{b"\xa9cmt": "comment", b"\xa9con": "conductor", b"desc": "comment", b"aART": "albumartist"},
}
_TEXT, _UTF16 = (0, 1, 4), (2, 5)  # types of data; 0 (no type) is read as UTF-8
_LARGEST_TAG = 64 << 20
_MOST_ATOMS = 10_000  # of one container: bounds the time that empty atoms can cost


def mp4_tags(data: bytes) -> dict[str, list[str]]:
    """Read the text tags of an MP4 file; {} for other files."""
    if data[4:8] not in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return {}
    tags: dict[str, list[str]] = {}
    for moov in _inside(data, b"moov"):
        for udta in (moov, *_inside(moov, b"udta")):
            for meta in _inside(udta, b"meta"):
                # In ISO files, version and flags come before the atoms; QuickTime files do not have them.
                for ilst in _inside(meta if meta[4:8] == b"hdlr" else meta[4:], b"ilst"):
                    for name, item in _atoms(ilst):
                        field, values = _item(name, item)
                        if field and values:
                            tags.setdefault(field, []).extend(values)
    return tags


def _inside(data: bytes, wanted: bytes) -> Iterator[bytes]:
    return (content for name, content in _atoms(data, wanted) if name == wanted)


def _atoms(data: bytes, wanted: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of consecutive atoms; wanted : yield only atoms of this name."""
    place = 0
    for _ in range(_MOST_ATOMS):
        if place + 8 > len(data):
            return
        size, name = struct.unpack_from(">I4s", data, place)
        head = 8
        if size == 1 and place + 16 <= len(data):
            size, head = struct.unpack_from(">Q", data, place + 8)[0], 16
        elif size == 0:
            size = len(data) - place  # 0 = the atom extends to the end
        if size < head:
            return
        if size <= _LARGEST_TAG and (not wanted or name == wanted):
            yield name, data[place + head : place + size]
        place += size


def _item(name: bytes, item: bytes) -> tuple[str, list[str]]:
    """Return name and values of one list entry; a free-form entry, ``----``, contains its own name."""
    field, values = _NAMES.get(name, ""), []
    for part, content in _atoms(item):
        if part == b"name" and name == b"----":
            field = decode_text(content[4:]).lower()
        elif part == b"data" and 8 < len(content) <= LARGEST_TEXT:
            kind = int.from_bytes(content[:4]) & 0xFFFFFF
            if kind in _TEXT:
                values.append(decode_text(content[8:]).rstrip("\0"))
            elif kind in _UTF16:
                values.append(content[8:].decode("utf-16-be", "ignore").rstrip("\0"))
    return field, values
