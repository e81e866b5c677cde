"""Folders that a page may read, folders of uploaded files, and paths of results."""

import os
import shutil
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.access import Action, Person, require, requires
from core.allowed_places import typed_folder, unquoted
from core.audio.formats import NOT_AUDIO, Format, Other, identify
from core.errors import CoreError, NotAudioError
from core.library.find import SUFFIXES
from core.locations import present_path
from core.settings import Settings
from core.store import Job

MOMENT = "%Y%m%d-%H%M%S-%f"  # names of upload folders and results: the time of creation
DEEPEST = 6  # parent folders kept in the path of an uploaded file
LONGEST = 200  # bytes of a name in UTF-8; file systems allow 255
PLAIN = " ._-()[]&,'+!"  # characters allowed in names, in addition to letters and digits
SHOWN = 80  # characters of a typed path that an error message shows


@requires(Action.SCORE_LIBRARY)
def allowed_folder(folder: str, settings: Settings, *, by: Person) -> Path:
    """Return the folder that a person typed on the page, if the page may read it; see `core.allowed_places`.

    Raises CoreError when the folder does not exist or is not allowed.
    """
    if not folder.strip():
        raise CoreError("Type the path of a folder with music.")
    place = typed_folder(folder, settings)
    try:
        there = place.is_dir()
    except OSError as error:  # name too long
        raise CoreError(f"{str(place)[:SHOWN]!r} is not a valid path: {error.strerror}.") from error
    if not there:
        raise CoreError(
            f"There is no folder {unquoted(folder)}. Give the whole path of a folder on the machine of this program."
        )
    if not os.access(place, os.R_OK | os.X_OK):
        raise CoreError(f"This program has no permission to read the folder {place}. Change its permissions.")
    return place


@dataclass(frozen=True)
class Upload:
    """The files of one upload. folder : where they are.  files : their number.  size : bytes of all files."""

    folder: Path
    files: int
    size: int

    @property
    def sent_at(self) -> datetime:
        """Time of the upload in UTC."""
        return datetime.strptime(self.folder.name, MOMENT).replace(tzinfo=UTC)


def is_upload(folder: str, settings: Settings) -> bool:
    """Return whether a folder is an upload folder, existing or removed."""
    return Path(present_path(folder, settings)).parent == settings.uploads_dir


def uploads(settings: Settings) -> list[Upload]:
    """List the uploads that still exist, newest first."""
    try:
        folders = [entry.path for entry in os.scandir(settings.uploads_dir) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return [
        Upload(Path(path), *count_files(path)) for path in sorted(folders, reverse=True) if _is_moment(Path(path).name)
    ]


def count_files(folder: str | Path) -> tuple[int, int]:
    """Return number and total bytes of the files below a folder; zeros when the folder does not exist."""
    sizes = []
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # the file was removed meanwhile
                sizes.append(os.lstat(os.path.join(place, name)).st_size)
    return len(sizes), sum(sizes)


@requires(Action.REMOVE_UPLOAD)
def remove_upload(folder: str | Path, settings: Settings, *, by: Person) -> None:
    """Remove the files of an upload. Their results stay in the store, but the music can no longer be heard.

    Raises CoreError when the folder is not an upload folder, or cannot be removed.
    """
    place = Path(os.path.abspath(folder))
    if not is_upload(str(place), settings) or not _is_moment(place.name):
        raise CoreError(f"{place} is not a folder of uploaded files.")
    _remove(place)


@requires(Action.SCORE_LIBRARY)
def forget_upload(folder: Path, *, by: Person) -> None:
    """Remove files that were just uploaded, because their run could not start. folder : from ``save_uploads``."""
    _remove(folder)


def sent_folder(job: Job, settings: Settings) -> Path | None:
    """Return the folder of the files that were sent for a job; None for a job over another folder."""
    folder = job.result.get("folder")
    if not isinstance(folder, str) or not is_upload(folder, settings):
        return None
    place = Path(present_path(folder, settings))
    return place if _is_moment(place.name) else None


@requires(Action.SCORE_LIBRARY)
def remove_sent(job: Job, settings: Settings, *, by: Person) -> None:
    """Remove the files that a person sent for an own job. Their results stay in the store.

    Raises
    ------
    AccessError
        When another person started the job, and this person may not remove the uploads of others.
    CoreError
        When the files cannot be removed.
    """
    if job.started_by != by.mark:
        require(by, Action.REMOVE_UPLOAD)
    folder = sent_folder(job, settings)
    if folder is not None:
        _remove(folder)


def _remove(place: Path) -> None:
    try:
        shutil.rmtree(place)
    except FileNotFoundError:
        return  # another process was faster
    except OSError as error:
        raise CoreError(f"{place} cannot be removed: {error.strerror}.") from error


def _is_moment(name: str) -> bool:
    try:
        datetime.strptime(name, MOMENT)
    except ValueError:
        return False
    return True


@requires(Action.SCORE_LIBRARY)
def new_results(settings: Settings, *, by: Person) -> Path:
    """Return a new path for the table of a run, and create its folder. Tables of earlier runs stay.

    Raises CoreError when the folder cannot be created.
    """
    folder = settings.library_results_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CoreError(f"The results cannot be stored in {folder}: {error.strerror}.") from error
    return folder / f"results-{_moment()}.parquet"


@requires(Action.SCORE_LIBRARY)
def save_uploads(files: Iterable[tuple[str, bytes]], settings: Settings, *, by: Person) -> Path:
    """Write uploaded files into a new folder of the data folder, and return that folder.

    Names are made safe: letters stay, path traversal is removed, and a name that is taken gets a number. A name without
    an audio suffix gets one: the suffix of its content's format, or ``.not-audio``, so that the file is listed with the
    reason why it is not read.

    files : name, with its parent folders, and content of each file.
    Raises CoreError when there are no files, or they cannot be written.
    """
    place = settings.uploads_dir / _moment()
    written = 0
    try:
        for name, data in files:
            *folders, file = _safe_path(name, data)
            folder = place
            for part in folders:
                folder = _unused_path(folder / part, Path.is_dir)
            folder.mkdir(parents=True, exist_ok=True)
            _unused_path(folder / file).write_bytes(data)
            written += 1
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        raise CoreError(f"The files cannot be stored in {place}: {error.strerror}.") from error
    if not written:
        raise CoreError("No file was uploaded. Choose at least one file.")
    return place


def require_audio(name: str, data: bytes) -> None:
    """Raise NotAudioError when a file holds no audio by its content, so that nothing of it is written."""
    form = identify(data)
    if isinstance(form, Other):
        raise NotAudioError(f"{name[:SHOWN]!r} is {form.what}. Leave this file out, and send the others again.")


def _unused_path(path: Path, fits: Callable[[Path], bool] = lambda _: False) -> Path:
    """Return the path, with a number added when it is taken. fits : whether an existing path can be used."""
    first, number = path, 1
    while path.exists() and not fits(path):
        number += 1
        path = first.with_name(f"{first.stem} ({number}){first.suffix}")
    return path


def _safe_path(name: str, data: bytes) -> list[str]:
    """Split a name into the parts of a safe relative path, without path traversal. data : content of the file."""
    parts = [safe_name(part) for part in name.replace("\\", "/").split("/")]
    *folders, file = [part for part in parts if part] or ["clip"]
    if not file.lower().endswith(SUFFIXES):
        form = identify(data)
        file += form.endings[0] if isinstance(form, Format) else NOT_AUDIO
    return [*folders[-DEEPEST:], file]


def safe_name(part: str) -> str:
    """Return a name for a file: letters stay, and characters that mean something in a path are replaced."""
    part = unicodedata.normalize("NFC", part)  # macOS sends letters and diacritics as separate characters
    safe = "".join(c if c.isalnum() or c in PLAIN else "_" for c in part).strip(" .")
    stem, dot, ending = safe.rpartition(".")
    return f"{_cut(stem, LONGEST)}{dot}{_cut(ending, 10)}" if dot else _cut(safe, LONGEST)


def _cut(text: str, size: int) -> str:
    """Cut the text to at most size bytes of UTF-8, without cutting a character in two."""
    return text.encode()[:size].decode(errors="ignore")


def _moment() -> str:
    return f"{datetime.now(UTC):{MOMENT}}"
