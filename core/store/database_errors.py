"""Turn the errors of a database into messages for people."""

import sqlite3
from pathlib import Path

import sqlalchemy as sa

from core.store.backup import recovery_advice

# PostgreSQL's temporary errors: conflict of two writers (40001, 40P01), server stops or starts (57P01 to 57P03).
_RETRY_STATES = {"40001", "40P01", "57P01", "57P02", "57P03"}
_OTHER_TABLES = {"3F000", "42P01", "42703"}  # the schema, a table or a column is missing


def is_temporary(error: Exception) -> bool:
    """Whether the same work can succeed a moment later. SQLite has waited already, so its errors are not."""
    if not isinstance(error, sa.exc.DBAPIError) or isinstance(error.orig, sqlite3.Error):
        return False
    state = getattr(error.orig, "sqlstate", None)
    lost = isinstance(error, sa.exc.OperationalError) and (state is None or state.startswith("08"))
    if _is_refusal(error.orig):
        return False  # the server answers
    return error.connection_invalidated or lost or state in _RETRY_STATES


def _is_refusal(original: BaseException | None) -> bool:
    """Whether the server refuses the user name, the password or the database."""
    state = getattr(original, "sqlstate", None) or ""
    # A refused connection has no state, only the server's message.
    words = ("authentication", "does not exist", "pg_hba")
    return state.startswith("28") or state == "3D000" or (not state and any(word in str(original) for word in words))


def message_of(error: Exception, *, url: str, path: Path | None) -> str | None:
    """Return a message for the user with the remedy; None for a bug, which the user cannot fix.

    url : address of the database, without its password.  path : file of a SQLite database.
    """
    original = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        return _sqlite_message(path or Path(), original)
    state = getattr(original, "sqlstate", None) or ""
    server = f"the database server ({url})"
    if state == "53100":
        return f"The disk of {server} is full: nothing was stored. Free some space and try again."
    if state == "25006":
        return f"{server.capitalize()} is read-only: nothing was stored. Connect to the primary server."
    if _is_refusal(original):
        return f"{server.capitalize()} refuses the user name, the password or the database. Check TME_DATABASE_URL."
    if state in _OTHER_TABLES:
        return (
            f"The database of {server} was replaced while the program was running: it has other tables. Nothing was "
            "stored. Check TME_DATABASE_URL, then start the program again."
        )
    if is_temporary(error) or isinstance(error, sa.exc.TimeoutError):
        return f"{server.capitalize()} does not answer: nothing was stored. Check that it is running, then try again."
    return None


def _sqlite_message(path: Path, error: sqlite3.Error) -> str | None:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return (
            f"Another program has locked the database {path}: nothing was stored. "
            "Close the other program, or wait, and try again."
        )
    if name.startswith("SQLITE_FULL"):
        return f"The disk with {path} is full: nothing was stored. Free some space and try again."
    if name.startswith("SQLITE_READONLY"):
        return f"The database {path} is read-only: nothing was stored. Check the permissions of file and folder."
    if name.startswith("SQLITE_CANTOPEN"):
        return f"The database {path} cannot be opened. Check that its folder exists and is writable."
    if name.startswith("SQLITE_IOERR"):
        return f"The disk with {path} reports an error: nothing was stored. Check whether the disk is full or failing."
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return f"The database {path} is damaged and was not changed. {recovery_advice(path)}"
    return None
