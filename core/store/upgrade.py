"""Upgrade a database to the newest revision with alembic, in one transaction."""

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
_ONE_THREAD = threading.Lock()  # alembic keeps state in module globals; the database lock only separates processes
_ADVISORY_LOCK = 0x746D65  # "tme"; any number that no other program uses on this database


def config(connection: sa.Connection | None = None) -> Config:
    """Return alembic's configuration; migrations/env.py runs on the connection."""
    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    configuration.attributes["connection"] = connection
    return configuration


def head() -> str:
    """Return the newest revision among the migrations."""
    return ScriptDirectory.from_config(config()).get_current_head() or ""


def upgrade_database(engine: sa.Engine, path: Path | None, *, to: str = "head") -> None:
    """Run the pending migrations, all or none. Other processes wait until they are complete.

    path : the SQLite file, backed up first unless it is empty; None for a server.
    Raises StoreError when the database is newer than this program, or cannot be backed up.
    """
    with _ONE_THREAD, engine.connect().execution_options(write=True) as connection:
        if path is not None:
            # The pragma has no effect in a transaction, which SQLAlchemy would begin: so use the driver's connection.
            connection.connection.driver_connection.execute("PRAGMA foreign_keys = OFF")  # type: ignore[union-attr]
        with connection.begin():
            if path is None:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            _upgrade_locked(connection, path, to)
            if path is not None and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise StoreError(f"The upgrade of {path} would break references between tables. It was rolled back.")
        connection.invalidate()  # do not return a connection without foreign keys to the pool


def _upgrade_locked(connection: sa.Connection, path: Path | None, to: str) -> None:
    from core.store.revision import current_revision

    present = current_revision(connection)  # another process may have been faster
    scripts = ScriptDirectory.from_config(config())
    known = {script.revision for script in scripts.walk_revisions()}
    if present is not None and present not in known:
        raise StoreError(
            f"The database was created by a newer version of this program (revision {present}). Update the program."
        )
    if present == scripts.get_current_head():
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
            f"The database {path} must be upgraded, but its backup cannot be written ({error}). The database was not "
            f"changed. Make its folder writable, free {room} MB of disk space, then open the database again."
        ) from error
