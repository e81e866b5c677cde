"""Start a run over a folder in a process of its own, as the page Library and the API do."""

from pathlib import Path

from core.allowed_places import RefusedPlaceError, allowed_places, named_places
from core.errors import CoreError
from core.library import places, run
from core.models.policy import Policy
from core.pipeline import jobs
from core.settings import Settings
from core.store import Job, Store

Windows = tuple[float, float]  # length of a window, and the time between two starts, in s


def place_to_score(text: str, store: Store, settings: Settings) -> str:
    """Return the folder that a caller named, or the address, if the server allows it.

    An address is allowed when it is one that an analyst scored from the command line, or lies below it.

    Raises
    ------
    CoreError
        When the place is not allowed or does not exist.
    """
    if "://" not in text:
        return str(places.allowed_folder(text, settings, by=store.by))
    known = [place.rstrip("/") for place in named_places(settings) if "://" in place]
    if ".." in text.split("/") or not any(f"{text}/".startswith(f"{place}/") for place in known):
        raise RefusedPlaceError(
            "This address is not allowed here. An analyst scores it once from the command line; then it is: "
            "python -m core score PLACE --out FILE"
        )
    return text


def launch_run(
    store: Store,
    place: str,
    policy: Policy,
    *,
    windows: Windows | None,
    settings: Settings,
    name: str = "",
    makam: bool = False,
) -> Job:
    """Start a run in its own process; it goes on when the server stops.

    Parameters
    ----------
    windows
        None gives one answer for each file.
    name
        Of the place, for the message; default: the place itself.
    makam
        Also measure karar and makam.

    Raises
    ------
    CoreError
        When another run is going on, or the process cannot be started.
    """
    command = ["score", place, "--out", str(places.new_results(settings, by=store.by))]
    command += ["--policy", policy.to_json()]
    if "://" not in place and (within := allowed_places(settings).root_of(place)):
        command += ["--within", within]
    if makam:
        command.append("--makam")
    if windows is not None:
        command += ["--window", f"{windows[0]:g}", "--hop", f"{windows[1]:g}"]
    message = f"Starting with {name or place}. This takes some seconds"
    return jobs.launch(store, run.JOB, command, settings=settings, message=message)


def launch_uploaded(store: Store, folder: Path, policy: Policy, *, windows: Windows | None, settings: Settings) -> Job:
    """Start a run over uploaded files. When it cannot start, the files are removed again.

    folder : from ``places.save_uploads``.
    """
    try:
        return launch_run(store, str(folder), policy, windows=windows, settings=settings, name="uploaded files")
    except CoreError:
        places.forget_upload(folder, by=store.by)
        raise
