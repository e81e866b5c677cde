"""Find the files of MLflow's runs and models, also after a move of the data folder.

MLflow stores the location of each file as an absolute URI. Our files are in ``settings.artifacts_dir``, so a URI with
a folder of that name is looked up in the current folder. Other URIs are used unchanged.
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

# Tables and columns of MLflow's database that hold URIs of files
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def local_place(uri: str, settings: Settings) -> Path | None:
    """Return the local path of a URI, or None when the URI is not on this machine.

    The path in the current data folder is preferred when it exists, or when the stored path no longer exists.
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
    """Copy the files of a folder into the artifacts of a run."""
    place = local_place(str(client.get_run(run_id).info.artifact_uri), settings)
    if place is None:
        client.log_artifacts(run_id, str(files))
    else:
        shutil.copytree(files, place, dirs_exist_ok=True)


def write_model_files(client: "MlflowClient", model_id: str, files: Path, *, settings: Settings) -> str:
    """Copy the files of a folder into the artifacts of a logged model. Returns their URI."""
    uri = str(client.get_logged_model(model_id).artifact_location)
    place = local_place(uri, settings)
    if place is None:
        client.log_model_artifacts(model_id, str(files))
        return uri
    shutil.copytree(files, place, dirs_exist_ok=True)
    return place.as_uri()


def run_file(client: "MlflowClient", run_id: str, name: str, *, settings: Settings) -> Path:
    """Return the local path of a run's file. Downloads the file when it is on another machine."""
    place = local_place(str(client.get_run(run_id).info.artifact_uri), settings)
    return place / name if place is not None else Path(client.download_artifacts(run_id, name))


def model_folder(client: "MlflowClient", name: str, version: str, *, settings: Settings) -> Path:
    """Return the local folder of a version's files. Downloads the files when they are on another machine."""
    uri = str(client.get_model_version_download_uri(name, version))
    if urlsplit(uri).scheme == "models":  # names a logged model by its id
        uri = str(client.get_logged_model(uri.rpartition("/")[2]).artifact_location)
    place = local_place(uri, settings)
    if place is not None:
        return place
    from mlflow.artifacts import download_artifacts

    return Path(download_artifacts(artifact_uri=uri, tracking_uri=settings.mlflow, registry_uri=settings.mlflow))


def correct_locations(file: Path, settings: Settings) -> int:
    """Update the file URIs in MLflow's SQLite database. Returns the number of corrected URIs.

    Only MLflow's page needs this, because it reads files at the stored paths; our own code uses `local_place`.
    """
    try:
        with closing(sqlite3.connect(file)) as opened, opened:
            return sum(_correct(opened, table, column, settings) for table, column in LOCATIONS)
    except sqlite3.Error as error:
        raise ModelError(
            f"The file paths in the registry {file.name} cannot be corrected: {error}. "
            "Stop other programs that use the registry, then try again."
        ) from error


def _correct(opened: sqlite3.Connection, table: str, column: str, settings: Settings) -> int:
    """Correct one column. The names of table and column come from ``LOCATIONS``; values are parameters."""
    stored = opened.execute(f"SELECT DISTINCT {column} FROM {table} WHERE {column} LIKE 'file:%'")  # noqa: S608
    places = {uri: local_place(uri, settings) for (uri,) in stored.fetchall()}
    moved = [(place.as_uri(), uri) for uri, place in places.items() if place is not None and place.exists()]
    moved = [(now, was) for now, was in moved if now != was]
    opened.executemany(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", moved)  # noqa: S608
    return len(moved)
