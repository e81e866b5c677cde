"""The mood in the tag of a file: read it, and compute the edits that write it. No other byte of the file changes.

Fields: ``MOOD`` in Vorbis comments (FLAC, Ogg Vorbis, Opus), ``TMOO`` in ID3v2 (MP3), and the freeform atom
``----:com.apple.iTunes:MOOD`` in MP4. A file whose structure is unusual is refused with the reason; it is never
guessed. Sources: the FLAC format (RFC 9639), Ogg (RFC 3533), Ogg Opus (RFC 7845), the Vorbis I specification.
"""

import struct
from collections.abc import Callable
from typing import TypeAlias

from core.audio import mood_tag_id3, mood_tag_mp4, mood_tag_ogg
from core.audio.byte_edits import Edit
from core.audio.formats import Other, identify
from core.audio.mpeg import skip_id3
from core.audio.vorbis_comments import moods_of, with_mood
from core.errors import AudioError

_STREAMINFO, _COMMENT = 0, 4  # types of metadata blocks


def read_mood(data: bytes) -> tuple[str, ...]:
    """The moods in the tag of a file, usually none or one. Raises AudioError for a file whose tag cannot be written."""
    return _form(data)[0](data)


def mood_edits(data: bytes, mood: str) -> tuple[Edit, ...]:
    """The edits that write a mood into the tag, in place of other moods; none when it is there already.

    mood : a word in ASCII.  Raises AudioError for a file whose tag cannot be written.
    """
    if not (mood.isascii() and mood.isalpha()):
        raise AudioError(f"The mood {mood!r} cannot be written: it must be one word without special letters.")
    read, edits = _form(data)
    return () if read(data) == (mood,) else edits(data, mood)


_Read: TypeAlias = Callable[[bytes], tuple[str, ...]]
_Edits: TypeAlias = Callable[[bytes, str], tuple[Edit, ...]]


def _form(data: bytes) -> tuple[_Read, _Edits]:
    """The functions for the format of a file."""
    form = identify(data)
    name = form.what if isinstance(form, Other) else form.name
    if name not in _FORMS:
        raise AudioError(
            f"The mood cannot be written into a {name} file. It can be written into FLAC, MP3, M4A, Ogg Vorbis and "
            "Opus."
        )
    return _FORMS[name]


def _flac_moods(data: bytes) -> tuple[str, ...]:
    return tuple(
        mood for kind, at, size in _flac_blocks(data) if kind == _COMMENT for mood in moods_of(data[at : at + size])
    )


def _flac_edits(data: bytes, mood: str) -> tuple[Edit, ...]:
    for kind, at, size in _flac_blocks(data):
        if kind == _COMMENT:
            body = with_mood(data[at : at + size], mood)
            return (Edit(at - 3, data[at - 3 : at + size], _size(body) + body),)
    _, at, size = next(iter(_flac_blocks(data)))
    last, body = data[at - 4] & 0x80, with_mood(struct.pack("<II", 0, 0), mood)
    new_block = bytes([_COMMENT | last]) + _size(body) + body
    return Edit(at - 4, data[at - 4 : at - 3], bytes([_STREAMINFO])), Edit(at + size, b"", new_block)


def _size(body: bytes) -> bytes:
    if len(body) >= 1 << 24:
        raise AudioError("The tag of this file is too large for another entry.")
    return len(body).to_bytes(3, "big")


def _flac_blocks(data: bytes) -> list[tuple[int, int, int]]:
    """Type, position of the content, and size of the metadata blocks of a FLAC file."""
    at, blocks = skip_id3(data) + 4, []
    while at + 4 <= len(data):
        kind, size = data[at], int.from_bytes(data[at + 1 : at + 4], "big")
        if at + 4 + size > len(data):
            break
        blocks.append((kind & 0x7F, at + 4, size))
        at += 4 + size
        if kind & 0x80:
            if blocks[0][0] == _STREAMINFO:
                return blocks
            break
    raise AudioError("The tag of this file is damaged, so the mood cannot be written into it.")


_FORMS: dict[str, tuple[_Read, _Edits]] = {
    "FLAC": (_flac_moods, _flac_edits),
    "MP3": (mood_tag_id3.moods, mood_tag_id3.edits),
    "M4A": (mood_tag_mp4.moods, mood_tag_mp4.edits),
    "OGG": (mood_tag_ogg.moods, mood_tag_ogg.edits),
    "Opus": (mood_tag_ogg.moods, mood_tag_ogg.edits),
}
