"""The mood in the ID3v2 tag of an MP3 file: the frame TMOO. Sources: the ID3v2.3 and v2.4 structure documents."""

import re

from core.audio.byte_edits import Edit
from core.audio.tag_bytes import as_synchsafe, frame_size, synchsafe
from core.errors import AudioError

_HEAD = 10  # bytes of the head of a tag, and of a frame
_LARGEST = 1 << 28
_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")  # by the first byte of a text
_UNUSUAL = (
    "The ID3 tag of this file is of an unusual kind ({}), so the mood is not written into it. Save the tag as ID3v2.4 "
    "with another program, then try again."
)


def moods(data: bytes) -> tuple[str, ...]:
    """The moods in the tag."""
    if not data.startswith(b"ID3"):
        return ()
    found = []
    for at, size in _frames(data)[0]:
        if _is_mood(data, at, size):
            described = 1 if data[at : at + 4] == b"TXXX" else 0
            found += [text for text in _texts(data[at + _HEAD : at + size])[described:] if text]
    return tuple(found)


def edits(data: bytes, mood: str) -> tuple[Edit, ...]:
    """The edits that write a mood as the only one."""
    content = b"\0" + mood.encode("ascii")  # 0: Latin-1, which every program reads
    frame = b"TMOO" + len(content).to_bytes(4, "big") + b"\0\0" + content
    if not data.startswith(b"ID3"):
        return (Edit(0, b"", b"ID3\4\0\0" + as_synchsafe(len(frame)) + frame),)
    frames, end = _frames(data)
    old = [(at, size) for at, size in frames if _is_mood(data, at, size)]
    size = synchsafe(data[6:10]) + len(frame) - sum(size for _, size in old)
    if size >= _LARGEST:
        raise AudioError("The tag of this file is too large for another entry.")
    gone = [Edit(at, data[at : at + size], b"") for at, size in old]
    if gone and gone[-1].at + len(gone[-1].old) == end:  # two edits must not begin at the same place
        last = gone.pop()
        return Edit(6, data[6:10], as_synchsafe(size)), *gone, Edit(last.at, last.old, frame)
    return Edit(6, data[6:10], as_synchsafe(size)), *gone, Edit(end, b"", frame)


def _is_mood(data: bytes, at: int, size: int) -> bool:
    name = data[at : at + 4]
    if name == b"TXXX":
        return _texts(data[at + _HEAD : at + size])[0].upper() == "MOOD"
    return name == b"TMOO"


def _texts(content: bytes) -> list[str]:
    """The texts of a frame."""
    encoding = _ENCODINGS[min(content[0] if content else 0, len(_ENCODINGS) - 1)]
    return content[1:].decode(encoding, "replace").split("\0")


def _frames(data: bytes) -> tuple[list[tuple[int, int]], int]:
    """Position and size of each frame with its head, and the position after the last one."""
    major, flags = data[3], data[5]
    if major not in (3, 4):
        raise AudioError(_UNUSUAL.format(f"version 2.{major}"))
    if flags & ~0x80 or (flags & 0x80 and major == 3):
        raise AudioError(_UNUSUAL.format("unsynchronised" if flags & 0x80 else "with an extended header"))
    stop = _HEAD + synchsafe(data[6:10])
    body, place, frames = data[:stop], _HEAD, []
    while place + _HEAD <= stop and body[place : place + 4] != bytes(4):
        size = _HEAD + frame_size(body, place, major)
        if not re.fullmatch(rb"[A-Z0-9]{4}", body[place : place + 4]) or place + size > min(stop, len(data)):
            raise AudioError("The tag of this file is damaged, so the mood cannot be written into it.")
        frames.append((place, size))
        place += size
    if body[place:stop].strip(b"\0"):
        raise AudioError("The tag of this file is damaged, so the mood cannot be written into it.")
    return frames, place
