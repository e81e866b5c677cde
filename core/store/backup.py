"""Copies of a SQLite file, and the way back from a damaged one.

A file of at most 64 MB is copied once a day, when it is opened. A larger one is not, so that nobody waits for it:
``python -m core backup`` copies it at a time of one's own.
"""

import logging
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.errors import StoreError

EVERY = timedelta(days=1)
KEPT = 7  # daily copies; copies made before an upgrade are never removed
LARGEST = 64 << 20  # bytes; a larger file would make the opening wait
_DAILY = "daily"
_LOG = logging.getLogger(__name__)


def backups(path: Path) -> list[Path]:
    """Copies of the SQLite file, oldest first."""
    return sorted(path.parent.glob(f"{path.name}.*.backup"), key=lambda copy: copy.stat().st_mtime_ns)


def way_back(path: Path) -> str:
    """What a person can do about a damaged file, in a sentence."""
    copies = backups(path)
    if not copies:
        return "No backup of it was found. Move the file away to start with an empty one; keep it for repair."
    return (
        f"The newest backup is {copies[-1]}. Stop the program and put it in place with "
        f"'python -m core restore {copies[-1].name}'; the damaged file is kept beside it."
    )


def _fault(file: Path) -> str:
    """What SQLite finds wrong with a file; empty when it is sound."""
    try:
        with closing(sqlite3.connect(file)) as opened:
            verdict = opened.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if verdict == "ok" else str(verdict)


def back_up(path: Path, *, why: str = "asked") -> Path:
    """A checked copy of a SQLite file beside it, made while others may be writing.

    why : ends up in the name, ``feedback.db.20260102T030405678901Z.<why>.backup``.
    Raises StoreError when the file is damaged; sqlite3.Error when it cannot be read or the copy not be written.
    """
    copy = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.{why}.backup")
    unfinished = copy.with_suffix(f".{os.getpid()}")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(unfinished)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # one file, without -wal and -shm beside it
        fault = _fault(unfinished)
        if not fault:
            unfinished.rename(copy)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise
        fault = str(error)
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            unfinished.with_name(unfinished.name + ending).unlink(missing_ok=True)
    if fault:
        raise StoreError(f"The database {path} is damaged ({fault}); it was left as it is. {way_back(path)}")
    return copy


def daily_backup(path: Path) -> Path | None:
    """A copy when the newest one is a day old; the oldest daily copies beyond ``KEPT`` are removed.

    None when there is a fresh one, or the file is larger than ``LARGEST``: then the log says how to make one.
    """
    copies = backups(path)
    now = datetime.now(UTC)
    if any(now - _made(copy) < EVERY for copy in copies):
        return None
    if path.stat().st_size > LARGEST:
        _LOG.warning(
            "%s is larger than %d MB and was not copied today. Run 'python -m core backup' when it suits you.",
            path,
            LARGEST >> 20,
        )
        return None
    made = back_up(path, why=_DAILY)
    daily = [copy for copy in backups(path) if copy.name.endswith(f".{_DAILY}.backup")]
    for old in daily[:-KEPT]:
        old.unlink(missing_ok=True)
    return made


def _made(copy: Path) -> datetime:
    return datetime.fromtimestamp(copy.stat().st_mtime, UTC)


def restore(path: Path, copy: Path) -> Path:
    """Put a backup in the place of a damaged SQLite file; nobody may have it open.

    Returns where the damaged file is now. Raises StoreError when the copy is no sound database.
    """
    if not copy.is_file():
        raise StoreError(f"There is no backup {copy}. Those at hand: {', '.join(map(str, backups(path))) or 'none'}.")
    fault = _fault(copy)
    if fault:
        raise StoreError(f"The backup {copy} is damaged itself ({fault}). Take another one.")
    aside = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.damaged")
    for ending in ("-wal", "-shm", ""):  # the log belongs to the damaged file and would spoil the copy
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_bytes(copy.read_bytes())
    unfinished.rename(path)
    return aside
