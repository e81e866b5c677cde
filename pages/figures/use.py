"""Figures of the Use page. They draw tables; they do not compute."""

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from pages.figures.style import ACCENT, NEUTRAL, apply_style

_WEEK_MS = 7 * 24 * 3600 * 1000
_HEARD = (  # of a palette for colour-blind people; the patterns tell them apart without colour
    ("plays", "plays", "#0072B2", ""),
    ("finished", "finished", "#009E73", "/"),
    ("skips", "skips", "#D55E00", "x"),
)


def hearings(weeks: pd.DataFrame) -> go.Figure:
    """Draw plays, finished sounds and skips side by side. weeks : columns week, plays, finished, skips."""
    figure = go.Figure(
        [
            go.Bar(
                x=_utc(weeks["week"]),
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
        .update_yaxes(title="number", rangemode="tozero")
        .update_xaxes(**_mondays(_utc(weeks["week"])))
    )


def _utc(moments: pd.Series) -> pd.Series:
    """The moments as plotly draws them: in UTC, without a time zone."""
    return moments.dt.tz_convert(None)


def _mondays(weeks: pd.Series) -> dict[str, object]:
    """Properties of an axis whose ticks are Mondays: at most eight of them."""
    span = 1 + (weeks.max() - weeks.min()).days // 7
    return {"type": "date", "tick0": weeks.min(), "dtick": _WEEK_MS * -(-span // 8), "tickformat": "%d %b\n%Y"}


def over_time(
    table: pd.DataFrame,
    value: str,
    *,
    title: str,
    axis: str,
    weekly: bool = True,
    marks: Mapping[float, str] | None = None,
) -> go.Figure:
    """Draw a figure over time, with its interval where the table has the columns low and high.

    table : column when.  weekly : each moment is a Monday, and the axis begins at zero.  marks : heights of dotted
    lines, with their names.
    """
    error = None
    if "low" in table:
        error = {
            "type": "data",
            "symmetric": False,
            "array": (table["high"] - table[value]).to_numpy(),
            "arrayminus": (table[value] - table["low"]).to_numpy(),
            "color": NEUTRAL,
            "thickness": 1.5,
            "width": 4,
        }
    figure = go.Figure(
        go.Scatter(
            x=_utc(table["when"]),
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
    dates = _mondays(_utc(table["when"])) if weekly else {"type": "date", "dtick": "M1" if len(table) < 13 else None}
    apply_style(figure, title=title, height=340).update_xaxes(**dates)
    return figure.update_yaxes(title=axis, rangemode="tozero" if weekly else "normal")
