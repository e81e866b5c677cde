"""What a file says of itself (artist, title, makam and the rest), and what is said of it, written beside it.

Tags are read by tinytag. They are not written: the one library that writes them all, mutagen, is under the GPL, and a
file that is rewritten is another file: its content hash changes, and with it all that is stored under it. So what was
asked to be kept with the music goes into a small JSON file beside it, and the music stays as it was.
"""

import hashlib
import io
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from core.atomic import replace_file
from core.errors import CoreError
from core.letters import fold

LONGEST = 300  # characters of a tag
ENDING = ".emotion.json"  # of the file beside the music
LONGEST_NAME = 255  # bytes, in all usual file systems
PLAIN = ("artist", "title", "album", "genre")  # tags that all formats have
MUSIC = ("makam", "usul", "performer")  # free ones: Vorbis comments, ID3 TXXX, MP4 ----
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
    list of musicians (TMCL), or the conductor (TPE3).

    Parameters
    ----------
    data
        The bytes of the file.
    name
        The name of the file, whose ending tells the format.
    """
    from tinytag import TinyTag, TinyTagException

    try:
        found = TinyTag.get(name, file_obj=io.BytesIO(data), duration=False)
        known: dict[str, Any] = {n: _tidy(getattr(found, n)) for n in PLAIN} | _music(found.comment, found.other)
        year = re.search(r"\d{4}", found.year or "")
    except TinyTagException:
        known, year = dict.fromkeys((*PLAIN, *MUSIC), ""), None
    return {**known, "year": int(year[0]) if year else None}


def _music(comment: str | None, other: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Makam, usul and performer. other : the tags that not all formats have, by their names in small letters."""
    tags = {fold(name): values for name, values in other.items()}
    noted = _noted([comment or "", *tags.get("comment", ())])
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
    kept = "".join(c if c.isprintable() else " " for c in text or "")
    return " ".join(kept.encode(errors="ignore").decode().split())[:LONGEST]


def beside(path: str) -> str:
    """Path of the JSON file beside a file; a name that would be too long with the ending is cut, and stays its own."""
    folder, name = os.path.split(path)
    room = LONGEST_NAME - len(ENDING)
    if len(name.encode()) > room:
        name = f"{name.encode()[: room - 9].decode(errors='ignore')}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return os.path.join(folder, name + ENDING)


def write_beside(path: str, said: Mapping[str, Any]) -> None:
    """Write what was found out about a local file into a JSON file beside it, whole or not at all.

    Nothing is written when the same is there already. Raises CoreError when the folder may not be written to.
    """
    place = beside(path)
    text = json.dumps(said, ensure_ascii=False, indent=1) + "\n"
    try:
        with open(place, encoding="utf-8") as there:
            if there.read() == text:
                return
    except (OSError, ValueError):
        pass  # nothing there, or nothing of ours
    try:
        replace_file(Path(place), text.encode())
    except OSError as error:
        raise CoreError(f"{place} cannot be written: {error.strerror}.") from error
