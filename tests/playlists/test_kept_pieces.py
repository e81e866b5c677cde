"""The kept table of pieces says what the store says, and is made again when the store or the file has changed."""

import pandas as pd
import pytest

from core import store
from core.access import Person, Role, Setting
from core.models.policy import Policy
from core.models.reference import read_reference
from core.pipeline import kept_audio
from core.playlists import kept_pieces
from core.playlists.sound import recordings_of
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
    assert len(folders(settings)) == 1


def test_a_damaged_file_is_made_again(opened, settings):
    made = ask(opened, settings)
    (folder,) = folders(settings)
    (folder / "pieces.arrow").write_bytes(b"not a table")
    pd.testing.assert_frame_equal(ask(opened, settings).pieces, made.pieces)
    assert (folder / "pieces.arrow").stat().st_size > 100


def test_only_the_newest_file_stays_and_nobody_else_reads_it(opened, settings):
    first = ask(opened, settings).pieces.iloc[0]
    (before,) = folders(settings)
    store.set_track(opened, first["clip_id"], title="Yeni ad")
    ask(opened, settings)
    (after,) = folders(settings)
    assert after != before
    assert after.parent.stat().st_mode & 0o077 == 0


def test_a_file_that_a_change_overtook_is_removed(opened, settings, monkeypatch):
    write = kept_pieces._write

    def slow(folder, found):
        write(folder, found)
        store.set_track(opened, found.pieces.iloc[0]["clip_id"], title="Yeni ad")

    monkeypatch.setattr(kept_pieces, "_write", slow)
    ask(opened, settings)
    assert folders(settings) == []


def test_the_files_are_removed_when_a_clip_is_erased(opened, settings):
    person = Person(Role.VISITOR, "Ayşe", session="a" * 32, setting=Setting.OPEN)
    own = opened.asked_by(lambda: person)
    ask(opened, settings)
    assert folders(settings)
    for clip_id in ("b" * 64, "c" * 64):  # the second time there is no file to remove
        store.add_clip(opened, clip_id, file_name="b.wav", duration_s=3, sr=44100, origin="upload")
        store.claim_clip(own, clip_id, shared=False)
        kept_audio.erase_clip(own, clip_id, settings=settings)
        assert not settings.pieces_dir.exists()


def test_equal_recordings_are_looked_for_once_for_each_state(opened, settings, monkeypatch):
    reference = read_reference(settings.champion_dir / "reference.json")
    clips = ask(opened, settings).parts
    given = {"model_version": "m", "policy": Policy()}
    made = kept_pieces.alike_by_sound(opened, settings, clips, reference, **given)
    (folder,) = folders(settings)
    assert (folder / "alike.arrow").is_file()
    monkeypatch.setattr(kept_pieces, "alike_pieces", None)  # a second search would fail
    again = kept_pieces.alike_by_sound(opened, settings, clips, reference, **given)
    pd.testing.assert_frame_equal(made, again)
    assert recordings_of(made).index.tolist() == sorted(set(clips["content_hash"]))
