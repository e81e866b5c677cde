"""Axes of time: the whole period, whole numbers, and dates also where there is one moment."""

from datetime import UTC, datetime, timedelta

import pandas as pd

from core.models.decisions import Decided
from pages.figures import use, versions

SINCE = datetime(2026, 8, 31, tzinfo=UTC)
UNTIL = SINCE + timedelta(weeks=13)
WEEK = pd.Timestamp(SINCE + timedelta(weeks=11))


def test_one_week_with_a_sound_stands_in_its_whole_period():
    weeks = pd.DataFrame({"week": [WEEK], "plays": [2], "finished": [1], "skips": [0]})
    figure = use.hearings(weeks, SINCE, UNTIL)
    plays = figure.data[0]
    assert (len(plays.x), sum(plays.y), plays.y[11]) == (13, 2, 2)
    first, last = figure.layout.xaxis.range
    assert first < SINCE.replace(tzinfo=None)
    assert last > datetime(2026, 11, 23)
    assert (figure.layout.yaxis.dtick, figure.layout.yaxis.tickformat) == (1, ",d")
    many = use.hearings(weeks.assign(plays=5000), SINCE, UNTIL)
    assert many.layout.yaxis.dtick is None


def test_one_month_has_its_tick():
    table = pd.DataFrame({"when": [pd.Timestamp("2026-10-01", tz=UTC)], "alpha": [0.5]})
    axis = use.over_time(table, "alpha", title="a", axis="b").layout.xaxis
    assert pd.Timestamp(axis.tickvals[0]) == pd.Timestamp("2026-10-01")


def of_versions(*moments: str):
    at = pd.Series(pd.to_datetime(list(moments), utc=True))
    figures = pd.DataFrame({"created_at": at, "version": "1", "role": "", "clips": 9, "clips_hash": "x"})
    figures = figures.assign(value=0.7, low=0.6, high=0.8)
    decisions = pd.DataFrame({"version": ["1"], "at": at[:1], "kind": [str(Decided.PROMOTED)], "words": [""]})
    return versions.over_time(figures, decisions, name="F1").layout.xaxis


def test_a_single_version_has_dates_and_several_have_the_usual_axis():
    axis = of_versions("2026-10-05 08:00")
    assert pd.Timestamp(axis.range[0]) < pd.Timestamp("2026-10-04") < pd.Timestamp(axis.range[1])
    assert (axis.dtick, axis.tickformat) == (24 * 3600 * 1000, "%d %b\n%Y")
    assert of_versions("2026-10-05", "2026-11-05").range is None
