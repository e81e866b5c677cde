"""Weeks that an alarm judges: each once, and together where one has too few clips."""

from datetime import UTC, datetime, timedelta

from core.monitoring.weeks import MOST_WEEKS, WEEK, monday, spans

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def found(counts: dict[int, int], *, now: datetime, judged: datetime | None = None, least: int = 20):
    """First and last week (counted from MONDAY), clips and weeks of each span. counts : clips by week."""

    def count(since: datetime, until: datetime) -> int:
        assert until - since == WEEK
        return counts.get((since - MONDAY) // WEEK, 0)

    chosen = spans(count, judged=judged, now=now, least=least)
    return [((s.since - MONDAY) // WEEK, (s.until - MONDAY) // WEEK - 1, s.clips, s.weeks) for s in chosen]


def test_a_week_begins_on_monday_in_utc_also_for_other_time_zones():
    assert monday(MONDAY) == MONDAY
    assert monday(MONDAY - timedelta(microseconds=1)) == MONDAY - WEEK
    east = datetime.fromisoformat("2026-03-09T02:30:00+03:00")  # still Sunday in UTC
    assert monday(east) == MONDAY


def test_only_whole_weeks_are_judged_and_each_once():
    counts = {0: 30, 1: 25, 2: 40}
    wednesday = MONDAY + 2 * WEEK + timedelta(days=2)
    assert found(counts, now=wednesday) == [(0, 0, 30, 1), (1, 1, 25, 1)]
    assert found(counts, now=wednesday, judged=MONDAY + 2 * WEEK) == []
    assert found(counts, now=wednesday + WEEK, judged=MONDAY + 2 * WEEK) == [(2, 2, 40, 1)]


def test_weeks_with_few_clips_are_judged_together_and_empty_ones_not_at_all():
    counts = {3: 8, 4: 0, 5: 15, 6: 7}
    assert found(counts, now=MONDAY + 7 * WEEK) == [(3, 5, 23, 3)]
    assert found(counts | {7: 13}, now=MONDAY + 8 * WEEK, judged=MONDAY + 6 * WEEK) == [(6, 7, 20, 2)]


def test_old_weeks_are_forgotten_and_a_wrong_clock_does_no_harm():
    assert found({0: 100}, now=MONDAY + (MOST_WEEKS + 1) * WEEK) == []
    assert found({0: 100}, now=MONDAY + WEEK, judged=MONDAY + 500 * WEEK) == [(0, 0, 100, 1)]
