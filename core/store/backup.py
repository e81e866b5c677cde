"""Back up a SQLite file, and restore it after damage.

A file of at most 64 MB is copied once a day, when it is opened. Copying a larger file would delay the opening:
``python -m core backup`` copies it on request. When the daily copy cannot be written, the database still opens and the
log holds a warning.
"""

import logging
import os
import re
import shutil
import sqlite3
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.errors import StoreError
from core.store.watch import COPY, not_in_use, only_one

EVERY = timedelta(days=1)
KEPT = 7  # daily copies; copies made before an upgrade are never removed
LARGEST = 64 << 20  # bytes; copying a larger file would delay the opening
ABANDONED = timedelta(hours=1)  # an unfinished copy of this age was left by a killed process
_DAILY = "daily"
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_LOG = logging.getLogger(__name__)


def backups(path: Path) -> list[Path]:
    """List the backups of a SQLite file, oldest first."""
    return sorted(path.parent.glob(f"{path.name}.*.backup"), key=lambda copy: copy.stat().st_mtime_ns)


def recovery_advice(path: Path) -> str:
    """Return a sentence that tells a person how to recover from a damaged file."""
    copies = backups(path)
    if not copies:
        return "It has no backup. Move the file away to start with an empty database, and keep it for repair."
    return (
        f"The newest backup is {copies[-1]}. Stop the program and restore it with "
        f"'python -m core restore {copies[-1].name}'; the damaged file is kept next to it."
    )


def _fault(file: Path) -> str:
    """Return the damage that SQLite finds in a file; empty when it is intact.

    Raises sqlite3.Error when the file cannot be read.
    """
    try:
        with closing(sqlite3.connect(file)) as opened:
            verdict = opened.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return _damage(error)
    return "" if verdict == "ok" else str(verdict)


def _damage(error: sqlite3.DatabaseError) -> str:
    """Return the message of an error that means damage; raise any other error again."""
    if error.sqlite_errorcode & 0xFF not in _DAMAGE:
        raise error
    return str(error)


def back_up(path: Path, *, why: str = "asked") -> Path:
    """Copy a SQLite file into its folder, check the copy, and return its path. Other processes may write meanwhile.

    why : part of the copy's name, ``feedback.db.20260102T030405678901Z.<why>.backup``.
    Raises StoreError when the file is damaged; sqlite3.Error or OSError when it cannot be read or the copy cannot be
    written. An incomplete copy is removed.
    """
    _remove_unfinished(path)
    copy = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.{why}.backup")
    unfinished = copy.with_suffix(f".{os.getpid()}")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(unfinished)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # a single file, without -wal and -shm files
            target.execute(f"PRAGMA user_version = {COPY}")
        fault = _fault(unfinished)
        if not fault:
            unfinished.rename(copy)
    except sqlite3.DatabaseError as error:
        fault = _damage(error)
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            unfinished.with_name(unfinished.name + ending).unlink(missing_ok=True)
    if fault:
        raise StoreError(f"The database {path} is damaged ({fault}) and was not changed. {recovery_advice(path)}")
    return copy


def _remove_unfinished(path: Path) -> None:
    """Remove the unfinished copies that killed processes left: the number of the process ends their names."""
    unfinished = re.compile(re.escape(path.name) + r"\.(\d{8}T\d+Z\.\w+\.)?\d+(-wal|-shm|-journal)?")
    for file in path.parent.glob(f"{path.name}.*"):
        if unfinished.fullmatch(file.name) and datetime.now(UTC) - _copied_at(file) > ABANDONED:
            file.unlink(missing_ok=True)


def daily_backup(path: Path) -> Path | None:
    """Make the daily backup if the newest backup is a day old, and remove daily backups beyond the newest ``KEPT``.

    Returns None when a fresh backup exists. Also returns None, with a warning in the log, when the file is larger than
    ``LARGEST``, the copy would leave less free disk space than the file takes, or the copy cannot be written.
    Raises StoreError when the file is damaged.
    """
    try:
        ages = [datetime.now(UTC) - _copied_at(copy) for copy in backups(path)]
        if any(timedelta() <= age < EVERY for age in ages):  # a copy from the future: the clock was set back
            return None
        why_not = _reason_not_to_copy(path)
        if not why_not:
            return _make_daily_copy(path)
    except (sqlite3.Error, OSError) as error:
        why_not = f"the copy cannot be written ({error}). Free disk space and check the permissions of the folder."
    _LOG.warning("%s was not backed up today: %s", path, why_not)
    return None


def _reason_not_to_copy(path: Path) -> str:
    """Return why the file is not backed up on opening, as the end of a sentence; empty when it can be."""
    size, free = path.stat().st_size, shutil.disk_usage(path.parent).free
    if size > LARGEST:
        return f"it is larger than {LARGEST >> 20} MB. Run 'python -m core backup' when it suits you."
    if free < 2 * size:  # new answers need the remaining space
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
    """Log a warning when a new, empty database was created where there was a database before."""
    copies, aside = backups(path), sorted(path.parent.glob(f"{path.name}.*.damaged"))
    if copies:
        _LOG.warning(
            "%s did not exist and was created empty, but it has backups. If the database was lost, stop the program "
            "and restore the newest backup: python -m core restore %s",
            path,
            copies[-1].name,
        )
    elif aside:
        _LOG.warning("%s did not exist and was created empty. The damaged database is kept as %s.", path, aside[-1])


def restore(path: Path, copy: Path) -> Path:
    """Replace a damaged SQLite file by a backup, and return the path to which the damaged file was moved.

    The new file is complete on the disk before the old one is touched.
    Raises StoreError when another process has the database open, or the backup is damaged or cannot be copied; nothing
    has changed then.
    """
    if not copy.is_file():
        raise StoreError(f"There is no backup {copy}. Backups: {', '.join(map(str, backups(path))) or 'none'}.")
    try:
        fault = _fault(copy)
        if not fault:
            with only_one(path), not_in_use(path):
                return _replace_database(path, copy)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"The backup {copy} was not restored ({error}); the database was not changed. "
            "Free disk space and check the permissions of the folder, then try again."
        ) from error
    raise StoreError(f"The backup {copy} is itself damaged ({fault}). Choose another backup.")


def _replace_database(path: Path, copy: Path) -> Path:
    aside = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.damaged")
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    with ExitStack() as undo_steps:
        undo_steps.callback(unfinished.unlink, missing_ok=True)
        with copy.open("rb") as source, unfinished.open("wb") as target:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
        for ending in ("-wal", "-shm", ""):  # the write-ahead log of the damaged file would corrupt the copy
            source_file, moved = (file.with_name(file.name + ending) for file in (path, aside))
            if source_file.exists():
                source_file.rename(moved)
                undo_steps.callback(moved.rename, source_file)
        unfinished.rename(path)
        undo_steps.pop_all()
    return aside
