"""Find files of the data folder after the folder was moved.

The store keeps absolute paths of library files, because most of them are the user's own music. Some of these
files are inside the data folder: uploaded or fetched music, the synthetic library and result tables. Their paths are
resolved against the current data folder, so the folder can be moved, copied or mounted elsewhere.
"""

import os
import re
from functools import lru_cache
from pathlib import Path

from core.settings import Settings

_MOMENT = r"\d{8}-\d{6}-\d{6}"  # date and time in the names of uploads and result tables


def present_path(stored: str, settings: Settings) -> str:
    """Return the current path of a file or folder.

    Parameters
    ----------
    stored
        The path in the database, perhaps stored before the data folder was moved. Paths of the user's own music and
        addresses (``s3://...``) are returned unchanged.
    settings
        The settings with the current data folder.
    """
    below = _below_data_folder(stored, settings)
    if below is None:
        return stored
    here = os.path.join(os.path.abspath(settings.data_dir), below)
    return here if os.path.lexists(here) or not os.path.lexists(stored) else stored


def is_uploaded(stored: str, settings: Settings) -> bool:
    """Return True for the stored path of an uploaded file or folder, even if it was removed since."""
    return Path(present_path(stored, settings)).is_relative_to(settings.uploads_dir)


def _below_data_folder(stored: str, settings: Settings) -> str | None:
    """Return the path relative to the data folder of that time; None for a file outside the data folder."""
    if not any(name in stored for name in _names(settings)):  # the quick way for the user's own music
        return None
    match = None if "://" in stored else _pattern(settings).fullmatch(stored.replace("\\", "/"))
    return match["below"] if match else None


@lru_cache(maxsize=8)
def _names(settings: Settings) -> tuple[str, ...]:
    """Names of which one is in the path of each file of the data folder."""
    return settings.uploads_dir.name, settings.library_results_dir.name, settings.demo_library_dir.name


@lru_cache(maxsize=8)
def _pattern(settings: Settings) -> re.Pattern[str]:
    """Return a pattern for paths inside any data folder; its group ``below`` is the path relative to that folder."""
    data = os.path.abspath(settings.data_dir)
    uploads, fetched, results, demo = (
        re.escape(Path(os.path.abspath(folder)).relative_to(data).as_posix())
        for folder in (
            settings.uploads_dir,
            settings.sources_dir,
            settings.library_results_dir,
            settings.demo_library_dir,
        )
    )
    kinds = rf"{uploads}/{_MOMENT}(/.*)?|{fetched}(/.*)?|{results}/results-{_MOMENT}\.parquet|{demo}(/[^/]*)?"
    return re.compile(rf".*/(?P<below>{kinds})", re.DOTALL)
