"""Store clients of therapists: a code and no name, and the pieces that each client must or must never hear.

A client belongs to the person who entered the code. Every function here and in `core.store.sessions` looks for the
client among those of the person who asks. So nobody else learns that a client exists.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import Action, Person, requires
from core.errors import StoreError
from core.store.answers import rater_name
from core.store.checks import check_choice, check_text, normalised_line, now
from core.store.connection import Store, empty_log, frame, insert, read, write
from core.store.events import forget_in_events, session_name
from core.store.schema import (
    MAX_CODE,
    MAX_TRACK,
    PIECE_RULES,
    RULE_ORIGINS,
    client_pieces,
    client_sessions,
    clients,
    session_pieces,
)
from core.turkish import fold

_CODE = re.compile(r"(?=.*\d)[\w./-]+")  # one digit at least, and no blank: few names are written like this


class ClientGoneError(StoreError):
    """The client or session is not there: it was deleted, or it belongs to another person."""


@dataclass(frozen=True)
class Client:
    """A client.

    sessions : number of stored sessions.  last_at : when the newest of them was stored.
    handed_by, handed_at : who handed the client over to its present owner, and when; empty and None if nobody did.
    """

    id: int
    code: str
    sessions: int = 0
    last_at: datetime | None = None
    handed_by: str = ""
    handed_at: datetime | None = None


@dataclass(frozen=True)
class DeletedClient:
    """What was deleted with a client. pieces : number of rules for pieces."""

    code: str
    sessions: int
    pieces: int


def client_code(text: str) -> str:
    """Return the code of a client. Raises StoreError when the text could be a name or is too long."""
    code = normalised_line(text, "code of the client")
    if not _CODE.fullmatch(code) or len(code) > MAX_CODE or len(fold(code)) > 2 * MAX_CODE:
        raise StoreError(
            f"A client's code has 1 to {MAX_CODE} letters, digits and signs (- _ . /), at least one digit and no "
            "blank, such as K-12. Do not use a name."
        )
    return code


def is_own(by: Person) -> sa.ColumnElement[bool]:
    """Return the condition for clients of this person. Raises StoreError for a person without a name."""
    if not by.name and by.session:
        raise StoreError("Sessions are stored under your name. Give your name on the Sessions page first.")
    return (clients.c.owner == by.name) & (clients.c.owner_verified == by.verified)


def hold_client(c: sa.Connection, by: Person, client_id: int) -> str:
    """Return the code of an own client and lock it until the end of the transaction.

    Raises ClientGoneError when it was deleted meanwhile: then nothing may be written.
    """
    own = sa.select(clients.c.code).where(clients.c.id == client_id, is_own(by)).with_for_update()
    code = c.execute(own).scalar()
    if code is None:
        raise ClientGoneError(
            "This client is not there any more: the client was deleted with all sessions. Nothing was stored."
        )
    return str(code)


@requires(Action.RUN_SESSIONS)
def add_client(store: Store, code: str) -> Client:
    """Store a client of the person who asks. Raises StoreError when the person has a client with this code."""
    by, shown = store.by, client_code(code)
    row = {
        "owner": by.name,
        "owner_verified": by.verified,
        "code": shown,
        "folded": fold(shown),
        "created_at": now(),
    }
    known = sa.select(clients.c.code).where(is_own(by), clients.c.folded == row["folded"])

    def work(c: sa.Connection) -> int | None:
        stored = insert(c, clients).values(row).on_conflict_do_nothing().returning(clients.c.id)
        return c.execute(stored).scalar()

    added = write(store, work)
    if added is None:
        there = read(store, lambda c: c.execute(known).scalar())
        raise StoreError(f"You already have a client with the code {there or shown}. Choose another code.")
    return Client(int(added), shown)


@requires(Action.RUN_SESSIONS)
def own_clients(store: Store) -> list[Client]:
    """Return the clients of the person who asks, in the order of their codes."""
    moment = client_sessions.c.created_at
    query = (
        sa.select(
            clients.c.id,
            clients.c.code,
            sa.func.count(client_sessions.c.id).label("sessions"),
            sa.func.max(moment, type_=moment.type).label("last_at"),
            clients.c.handed_by,
            clients.c.handed_at,
        )
        .outerjoin(client_sessions, client_sessions.c.client_id == clients.c.id)
        .where(is_own(store.by))
        .group_by(clients.c.id, clients.c.code, clients.c.folded, clients.c.handed_by, clients.c.handed_at)
        .order_by(clients.c.folded)
    )
    rows = read(store, lambda c: c.execute(query).all())
    return [Client(int(row.id), row.code, int(row.sessions), row.last_at, row.handed_by, row.handed_at) for row in rows]


@requires(Action.RUN_SESSIONS)
def set_client_piece(
    store: Store, client_id: int, piece_id: str, *, title: str, rule: str | None, origin: str = "list"
) -> None:
    """Set the rule for a piece of a client; it replaces the earlier rule. rule : one of ``PIECE_RULES``, or None."""

    def work(c: sa.Connection) -> None:
        hold_client(c, store.by, client_id)
        set_rule(c, client_id, piece_id, title=title, rule=rule, origin=origin)

    write(store, work)


def set_rule(c: sa.Connection, client_id: int, piece_id: str, *, title: str, rule: str | None, origin: str) -> None:
    """Set or remove the rule for a piece of a client whose row this transaction holds (``hold_client``)."""
    key = {"client_id": client_id, "piece_id": check_text(piece_id, "hash of the piece", longest=128)}
    if rule is None:
        c.execute(sa.delete(client_pieces).where(*(client_pieces.c[name] == value for name, value in key.items())))
        return
    row: dict[str, Any] = {
        "rule": check_choice(rule, PIECE_RULES, "rule for a piece"),
        "origin": check_choice(origin, RULE_ORIGINS, "origin of a rule"),
        "title": check_text(title[:MAX_TRACK], "title of the piece"),
        "created_at": now(),
    }
    stored = insert(c, client_pieces).values(key | row)
    c.execute(stored.on_conflict_do_update(index_elements=list(key), set_=row))


@requires(Action.RUN_SESSIONS)
def client_pieces_table(store: Store, client_id: int) -> pd.DataFrame:
    """Return the rules for pieces of a client, newest first: columns piece_id, rule, origin, title, created_at."""
    query = (
        sa.select(*(client_pieces.c[name] for name in ("piece_id", "rule", "origin", "title", "created_at")))
        .join(clients, clients.c.id == client_pieces.c.client_id)
        .where(clients.c.id == client_id, is_own(store.by))
        .order_by(client_pieces.c.created_at.desc(), client_pieces.c.piece_id)
    )
    return read(store, lambda c: frame(c, query))


@requires(Action.RUN_SESSIONS)
def delete_client(store: Store, client_id: int) -> DeletedClient:
    """Delete an own client with all sessions and all rules for pieces. It cannot be undone.

    The SQLite file does not hold the deleted text afterwards. Copies of the database that were made before do.
    """

    def work(c: sa.Connection) -> DeletedClient:
        code = hold_client(c, store.by, client_id)
        sessions = sa.select(client_sessions.c.id).where(client_sessions.c.client_id == client_id)
        forget_in_events(c, session_ids=map(session_name, c.execute(sessions).scalars().all()))
        c.execute(sa.delete(session_pieces).where(session_pieces.c.session_id.in_(sessions)))
        removed = [
            c.execute(sa.delete(table).where(table.c.client_id == client_id)).rowcount
            for table in (client_sessions, client_pieces)
        ]
        c.execute(sa.delete(clients).where(clients.c.id == client_id))
        return DeletedClient(code, *removed)

    deleted = write(store, work)
    empty_log(store)
    return deleted


@requires(Action.HAND_OVER_CLIENTS)
def client_counts(store: Store) -> pd.DataFrame:
    """Return the number of clients and sessions of each person, without codes and content.

    Columns: owner, owner_verified, clients, sessions.
    """
    of = (clients.c.owner, clients.c.owner_verified)
    query = (
        sa.select(
            *of,
            sa.func.count(sa.distinct(clients.c.id)).label("clients"),
            sa.func.count(client_sessions.c.id).label("sessions"),
        )
        .outerjoin(client_sessions, client_sessions.c.client_id == clients.c.id)
        .group_by(*of)
        .order_by(*of)
    )
    return read(store, lambda c: frame(c, query))


@requires(Action.HAND_OVER_CLIENTS)
def hand_over_clients(store: Store, owner: str, verified: bool, *, to: str, to_verified: bool) -> int:
    """Give all clients of one person to another person, and return their number. The new owner sees who did it.

    Raises StoreError when the new owner is the person who asks, when both persons have a client with the same code, or
    when there is nothing to hand over.
    """
    by = store.by
    receiver = rater_name(to)
    theirs = (clients.c.owner == owner) & (clients.c.owner_verified == verified)
    receivers = sa.select(clients.c.folded).where(clients.c.owner == receiver, clients.c.owner_verified == to_verified)

    def work(c: sa.Connection) -> int:
        if (owner, verified) == (receiver, to_verified):
            raise StoreError("Both persons are the same. Nothing was changed. Choose another person.")
        if by.owns(receiver, to_verified):
            raise StoreError(
                "Nobody can hand clients over to themselves: you could read the notes of others. Nothing was changed. "
                "Ask another analyst."
            )
        twice = c.execute(sa.select(sa.func.count()).where(theirs, clients.c.folded.in_(receivers))).scalar()
        if twice:
            raise StoreError(
                f"Both persons have {twice} of the same client codes. Nothing was changed. Ask one of them to choose "
                "other codes."
            )
        given = {"owner": receiver, "owner_verified": to_verified, "handed_by": by.mark, "handed_at": now()}
        return c.execute(sa.update(clients).where(theirs).values(given)).rowcount

    count = write(store, work)
    if not count:
        raise StoreError(f"{owner} has no clients. Nothing was changed.")
    return count
