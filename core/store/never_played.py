"""Store the list of pieces and folders that no playlist uses."""

import hashlib

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.errors import StoreError
from core.store.checks import check_choice, check_text, now
from core.store.connection import Store, frame, insert, read, write
from core.store.schema import NEVER_KINDS, never_played

MAX_PLACE = 4000  # characters of a folder's path


@requires(Action.SET_NEVER)
def never_play(store: Store, kind: str, value: str, *, name: str = "") -> str:
    """Put a piece or a folder on the list, and return the id of its row. A second time changes nothing.

    Parameters
    ----------
    kind
        One of ``NEVER_KINDS``.
    value
        Hash of the piece's content, or path of the folder.
    name
        Name of the piece for the list.
    """
    check_choice(kind, NEVER_KINDS, "kind of entry")
    value = check_text(value, kind, longest=MAX_PLACE)
    if not value:
        raise StoreError(f"The {kind} has no name, so it cannot be put on the list.")
    row = {
        "id": hashlib.sha256(f"{kind}\n{value}".encode()).hexdigest(),
        "kind": kind,
        "value": value,
        "name": check_text(name, "name", longest=MAX_PLACE),
        "put_by": store.by.mark,
        "created_at": now(),
    }
    write(store, lambda c: c.execute(insert(c, never_played).values(row).on_conflict_do_nothing()))
    return str(row["id"])


@requires(Action.SET_NEVER)
def play_again(store: Store, entry_id: str) -> bool:
    """Take an entry off the list. Returns False when somebody else has done so before."""
    query = never_played.delete().where(never_played.c.id == entry_id)
    return bool(write(store, lambda c: c.execute(query).rowcount))


@requires(Action.SEE_LIBRARY)
def never_table(store: Store) -> pd.DataFrame:
    """Return the list, newest first: id, kind, value, name, put_by (empty without a name), created_at."""
    query = sa.select(never_played).order_by(never_played.c.created_at.desc(), never_played.c.id)
    return read(store, lambda c: frame(c, query))
