"""The file of an open store is moved, replaced, overwritten or restored: a stored answer is where the address leads."""

import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import psycopg
import pytest

from core import store
from core.errors import StoreError
from core.store import watch
from core.store.connection import connect, write
from core.store.upgrade import upgrade_database


@pytest.fixture
def path(tmp_path):
    return tmp_path / "feedback.db"


@pytest.fixture
def opened(path):
    store_ = ready(path)
    yield store_
    store.close_store(store_)


def ready(path):
    store_ = store.open_store(f"sqlite:///{path}")
    store.add_clip(store_, "c1", file_name="c1.wav", duration_s=30, sr=44100)
    return store_


def say(store_, token):
    return store.add_feedback(store_, token=f"form {token}", rater="Ali", label="sad", clip_id="c1", comment=token)


def read(store_):
    """The answers that the open store reads."""
    return store.feedback_table(store_)["comment"].tolist()


def stored(path):
    """The answers that a fresh connection by the same address reads, in another process; the file must be intact."""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        "assert c.execute('PRAGMA integrity_check').fetchone() == ('ok',);"
        "print(*(row[0] for row in c.execute('SELECT comment FROM feedback ORDER BY id')))"
    )
    command = [sys.executable, "-IS", "-c", code, str(path)]  # without packages, which take longer to find than to read
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return run.stdout.split()


def into_file(path):
    """Write the log into the file, as SQLite does from time to time."""
    with closing(sqlite3.connect(path)) as c:
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.parametrize("how", ["moved", "deleted"])
def test_without_its_file_nothing_is_called_stored(opened, path, how):
    say(opened, "one")
    aside = path.with_name("elsewhere.db")
    path.rename(aside) if how == "moved" else path.unlink()
    with pytest.raises(StoreError, match="was moved or deleted while the program was running. Nothing was stored"):
        say(opened, "two")
    with pytest.raises(StoreError, match="was moved or deleted"):
        store.feedback_table(opened)
    assert not path.exists()  # no empty database is made in silence


def test_a_file_that_comes_back_goes_on(opened, path):
    say(opened, "one")
    aside = path.with_name("elsewhere.db")
    path.rename(aside)
    with pytest.raises(StoreError):
        say(opened, "two")
    assert stored(aside) == ["one"]  # the moved file is whole without its log
    aside.rename(path)
    say(opened, "two")
    assert stored(path) == ["one", "two"]


@pytest.mark.parametrize("moved_away_first", [True, False])
def test_a_file_in_its_place_is_opened_without_the_log_of_the_file_before(opened, path, moved_away_first, caplog):
    say(opened, "one")
    other = path.with_name("other.db")
    another = ready(other)
    say(another, "theirs")
    store.close_store(another)
    say(opened, "two")
    if moved_away_first:
        path.rename(path.with_name("elsewhere.db"))
    other.rename(path)
    assert say(opened, "three").new
    assert stored(path) == ["theirs", "three"]
    assert "was replaced while the program was running" in caplog.text
    if moved_away_first:
        assert stored(path.with_name("elsewhere.db")) == ["one", "two"]
    say(opened, "four")
    assert stored(path) == ["theirs", "three", "four"]
    assert read(opened) == ["theirs", "three", "four"]


@pytest.mark.parametrize("checkpoint", [True, False], ids=["log written", "log waiting"])
@pytest.mark.parametrize("copied", ["backup", "plain copy", "other database"])
def test_a_file_overwritten_in_place_is_noticed_and_stays_whole(opened, path, copied, checkpoint):
    """``cp copy feedback.db``: the inode stays, and the log of the content before is still there."""
    copy = path.with_name("copy.db")
    say(opened, "one")
    if copied == "other database":
        another = ready(copy)
        for n in range(60):
            say(another, f"theirs{n}")
        store.close_store(another)
        before = [f"theirs{n}" for n in range(60)]
    else:
        into_file(path)
        shutil.copyfile(path, copy) if copied == "plain copy" else store.back_up(path).rename(copy)
        before = ["one"]
    for n in range(40):
        say(opened, f"lost{n}")
    if checkpoint:
        into_file(path)
        say(opened, "lost40")
    inode = path.stat().st_ino
    shutil.copyfile(copy, path)
    assert path.stat().st_ino == inode
    assert say(opened, "new").new
    now = stored(path)
    assert now[-1] == "new"
    lost = [f"lost{n}" for n in range(40)]
    whole = [[*before, "new"]]
    if copied == "plain copy" and not checkpoint:
        whole.append(["one", *lost, "new"])  # the copy is the file itself, and its log is still right
    assert now in whole
    assert read(opened) == now


def test_a_copy_that_is_not_complete_yet_is_a_sentence_and_then_opened(opened, path):
    say(opened, "one")
    copy = store.back_up(path)
    say(opened, "two")
    content = copy.read_bytes()
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(content[: len(content) // 2])
    with pytest.raises(StoreError, match="is damaged and was not changed|is being overwritten"):
        say(opened, "three")
    path.write_bytes(content)
    say(opened, "three")
    assert stored(path) == ["one", "three"]


def test_a_file_that_is_no_database_of_this_program_is_not_filled_in_secret(opened, path):
    say(opened, "one")
    empty = path.with_name("empty.db")
    empty.touch()
    empty.rename(path)
    for _ in range(2):
        with pytest.raises(StoreError, match="without the tables of this program. Nothing was stored"):
            say(opened, "two")
    with closing(sqlite3.connect(path)) as c:
        assert c.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_an_older_copy_is_upgraded_before_anything_is_stored_in_it(opened, path):
    older = path.with_name("older.db")
    made = connect(f"sqlite:///{older}")
    upgrade_database(made.engine, made.path, to="0004")
    store.close_store(made)
    older.rename(path)
    store.add_clip(opened, "c1", file_name="c1.wav", duration_s=30, sr=44100)
    say(opened, "one")
    assert stored(path) == ["one"]


@pytest.mark.parametrize("ending", ["-wal", "-shm"])
def test_a_deleted_log_is_written_into_the_file(opened, path, ending):
    say(opened, "one")
    path.with_name(path.name + ending).unlink()
    say(opened, "two")
    assert stored(path) == ["one", "two"]


def test_replaced_in_the_middle_of_a_transaction_the_answer_is_stored_in_the_new_file(opened, path):
    other = path.with_name("other.db")
    store.close_store(ready(other))
    sizes = []

    def replace_once(c):
        sizes.append(len(c.exec_driver_sql("SELECT * FROM raters").fetchall()))
        c.exec_driver_sql("INSERT INTO settings VALUES ('x', '1', '2026-01-02') ON CONFLICT DO NOTHING")
        if other.exists():
            other.rename(path)

    write(opened, replace_once)
    assert len(sizes) == 2
    with closing(sqlite3.connect(path)) as c:
        assert c.execute("SELECT count(*) FROM settings").fetchone() == (1,)


def test_of_many_threads_none_says_stored_about_the_file_before(opened, path):
    """Eight threads answer while the file is replaced three times; what was called stored last is in the last file."""
    confirmed, errors, stop = [], [], threading.Event()

    def answer(k):
        n = 0
        while not stop.is_set():
            token, epoch = f"{k}-{n}", opened.watch.reopened
            try:
                say(opened, token)
            except StoreError as error:
                errors.append(str(error))
            else:
                confirmed.append((epoch, token))
            n += 1

    threads = [threading.Thread(target=answer, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for n in range(1, 4):
        other = path.with_name(f"other{n}.db")
        store.close_store(ready(other))
        other.rename(path)
        while opened.watch.reopened < n or not [e for e, _ in confirmed[-20:] if e == n]:
            assert any(t.is_alive() for t in threads)
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    last = {token for epoch, token in confirmed if epoch == 3}
    assert last
    assert last <= set(stored(path))


CUT_SHORT = """
import os, sqlite3, sys
from core import store
path = sys.argv[1]
opened = store.open_store(f"sqlite:///{path}")
for answer in ("one", "two"):
    store.add_feedback(opened, token=f"form {answer}", rater="Ali", label="sad", clip_id="c1", comment=answer)
    if answer == "one":
        sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)")
os._exit(0)
"""


def killed_while_open(path, copies):
    """Leave a file and its log as after a power cut, with the answers one and two."""
    store.close_store(ready(path))
    assert copies.run(CUT_SHORT, path).status == 0
    assert path.with_name(path.name + "-wal").stat().st_size > 0


def test_after_a_power_cut_the_log_counts(path, copies):
    killed_while_open(path, copies)
    store.close_store(store.open_store(f"sqlite:///{path}"))
    assert stored(path) == ["one", "two"]


@pytest.mark.parametrize("restored", ["cp", "mv"])
def test_a_backup_never_takes_the_log_that_a_killed_program_left_behind(path, restored, copies):
    before = path.with_name("before.db")
    earlier = ready(before)
    say(earlier, "earlier")
    copy = store.back_up(before)
    store.close_store(earlier)
    killed_while_open(path, copies)
    shutil.copyfile(copy, path) if restored == "cp" else copy.rename(path)
    reopened = store.open_store(f"sqlite:///{path}")
    say(reopened, "new")
    store.close_store(reopened)
    assert stored(path) == ["earlier", "new"]
    assert list(path.parent.glob("*.replaced-wal"))  # nothing is deleted


def test_without_its_file_a_log_is_moved_away_and_not_deleted(path, copies):
    killed_while_open(path, copies)
    log = path.with_name(path.name + "-wal")
    content = log.read_bytes()
    path.unlink()
    store.close_store(store.open_store(f"sqlite:///{path}"))
    assert stored(path) == []
    (aside,) = path.parent.glob("*.replaced-wal")
    assert aside.read_bytes() == content


def test_a_restore_is_refused_while_another_process_has_the_store_open(opened, path, copies):
    say(opened, "one")
    copy = store.back_up(path)
    code = (
        "import sys; from pathlib import Path; from core import store;"
        "store.restore(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    refused = copies.run(code, path, copy)
    assert "is in use by another program, probably the dashboard. Nothing was changed. Stop that" in refused.error
    say(opened, "two")
    assert stored(path) == ["one", "two"]
    store.close_store(opened)
    copies.said(code, path, copy)
    assert stored(path) == ["one"]


def test_during_a_restore_no_other_process_can_open_the_file(path):
    store.close_store(ready(path))
    code = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('SELECT * FROM feedback')"
    with watch.not_in_use(path):
        command = [sys.executable, "-IS", "-c", code, str(path)]
        kept_out = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "database is locked" in kept_out.stderr


def test_reading_changes_no_count_and_each_change_does(opened, path):
    def count():
        with closing(sqlite3.connect(path)) as c:
            return c.execute("PRAGMA user_version").fetchone()[0]

    before = count()
    store.feedback_table(opened)
    write(opened, lambda c: c.exec_driver_sql("SELECT 1"))
    assert count() == before
    store.add_clip(opened, "c2", file_name="c2.wav", duration_s=30, sr=44100)
    assert count() == before + 1


# PostgreSQL


@pytest.fixture
def on_server(postgres_server):
    url = postgres_server.new_store()
    store_ = store.open_store(url)
    store.add_clip(store_, "c1", file_name="c1.wav", duration_s=30, sr=44100)
    say(store_, "one")
    yield store_, url, postgres_server
    store.close_store(store_)


def run_sql(server, *statements):
    with psycopg.connect(server._url("postgres"), autocommit=True) as c:
        for statement in statements:
            c.execute(statement)


def cut_off(name):
    return f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["renamed", "dropped"])
def test_without_its_database_the_server_s_answer_is_a_sentence(on_server, how):
    opened, url, server = on_server
    name = url.rsplit("/", 1)[-1]
    if how == "renamed":
        run_sql(server, cut_off(name), f"ALTER DATABASE {name} RENAME TO {name}_old")
    else:
        run_sql(server, f"DROP DATABASE {name} WITH (FORCE)")
    with pytest.raises(StoreError, match="refuses the user name, the password or the database. Check"):
        say(opened, "two")
    if how == "renamed":
        run_sql(server, f"ALTER DATABASE {name}_old RENAME TO {name}")
        say(opened, "two")
        assert read(opened) == ["one", "two"]


@pytest.mark.postgres
def test_an_empty_database_under_the_same_name_is_a_sentence(on_server):
    opened, url, server = on_server
    name = url.rsplit("/", 1)[-1]
    run_sql(server, f"DROP DATABASE {name} WITH (FORCE)", f"CREATE DATABASE {name}")
    with pytest.raises(StoreError, match="was replaced while the program was running: it has other tables. Nothing"):
        say(opened, "two")


@pytest.mark.postgres
def test_another_database_under_the_same_name_takes_the_answer(on_server):
    opened, url, server = on_server
    name = url.rsplit("/", 1)[-1]
    copy = server.new_store()
    other = store.open_store(copy)
    store.add_clip(other, "c1", file_name="c1.wav", duration_s=30, sr=44100)
    store.close_store(other)
    second = copy.rsplit("/", 1)[-1]
    run_sql(server, cut_off(name), f"ALTER DATABASE {name} RENAME TO {name}_old")
    run_sql(server, cut_off(second), f"ALTER DATABASE {second} RENAME TO {name}")
    say(opened, "two")
    fresh = store.open_store(url)
    assert read(fresh) == ["two"]
    store.close_store(fresh)
