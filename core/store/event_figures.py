"""Numbers of events, counted by the database: by period, and by groups."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.store.connection import Store, frame, read
from core.store.events import EventKind
from core.store.schema import UtcTime, events

Step = Literal["hour", "day", "week", "month"]
_GROUPS = ("kind", "way", "model_version")  # columns by which figures are split
_HOUR, _DAY = 13, 10  # letters of an ISO 8601 text up to the hour, and up to the day


@requires(Action.SEE_MONITORING)
def events_by_period(
    store: Store,
    kinds: Collection[EventKind],
    since: datetime,
    until: datetime,
    step: Step,
    *,
    by: Sequence[str] = ("kind",),
) -> pd.DataFrame:
    """Return how many events fell into each period, oldest first; periods without events have no row.

    Parameters
    ----------
    since, until
        Only events from the first moment on and before the second one.
    step
        Periods begin at the full hour, at midnight, on Monday, or on the first of the month, all in UTC.
    by
        Split by these columns: kind, way, model_version.

    Returns
    -------
    pandas.DataFrame
        Columns: period, those of ``by``, n.
    """
    columns = _columns(by)
    grouped = moment_in_sql(store, events.c.at, "hour" if step == "hour" else "day")
    query = (
        sa.select(grouped.label("period"), *columns, sa.func.count().label("n"))
        .where(*_between(kinds, since, until))
        .group_by(grouped, *columns)
    )
    table = read(store, lambda c: frame(c, query))
    table["period"] = begin_of_period(pd.to_datetime(table["period"], utc=True), step)
    return table.groupby(["period", *by], as_index=False, sort=True)[["n"]].sum()


@requires(Action.SEE_MONITORING)
def event_counts(
    store: Store,
    kinds: Collection[EventKind],
    since: datetime,
    until: datetime,
    *,
    by: Sequence[str] = ("kind",),
) -> pd.DataFrame:
    """Return how many events there were. Columns: those of ``by``, n."""
    columns = _columns(by)
    query = sa.select(*columns, sa.func.count().label("n")).where(*_between(kinds, since, until)).group_by(*columns)
    table = read(store, lambda c: frame(c, query))
    return table.sort_values(list(table.columns[:-1]), ignore_index=True) if len(columns) else table


@requires(Action.SEE_MONITORING)
def events_table(store: Store, kind: EventKind, since: datetime, limit: int = 1000) -> pd.DataFrame:
    """Return the newest events of a kind, the newest first by their own time; ``about`` is a dictionary."""
    chosen = events.c.kind == str(kind), events.c.at >= since
    query = sa.select(events).where(*chosen).order_by(events.c.at.desc(), events.c.event_id.desc()).limit(limit)
    with_facts = [column for column in events.c if column.name != "about"]

    def work(c: sa.Connection) -> pd.DataFrame:
        rows = c.execute(query).mappings().all()
        table = frame(c, sa.select(*with_facts).where(sa.false()))
        if not rows:
            return table.assign(about=pd.Series(dtype=object))
        found = pd.DataFrame([{**row} for row in rows])
        found["at"] = pd.to_datetime(found["at"], utc=True)
        return found.astype({"seconds": float, "value": float})

    return read(store, work)


def _columns(by: Sequence[str]) -> list[sa.ColumnElement[Any]]:
    unknown = [name for name in by if name not in _GROUPS]
    if unknown:
        raise ValueError(f"Events are not split by {unknown[0]!r}. Choose from: {', '.join(_GROUPS)}.")
    return [events.c[name] for name in by]


def _between(kinds: Collection[EventKind], since: datetime, until: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return events.c.kind.in_([str(kind) for kind in kinds]), events.c.at >= since, events.c.at < until


def moment_in_sql(store: Store, at: sa.ColumnElement[Any], step: str) -> sa.ColumnElement[Any]:
    """Return the begin of the hour or of the day (UTC) of a moment, as the database computes it."""
    if store.path is None:
        utc = sa.func.timezone("UTC", sa.type_coerce(at, sa.DateTime(timezone=True)))
        return sa.type_coerce(sa.func.timezone("UTC", sa.func.date_trunc(step, utc)), UtcTime)
    text = sa.func.substr(sa.type_coerce(at, sa.String), 1, _HOUR if step == "hour" else _DAY)
    return sa.type_coerce(text + (":00:00+00:00" if step == "hour" else "T00:00:00+00:00"), UtcTime)


def begin_of_period(moments: pd.Series, step: Step) -> pd.Series:
    """Return the begin of the period of each moment."""
    if step in ("hour", "day"):
        return moments
    days = moments.dt.day - 1 if step == "month" else moments.dt.day_of_week
    return moments - pd.to_timedelta(days, unit="D")
