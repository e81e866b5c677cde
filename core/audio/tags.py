"""What a file says of itself (artist, title, makam and the rest), and what is said of it, written beside it.

Tags are read by tinytag, and by `core.audio.tag_bytes` and `core.audio.tag_atoms` where it reads none or wrong ones.
They are not
written: the one library that writes them all, mutagen, is under the GPL, and a file that is rewritten is another file:
its content hash changes, and with it all that is stored under it. So what was asked to be kept with the music goes into
a small JSON file beside it, and the music stays as it was.
"""

import io
import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from core.audio import tag_atoms, tag_bytes, tag_text
from core.audio.tag_bytes import Tags
from core.turkish import fold

LONGEST = 300  # characters of a tag
PLAIN = ("artist", "title", "album", "genre")  # tags that all formats have
MUSIC = ("makam", "usul", "performer")  # free ones: Vorbis comments, ID3 TXXX, MP4 ----
DATES = ("year", "_year", "date", "tdrc", "originalyear", "originaldate", "tdor", "tory", "tdrl")  # the first one wins
COMMENT = 2000  # characters of a comment that are looked at
# "makam: Hicaz; usul: Aksak", on lines of their own, or with commas where the next of these words follows
_PARTS = re.compile(r"[;|\n]|,(?=\s*(?:makam|us[uû]l|performer)\s*[:=])", re.IGNORECASE)
_NAMED = re.compile(r"\s*([^:=]*?)\s*[:=](.*)", re.DOTALL)


def read_tags(data: bytes, path: str) -> dict[str, Any]:
    """Return what the tags of a library's file say, and what its place says where they are silent.

    The keys are those of ``file_tags``, and source: the folder. Without a title in the tags the file's name stands
    for it.
    """
    place, known = from_path(path), file_tags(data, path.rpartition("/")[2])
    return {**place, **known, "title": known["title"] or place["title"]}


def file_tags(data: bytes, name: str) -> dict[str, Any]:
    """Return artist, title, album, genre, makam, usul, performer and year as the tags of a file say.

    Texts are empty, and the year is None, where the tags say nothing or cannot be read. Makam, usul and performer come
    from tags of these names, or from a comment such as ``makam: Hicaz; usul: Aksak``; the performer also from ID3's
    list of musicians (TMCL), or the conductor (TPE3). A file may have several tags: ID3v2 counts before APEv2, and
    ID3v1, which cuts its texts off, comes last. Tags that cannot be read are no tags.

    Parameters
    ----------
    data
        The bytes of the file.
    name
        The name of the file, whose ending tells the format.
    """
    found = _readable(_sources(data, name))
    known = {n: next(filter(None, (_tidy(t) for tags in found for t in tags.get(n, ()))), "") for n in PLAIN}
    music = [_music(tags) for tags in found]
    known |= {n: next(filter(None, (said[n] for said in music)), "") for n in MUSIC}
    years = (text for tags in found for name in DATES for text in tags.get(name, ()))
    return {**known, "year": tag_text.year(years)}


def _sources(data: bytes, name: str) -> list[Tags]:
    """What each tag of a file says, the most trustworthy one first."""
    if data[:4] in (b"RIFF", b"RF64", b"FORM"):
        tags, id3 = tag_bytes.chunk_tags(data)
        return [_by_tinytag(tag_bytes.plain_id3(id3), "chunk.mp3"), tags] if id3 else [tags]
    data, last = tag_bytes.split_id3v1(data)
    first = _by_tinytag(tag_bytes.plain_id3(data), name)
    if any("\ufffd" in text for values in first.values() for text in values):
        first |= tag_bytes.raw_comments(data)
    return [tag_atoms.mp4_tags(data), first, tag_bytes.ape_tags(data), _by_tinytag(last, "last.mp3") if last else {}]


def _by_tinytag(data: bytes, name: str) -> Tags:
    """What tinytag reads: by what the bytes are, else by what the file's name says."""
    from tinytag import TinyTag, TinyTagException

    for known_as in (None, name):
        try:
            found = TinyTag.get(known_as, file_obj=io.BytesIO(data), duration=False)
        except TinyTagException:
            continue
        tags: Tags = {fold(other): list(values) for other, values in found.other.items()}
        for field in (*PLAIN, "year", "comment"):
            if value := getattr(found, field):
                tags[field] = [value, *tags.get(field, ())]
        return tags
    return {}


def _readable(found: list[Tags]) -> list[Tags]:
    """The tags with letters put right that were read in a wrong encoding; all texts together are the evidence."""
    texts = [text for tags in found for values in tags.values() for text in values]
    right = iter(tag_text.readable([text[:COMMENT] for text in texts]))
    return [{fold(name): [next(right) for _ in values] for name, values in tags.items()} for tags in found]


def _music(tags: Tags) -> dict[str, str]:
    """Makam, usul and performer. tags : by their names in small letters."""
    noted = _noted(tags.get("comment", ()))
    said = {n: _listed(tags.get(n, ())) or noted.get(n, "") for n in MUSIC}
    others = (_listed(_players(tags.get("tmcl", ()))), _listed(tags.get("conductor", ())))
    return said | {"performer": next(filter(None, (said["performer"], *others)), "")}


def _listed(values: Iterable[str]) -> str:
    return _tidy(", ".join(dict.fromkeys(filter(None, map(_tidy, values)))))


def _noted(comments: Iterable[str]) -> dict[str, str]:
    """What comments say in the form ``makam: Hicaz``; of several the first counts."""
    noted: dict[str, str] = {}
    for part in (part for comment in comments for part in _PARTS.split(comment[:COMMENT])):
        named = _NAMED.fullmatch(part)
        if named and (name := fold(_tidy(named[1]))) in MUSIC:
            noted.setdefault(name, _tidy(named[2]))
    return noted


def _players(values: Iterable[str]) -> list[str]:
    """Names with their instruments, of ID3's list: instrument, name, instrument, name ..., parted by NUL."""
    parts = [part for value in values for part in value.split("\0")]
    pairs = zip(parts[::2], parts[1::2], strict=False)
    return [f"{name} ({instrument})" if instrument else name for instrument, name in pairs if name]


def from_path(path: str) -> dict[str, str]:
    """What a file's place says of it where nothing else does: title and source, the folder."""
    folder, _, name = path.rpartition("/")
    return {"title": _tidy(PurePosixPath(name).stem), "source": folder[-1000:]}


def _tidy(text: str | None) -> str:
    """Printable characters on one line, of a length that a table can hold."""
    whole = unicodedata.normalize("NFC", text or "")  # macOS writes letters and their marks apart
    kept = "".join(c if c.isprintable() else " " for c in whole)
    return " ".join(kept.encode(errors="ignore").decode().split())[:LONGEST]
