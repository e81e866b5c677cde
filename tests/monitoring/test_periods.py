"""Periods begin with a whole step, and weeks have their names."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from core.errors import CoreError
from core.monitoring.periods import LENGTHS, USUAL, period_named, step_words, week_named

NOW = datetime(2026, 11, 26, 12, 34, 56, tzinfo=UTC)  # a Thursday


@pytest.mark.parametrize(
    ("name", "since", "steps"),
    [
        ("24 hours", datetime(2026, 11, 25, 12, tzinfo=UTC), 25),
        ("7 days", datetime(2026, 11, 19, tzinfo=UTC), 8),
        ("28 days", datetime(2026, 10, 29, tzinfo=UTC), 29),
        ("12 weeks", datetime(2026, 8, 31, tzinfo=UTC), 13),
        ("1 year", datetime(2025, 11, 24, tzinfo=UTC), 53),
    ],
)
def test_the_first_step_of_a_period_is_a_whole_one(name, since, steps):
    period = period_named(name, NOW)
    assert (period.since, period.until) == (since, NOW)
    found = period.steps(period.since)
    assert (len(found), found[0]) == (steps, pd.Timestamp(since))
    assert found[-1] <= pd.Timestamp(NOW) < found[-1] + (found[-1] - found[-2])


def test_all_time_has_months_from_the_first_one_on():
    steps = period_named("All", NOW).steps(datetime(2026, 9, 17, 5, tzinfo=UTC))
    assert [str(step.date()) for step in steps] == ["2026-09-01", "2026-10-01", "2026-11-01"]


def test_an_unknown_name_is_the_usual_period():
    assert period_named("'; DROP TABLE events", NOW) == period_named(USUAL, NOW)


def test_the_period_before_has_the_same_length_and_ends_where_this_one_begins():
    period = period_named("7 days", NOW)
    assert period.before.until == period.since
    assert period.before.until - period.before.since == period.until - period.since


def test_steps_have_different_names():
    for name in LENGTHS:
        period = period_named(name, NOW)
        steps = pd.Series(period.steps(max(period.since, datetime(2024, 1, 5, tzinfo=UTC))))
        words = step_words(steps, period)
        assert words.is_unique, name


@pytest.mark.parametrize(
    ("name", "monday"),
    [("2026-W48", datetime(2026, 11, 23, tzinfo=UTC)), ("2025-W01", datetime(2024, 12, 30, tzinfo=UTC)),
     ("", datetime(2026, 11, 16, tzinfo=UTC))],
)  # fmt: skip
def test_a_week_goes_from_monday_to_sunday(name, monday):
    week = week_named(name, NOW)
    assert (week.since, week.until) == (monday, monday + timedelta(weeks=1))
    assert name in ("", week.name)


def test_without_a_name_it_is_the_last_whole_week_also_in_january():
    assert week_named("", datetime(2027, 1, 2, tzinfo=UTC)).name == "2026-W52"


@pytest.mark.parametrize(
    "name", ["2026", "2026-48", "2026-W54", "2026-W00", "W48", "2026-W48-1", "0001-W01", "٢٠٢٦-W48", "x"]
)
def test_another_text_is_no_week(name):
    with pytest.raises(CoreError, match="is not a week. Write it as the year and the number of the week: 2026-W48"):
        week_named(name, NOW)


def test_a_week_that_has_not_begun_is_refused():
    with pytest.raises(CoreError, match="has not begun"):
        week_named("2026-W49", NOW)
