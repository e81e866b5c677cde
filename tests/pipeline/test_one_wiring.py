"""One wiring: the same file leaves the same rows whichever way it came, compared column by column."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import sqlalchemy as sa

from core import store as db
from core.audio.decoding import inspect
from core.library.run import score_library
from core.models.policy import Policy
from core.pipeline import scoring, serving, window_scoring
from core.records import Plan
from core.settings import ROOT, Settings
from core.windows import spans

pytestmark = pytest.mark.xdist_group("wiring")  # what all of its tests need is made once
POLICY = Policy()
WINDOWS = Plan(window_s=30, hop_s=30)
TAGS = {"artist": "Safiye Ayla", "title": "Yanık Ömer", "album": "Kayıtlar", "makam": "Hicaz", "usul": "Aksak"}
MAY_DIFFER = {
    "clips": {
        "origin": "names the way by which the file came",
        "path": "a library's file stays where it is; of an upload the audio is kept elsewhere, or not at all",
        "track_id": "a library's track is named by its folder, too; the track of an upload belongs to this file alone",
        "created_at": "the moment of storing",
    },
    "features": {"created_at": "the moment of storing"},
    "predictions": {
        "id": "a counter",
        "created_at": "the moment of storing",
        "latency_s": "how long a person waited; nobody waits for one file of a library",
    },
    "tracks": {"id": "as track_id", "source": "the folder, which only a library has", "created_at": "of storing"},
}


@pytest.fixture(scope="module")
def served() -> serving.Served:
    """The committed model, which is its own challenger, so that rows of both roles are compared."""
    alone = serving.serve(Settings(mlflow_uri="sqlite:////nowhere/mlflow.db", models_dir=ROOT / "models"))
    return serving.Served(alone.model, alone.reference, alone.background, alone.policies, shadow=alone)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wiring")


@pytest.fixture(scope="module")
def file(folder: Path) -> Path:
    """Two channels, not at 44.1 kHz, longer than an excerpt, with tags, and silent in one window."""
    sr = 16_000
    t = np.arange(100 * sr) / sr
    y = 0.3 * np.sin(2 * np.pi * 220 * t) * (1 + 0.5 * np.sin(9 * t))
    y[(t > 59) & (t < 91)] = 0
    path = folder / "music" / "Kaset" / "ömer.flac"
    path.parent.mkdir(parents=True)
    with soundfile.SoundFile(path, "w", sr, 2) as out:
        out.artist, out.title, out.album = TAGS["artist"], TAGS["title"], TAGS["album"]
        out.comment = f"makam: {TAGS['makam']}; usul: {TAGS['usul']}"
        out.write(np.stack([y, 0.5 * y], axis=1))
    return path


def rows(opened: db.Store, table: str) -> list[dict]:
    """All rows of a table, with the columns that may differ left out."""
    with opened.engine.connect() as connection:
        found = connection.execute(sa.text(f"SELECT * FROM {table}")).mappings().all()  # noqa: S608 - our own names
    kept = [{name: value for name, value in row.items() if name not in MAY_DIFFER[table]} for row in found]
    return sorted(kept, key=lambda row: [str(row.get(n)) for n in ("id", "clip_id", "role", "title")])


def same(column: str, here: object, there: object) -> bool:
    """Equal; but the last digits of probabilities depend on how many clips the model was asked about together."""
    return here == (pytest.approx(there, abs=1e-12) if column.startswith("p_") or column == "margin" else there)


def compare(one: db.Store, other: db.Store) -> None:
    for table, columns in MAY_DIFFER.items():
        here, there = rows(one, table), rows(other, table)
        assert len(here) == len(there) > 0, table
        for a, b in zip(here, there, strict=True):
            assert list(a) == list(b)
            different = {name: (a[name], b[name]) for name in a if not same(name, a[name], b[name])}
            assert not different, f"{table}: {different}; only {sorted(columns)} may differ"


def store_of(place: Path, name: str) -> db.Store:
    return db.open_store(f"sqlite:///{place / name}.db")


def upload(opened: db.Store, file: Path, served: serving.Served, name: str = "") -> scoring.ScoredClip:
    return scoring.score_clip(file.read_bytes(), name or file.name, served, policy=POLICY, store=opened)


def scan(opened: db.Store, folder: Path, out: Path, served: serving.Served, plan: Plan | None = None) -> None:
    given = {"served": served, "policy": POLICY, "store": opened, "plan": plan or Plan()}
    assert score_library(str(folder / "music"), str(out / "out.csv"), **given).scored == 1


@pytest.fixture(scope="module")
def first(folder: Path, file: Path, served: serving.Served) -> dict[str, Path]:
    """Stores with the file, as files to copy: it was uploaded, and it was in a library."""
    made = {}
    for way in ("upload", "library"):
        opened = store_of(folder, way)
        if way == "upload":
            assert upload(opened, file, served).problem == ""
        else:
            scan(opened, folder, folder, served)
        db.close_store(opened)
        made[way] = db.back_up(opened.path)
    return made


def copy_of(first: dict[str, Path], way: str, tmp_path: Path) -> db.Store:
    shutil.copyfile(first[way], tmp_path / f"{way}.db")
    return store_of(tmp_path, way)


def test_an_upload_leaves_the_rows_of_the_same_file_in_a_library(tmp_path, first):
    uploads = copy_of(first, "upload", tmp_path)
    compare(uploads, copy_of(first, "library", tmp_path))
    (clip,) = (row for row in rows(uploads, "clips") if not row["part_of"])  # a long file has further windows
    assert (clip["channels"], clip["file_duration_s"], clip["sr"]) == (2, 100.0, 16_000)
    assert -40 < clip["lufs"] < -5
    (track,) = rows(uploads, "tracks")
    assert {name: track[name] for name in TAGS} == TAGS


def test_windows_of_a_recording_leave_the_rows_of_the_same_windows_in_a_library(tmp_path, folder, file, served):
    windows = store_of(tmp_path, "windows")
    source = inspect(file.read_bytes(), file.name)
    cut = spans(source.duration_s, length_s=WINDOWS.window_s, hop_s=WINDOWS.hop_s)
    scored = list(window_scoring.score_windows(source, served, spans=cut, policy=POLICY, store=windows))
    assert [window.proba is None for window in scored] == [False, False, True, False]
    for window in scored:
        if window.result is not None:
            window_scoring.keep_window(window, served, windows)
    library = store_of(tmp_path, "library")
    scan(library, folder, tmp_path, served, WINDOWS)
    compare(windows, library)
    assert len(rows(windows, "clips")) == 3


@pytest.mark.parametrize("before", ["upload", "library"])
def test_a_file_that_comes_by_both_ways_has_the_same_rows_whichever_was_first(
    tmp_path, folder, file, served, first, before
):
    """What was stored first stays; the second way finds nothing to add."""
    opened = copy_of(first, before, tmp_path)
    if before == "library":
        upload(opened, file, served)
    known = {table: rows(opened, table) for table in ("clips", "features", "predictions")}
    scan(opened, folder, tmp_path, served)
    assert {table: rows(opened, table) for table in known} == known


def test_an_upload_without_tags_gets_no_track_that_others_of_its_name_would_share(tmp_path, served):
    opened = store_of(tmp_path, "uploads")
    data = [(ROOT / "tests" / "golden" / f"{name}.flac").read_bytes() for name in ("tone_0p9s", "arpeggio_6s")]
    for one in data:
        scoring.score_clip(one, "recording.wav", served, policy=POLICY, store=opened, origin="recording")
    assert db.clips_table(opened)["track_id"].isna().tolist() == [True, True]


def test_a_second_upload_does_not_overwrite_what_a_person_said_of_the_music(tmp_path, file, served, first):
    opened = copy_of(first, "upload", tmp_path)
    (clip,) = (row for row in rows(opened, "clips") if not row["part_of"])
    db.set_track(opened, clip["id"], makam="Hüzzam", artist="")
    upload(opened, file, served, "b.flac")
    (track,) = rows(opened, "tracks")
    assert (track["makam"], track["artist"], track["title"]) == ("Hüzzam", "", TAGS["title"])
