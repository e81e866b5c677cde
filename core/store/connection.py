"""Open the database, and run work in one transaction with retries."""

import logging
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
import sqlalchemy as sa
from pandas.api.extensions import ExtensionArray
from sqlalchemy.dialects import postgresql, sqlite

from core.access import Person
from core.errors import StoreDownError, StoreError
from core.store.backup import daily_backup, warn_if_lost
from core.store.database_errors import is_temporary, message_of
from core.store.revision import current_revision
from core.store.schema import HEAD, UtcTime
from core.store.watch import Watch, bump, only_one, prepare, separate

T = TypeVar("T")

PATIENCE_S = 30.0  # a write waits this long for another writer, or for a server that is being restarted
_ROWS_AT_ONCE = 20_000  # rows that become columns together
IDS_AT_ONCE = 1000  # ids in one query; SQLite allows 32,766 parameters
CONNECT_S = 5  # timeout of a connection to a server
_PAUSE_S = 0.2  # between two attempts
_LOG = logging.getLogger(__name__)


class Memory:
    """What functions remember about one open database, under names."""

    def __init__(self) -> None:
        self.held: dict[str, Any] = {}
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        self._naming = threading.Lock()

    def lock_of(self, name: str) -> threading.RLock:
        """Return the lock to hold while what has this name is made: other names need not wait for it."""
        with self._naming:
            return self._locks[name]


@dataclass(frozen=True, eq=False)
class Store:
    """An open database. Threads may share it; a forked process must open its own.

    Parameters
    ----------
    url
        Address of the database, without the password.
    path
        The SQLite file; None for a server.
    patience_s
        Seconds that a write waits for another writer, or for a server that is being restarted.
    ask
        Returns the person who uses the store; asked again for each action, because a role can change meanwhile.
    watch
        Notices when the SQLite file is moved, replaced or overwritten; None for a server.
    memory
        What functions remember about the open database, shared by all people who use it.
    """

    engine: sa.Engine
    url: str
    path: Path | None
    patience_s: float = PATIENCE_S
    watch: Watch | None = None
    reopening: threading.Lock = field(default_factory=threading.Lock)
    ask: Callable[[], Person] = Person.machine_owner
    memory: Memory = field(default_factory=Memory)

    @property
    def by(self) -> Person:
        """The person who uses the store."""
        return self.ask()

    @property
    def reopened(self) -> int:
        """How often the SQLite file became another one while it was open; 0 for a server."""
        return 0 if self.watch is None else self.watch.reopened

    def asked_by(self, ask: Callable[[], Person]) -> "Store":
        """The same database for another person."""
        return replace(self, ask=ask)

    def as_now(self) -> "Store":
        """The same database for the person as they are now, for work that goes on outside their session."""
        person = self.ask()
        return replace(self, ask=lambda: person)

    def for_program(self) -> "Store":
        """The same database for the program itself, which computes something that everybody may see."""
        return replace(self, ask=Person.machine_owner)


def open_store(url: str, *, patience_s: float = PATIENCE_S) -> Store:
    """Open the database; create it or upgrade its schema first when needed.

    The store belongs to the person at the command line, who owns the machine. A page gives it to its own person
    (``Store.asked_by``).

    A SQLite file is backed up before an upgrade, and once a day when it has at most 64 MB and the disk has space (see
    ``core.store.backup``). Several processes may open a new database at the same time.

    Parameters
    ----------
    url
        ``sqlite:///path/to/file.db`` or ``postgresql://user:password@host/name``.
    patience_s
        Seconds that a write waits for another writer, or for a server that is being restarted.

    Raises
    ------
    StoreError
        When the database cannot be opened, is damaged, is read-only, was made by a newer version of the program, or
        needs an upgrade and cannot be backed up first.
    """
    store = connect(url, patience_s=patience_s)
    path = store.path
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            prepare(path)
        _attempt(store, lambda: _bring_up_to_date(store))
    except OSError as error:
        close_store(store)
        raise StoreError(f"The database {path} cannot be opened: {error.strerror}.") from error
    except StoreError:
        close_store(store)
        raise
    return store


def connect(url: str, *, patience_s: float = PATIENCE_S) -> Store:
    """Connect to the database as it is, without creating, checking or upgrading it. Pages call ``open_store``."""
    parsed = _parse(url)
    path = Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None
    watch = None if path is None else Watch(path)
    return Store(_engine(parsed, patience_s), parsed.render_as_string(hide_password=True), path, patience_s, watch)


def close_store(store: Store) -> None:
    """Close all connections. Required before a file is replaced; otherwise the end of the process closes them."""
    store.engine.dispose()


def _parse(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url.replace("postgres://", "postgresql://", 1))
    except sa.exc.ArgumentError as error:
        raise StoreError(
            "The address of the database is not valid. Set TME_DATABASE_URL to "
            "sqlite:///folder/file.db or postgresql://user:password@host/name."
        ) from error
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise StoreError(f"The database must be SQLite or PostgreSQL, not {backend}. Change TME_DATABASE_URL.")
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise StoreError("The database needs a file: data in memory would be lost. Change TME_DATABASE_URL.")
    return parsed.set(drivername="postgresql+psycopg") if backend == "postgresql" else parsed


def _engine(url: sa.URL, patience_s: float) -> sa.Engine:
    if url.get_backend_name() == "postgresql":
        return sa.create_engine(
            url,
            pool_pre_ping=True,
            hide_parameters=True,
            max_overflow=20,
            connect_args={"connect_timeout": CONNECT_S, "options": "-c timezone=utc"},
        )
    options = {"timeout": patience_s, "isolation_level": None}
    # Parameters are titles, names and answers: no error message and no log may contain them.
    engine = sa.create_engine(url, max_overflow=20, hide_parameters=True, connect_args=options)

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        _use_wal(connection, patience_s)
        for pragma in (
            "foreign_keys = ON",
            "recursive_triggers = ON",  # INSERT OR REPLACE then fires the triggers that refuse deletion, too
            "synchronous = FULL",  # a confirmed answer survives a power cut
            "secure_delete = ON",  # the file does not hold what was deleted: it may be about a client
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A transaction that reads before it writes fails when another writer was faster; IMMEDIATE waits instead.
        options = connection.get_execution_options()
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(1000 * options.get('patience_s', patience_s))}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("write", False) else "BEGIN")

    return engine


def _use_wal(connection: sqlite3.Connection, patience_s: float) -> None:
    """Switch the file to a write-ahead log, so that readers and a writer do not block each other. The file keeps it."""
    deadline = time.monotonic() + patience_s
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:  # SQLite's busy timeout does not apply to this pragma
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
    else:  # a new database is empty and needs no backup
        daily_backup(store.path)


def read(store: Store, work: Callable[[sa.Connection], T]) -> T:
    """Run ``work``, which only reads, and return its result. It is retried when the server was restarted.

    All its queries see one state of the database: nothing is stored or erased between two of them.
    """
    return _run(store, work, write=False)


def write(store: Store, work: Callable[[sa.Connection], T], *, patience_s: float | None = None) -> T:
    """Run ``work`` in one transaction and return its result: all of its writes are stored, or none.

    ``work`` is retried when the server was restarted or two writers conflicted, so it must be idempotent: it writes
    under keys that make a second run harmless.

    patience_s : seconds to wait for another writer or for the server; None: as the store says.
    """
    return _run(store, work, write=True, patience_s=patience_s)


def empty_log(store: Store) -> None:
    """Write the log of the SQLite file into the file, so that neither of them holds what was deleted before.

    While another connection reads, SQLite does this later.
    """
    if store.path is None:
        return
    with store.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _run(store: Store, work: Callable[[sa.Connection], T], *, write: bool, patience_s: float | None = None) -> T:
    patience_s = store.patience_s if patience_s is None else patience_s
    options: dict[str, Any] = {"write": write, "patience_s": patience_s}
    if store.path is None and not write:
        options["isolation_level"] = "REPEATABLE READ"  # SQLite reads one state anyway

    def once() -> T:
        times = _follow_file(store)
        with store.engine.connect().execution_options(**options) as connection, connection.begin():
            result = _counted(connection, work) if write and store.path is not None else work(connection)
        # Somebody may have exchanged the file before the commit. Then the work is done again in the new one.
        return once() if write and _follow_file(store) != times else result

    return _attempt(store, once, patience_s=patience_s)


def _counted(connection: sa.Connection, work: Callable[[sa.Connection], T]) -> T:
    """Run work, and count the transaction in the SQLite file when it changes something."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    before = driver.total_changes
    result = work(connection)
    if driver.total_changes != before:
        bump(driver)
    return result


def _follow_file(store: Store) -> int:
    """Open the SQLite file again when it was replaced or overwritten. Returns how often this has happened.

    Raises StoreError when there is no file any more, or when the new file is not a database of this program.
    """
    watch = store.watch
    if watch is None:
        return 0
    with store.reopening:
        change = watch.change()
        if change in ("gone", "replaced", "log gone"):
            _complete_old_file(store)
        if change == "gone":
            raise StoreDownError(
                f"The database {store.path} is not there any more: it was moved or deleted while the program was "
                "running. Nothing was stored. Put the file back, or start the program again with an empty database."
            )
        if change == "log gone":
            store.engine.dispose()
            watch.seen = None
        elif change is not None:
            _reopen(store, watch, overwritten=change == "overwritten")
        return watch.reopened


def _complete_old_file(store: Store) -> None:
    """Write the log of the file that the connections have open into this file, wherever it is now."""
    if isinstance(store.engine.pool, sa.QueuePool) and store.engine.pool.checkedin():  # a new one would open the path
        with store.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.execute("PRAGMA wal_checkpoint(FULL)")


def _reopen(store: Store, watch: Watch, *, overwritten: bool) -> None:
    path = watch.path
    with only_one(path):
        if overwritten:
            separate(path)
        else:
            watch.set_aside_old_log()
    store.engine.dispose()
    prepare(path)
    with store.engine.connect() as connection:
        known = current_revision(connection) is not None
    if not known:
        store.engine.dispose()
        raise StoreError(
            f"The database {path} was replaced by a file without the tables of this program. Nothing was stored. "
            "Put the right file into its place, or start the program again to use this one."
        )
    _bring_up_to_date(store)
    watch.forget()
    watch.change()
    _LOG.warning("%s was replaced while the program was running. The program uses the new file now.", path)


def _attempt(store: Store, once: Callable[[], T], *, patience_s: float = 0.0) -> T:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return once()
        except (sa.exc.DBAPIError, sqlite3.Error, sa.exc.TimeoutError) as error:
            if not is_temporary(error) or time.monotonic() > deadline:
                message = message_of(error, url=store.url, path=store.path)
                if message is None:
                    raise  # a bug, which the user cannot fix
                raise StoreDownError(message) from error
            time.sleep(_PAUSE_S)


def insert(connection: sa.Connection, table: sa.Table) -> Any:
    """Return an INSERT statement that supports ON CONFLICT in the dialect of the database."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def frame(connection: sa.Connection, query: sa.Select[Any]) -> pd.DataFrame:
    """Return the rows of a query as a table; columns have their types even when there are no rows.

    Rows become columns in parts, because a row of objects needs ten times the memory of its place in the columns.
    """
    result = connection.execute(query)
    names, kinds = list(result.keys()), {column.name: column.type for column in query.selected_columns}
    parts = [_table(zip(*rows, strict=True), names, kinds) for rows in result.partitions(_ROWS_AT_ONCE)]
    if not parts:
        return _table([()] * len(names), names, kinds)
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def _table(columns: Iterable[Sequence[Any]], names: Sequence[str], kinds: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame({name: _typed(values, kinds[name]) for name, values in zip(names, columns, strict=True)})


def remembered(store: Store, name: str, key: tuple[object, ...], make: Callable[[], T]) -> T:
    """Return what ``make`` made for this key, or make it. One value is remembered under each name.

    All people who use the store share the value: do not change it, and let it depend on no person.
    """
    with store.memory.lock_of(name):
        known = store.memory.held.get(name)
        if known is None or known[0] != key:
            known = store.memory.held[name] = (key, make())
        return cast(T, known[1])


def in_parts(ids: Iterable[T]) -> list[list[T]]:
    """Remove duplicates from ids and split them into lists of at most ``IDS_AT_ONCE``, one for each query."""
    distinct = list(dict.fromkeys(ids))
    return [distinct[k : k + IDS_AT_ONCE] for k in range(0, len(distinct), IDS_AT_ONCE)]


def by_clip(store: Store, query: sa.Select[Any], clip_id: sa.ColumnElement[str], ids: Iterable[str]) -> pd.DataFrame:
    """Run a query for these clips, however many, and return its rows with index clip_id.

    Parameters
    ----------
    query
        A query with a column clip_id.
    clip_id
        The database column that is compared with the ids.
    """
    parts = in_parts(ids) or [[]]  # without ids, one empty query gives the columns and their types
    tables = read(store, lambda c: [frame(c, query.where(clip_id.in_(part))) for part in parts])
    return pd.concat(tables).set_index("clip_id")


def _typed(values: Sequence[Any], kind: sa.types.TypeEngine[Any]) -> np.ndarray | ExtensionArray:
    """Values of one column as an array: a table that is made of arrays takes a third of the time of other ways."""
    if isinstance(kind, UtcTime):
        return pd.to_datetime(pd.Series(values, dtype=object), utc=True).astype("datetime64[us, UTC]").array
    if isinstance(kind, sa.Boolean):
        return np.fromiter(map(bool, values), dtype=bool, count=len(values))
    if isinstance(kind, sa.Integer):
        return pd.array(values, dtype="Int64")
    if isinstance(kind, sa.Float):
        return np.array(values, dtype=float)  # NaN for None
    return pd.array(values, dtype="str")
