"""Read tags that tinytag misses or reads wrongly: APEv2, RIFF INFO, AIFF texts, unusual ID3, comments not in UTF-8.

Each reader takes the bytes of a file and returns texts; `core.audio.tag_text.repair_encoding` repairs their encoding.
Sources: the ID3v2.3 and v2.4 structure documents (id3.org), the APEv2 specification (Hydrogenaudio) and the Multimedia
Programming Interface (RIFF).
"""

import re
import struct
import zlib
from collections.abc import Iterator

from core.audio.tag_text import LARGEST_TEXT, decode_text

Tags = dict[str, list[str]]  # name -> values

ID3V1 = 128  # size of an ID3v1 tag in bytes
_APE_END = 1 << 16  # an APEv2 tag ends within this number of bytes before the end of the file
_MOST_ITEMS = 500
_MOST_PARTS = 10_000  # chunks of a file, or frames of an ID3 tag: bounds the time that empty ones can cost
_LARGEST_TAG = 16 << 20  # bytes, including pictures
_BYTE_ORDERS = (b"\xff\xfe", b"\xfe\xff")  # marks of UTF-16: the low byte first, the high byte first
_PICTURES = (b"APIC", b"PIC", b"GEOB", b"GEO", b"PRIV", b"MCDI", b"SYLT", b"CHAP")
_SEVERAL = (b"TPE1", b"TP1", b"TCON", b"TCO")  # frames of artists and genres
_NAMES = {
    **{b"INAM": "title", b"TITL": "title", b"IART": "artist", b"IPRD": "album", b"IGNR": "genre", b"ICRD": "year"},
    **{b"YEAR": "year", b"ICMT": "comment", b"NAME": "title", b"AUTH": "artist", b"ANNO": "comment"},
}
_COMMENT = re.compile(rb"(.{4})(ARTIST|TITLE|ALBUM|GENRE|DATE|MAKAM|USUL|PERFORMER|COMMENT|DESCRIPTION)=", re.I | re.S)


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of the chunks of a WAV or AIFF file that can contain tags, also those in LIST INFO."""
    order = ">" if data.startswith(b"FORM") else "<"
    if data[:4] not in (b"RIFF", b"RF64", b"FORM") or data[8:12] not in (b"WAVE", b"AIFF", b"AIFC"):
        return
    for name, content in _walk(data, 12, order):
        if name == b"LIST" and content.startswith(b"INFO"):
            yield from _walk(content, 4, order)
        else:
            yield name, content


def _walk(data: bytes, place: int, order: str) -> Iterator[tuple[bytes, bytes]]:
    for _ in range(_MOST_PARTS):
        if place + 8 > len(data):
            return
        name, size = struct.unpack_from(f"{order}4sI", data, place)
        if size <= _LARGEST_TAG and name != b"data":
            yield name, data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2  # chunks begin at even positions


def chunk_tags(data: bytes) -> tuple[Tags, bytes]:
    """Read the text chunks of a WAV or AIFF file; also return the bytes of an ID3 tag in a chunk (or b"")."""
    tags: Tags = {}
    id3 = b""
    for name, content in chunks(data):
        if name in (b"id3 ", b"ID3 "):
            id3 = content
        elif name in _NAMES or (name.startswith(b"I") and name.isalpha()):
            values = [decode_text(part) for part in content[:LARGEST_TEXT].split(b"\0") if part]
            tags.setdefault(_NAMES.get(name, name.decode().lower()), []).extend(values)
    return tags, id3


def ape_tags(data: bytes) -> Tags:
    """Read an APEv2 tag at the end of the file, before an ID3v1 tag, or at the beginning."""
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
        if flags >> 1 & 3 == 0 and size <= LARGEST_TEXT:  # text, not a picture
            tags.setdefault(name, []).extend(decode_text(part) for part in content.split(b"\0") if part)
    return tags


def split_id3v1(data: bytes) -> tuple[bytes, bytes]:
    """Return the file without its ID3v1 tag, and that tag (or b"")."""
    if len(data) >= ID3V1 and data[-ID3V1 : -ID3V1 + 3] == b"TAG":
        return data[:-ID3V1], data[-ID3V1:]
    return data, b""


def plain_id3(data: bytes) -> bytes:
    """Rewrite an ID3v2 tag in its simplest form, so that tinytag can read it.

    Unsynchronisation, extended headers, compression, frame flags and pictures are removed. Text that is wrongly marked
    as UTF-8 is marked as Latin-1. Of an MP3, only the first bytes after the tag remain. Bytes without a tag are
    returned unchanged.
    """
    if not data.startswith(b"ID3") or len(data) < 10 or data[3] not in (2, 3, 4):
        return data
    major, flags, size = data[3], data[5], synchsafe(data[6:10])
    body = data[10 : 10 + size]
    rest = data[10 + size + (10 if flags & 0x10 else 0) :]
    if major < 4 and flags & 0x80:
        body = body.replace(b"\xff\x00", b"\xff")
    if major > 2 and flags & 0x40 and len(body) >= 4:
        body = body[synchsafe(body) if major == 4 else 4 + int.from_bytes(body[:4]) :]
    parts = list(_frames(body, major, bool(flags & 0x80)))
    if major == 4 and flags & 0x80:  # some programs change the tag as a whole, as version 2.3 asks
        parts = max(parts, list(_frames(body.replace(b"\xff\x00", b"\xff"), major, False)), key=len)
    frames = b"".join(_plain_frame(name, content) for name, content in parts)
    frames += bytes(20)  # padding, at which tinytag stops reading
    plain = b"ID3" + bytes([2 if major == 2 else 3, 0, 0]) + as_synchsafe(len(frames)) + frames
    return plain + (rest if rest.startswith(b"fLaC") else rest[:4])


def _frames(body: bytes, major: int, unsynchronised: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of the frames of an ID3v2 tag, with unsynchronisation and compression undone."""
    head, place = (6 if major == 2 else 10), 0
    for _ in range(_MOST_PARTS):
        if place + head > len(body):
            return
        name = body[place : place + (3 if major == 2 else 4)]
        if not re.fullmatch(rb"[A-Z0-9]{3,4} ?", name):
            return
        size = frame_size(body, place, major)
        content = body[place + head : place + head + size]
        format_flags = body[place + 9] if major > 2 else 0
        place += head + size
        content = _frame_content(content, format_flags, major, unsynchronised)
        if content and name not in _PICTURES:
            yield name, content


def frame_size(body: bytes, place: int, major: int) -> int:
    """Read the size of a frame. Some programs write version 2.4 sizes as in 2.3, which the next frame reveals."""
    if major == 2:
        return int.from_bytes(body[place + 3 : place + 6])
    plain = int.from_bytes(body[place + 4 : place + 8])
    if major == 3:
        return plain
    safe = synchsafe(body[place + 4 : place + 8])
    follows = {size: body[(at := place + 10 + size) : at + 4] for size in (safe, plain)}
    is_frame = {size: bool(re.fullmatch(rb"[A-Z0-9]{4}", name)) for size, name in follows.items()}
    return plain if is_frame[plain] and not is_frame[safe] else safe


def _frame_content(content: bytes, flags: int, major: int, unsynchronised: bool) -> bytes:
    """Undo the changes to a frame's content that its flags describe; b"" if it is encrypted or damaged."""
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
            return zlib.decompressobj().decompress(content, LARGEST_TEXT)
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
    if name.startswith(b"T") and content[:1] == b"\x01" and content[1:3] not in _BYTE_ORDERS:
        content = b"\x01" + _byte_order(content[1:]) + content[1:]
    if name in _SEVERAL:
        content = _one_text(content)
    if len(name) == 3:
        return name + len(content).to_bytes(3) + content
    return name + len(content).to_bytes(4) + b"\0\0" + content


def _one_text(content: bytes) -> bytes:
    """Join the values of a text frame with commas. Zeros separate them, and tinytag reads only the first one."""
    encoding, text = content[:1], content[1:]
    if encoding in (b"\0", b"\x03"):
        return encoding + b", ".join(part for part in text.split(b"\0") if part)
    try:
        values = text[: len(text) // 2 * 2].decode("utf-16" if encoding == b"\x01" else "utf-16-be").split("\0")
    except UnicodeDecodeError:
        return content
    return b"\x01\xff\xfe" + ", ".join(filter(None, (v.strip("\ufeff") for v in values))).encode("utf-16-le")


def _byte_order(text: bytes) -> bytes:
    """The missing mark of the byte order of UTF-16: the first byte of Latin and Turkish letters is 0 or 1."""
    little, big = (sum(byte <= 1 for byte in text[start::2]) for start in (1, 0))
    return _BYTE_ORDERS[big > little]


def synchsafe(size: bytes) -> int:
    return (size[0] & 127) << 21 | (size[1] & 127) << 14 | (size[2] & 127) << 7 | size[3] & 127


def as_synchsafe(size: int) -> bytes:
    return bytes(size >> shift & 127 for shift in (21, 14, 7, 0))


def raw_comments(data: bytes) -> Tags:
    """Read Vorbis comments that are not valid UTF-8."""
    tags: Tags = {}
    head = data[:LARGEST_TEXT]
    for match in _COMMENT.finditer(head):
        size = struct.unpack("<I", match[1])[0] - len(match[2]) - 1
        if 0 < size <= len(head) - match.end():
            tags.setdefault(match[2].decode().lower(), []).append(decode_text(head[match.end() : match.end() + size]))
    return tags
