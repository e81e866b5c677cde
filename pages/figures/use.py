"""Figures of the Use page. They draw tables; they do not compute."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pandas as pd
import plotly.graph_objects as go

from pages.figures.style import ACCENT, NEUTRAL, apply_style, in_utc, interval_bars

_WEEK_MS = 7 * 24 * 3600 * 1000
_HALF_A_WEEK = timedelta(days=3.5)
_HEARD = (  # of a palette for colour-blind people; the patterns tell them apart without colour
    ("plays", "plays", "#0072B2", ""),
    ("finished", "finished", "#009E73", "/"),
    ("skips", "skips", "#D55E00", "x"),
)


def hearings(weeks: pd.DataFrame, since: datetime, until: datetime) -> go.Figure:
    """Draw plays, finished sounds and skips side by side, with the weeks of the period without a sound.

    weeks : columns week, plays, finished, skips.  since, until : the period, whole weeks.
    """
    numbers = weeks.set_index("week")[["plays", "finished", "skips"]]
    most = int(numbers.max().max())
    every = pd.date_range(since, until, freq="7D", inclusive="left", name="week")
    weeks = numbers.reindex(every, fill_value=0).reset_index()  # also fixes the width of a single week's bars
    figure = go.Figure(
        [
            go.Bar(
                x=in_utc(weeks["week"]),
                y=weeks[column],
                name=name,
                marker={
                    "color": colour,
                    "pattern": {"shape": shape, "fgcolor": "white", "size": 6, "fillmode": "overlay"},
                },
                hovertemplate=f"week of %{{x|%d %b %Y}}: %{{y}} {name}<extra></extra>",
            )
            for column, name, colour, shape in _HEARD
        ]
    )
    return (
        apply_style(figure, title="What was heard, week by week")
        .update_layout(barmode="group")
        .update_yaxes(title="number", rangemode="tozero", tickformat=",d", dtick=1 if most < 6 else None)
        .update_xaxes(**_mondays(since, until))
    )


def _mondays(since: datetime, until: datetime) -> dict[str, object]:
    """Properties of an axis that shows the whole period. Its ticks are Mondays: at most eight of them."""
    first, last = (moment.replace(tzinfo=None) for moment in (since, until))
    return {
        "type": "date",
        "range": [first - _HALF_A_WEEK, last - _HALF_A_WEEK],  # a bar stands in the middle of its Monday
        "tick0": first,
        "dtick": _WEEK_MS * -(-((last - first).days // 7) // 8),
        "tickformat": "%d %b\n%Y",
    }


def _months(months: pd.Series) -> dict[str, object]:
    """Properties of an axis of months: each has its tick, unless there are many."""
    if len(months) >= 13:
        return {"type": "date"}
    return {"type": "date", "tickvals": months.tolist(), "tickformat": "%b %Y"}


def over_time(
    table: pd.DataFrame,
    value: str,
    *,
    title: str,
    axis: str,
    weeks: tuple[datetime, datetime] | None = None,
    marks: Mapping[float, str] | None = None,
) -> go.Figure:
    """Draw a figure over time, with its interval where the table has the columns low and high.

    table : column when.  weeks : begin and end of a period of whole weeks: each moment is a Monday, and the axis begins
    at zero.  marks : heights of dotted lines, with their names.
    """
    error = interval_bars(table, value) | {"color": NEUTRAL} if "low" in table else None
    figure = go.Figure(
        go.Scatter(
            x=in_utc(table["when"]),
            y=table[value],
            error_y=error,
            mode="lines+markers",
            line={"color": ACCENT, "width": 2},
            marker={"size": 9},
            hovertemplate="%{x|%d %b %Y}: %{y:.2f}<extra></extra>",
        )
    )
    for height, name in (marks or {}).items():
        figure.add_hline(y=height, line={"color": NEUTRAL, "dash": "dot", "width": 1}, annotation_text=name)
    dates = _mondays(*weeks) if weeks else _months(in_utc(table["when"]))
    apply_style(figure, title=title, height=340).update_xaxes(**dates)
    return figure.update_yaxes(title=axis, rangemode="tozero" if weeks else "normal")
