"""Figures about decisions: coverage and accuracy of a policy, and reliability of the probabilities."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.wording import percent_limit, whole_percent, with_sign
from pages.figures.clips import BELOW, DOWN, UP, rgba
from pages.figures.style import NEUTRAL, apply_style, ink, percent_axis


def risk_coverage(curve: pd.DataFrame, *, mark: str, coverage: float, accuracy: float) -> go.Figure:
    """Draw the accuracy of accepted clips against coverage, with the chosen policy marked.

    Parameters
    ----------
    curve
        Columns threshold, coverage and accuracy.
    mark
        Description of the chosen policy.
    coverage, accuracy
        Those of the chosen policy, in [0, 1].
    """
    figure = go.Figure(
        go.Scatter(
            x=curve["coverage"],
            y=curve["accuracy"],
            mode="lines",
            line={"color": UP, "width": 2},
            customdata=curve["threshold"].map(percent_limit),
            hovertemplate="threshold %{customdata}: %{x} accepted, %{y} of them correct<extra></extra>",
            showlegend=False,
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[coverage],
            y=[accuracy],
            mode="markers+text",
            marker={"size": 14, "symbol": "diamond", "color": DOWN},
            text=[mark],
            textposition="bottom left",
            hovertemplate="%{x} accepted, %{y} of them correct<extra></extra>",
            showlegend=False,
        )
    )
    return (
        apply_style(figure, title="The more clips are accepted, the more errors", height=340)
        .update_xaxes(title="share of clips accepted", **percent_axis(), range=[0, 1.02])
        .update_yaxes(title="share of these that is correct", **percent_axis())
    )


def reliability(bins: pd.DataFrame) -> go.Figure:
    """Draw a reliability diagram.

    bins : columns confidence, accuracy, share (of the clips) and, optionally, low and high (interval of accuracy).
    """
    figure = go.Figure(
        go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": NEUTRAL, "dash": "dot"},
            name="perfectly calibrated",
            hoverinfo="skip",
        )
    )
    error = None
    if {"low", "high"} <= set(bins.columns):
        up, down = bins["high"] - bins["accuracy"], bins["accuracy"] - bins["low"]
        error = {"type": "data", "array": up, "arrayminus": down, "color": NEUTRAL, "thickness": 1}
    figure.add_trace(
        go.Scatter(
            x=bins["confidence"],
            y=bins["accuracy"],
            mode="lines+markers",
            name="model",
            marker={"size": 6 + 40 * np.sqrt(bins["share"].to_numpy(dtype=float)), "color": rgba(UP, 0.6)},
            line={"color": UP},
            error_y=error,
            customdata=bins["share"].map(whole_percent),
            hovertemplate="probability %{x}, correct in %{y} (%{customdata} of the clips)<extra></extra>",
        )
    )
    return (
        apply_style(figure, title="Reliability: does 80 % mean correct in 80 %?", height=380)
        .update_layout(legend=BELOW, margin={"b": 40})
        .update_xaxes(title="the model's probability", **percent_axis(), range=[0.2, 1.02])
        .update_yaxes(title="share that is correct", **percent_axis(), range=[0, 1.05])
    )


def shares(table: pd.DataFrame, *, index: str, columns: Mapping[str, str], title: str) -> go.Figure:
    """Draw shares that add up to 100 %, one stacked bar per row.

    Parameters
    ----------
    table
        The shares, in [0, 1].
    index
        Column of the labels.
    columns
        Column to its colour; each column also gets a pattern.
    """
    patterns = ["", "/", ".", "x", "-"]
    figure = go.Figure()
    for pattern, (column, colour) in zip(patterns, columns.items(), strict=False):
        figure.add_trace(
            go.Bar(
                orientation="h",
                y=[with_sign(str(v)) for v in table[index]],
                x=table[column],
                name=column,
                marker={"color": colour, "pattern": {"shape": pattern, "fgopacity": 0.6}},
                text=[whole_percent(v) if v >= 0.06 else "" for v in table[column]],
                textangle=0,
                insidetextanchor="middle",
                insidetextfont_color=ink(colour),
                hovertemplate="%{y}: %{x}<extra>%{fullData.name}</extra>",
            )
        )
    return (
        apply_style(figure, title=title, height=150 + 34 * len(table))
        .update_layout(barmode="stack", legend=BELOW, margin={"b": 40})
        .update_xaxes(range=[0, 1], **percent_axis())
        .update_yaxes(autorange="reversed")
    )
