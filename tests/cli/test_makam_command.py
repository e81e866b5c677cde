"""The command ``python -m core makam``: one line of JSON for each file, layers, and refused files."""

import json

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from core import __main__, store
from core.audio.decoding import content_hash
from core.makam.synthesis import Score, render
from core.settings import Settings


@pytest.fixture
def song(tmp_path, monkeypatch):
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TME_DATABASE_URL", "")
    score = Score("Rast", 220.0, (0.0, 9.0, 17.0, 22.0, 9.0, 0.0), (0.8, 0.8, 0.8, 0.8, 0.8, 1.6))
    soundfile.write(tmp_path / "şarkı.flac", render(score, "blown", sr=22050), 22050)
    return tmp_path / "şarkı.flac"


def run(*words):
    return CliRunner().invoke(__main__.app, ["makam", *map(str, words)])


def test_a_file_gives_one_line_and_its_layers(song, tmp_path):
    ended = run(song, "--layer", "midi", "--layer", "csv", "--out", tmp_path)
    assert ended.exit_code == 0, ended.output
    line = json.loads(ended.stdout)
    assert abs(1200 * np.log2(line["karar_hz"] / 220)) % 1200 < 12
    assert (line["karar_from"], line["makam_is"], line["makam_suggestions"]) == ("measured", "not enough", [])
    assert (tmp_path / "şarkı.mid").read_bytes().startswith(b"MThd")
    assert (tmp_path / "şarkı.csv").read_text("utf-8-sig").startswith("# Turkish Music Emotion")


def test_a_corrected_karar_comes_first(song):
    run(song)
    store.correct_karar(store.open_store(Settings().database), content_hash(song.read_bytes()), 330.0)
    line = json.loads(run(song).stdout)
    assert (line["karar_hz"], line["karar_from"]) == (330.0, "person")


def test_a_bad_file_costs_only_itself(song, tmp_path):
    (tmp_path / "text.wav").write_text("no audio")
    ended = run(tmp_path / "text.wav", tmp_path / "none.wav", song)
    assert ended.exit_code == 2
    assert json.loads(ended.stdout.splitlines()[-1])["file"] == str(song)


def test_layers_need_a_folder(song, tmp_path):
    ended = run(song, "--layer", "csv", "--out", tmp_path / "none")
    assert "there is no folder" in str(ended.exception)


def test_a_layer_never_replaces_a_file(song, tmp_path):
    (tmp_path / "şarkı.csv").write_text("mine")
    ended = run(song, "--layer", "csv", "--out", tmp_path)
    assert "is there already" in str(ended.exception)
    assert ended.stdout == ""
    assert (tmp_path / "şarkı.csv").read_text() == "mine"


def test_two_files_of_one_name_do_not_share_a_layer(song, tmp_path):
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / song.name
    other.write_bytes(song.read_bytes())
    ended = run(song, other, "--layer", "csv", "--out", tmp_path)
    assert "would have the same name" in str(ended.exception)
    assert not (tmp_path / "şarkı.csv").exists()


def test_a_file_that_is_not_there_is_named_before_the_others_are_measured(song, tmp_path):
    lines = run(song, tmp_path / "none.wav").stderr.splitlines()
    assert "none.wav: There is no such file." in lines[0]
    assert lines[1] == f"File 1 of 1: {song}"
