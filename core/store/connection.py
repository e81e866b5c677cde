"""Opening the database, running one piece of work in one transaction, and telling a person what went wrong."""

import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from core.errors import StoreError
from core.store.backup import daily_backup, recovery_advice, warn_if_lost
from core.store.revision import current_revision
from core.store.schema import HEAD, UtcTime

T = TypeVar("T")

PATIENCE_S = 30.0  # a write waits this long for another writer, or for a server that is being restarted
IDS_AT_ONCE = 1000  # in one query; SQLite takes 32,766
CONNECT_S = 5  # a server that does not answer the opening within this is not there
_PAUSE_S = 0.2  # between two attempts
# PostgreSQL's states that pass: two writers met (40001, 40P01), the server stops or starts (57P01 to 57P03).
_RETRY_STATES = {"40001", "40P01", "57P01", "57P02", "57P03"}


@dataclass(frozen=True, eq=False)
class Store:
    """An open database. Threads may share it; a forked process opens its own.

    url : where it is, without the password.  path : the SQLite file, None for a server.
    patience_s : how long a write waits for another writer, or for a server that is being restarted.
    """

    engine: sa.Engine
    url: str
    path: Path | None
    patience_s: float = PATIENCE_S


def open_store(url: str, *, patience_s: float = PATIENCE_S) -> Store:
    """Open the database, making it or bringing it up to date first where that is needed.

    url : ``sqlite:///path/to/file.db`` or ``postgresql://user:password@host/name``.
    patience_s : how long a write waits for another writer, or for a server that is being restarted.
    A SQLite file is copied before it is upgraded, and once a day up to 64 MB where there is room for it (see
    ``core.store.backup``). Processes may open a new database at the same time.
    Raises StoreError when it cannot be opened, is damaged, read-only, from a newer version of the program, or to be
    upgraded and cannot be copied before.
    """
    store = connect(url, patience_s=patience_s)
    path = store.path
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        _attempt(store, lambda: _bring_up_to_date(store))
    except OSError as error:
        close_store(store)
        raise StoreError(f"The database {path} cannot be opened: {error.strerror}.") from error
    except StoreError:
        close_store(store)
        raise
    return store


def connect(url: str, *, patience_s: float = PATIENCE_S) -> Store:
    """The store at this address, as it is: nothing is made, checked or upgraded. Pages call ``open_store``."""
    parsed = _parse(url)
    path = Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None
    return Store(_engine(parsed, patience_s), parsed.render_as_string(hide_password=True), path, patience_s)


def close_store(store: Store) -> None:
    """Give the connections back. Needed before a file is replaced; otherwise the end of the process does it."""
    store.engine.dispose()


def _parse(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url.replace("postgres://", "postgresql://", 1))
    except sa.exc.ArgumentError as error:
        raise StoreError(
            "The address of the database cannot be read. Set TME_DATABASE_URL to "
            "sqlite:///folder/file.db or postgresql://user:password@host/name."
        ) from error
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise StoreError(f"The database is SQLite or PostgreSQL, not {backend}. Change TME_DATABASE_URL.")
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise StoreError("The database needs a file: what is only in memory is lost. Change TME_DATABASE_URL.")
    return parsed.set(drivername="postgresql+psycopg") if backend == "postgresql" else parsed


def _engine(url: sa.URL, patience_s: float) -> sa.Engine:
    if url.get_backend_name() == "postgresql":
        return sa.create_engine(
            url,
            pool_pre_ping=True,
            max_overflow=20,
            connect_args={"connect_timeout": CONNECT_S, "options": "-c timezone=utc"},
        )
    engine = sa.create_engine(url, max_overflow=20, connect_args={"timeout": patience_s, "isolation_level": None})

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        _use_wal(connection, patience_s)
        for pragma in (
            "foreign_keys = ON",
            "recursive_triggers = ON",  # the triggers that refuse deletion see what INSERT OR REPLACE removes, too
            "synchronous = FULL",  # an answer that was confirmed survives a power cut
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A write that starts as a read may find the file changed and must fail; IMMEDIATE waits for its turn instead.
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _use_wal(connection: sqlite3.Connection, patience_s: float) -> None:
    """Write-ahead log, so that readers and a writer do not wait for each other. The file remembers it."""
    deadline = time.monotonic() + patience_s
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:  # SQLite does not wait by itself here
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S / 10)


def _bring_up_to_date(store: Store) -> None:
    with store.engine.connect() as connection:
        present = current_revision(connection)
    if present != HEAD:
        from core.store.upgrade import upgrade_database  # alembic takes a quarter of a second to import

        upgrade_database(store.engine, store.path)
    if store.path is None:
        return
    if present is None:
        warn_if_lost(store.path)
    else:  # one just made holds nothing yet
        daily_backup(store.path)


def read(store: Store, work: Callable[[sa.Connection], T]) -> T:
    """The result of ``work``, which only reads; it may be run again when the server was restarted."""
    return _run(store, work, write=False)


def write(store: Store, work: Callable[[sa.Connection], T]) -> T:
    """The result of ``work``, all of whose writes are stored, or none.

    ``work`` may be run again when the server was restarted or two writers met: it must write under keys that make a
    second run harmless.
    """
    return _run(store, work, write=True)


def _run(store: Store, work: Callable[[sa.Connection], T], *, write: bool) -> T:
    def once() -> T:
        with store.engine.connect().execution_options(write=write) as connection, connection.begin():
            return work(connection)

    return _attempt(store, once, patience_s=store.patience_s)


def _attempt(store: Store, once: Callable[[], T], *, patience_s: float = 0.0) -> T:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return once()
        except (sa.exc.DBAPIError, sqlite3.Error, sa.exc.TimeoutError) as error:
            if not _is_temporary(error) or time.monotonic() > deadline:
                sentence = _error_message(store, error)
                if sentence is None:
                    raise  # a mistake of ours, not something a person can mend
                raise StoreError(sentence) from error
            time.sleep(_PAUSE_S)


def _is_temporary(error: Exception) -> bool:
    if not isinstance(error, sa.exc.DBAPIError) or isinstance(error.orig, sqlite3.Error):
        return False  # SQLite has waited by itself
    state = getattr(error.orig, "sqlstate", None)
    lost = isinstance(error, sa.exc.OperationalError) and (state is None or state.startswith("08"))
    return error.connection_invalidated or lost or state in _RETRY_STATES


def _error_message(store: Store, error: Exception) -> str | None:
    """What a person is told, with the way out; None when it is nothing that a person can mend."""
    original = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        return _sqlite_message(store, original)
    state = getattr(original, "sqlstate", None) or ""
    server = f"the database server ({store.url})"
    if state == "53100":
        return f"The disk of {server} is full: nothing was stored. Free some space and try again."
    if state == "25006":
        return f"{server.capitalize()} only lets us read: nothing was stored. Connect to the primary server."
    # A refused connection carries no state, only the server's words.
    refused = any(word in str(original) for word in ("authentication", "does not exist", "pg_hba"))
    if state.startswith("28") or state == "3D000" or (not state and refused):
        return f"{server.capitalize()} refuses the name, the password or the database. Check TME_DATABASE_URL."
    if _is_temporary(error) or isinstance(error, sa.exc.TimeoutError):
        return f"{server.capitalize()} does not answer: nothing was stored. See that it runs, then try again."
    return None


def _sqlite_message(store: Store, error: sqlite3.Error) -> str | None:
    path = store.path or Path()
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return (
            f"Another program holds the database {path}: nothing was stored. "
            "Close what has it open, or wait, and try again."
        )
    if name.startswith("SQLITE_FULL"):
        return f"The disk that holds {path} is full: nothing was stored. Free some space and try again."
    if name.startswith("SQLITE_READONLY"):
        return f"The database {path} may only be read: nothing was stored. Check the rights of file and folder."
    if name.startswith("SQLITE_CANTOPEN"):
        return f"The database {path} cannot be opened. Check that its folder exists and may be written to."
    if name.startswith("SQLITE_IOERR"):
        return f"The disk that holds {path} reports an error: nothing was stored. It may be full or failing."
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return f"The database {path} is damaged; it was left as it is. {recovery_advice(path)}"
    return None


def insert(connection: sa.Connection, table: sa.Table) -> Any:
    """An INSERT that knows ON CONFLICT in the dialect of the database."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def frame(connection: sa.Connection, query: sa.Select[Any]) -> pd.DataFrame:
    """The rows of a query as a table whose columns have their types even when there are no rows."""
    result = connection.execute(query)
    table = pd.DataFrame(result.fetchall(), columns=list(result.keys()))
    for column in query.selected_columns:
        table[column.name] = _typed(table[column.name], column.type)
    return table


def in_parts(ids: Iterable[T]) -> list[list[T]]:
    """The ids, each once, in as many lists as it takes queries to ask about them."""
    distinct = list(dict.fromkeys(ids))
    return [distinct[k : k + IDS_AT_ONCE] for k in range(0, len(distinct), IDS_AT_ONCE)]


def by_clip(store: Store, query: sa.Select[Any], clip_id: sa.ColumnElement[str], ids: Iterable[str]) -> pd.DataFrame:
    """The rows of a query about these clips, however many, index clip_id.

    query : has a column clip_id.  clip_id : what is compared with the ids.
    """
    parts = in_parts(ids) or [[]]  # without ids the table has its columns and their types
    found = read(store, lambda c: [frame(c, query.where(clip_id.in_(part))) for part in parts])
    return pd.concat(found).set_index("clip_id")


def _typed(values: pd.Series, kind: sa.types.TypeEngine[Any]) -> pd.Series:
    if isinstance(kind, UtcTime):
        return pd.to_datetime(values, utc=True).astype("datetime64[us, UTC]")
    if isinstance(kind, sa.Boolean):
        return values.astype(bool)
    if isinstance(kind, sa.Integer):
        return values.astype("Int64")
    if isinstance(kind, sa.Float):
        return values.astype(float)
    return values.astype("str")
