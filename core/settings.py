"""Paths, and the few settings that environment variables (prefix ``TME_``) can change."""

import os
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import CoreError
from core.file_names import CHAMPION, COMPARISON

PREFIX = "TME_"  # of the environment variables; an empty one counts as not set
ROOT = Path(__file__).resolve().parent.parent
LEAST_HEARD = 1 / 3  # ten of thirty seconds, as the labelling guide asks
_reached: dict[str, bool] = {"by others": False}  # set by `note_reach` at the start of each page


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Settings(BaseModel):
    """The settings at the time of creation; create a new object to read the environment again.

    ``TME_TABLE``               the published table as a CSV file (used instead of the copy in data/raw)
    ``TME_DATA_DIR``            the data folder, with raw, processed, cache and the databases
    ``TME_MODELS_DIR``          the committed models (models/champion, models/comparison)
    ``TME_DATABASE_URL``        feedback store; SQLite by default, ``postgresql+psycopg://...`` for a server
    ``TME_MLFLOW_URI``          MLflow tracking and registry store
    ``TME_DOWNLOAD_URL``        address of the archive with the published table
    ``TME_DOWNLOAD_TIMEOUT_S``  a download is cancelled after this many seconds without an answer
    ``TME_MAX_UPLOAD_MB``       size limit for one audio file
    ``TME_MAX_HELD_MB``         size limit for all uploads that the server holds; a session may hold half of it
    ``TME_MAX_TABLES_MB``       size limit for the memory of all tables that visitors brought to the Explore page
    ``TME_MAX_COPIES``          levelled copies of so many playlists stay on the disk; the oldest are removed
    ``TME_LIBRARY_DIR``         the folder with music that the pages may read; by default any folder of this machine
    ``TME_SHARED``              true: other people can reach this server; by default the address of the server decides
    ``TME_LEAST_HEARD``         share of a clip, 0 to 1; an answer of a person who heard less of the clip is marked
    ``TME_CHAMPION_ADDRESS``    server of the API with the champion, as nginx reaches it, HOST:PORT
    ``TME_CHALLENGER_ADDRESS``  server of the API with the challenger, which a canary needs, HOST:PORT
    ``TME_API``                 true: the server of the dashboard also answers the REST API, below /api
    ``TME_SERVES``              model of this server of the API: champion, or challenger for a canary
    ``TME_SCHEDULER``           a Dask cluster that scores libraries, ``tcp://host:8786``; by default this machine
    ``TME_WORKERS``             clips and explanations that the server works on at the same time; by default its cores
    ``TME_MAX_WAITING``         clips and explanations that may wait; more are refused with a sentence
    ``TME_EVENTS``              off: nothing is noted about what happens, so Monitoring and Use stay empty
    ``TME_EVENTS_MONTHS``       events older than so many months are removed; 0: never
    ``TME_SOURCE_HOSTS``        servers in a private network from which lists may fetch sound: names with commas
    ``TME_MUSICBRAINZ_CONTACT`` your e-mail or web address, which MusicBrainz wants to know
    ``TME_MUSICBRAINZ_URL``     address of an own copy of MusicBrainz, ``http://server:5000/ws/2``
    ``TME_SPOTIFY_ID``          key of a program at Spotify
    ``TME_SPOTIFY_SECRET``      its secret
    ``TME_YOUTUBE_KEY``         key for the YouTube Data API
    ``TME_WARM_UP``             false: the dashboard loads the model when the first clip comes, not while it starts
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: Path | None = None
    data_dir: Path = ROOT / "data"
    models_dir: Path = ROOT / "models"
    database_url: str = ""
    mlflow_uri: str = ""
    download_url: str = "https://archive.ics.uci.edu/static/public/862/turkish+music+emotion.zip"
    download_timeout_s: float = Field(default=10.0, gt=0)
    max_upload_mb: float = Field(default=200.0, gt=0)
    max_held_mb: float = Field(default=2000.0, gt=0)
    max_tables_mb: float = Field(default=1000.0, gt=0)
    max_copies: int = Field(default=20, ge=1)
    library_dir: Path | None = None
    shared: bool = Field(default_factory=lambda: _reached["by others"])
    api: bool = False
    scheduler: str = ""
    champion_address: str = "127.0.0.1:8000"
    serves: Literal["champion", "challenger"] = "champion"
    challenger_address: str = "127.0.0.1:8001"
    workers: int = Field(default_factory=_cores, ge=1)
    max_waiting: int = Field(default=200, ge=1)
    warm_up: bool = True
    events: Literal["on", "off"] = "on"
    events_months: int = Field(default=24, ge=0, le=1200)
    source_hosts: str = ""
    musicbrainz_contact: str = ""
    musicbrainz_url: str = ""
    spotify_id: str = Field(default="", repr=False)
    spotify_secret: str = Field(default="", repr=False)
    youtube_key: str = Field(default="", repr=False)
    least_heard: float = Field(default=LEAST_HEARD, ge=0, le=1)

    def __init__(self, **values: Any) -> None:
        given = {name.upper(): value for name, value in os.environ.items() if value}
        known = {name: PREFIX + name.upper() for name in type(self).model_fields}
        read = {name: given[variable] for name, variable in known.items() if variable in given}
        try:
            super().__init__(**{**read, **values})
        except ValidationError as error:
            wrong = error.errors()[0]
            name = PREFIX + "_".join(map(str, wrong["loc"])).upper()
            raise CoreError(f"The setting {name} is not valid: {wrong['msg']}. Change it or remove it.") from error

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
        """Original tables: the published table and the tables of users."""
        return self.data_dir / "raw"

    @property
    def tables_dir(self) -> Path:
        """Cleaned tables of users that models are trained on."""
        return self.data_dir / "tables"

    @property
    def processed_dir(self) -> Path:
        """Training, validation and test parts of the published table."""
        return self.data_dir / "processed"

    @property
    def cache_dir(self) -> Path:
        """Files that can be computed again; the folder may be deleted at any time."""
        return self.data_dir / "cache"

    @property
    def pieces_dir(self) -> Path:
        """Tables of the pieces of a library, see ``core.playlists.kept_pieces``. They name the pieces."""
        return self.cache_dir / "pieces"

    @property
    def clips_dir(self) -> Path:
        """Stored audio of uploaded clips."""
        return self.data_dir / "clips"

    @property
    def library_results_dir(self) -> Path:
        """Result tables of scored libraries."""
        return self.data_dir / "library"

    @property
    def uploads_dir(self) -> Path:
        """Absolute path of the folder of music files that were uploaded as a library."""
        return Path(os.path.abspath(self.library_results_dir / "uploads"))

    @property
    def sources_dir(self) -> Path:
        """Absolute path of the folder of music that lists of tracks named by a web address."""
        return Path(os.path.abspath(self.library_results_dir / "sources"))

    @property
    def named_places_file(self) -> Path:
        """List of the folders that an analyst scored from the command line."""
        return self.library_results_dir / "places.json"

    @property
    def demo_library_dir(self) -> Path:
        """The synthetic library."""
        return self.data_dir / "demo-library"

    @property
    def levelled_dir(self) -> Path:
        """Copies of playlist files with equal loudness."""
        return self.data_dir / "playlists"

    @property
    def runs_dir(self) -> Path:
        """Files of training runs, one folder per run; see `run_dir`."""
        return self.data_dir / "runs"

    def run_dir(self, created_at: str) -> Path:
        """Return the folder of the training run that started at this time (ISO 8601)."""
        return self.runs_dir / created_at.replace(":", "")

    @property
    def logs_dir(self) -> Path:
        """Log files of background processes."""
        return self.data_dir / "logs"

    @property
    def artifacts_dir(self) -> Path:
        """Absolute path of the files of MLflow runs and registered models."""
        return (self.data_dir / "mlartifacts").resolve()

    @property
    def champion_dir(self) -> Path:
        """The model in the repository."""
        return self.models_dir / CHAMPION

    @property
    def comparison_dir(self) -> Path:
        """The comparison of all models in the repository."""
        return self.models_dir / COMPARISON


def note_reach(*, by_others: bool) -> None:
    """Note whether other people can reach the server. It decides ``Settings.shared`` while TME_SHARED is not set.

    Once they can, they can until the server ends: all pages share this note.
    """
    _reached["by others"] |= by_others


def _sqlite(path: Path) -> str:
    """Return the URL of a SQLite file. Special characters of the path, such as ? and %, are escaped."""
    return f"sqlite:///{quote(path.as_posix(), safe='/:')}"
