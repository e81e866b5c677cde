"""The command tag-moods: a dry run by default, writing and undo by options."""

from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from core import store
from core.__main__ import app
from core.audio.mood_tag import read_mood
from core.models.policy import Policy
from core.pipeline import serving
from core.settings import Settings
from tests.mood_library import stored


@pytest.fixture
def music(tmp_path, monkeypatch):
    """A scored folder of four FLAC files in the data folder of the command."""
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("TME_DATABASE_URL", raising=False)
    model = SimpleNamespace(model=SimpleNamespace(version="model-1"), policies={"threshold": Policy()})
    monkeypatch.setattr(serving, "serve", lambda settings: model)
    opened = store.open_store(Settings().database)
    stored(opened, tmp_path / "music", each=1)
    store.close_store(opened)
    return tmp_path / "music"


def run(*words):
    return CliRunner().invoke(app, ["tag-moods", *map(str, words)])


def test_a_dry_run_a_writing_and_an_undo(music):
    before = {path: path.read_bytes() for path in music.iterdir()}
    listed = run(music)
    assert listed.exit_code == 0, listed.output
    assert listed.stdout.count("none -> ") == 4
    assert "4 files would be changed, 0 cannot be changed." in listed.stdout
    assert {path: path.read_bytes() for path in music.iterdir()} == before
    assert "4 files were changed" in run(music, "--write").stdout
    assert all(read_mood(path.read_bytes()) for path in music.iterdir())
    assert "0 files would be changed" in run(music).stdout
    assert "-> none" in run(music, "--undo").stdout
    assert "4 files were changed" in run(music, "--undo", "--write").stdout
    assert {path: path.read_bytes() for path in music.iterdir()} == before


def test_a_file_that_cannot_be_changed_is_named(music):
    first = min(music.iterdir())
    first.chmod(0o444)
    result = run(music, "--write")
    assert result.exit_code == 1
    assert f"{first}: The file or its folder is read-only." in result.stdout
    assert "3 files were changed, 1 cannot be changed." in result.stdout
    assert run(music.parent / "elsewhere").stdout == "0 files would be changed, 0 cannot be changed.\n"
