"""Sizes that containers of uncompressed audio announce, compared with the bytes that are there.

A file that ends before it should is cut short. A size of zero, or the largest one, was never written: the recorder was
stopped, or wrote to a pipe. Then the sound goes on to the end of the file, and the size is written into a copy.
RIFF (Microsoft/IBM Multimedia Programming Interface 1.0), RF64 (EBU Tech 3306), Sony Wave64, AIFF (Apple 1989), AU.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from core.audio.mpeg import skip_id3

_STREAMED = 0x7FFFF000  # recorders that cannot seek back leave such sizes in a WAV header; they announce nothing
_W64_DATA = bytes.fromhex("64617461f3acd3118cd100c04f8edb8a")
_SMALLEST_SOUND = 256  # bytes after a size of zero that are taken for sound
MOST_PARTS = 100_000  # of a file; recorders write fewer than 100, streams of many hours some 10,000


@dataclass(frozen=True)
class Sizes:
    """What a walk through the chunks found.

    short_by : bytes that are announced and missing.  mended : the file with the size that was never written, or None.
    """

    short_by: int = 0
    mended: bytes | None = None


def too_many_parts(data: bytes, form: str) -> bool:
    """Return whether a file has more than ``MOST_PARTS`` parts one after the other (chunks, atoms, metadata blocks).

    Each part costs time in every reader of the file, so this is asked before any of them. form : name of the format.
    """
    if form not in _FIRST_PART:
        return False
    at, head, size_of = _FIRST_PART[form]
    at += skip_id3(data)
    order = ">" if data[:4] in (b"RIFX", b"FORM") or form in ("CAF", "M4A", "FLAC") else "<"
    for _ in range(MOST_PARTS):
        if at + head > len(data):
            return False
        step = size_of(data[at : at + max(head, 16)], order)
        if step < head:  # the sound reaches to the end of the file, or there is no further part
            return False
        at += step
    return True


def _chunk_step(head: bytes, order: str) -> int:
    size = int(struct.unpack(order + "I", head[4:8])[0])
    return 8 + size + size % 2


def _flac_step(head: bytes, _order: str) -> int:
    return 0 if head[0] == 0xFF else 4 + int.from_bytes(head[1:4], "big")  # 0xFF: the first frame of sound


def _atom_step(head: bytes, _order: str) -> int:
    size = int.from_bytes(head[:4], "big")
    return int.from_bytes(head[8:16], "big") if size == 1 else size if size else 0


# Of each format: where the first part begins, bytes of a part's header, and the bytes of a part with its header.
_FIRST_PART: dict[str, tuple[int, int, Callable[[bytes, str], int]]] = {
    "WAV": (12, 8, _chunk_step),
    "RF64": (12, 8, _chunk_step),
    "AIFF": (12, 8, _chunk_step),
    "W64": (40, 24, lambda head, _: (size := int.from_bytes(head[16:24], "little")) + -size % 8),
    "CAF": (8, 12, lambda head, _: 12 + int.from_bytes(head[4:12], "big")),
    "FLAC": (4, 4, _flac_step),
    "M4A": (0, 8, _atom_step),
}


def check_sizes(data: bytes, form: str) -> Sizes:
    """Compare the announced sizes with the file. form : "WAV", "RF64", "W64", "AIFF" or "AU"."""
    if form in ("WAV", "RF64"):
        return _riff(data)
    if form == "W64":
        return _w64(data)
    if form == "AIFF":
        return _aiff(data)
    if form == "AU" and len(data) >= 24:
        order = ">" if data[:1] == b"." else "<"
        offset, size = struct.unpack(order + "II", data[4:12])
        return Sizes(0 if size >= _STREAMED else max(0, offset + size - len(data)))
    return Sizes()


def _riff(data: bytes) -> Sizes:
    order, at, large = ">" if data[:4] == b"RIFX" else "<", 12, None
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int(struct.unpack(order + "I", data[at + 4 : at + 8])[0])
        if name == b"ds64" and at + 24 <= len(data):  # sizes that do not fit into 32 bits
            large = at + 16
        elif name == b"data":
            return _riff_data(data, at, size, order, large)
        at += 8 + size + size % 2
    return Sizes()


def _riff_data(data: bytes, at: int, size: int, order: str, large: int | None) -> Sizes:
    """at : of the chunk with the sound.  large : position of its size in RF64."""
    left = len(data) - at - 8
    if large is not None and size == 0xFFFFFFFF:
        size = int(struct.unpack("<Q", data[large : large + 8])[0])
        if size < 1 << 62 and size and size > left:
            return Sizes(short_by=size - left)
        if size == 0 or size >= 1 << 62:
            return Sizes(mended=data[:large] + struct.pack("<Q", left) + data[large + 8 :])
        return Sizes()
    never = size >= _STREAMED or (size == 0 and left >= _SMALLEST_SOUND and not _chunks_follow(data, at + 8, order))
    if never and left > 0:
        whole = struct.pack(order + "I", min(left, _STREAMED - 1))
        return Sizes(mended=data[: at + 4] + whole + data[at + 8 :])
    return Sizes(short_by=max(0, size - left))


def _chunks_follow(data: bytes, at: int, order: str) -> bool:
    """Whether whole chunks reach from here to the end of the file: then a chunk of size zero before them is empty."""
    while at + 8 <= len(data):
        if not data[at : at + 4].isascii() or not data[at : at + 4].decode().isprintable():
            return False
        size = int(struct.unpack(order + "I", data[at + 4 : at + 8])[0])
        at += 8 + size + size % 2
    return len(data) <= at <= len(data) + 1


def _w64(data: bytes) -> Sizes:
    at = 40
    while at + 24 <= len(data):
        size = int(struct.unpack("<Q", data[at + 16 : at + 24])[0])  # with the chunk's own header
        if data[at : at + 16] == _W64_DATA:
            left = len(data) - at
            if size <= 24 or size >= 1 << 62:
                whole = struct.pack("<Q", left)
                total = struct.pack("<Q", len(data))
                return (
                    Sizes(mended=data[:16] + total + data[24 : at + 16] + whole + data[at + 24 :])
                    if left > 24
                    else Sizes()
                )
            return Sizes(short_by=max(0, size - left))
        if size < 24:
            return Sizes()
        at += size + -size % 8
    return Sizes()


def _aiff(data: bytes) -> Sizes:
    at, common = 12, None
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int(struct.unpack(">I", data[at + 4 : at + 8])[0])
        if name == b"COMM" and at + 26 <= len(data):
            common = at + 8
        elif name == b"SSND":
            left = len(data) - at - 8
            if common is not None and (size <= 8 or size >= _STREAMED) and left > 8 + _SMALLEST_SOUND:
                return Sizes(mended=_aiff_mended(data, at, common, left))
            return Sizes(short_by=max(0, size - left))
        at += 8 + size + size % 2
    return Sizes()


def _aiff_mended(data: bytes, at: int, common: int, left: int) -> bytes:
    channels, _, bits = struct.unpack(">hIh", data[common : common + 8])
    frames = (left - 8) // max(1, channels * (bits + 7) // 8)
    changed = bytearray(data)
    struct.pack_into(">I", changed, 4, len(data) - 8)
    struct.pack_into(">I", changed, common + 2, frames)
    struct.pack_into(">I", changed, at + 4, left)
    return bytes(changed)
