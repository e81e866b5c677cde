"""A database that version 0.2 made opens, is upgraded, and holds the same rows.

``golden/store_0_2.sql`` is the dump (``sqlite3.Connection.iterdump``) of a database that version 0.2 made: a library of
two files with sound (one has a silent window) and one without, scored as excerpts and as windows of 30 s every 15 s; an
uploaded clip with an answer and a makam that a person gave; a setting.
"""

import json
import sqlite3
from pathlib import Path

import pytest

from core import store
from core.access import Person, Role, Setting
from core.features import EXTRACTOR
from core.models.policy import Policy
from core.records import Window
from core.store.schema import HEAD

DUMP = Path(__file__).parent.parent / "golden" / "store_0_2.sql"
FILE = "/music/Kaset/yarısı sessiz.flac"
HASH = "8b0a7bba180872f2c909292b004c88801582b64d85243179660c5fbf6522ff5d"
TABLES = ("clips", "features", "feedback", "jobs", "labels", "predictions", "raters", "settings", "tracks")


def restored(path: Path) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(DUMP.read_text(encoding="utf-8"))
    connection.close()
    return path


def content(path: Path, table: str) -> list[dict]:
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    found = [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608 - our own names
    connection.close()
    return sorted(found, key=lambda row: list(map(str, row.values())))


@pytest.fixture
def before(tmp_path) -> Path:
    return restored(tmp_path / "before.db")


@pytest.fixture
def opened(tmp_path):
    opened = store.open_store(f"sqlite:///{restored(tmp_path / 'feedback.db')}")
    yield opened
    store.close_store(opened)


def test_every_row_is_as_it_was_and_windows_have_names(before, opened):
    assert content(before, "alembic_version") == [{"version_num": "0006"}]
    assert content(opened.path, "alembic_version") == [{"version_num": HEAD}]
    for table in TABLES:
        old, new = (content(path, table) for path in (before, opened.path))
        name = {"clips": "track_id", "tracks": "id"}.get(table)
        if name:  # each file has a track of its own now
            old, new = (sorted(({**row, name: ""} for row in rows), key=str) for rows in (old, new))
        assert [{name: row[name] for name in was} for row, was in zip(new, old, strict=True)] == old, table
    assert len(content(before, "predictions")) == 7
    for old, new in zip(content(before, "files"), content(opened.path, "files"), strict=True):
        was, now = json.loads(old.pop("windows")), json.loads(new.pop("windows"))
        assert [list(window) for window in now] == [["start_s", "end_s", "clip_id", "remark"]] * len(was)
        assert [list(window.values()) for window in now] == was
        if old["state"] == "refused":  # looked at again: more formats are read now
            old["stamp"] = ""
        assert {name: new[name] for name in old} == old


def test_files_and_their_windows_read_as_before(opened):
    silent = "yarısı sessiz.flac is silent from 36.0 s on. Choose a file, or a part of it, with music."
    (file,) = store.known_files(opened, "30/15", [FILE]).values()
    assert (file.state, file.content_hash, file.duration_s, file.extractor) == ("scored", HASH, 66.0, EXTRACTOR)
    assert file.windows == (
        Window(0.0, 30.0, f"{HASH}@0.000+30.000"),
        Window(15.0, 45.0, f"{HASH}@15.000+30.000"),
        Window(30.0, 60.0, f"{HASH}@30.000+30.000"),
        Window(36.0, 66.0, None, silent),
    )
    assert file.remarks[0].text.startswith("Sampled at 8 kHz")
    (bad,) = store.known_files(opened, "excerpt", ["/music/bozuk.wav"]).values()
    assert (bad.state, bad.windows, bad.remarks) == ("refused", (), ())


def test_clips_answers_and_decisions_read_as_before(opened):
    clips = store.clips_table(opened).set_index("file_name")
    assert clips["origin"].value_counts().to_dict() == {"library": 6, "upload": 1}
    assert (clips.loc["arpeggio.flac", "makam"], clips.loc["ton.wav", "channels"].tolist()) == ("Hüzzam", [2, 2])
    assert set(clips.loc["yarısı sessiz.flac", "artist"]) == {"Safiye Ayla"}
    (answer,) = store.feedback_table(opened).to_dict("records")
    assert (answer["rater"], answer["label"], answer["comment"]) == ("Ayşe", "sad", "ağır")
    policies = [Policy.from_json(text) for text in store.predictions_table(opened)["policy"]]
    assert [policy.kind for policy in policies].count("conformal") == 4
    assert store.get_setting(opened, "raters") == 2


def test_nothing_of_it_has_to_be_measured_or_predicted_again(opened):
    predictions = store.predictions_table(opened)
    excerpts = predictions[~predictions["clip_id"].str.contains("@")]
    for policy, part in predictions.groupby("policy"):
        given = {"model_version": part["model_version"].iloc[0], "extractor": EXTRACTOR}
        missing = store.unpredicted(opened, part["clip_id"].tolist(), policy=Policy.from_json(policy), **given)
        assert missing.empty
    assert len(excerpts) == 3


def test_whoever_brings_an_uploaded_clip_again_erases_only_the_own_answers(opened):
    (clip_id,) = store.clips_table(opened).query("origin == 'upload'")["clip_id"]
    before = store.feedback_table(opened, clip_id=clip_id)
    assert not before.empty
    person = opened.asked_by(lambda: Person(Role.VISITOR, "Ece", session="a" * 32, setting=Setting.OPEN))
    store.claim_clip(person, clip_id, shared=False)
    store.erase_own_clip(person, clip_id)
    assert store.feedback_table(opened, clip_id=clip_id)["feedback_id"].tolist() == before["feedback_id"].tolist()
