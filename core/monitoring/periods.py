"""The periods that the pages and the reports look at."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pandas as pd

from core.errors import CoreError
from core.store.event_figures import Step, begin_of_period

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # before the first event of every store
LENGTHS: dict[str, tuple[timedelta | None, Step]] = {
    "24 hours": (timedelta(hours=24), "hour"),
    "7 days": (timedelta(days=7), "day"),
    "28 days": (timedelta(days=28), "day"),
    "12 weeks": (timedelta(weeks=12), "week"),
    "1 year": (timedelta(weeks=52), "week"),
    "All": (None, "month"),
}
USUAL = "28 days"
_WEEK = re.compile(r"\d{4}-W\d{2}", re.ASCII)
_FIRST_WEEK = f"{BEGINNING:%G-W%V}"


@dataclass(frozen=True)
class Period:
    """A span of time and its steps. since : first moment.  until : the first moment after it."""

    name: str
    since: datetime
    until: datetime
    step: Step

    @property
    def before(self) -> "Period":
        """The span of the same length before this one."""
        return Period(f"before {self.name}", self.since - (self.until - self.since), self.since, self.step)

    def steps(self, first: datetime) -> pd.DatetimeIndex:
        """Return the begin of each step from the one with this moment on, also of those in which nothing happened."""
        ends = pd.Series(pd.to_datetime([first, self.until - timedelta(microseconds=1)]))
        low, high = begin_of_period(ends.dt.floor("h" if self.step == "hour" else "D"), self.step)
        return pd.date_range(low, high, freq={"hour": "h", "day": "D", "week": "7D", "month": "MS"}[self.step])


def period_named(name: str, now: datetime) -> Period:
    """Return one of the periods of ``LENGTHS``, which ends now. An unknown name means the usual one."""
    name = name if name in LENGTHS else USUAL
    length, step = LENGTHS[name]
    if length is None:
        return Period(name, BEGINNING, now, step)
    return Period(name, _begin_of(now - length, step), now, step)


def _begin_of(moment: datetime, step: Step) -> datetime:
    """The begin of the step with this moment, so that the first step of a period is a whole one."""
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    floor = pd.Series([hour if step == "hour" else hour.replace(hour=0)])
    found: pd.Timestamp = begin_of_period(floor, step).iloc[0]
    return found.to_pydatetime()


def step_words(moments: pd.Series, period: Period) -> pd.Series:
    """Return the name of each step, in UTC: ``"29 Nov 14:00"``, ``"29 Nov"``; with the year in long periods."""
    if period.step == "month":
        form = "%b %Y"
    elif period.step == "hour":
        form = "%d %b %H:%M"
    else:
        form = "%d %b %Y" if period.until - period.since > timedelta(days=300) else "%d %b"
    return moments.dt.strftime(form)


def week_named(name: str, now: datetime) -> Period:
    """Return a week, from Monday to Sunday in UTC.

    name : such as ``"2026-W48"``; empty for the last week that is over.  Raises CoreError for any other text, and for
    a week that has not begun.
    """
    if not name:
        year, week, _ = (now.astimezone(UTC) - timedelta(weeks=1)).isocalendar()
        name = f"{year}-W{week:02d}"
    try:
        monday = date.fromisoformat(f"{name}-1" if _WEEK.fullmatch(name) and name >= _FIRST_WEEK else "")
    except ValueError:
        raise CoreError(f"{name!r} is not a week. Write it as the year and the number of the week: 2026-W48.") from None
    since = datetime(monday.year, monday.month, monday.day, tzinfo=UTC)
    if since > now:
        raise CoreError(f"The week {name} has not begun. Choose an earlier week.")
    return Period(name, since, since + timedelta(weeks=1), "day")
