"""Where the files of MLflow's runs and models are, also when the data folder was moved.

MLflow stores the place of each file as an absolute address. Ours lie in ``settings.artifacts_dir``, so an address that
names a folder of that name is looked up below the present one. Addresses of other places are taken as they are.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from core.errors import ModelError
from core.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

# Tables and columns of MLflow's store that hold addresses of files
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def local_place(uri: str, settings: Settings) -> Path | None:
    """Return where the file or folder of an address is on this machine; None when it is elsewhere.

    The place below the present data folder counts where something is there, or where the stored place is gone.
    """
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file"):
        return None
    stored = Path(url2pathname(parts.path) if parts.scheme else uri)
    name = settings.artifacts_dir.name
    if name not in stored.parts:
        return stored
    at = len(stored.parts) - stored.parts[::-1].index(name)
    here = settings.artifacts_dir.joinpath(*stored.parts[at:])
    if here.exists() or (not stored.exists() and (settings.artifacts_dir.exists() or not _root(stored, at).exists())):
        return here
    return stored


def _root(path: Path, depth: int) -> Path:
    return Path(*path.parts[:depth])


def write_run_files(client: "MlflowClient", run_id: str, files: Path, *, settings: Settings) -> None:
    """Copy the files of a folder to those of a run."""
    place = local_place(str(client.get_run(run_id).info.artifact_uri), settings)
    if place is None:
        client.log_artifacts(run_id, str(files))
    else:
        shutil.copytree(files, place, dirs_exist_ok=True)


def write_model_files(client: "MlflowClient", model_id: str, files: Path, *, settings: Settings) -> str:
    """Copy the files of a folder to those of a logged model; returns their address."""
    uri = str(client.get_logged_model(model_id).artifact_location)
    place = local_place(uri, settings)
    if place is None:
        client.log_model_artifacts(model_id, str(files))
        return uri
    shutil.copytree(files, place, dirs_exist_ok=True)
    return place.as_uri()


def run_file(client: "MlflowClient", run_id: str, name: str, *, settings: Settings) -> Path:
    """Return a file of a run on this machine; it is fetched where it is elsewhere."""
    place = local_place(str(client.get_run(run_id).info.artifact_uri), settings)
    return place / name if place is not None else Path(client.download_artifacts(run_id, name))


def model_folder(client: "MlflowClient", name: str, version: str, *, settings: Settings) -> Path:
    """Return the folder of a version's files on this machine; they are fetched where they are elsewhere."""
    uri = str(client.get_model_version_download_uri(name, version))
    if urlsplit(uri).scheme == "models":  # of a logged model by its id
        uri = str(client.get_logged_model(uri.rpartition("/")[2]).artifact_location)
    place = local_place(uri, settings)
    if place is not None:
        return place
    from mlflow.artifacts import download_artifacts

    return Path(download_artifacts(artifact_uri=uri, tracking_uri=settings.mlflow, registry_uri=settings.mlflow))


def correct_locations(file: Path, settings: Settings) -> int:
    """Write the present places of files into MLflow's SQLite file; returns how many addresses were corrected.

    Our own program does not need this. MLflow's page does, because it reads files where the store says that they are.
    """
    try:
        with closing(sqlite3.connect(file)) as opened, opened:
            return sum(_correct(opened, table, column, settings) for table, column in LOCATIONS)
    except sqlite3.Error as error:
        raise ModelError(
            f"The places of files in the registry {file.name} cannot be corrected: {error}. "
            "Stop other programs that use it, then try again."
        ) from error


def _correct(opened: sqlite3.Connection, table: str, column: str, settings: Settings) -> int:
    """Correct one column. Its name and the table's come from ``LOCATIONS``; values are parameters."""
    stored = opened.execute(f"SELECT DISTINCT {column} FROM {table} WHERE {column} LIKE 'file:%'")  # noqa: S608
    places = {uri: local_place(uri, settings) for (uri,) in stored.fetchall()}
    moved = [(place.as_uri(), uri) for uri, place in places.items() if place is not None and place.exists()]
    moved = [(now, was) for now, was in moved if now != was]
    opened.executemany(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", moved)  # noqa: S608
    return len(moved)
