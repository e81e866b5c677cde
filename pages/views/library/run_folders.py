"""Where the music and the results of a library run are, and how a person knows that folder."""

from pathlib import Path

from core.library import places
from core.locations import present_path
from core.settings import Settings
from core.store import Job


def music_folder(job: Job) -> str:
    """Folder or address of the music of a run; empty if unknown."""
    return _present(job.result.get("folder"))


def results_file(job: Job) -> str:
    """Path of the results table of a run; empty if the run has none."""
    return _present(job.result.get("out"))


def _present(stored: object) -> str:
    """The stored path as it is on this machine now."""
    return present_path(stored, Settings()) if isinstance(stored, str) else ""


def folder_name(folder: str, *, short: bool = False) -> str:
    """Name of a music folder for people. Upload folders have generated names, so these are all "Uploaded files"."""
    if places.is_upload(folder, Settings()):
        return "Uploaded files"
    return Path(folder).name if short else folder
