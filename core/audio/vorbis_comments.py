"""Vorbis comments as bytes: read the moods, and write one. All other comments stay byte by byte as they are."""

import struct

from core.errors import AudioError

_MOOD = b"MOOD="
_DAMAGED = "The tag of this file is damaged, so the mood cannot be written into it."


def moods_of(body: bytes) -> tuple[str, ...]:
    """The values of the comments MOOD."""
    return tuple(comment[len(_MOOD) :].decode("utf-8", "replace") for comment in _split(body)[1] if _is_mood(comment))


def with_mood(body: bytes, mood: str) -> bytes:
    """The comments with one mood, in place of the others."""
    vendor, comments, rest = _split(body)
    kept = [comment for comment in comments if not _is_mood(comment)] + [_MOOD + mood.encode()]
    parts = (struct.pack("<I", len(comment)) + comment for comment in kept)
    return b"".join([struct.pack("<I", len(vendor)), vendor, struct.pack("<I", len(kept)), *parts, rest])


def _is_mood(comment: bytes) -> bool:
    return comment[: len(_MOOD)].upper() == _MOOD


def _split(body: bytes) -> tuple[bytes, list[bytes], bytes]:
    """The name of the encoder, the comments, and what follows them."""
    vendor, at = _text(body, 0)
    if at + 4 > len(body):
        raise AudioError(_DAMAGED)
    count, at = struct.unpack_from("<I", body, at)[0], at + 4
    if count > len(body) // 4:
        raise AudioError(_DAMAGED)
    comments = []
    for _ in range(count):
        comment, at = _text(body, at)
        comments.append(comment)
    return vendor, comments, body[at:]


def _text(body: bytes, at: int) -> tuple[bytes, int]:
    """A text with its length before it, and the position after it."""
    size = struct.unpack_from("<I", body, at)[0] if at + 4 <= len(body) else len(body)
    if at + 4 + size > len(body):
        raise AudioError(_DAMAGED)
    return body[at + 4 : at + 4 + size], at + 4 + size
