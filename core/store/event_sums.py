"""Totals of all events since the beginning, for counters that must never fall.

Events are removed after some time, so the totals of old events are stored in a setting. Only newer events are counted
anew. The newest rows are never part of the stored totals, because in PostgreSQL a row can become visible after one with
a higher number. Numbers of rows are used and not times, so a wrong clock changes no total.
"""

import json
from collections import Counter
from typing import Any

import sqlalchemy as sa

from core.access import Action, requires
from core.stages import Stage
from core.store.checks import now
from core.store.connection import Store, insert, read, write
from core.store.events import EventKind
from core.store.schema import EVENT_TOTALS, events, settings

EDGES = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 5.0, 10.0, 30.0)  # seconds; 2 is the promise
TOTAL = "total"  # stage: from the bytes to the decision, with the time in the line
STAGES = (*map(str, Stage), TOTAL)
_VERSION = 1  # of the names of the totals; another one counts all events anew
_RECENT = 1000  # newest rows that are always counted anew
_SLICE = 50_000  # rows that are added to the stored totals at once
_LEAST_SLICE = 5000

Totals = Counter[tuple[str, ...]]  # name and labels of a counter -> its value


@requires(Action.SEE_MONITORING)
def event_totals(store: Store) -> Totals:
    """Return the totals of all events, also of those that were removed.

    Keys: ("clips", outcome, way), ("decisions", decision), ("guesses", emotion), ("unlike",), ("synthetic",),
    ("answers", way),
    ("exports", way), ("plays", outcome, way), ("le", stage, edge), ("seconds", stage) and ("timed", stage).
    """
    while _advance(store):
        pass

    def work(c: sa.Connection) -> Totals:
        upto, totals = _stored(c)
        return totals + _count(c, events.c.event_id > upto)

    return read(store, work)


def removed_with_totals(c: sa.Connection, gone: sa.ColumnElement[bool]) -> int:
    """Remove events and keep their totals; in the caller's transaction. Returns how many were removed."""
    upto, totals = _stored(c, hold=True)
    totals += _count(c, (events.c.event_id > upto) & gone)
    _store(c, upto, totals)
    return c.execute(events.delete().where(gone)).rowcount


def _advance(store: Store) -> bool:
    """Add old rows to the stored totals. Returns whether there are more."""
    newest = sa.select(sa.func.max(events.c.event_id))

    def behind(c: sa.Connection) -> int:
        return (c.execute(newest).scalar() or 0) - _RECENT - _stored(c)[0]

    if read(store, behind) < _LEAST_SLICE:
        return False

    def work(c: sa.Connection) -> int:
        upto, totals = _stored(c, hold=True)
        last = min((c.execute(newest).scalar() or 0) - _RECENT, upto + _SLICE)
        if last > upto:
            _store(c, last, totals + _count(c, (events.c.event_id > upto) & (events.c.event_id <= last)))
        return behind(c)

    return write(store, work) >= _LEAST_SLICE


def _stored(c: sa.Connection, *, hold: bool = False) -> tuple[int, Totals]:
    """Return the number of the last row in the stored totals, and the totals. hold : nobody changes them meanwhile."""
    query = sa.select(settings.c.value).where(settings.c.key == EVENT_TOTALS)
    if hold:  # the row must exist to be locked
        first = {"key": EVENT_TOTALS, "value": "{}", "changed_at": now()}
        c.execute(insert(c, settings).values(first).on_conflict_do_nothing())
        query = query.with_for_update()
    known = json.loads(c.execute(query).scalar() or "{}")
    if known.get("version") != _VERSION or known.get("edges") != list(EDGES):
        return 0, Counter()
    return int(known["upto"]), Counter({tuple(name): number for name, number in known["totals"]})


def _store(c: sa.Connection, upto: int, totals: Totals) -> None:
    value = {"version": _VERSION, "edges": EDGES, "upto": upto, "totals": [[list(k), n] for k, n in totals.items()]}
    row = {"value": json.dumps(value), "changed_at": now()}
    c.execute(settings.update().where(settings.c.key == EVENT_TOTALS).values(row))


_OUTCOMES = {str(kind) for kind in (EventKind.SCORED, EventKind.REFUSED, EventKind.FAILED)}
_PLAYS = {str(kind) for kind in (EventKind.PLAYED, EventKind.SKIPPED, EventKind.FINISHED)}


def _count(c: sa.Connection, which: sa.ColumnElement[bool]) -> Totals:
    """Count the chosen events. The database reads the JSON of each row once and returns a few dozen rows."""
    scored = events.c.kind == str(EventKind.SCORED)
    fact = events.c.about
    seconds = {name: fact["stages"][name].as_float() for name in map(str, Stage)} | {TOTAL: events.c.seconds}
    read_once = (
        sa.select(
            events.c.kind,
            events.c.way,
            *(sa.case((scored, fact[name].as_string())).label(name) for name in ("decision", "guess")),
            *(sa.case((scored, fact[name].as_boolean())).label(name) for name in ("unlike", "synthetic")),
            *(sa.case((scored, value)).label(name) for name, value in seconds.items()),
        )
        .where(which)
        .cte("chosen")
        .prefix_with("MATERIALIZED")
    )
    groups = [read_once.c[name] for name in ("kind", "way", "decision", "guess", "unlike", "synthetic")]
    figures: list[sa.ColumnElement[Any]] = [sa.func.count().label("n")]
    for name in STAGES:
        value = read_once.c[name]
        figures.append(sa.func.count(value).label(f"timed {name}"))
        figures.append(sa.func.coalesce(sa.func.sum(value), 0.0).label(f"seconds {name}"))
        figures.extend(sa.func.count().filter(value <= edge).label(f"{name} {edge}") for edge in EDGES)
    totals: Totals = Counter()
    for row in c.execute(sa.select(*groups, *figures).group_by(*groups)).mappings():
        _add(totals, row)
    return totals


def _add(totals: Totals, row: sa.RowMapping) -> None:
    kind, way, n = row["kind"], row["way"], row["n"]
    if kind in _OUTCOMES:
        totals["clips", kind, way] += n
    elif kind in _PLAYS:
        totals["plays", kind, way] += n
    elif kind == EventKind.ANSWERED:
        totals["answers", way] += n
    elif kind == EventKind.EXPORTED:
        totals["exports", way] += n
    if kind != EventKind.SCORED:
        return
    for family, name in (("decisions", "decision"), ("guesses", "guess")):
        if row[name] is not None:
            totals[family, row[name]] += n
    for name in ("unlike", "synthetic"):
        if row[name]:
            totals[name,] += n
    for stage in STAGES:
        totals["timed", stage] += row[f"timed {stage}"]
        totals["seconds", stage] += row[f"seconds {stage}"]
        for edge in EDGES:
            totals["le", stage, str(edge)] += row[f"{stage} {edge}"]
