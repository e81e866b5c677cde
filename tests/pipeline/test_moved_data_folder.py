"""The data folder is moved: registry, triggers, promotion, rescoring, kept audio and uploaded music go on."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import labelled
import numpy as np
import pytest
from libraries import tiny
from owner import OWNER
from registered import discriminant, log, training_run

from core import store
from core.audio.decoding import Clip, content_hash
from core.dataset import stand_in
from core.dataset.table import as_table
from core.errors import AudioError
from core.library.places import save_uploads
from core.models import connection, registry
from core.models.connection import connect, ui_command
from core.models.explanation import make_background
from core.models.tracking import log_run
from core.pipeline import kept_audio
from core.pipeline.serving import serve
from core.records import LibraryEntry, LibraryFile
from core.schema import EMOTIONS, LABEL, SR
from core.settings import ROOT, Settings
from core.training import retraining, status
from core.training.promotion import promote
from core.training.run_tables import candidate_figures

pytestmark = pytest.mark.xdist_group("moved data folder")  # what all of its tests need is made once


@pytest.fixture(scope="module")
def table():
    return stand_in.sample(n_per_class=60)


@pytest.fixture(scope="module")
def installation(tmp_path_factory, table):
    """An installation with a champion, a challenger, a clip and an uploaded file, whose data folder was moved."""
    place = tmp_path_factory.mktemp("installation")
    old = Settings(data_dir=place / "old", models_dir=place / "models", mlflow_uri="", database_url="")
    db = store.open_store(old.database)
    run = training_run(table, discriminant())
    for _ in range(2):
        log_run(run, ROOT / "models" / "champion", figures=candidate_figures(run), settings=old)
        if registry.find("champion", settings=old) is None:
            assert promote(old, by=OWNER).passed
    assert [registry.find(alias, settings=old).version for alias in ("champion", "challenger")] == ["1", "2"]
    y = 0.5 * np.sin(2 * np.pi * 440 * np.arange(SR) / SR)
    clip = Clip(content_hash(y.tobytes()), y, SR)
    path = kept_audio.keep_audio(clip, old.clips_dir)
    store.add_clip(db, clip.clip_id, file_name="tone.wav", duration_s=1, sr=SR, path=path)
    song = tiny(1)
    sent = save_uploads([("song.wav", song)], old, by=OWNER) / "song.wav"
    song_id = content_hash(song)
    file = LibraryFile(str(sent), "excerpt", len(song), "s", "scored", content_hash=song_id)
    store.save_files(db, [LibraryEntry(file)])
    store.add_clip(db, song_id, file_name="song.wav", duration_s=1, sr=SR, path=str(sent), origin="library")
    music = labelled.music(5)
    labelled.keep_clips(db, music)
    labelled.answer(db, music)
    labelled.predict(db, music, np.tile([0.4, 0.3, 0.2, 0.1], (len(music), 1)), version="m0")
    store.close_store(db)
    shutil.move(old.data_dir, place / "new")
    return SimpleNamespace(old=old.data_dir, new=place / "new", clip=clip, song=song_id, music=music)


@pytest.fixture
def moved(tmp_path, installation):
    """A copy of the moved installation for each test, with its store open."""
    data, models = tmp_path / "mounted" / "data", tmp_path / "models"
    shutil.copytree(installation.new, data)
    settings = Settings(data_dir=data, models_dir=models, mlflow_uri="", database_url="")
    db = store.open_store(settings.database)
    yield SimpleNamespace(**vars(installation), settings=settings, store=db)
    store.close_store(db)
    assert not installation.old.exists()  # nothing was written where the folder was


def test_models_are_found_promoted_rolled_back_and_registered(moved, table):
    settings = moved.settings
    for alias, version in (("champion", "1"), ("challenger", "2")):
        bundle = registry.load(alias, settings=settings)
        assert bundle.model.source == f"registry ({alias}, version {version})"
        assert bundle.folder.is_relative_to(settings.artifacts_dir)
    assert promote(settings, by=OWNER).passed
    assert registry.rollback(settings=settings, by=OWNER) == "1"
    run = training_run(table, discriminant())
    assert log(run, make_background(table, table[LABEL]), settings) == "3"
    folder = registry.find("challenger", settings=settings).folder
    assert (folder / "MLmodel").is_file()
    assert folder.is_relative_to(settings.artifacts_dir)


def test_stored_clips_are_scored_anew_and_triggers_are_told(moved, table):
    count = retraining.rescore(moved.store, moved.settings, progress=lambda *_: None)
    assert count == 2 * len(moved.music)  # by the champion and by the challenger
    published = as_table(table, origin="a test", synthetic=False)
    found = status.training_status(moved.store, moved.settings, published, serve(moved.settings))
    assert found.pending_challenger == registry.load("challenger", settings=moved.settings).model.version
    assert {t.name: t.value for t in found.triggers}["new_labels"] > 0


def test_kept_audio_and_uploaded_music_are_heard(moved):
    table = store.clips_table(moved.store).set_index("clip_id")
    for clip_id, duration_s in ((moved.clip.clip_id, 1.0), (moved.song, 1.0)):
        path = table.loc[clip_id, "path"]
        kept = kept_audio.load_audio(clip_id, path, start_s=0, duration_s=duration_s, settings=moved.settings, by=OWNER)
        assert kept.clip.clip_id == clip_id


def test_a_clip_that_is_deleted_takes_its_uploaded_file_with_it(moved):
    (song,) = moved.settings.uploads_dir.rglob("song.wav")
    kept_audio.delete_clip(moved.store, moved.song, settings=moved.settings)
    assert not song.exists()
    with pytest.raises(AudioError, match="no longer there"):
        kept_audio.load_audio(moved.song, str(song), start_s=0, duration_s=1, settings=moved.settings, by=OWNER)


def test_the_answer_that_is_kept_of_the_registry_holds_no_place_of_the_machine(moved):
    registry.find("champion", settings=moved.settings)
    kept = (moved.settings.cache_dir / "registry_champion.json").read_text()
    assert '"place": "mlartifacts/' in kept


def test_a_registry_outside_the_data_folder_finds_the_moved_files(moved, tmp_path):
    """The file of the registry is the same as before, so only the kept answer could be old."""
    outside = tmp_path / "registry.db"
    shutil.copy(Path(moved.settings.mlflow.removeprefix("sqlite:///")), outside)
    here = moved.settings.model_copy(update={"mlflow_uri": f"sqlite:///{outside}"})
    assert registry.find("champion", settings=here).folder.is_relative_to(here.artifacts_dir)
    again = tmp_path / "again"
    shutil.move(here.data_dir, again)
    there = here.model_copy(update={"data_dir": again})
    assert registry.find("champion", settings=there).folder.is_relative_to(again)
    shutil.move(again, here.data_dir)


def test_mlflows_own_page_finds_the_moved_files(moved):
    client = connect(moved.settings)
    run_id = client.get_model_version(connection.NAME, "1").run_id
    assert client.list_artifacts(run_id) == []  # it looks where the folder was
    ui_command(moved.settings, port=5000)
    assert "held_out.csv" in [file.path for file in client.list_artifacts(run_id)]
    folder = registry.find("champion", settings=moved.settings).folder
    assert client.get_model_version_download_uri(connection.NAME, "1") == folder.as_uri()


def test_a_copy_of_the_data_folder_uses_its_own_files(moved, tmp_path):
    shutil.copytree(moved.settings.data_dir, tmp_path / "copy")
    copy = moved.settings.model_copy(update={"data_dir": tmp_path / "copy"})
    assert registry.find("champion", settings=copy).folder.is_relative_to(tmp_path / "copy")
    assert registry.load(settings=copy).model.classes == EMOTIONS
