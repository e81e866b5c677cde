"""Bringing a database to the newest revision: alembic, set up in code, in one transaction."""

import sqlite3
import threading
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from core.errors import StoreError
from core.store.backup import back_up

MIGRATIONS = Path(__file__).parent / "migrations"
_ONE_THREAD = threading.Lock()  # alembic keeps what it is doing in the module; the database's lock is for processes
_ADVISORY_LOCK = 0x746D65  # "tme"; any number that nobody else uses on this database


def config(connection: sa.Connection | None = None) -> Config:
    """Alembic's configuration; the connection is what migrations/env.py runs on."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def head() -> str:
    """Newest revision among the migrations."""
    return ScriptDirectory.from_config(config()).get_current_head() or ""


def upgrade_database(engine: sa.Engine, path: Path | None, *, to: str = "head") -> None:
    """Run the pending migrations, all or none of them, while other processes wait for their end.

    path : SQLite file to copy first, if it holds anything.
    Raises StoreError when the database is newer than this program, or cannot be copied.
    """
    with _ONE_THREAD, engine.connect().execution_options(write=True) as connection:
        if path is not None:
            # Inside a transaction the pragma has no effect, and SQLAlchemy would begin one: hence by the driver.
            connection.connection.driver_connection.execute("PRAGMA foreign_keys = OFF")  # type: ignore[union-attr]
        with connection.begin():
            if path is None:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            _upgrade_locked(connection, path, to)
            if path is not None and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise StoreError(f"The upgrade of {path} would leave rows that point nowhere; it was undone.")
        connection.invalidate()  # its pragma is not what others expect


def _upgrade_locked(connection: sa.Connection, path: Path | None, to: str) -> None:
    from core.store.revision import current_revision

    present = current_revision(connection)  # another process may have been faster
    known = {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
    if present is not None and present not in known:
        raise StoreError(
            f"The database was made by a newer version of this program (revision {present}). Update the program."
        )
    if present == head():
        return
    if path is not None and present is not None:
        _copy_first(path, present)
    command.upgrade(config(connection), to)


def _copy_first(path: Path, present: str) -> None:
    try:
        back_up(path, why=f"before-upgrade-from-{present}")
    except (sqlite3.Error, OSError) as error:
        room = max(1, 2 * path.stat().st_size >> 20)
        raise StoreError(
            f"The database {path} has to be upgraded and is copied before, but the copy cannot be written ({error}). "
            f"It was left as it is. See that its folder may be written to and has {room} MB free, then open it again."
        ) from error
