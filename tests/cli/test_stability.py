"""The command stability: a folder or the table, files for other programs, and the model card."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import soundfile
from typer.testing import CliRunner

from core.__main__ import app
from core.audio import synthetic
from core.errors import CoreError
from core.models.bundle import load_bundle
from core.schema import SR
from core.settings import ROOT


@pytest.fixture
def installation(tmp_path: Path, monkeypatch) -> Path:
    """A data folder and models of its own."""
    shutil.copytree(ROOT / "models" / "champion", tmp_path / "models" / "champion")
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TME_MODELS_DIR", str(tmp_path / "models"))
    return tmp_path


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    y = synthetic.render(next(iter(synthetic.DEMOS.values())))[: 3 * SR]
    soundfile.write(folder / "tune.wav", y, SR)
    (folder / "broken.wav").write_bytes(b"RIFF")
    return folder


def call(*words: object):
    return CliRunner().invoke(app, ["stability", *map(str, words)], catch_exceptions=True)


def test_a_folder_goes_to_the_terminal_to_files_and_to_the_card(installation, music):
    csv, out = installation / "s.csv", installation / "s.json"
    champion = installation / "models" / "champion"
    version = load_bundle(champion).model.version
    for _ in range(2):  # a second measurement replaces the first one
        done = call(music, "--model", "repository", "--csv", csv, "--json", out, "--card")
        assert done.exit_code == 0, done.exception
    assert "−20 dB" in done.output
    assert "broken.wav was not used" in done.output
    table = pd.read_csv(csv)
    assert table.query("change == '−20 dB' and measure == 'other_guess'")["value"].tolist() == [0]
    assert len(json.loads(out.read_text(encoding="utf-8"))) == len(table)
    bundle = load_bundle(champion)  # all hashes are right
    assert bundle.model.version == version
    lines = json.loads((champion / "metrics.json").read_text(encoding="utf-8"))["stability"]
    assert sum(line["music"] == "1 audio files" for line in lines) == len(table)
    card = (champion / "card.md").read_text(encoding="utf-8")
    assert card.count("## Stability") == 1
    assert "| 1 audio files | −20 dB | 1 | 0.0 % (0.0 to 79.3) |" in card


def test_the_table_needs_no_audio(installation, table_path, monkeypatch):
    monkeypatch.setenv("TME_TABLE", str(table_path))
    done = call("--table", "--model", "repository")
    assert done.exit_code == 0, done.exception
    assert "held-out clips of the table" in done.output
    assert "−12 dB" in done.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Give either a folder with music or --table"),
        (["--table", "here"], "Give either a folder with music or --table"),
        (["/no/such/folder"], "is not a folder"),
        (["--table", "--card"], "Use --card with --model repository"),
        (["--table", "--model", "best"], "neither champion, challenger or repository"),
    ],
)
def test_refusals(installation, words, sentence):
    done = call(*words)
    assert isinstance(done.exception, CoreError)
    assert sentence in str(done.exception)
