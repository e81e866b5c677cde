"""Paths, and the few values that the environment may change (prefix ``TME_``)."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import CoreError

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
        return self.data_dir / "raw"

    @property
    def processed_dir(self) -> Path:
        return self.data_dir / "processed"

    @property
    def cache_dir(self) -> Path:
        return self.data_dir / "cache"


def _sqlite(path: Path) -> str:
    """URL of a SQLite file. In a URL, a question mark or a per cent sign of the path would mean something else."""
    return f"sqlite:///{quote(path.as_posix(), safe='/:')}"
