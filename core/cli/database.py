"""Commands that back up the feedback database and restore it."""

import sqlite3
from pathlib import Path
from typing import Annotated

import typer

from core.errors import StoreError
from core.settings import Settings


def backup() -> None:
    """Copy the feedback database into its own folder. Up to 64 MB it is also copied automatically every day."""
    from core.store import back_up

    path = _database_file()
    if not path.is_file():
        raise StoreError(f"There is no database {path} yet, so there is nothing to copy.")
    try:
        copy = back_up(path)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"The database {path} could not be copied: {error}.") from error
    typer.echo(f"The database was copied to {copy}. To restore this copy: python -m core restore {copy.name}")


def restore(
    name: Annotated[str, typer.Argument(help="File name of the backup. Without it, the backups are listed.")] = "",
) -> None:
    """Replace the feedback database by a backup. The replaced file stays in the same folder under a new name."""
    from core import store
    from core.store import backups

    path = _database_file()
    known = {copy.name: copy for copy in backups(path)}
    if not name:
        typer.echo("\n".join(known) or "There are no backups.")
    elif name not in known:
        raise StoreError(f"There is no backup {name!r}. Run the command without a name to list the backups.")
    else:
        replaced = store.restore(path, known[name])
        typer.echo(f"{name} was restored" + (f"; the replaced file is {replaced.name}." if replaced.exists() else "."))


def _database_file() -> Path:
    """The SQLite file of the store; it may be damaged. Raises StoreError when the store is on a server."""
    from core.store.connection import connect

    path = connect(Settings().database).path
    if path is None:
        raise StoreError("This command only works with SQLite. For PostgreSQL use its own tools (pg_dump).")
    return path
