"""Commands that back up the feedback database and restore it: SQLite as a file, PostgreSQL with its own programs."""

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import StoreError
from core.settings import Settings

if TYPE_CHECKING:
    from core.store.connection import Store


def backup() -> None:
    """Copy the feedback database. SQLite: into its own folder. PostgreSQL: into the folder backups of the data folder.

    A SQLite file of up to 64 MB is also copied automatically every day.
    """
    store = _database()
    copy = _back_up_file(store.path) if store.path is not None else _back_up_server(store)
    typer.echo(f"The database was copied to {copy}. To restore this copy: python -m core restore {copy.name}")


def restore(
    name: Annotated[str, typer.Argument(help="File name of the backup. Without it, the backups are listed.")] = "",
) -> None:
    """Replace the feedback database by a backup. What was there before stays as a file."""
    from core.store import backups
    from core.store.server_backup import restore_server, server_backups

    store = _database()
    known = {copy.name: copy for copy in (backups(store.path) if store.path else server_backups(_folder()))}
    if not name:
        typer.echo("\n".join(known) or "There are no backups.")
    elif name not in known:
        raise StoreError(f"There is no backup {name!r}. Run the command without a name to list the backups.")
    elif store.path is not None:
        _restore_file(store.path, known[name])
    else:
        before = restore_server(store, known[name])
        typer.echo(f"{name} was restored; what was there before is {before.name}.")


def _back_up_file(path: Path) -> Path:
    from core.store import back_up

    if not path.is_file():
        raise StoreError(f"There is no database {path} yet, so there is nothing to copy.")
    try:
        return back_up(path)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"The database {path} could not be copied: {error}.") from error


def _back_up_server(store: "Store") -> Path:
    from core.store.server_backup import back_up_server

    return back_up_server(store, _folder())


def _restore_file(path: Path, copy: Path) -> None:
    from core import store

    replaced = store.restore(path, copy)
    typer.echo(f"{copy.name} was restored" + (f"; the replaced file is {replaced.name}." if replaced.exists() else "."))


def _folder() -> Path:
    """The folder with the backups of a PostgreSQL database."""
    return Settings().data_dir / "backups"


def _database() -> "Store":
    """The store as it is, without an upgrade; a SQLite file may be damaged."""
    from core.store.connection import connect

    return connect(Settings().database)
