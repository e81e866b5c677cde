"""The connection to MLflow's store of runs and registered models.

Each settings object gets its own client. MLflow's global store is never set, so one process can use two installations
at the same time.
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

NAME = "turkish-music-emotion"  # name of the experiment and of the registered model
SQLITE = b"SQLite format 3\0"  # first bytes of every SQLite file
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
# MLflow reads these variables at import. They are the same for all settings, so this module sets them once a process.
os.environ |= QUIET
_OPENING = threading.Lock()  # MLflow creates tables with alembic, which has one global context per process


def connect(settings: Settings) -> "MlflowClient":
    """Return an MLflow client for the store of these settings. Creates the store when it does not exist."""
    file = sqlite_file(settings.mlflow)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    with _OPENING:
        return _client(settings.mlflow)


def _client(uri: str) -> "MlflowClient":
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It logs each error of the database with its values, and raises the error as well.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def sqlite_file(uri: str) -> Path | None:
    """Return the file of a SQLite store, or None when the store is not SQLite."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path[1:])) if parts.scheme == "sqlite" else None


def is_server(uri: str) -> bool:
    """Return whether the store is an MLflow server (not a database)."""
    return urlsplit(uri).scheme in ("http", "https")


def store_exists(settings: Settings) -> bool:
    """Return whether the store exists. A server is assumed to exist.

    Raises ModelError when the file is not a SQLite database.
    """
    file = sqlite_file(settings.mlflow)
    if file is None:
        return True
    if not file.is_file() or file.stat().st_size == 0:
        return False
    with file.open("rb") as opened:
        if opened.read(len(SQLITE)) != SQLITE:
            raise ModelError(
                f"The registry {file.name} cannot be read: it is not a SQLite database. Move this file away."
            )
    return True


def ui_command(settings: Settings, *, port: int) -> tuple[str, list[str], dict[str, str]]:
    """Return program, arguments and environment that start MLflow's web page, as ``os.execvpe`` takes them.

    MLflow's page reads each file at the path stored in the database. After a move of the data folder these paths are
    wrong, so they are corrected first.
    """
    from core.models.artifacts import correct_locations

    connect(settings)  # creates the store when it does not exist
    file = sqlite_file(settings.mlflow)
    if file is not None:
        correct_locations(file, settings)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", settings.mlflow, "--port", str(port)]
    return command[0], command, {**os.environ, **QUIET}
