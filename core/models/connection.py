"""The connection to MLflow's store of runs and registered models.

Each settings object has a client of its own. Nothing here sets MLflow's global store, so that two installations can be
used in one process, also at the same time.
"""

import logging
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from core.errors import ModelError
from core.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

NAME = "turkish-music-emotion"  # of the experiment and of the registered model
SQLITE = b"SQLite format 3\0"  # how every such file begins
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
# MLflow reads these when it is imported. They are the same for all settings, so they are set here, once a process.
os.environ |= QUIET
_OPENING = threading.Lock()  # MLflow makes the tables of a new store by alembic, whose context belongs to the process


def connect(settings: Settings) -> "MlflowClient":
    """Return MLflow's client on the store of these settings; makes the store where there is none yet."""
    file = sqlite_file(settings.mlflow)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    with _OPENING:
        from mlflow import MlflowClient

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        return MlflowClient(tracking_uri=settings.mlflow, registry_uri=settings.mlflow)


def sqlite_file(uri: str) -> Path | None:
    """Return the file of a SQLite store; None for a server."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path[1:])) if parts.scheme == "sqlite" else None


def is_server(uri: str) -> bool:
    """Return whether a store is MLflow's own server, and no database."""
    return urlsplit(uri).scheme in ("http", "https")


def store_exists(settings: Settings) -> bool:
    """Return whether there is a store; one on a server is taken to exist.

    Raises ModelError when the file is no SQLite database.
    """
    file = sqlite_file(settings.mlflow)
    if file is None:
        return True
    if not file.is_file() or file.stat().st_size == 0:
        return False
    with file.open("rb") as opened:
        if opened.read(len(SQLITE)) != SQLITE:
            raise ModelError(f"The registry {file.name} cannot be read: it is no SQLite database. Move it away.")
    return True


def ui_command(settings: Settings, *, port: int) -> tuple[str, list[str], dict[str, str]]:
    """Return program, arguments and environment that open MLflow's page on our store, as ``os.execvpe`` takes them.

    MLflow's page reads files where the store says that they are. So in a data folder that was moved, the places of the
    files are corrected in the store first.
    """
    from core.models.artifacts import correct_locations

    connect(settings)  # makes the store where there is none yet
    file = sqlite_file(settings.mlflow)
    if file is not None:
        correct_locations(file, settings)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", settings.mlflow, "--port", str(port)]
    return command[0], command, {**os.environ, **QUIET}
