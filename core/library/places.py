"""Where a library may be, where files that people send are kept, and where results are."""

import os
import shutil
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import CoreError
from core.library.find import SUFFIXES
from core.locations import present_path
from core.settings import Settings

MOMENT = "%Y%m%d-%H%M%S-%f"  # name of what came or was made then
DEEPEST = 6  # folders that are kept of the name of a file that was sent
LONGEST = 200  # bytes of a name in UTF-8, where a letter has up to four; file systems take 255
PLAIN = " ._-()[]&,'+!"  # beside letters and digits
SHOWN = 80  # characters of what was typed, in a sentence


def allowed_folder(folder: str, settings: Settings) -> Path:
    """The folder that somebody typed on the page, if it may be read there.

    Any folder of this machine that the program may read, because it is made for one person or one team on a machine of
    their own; where TME_LIBRARY_DIR is set, only what is below it, and a relative path begins there.
    Raises CoreError when there is no such folder, or it is elsewhere.
    """
    if not folder.strip():
        raise CoreError("Type the path of a folder with music.")
    if "://" in folder:
        raise CoreError("Addresses are scored from the command line: python -m core score ADDRESS --out FILE")
    root = settings.library_dir
    try:
        if "\x00" in folder:
            raise ValueError("it holds a NUL character")
        place = Path(os.path.abspath((root or Path()) / Path(folder.strip()).expanduser()))
        outside = root is not None and not place.resolve().is_relative_to(root.resolve())
        there = place.is_dir()
    except (OSError, ValueError, RuntimeError) as error:  # too long a name, a NUL in it, ~ of somebody unknown
        raise CoreError(
            f"{folder.strip()[:SHOWN]!r} is no path of this machine: {getattr(error, 'strerror', None) or error}."
        ) from error
    if outside:
        raise CoreError(f"Only folders below {root} may be scored here (TME_LIBRARY_DIR).")
    if not there:
        raise CoreError(f"There is no folder {place}. Type the path of a folder on the machine that runs this page.")
    if not os.access(place, os.R_OK | os.X_OK):
        raise CoreError(f"The folder {place} may not be read by this program.")
    return place


@dataclass(frozen=True)
class Upload:
    """Files that somebody sent at once. folder.  files : how many.  size : bytes of all."""

    folder: Path
    files: int
    size: int

    @property
    def sent_at(self) -> datetime:
        """When they came, in UTC."""
        return datetime.strptime(self.folder.name, MOMENT).replace(tzinfo=UTC)


def is_upload(folder: str, settings: Settings) -> bool:
    """Whether a folder is one of these, there or removed."""
    return Path(present_path(folder, settings)).parent == settings.uploads_dir


def uploads(settings: Settings) -> list[Upload]:
    """What was sent and is still kept, newest first."""
    try:
        kept = [entry.path for entry in os.scandir(settings.uploads_dir) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return [
        Upload(Path(path), *count_files(path)) for path in sorted(kept, reverse=True) if _is_moment(Path(path).name)
    ]


def count_files(folder: str | Path) -> tuple[int, int]:
    """Number and bytes of the files below a folder; nothing where there is none."""
    sizes = []
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # removed meanwhile
                sizes.append(os.lstat(os.path.join(place, name)).st_size)
    return len(sizes), sum(sizes)


def remove_upload(folder: str | Path, settings: Settings) -> None:
    """Remove files that somebody sent. What was found out about them stays; the music can no longer be heard.

    Raises CoreError when it is no folder of uploads, or the disk refuses it.
    """
    place = Path(os.path.abspath(folder))
    if not is_upload(str(place), settings) or not _is_moment(place.name):
        raise CoreError(f"{place} is no folder of files that were sent here.")
    try:
        shutil.rmtree(place)
    except FileNotFoundError:
        return  # somebody else was faster
    except OSError as error:
        raise CoreError(f"{place} cannot be removed: {error.strerror}.") from error


def _is_moment(name: str) -> bool:
    try:
        datetime.strptime(name, MOMENT)
    except ValueError:
        return False
    return True


def new_results(settings: Settings) -> Path:
    """Where the table of a new run goes, in a folder that is made for it; earlier ones stay.

    Raises CoreError when the disk refuses it.
    """
    folder = settings.library_results_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CoreError(f"The results cannot be kept in {folder}: {error.strerror}.") from error
    return folder / f"results-{_moment()}.parquet"


def save_uploads(files: Iterable[tuple[str, bytes]], settings: Settings) -> Path:
    """Write files that somebody sent into a new folder of the data folder, and return it.

    files : name, with the folders that it was in, and content. Names keep their letters and lose what could lead
        elsewhere; a name that is there already gets a number.
    Raises CoreError when there is none, or the disk refuses it.
    """
    place = settings.uploads_dir / _moment()
    written = 0
    try:
        for name, data in files:
            *folders, file = _safe_path(name)
            folder = place
            for part in folders:
                folder = _unused_path(folder / part, Path.is_dir)
            folder.mkdir(parents=True, exist_ok=True)
            _unused_path(folder / file).write_bytes(data)
            written += 1
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        raise CoreError(f"The files cannot be kept in {place}: {error.strerror}.") from error
    if not written:
        raise CoreError("No file was sent.")
    return place


def _unused_path(path: Path, fits: Callable[[Path], bool] = lambda _: False) -> Path:
    """The path, with a number where it is taken by something that does not fit."""
    first, number = path, 1
    while path.exists() and not fits(path):
        number += 1
        path = first.with_name(f"{first.stem} ({number}){first.suffix}")
    return path


def _safe_path(name: str) -> list[str]:
    """Parts of a path that stays where it is put."""
    parts = [_safe_name(part) for part in name.replace("\\", "/").split("/")]
    *folders, file = [part for part in parts if part] or ["clip"]
    if not file.lower().endswith(SUFFIXES):
        file += ".bin"
    return [*folders[-DEEPEST:], file]


def _safe_name(part: str) -> str:
    part = unicodedata.normalize("NFC", part)  # macOS sends letters and their marks apart
    kept = "".join(c if c.isalnum() or c in PLAIN else "_" for c in part).strip(" .")
    stem, dot, ending = kept.rpartition(".")
    return f"{_cut(stem, LONGEST)}{dot}{_cut(ending, 10)}" if dot else _cut(kept, LONGEST)


def _cut(text: str, size: int) -> str:
    """So many bytes of it at most, and no half letter."""
    return text.encode()[:size].decode(errors="ignore")


def _moment() -> str:
    return f"{datetime.now(UTC):{MOMENT}}"
