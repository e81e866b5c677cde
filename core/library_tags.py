"""What a file says of itself (artist, title, album, genre, year), and what is said of it, written beside it.

Tags are read by tinytag. They are not written: the one library that writes them all, mutagen, is under the GPL, and a
file that is rewritten is another file: its content hash changes, and with it all that is stored under it. So what was
asked to be kept with the music goes into a small JSON file beside it, and the music stays as it was.
"""

import hashlib
import io
import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from core.errors import CoreError

LONGEST = 300  # characters of a tag
ENDING = ".emotion.json"  # of the file beside the music
LONGEST_NAME = 255  # bytes, in all usual file systems


def read_tags(data: bytes, path: str) -> dict[str, Any]:
    """Artist, title, album, genre and year of a file; source is its folder.

    Without a title the file's name stands for it. Tags that cannot be read are no tags.
    """
    from tinytag import TinyTag, TinyTagException

    try:
        found = TinyTag.get(path.rpartition("/")[2], file_obj=io.BytesIO(data), duration=False)
        known = {n: _tidy(getattr(found, n)) for n in ("artist", "title", "album", "genre")}
        year = re.search(r"\d{4}", found.year or "")
    except TinyTagException:
        known, year = dict.fromkeys(("artist", "title", "album", "genre"), ""), None
    place = from_path(path)
    return {**place, **known, "title": known["title"] or place["title"], "year": int(year[0]) if year else None}


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
        with tempfile.NamedTemporaryFile(
            "w", dir=os.path.dirname(place), prefix=".emotion-", delete=False, encoding="utf-8"
        ) as part:
            part.write(text)
        os.chmod(part.name, 0o644)
        os.replace(part.name, place)
    except OSError as error:
        raise CoreError(f"{place} cannot be written: {error.strerror}.") from error
