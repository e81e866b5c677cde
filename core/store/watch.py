"""Notice when somebody moves, replaces or overwrites the SQLite file of an open store.

SQLite itself does not notice: an open connection continues to write to the moved file, and the log (``-wal``) of one
file would be applied to another. So the file is looked at before each transaction and after each commit.

A file is recognised by its device and inode. A file that was overwritten in place has the same inode, so two numbers
in its header help: ``application_id`` is random for each database, and ``user_version`` counts the transactions. In the
file without its log, the count never goes back and is never above the count with the log.
"""

import os
import secrets
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from core.errors import StoreError

if sys.platform != "win32":  # Windows itself lets nobody exchange a file in use
    import fcntl

Change = Literal["gone", "replaced", "overwritten", "log gone"]
COPY = -1  # ``user_version`` of a backup: it never has a log of its own
LOGS = ("-wal", "-shm")
# The lock that each connection to a SQLite file holds: first byte and number of bytes (SQLite's file format).
_SHARED_LOCK = (0x40000002, 510)


@dataclass(frozen=True)
class Mark:
    """The two numbers in the header of a SQLite file; both are 0 in a file that this program has not written yet."""

    database: int
    writes: int


@dataclass(frozen=True)
class Seen:
    """What a file looked like: device and inode of the file and its log, time of change and size, and the mark."""

    file: tuple[int, int]
    log: tuple[int, int] | None
    changed: tuple[int, int]
    mark: Mark


class Watch:
    """Compare a SQLite file with what it looked like before. ``reopened`` counts how often the file became another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = [_beside(path, ending) for ending in LOGS]  # looked at before each transaction
        self.seen: Seen | None = None
        self.reopened = 0

    def change(self) -> Change | None:
        """Return what happened to the file since the last look; None when it is the same, or was never seen.

        Raises sqlite3.Error when the file has changed and cannot be read.
        """
        seen, now = self.seen, _state(self.path)
        if now is None:
            return None if seen is None else "gone"
        if seen is not None and _inode(now) != seen.file:
            return "replaced"
        logs = [_state(log) for log in self.logs]
        changed = (now.st_mtime_ns, now.st_size)
        mark = seen.mark if seen is not None and seen.changed == changed else _mark(self.path, without_log=True)
        if seen is not None and mark != seen.mark and not self._follows(mark, seen.mark):
            return "overwritten"
        if seen is not None and seen.log is not None and None in logs:
            return "log gone"
        self.seen = Seen(_inode(now), _inode(logs[0]) if logs[0] is not None else None, changed, mark)
        return None

    def _follows(self, mark: Mark, before: Mark) -> bool:
        """Whether the mark can come from SQLite itself, which copies the log into the file from time to time."""
        newest = _mark(self.path, without_log=False)
        same_database = before.database in (0, mark.database) and mark.database == newest.database
        return same_database and before.writes <= mark.writes <= newest.writes

    def forget(self) -> None:
        """Forget what the file looked like, because another one is in its place."""
        self.seen = None
        self.reopened += 1

    def set_aside_old_log(self) -> None:
        """Move the log of the replaced file away, when it is still next to the new file."""
        log = _state(self.logs[0])
        if self.seen is not None and log is not None and _inode(log) == self.seen.log:
            _set_aside(self.path, LOGS)


def bump(connection: sqlite3.Connection) -> None:
    """Count one more transaction in the header of the file; call it within the transaction."""
    writes = connection.execute("PRAGMA user_version").fetchone()[0]
    if writes <= 0:
        connection.execute(f"PRAGMA application_id = {1 + secrets.randbelow(2**31 - 1)}")
    connection.execute(f"PRAGMA user_version = {max(writes, 0) + 1}")


def prepare(path: Path) -> None:
    """Remove what could damage the file before it is opened: the log of a file that was in its place before.

    A backup never has a log, and neither does an empty file. So a log next to one of them is moved away. A backup then
    gets a mark of its own.
    """
    if not path.parent.is_dir():
        return
    with only_one(path):
        size = path.stat().st_size if path.is_file() else 0
        log = _state(_beside(path, "-wal"))
        left_over = log is not None and log.st_size > 0
        if size == 0 and left_over:
            _set_aside(path, LOGS)
        if size == 0 or not os.access(path, os.W_OK):
            return
        with suppress(sqlite3.DatabaseError):  # a damaged file: opening it gives the message
            if _mark(path, without_log=True).writes == COPY:
                if left_over:
                    _set_aside(path, LOGS)
                with closing(sqlite3.connect(path, isolation_level=None)) as opened:
                    opened.execute("BEGIN IMMEDIATE")
                    bump(opened)
                    opened.execute("COMMIT")


def separate(path: Path) -> None:
    """Put a copy of an overwritten file in its place, without the log, which belongs to the content before.

    Open connections continue to use the overwritten file under its new name, and cannot damage the copy.
    Raises StoreError when the new content is not a database, perhaps because it is not complete yet.
    """
    unfinished = _beside(path, f".{os.getpid()}")
    try:
        shutil.copyfile(path, unfinished)
        with closing(sqlite3.connect(unfinished)) as opened:
            verdict = opened.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        _set_aside(path, ("", *LOGS))
        unfinished.rename(path)
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"The database {path} is being overwritten, or was overwritten by a file that is not a database ({error}). "
            "Nothing was stored. Copy the right file into its place, then try again."
        ) from error
    finally:
        for ending in ("", *LOGS):
            _beside(unfinished, ending).unlink(missing_ok=True)


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Let one process at a time exchange the files of this database: a lock of its folder."""
    if sys.platform == "win32":
        yield
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def not_in_use(path: Path) -> Iterator[None]:
    """Hold the file so that no process can open it meanwhile. Raises StoreError when another process has it open."""
    if sys.platform == "win32" or not path.is_file():
        yield
        return
    start, length = _SHARED_LOCK
    with path.open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
        except OSError as error:
            raise StoreError(
                f"The database {path} is in use by another program, probably the dashboard. Nothing was changed. "
                "Stop that program, then run this command again."
            ) from error
        yield


def _state(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _inode(state: os.stat_result) -> tuple[int, int]:
    return state.st_dev, state.st_ino


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _set_aside(path: Path, endings: tuple[str, ...]) -> None:
    aside = _beside(path, f".{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.replaced")
    for ending in endings:
        with suppress(FileNotFoundError):
            _beside(path, ending).rename(_beside(aside, ending))


def _mark(path: Path, *, without_log: bool) -> Mark:
    # Through SQLite, because closing a file of our own would release SQLite's locks on it.
    option = "immutable=1" if without_log else "mode=rw"
    with closing(sqlite3.connect(f"file:{quote(str(path))}?{option}", uri=True, isolation_level=None)) as opened:
        opened.execute("BEGIN")
        numbers = [opened.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    return Mark(*numbers)
