"""Figures about costs: the cost of each threshold with its interval and its two parts, and the cost of each slice."""

import pandas as pd
import plotly.graph_objects as go

from core.wording import percent_limit
from pages.figures.clips import BELOW, DOWN, UP, interval_band
from pages.figures.models import WARM
from pages.figures.style import ACCENT, NEUTRAL, ROW, apply_style, interval_bars, percent_axis


def cost_curve(
    curve: pd.DataFrame,
    *,
    now: float,
    best: float,
    challenger: pd.DataFrame | None = None,
    more_labels: float | None = None,
) -> go.Figure:
    """Draw the cost against the threshold, the interval as a band, and the parts for errors and reviews.

    Parameters
    ----------
    curve
        Columns threshold, cost, low, high, errors, reviews, accepted.
    now, best
        Threshold in use and the one with the lowest cost; both are marked.
    challenger
        Curve of the challenger, or None.
    more_labels
        Cost at the threshold in use after more labels, or None.
    """
    x = curve["threshold"]
    figure = go.Figure(
        [
            interval_band(x, curve["low"], curve["high"]),
            _line(curve, "cost", "cost", UP, "solid"),
            _line(curve, "errors", "errors", DOWN, "dash"),
            _line(curve, "reviews", "reviews", NEUTRAL, "dot"),
        ]
    )
    if challenger is not None:
        figure.add_trace(_line(challenger, "cost", "cost of the challenger", WARM, "longdash"))
    rows = {name: curve.iloc[int((x - at).abs().argmin())] for name, at in (("in use", now), ("cheapest", best))}
    marks = [(name, row["threshold"], row["cost"]) for name, row in rows.items()]
    marks += [] if more_labels is None else [("more labels", rows["in use"]["threshold"], more_labels)]
    for (name, at, cost), symbol in zip(marks, ("diamond", "star", "triangle-down"), strict=False):
        figure.add_trace(
            go.Scatter(
                x=[at],
                y=[cost],
                mode="markers",
                name=name,
                marker={"size": 14, "symbol": symbol, "color": UP, "line": {"width": 1, "color": NEUTRAL}},
                hovertemplate=f"{name}: {cost:.0f} at {percent_limit(at)}<extra></extra>",
            )
        )
    return (
        apply_style(figure, title="Cost of 1,000 clips by the limit for one emotion", height=400)
        .update_layout(legend=BELOW)
        .update_xaxes(title="an answer is accepted from", **percent_axis())
        .update_yaxes(title="price units", rangemode="tozero")
    )


def _line(curve: pd.DataFrame, column: str, name: str, colour: str, dash: str) -> go.Scatter:
    """A line over the thresholds; that of the cost is the thickest."""
    return go.Scatter(
        x=curve["threshold"],
        y=curve[column],
        mode="lines",
        name=name,
        line={"color": colour, "dash": dash, "width": 3 if name == "cost" else 2},
        hovertemplate=f"{name} %{{y:.0f}} at %{{x}}<extra></extra>",
    )


def cost_of_slices(table: pd.DataFrame, *, overall: float, title: str) -> go.Figure:
    """Draw the cost of each slice with its interval, and a line at the cost of all clips.

    table : columns slice, clips, cost, low and high; drawn from top to bottom.
    """
    figure = go.Figure(
        go.Scatter(
            x=table["cost"],
            y=table["slice"].astype(str),
            error_x=interval_bars(table, "cost"),
            mode="markers",
            marker={"color": ACCENT, "size": 10},
            customdata=table[["low", "high", "clips"]].to_numpy(),
            hovertemplate="%{y}: %{x:.0f} (%{customdata[0]:.0f} to %{customdata[1]:.0f}), %{customdata[2]} clips"
            "<extra></extra>",
        )
    )
    figure.add_vline(x=overall, line_dash="dot", line_color=NEUTRAL)
    return (
        apply_style(figure, title=title, height=140 + 2 * ROW * len(table))
        .update_xaxes(title="price units for 1,000 clips of the slice; dotted: all clips", rangemode="tozero")
        .update_yaxes(categoryorder="array", categoryarray=[str(s) for s in table["slice"][::-1]], dtick=1)
    )
