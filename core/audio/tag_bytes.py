"""Tags that tinytag does not read, or not right: APEv2, RIFF INFO, AIFF texts, odd ID3, comments that are no UTF-8.

Each reader takes the bytes of a file and returns what it finds as texts; `core.audio.tag_text.readable` puts letters
right
that were read in a wrong encoding. After the ID3v2.3 and v2.4 structure documents (id3.org), the APEv2 specification
(Hydrogenaudio) and the Multimedia Programming Interface (RIFF).
"""

import re
import struct
import zlib
from collections.abc import Iterator

from core.audio.tag_text import decoded

Tags = dict[str, list[str]]  # name -> values

ID3V1 = 128  # bytes at the end of a file
_APE_END = 1 << 16  # bytes before the end of a file in which an APEv2 tag may end
_MOST_ITEMS = 500
_LARGEST_TAG = 16 << 20  # bytes; pictures may be in it
_LARGEST_TEXT = 1 << 20
_PICTURES = (b"APIC", b"PIC", b"GEOB", b"GEO", b"PRIV", b"MCDI", b"SYLT", b"CHAP")
_NAMES = {
    **{b"INAM": "title", b"TITL": "title", b"IART": "artist", b"IPRD": "album", b"IGNR": "genre", b"ICRD": "year"},
    **{b"YEAR": "year", b"ICMT": "comment", b"NAME": "title", b"AUTH": "artist", b"ANNO": "comment"},
}
_COMMENT = re.compile(rb"(.{4})(ARTIST|TITLE|ALBUM|GENRE|DATE|MAKAM|USUL|PERFORMER|COMMENT|DESCRIPTION)=", re.I | re.S)


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of the chunks of a WAV or AIFF file that may hold tags; those inside a LIST INFO as well."""
    order = ">" if data.startswith(b"FORM") else "<"
    if data[:4] not in (b"RIFF", b"RF64", b"FORM") or data[8:12] not in (b"WAVE", b"AIFF", b"AIFC"):
        return
    for name, content in _walk(data, 12, order):
        if name == b"LIST" and content.startswith(b"INFO"):
            yield from _walk(content, 4, order)
        else:
            yield name, content


def _walk(data: bytes, place: int, order: str) -> Iterator[tuple[bytes, bytes]]:
    while place + 8 <= len(data):
        name, size = struct.unpack_from(f"{order}4sI", data, place)
        if size <= _LARGEST_TAG and name != b"data":
            yield name, data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2  # chunks begin at even places


def chunk_tags(data: bytes) -> tuple[Tags, bytes]:
    """What the text chunks of a WAV or AIFF file say, and the ID3 tag that is in one of its chunks (or nothing)."""
    tags: Tags = {}
    id3 = b""
    for name, content in chunks(data):
        if name in (b"id3 ", b"ID3 "):
            id3 = content
        elif name in _NAMES or (name.startswith(b"I") and name.isalpha()):
            values = [decoded(part) for part in content[:_LARGEST_TEXT].split(b"\0") if part]
            tags.setdefault(_NAMES.get(name, name.decode().lower()), []).extend(values)
    return tags, id3


def ape_tags(data: bytes) -> Tags:
    """What an APEv2 tag says, wherever it stands: at the end, before an ID3v1 tag, or at the beginning."""
    tail = max(len(data) - _APE_END, 0)
    place = data.rfind(b"APETAGEX", tail)
    if place < 0 or place + 32 > len(data):
        place = 0 if data.startswith(b"APETAGEX") else -1
    if place < 0 or place + 32 > len(data):
        return {}
    _, size, count, flags = struct.unpack_from("<4I", data, place + 8)
    if size > _LARGEST_TAG:
        return {}
    is_header = bool(flags & 1 << 29)
    first = place + 32 if is_header else max(place + 32 - size, 0)
    items = data[first : first + size] if is_header else data[first:place]
    return _ape_items(items, min(count, _MOST_ITEMS))


def _ape_items(items: bytes, count: int) -> Tags:
    tags: Tags = {}
    place = 0
    for _ in range(count):
        end = items.find(b"\0", place + 8)
        if end < 0:
            break
        size, flags = struct.unpack_from("<2I", items, place)
        name, content = items[place + 8 : end].decode("latin-1").lower(), items[end + 1 : end + 1 + size]
        place = end + 1 + size
        if flags >> 1 & 3 == 0 and size <= _LARGEST_TEXT:  # text, no picture
            tags.setdefault(name, []).extend(decoded(part) for part in content.split(b"\0") if part)
    return tags


def split_id3v1(data: bytes) -> tuple[bytes, bytes]:
    """The file without its ID3v1 tag, and that tag (or nothing)."""
    if len(data) >= ID3V1 and data[-ID3V1 : -ID3V1 + 3] == b"TAG":
        return data[:-ID3V1], data[-ID3V1:]
    return data, b""


def plain_id3(data: bytes) -> bytes:
    """The bytes with an ID3v2 tag in its plainest form, and no more of an MP3 than its first bytes.

    Unsynchronisation, extended headers, compressed and flagged frames and pictures are gone; text that is said to be
    UTF-8 and is not is said to be Latin-1. Without a tag the bytes are returned as they are.
    """
    if not data.startswith(b"ID3") or len(data) < 10 or data[3] not in (2, 3, 4):
        return data
    major, flags, size = data[3], data[5], _synchsafe(data[6:10])
    body = data[10 : 10 + size]
    rest = data[10 + size + (10 if flags & 0x10 else 0) :]
    if major < 4 and flags & 0x80:
        body = body.replace(b"\xff\x00", b"\xff")
    if major > 2 and flags & 0x40 and len(body) >= 4:
        body = body[_synchsafe(body) if major == 4 else 4 + int.from_bytes(body[:4]) :]
    frames = b"".join(_plain_frame(name, content) for name, content in _frames(body, major, bool(flags & 0x80)))
    frames += bytes(20)  # tinytag ends where padding begins
    plain = b"ID3" + bytes([2 if major == 2 else 3, 0, 0]) + _as_synchsafe(len(frames)) + frames
    return plain + (rest if rest.startswith(b"fLaC") else rest[:4])


def _frames(body: bytes, major: int, unsynchronised: bool) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of the frames of an ID3v2 tag, decoded as their flags say."""
    head, place = (6 if major == 2 else 10), 0
    while place + head <= len(body):
        name = body[place : place + (3 if major == 2 else 4)]
        if not re.fullmatch(rb"[A-Z0-9]{3,4} ?", name):
            return
        size = _frame_size(body, place, major)
        content = body[place + head : place + head + size]
        format_flags = body[place + 9] if major > 2 else 0
        place += head + size
        found = _content(content, format_flags, major, unsynchronised)
        if found and name not in _PICTURES:
            yield name, found


def _frame_size(body: bytes, place: int, major: int) -> int:
    """Size of a frame; that of version 2.4 is written as in 2.3 by some programs, which the next frame shows."""
    if major == 2:
        return int.from_bytes(body[place + 3 : place + 6])
    plain = int.from_bytes(body[place + 4 : place + 8])
    if major == 3:
        return plain
    safe = _synchsafe(body[place + 4 : place + 8])
    follows = {size: body[place + 10 + size :][:4] for size in (safe, plain)}
    is_frame = {size: bool(re.fullmatch(rb"[A-Z0-9]{4}", name)) for size, name in follows.items()}
    return plain if is_frame[plain] and not is_frame[safe] else safe


def _content(content: bytes, flags: int, major: int, unsynchronised: bool) -> bytes:
    """A frame's content without what its flags say was done to it; nothing where it is encrypted or damaged."""
    if major == 3:
        compressed, encrypted, skip = flags & 0x80, flags & 0x40, (1 if flags & 0x20 else 0)
        skip += 4 if compressed else 0
    else:
        compressed, encrypted, skip = flags & 0x08, flags & 0x04, (1 if flags & 0x40 else 0)
        skip += 4 if flags & 0x01 else 0
    if encrypted and major > 2:
        return b""
    if major == 4 and (unsynchronised or flags & 0x02):
        content = content.replace(b"\xff\x00", b"\xff")
    content = content[skip:] if major > 2 else content
    if major > 2 and compressed:
        try:
            return zlib.decompressobj().decompress(content, _LARGEST_TEXT)
        except zlib.error:
            return b""
    return content


def _plain_frame(name: bytes, content: bytes) -> bytes:
    text = name.startswith((b"T", b"COM"))
    if text and content[:1] == b"\x03":
        try:
            content[1:].decode()
        except UnicodeDecodeError:
            content = b"\0" + content[1:]
    if len(name) == 3:
        return name + len(content).to_bytes(3) + content
    return name + len(content).to_bytes(4) + b"\0\0" + content


def _synchsafe(size: bytes) -> int:
    return (size[0] & 127) << 21 | (size[1] & 127) << 14 | (size[2] & 127) << 7 | size[3] & 127


def _as_synchsafe(size: int) -> bytes:
    return bytes(size >> shift & 127 for shift in (21, 14, 7, 0))


def raw_comments(data: bytes) -> Tags:
    """Vorbis comments of a file that holds other bytes than UTF-8 in them, each as it is written."""
    tags: Tags = {}
    head = data[:_LARGEST_TEXT]
    for found in _COMMENT.finditer(head):
        size = struct.unpack("<I", found[1])[0] - len(found[2]) - 1
        if 0 < size <= len(head) - found.end():
            tags.setdefault(found[2].decode().lower(), []).append(decoded(head[found.end() : found.end() + size]))
    return tags
