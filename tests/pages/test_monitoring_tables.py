"""The tables of Monitoring are read once for each minute, and show what happened before it began."""

from datetime import UTC, datetime, timedelta

import pytest

from core.monitoring.periods import LENGTHS
from pages.views.monitoring import tables


@pytest.mark.parametrize("name", LENGTHS)
def test_a_period_ends_at_the_next_full_minute_or_ten_minutes(name):
    before = datetime.now(UTC)
    period = tables.period(name)
    minutes = 10 if name in ("12 weeks", "1 year", "All") else 1
    assert tables.fresh_s(period) == 60 * minutes
    assert before < period.until <= datetime.now(UTC) + timedelta(minutes=minutes)
    assert (period.until.minute % minutes, period.until.second, period.until.microsecond) == (0, 0, 0)
    assert period.name == name
