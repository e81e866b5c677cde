"""Figure about costs: the cost of each threshold, with its interval and its two parts."""

import pandas as pd
import plotly.graph_objects as go

from core.wording import percent_limit
from pages.figures.clips import BELOW, DOWN, UP, rgba
from pages.figures.style import NEUTRAL, apply_style, percent_axis


def cost_curve(curve: pd.DataFrame, *, now: float, best: float) -> go.Figure:
    """Draw the cost against the threshold, the interval as a band, and the parts for errors and reviews.

    Parameters
    ----------
    curve
        Columns threshold, cost, low, high, errors, reviews, accepted.
    now, best
        Threshold in use and the one with the lowest cost; both are marked.
    """
    figure = go.Figure()
    x = curve["threshold"]
    figure.add_trace(
        go.Scatter(
            x=pd.concat([x, x[::-1]]),
            y=pd.concat([curve["high"], curve["low"][::-1]]),
            fill="toself",
            fillcolor=rgba(UP, 0.15),
            line={"width": 0},
            hoverinfo="skip",
            name="95 % interval",
        )
    )
    for column, name, colour, dash in (
        ("cost", "cost", UP, "solid"),
        ("errors", "errors", DOWN, "dash"),
        ("reviews", "reviews", NEUTRAL, "dot"),
    ):
        figure.add_trace(
            go.Scatter(
                x=x,
                y=curve[column],
                mode="lines",
                name=name,
                line={"color": colour, "dash": dash, "width": 3 if column == "cost" else 2},
                hovertemplate=f"{name} %{{y:.0f}} at %{{x}}<extra></extra>",
            )
        )
    marks = ((now, "in use", "diamond"), (best, "cheapest", "star"))
    for place, name, symbol in marks:
        row = curve.iloc[int((x - place).abs().argmin())]
        figure.add_trace(
            go.Scatter(
                x=[row["threshold"]],
                y=[row["cost"]],
                mode="markers",
                name=name,
                marker={"size": 14, "symbol": symbol, "color": UP, "line": {"width": 1, "color": NEUTRAL}},
                hovertemplate=f"{name}: {row['cost']:.0f} at {percent_limit(row['threshold'])}<extra></extra>",
            )
        )
    return (
        apply_style(figure, title="Cost of 1,000 clips by the limit for one emotion", height=380)
        .update_layout(legend=BELOW)
        .update_xaxes(title="an answer is accepted from", **percent_axis())
        .update_yaxes(title="price units", rangemode="tozero")
    )
