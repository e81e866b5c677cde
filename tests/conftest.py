"""Fixtures shared by all tests: where the tables and reference clips are, and a store of its own for each test."""

import gc
import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from unittest.mock import patch

# Before numpy is loaded, here and in processes that tests start. The matrices are small: a second thread of BLAS waits
# for the first one, and on cores that the workers share a training takes four times the CPU time.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import once
import pandas as pd
import postgres
import pytest
from hypothesis import settings
from required import missing

from core import store
from core.models import bundle
from core.models import connection as model_store
from core.store import connection
from core.store.backup import back_up
from core.store.connection import warn_if_lost
from core.store.upgrade import upgrade_database

settings.register_profile("any speed", deadline=None)  # no test asserts a time
settings.load_profile("any speed")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
GOLDEN = ROOT / "tests" / "golden"
LONGEST_NAME = 60  # characters of an example in the name of its test

gc.set_threshold(20_000, 20, 20)  # the tests hold a million objects for ever, and each search goes through them


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the process that starts the workers, or the only one
        once.begin()


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores: some tests only wait for processes that they started."""
    return (os.cpu_count() or 1) + 1


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a long text or file by its beginning and length: each worker sends the names of all tests."""
    if isinstance(val, str | bytes) and len(val) > LONGEST_NAME:
        beginning = val[:LONGEST_NAME] if isinstance(val, str) else val[:LONGEST_NAME].hex()
        return f"{argname} of {len(val)}: {ascii(beginning)[1:-1]}"
    return None


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        postgres.remove_shared()
        once.end()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the reference files, which are read in place and never committed."""
    if not SHARED.is_dir():
        missing(f"The folder with the reference files is not there: {SHARED.name}, beside the repository.")
    return SHARED


@pytest.fixture(scope="session")
def table_path() -> Path:
    """The published table as a file."""
    path = Path(os.environ.get("TME_TABLE") or SHARED / "data" / "Acoustic Features.csv")
    if not path.is_file():
        missing("The published table is not there: set TME_TABLE to its path.")
    return path


@pytest.fixture(scope="session")
def published(table_path: Path) -> pd.DataFrame:
    """The published table: 400 rows, Class and 50 features."""
    return pd.read_csv(table_path)


@pytest.fixture(scope="session")
def modified_csv(shared: Path) -> Path:
    """The dirtied copy of the published table."""
    path = shared / "data" / "turkish_music_emotion_modified.csv"
    if not path.is_file():
        missing(f"The modified table is not in the folder with the reference files: {path.name}.")
    return path


@pytest.fixture(scope="session")
def postgres_server() -> postgres.Server:
    """The PostgreSQL server that all tests of this run share; each test makes a database of its own."""
    return postgres.shared()


@pytest.fixture(params=postgres.KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a database without tables, of each kind. The folder of the SQLite file does not exist."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'a folder' / 'feedback.db'}"
    return request.getfixturevalue("postgres_server").new_database()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with tables and no rows, made once and then copied."""
    made = connection.connect(f"sqlite:///{tmp_path_factory.mktemp('made') / 'feedback.db'}")
    upgrade_database(made.engine, made.path)
    path = back_up(made.path, why="template")  # each copy of a backup is a database of its own, see core.store.watch
    store.close_store(made)
    return path


@pytest.fixture
def real_migrations() -> None:
    """Let the migrations make each new store of the test."""


@pytest.fixture(autouse=True)
def new_stores_are_copies(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, migrated: Path) -> None:
    """Copy the file ``migrated`` where a test opens a new SQLite store: the migrations take ten times as long.

    A test about the migrations asks for ``empty_url`` or ``real_migrations``, and gets no copy.
    """
    if {"empty_url", "real_migrations"} & set(request.fixturenames):
        return
    bring_up_to_date = connection._bring_up_to_date

    def copy_or_open(new: store.Store) -> None:
        if new.path is None or (new.path.exists() and new.path.stat().st_size):
            bring_up_to_date(new)
            return
        shutil.copyfile(migrated, new.path)
        connection.prepare(new.path)  # a mark of its own
        warn_if_lost(new.path)

    monkeypatch.setattr(connection, "_bring_up_to_date", copy_or_open)


@pytest.fixture(scope="session", autouse=True)
def new_registries_are_copies() -> Iterator[None]:
    """Copy a store of MLflow where a test opens a new one: to make its tables takes a second."""
    open_client = model_store._client

    def make(folder: Path) -> None:
        open_client(f"sqlite:///{folder / 'mlflow.db'}")

    def copy_or_open(uri: str) -> object:
        file = model_store.sqlite_file(uri)
        if file is not None and not file.exists():
            shutil.copyfile(once.folder("mlflow", make) / "mlflow.db", file)
        return open_client(uri)

    with patch.object(model_store, "_client", copy_or_open):
        yield


@pytest.fixture(scope="session", autouse=True)
def models_are_read_once() -> Iterator[None]:
    """Read the same bytes of a model once in a process: it takes half a second."""
    read = cache(bundle.load_pipeline)
    with patch.object(bundle, "load_pipeline", lambda data, *, where: read(data, where=where)):
        yield


@pytest.fixture(params=postgres.KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path, migrated: Path) -> str:
    """Address of a database with tables and no rows, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copy(migrated, tmp_path)}"
    return request.getfixturevalue("postgres_server").new_store()


@pytest.fixture
def opened(url: str) -> Iterator[store.Store]:
    """An empty store, of each kind of database."""
    db = store.open_store(url)
    yield db
    store.close_store(db)
