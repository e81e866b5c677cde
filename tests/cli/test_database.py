"""The commands ``backup`` and ``restore``."""

import os
import subprocess

import psycopg
import pytest
from typer.testing import CliRunner

from core import store
from core.__main__ import app
from core.store import server_backup


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


@pytest.fixture
def server(tmp_path, monkeypatch, postgres_server):
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TME_DATABASE_URL", postgres_server.new_store())
    return postgres_server


@pytest.mark.postgres
def test_a_backup_of_postgresql_restores_a_fresh_database_and_replaces_a_newer_one(server, tmp_path, monkeypatch):
    url = os.environ["TME_DATABASE_URL"]
    sign_in(url, "Ece")
    assert run("restore").output == "There are no backups.\n"
    assert run("backup").exit_code == 0
    (copy,) = (tmp_path / "backups").iterdir()
    assert copy.stat().st_mode & 0o777 == 0o600
    sign_in(url, "Naz")
    change(url, "CREATE TABLE of_a_newer_version (id int)")
    restored = run("restore", copy.name)
    assert restored.exit_code == 0, restored.exception
    assert names(url) == ["Ece"]
    with pytest.raises(psycopg.errors.UndefinedTable):
        change(url, "SELECT * FROM of_a_newer_version")
    (before,) = set((tmp_path / "backups").iterdir()) - {copy}
    assert before.name in restored.output

    fresh = server.new_database()
    monkeypatch.setenv("TME_DATABASE_URL", fresh)
    assert run("restore", before.name).exit_code == 0
    assert sorted(names(fresh)) == ["Ece", "Naz"]
    sign_in(fresh, "Ali")  # numbers of new rows go on, and the rules of the tables are there
    assert sorted(names(fresh)) == ["Ali", "Ece", "Naz"]


@pytest.mark.postgres
def test_a_restore_that_fails_leaves_postgresql_and_the_folder_as_they_were(server, tmp_path, monkeypatch):
    url = os.environ["TME_DATABASE_URL"]
    sign_in(url, "Ece")
    run("backup")
    (copy,) = (tmp_path / "backups").iterdir()
    sign_in(url, "Naz")
    with psycopg.connect(url):
        assert "in use: other programs have 1 connection to it" in str(run("restore", copy.name).exception)
    whole = copy.read_bytes()
    copy.write_bytes(whole[: len(whole) - 3000])
    assert "pg_restore stopped" in str(run("restore", copy.name).exception)
    copy.write_bytes(b"no backup")
    assert "pg_restore stopped" in str(run("restore", copy.name).exception)
    assert [file.name for file in (tmp_path / "backups").iterdir()] == [copy.name]
    copy.write_bytes(whole)
    dropped_then_failed = f"{server_backup._EMPTY_SCHEMA}; SELECT 1 / 0"
    monkeypatch.setattr("core.store.server_backup._EMPTY_SCHEMA", dropped_then_failed)
    assert "division by zero. Nothing was changed." in str(run("restore", copy.name).exception)
    assert sorted(names(url)) == ["Ece", "Naz"]


def test_without_the_programs_of_postgresql_the_error_names_the_package(tmp_path, monkeypatch):
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TME_DATABASE_URL", "postgresql://localhost/x")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt-get install postgresql-client" in str(run("backup").exception)
    assert not list((tmp_path / "backups").iterdir())


@pytest.mark.postgres
def test_the_password_is_no_argument_of_a_program(server, tmp_path, monkeypatch):
    seen = []

    def noting(words, *, env, **options):
        seen.append((words, env.get("PGPASSWORD")))
        return subprocess.CompletedProcess(words, 1, "", "x: error: refused")

    monkeypatch.setenv("TME_DATABASE_URL", f"postgresql://tester:s3cret@127.0.0.1:{server.port}/x")
    monkeypatch.setattr("core.store.server_backup.subprocess.run", noting)
    assert "pg_dump stopped: x: error: refused" in str(run("backup").exception)
    ((words, password),) = seen
    assert password == "s3cret"
    assert "s3cret" not in " ".join(words)


def change(url, statement):
    with psycopg.connect(url) as connection:
        connection.execute(statement)
