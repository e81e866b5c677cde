"""Where files of the data folder are now, also when the folder was moved since their paths were stored.

The store keeps absolute paths of the files of libraries, because most of them are the user's own music. Three kinds of
files lie in the data folder: uploaded music, the synthetic library and tables of results. Their paths are looked up
below the present data folder, so that it can be moved, copied or mounted elsewhere.
"""

import os
import re
from functools import lru_cache
from pathlib import Path

from core.settings import Settings

_MOMENT = r"\d{8}-\d{6}-\d{6}"  # name of what was uploaded or made at that time


def present_path(stored: str, settings: Settings) -> str:
    """Path where a file or folder is now.

    Parameters
    ----------
    stored : a path as it was stored, perhaps before the data folder was moved. A path of the user's own music and an
        address come back as they are.
    """
    below = _below_data_folder(stored, settings)
    if below is None:
        return stored
    here = os.path.join(os.path.abspath(settings.data_dir), below)
    return here if os.path.lexists(here) or not os.path.lexists(stored) else stored


def is_uploaded(stored: str, settings: Settings) -> bool:
    """Whether a stored path is that of an uploaded file or of a folder of such files, there or removed."""
    return Path(present_path(stored, settings)).is_relative_to(settings.uploads_dir)


def _below_data_folder(stored: str, settings: Settings) -> str | None:
    """Path relative to the data folder in which the file was stored; None for a file that lay elsewhere."""
    found = None if "://" in stored else _pattern(settings).fullmatch(stored.replace("\\", "/"))
    return found["below"] if found else None


@lru_cache(maxsize=8)
def _pattern(settings: Settings) -> re.Pattern[str]:
    """Match the path of a file that lies in some data folder; the group ``below`` is the path below that folder."""
    data = os.path.abspath(settings.data_dir)
    uploads, results, demo = (
        re.escape(Path(os.path.abspath(folder)).relative_to(data).as_posix())
        for folder in (settings.uploads_dir, settings.library_results_dir, settings.demo_library_dir)
    )
    kinds = rf"{uploads}/{_MOMENT}(/.*)?|{results}/results-{_MOMENT}\.parquet|{demo}(/[^/]*)?"
    return re.compile(rf".*/(?P<below>{kinds})", re.DOTALL)
