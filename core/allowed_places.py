"""Decide which folders and files of this machine the pages may list, score and play.

On a machine of one person, every folder is allowed. When other people can reach the server (``Settings.shared``), or
TME_LIBRARY_DIR is set, three kinds of places are allowed: the folder TME_LIBRARY_DIR, folders that an analyst scored
from the command line, and the music in the data folder. All other places are refused in one sentence. It does not say
whether the place exists.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.atomic import replace_file
from core.errors import CoreError
from core.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

REFUSED = (
    "This place cannot be used here, only a folder of this machine with music (below TME_LIBRARY_DIR, if it is set). "
    "An analyst scores other places and addresses from the command line: python -m core score PLACE --out FILE"
)
NOT_SET = (
    "Other people can reach this server, and it has no folder for music, so no folder of its machine can be scored. "
    "The owner of the server sets TME_LIBRARY_DIR to the folder with the music, and starts the server again."
)
LONGEST = 4096  # characters of a path: the longest that Linux reads
_QUOTES = {('"', '"'), ("'", "'"), ("“", "”"), ("‘", "’"), ("«", "»")}
_SYSTEM = ("/proc", "/sys", "/dev")  # no music is there, and reading some of these files never ends
_ADDRESS = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]+:|.*(://|::)", re.DOTALL)  # also file:, zip::, simplecache::


class RefusedPlaceError(CoreError):
    """A person named a place that is not allowed."""


@dataclass(frozen=True)
class Places:
    """The allowed folders. roots : their real paths; None when every folder of this machine is allowed."""

    roots: tuple[str, ...] | None

    def allow(self, path: str) -> bool:
        """Return whether a file or folder may be read. Symbolic links count as what they lead to."""
        if "\x00" in path or len(path) > LONGEST:
            return False
        if "://" in path:
            return self.roots is None or path.startswith(tuple(root + "/" for root in self.roots if "://" in root))
        try:
            real = os.path.realpath(path)
        except (OSError, ValueError):
            return False
        if any(_inside(way, place) for place in _SYSTEM for way in (real, os.path.abspath(path))):
            return False
        return self.roots is None or any(_inside(real, root) for root in self.roots)

    def allowed_rows(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """Return the rows whose file may be read, perhaps none. table : with a column path."""
        return table[np.array([self.allow(path) for path in table["path"].tolist()], dtype=bool)]

    def root_of(self, path: str) -> str:
        """Return the allowed folder that holds the path; "" when every folder is allowed."""
        real = os.path.realpath(path)
        return next((root for root in self.roots or () if _inside(real, root)), "")


EVERYWHERE = Places(None)


def allowed_places(settings: Settings) -> Places:
    """Return the places that the pages may read now."""
    if not settings.shared and settings.library_dir is None:
        return EVERYWHERE
    own = [settings.uploads_dir, settings.sources_dir, settings.demo_library_dir]
    music = [] if settings.library_dir is None else [settings.library_dir]
    roots = [os.path.realpath(folder) for folder in (*music, *own)]
    named = [place if "://" in place else os.path.realpath(place) for place in named_places(settings)]
    return Places(tuple(dict.fromkeys([*roots, *named])))


def typed_folder(text: str, settings: Settings) -> Path:
    """Return the folder that a person typed on a page, as an absolute path.

    Relative paths start at TME_LIBRARY_DIR, and ``~`` is the home of this program. Quotation marks around the path are
    dropped. Raises RefusedPlaceError when the folder is not allowed.
    """
    places, typed = allowed_places(settings), unquoted(text)
    if places.roots is not None and settings.library_dir is None and not named_places(settings):
        raise RefusedPlaceError(NOT_SET)
    somebody = typed.startswith("~") and typed.partition("/")[0] != "~"  # the home of another user
    if "\x00" in typed or len(typed) > LONGEST or somebody or _ADDRESS.match(typed):
        raise RefusedPlaceError(REFUSED)
    place = Path(settings.library_dir or "") / os.path.expanduser(typed)
    if not places.allow(str(place)):  # before "." and ".." are removed: a link may come before them
        raise RefusedPlaceError(REFUSED)
    whole = Path(os.path.abspath(place))
    if not places.allow(str(whole)):
        raise RefusedPlaceError(REFUSED)
    return whole


def unquoted(text: str) -> str:
    """Return a typed or pasted path without blanks and quotation marks around it."""
    typed = text.strip()
    pair = (typed[0], typed[-1]) if len(typed) > 1 else ("", "")
    return typed[1:-1].strip() if pair in _QUOTES else typed


def named_places(settings: Settings) -> list[str]:
    """List the folders and addresses that an analyst scored from the command line."""
    try:
        listed = json.loads(settings.named_places_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise CoreError(f"{settings.named_places_file} cannot be read: {error}. Repair or remove the file.") from error
    return [place for place in listed if isinstance(place, str) and place] if isinstance(listed, list) else []


def name_place(place: str, settings: Settings) -> None:
    """Allow the pages to read the music of a folder or address. Raises CoreError when this cannot be stored."""
    listed = named_places(settings)
    if place in listed:
        return
    path = settings.named_places_file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps([*listed, place], ensure_ascii=False, indent=1).encode())
    except OSError as error:
        raise CoreError(f"{path} cannot be written: {error.strerror}.") from error


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
