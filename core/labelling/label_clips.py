"""Find the clip that a label file refers to, by id, hash, file name, URL, or the file name changed by Label Studio."""

import base64
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from urllib.parse import parse_qs, unquote, urlsplit

import pandas as pd

from core.errors import TableError
from core.labelling.label_studio_interface import short_id, short_id_in
from core.turkish import fold

_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")  # Label Studio begins the names of uploads so


def file_of(path: str) -> str:
    """A file's name without its folders, however its letters are made."""
    return unicodedata.normalize("NFC", path.replace("\\", "/").rsplit("/", 1)[-1])


def _any_case(path: str) -> str:
    return fold(file_of(path), marks=True)


def _as_uploaded(path: str) -> str:
    """A name as Label Studio keeps it: blanks become ``_``, signs are dropped, a number of its own comes before."""
    return re.sub(r"[^-\w.]", "", fold(_UPLOADED.sub("", file_of(path).strip()), marks=True).replace(" ", "_"))


def _without_marks(path: str) -> str:
    """The same of a name whose marks stood apart from their letters: they are signs, and dropped. Of uploads only."""
    return fold(_as_uploaded(path)) if _UPLOADED.match(file_of(path)) else ""


class ClipNames:
    """The clips of the store by what may name them, the most exact first: their id, the hash of their content, their
    file, their file in any case and with either i, their sound in an export, their file as Label Studio renames it.
    """

    KINDS: tuple[Callable[[str], str], ...] = (str, str, file_of, _any_case, short_id_in, _as_uploaded, _without_marks)

    def __init__(self, clips: pd.DataFrame) -> None:
        """clips : clip_id, content_hash and file_name, from the store."""
        self.by: tuple[dict[str, list[str]], ...] = tuple({} for _ in self.KINDS)
        self.files = dict(zip(clips["clip_id"], clips["file_name"], strict=True))
        for clip_id, content, file in zip(clips["clip_id"], clips["content_hash"], clips["file_name"], strict=True):
            uploaded = _as_uploaded(file)
            named = (clip_id, content, file_of(file), _any_case(file), short_id(clip_id), uploaded, fold(uploaded))
            for by, name in zip(self.by, named, strict=True):
                by.setdefault(name, []).append(clip_id)
        self.find = cache(self._find)  # each clip has a row of every rater

    def _find(self, clip: str) -> tuple[str, str]:
        """Id and file name of the clip. Raises TableError unless there is exactly one of the most exact kind."""
        if not clip:
            raise TableError("The row does not name a clip. Add its clip_id or file_name.")
        spelled = spellings(clip)
        found = (self._of_kind(kind, name) for kind in range(len(self.KINDS)) for name in spelled)
        matches = next(filter(None, found), [])
        if not matches:
            raise TableError(f"No stored clip is named {clip!r}. Upload or score the clip first.")
        if len(matches) > 1:
            raise TableError(f"{len(matches)} stored clips are named {clip!r}. Use the clip_id instead.")
        return matches[0], self.files[matches[0]]

    def _of_kind(self, kind: int, clip: str) -> list[str]:
        name = self.KINDS[kind](clip)
        return self.by[kind].get(name, []) if name else []


def spellings(clip: str) -> tuple[str, ...]:
    """A name as it stands, and the path inside of an address: ``"/data/local-files/?d=a/b%20c.wav" -> "a/b c.wav"``."""
    try:
        address = urlsplit(clip)
        query = parse_qs(address.query)
        if "fileuri" in query:  # Label Studio's own address of a file in a cloud storage
            return clip, base64.urlsafe_b64decode(query["fileuri"][0].replace(" ", "+") + "==").decode()
        inner = query.get("d", [unquote(address.path)])[0]
    except ValueError:  # it only looks like an address
        return (clip,)
    return (clip,) if inner in ("", clip) else (clip, inner)
