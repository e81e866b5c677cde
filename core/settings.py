"""Paths, and the few values that the environment may change (prefix ``TME_``)."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import CoreError
from core.file_names import CHAMPION, COMPARISON

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """One frozen reading of the environment; make a new one to read it again.

    ``TME_TABLE``               the published table as a CSV file (wins over the copy in data/raw)
    ``TME_DATA_DIR``            where data/raw, data/processed, data/cache and the databases live
    ``TME_MODELS_DIR``          the committed models (models/champion, models/comparison)
    ``TME_DATABASE_URL``        feedback store; SQLite by default, ``postgresql+psycopg://...`` for a server
    ``TME_MLFLOW_URI``          MLflow tracking and registry store
    ``TME_DOWNLOAD_URL``        the archive of the published table
    ``TME_DOWNLOAD_TIMEOUT_S``  seconds without an answer after which a download is given up
    ``TME_MAX_UPLOAD_MB``       largest audio file that is read
    ``TME_LIBRARY_DIR``         the only folder that the Library page scores; any folder of this machine by default
    ``TME_SCHEDULER``           a Dask cluster that scores libraries, ``tcp://host:8786``; this machine by default
    """

    model_config = SettingsConfigDict(env_prefix="TME_", env_ignore_empty=True, frozen=True)

    table: Path | None = None
    data_dir: Path = ROOT / "data"
    models_dir: Path = ROOT / "models"
    database_url: str = ""
    mlflow_uri: str = ""
    download_url: str = "https://archive.ics.uci.edu/static/public/862/turkish+music+emotion.zip"
    download_timeout_s: float = Field(default=10.0, gt=0)
    max_upload_mb: float = Field(default=200.0, gt=0)
    library_dir: Path | None = None
    scheduler: str = ""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            wrong = error.errors()[0]
            name = "TME_" + "_".join(map(str, wrong["loc"])).upper()
            raise CoreError(f"The setting {name} is wrong: {wrong['msg']}. Change it or leave it out.") from error

    @property
    def database(self) -> str:
        """URL of the feedback store."""
        return self.database_url or _sqlite(self.data_dir / "feedback.db")

    @property
    def mlflow(self) -> str:
        """URL of the MLflow tracking and registry store."""
        return self.mlflow_uri or _sqlite(self.data_dir / "mlflow.db")

    @property
    def raw_dir(self) -> Path:
        """Tables as they came: the published one and those that users brought."""
        return self.data_dir / "raw"

    @property
    def processed_dir(self) -> Path:
        """The published table as training, validation and test parts."""
        return self.data_dir / "processed"

    @property
    def cache_dir(self) -> Path:
        """What can be computed again; it may be deleted at any time."""
        return self.data_dir / "cache"

    @property
    def clips_dir(self) -> Path:
        """Kept audio of uploaded clips."""
        return self.data_dir / "clips"

    @property
    def library_results_dir(self) -> Path:
        """Tables of results of scored libraries."""
        return self.data_dir / "library"

    @property
    def uploads_dir(self) -> Path:
        """Music files that were uploaded to be scored as a library; an absolute path."""
        return Path(os.path.abspath(self.library_results_dir / "uploads"))

    @property
    def demo_library_dir(self) -> Path:
        """The synthetic library."""
        return self.data_dir / "demo-library"

    @property
    def levelled_dir(self) -> Path:
        """Levelled copies of playlists."""
        return self.data_dir / "playlists"

    @property
    def runs_dir(self) -> Path:
        """Files of training runs, one folder a run; see `run_dir`."""
        return self.data_dir / "runs"

    def run_dir(self, created_at: str) -> Path:
        """Folder of the training run that began at this time (ISO 8601)."""
        return self.runs_dir / created_at.replace(":", "")

    @property
    def logs_dir(self) -> Path:
        """What processes in the background print."""
        return self.data_dir / "logs"

    @property
    def artifacts_dir(self) -> Path:
        """Files of MLflow's runs and registered models; an absolute path."""
        return (self.data_dir / "mlartifacts").resolve()

    @property
    def champion_dir(self) -> Path:
        """The committed model."""
        return self.models_dir / CHAMPION

    @property
    def comparison_dir(self) -> Path:
        """The committed comparison of all models."""
        return self.models_dir / COMPARISON


def _sqlite(path: Path) -> str:
    """URL of a SQLite file. In a URL, a question mark or a per cent sign of the path would mean something else."""
    return f"sqlite:///{quote(path.as_posix(), safe='/:')}"
