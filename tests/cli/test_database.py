"""The commands ``backup`` and ``restore``."""

import pytest
from typer.testing import CliRunner

from core import store
from core.__main__ import app


@pytest.fixture
def database(tmp_path, monkeypatch):
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("TME_DATABASE_URL", raising=False)
    return f"sqlite:///{tmp_path / 'feedback.db'}"


def run(*words):
    return CliRunner().invoke(app, list(words))


def names(url):
    opened = store.open_store(url)
    found = store.raters_table(opened)["rater"].tolist()
    store.close_store(opened)
    return found


def sign_in(url, name):
    opened = store.open_store(url)
    store.sign_in(opened, name, verified=False)
    store.close_store(opened)


def test_without_a_database_nothing_is_written(database, tmp_path):
    assert "nothing to copy" in str(run("backup").exception)
    assert not list(tmp_path.iterdir())


def test_a_restored_backup_replaces_the_database_and_the_replaced_file_stays(database, tmp_path):
    assert run("restore").output == "There are no backups.\n"
    sign_in(database, "Ece")
    copied = run("backup")
    assert copied.exit_code == 0
    (copy,) = store.backups(tmp_path / "feedback.db")
    assert f"python -m core restore {copy.name}" in copied.output
    sign_in(database, "Naz")
    assert run("restore").output.split() == [copy.name]
    restored = run("restore", copy.name)
    assert restored.exit_code == 0
    assert names(database) == ["Ece"]
    assert [path for path in tmp_path.iterdir() if path.name in restored.output and path != copy]


def test_the_name_of_a_backup_must_be_known(database):
    assert "There is no backup 'gone.db'" in str(run("restore", "gone.db").exception)


def test_a_server_has_its_own_tools(database, monkeypatch):
    monkeypatch.setenv("TME_DATABASE_URL", "postgresql://localhost/x")
    assert "pg_dump" in str(run("backup").exception)
