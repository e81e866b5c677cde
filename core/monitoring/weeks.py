"""Which weeks an alarm judges: each week once, and several weeks together where one has too few clips.

An alarm that looks at the same clips again with every call rings by chance far more often than its test says. So only
whole weeks are judged, each of them once, however often somebody asks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

WEEK = timedelta(weeks=1)
MOST_WEEKS = 12  # older weeks are not judged any more


@dataclass(frozen=True)
class Span:
    """Whole weeks from Monday 0:00 UTC, with their number of clips."""

    since: datetime
    until: datetime
    clips: int

    @property
    def weeks(self) -> int:
        """Number of weeks."""
        return round((self.until - self.since) / WEEK)

    @property
    def words(self) -> str:
        """The days for a sentence: ``"16 Nov to 22 Nov"``."""
        return f"{self.since:%-d %b} to {self.until - timedelta(days=1):%-d %b}"


def monday(moment: datetime) -> datetime:
    """The begin of the week of a moment: Monday 0:00 UTC."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def spans(
    count: Callable[[datetime, datetime], int], *, judged: datetime | None, now: datetime, least: int
) -> Iterator[Span]:
    """The whole weeks that are not judged yet, oldest first, in spans with at least so many clips.

    Weeks at the end that have too few clips wait for the next weeks. Weeks without a clip belong to no span.

    Parameters
    ----------
    count : number of clips from a moment on and before another one.
    judged : end of the last judged span. A moment in the future comes from a wrong clock and does not count.
    """
    end = monday(now)
    oldest = end - MOST_WEEKS * WEEK
    since = max(judged, oldest) if judged is not None and judged <= now else oldest
    clips, until = 0, since
    while until + WEEK <= end:
        clips += count(until, until + WEEK)
        until += WEEK
        if clips >= least:
            yield Span(since, until, clips)
        if clips >= least or clips == 0:
            since, clips = until, 0
