"""Fixtures shared by all tests: where the tables and reference clips are, and a store of its own for each test."""

import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import settings

settings.register_profile("any speed", deadline=None)  # no test asserts a time
settings.load_profile("any speed")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
GOLDEN = ROOT / "tests" / "golden"


def _table_path() -> Path:
    return Path(os.environ.get("TME_TABLE") or SHARED / "data" / "Acoustic Features.csv")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the files that are read in place and never committed."""
    if not SHARED.is_dir():
        pytest.skip("the folder 'shared' with reference files is not beside the repository")
    return SHARED


@pytest.fixture(scope="session")
def table_path() -> Path:
    """The published table as a file."""
    path = _table_path()
    if not path.is_file():
        pytest.skip("the published table is not at hand: set TME_TABLE to its path")
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
        pytest.skip("the modified table is not in the shared folder")
    return path
