"""Store therapy sessions: the list of pieces as it was made, notes, and the outcome. Each entry is stored at once.

The rules for a session are in `core.playlists.sessions`. All functions work on sessions of the person's own clients
(`core.store.clients`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.access import Action, requires
from core.errors import StoreError
from core.schema import EMOTIONS
from core.store.answers import check_token
from core.store.checks import check_choice, check_text, now
from core.store.clients import ClientGoneError, hold_client, is_own, set_rule
from core.store.connection import Store, empty_log, insert, read, write
from core.store.events import Event, EventKind, Way, forget_in_events, insert_event, session_name
from core.store.schema import MAX_NOTE, client_sessions, clients, session_pieces

RATINGS = (1, 2, 3, 4, 5)  # of a session: 5 is best


@dataclass(frozen=True)
class SessionPiece:
    """A piece of a stored session. row : the row of the playlist.  stopped_s : place in the piece, in seconds."""

    number: int
    piece_id: str
    row: Mapping[str, Any]
    stopped_at: datetime | None = None
    stopped_s: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What a person enters about a session.

    valence, arousal : place on the circle of moods, in [-1, 1] (unpleasant to pleasant, calm to strong).
    rating : one of ``RATINGS``.
    """

    goal: str = ""
    notes: str = ""
    remarks: str = ""
    mood_before: str | None = None
    mood_after: str | None = None
    valence_before: float | None = None
    arousal_before: float | None = None
    valence_after: float | None = None
    arousal_after: float | None = None
    rating: int | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class StoredSession:
    """A session. plan : what was asked for.  vetoes, replacements : as in ``core.store.schema``."""

    id: int
    client_id: int
    code: str
    name: str
    plan: Mapping[str, Any]
    policy: str
    program: str
    vetoes: tuple[Mapping[str, Any], ...]
    replacements: tuple[Mapping[str, Any], ...]
    created_at: datetime
    outcome: Outcome
    pieces: tuple[SessionPiece, ...]

    @property
    def ended(self) -> bool:
        """Whether the session is over: its list does not change any more."""
        return self.outcome.ended_at is not None


@dataclass(frozen=True)
class NewSession:
    """A session to store. rows : rows of the playlist, in order; each has a piece_id."""

    name: str
    plan: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    policy: str
    program: str
    vetoes: Sequence[Mapping[str, Any]] = ()
    replacements: Sequence[Mapping[str, Any]] = ()
    goal: str = ""
    notes: str = ""


def _text(value: Any) -> str:
    return check_text(str(value or ""), "text", longest=MAX_NOTE)


def _mood(value: Any) -> str | None:
    return None if value is None else check_choice(str(value), EMOTIONS, "mood")


def _place(value: Any) -> float | None:
    if value is not None and not -1 <= float(value) <= 1:
        raise StoreError(f"A place on the circle of moods is from -1 to 1, not {value}.")
    return None if value is None else float(value)


def _rating(value: Any) -> int | None:
    if value is not None and value not in RATINGS:
        raise StoreError(f"A rating is from {RATINGS[0]} to {RATINGS[-1]}, not {value}.")
    return None if value is None else int(value)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("goal", "notes", "remarks"), _text),
    **dict.fromkeys(("mood_before", "mood_after"), _mood),
    **dict.fromkeys(("valence_before", "arousal_before", "valence_after", "arousal_after"), _place),
    "rating": _rating,
    **dict.fromkeys(("began_at", "ended_at"), lambda moment: moment),
}


@requires(Action.RUN_SESSIONS)
def add_session(store: Store, client_id: int, new: NewSession, *, token: str) -> int:
    """Store a session of an own client and return its number. The same token stores it once.

    Its vetoes become rules of the client in the same transaction.
    """
    row = {
        "token": check_token(token),
        "client_id": client_id,
        "name": check_text(new.name, "name of the session"),
        "plan": json.dumps(new.plan),
        "policy": new.policy,
        "program": new.program,
        "vetoes": json.dumps(list(new.vetoes)),
        "replacements": json.dumps(list(new.replacements)),
        "created_at": now(),
        "goal": _text(new.goal),
        "notes": _text(new.notes),
        "remarks": "",
    }
    before = sa.select(client_sessions.c.id).where(
        client_sessions.c.token == token, client_sessions.c.client_id == client_id
    )

    def work(c: sa.Connection) -> int:
        hold_client(c, store.by, client_id)
        stored = insert(c, client_sessions).values(row).on_conflict_do_nothing().returning(client_sessions.c.id)
        number = c.execute(stored).scalar()
        if number is None:
            return int(c.execute(before).scalar_one())
        c.execute(sa.insert(session_pieces), _piece_rows(int(number), new.rows))
        for veto in new.vetoes:
            set_rule(c, client_id, veto["piece_id"], rule="never", origin="veto", title=veto["title"])
        return int(number)

    if not new.rows:
        raise StoreError("A session needs at least one piece. Nothing was stored.")
    return write(store, work)


def _piece_rows(session_id: int, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"session_id": session_id, "number": k, "piece_id": row["piece_id"], "data": json.dumps(dict(row))}
        for k, row in enumerate(rows, start=1)
    ]


@requires(Action.RUN_SESSIONS)
def sessions_of(store: Store, client_id: int) -> list[StoredSession]:
    """Return the sessions of an own client, newest first."""
    return read(store, lambda c: _read(c, store, client_sessions.c.client_id == client_id))


@requires(Action.RUN_SESSIONS)
def read_session(store: Store, session_id: int) -> StoredSession:
    """Return a session. Raises ClientGoneError when it is not there or belongs to another person."""
    found = read(store, lambda c: _read(c, store, client_sessions.c.id == session_id))
    if not found:
        raise ClientGoneError("This session is not there: it was deleted, or it belongs to another person.")
    return found[0]


def _read(c: sa.Connection, store: Store, which: sa.ColumnElement[bool]) -> list[StoredSession]:
    query = (
        sa.select(client_sessions, clients.c.code)
        .join(clients, clients.c.id == client_sessions.c.client_id)
        .where(which, is_own(store.by))
        .order_by(client_sessions.c.id.desc())
    )
    rows = c.execute(query).all()
    listed = (
        sa.select(session_pieces)
        .where(session_pieces.c.session_id.in_([row.id for row in rows]))
        .order_by(session_pieces.c.session_id, session_pieces.c.number)
    )
    pieces: dict[int, list[SessionPiece]] = {row.id: [] for row in rows}
    for one in c.execute(listed):
        piece = SessionPiece(one.number, one.piece_id, json.loads(one.data), one.stopped_at, one.stopped_s)
        pieces[one.session_id].append(piece)
    return [
        StoredSession(
            id=row.id,
            client_id=row.client_id,
            code=row.code,
            name=row.name,
            plan=json.loads(row.plan),
            policy=row.policy,
            program=row.program,
            vetoes=tuple(json.loads(row.vetoes)),
            replacements=tuple(json.loads(row.replacements)),
            created_at=row.created_at,
            outcome=Outcome(**{name: getattr(row, name) for name in _CHECKS}),
            pieces=tuple(pieces[row.id]),
        )
        for row in rows
    ]


def _hold_session(c: sa.Connection, store: Store, session_id: int) -> sa.Row[Any]:
    """Return a session and lock its client. Raises ClientGoneError when one of them was deleted meanwhile."""
    query = sa.select(client_sessions.c.client_id).where(client_sessions.c.id == session_id)
    client_id = c.execute(query).scalar()
    if client_id is not None:
        hold_client(c, store.by, client_id)
        row = c.execute(sa.select(client_sessions).where(client_sessions.c.id == session_id)).first()
        if row is not None:
            return row
    raise ClientGoneError("This session is not there any more: it was deleted. Nothing was stored.")


@requires(Action.RUN_SESSIONS)
def note_outcome(store: Store, session_id: int, **entries: Any) -> None:
    """Store entries about a session at once; other entries stay. entries : fields of ``Outcome``."""
    checked = {name: _CHECKS[name](value) for name, value in entries.items()}

    def work(c: sa.Connection) -> None:
        _hold_session(c, store, session_id)
        this = client_sessions.c.id == session_id
        c.execute(sa.update(client_sessions).where(this).values(**checked))
        _note_end(c, c.execute(sa.select(client_sessions).where(this)).one())

    write(store, work)


def _note_end(c: sa.Connection, session: sa.Row[Any]) -> None:
    """Note the end of a session as one event, which a later entry about the same session replaces."""
    forget_in_events(c, session_ids=(session_name(session.id),))
    if session.ended_at is None:
        return
    names = [f"{what}_{when}" for when in ("before", "after") for what in ("valence", "arousal")]
    about = {"before": session.mood_before, "after": session.mood_after, "rating": session.rating}
    about |= {name: getattr(session, name) for name in names}
    length_s = (session.ended_at - session.began_at).total_seconds() if session.began_at else None
    insert_event(
        c,
        Event(
            EventKind.SESSION_ENDED,
            Way.SESSIONS,
            session_id=session_name(session.id),
            seconds=None if length_s is None or length_s < 0 else length_s,  # negative: the clock was set back
            about={name: value for name, value in about.items() if value is not None},
            at=session.ended_at,
        ),
    )


@requires(Action.RUN_SESSIONS)
def note_stop(
    store: Store,
    session_id: int,
    piece: SessionPiece,
    *,
    stopped_at: datetime | None,
    stopped_s: float | None = None,
) -> None:
    """Store when a piece was stopped. stopped_at : None takes the entry back.  stopped_s : place in the piece.

    Raises StoreError when the session has another piece at this number now.
    """
    place = (session_pieces.c.session_id == session_id) & (session_pieces.c.number == piece.number)
    place &= session_pieces.c.piece_id == piece.piece_id
    values = {"stopped_at": stopped_at, "stopped_s": None if stopped_at is None else stopped_s}

    def work(c: sa.Connection) -> None:
        _hold_session(c, store, session_id)
        if not c.execute(sa.update(session_pieces).where(place).values(**values)).rowcount:
            raise StoreError("The list was changed in another tab. Nothing was stored. Look at it again.")

    write(store, work)


@requires(Action.RUN_SESSIONS)
def change_list(
    store: Store,
    session_id: int,
    rows: Sequence[Mapping[str, Any]],
    *,
    before: Sequence[str],
    replacement: Mapping[str, Any],
    veto: Mapping[str, str] | None = None,
) -> None:
    """Store the list of a session after one piece was replaced or left out. All other entries about pieces stay.

    Parameters
    ----------
    rows
        All rows of the new list.
    before
        The piece ids of the list that the person saw.
    replacement
        Object for ``StoredSession.replacements``.
    veto
        piece_id and title of a piece that the client must never hear again; stored together with the list.

    Raises
    ------
    StoreError
        The session is over, or its list was changed meanwhile. Nothing is stored.
    """

    def work(c: sa.Connection) -> None:
        session = _hold_session(c, store, session_id)
        listed = sa.select(session_pieces.c.piece_id).where(session_pieces.c.session_id == session_id)
        if session.ended_at is not None:
            raise StoreError("This session is over, so its list stays as it was. Nothing was stored. Copy the session.")
        if list(c.execute(listed.order_by(session_pieces.c.number)).scalars()) != list(before):
            raise StoreError("The list was changed in another tab. Nothing was stored. Look at it again.")
        _write_list(c, session_id, rows)
        done = [*json.loads(session.replacements), dict(replacement)]
        values: dict[str, Any] = {"replacements": json.dumps(done)}
        if veto is not None:
            set_rule(c, session.client_id, veto["piece_id"], rule="never", origin="veto", title=veto["title"])
            values["vetoes"] = json.dumps([*json.loads(session.vetoes), dict(veto)])
        c.execute(sa.update(client_sessions).where(client_sessions.c.id == session_id).values(**values))

    write(store, work)


def _write_list(c: sa.Connection, session_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace the pieces of a session. A piece that stays in the list stays stopped."""
    here = session_pieces.c.session_id == session_id
    stops = {one.piece_id: (one.stopped_at, one.stopped_s) for one in c.execute(sa.select(session_pieces).where(here))}
    c.execute(sa.delete(session_pieces).where(here))
    added = _piece_rows(session_id, rows)
    for row in added:
        row["stopped_at"], row["stopped_s"] = stops.get(row["piece_id"], (None, None))
    c.execute(sa.insert(session_pieces), added)


@requires(Action.RUN_SESSIONS)
def delete_session(store: Store, session_id: int) -> None:
    """Delete one session with its list and its outcome. It cannot be undone."""

    def work(c: sa.Connection) -> None:
        _hold_session(c, store, session_id)
        c.execute(sa.delete(session_pieces).where(session_pieces.c.session_id == session_id))
        c.execute(sa.delete(client_sessions).where(client_sessions.c.id == session_id))
        forget_in_events(c, session_ids=(session_name(session_id),))

    write(store, work)
    empty_log(store)
