"""Figures of use, aggregated by the database: medians of seconds, visits, and what sessions with clients led to.

What sessions say about a client is like data on health. So a figure needs sessions of at least ``LEAST_CLIENTS``
clients, and it changes only when ``BLOCK`` more sessions are there: nobody can compare the page before and after one
session.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.store.connection import Store, frame, read
from core.store.events import EventKind
from core.store.schema import UtcTime, client_sessions, events, feedback

LEAST_CLIENTS = 5
BLOCK = 5  # sessions that are added to a figure together
_AT_A_TABLE = (EventKind.SHOWN, EventKind.PLAYED, EventKind.SKIPPED, EventKind.FINISHED)


def _week(store: Store, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The Monday, 0:00 UTC, of a moment."""
    if store.path is None:
        return sa.type_coerce(sa.func.date_trunc("week", moment, "UTC"), UtcTime)
    monday = sa.func.date(sa.type_coerce(moment, sa.String), "-6 days", "weekday 1")
    return sa.type_coerce(monday + "T00:00:00+00:00", UtcTime)


def _seconds(store: Store, begin: sa.ColumnElement[Any], end: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Seconds between two moments."""
    if store.path is None:
        return sa.type_coerce(sa.extract("epoch", end) - sa.extract("epoch", begin), sa.Double)
    day = sa.func.julianday
    return sa.type_coerce(
        86400.0 * (day(sa.type_coerce(end, sa.String)) - day(sa.type_coerce(begin, sa.String))), sa.Double
    )


def _median(ranked: sa.Subquery, *groups: str) -> sa.Select[Any]:
    """The median of the column seconds by group. ranked : with place, from 1, and n, within each group."""
    columns = [ranked.c[name] for name in groups]
    middle = (2 * ranked.c.place).between(ranked.c.n, ranked.c.n + 2)
    return (
        sa.select(
            *columns,
            sa.func.max(ranked.c.n).label("n"),
            sa.func.avg(ranked.c.seconds, type_=sa.Double).label("seconds"),
        )
        .where(middle)
        .group_by(*columns)
        .having(sa.func.count() > 0)
        .order_by(*columns)
    )


def _ranked(seconds: sa.ColumnElement[Any], *groups: sa.Label[Any]) -> list[sa.ColumnElement[Any]]:
    elements = [group.element for group in groups] or None
    return [
        seconds.label("seconds"),
        sa.func.row_number().over(partition_by=elements, order_by=seconds).label("place"),
        sa.func.count().over(partition_by=elements).label("n"),
    ]


@requires(Action.SEE_MONITORING)
def median_seconds(
    store: Store, kind: EventKind, since: datetime, until: datetime, *, ways: Collection[str] = (), weekly: bool = False
) -> pd.DataFrame:
    """Return the median of the seconds of events, over all weeks or for each: week (if weekly), n, seconds.

    ways : only events of these ways; empty: all.
    """
    groups = [_week(store, events.c.at).label("week")] if weekly else []
    wanted = [events.c.kind == str(kind), events.c.at >= since, events.c.at < until, events.c.seconds.is_not(None)]
    wanted += [events.c.way.in_([str(way) for way in ways])] if ways else []
    ranked = sa.select(*groups, *_ranked(events.c.seconds, *groups)).where(*wanted).subquery()
    return read(store, lambda c: frame(c, _median(ranked, *(group.name for group in groups))))


@requires(Action.SEE_MONITORING)
def median_visit(store: Store, since: datetime, until: datetime) -> pd.DataFrame:
    """Return the median time between the first and the last event of a visit, in one row: n, seconds.

    A visit is what one browser window does; only visits in which something was shown and heard count.
    """
    begin, end = sa.func.min(events.c.at), sa.func.max(events.c.at)
    heard = sa.func.sum(sa.case((events.c.kind == str(EventKind.SHOWN), 0), else_=1))
    visits = (
        sa.select(_seconds(store, begin, end).label("seconds"))
        .where(events.c.kind.in_([str(kind) for kind in _AT_A_TABLE]), events.c.session_id != "")
        .where(events.c.at >= since, events.c.at < until)
        .group_by(events.c.session_id)
        .having(heard > 0)
        .subquery()
    )
    ranked = sa.select(*_ranked(visits.c.seconds)).subquery()
    return read(store, lambda c: frame(c, _median(ranked)))


def _outcomes(store: Store) -> dict[str, sa.ColumnElement[Any]]:
    """What a session gives: minutes, rating, and the change of pleasantness and strength, in [-2, 2]."""
    held = client_sessions.c
    return {
        "minutes": _seconds(store, held.began_at, held.ended_at) / 60,
        "rating": sa.cast(held.rating, sa.Double),
        "valence": held.valence_after - held.valence_before,
        "arousal": held.arousal_after - held.arousal_before,
    }


@requires(Action.SEE_MONITORING)
def session_outcomes(store: Store) -> pd.DataFrame:
    """Return sums of what ended sessions led to, by quarter: year, quarter, measure, n, clients, total, squares.

    measure : minutes, rating (1 to 5), valence or arousal (change from before to after, in [-2, 2]).  n : sessions with
    this measure, a multiple of ``BLOCK``.  total, squares : sum of the values, and of their squares. A quarter with
    sessions of fewer than ``LEAST_CLIENTS`` clients has no row.
    """
    held = client_sessions.c
    year, month = (sa.cast(sa.extract(part, held.ended_at), sa.Integer) for part in ("year", "month"))
    quarter = (month + 2) // 3

    def of(measure: str, value: sa.ColumnElement[Any]) -> sa.Select[Any]:
        by_quarter = [year, quarter]
        rows = (
            sa.select(
                year.label("year"),
                quarter.label("quarter"),
                held.client_id,
                value.label("value"),
                sa.func.row_number().over(partition_by=by_quarter, order_by=[held.ended_at, held.id]).label("place"),
                sa.func.count().over(partition_by=by_quarter).label("all"),
            )
            .where(held.ended_at.is_not(None), value.is_not(None))
            .subquery()
        )
        groups = (rows.c.year, rows.c.quarter)
        return (
            sa.select(
                *groups,
                sa.literal(measure).label("measure"),
                sa.func.count().label("n"),
                sa.func.count(rows.c.client_id.distinct()).label("clients"),
                sa.func.sum(rows.c.value).label("total"),
                sa.func.sum(rows.c.value * rows.c.value).label("squares"),
            )
            .where(rows.c.place <= rows.c.all - rows.c.all % BLOCK)
            .group_by(*groups)
            .having(sa.func.count(rows.c.client_id.distinct()) >= LEAST_CLIENTS)
            .order_by(*groups)
        )

    queries = [of(*one) for one in _outcomes(store).items()]
    return read(store, lambda c: pd.concat([frame(c, query) for query in queries], ignore_index=True))


@requires(Action.SEE_ANSWERS)
def answer_months(store: Store) -> pd.DataFrame:
    """Return the month of the answers: first_id, year, month. A month holds from its row to the next one.

    The numbers of answers rise, but answers from a file can be older than those before them.
    """
    year, month = (sa.cast(sa.extract(part, feedback.c.created_at), sa.Integer) for part in ("year", "month"))
    number = (12 * year + month).label("number")
    rows = sa.select(
        feedback.c.id.label("first_id"),
        year.label("year"),
        month.label("month"),
        number,
        sa.func.lag(12 * year + month).over(order_by=feedback.c.id).label("before"),
    ).subquery()
    changes = (
        sa.select(rows.c.first_id, rows.c.year, rows.c.month)
        .where(sa.or_(rows.c.before.is_(None), rows.c.before != rows.c.number))
        .order_by(rows.c.first_id)
    )
    return read(store, lambda c: frame(c, changes))
