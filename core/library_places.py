"""Where a library may be, where files that people send are kept, and where results are."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from core.errors import CoreError
from core.library_files import SUFFIXES
from core.settings import Settings

FOLDER = "library"  # below the data folder
UPLOADS = "uploads"
DEEPEST = 6  # folders that are kept of the name of a file that was sent
LONGEST = 100  # characters of a name, of which a letter may have four bytes
PLAIN = " ._-()[]&,'+!"  # beside letters and digits


def allowed(folder: str, settings: Settings) -> Path:
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
    place = Path(os.path.abspath((root or Path()) / Path(folder.strip()).expanduser()))
    if root is not None and not place.resolve().is_relative_to(root.resolve()):
        raise CoreError(f"Only folders below {root} may be scored here (TME_LIBRARY_DIR).")
    if not place.is_dir():
        raise CoreError(f"There is no folder {place}. Type the path of a folder on the machine that runs this page.")
    if not os.access(place, os.R_OK | os.X_OK):
        raise CoreError(f"The folder {place} may not be read by this program.")
    return place


def new_results(settings: Settings) -> Path:
    """Where the table of a new run goes; earlier ones stay."""
    return settings.data_dir / FOLDER / f"results-{_moment()}.parquet"


def keep_uploads(files: Iterable[tuple[str, bytes]], settings: Settings) -> Path:
    """Write files that somebody sent into a new folder of the data folder, and return it.

    files : name, with the folders that it was in, and content. Names keep their letters and lose what could lead
        elsewhere; a name that is there already gets a number.
    Raises CoreError when there is none, or the disk refuses it.
    """
    place = settings.data_dir / FOLDER / UPLOADS / _moment()
    written = 0
    try:
        for name, data in files:
            first = path = place.joinpath(*_harmless(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            number = 1
            while path.exists():
                number += 1
                path = first.with_name(f"{first.stem} ({number}){first.suffix}")
            path.write_bytes(data)
            written += 1
    except OSError as error:
        raise CoreError(f"The files cannot be kept in {place}: {error.strerror}.") from error
    if not written:
        raise CoreError("No file was sent.")
    return place


def _harmless(name: str) -> list[str]:
    """Parts of a path that stays where it is put."""
    parts = [_tame(part) for part in name.replace("\\", "/").split("/")]
    *folders, file = [part for part in parts if part] or ["clip"]
    if not file.lower().endswith(SUFFIXES):
        file += ".bin"
    return [*folders[-DEEPEST:], file]


def _tame(part: str) -> str:
    kept = "".join(c if c.isalnum() or c in PLAIN else "_" for c in part).strip(" .")
    stem, dot, ending = kept.rpartition(".")
    return f"{stem[:LONGEST]}{dot}{ending[:10]}" if dot else kept[:LONGEST]


def _moment() -> str:
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
