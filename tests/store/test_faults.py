"""What the store survives: many writers, sudden death, full disks, locks, a restarted server, damaged files."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path

import postgres
import pytest
import sqlalchemy as sa
from old_stores import old_answer, old_store
from small_disk import nearly_full, small_disk

from core import store
from core.errors import StoreError
from core.store import backup
from core.store.connection import PATIENCE_S, connect, write


@pytest.fixture(scope="module")
def own_server():
    """A server for the tests that stop it; all other tests share one."""
    running = postgres.started()
    yield running
    postgres.remove(running)


def ready(url, **more):
    """An open store with one clip to talk about."""
    opened = store.open_store(url, **more)
    store.add_clip(opened, "c1", file_name="c1.wav", duration_s=30, sr=44100)
    return opened


def say(opened, token=None, comment=""):
    """One answer; returns its token once the store has confirmed it."""
    token = token or store.new_token()
    store.add_feedback(opened, token=token, rater="Ali", label="sad", clip_id="c1", comment=comment)
    return token


def tokens(url):
    """The tokens of all stored rows, read past the store's own functions."""
    opened = connect(url)
    with opened.engine.connect() as c:
        found = [row[0] for row in c.exec_driver_sql("SELECT token FROM feedback ORDER BY id")]
        if opened.path is not None:
            assert c.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    store.close_store(opened)
    return found


def until(true, *, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


# 20 writers at once

FORKS = """
import os, sys, threading, time
from core import store
url, count = sys.argv[1], int(sys.argv[2])
def each(work):
    together = time.time() + 0.2
    children = []
    for n in range(count):
        children.append(os.fork())
        if children[-1] == 0:
            time.sleep(max(0, together - time.time()))
            work(store.open_store(url), n)
            os._exit(0)
    print(*(os.waitpid(child, 0)[1] for child in children))
"""

WRITERS = (
    FORKS
    + """
def write(opened, n):
    def forms(n):
        for k in range(5):
            for _ in range(2):  # every form is sent twice
                store.add_feedback(opened, token=f"form {n:02} {k:02}", rater=f"r{n}", label="sad", clip_id="c1")
    threads = [threading.Thread(target=forms, args=((5 * n + i) % 16,)) for i in range(5)]
    [t.start() for t in threads]; [t.join() for t in threads]
each(write)
"""
)


def test_twenty_writers_lose_and_double_nothing(url, copies):
    """4 processes of 5 threads; writers 16 to 19 send the forms of writers 0 to 3 at the same time."""
    store.close_store(ready(url))
    assert copies.said(WRITERS, url, 4) == ["0"] * 4
    assert Counter(tokens(url)) == Counter(f"form {n:02} {k:02}" for n in range(16) for k in range(5))


OPENERS = (
    FORKS
    + """
each(lambda opened, n: store.add_clip(opened, f"c{n}", file_name="a", duration_s=1, sr=1))
"""
)


@pytest.mark.parametrize("revision", [None, "0001"])
def test_processes_that_start_at_the_same_time_share_one_upgrade(empty_url, copies, revision):
    if revision:
        old = old_store(empty_url, revision)
        store.close_store(old)
    assert copies.said(OPENERS, empty_url, 4) == ["0"] * 4
    opened = store.open_store(empty_url)
    assert len(store.clips_table(opened)) == 4
    assert store.jobs_table(opened).empty
    if opened.path is not None:
        assert len([b for b in store.backups(opened.path) if "upgrade" in b.name]) == (1 if revision else 0)
    store.close_store(opened)


def test_threads_that_start_at_the_same_time_do_not_mix_their_upgrades(tmp_path, real_migrations):
    """Alembic keeps what it is doing in modules, and two sessions of one process may open two databases."""
    errors, gate = [], threading.Barrier(4)

    def start(n):
        gate.wait()
        try:
            store.close_store(ready(f"sqlite:///{tmp_path / f'{n}.db'}"))
        except Exception as error:  # collected to be shown: none is expected
            errors.append(error)

    threads = [threading.Thread(target=start, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


# SIGKILL

DYING_WRITERS = """
import os, signal, sys
import sqlalchemy as sa
from core import store
for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
    child = os.fork()
    if child == 0:
        opened = store.open_store(sys.argv[1])
        @sa.event.listens_for(opened.engine, moment)
        def die(connection, *rest):
            if not rest or "INSERT INTO feedback" in rest[1]:
                os.kill(os.getpid(), signal.SIGKILL)
        store.add_feedback(opened, token="a form cut off", rater="Ali", label="happy", clip_id="c1")
        os._exit(0)
    print(os.waitpid(child, 0)[1])
"""


def test_killed_before_the_commit_the_row_is_not_there_and_the_rest_is(url, copies):
    """Killed before the insert, after it, and when the commit is about to be sent."""
    opened = ready(url)
    kept = [say(opened) for _ in range(3)]
    assert copies.said(DYING_WRITERS, url) == [str(int(signal.SIGKILL))] * 3
    assert tokens(url) == kept
    again = say(opened, "a form cut off")  # the form can be sent again
    assert tokens(url) == [*kept, again]
    store.close_store(opened)


BUSY_WRITERS = """
import os, signal, sys
from core import store
for lines in (1, 7, 30):
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        opened = store.open_store(sys.argv[1])
        while True:
            token = store.new_token()
            store.add_feedback(opened, token=token, rater="Ali", label="sad", clip_id="c1", comment="x" * 1500)
            os.write(writes, f"{token} ".encode())
    os.close(writes)
    heard = b""
    while heard.count(b" ") < lines:
        heard += os.read(reads, 4096)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(reads, 4096):
        heard += more
    print(heard.decode())
"""


def test_killed_at_any_moment_no_confirmed_answer_is_lost(url, copies):
    store.close_store(ready(url))
    confirmed = copies.said(BUSY_WRITERS, url)
    stored = tokens(url)
    assert len(confirmed) >= 38
    assert set(confirmed) <= set(stored)
    assert len(stored) <= len(confirmed) + 3  # stored, and killed before it could say so
    assert len(stored) == len(set(stored))


DYING_UPGRADER = """
import json, os, signal, sys
import sqlalchemy as sa
from core import store
fates = []
for last in range(1, 300, int(sys.argv[2])):
    child = os.fork()
    if child == 0:
        done = 0
        @sa.event.listens_for(sa.Engine, "after_cursor_execute")
        def die(connection, cursor, statement, *rest):
            global done
            done += statement.startswith(("CREATE", "INSERT", "UPDATE", "ALTER", "DROP")) or "CREATE TABLE" in statement
            if done >= last:
                os.kill(os.getpid(), signal.SIGKILL)
        store.open_store(sys.argv[1])
        os._exit(0)
    fates.append(os.waitpid(child, 0)[1])
    if fates[-1] == 0:
        break
print(json.dumps(fates))
"""


@pytest.mark.parametrize("revision", [None, "0001"])
def test_killed_after_any_statement_of_an_upgrade_the_database_is_as_before(empty_url, copies, revision):
    """A child is killed after its 1st statement, the next after its 16th, and so on, until one gets through.

    All statements are in one transaction, so every fifteenth stands for those around it.
    """
    kept = []
    if revision:
        old = old_store(empty_url, revision)
        row = (  # what the code stores today has columns that the old table lacks
            "INSERT INTO clips (id, content_hash, origin, file_name, start_s, duration_s, sr, created_at) "
            "VALUES ('c1', 'c1', 'upload', 'c1.wav', 0, 30, 44100, '2026-01-02T03:04:05.000000+00:00')"
        )
        write(old, lambda c: c.execute(sa.text(row)))
        kept = [old_answer(old, f"token {n}") for n in range(5)]
        store.close_store(old)
    fates = json.loads(" ".join(copies.said(DYING_UPGRADER, empty_url, 15)))
    assert set(fates[:-1]) == {signal.SIGKILL}
    assert fates[-1] == 0
    assert len(fates) > 4  # there were statements to be killed after
    assert tokens(empty_url) == kept
    opened = ready(empty_url)
    assert say(opened)
    store.finish_job(opened, store.start_job(opened, "retrain").job_id)
    if opened.path is not None and revision:
        for copy in store.backups(opened.path):  # each attempt has made one, and each is whole
            assert tokens(f"sqlite:///{copy}") == kept
    store.close_store(opened)


DYING_BACKUP = """
import os, signal, sys
from pathlib import Path
from core.store import back_up
for moment, count in (("sqlite3.connect", 3), ("os.rename", 1)):
    child = os.fork()
    if child == 0:
        seen = []
        def die(event, _):
            if event == moment:
                seen.append(event)
                if len(seen) == count:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(die)
        back_up(Path(sys.argv[1]))
        os._exit(0)
    print(os.waitpid(child, 0)[1])
"""


def test_killed_during_a_backup_no_half_copy_is_a_backup_and_the_next_one_removes_it(tmp_path, copies):
    """Killed when the copy is written and not yet checked, and when it is checked and has no name yet."""
    path = tmp_path / "feedback.db"
    opened = ready(f"sqlite:///{path}")
    kept = [say(opened) for _ in range(3)]
    store.close_store(opened)
    assert copies.said(DYING_BACKUP, path) == [str(int(signal.SIGKILL))] * 2
    left = {file for file in tmp_path.iterdir() if file != path}
    assert len(left) == 2
    assert store.backups(path) == []
    assert tokens(f"sqlite:///{path}") == kept
    copy = store.back_up(path)
    assert left < set(tmp_path.iterdir())  # perhaps another process is writing them
    for file in left:
        os.utime(file, (time.time() - 7200,) * 2)
    again = store.back_up(path)
    assert set(tmp_path.iterdir()) == {path, copy, again}


# full disks


def fill(opened, *, at_once=1, letters="ş" * 2000):
    """Answers until the store refuses; returns the confirmed tokens and what it said."""
    confirmed = []
    for _ in range(20_000 // at_once):
        form = [store.Answer(store.new_token(), "Ali", "sad", clip_id="c1", comment=letters) for _ in range(at_once)]
        try:
            store.add_answers(opened, form)
        except StoreError as error:
            return confirmed, str(error)
        confirmed += [answer.token for answer in form]
    return pytest.fail("the disk was never full")


def test_a_full_disk_stops_sqlite_with_a_sentence_and_loses_nothing(tmp_path):
    with small_disk(tmp_path / "disk", "1200k") as disk:
        url = f"sqlite:///{disk / 'feedback.db'}"
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(200_000))
        opened = ready(url)
        kept, sentence = fill(opened)
        assert "is full: nothing was stored. Free some space" in sentence
        assert len(kept) > 5
        assert len(store.feedback_table(opened)) == len(kept)  # reading goes on
        ballast.unlink()
        kept.append(say(opened))
        store.close_store(opened)
        assert tokens(url) == kept


def test_a_database_at_its_largest_size_stops_with_a_sentence(tmp_path):
    url = f"sqlite:///{tmp_path / 'feedback.db'}"
    opened = ready(url)
    with opened.engine.connect() as c:
        pages = c.exec_driver_sql("PRAGMA page_count").scalar()
    small = connect(f"{url}")
    with small.engine.connect() as c:  # the pragma belongs to the connection, which the pool gives back
        c.exec_driver_sql(f"PRAGMA max_page_count = {pages + 20}")
    kept, sentence = fill(small)
    assert "is full: nothing was stored" in sentence
    kept.append(say(opened))
    store.close_store(small)
    store.close_store(opened)
    assert tokens(url) == kept


LIMITED = """
import resource, sys
from core import store
from core.errors import StoreError
opened = store.open_store(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, 700_000))
try:
    for n in range(20_000):
        token = store.new_token()
        store.add_feedback(opened, token=token, rater="Ali", label="sad", clip_id="c1", comment="x" * 2000)
        print(token, flush=True)
except StoreError as error:
    print("refused:", str(error).split(": ")[1].split(".")[0].replace(" ", "-"))
"""


def test_a_disk_error_while_writing_is_a_sentence_and_loses_nothing(tmp_path, copies):
    url = f"sqlite:///{tmp_path / 'feedback.db'}"
    store.close_store(ready(url))
    *confirmed, word, sentence = copies.said(LIMITED, url)
    assert (word, sentence) == ("refused:", "nothing-was-stored")
    assert tokens(url) == confirmed
    assert len(confirmed) > 5


@pytest.mark.parametrize("looked_up", [True, False])
def test_without_room_for_the_daily_copy_the_store_opens_all_the_same(tmp_path, monkeypatch, caplog, looked_up):
    """Where the room is known beforehand no copy is begun; where it only seems to be there, nothing of it stays."""
    with small_disk(tmp_path / "disk", "6m") as disk:
        url = f"sqlite:///{disk / 'feedback.db'}"
        opened = ready(url)
        kept = [say(opened, comment="ş" * 2000) for _ in range(300)]
        store.close_store(opened)
        nearly_full(disk, left=500_000)
        if not looked_up:
            plenty = shutil.disk_usage("/")._replace(free=1 << 40)
            monkeypatch.setattr(backup.shutil, "disk_usage", lambda _: plenty)
        opened = store.open_store(url)
        assert ("has only 0 MB left" if looked_up else "the copy cannot be written (database or disk is full)") in (
            caplog.text
        )
        kept.append(say(opened))
        store.close_store(opened)
        assert tokens(url) == kept
        assert {file.name for file in disk.iterdir()} == {"ballast", "feedback.db"}


@pytest.mark.parametrize("why", [PermissionError(13, "Permission denied"), sqlite3.OperationalError("disk I/O error")])
def test_a_daily_copy_that_cannot_be_written_is_a_warning(tmp_path, monkeypatch, caplog, why):
    def refused(*_, **__):
        raise why

    url = f"sqlite:///{tmp_path / 'feedback.db'}"
    store.close_store(ready(url))
    monkeypatch.setattr(backup, "back_up", refused)
    store.close_store(store.open_store(url))
    assert "was not backed up today: the copy cannot be written" in caplog.text


def test_without_room_for_the_copy_before_it_an_upgrade_is_refused(tmp_path):
    with small_disk(tmp_path / "disk", "3m") as disk:
        url = f"sqlite:///{disk / 'feedback.db'}"
        old = old_store(url, "0001")
        write(old, lambda c: c.execute(sa.text("CREATE TABLE bulk AS SELECT zeroblob(600000) AS b")))
        store.close_store(old)
        ballast = nearly_full(disk, left=300_000)
        with pytest.raises(StoreError, match=r"must be upgraded, but its backup.*was not changed.*free 1 MB"):
            store.open_store(url)
        assert {file.name for file in disk.iterdir()} == {"ballast", "feedback.db"}
        ballast.unlink()
        store.close_store(store.open_store(url))
        assert len(store.backups(disk / "feedback.db")) == 1


def test_on_a_full_disk_a_restore_leaves_all_as_it_was(tmp_path):
    with small_disk(tmp_path / "disk", "6m") as disk:
        path = disk / "feedback.db"
        opened = ready(f"sqlite:///{path}")
        kept = [say(opened, comment="ş" * 2000) for _ in range(100)]
        store.close_store(opened)
        copy = store.back_up(path)
        ballast = nearly_full(disk, left=100_000)
        before = {file.name: file.read_bytes() for file in disk.iterdir()}
        with pytest.raises(StoreError, match="was not restored .*No space left.*was not changed"):
            store.restore(path, copy)
        assert {file.name: file.read_bytes() for file in disk.iterdir()} == before
        ballast.unlink()
        assert store.restore(path, copy).is_file()
        assert tokens(f"sqlite:///{path}") == kept


@pytest.mark.parametrize("step", range(4))
def test_a_restore_that_fails_at_any_step_is_undone(tmp_path, monkeypatch, step):
    """The log, its index and the file are moved aside, then the copy into its place."""
    path = tmp_path / "feedback.db"
    store.close_store(ready(f"sqlite:///{path}"))
    copy = store.back_up(path)
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).write_text(ending)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    rename, done = Path.rename, []

    def until_then(file, target):
        done.append(target)
        if len(done) == step + 1:
            raise OSError(5, "Input/output error")
        return rename(file, target)

    monkeypatch.setattr(Path, "rename", until_then)
    with pytest.raises(StoreError, match="was not restored"):
        store.restore(path, copy)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    monkeypatch.undo()
    aside = store.restore(path, copy)
    assert aside.with_name(aside.name + "-wal").read_text() == "-wal"
    assert tokens(f"sqlite:///{path}") == []


def test_an_empty_database_in_the_place_of_a_lost_one_is_told_in_the_log(tmp_path, caplog, real_migrations):
    path = tmp_path / "feedback.db"
    url = f"sqlite:///{path}"
    store.close_store(ready(url))
    assert not caplog.text
    path.rename(tmp_path / "feedback.db.20260102T030405678901Z.damaged")
    store.close_store(store.open_store(url))
    assert "The damaged database is kept as" in caplog.text
    copies = [store.back_up(path) for _ in range(2)]
    path.unlink()
    store.close_store(store.open_store(url))
    assert f"python -m core restore {copies[-1].name}" in caplog.text


@pytest.mark.postgres
def test_a_full_disk_of_the_server_is_a_sentence(postgres_server):
    server = postgres_server
    folder = server.data.parent / "small"
    with small_disk(folder, "11m"):
        place = folder / "space"
        place.mkdir()
        if os.geteuid() == 0:
            shutil.chown(place, "postgres", "postgres")
        url = server.new_database(folder=place)
        opened = ready(url)
        kept, sentence = fill(opened, at_once=50, letters=os.urandom(950).hex())
        assert sentence.startswith("The disk of the database server (postgresql+psycopg://tester@127.0.0.1")
        assert "is full: nothing was stored" in sentence
        with opened.engine.connect() as c:  # a new connection may want to write a file of its own, and find no room
            assert Counter(c.exec_driver_sql("SELECT token FROM feedback").scalars()) == Counter(kept)
        store.close_store(opened)
        server.drop(url)


# locks and restarts


LOCKS = {
    "sqlite": ["BEGIN IMMEDIATE"],
    "postgresql": ["BEGIN", "LOCK TABLE feedback IN ACCESS EXCLUSIVE MODE"],
}


def test_a_write_waits_for_a_lock_and_is_stored(url):
    opened, holder = ready(url), connect(url)
    waiting = threading.Thread(target=say, args=(opened, "a patient form"))
    with holder.engine.connect() as c:
        locked = c.connection.driver_connection
        for statement in LOCKS[url.split(":")[0]]:
            locked.execute(statement)
        waiting.start()
        waiting.join(timeout=0.5)
        assert waiting.is_alive()
        locked.rollback()
    waiting.join(timeout=60)
    store.close_store(opened)
    store.close_store(holder)
    assert tokens(url) == ["a patient form"]


def test_a_write_waits_for_a_lock_half_a_minute_unless_told_otherwise(url):
    """SQLite is given the time in milliseconds. PostgreSQL sets no limit, so the write waits until the lock goes."""
    opened = connect(url)
    question, answer = ("PRAGMA busy_timeout", 30_000) if opened.path else ("SHOW lock_timeout", "0")
    with opened.engine.connect() as c:
        assert c.exec_driver_sql(question).scalar() == answer
    assert opened.patience_s == PATIENCE_S == 30
    store.close_store(opened)


def test_a_lock_that_stays_is_a_sentence(tmp_path):
    url = f"sqlite:///{tmp_path / 'feedback.db'}"
    opened = ready(url, patience_s=0.3)
    with contextlib.closing(sqlite3.connect(tmp_path / "feedback.db")) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"Another program has locked .*feedback\.db: nothing was stored"):
            say(opened)
        assert store.feedback_table(opened).empty  # reading needs no lock
    store.close_store(opened)
    assert tokens(url) == []


def test_who_is_known_signs_in_while_another_program_writes(tmp_path):
    opened = ready(f"sqlite:///{tmp_path / 'feedback.db'}", patience_s=0.3)
    store.set_role(opened, "Ayşe", "analyst")
    with contextlib.closing(sqlite3.connect(tmp_path / "feedback.db")) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert store.sign_in(opened, "Ayşe") == store.Rater("Ayşe", False, "analyst")
        for new, verified in (("Ali", False), ("Ayşe", True)):
            with pytest.raises(StoreError, match="Another program has locked"):
                store.sign_in(opened, new, verified=verified)
    assert store.sign_in(opened, "Ali").role == "rater"
    store.close_store(opened)


@pytest.mark.postgres
@pytest.mark.xdist_group("own PostgreSQL server")
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_restarted_under_load_loses_and_doubles_nothing(own_server, how):
    url = own_server.new_database()
    opened = ready(url)
    confirmed, failed, stop = [], [], threading.Event()

    def load():
        while not stop.is_set():
            try:
                confirmed.append(say(opened))
            except Exception as error:  # collected to be shown: none is expected
                failed.append(error)

    threads = [threading.Thread(target=load) for _ in range(6)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(confirmed) > 10)
        getattr(own_server, how)()
        before = len(confirmed)
        own_server.start()
        until(lambda: len(confirmed) > before + 10)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    store.close_store(opened)
    assert failed == []
    assert Counter(tokens(url)) == Counter(confirmed)


@pytest.mark.postgres
@pytest.mark.xdist_group("own PostgreSQL server")
def test_a_server_that_stays_away_is_a_sentence_when_the_patience_ends(own_server):
    opened = ready(own_server.new_database(), patience_s=0.3)
    own_server.stop()
    try:
        with pytest.raises(StoreError, match="does not answer: nothing was stored"):
            say(opened)
    finally:
        own_server.start()
    assert say(opened)
    store.close_store(opened)


@pytest.mark.postgres
def test_a_server_that_is_not_there_is_a_sentence_soon(postgres_server):
    url = f"postgresql://tester:geheim@127.0.0.1:{postgres.free_port()}/nobody"
    start = time.monotonic()
    with pytest.raises(StoreError, match="does not answer: nothing was stored") as caught:
        store.open_store(url)
    assert time.monotonic() - start < PATIENCE_S
    assert "geheim" not in str(caught.value)
    with pytest.raises(StoreError, match="refuses the user name, the password or the database"):
        store.open_store(f"{postgres_server.new_database()}x")
    older = postgres_server.new_database().replace("postgresql://", "postgres://")  # as many hosts still write it
    store.close_store(store.open_store(older))


# damaged, read-only and newer databases


def damaged(tmp_path, how, *, backup):
    """A store with 40 long answers whose file was then damaged; its confirmed tokens and its path."""
    path = tmp_path / "feedback.db"
    opened = ready(f"sqlite:///{path}")
    kept = [say(opened, comment="x" * 2000) for _ in range(40)]
    if backup:
        store.back_up(path)
    else:
        assert not store.backups(path)
    store.close_store(opened)
    with path.open("r+b") as file:
        if how == "header":
            file.write(b"no database " * 20)
        elif how == "middle":
            file.seek(path.stat().st_size // 3)
            file.write(os.urandom(path.stat().st_size // 3))
        elif how == "page":
            file.seek(-4096, os.SEEK_END)
            file.write(os.urandom(4096))
        else:
            file.truncate(path.stat().st_size // 2)
    return kept, path


@pytest.mark.parametrize("how", ["header", "middle", "cut"])
def test_a_damaged_file_is_left_alone_and_the_backup_is_offered_and_works(tmp_path, how):
    kept, path = damaged(tmp_path, how, backup=True)
    as_found = path.read_bytes()
    with pytest.raises(StoreError, match="is damaged.*was not changed") as caught:
        store.feedback_table(store.open_store(f"sqlite:///{path}"))
    (copy,) = store.backups(path)
    assert str(copy) in str(caught.value)
    assert f"python -m core restore {copy.name}" in str(caught.value)
    assert path.read_bytes() == as_found
    aside = store.restore(path, copy)
    assert aside.read_bytes() == as_found
    assert tokens(f"sqlite:///{path}") == kept
    opened = store.open_store(f"sqlite:///{path}")
    kept.append(say(opened))
    store.close_store(opened)
    assert tokens(f"sqlite:///{path}") == kept


def test_a_damaged_file_without_a_backup_is_a_sentence_too(tmp_path):
    _, path = damaged(tmp_path, "header", backup=False)
    with pytest.raises(StoreError, match="It has no backup. Move the file away"):
        store.open_store(f"sqlite:///{path}")


@pytest.mark.parametrize("how", ["middle", "page"])
def test_a_damaged_file_never_becomes_a_backup(tmp_path, how):
    _, path = damaged(tmp_path, how, backup=True)
    with pytest.raises(StoreError, match="is damaged"):
        store.back_up(path)
    assert len(store.backups(path)) == 1
    (copy,) = store.backups(path)
    copy.write_bytes(b"nothing" * 1000)
    with pytest.raises(StoreError, match="is itself damaged"):
        store.restore(path, copy)
    with pytest.raises(StoreError, match="There is no backup"):
        store.restore(path, tmp_path / "none")


def test_a_daily_backup_is_made_once_a_day_and_seven_are_kept(tmp_path):
    path = tmp_path / "feedback.db"
    opened = ready(f"sqlite:///{path}")
    for day in range(9):
        store.close_store(store.open_store(f"sqlite:///{path}"))
        store.close_store(store.open_store(f"sqlite:///{path}"))
        assert len(store.backups(path)) == min(day + 1, 7)
        for copy in store.backups(path):
            aged = copy.stat().st_mtime - 25 * 3600
            os.utime(copy, (aged, aged))
    store.close_store(opened)


def test_above_64_mb_the_daily_copy_is_left_out_and_the_log_says_what_to_do(tmp_path, monkeypatch, caplog):
    path = tmp_path / "feedback.db"
    store.close_store(ready(f"sqlite:///{path}"))
    monkeypatch.setattr(backup, "LARGEST", path.stat().st_size - 1)
    assert backup.daily_backup(path) is None
    assert "python -m core backup" in caplog.text
    caplog.clear()
    store.back_up(path)
    assert backup.daily_backup(path) is None
    assert not caplog.text


def test_each_restored_file_is_kept_under_a_name_of_its_own(tmp_path):
    path = tmp_path / "feedback.db"
    store.close_store(ready(f"sqlite:///{path}"))
    copy = store.back_up(path)
    aside = [store.restore(path, copy) for _ in range(3)]  # within one second
    assert len({*aside}) == 3
    assert all(file.is_file() for file in aside)


READER = """
import os, sys
from core import store
from core.errors import StoreError
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)  # root may write everywhere
try:
    opened = store.open_store(sys.argv[1])
    store.add_feedback(opened, token="a form refused", rater="Ali", label="sad", clip_id="c1")
except StoreError as error:
    print(str(error).replace(" ", "_"))
"""


def test_a_read_only_file_is_a_sentence(tmp_path, copies):
    folder = tmp_path / "shelf"
    folder.mkdir()
    store.close_store(ready(f"sqlite:///{folder / 'feedback.db'}"))
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    tmp_path.chmod(0o755)
    (folder / "feedback.db").chmod(0o444)
    folder.chmod(0o555)
    (sentence,) = copies.said(READER, f"sqlite:///{folder / 'feedback.db'}")
    assert "is_read-only" in sentence or "cannot_be_opened" in sentence
    folder.chmod(0o755)
    assert tokens(f"sqlite:///{folder / 'feedback.db'}") == []


def test_a_place_where_no_file_can_be_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be opened"):
        store.open_store(f"sqlite:///{tmp_path / 'file' / 'feedback.db'}")
    with pytest.raises(StoreError, match="cannot be opened"):
        store.open_store(f"sqlite:///{tmp_path}")


def test_a_database_from_a_newer_program_is_not_touched(url):
    opened = ready(url)
    with opened.engine.begin() as c:
        c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"newer version of this program \(revision 9999\)"):
        store.open_store(url)
    store.close_store(opened)
    assert tokens(url) == []
