"""Note what happens: an append-only table of events, without names of people and without sound.

Noting costs no answer: when the database fails, the event is lost and the log has one line. Nothing here asks for a
right, because the function that did the work has asked.
"""

import hashlib
import logging
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from core.access import Action, Person, requires
from core.errors import StoreError
from core.settings import Settings
from core.store.checks import now
from core.store.connection import Store, in_parts, read, write
from core.store.schema import events

_LOG = logging.getLogger(__name__)
_PATIENCE_S = 2.0  # an event waits no longer for another writer
_PAUSE_S = 30.0  # after a failure no event is written for so long, so that a dead server slows down nobody
_DAY_S = 24 * 3600.0
_MONTH = timedelta(days=31)
_AT_ONCE = 5000  # rows of one statement


class EventKind(StrEnum):
    """What happened."""

    SCORED = "scored"
    REFUSED = "refused"  # the file holds no usable audio, or the request is not valid
    FAILED = "failed"  # the program's own fault
    SHOWN = "shown"
    PLAYED = "played"
    SKIPPED = "skipped"
    FINISHED = "finished"
    EXPORTED = "exported"
    ANSWERED = "answered"
    SESSION_ENDED = "session ended"
    DRIFT = "drift measured"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    ALARM = "alarm"


class Way(StrEnum):
    """How a clip came, or the page where something was shown or done."""

    PAGE = "page"
    MICROPHONE = "microphone"
    TRACKS = "tracks"
    LIBRARY = "library"
    API = "api"
    COMMAND = "command"
    MOODS = "moods"
    PLAYLISTS = "playlists"
    SESSIONS = "sessions"
    LABEL = "label"
    MAKAM = "makam"
    COPIES = "copies"


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Parameters
    ----------
    way
        One of ``Way``, or empty.
    request_id, session_id
        Random names that tie events together. They name no person. Without a session, it is that of the visit.
    seconds
        How long it took; what it is exactly depends on the kind, see docs/events.md.
    value
        A number that depends on the kind.
    about
        Further facts, as JSON. No names of people, no text that a person typed.
    at
        When it happened; None: now.
    """

    kind: EventKind
    way: Way | str = ""
    request_id: str = ""
    session_id: str = ""
    model_version: str = ""
    clip_id: str = ""
    seconds: float | None = None
    value: float | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None

    def __post_init__(self) -> None:
        EventKind(self.kind)
        if self.way:
            Way(self.way)
        for name in ("seconds", "value"):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                raise ValueError(f"The {name} of an event must be finite, not {number}.")


def record_events(store: Store | None, *happened: Event) -> None:
    """Add events, all in one transaction. When the database fails, they are lost and the log has one line.

    ``TME_EVENTS=off`` switches it off. Once a day, events that are older than ``TME_EVENTS_MONTHS`` are removed.
    """
    settings = Settings()
    if store is None or not happened or settings.events == "off":
        return
    held = store.memory.held
    if time.monotonic() < held.get("events pause", -math.inf):
        return

    def work(c: sa.Connection) -> None:
        for start in range(0, len(rows), _AT_ONCE):
            c.execute(events.insert(), rows[start : start + _AT_ONCE])

    try:
        visit = visit_of(store.by)
        rows = [_row(event, visit) for event in happened]
        write(store, work, patience_s=_PATIENCE_S)
    except StoreError as error:
        held["events pause"] = time.monotonic() + _PAUSE_S
        _LOG.warning("%d events were not noted, and none are for %.0f s: %s", len(happened), _PAUSE_S, error)
        return
    try:
        _prune_daily(store, settings.events_months)
    except StoreError as error:
        _LOG.warning("Old events were not removed; the next try is in a day: %s", error)


def visit_of(by: Person) -> str:
    """Return the name of a visit in events. A part of the session names answers without a name, so it is hashed.

    What is noted on the Sessions page has no visit, so that nobody can find out which client heard what.
    """
    return hashlib.sha256(f"visit {by.session}".encode()).hexdigest()[:16] if by.session else ""


def _row(event: Event, visit: str) -> dict[str, Any]:
    return {
        "at": event.at or now(),
        "kind": str(event.kind),
        "way": str(event.way),
        "request_id": event.request_id[:64],
        "session_id": (event.session_id or ("" if event.way == Way.SESSIONS else visit))[:64],
        "model_version": event.model_version,
        "clip_id": event.clip_id,
        "seconds": event.seconds,
        "value": event.value,
        "about": dict(event.about),
    }


def _prune_daily(store: Store, months: int) -> None:
    """Remove old events once a day, unless the clock of this machine looks wrong.

    There must be events that are one to three months old. A clock that was set far ahead finds none, and would
    otherwise remove everything.
    """
    due, moment = time.monotonic(), now()
    if not months or due < store.memory.held.get("events pruned", -math.inf) + _DAY_S:
        return
    store.memory.held["events pruned"] = due
    recent = sa.select(events.c.event_id).where(events.c.at.between(moment - 3 * _MONTH, moment - _MONTH)).limit(1)
    if read(store, lambda c: c.execute(recent).first()) is not None:
        _prune(store, months_ago(moment, months), patience_s=_PATIENCE_S)


def months_ago(moment: datetime, months: int) -> datetime:
    """Return the first moment of the month that began this many months before the month of ``moment``, in UTC."""
    month = 12 * moment.year + moment.month - 1 - months
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


@requires(Action.SET_RULES)
def prune_events(store: Store, before: datetime) -> int:
    """Remove the events before a moment. Returns how many were removed."""
    return _prune(store, before)


def _prune(store: Store, before: datetime, *, patience_s: float | None = None) -> int:
    from core.store.event_sums import removed_with_totals  # it knows the kinds of this module

    return write(store, lambda c: removed_with_totals(c, events.c.at < before), patience_s=patience_s)


def session_name(session_id: int) -> str:
    """Return the name of a session with a client in the events."""
    return f"session {session_id}"


def insert_event(c: sa.Connection, event: Event) -> None:
    """Add an event in the transaction that stores what it is about."""
    if Settings().events == "on":
        c.execute(events.insert(), [_row(event, "")])


def forget_in_events(c: sa.Connection, *, clip_ids: Iterable[str] = (), session_ids: Iterable[str] = ()) -> None:
    """Take the names of erased clips out of the events, and remove the events of erased sessions.

    Call it in the transaction that erases them. What happened stays counted, but says no more which clip it was. An
    event of a session with a client says how the client felt, so it goes.
    """
    for part in in_parts(clip_ids):
        c.execute(events.update().where(events.c.clip_id.in_(part)).values(clip_id=""))
    for part in in_parts(session_ids):
        c.execute(events.delete().where(events.c.session_id.in_(part)))
