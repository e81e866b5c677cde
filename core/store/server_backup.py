"""Back up a PostgreSQL database into a file, and restore it, with PostgreSQL's own programs.

A backup is a file of pg_dump in the custom format. It appears under its name when it is complete and was read once from
beginning to end. A restore is one transaction: if any step fails, the database stays as it was.
"""

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from core.atomic import replacing
from core.errors import StoreError
from core.store.connection import Store, read

ENDING = ".dump"
PART = (".backup-", ".part")  # prefix and suffix of an unfinished file
ABANDONED_S = 24 * 3600.0  # an unfinished file without writes for this long was left by a killed process
LOCK_WAIT = "10s"  # a restore waits this long for a connection that still uses a table
# The backup may be of an older version: tables and functions that it does not contain must go, too.
_EMPTY_SCHEMA = """
DO $$ DECLARE item record; BEGIN
    FOR item IN SELECT oid::regclass AS name FROM pg_class
        WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
    LOOP EXECUTE format('DROP TABLE %s CASCADE', item.name); END LOOP;
    FOR item IN SELECT oid::regprocedure AS name FROM pg_proc p
        WHERE pronamespace = current_schema()::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
    LOOP EXECUTE format('DROP ROUTINE %s CASCADE', item.name); END LOOP;
END $$
"""


def server_backups(folder: Path) -> list[Path]:
    """List the backups of PostgreSQL databases in a folder, oldest first."""
    return sorted(folder.glob(f"[!.]*{ENDING}"), key=lambda copy: copy.stat().st_mtime_ns)


def back_up_server(store: Store, folder: Path, *, why: str = "asked") -> Path:
    """Write the PostgreSQL database into a file of the folder, check the file, and return its path.

    Other programs may write to the database meanwhile: the file holds the state of one moment. Only the person who
    runs the program may read it.

    why : part of the name, ``NAME.20260102T030405678901Z.<why>.dump``.
    Raises StoreError when the server does not answer, a program is missing, or the file cannot be written.
    """
    name = store.engine.url.database or "postgres"
    copy = folder / f"{Path(name).name}.{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.{why}{ENDING}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_unfinished(folder)
        with replacing(copy, part=PART, mode=0o600) as unfinished:
            _run("pg_dump", "--format=custom", f"--file={unfinished}", store=store)
            _run("pg_restore", "--file=/dev/null", str(unfinished))  # reads all of it
    except OSError as error:
        raise StoreError(f"The backup cannot be written into {folder}: {error.strerror}.") from error
    return copy


def restore_server(store: Store, copy: Path) -> Path:
    """Replace the tables of the PostgreSQL database by a backup, and return a backup of what was there before.

    All happens in one transaction. Raises StoreError when the backup is damaged or is not of this program, when another
    program has the database open, or when a step fails; nothing has changed then.
    """
    if "alembic_version" not in _run("pg_restore", "--list", str(copy)):
        raise StoreError(f"{copy} holds no tables of this program. Choose another backup.")
    _require_alone(store)
    try:
        with tempfile.NamedTemporaryFile(dir=copy.parent, prefix=PART[0], suffix=PART[1]) as script:
            # The script is written to its end first: a damaged backup is noticed before the database is touched.
            _run("pg_restore", "--no-owner", "--no-privileges", f"--file={script.name}", str(copy))
            before = back_up_server(store, copy.parent, why="replaced")
            options = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse", "--output=/dev/null")
            work = ("--single-transaction", f"--command={_EMPTY_SCHEMA}", f"--file={script.name}")
            _run("psql", *options, *work, store=store)
    except OSError as error:
        raise StoreError(f"The backup {copy} was not restored: {error.strerror}. Nothing was changed.") from error
    return before


def _require_alone(store: Store) -> None:
    """Refuse when another program is connected to the database."""
    others = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND usesysid IS NOT NULL AND pid <> pg_backend_pid()"  # the server's own workers have no user
    )
    count = int(read(store, lambda c: c.execute(others).scalar_one()))
    store.engine.dispose()  # the restore must not wait for our own connection
    if count:
        raise StoreError(
            f"The database is in use: other programs have {count} connection{'s' * (count > 1)} to it. Stop the "
            "dashboard, the API and all jobs, then try again. Nothing was changed."
        )


def _run(program: str, *words: str, store: Store | None = None) -> str:
    """Run a program of PostgreSQL and return its output. Its password is in its environment, which others cannot read.

    store : the database that the program connects to.  Raises StoreError with the program's own reason.
    """
    if shutil.which(program) is None:
        raise StoreError(
            f"The program {program} of PostgreSQL is not installed. Install the client programs of the server's "
            "version (Debian: apt-get install postgresql-client), then try again."
        )
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    if store is not None:
        from psycopg.conninfo import make_conninfo

        _, options = store.engine.dialect.create_connect_args(store.engine.url)
        options.pop("context", None)  # psycopg's own, not the server's
        environment["PGPASSWORD"] = str(options.pop("password", environment.get("PGPASSWORD", "")))
        options["options"] = f"{options.get('options', '')} -c lock_timeout={LOCK_WAIT}"
        words = (f"--dbname={make_conninfo('', **options)}", "--no-password", *words)
    done = subprocess.run([program, *words], env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise StoreError(f"{program} stopped: {_reason(done.stderr)}. Nothing was changed.")
    return done.stdout


def _reason(errors: str) -> str:
    """Return the first error of a program. The lines after it can hold values of rows."""
    lines = [line for line in errors.splitlines() if "error:" in line.lower()]
    return (lines or errors.splitlines() or ["it gave no reason"])[0].strip().rstrip(".")


def _remove_unfinished(folder: Path) -> None:
    for part in folder.glob("*".join(PART)):
        with suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > ABANDONED_S:
                part.unlink()
