"""Labels on the command line: a dry run by default, accounts and controls by options, and the ZIP for Label Studio."""

import csv
import io
import zipfile
from pathlib import Path

import label_studio_cases as cases
import pytest
from answers import stored_answers
from typer.testing import CliRunner

from core import store
from core.__main__ import app
from core.errors import CoreError
from core.settings import Settings

FOLDER = Path(__file__).parent.parent / "label_studio"


@pytest.fixture
def opened(tmp_path, monkeypatch):
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("TME_DATABASE_URL", raising=False)
    db = store.open_store(Settings().database)
    yield db
    store.close_store(db)


@pytest.fixture
def clips(opened):
    """The clips, of which nobody has said anything."""
    for clip_id, name in zip(cases.IDS, cases.NAMES, strict=True):
        store.add_clip(opened, clip_id, file_name=name, duration_s=0.5, sr=44100)
    return opened


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def rows(result):
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_a_dry_run_says_row_by_row_what_would_happen_and_stores_nothing(clips):
    result = run("import-labels", FOLDER / "ours.csv")
    assert result.exit_code == 2
    refused = [row for row in rows(result) if row["action"] == "refused"]
    assert len(refused) == 7
    assert all("has no rater yet. Choose a rater" in row["why"] for row in refused)
    assert "6 add, 0 change, 0 same, 0 left out, 7 refused." in result.stderr
    assert store.feedback_table(clips).empty


def test_accounts_are_named_and_the_answers_stored(clips):
    result = run("import-labels", FOLDER / "ours.json", "--account", "1=Ece", "--account", "2=Naz", "--store")
    assert result.exit_code == 0, result.output
    assert "11 answers were stored, of " in result.stderr
    assert "2 settlements were stored, of " in result.stderr
    assert "Left out: 1 row: The task was skipped in Label Studio without a known reason." in result.stderr
    assert cases.answers(clips) == cases.expected("JSON")


def test_an_account_that_the_file_does_not_have_is_refused_with_those_it_has(clips):
    result = run("import-labels", FOLDER / "ours.csv", "--account", "7=Ece")
    assert isinstance(result.exception, CoreError)
    words = str(result.exception)
    assert words.startswith("'7=Ece' does not name an account of the file. Write it as in 1=Ayşe.")
    assert "The file has these accounts: " in words


def test_the_control_is_asked_for_and_given_by_an_option(clips):
    asked = run("import-labels", FOLDER / "foreign.tsv")
    assert "Choose one of: felt, perceived" in str(asked.exception)
    given = run("import-labels", FOLDER / "foreign.tsv", "--control", "felt", "--account", "1=Ece", "--account", "2=")
    assert given.exit_code == 0
    assert [row["action"] for row in rows(given)].count("add") == 5
    assert "These columns were ignored: instruments, perceived, sureness." in given.stderr


def test_rows_without_a_rater_need_to_be_somebody_s(clips, tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text("sep=;\nfile_name;label;comment\n04.flac;Mutlu;=1+1\n", encoding="utf-8")
    assert "Rows without a rater: 1. Give the name of the rater with --by." in str(run("import-labels", file).exception)
    result = run("import-labels", file, "--by", "Boss", "--store")
    assert result.exit_code == 0
    said = stored_answers(clips)
    assert said[["rater", "label", "comment"]].to_numpy().tolist() == [["Boss", "happy", "=1+1"]]


def test_a_file_that_is_not_there_is_a_sentence(clips, tmp_path):
    assert "cannot be read: No such file" in str(run("import-labels", tmp_path / "gone.csv").exception)


def test_the_zip_is_written_whole(opened, tmp_path):
    cases.fill(opened, Settings())
    target = tmp_path / "clips.zip"
    result = run("export-labels", target)
    assert f"{target} holds 5 clips." in result.stdout
    assert len(zipfile.ZipFile(target).namelist()) == 5 + 3
    assert sorted(path.name for path in tmp_path.glob("*clips.zip*")) == ["clips.zip"]
    assert "cannot be written: No such file" in str(run("export-labels", tmp_path / "gone" / "clips.zip").exception)
    assert "'some' is not a known selection of clips" in str(run("export-labels", target, "--which", "some").exception)
