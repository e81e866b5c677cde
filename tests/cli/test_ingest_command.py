"""Command ingest: sound is measured once, the report says what happened, and a weekly run waits for its week."""

import libraries
import pandas as pd
import pytest
from typer.testing import CliRunner

from core import store
from core.__main__ import app
from core.errors import CoreError
from core.library.run import JOB
from core.pipeline import serving
from core.settings import Settings
from core.source_note import without_header


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path / "data"))
    for name in ("TME_DATABASE_URL", "TME_MLFLOW_URI", "TME_MODELS_DIR", "TME_LIBRARY_DIR"):
        monkeypatch.delenv(name, raising=False)
    libraries.settle(monkeypatch)
    return lambda *words: CliRunner().invoke(app, ["ingest", *map(str, words)])


def test_a_second_run_measures_nothing_and_a_weekly_one_waits(run, tmp_path):
    music = libraries.folder(tmp_path / "music", 2)
    (music / "copy.wav").write_bytes(libraries.tiny(0))
    (tmp_path / "music" / "list.csv").write_text(
        "title,address,licence,makam\nOne,album 0/0000.wav,CC0,Hicaz\nTwo,album 1/0001.wav,,\nAgain,copy.wav,,\n"
        "No sound,,,\n"
    )
    first = run(tmp_path / "music" / "list.csv", "--out", tmp_path / "items.csv")
    assert first.exit_code == 0, first.output
    assert "4 items listed, 4 new, 0 changed, 0 as before." in first.stdout
    assert "3 of 3 files scored, 0 not; 2 of them measured now" in first.stdout
    assert "No recording has several files." in first.stdout
    text = (tmp_path / "items.csv").read_text("utf-8-sig")
    assert text.startswith("# Turkish Music Emotion")
    (tmp_path / "table.csv").write_text(without_header(text))
    table = pd.read_csv(tmp_path / "table.csv").set_index("title")
    assert table.loc["One", "licence"] == "CC0"
    again = run(tmp_path / "music" / "list.csv")
    assert again.exit_code == 0
    assert "4 items listed, 0 new, 0 changed, 4 as before." in again.stdout
    assert "0 of them measured now" in again.stdout
    waiting = run(tmp_path / "music" / "list.csv", "--weekly")
    assert (waiting.exit_code, "It is read again after a week." in waiting.stdout) == (0, True)
    opened = store.open_store(Settings().database)
    pieces = store.library_table(opened, model_version=serving.serve(Settings()).model.version)
    assert pieces["makam"].tolist().count("Hicaz") == 1
    assert store.latest_job(opened, JOB).result["measured"] == 0
    assert store.latest_job(opened, "ingest").result["unchanged"] == 4


def test_a_weekly_run_goes_on_if_the_last_one_did_not_score_its_sound(run, tmp_path, monkeypatch):
    libraries.folder(tmp_path / "music", 1)

    def broken(*_, **__):
        raise CoreError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr("core.cli.library.score_folder", broken)
        assert str(run(tmp_path / "music").exception) == "The disk is full."
    again = run(tmp_path / "music", "--weekly")
    assert "1 of 1 files scored, 0 not; 1 of them measured now" in again.stdout


def test_another_search_for_copies_costs_neither_the_report_nor_the_file(run, tmp_path):
    libraries.folder(tmp_path / "music", 1)
    opened = store.open_store(Settings().database)
    store.start_job(opened, "copies")
    done = run(tmp_path / "music", "--out", tmp_path / "items.csv")
    assert done.exit_code == 0, done.output
    assert "Another search for copies is running." in done.stdout
    assert (tmp_path / "items.csv").is_file()
    assert store.source_state(opened, str(tmp_path / "music")).ended_at is not None


def test_a_file_that_cannot_be_scored_is_named_with_exit_status_1(run, tmp_path):
    (tmp_path / "list.csv").write_text("address\nmissing.wav\nhttp://127.0.0.1:9/a.wav\n")
    result = run(tmp_path / "list.csv")
    assert result.exit_code == 1
    assert "unread: missing.wav: There is no such file." in result.stdout
    assert "unread: http://127.0.0.1:9/a.wav: The server cannot be reached at this address." in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tidal:x",), "is not a known source"),
        (("nowhere.csv",), "cannot be read: No such file or directory"),
        (("nowhere",), "cannot be read: No such file or directory"),
        (("x.csv", "--max-mb", "nan"), "must be more than 0 MB"),
        (("x.csv", "--out", "x.txt"), "must end in .csv"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(run, words, said):
    result = run(*words)
    assert said in str(result.exception)
    assert "\n" not in str(result.exception)
