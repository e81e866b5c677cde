"""MPEG audio of free format: frames whose header does not say their bitrate, so that their size must be found.

All frames of such a stream have one size, but for a slot of padding (ISO/IEC 11172-3, 2.4.2.3). So the distance between
the first frames gives the size of all. libmpg123 decodes the frames, but FFmpeg does not.
"""

import re
from dataclasses import dataclass

from core.audio.mpeg import Stretch

_SYNC = re.compile(rb"\xff(?=[\xe2-\xef\xf2-\xff][\x00-\x0b])")  # bitrate 0 and a sampling rate that exists
_SEARCHED = 1 << 16  # bytes in which the first frame must begin
_LARGEST = 4608  # bytes of a frame
_TRIES = 50_000  # pairs of places that are looked at: bounds the time that damage can cost
_CHAIN = 5  # frames that must follow each other
_SAME_1, _SAME_2, _SAME_3 = 0xFE, 0xFC, 0xC0  # bits of the header's bytes that all frames share


@dataclass(frozen=True)
class FreeFormat:
    """Frames of free format. stretch : where they are, and how many.  short_by : bytes that the last frame lacks."""

    stretch: Stretch
    short_by: int


def find(data: bytes, start: int) -> FreeFormat | None:
    """The frames of free format in a file; None where there are none. start : position after the tags."""
    tries = _TRIES
    for match in _SYNC.finditer(data, start, start + _SEARCHED):
        at = match.start()
        if at + 4 > len(data) or data[at + 1] >> 3 & 3 == 1:
            continue
        for following in _SYNC.finditer(data, at + 4, at + _LARGEST):
            tries -= 1
            if tries < 0:
                return None
            size = following.start() - at - _padding(data, at)
            if _same(data, at, following.start()) and _count(data, at, size, _CHAIN)[0] == _CHAIN:
                frames, end = _count(data, at, size)
                key = (data[at + 1] << 8 | data[at + 2]) & 0xFE0C
                whole = Stretch(at, end, frames, key, data[at + 3] >> 6 == 3)
                cut = _same(data, at, end) and end + size > len(data)
                return FreeFormat(whole, end + size - len(data) if cut else 0)
    return None


def _same(data: bytes, first: int, at: int) -> bool:
    """Whether a frame of the same stream as the first one may begin here."""
    masks = (0xFF, _SAME_1, _SAME_2, _SAME_3)
    return at + 4 <= len(data) and all((data[first + k] ^ data[at + k]) & mask == 0 for k, mask in enumerate(masks))


def _padding(data: bytes, at: int) -> int:
    slot = 4 if data[at + 1] >> 1 & 3 == 3 else 1  # of layer 1, and of the others
    return slot * (data[at + 2] >> 1 & 1)


def _count(data: bytes, at: int, size: int, most: int | None = None) -> tuple[int, int]:
    """Number of whole frames from here on, and the position after them."""
    first, frames = at, 0
    while frames != most and _same(data, first, at):
        following = at + size + _padding(data, at)
        if following > len(data):
            break
        at, frames = following, frames + 1
    return frames, at
