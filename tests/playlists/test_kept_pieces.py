"""The kept table of pieces says what the store says, and is made again when the store or the file has changed."""

import pandas as pd
import pytest

from core import store
from core.models.policy import Policy
from core.playlists import kept_pieces
from core.settings import Settings
from tests.mood_library import stored

TABLES = ("pieces", "parts", "places", "ranks", "text")


@pytest.fixture
def opened(tmp_path):
    db = store.open_store(f"sqlite:///{tmp_path / 'feedback.db'}")
    stored(db, tmp_path / "müzik", each=2)
    yield db
    store.close_store(db)


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path)


def ask(opened, settings):
    return kept_pieces.library_pieces(opened, settings, model_version="m", policy=Policy())


def folders(settings):
    return sorted((settings.cache_dir / "pieces").iterdir())


def test_the_file_gives_the_same_tables_and_asks_the_store_only_for_its_state(opened, settings, monkeypatch):
    made = ask(opened, settings)
    assert len(made.pieces) == 8
    monkeypatch.setattr(kept_pieces, "library_table", None)  # a second reading of the store would fail
    again = ask(opened, settings)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(made, name), getattr(again, name))


def test_a_correction_makes_it_anew(opened, settings):
    made = ask(opened, settings)
    piece = made.pieces.iloc[0]
    store.set_track(opened, piece["clip_id"], title="Yeni ad")
    assert ask(opened, settings).pieces.loc[piece.name, "title"] == "Yeni ad"
    assert len(folders(settings)) == 2


def test_a_damaged_file_is_made_again(opened, settings):
    made = ask(opened, settings)
    (folder,) = folders(settings)
    (folder / "pieces.arrow").write_bytes(b"not a table")
    pd.testing.assert_frame_equal(ask(opened, settings).pieces, made.pieces)
    assert (folder / "pieces.arrow").stat().st_size > 100


def test_the_oldest_files_are_removed(opened, settings, monkeypatch):
    monkeypatch.setattr(kept_pieces, "MOST_MB", 0)
    first = ask(opened, settings).pieces.iloc[0]
    (before,) = folders(settings)
    store.set_track(opened, first["clip_id"], title="Yeni ad")
    ask(opened, settings)
    assert folders(settings) != [before]
    assert len(folders(settings)) == 1
