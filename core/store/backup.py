"""Copies of a SQLite file, and the way back from a damaged one.

A file of at most 64 MB is copied once a day, when it is opened. A larger one is not, so that nobody waits for it:
``python -m core backup`` copies it at a time of one's own. A daily copy that cannot be written is a warning in the log,
and no reason not to open the database.
"""

import logging
import os
import shutil
import sqlite3
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.errors import StoreError

EVERY = timedelta(days=1)
KEPT = 7  # daily copies; copies made before an upgrade are never removed
LARGEST = 64 << 20  # bytes; a larger file would make the opening wait
_DAILY = "daily"
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_LOG = logging.getLogger(__name__)


def backups(path: Path) -> list[Path]:
    """Copies of the SQLite file, oldest first."""
    return sorted(path.parent.glob(f"{path.name}.*.backup"), key=lambda copy: copy.stat().st_mtime_ns)


def recovery_advice(path: Path) -> str:
    """What a person can do about a damaged file, in a sentence."""
    copies = backups(path)
    if not copies:
        return "No backup of it was found. Move the file away to start with an empty one; keep it for repair."
    return (
        f"The newest backup is {copies[-1]}. Stop the program and put it in place with "
        f"'python -m core restore {copies[-1].name}'; the damaged file is kept beside it."
    )


def _fault(file: Path) -> str:
    """What SQLite finds wrong with a file; empty when it is sound. Raises sqlite3.Error when it cannot be read."""
    try:
        with closing(sqlite3.connect(file)) as opened:
            verdict = opened.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return _damage(error)
    return "" if verdict == "ok" else str(verdict)


def _damage(error: sqlite3.DatabaseError) -> str:
    """What is wrong with a file of which SQLite says this; raised again when it is no word about the file's content."""
    if error.sqlite_errorcode & 0xFF not in _DAMAGE:
        raise error
    return str(error)


def back_up(path: Path, *, why: str = "asked") -> Path:
    """A checked copy of a SQLite file beside it, made while others may be writing.

    why : ends up in the name, ``feedback.db.20260102T030405678901Z.<why>.backup``.
    Raises StoreError when the file is damaged; sqlite3.Error or OSError when it cannot be read or the copy not be
    written. Then nothing of the copy stays.
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
        fault = _damage(error)
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            unfinished.with_name(unfinished.name + ending).unlink(missing_ok=True)
    if fault:
        raise StoreError(f"The database {path} is damaged ({fault}); it was left as it is. {recovery_advice(path)}")
    return copy


def daily_backup(path: Path) -> Path | None:
    """A copy when the newest one is a day old; the oldest daily copies beyond ``KEPT`` are removed.

    None when there is a fresh one. None too when the file is larger than ``LARGEST``, the copy would leave less room on
    the disk than the file takes, or it cannot be written: then the log says which, and what to do.
    Raises StoreError when the file is damaged.
    """
    try:
        if any(datetime.now(UTC) - _copied_at(copy) < EVERY for copy in backups(path)):
            return None
        why_not = _reason_not_to_copy(path)
        if not why_not:
            return _make_daily_copy(path)
    except (sqlite3.Error, OSError) as error:
        why_not = f"the copy cannot be written ({error}). See that there is room and that the folder may be written to."
    _LOG.warning("%s was not copied today: %s", path, why_not)
    return None


def _reason_not_to_copy(path: Path) -> str:
    """Why the file is not copied while somebody waits for it to open, as a sentence's end; empty when it can be."""
    size, free = path.stat().st_size, shutil.disk_usage(path.parent).free
    if size > LARGEST:
        return f"it is larger than {LARGEST >> 20} MB. Run 'python -m core backup' when it suits you."
    if free < 2 * size:  # the rest is for the answers to come
        return f"its disk has only {free >> 20} MB left. Free some space."
    return ""


def _make_daily_copy(path: Path) -> Path:
    made = back_up(path, why=_DAILY)
    daily = [copy for copy in backups(path) if copy.name.endswith(f".{_DAILY}.backup")]
    for old in daily[:-KEPT]:
        old.unlink(missing_ok=True)
    return made


def _copied_at(copy: Path) -> datetime:
    return datetime.fromtimestamp(copy.stat().st_mtime, UTC)


def warn_if_lost(path: Path) -> None:
    """Say in the log that a database that was just made stands where there has been one before."""
    copies, aside = backups(path), sorted(path.parent.glob(f"{path.name}.*.damaged"))
    if copies:
        _LOG.warning(
            "%s was not there and is empty now, but backups of it are. If it got lost, stop the program and put the "
            "newest one in place: python -m core restore %s",
            path,
            copies[-1].name,
        )
    elif aside:
        _LOG.warning("%s was not there and is empty now. A damaged one is kept as %s.", path, aside[-1])


def restore(path: Path, copy: Path) -> Path:
    """Put a backup in the place of a damaged SQLite file; nobody may have it open.

    Returns where the damaged file is now, if there was one. The new file is complete on the disk before the old one is
    touched. Raises StoreError when the copy is no sound database or cannot be put in place; then all is as before.
    """
    if not copy.is_file():
        raise StoreError(f"There is no backup {copy}. Those at hand: {', '.join(map(str, backups(path))) or 'none'}.")
    try:
        fault = _fault(copy)
        if not fault:
            return _replace_database(path, copy)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"The backup {copy} was not put in place ({error}); what was there is as it was. "
            "See that there is room for it and that the folder may be written to, then try again."
        ) from error
    raise StoreError(f"The backup {copy} is damaged itself ({fault}). Take another one.")


def _replace_database(path: Path, copy: Path) -> Path:
    aside = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.damaged")
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    with ExitStack() as back:
        back.callback(unfinished.unlink, missing_ok=True)
        with copy.open("rb") as source, unfinished.open("wb") as target:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
        for ending in ("-wal", "-shm", ""):  # the log belongs to the damaged file and would spoil the copy
            part, kept = (file.with_name(file.name + ending) for file in (path, aside))
            if part.exists():
                part.rename(kept)
                back.callback(kept.rename, part)
        unfinished.rename(path)
        back.pop_all()
    return aside
