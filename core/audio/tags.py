"""Read the tags of a music file: artist, title, makam and more.

tinytag reads most tags; `core.audio.tag_bytes` and `core.audio.tag_atoms` read the tags that tinytag misses or reads
wrongly. Scoring never writes tags: `core.library.sidecar` writes results into a sidecar file instead. The mood can be
written when a person asks for it, see `core.audio.mood_tag`.
"""

import io
import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from core.audio import tag_atoms, tag_bytes, tag_text
from core.audio.tag_bytes import Tags
from core.records import MUSIC_TAGS
from core.turkish import fold

MAX_TAG_LENGTH = 300  # characters
PLAIN = ("artist", "title", "album", "genre")  # tags of all formats
SEVERAL = ("artist", "genre")  # a file can have several values of these; they are joined with commas
DATES = (
    "year",
    "_year",
    "date",
    "tdrc",
    "originalyear",
    "originaldate",
    "tdor",
    "tory",
    "tdrl",
)  # in order of priority
MAX_COMMENT_LENGTH = 2000  # characters of a comment that are searched
# "makam: Hicaz; usul: Aksak", on separate lines, or separated by commas if the next field name follows
_PARTS = re.compile(r"[;|\n]|,(?=\s*(?:makam|us[uû]l|performer)\s*[:=])", re.IGNORECASE)
_NAMED = re.compile(r"\s*([^:=]*?)\s*[:=](.*)", re.DOTALL)


def read_tags(data: bytes, path: str) -> dict[str, Any]:
    """Return the tags of a library file, as in ``file_tags``, and ``source``: its folder.

    A file without a title tag gets its file name as title.
    """
    from_place, known = from_path(path), file_tags(data, path.rpartition("/")[2])
    return {**from_place, **known, "title": known["title"] or from_place["title"]}


def file_tags(data: bytes, name: str) -> dict[str, Any]:
    """Return artist, title, album, genre, makam, usul, performer and year from the tags of a file.

    Missing or unreadable texts are "", a missing year is None. Makam, usul and performer are read from tags of these
    names, or from a comment such as ``makam: Hicaz; usul: Aksak``. The performer is also read from ID3's list of
    musicians (TMCL) or conductor (TPE3). If a file has several kinds of tags, ID3v2 is preferred to APEv2; ID3v1 comes
    last, because it truncates texts.

    Parameters
    ----------
    data
        The bytes of the file.
    name
        The name of the file; its extension shows the format.
    """
    sources = _repaired(_sources(data, name))
    known = {n: next(filter(None, (_tidy(t) for tags in sources for t in tags.get(n, ()))), "") for n in PLAIN}
    known |= {n: next(filter(None, (_joined(tags.get(n, ())) for tags in sources)), "") for n in SEVERAL}
    music = [_music(tags) for tags in sources]
    known |= {n: next(filter(None, (fields[n] for fields in music)), "") for n in MUSIC_TAGS}
    years = (text for tags in sources for name in DATES for text in tags.get(name, ()))
    return {**known, "year": tag_text.first_year(years)}


def _sources(data: bytes, name: str) -> list[Tags]:
    """Read each kind of tag in a file, the most reliable one first."""
    if data[:4] in (b"RIFF", b"RF64", b"FORM"):
        tags, id3 = tag_bytes.chunk_tags(data)
        return [_by_tinytag(tag_bytes.plain_id3(id3), "chunk.mp3"), tags] if id3 else [tags]
    data, last = tag_bytes.split_id3v1(data)
    first = _by_tinytag(tag_bytes.plain_id3(data), name)
    if any("\ufffd" in text for values in first.values() for text in values):
        first |= tag_bytes.raw_comments(data)
    return [tag_atoms.mp4_tags(data), first, tag_bytes.ape_tags(data), _by_tinytag(last, "last.mp3") if last else {}]


def _by_tinytag(data: bytes, name: str) -> Tags:
    """Read tags with tinytag, which detects the format from the bytes or else from the file name."""
    from tinytag import TinyTag, TinyTagException

    for known_as in (None, name):
        try:
            tag = TinyTag.get(known_as, file_obj=io.BytesIO(data), duration=False)
        except TinyTagException:
            continue
        tags: Tags = {fold(other): list(values) for other, values in tag.other.items()}
        for field in (*PLAIN, "year", "comment"):
            if value := getattr(tag, field):
                tags[field] = [value, *tags.get(field, ())]
        return tags
    return {}


def _repaired(sources: list[Tags]) -> list[Tags]:
    """Repair texts that were read in a wrong encoding; all texts of the file are used as evidence."""
    texts = [text for tags in sources for values in tags.values() for text in values]
    repaired = iter(tag_text.repair_encoding([text[:MAX_COMMENT_LENGTH] for text in texts]))
    return [{fold(name): [next(repaired) for _ in values] for name, values in tags.items()} for tags in sources]


def _music(tags: Tags) -> dict[str, str]:
    """Return makam, usul and performer of tags with lower-case names."""
    in_comments = _comment_fields(tags.get("comment", ()))
    fields = {n: _joined(tags.get(n, ())) or in_comments.get(n, "") for n in MUSIC_TAGS}
    others = (_joined(_players(tags.get("tmcl", ()))), _joined(tags.get("conductor", ())))
    return fields | {"performer": next(filter(None, (fields["performer"], *others)), "")}


def _joined(values: Iterable[str]) -> str:
    """Join the different values of a tag with commas."""
    return _tidy(", ".join(dict.fromkeys(filter(None, map(_tidy, values)))))


def _comment_fields(comments: Iterable[str]) -> dict[str, str]:
    """Read fields such as ``makam: Hicaz`` from comments; the first value of a field is used."""
    fields: dict[str, str] = {}
    for part in (part for comment in comments for part in _PARTS.split(comment[:MAX_COMMENT_LENGTH])):
        named = _NAMED.fullmatch(part)
        if named and (name := fold(_tidy(named[1]))) in MUSIC_TAGS:
            fields.setdefault(name, _tidy(named[2]))
    return fields


def _players(values: Iterable[str]) -> list[str]:
    """Return "name (instrument)" for each entry of ID3's list: instrument, name, instrument, ..., separated by NUL."""
    parts = [part for value in values for part in value.split("\0")]
    pairs = zip(parts[::2], parts[1::2], strict=False)
    return [f"{name} ({instrument})" if instrument else name for instrument, name in pairs if name]


def from_path(path: str) -> dict[str, str]:
    """Return title and source (the folder) of a file from its path."""
    folder, _, name = path.rpartition("/")
    return {"title": _tidy(PurePosixPath(name).stem), "source": folder[-1000:]}


def _tidy(text: str | None) -> str:
    """Reduce a text to printable characters on one line, with at most MAX_TAG_LENGTH characters."""
    composed = unicodedata.normalize("NFC", text or "")  # macOS stores letters and accents separately
    printable = "".join(c if c.isprintable() else " " for c in composed)
    return " ".join(printable.encode(errors="ignore").decode().split())[:MAX_TAG_LENGTH]
