"""The folders that a person can open on the Library page, and the folders that they scored before."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.access import Action, Person, Setting, requires
from core.allowed_places import Places, allowed_places, named_places, typed_folder
from core.errors import CoreError
from core.library import places
from core.locations import present_path
from core.settings import Settings
from core.store import Job
from core.turkish import turkish_order

MOST = 500  # folders listed at a time
REMEMBERED = 8  # folders of earlier runs that are offered


@dataclass(frozen=True)
class Level:
    """A folder with the folders that can be opened from it.

    folder : empty for the list of the places with music.  parent : None if there is no way up.
    """

    folder: str
    parent: str | None
    folders: tuple[str, ...]


@requires(Action.SCORE_LIBRARY)
def open_folder(folder: str, settings: Settings, *, by: Person) -> Level:
    """Return what can be opened from a folder: its subfolders without hidden ones, and the way up.

    Only folders that the pages may read are listed. A folder that is not allowed or does not exist, and an empty text,
    lead to the start: the places with music, or the home of this program.

    Raises CoreError when the server allows no folder.
    """
    allowed = allowed_places(settings)
    starts = _starts(settings, allowed)
    try:
        place = str(typed_folder(folder, settings)) if folder.strip() else ""
    except CoreError:
        place = ""
    if allowed.roots is not None and not starts:
        place = str(typed_folder(".", settings))  # raises the error that says what to set
    if not os.path.isdir(place) or places.is_upload(place, settings):
        place = starts[0] if len(starts) == 1 else ""
    if not place:
        return Level("", None, tuple(starts))
    above = os.path.dirname(place)
    if place in starts and allowed.roots is not None:
        parent = "" if len(starts) > 1 else None
    else:
        parent = above if above != place and allowed.allow(above) else None
    return Level(place, parent, _subfolders(place, allowed))


def _starts(settings: Settings, allowed: Places) -> list[str]:
    """Return where browsing starts."""
    if allowed.roots is None:
        return [os.path.expanduser("~")]
    music = [] if settings.library_dir is None else [str(settings.library_dir)]
    known = [os.path.abspath(place) for place in (*music, *named_places(settings)) if "://" not in place]
    return [place for place in dict.fromkeys(known) if os.path.isdir(place)]


def _subfolders(place: str, allowed: Places) -> tuple[str, ...]:
    try:
        names = [entry.name for entry in os.scandir(place) if not entry.name.startswith(".") and entry.is_dir()]
    except OSError:
        return ()  # the page says so when the person wants to score this folder
    paths = [os.path.join(place, name) for name in sorted(names, key=turkish_order)]
    return tuple(path for path in paths[:MOST] if allowed.allow(path) and os.access(path, os.R_OK | os.X_OK))


def last_folders(jobs: Iterable[Job], settings: Settings, *, by: Person, session: Sequence[str] = ()) -> list[str]:
    """Return the folders that the person scored before, newest first, as far as they exist and may still be read.

    On a machine that nobody else reaches, all runs are the person's own. Elsewhere only runs under their name count.

    jobs : runs of libraries, newest first.  session : folders of this session, newest first.
    """
    alone = by.setting in (Setting.OWN_MACHINE, Setting.COMMAND)
    own = [job for job in jobs if alone or (by.name and job.started_by == by.mark)]
    stored = [present_path(str(job.result.get("folder") or ""), settings) for job in own]
    allowed = allowed_places(settings)
    usable = (
        folder
        for folder in dict.fromkeys([*session, *stored])
        if folder and "://" not in folder and not places.is_upload(folder, settings)
    )
    return [folder for folder in usable if allowed.allow(folder) and Path(folder).is_dir()][:REMEMBERED]
