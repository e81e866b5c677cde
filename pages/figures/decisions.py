"""Figures about decisions: what a policy accepts, how often that is right, and what a probability is worth."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.wording import with_sign
from pages.figures.clips import BELOW, DOWN, UP, rgba
from pages.figures.style import NEUTRAL, apply_style


def risk_coverage(curve: pd.DataFrame, *, mark: str, coverage: float, accuracy: float) -> go.Figure:
    """Accuracy of what is accepted against the share that is accepted, with the chosen policy marked.

    curve : columns threshold, coverage and accuracy.  mark : the chosen policy in words.
    """
    figure = go.Figure(
        go.Scatter(
            x=curve["coverage"],
            y=curve["accuracy"],
            mode="lines",
            line={"color": UP, "width": 2},
            customdata=curve["threshold"],
            hovertemplate="from %{customdata:.0%}: %{x:.0%} accepted, %{y:.1%} of them right<extra></extra>",
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
            hovertemplate="%{x:.0%} accepted, %{y:.1%} of them right<extra></extra>",
            showlegend=False,
        )
    )
    return (
        apply_style(figure, title="The more is accepted, the more is wrong", height=340)
        .update_xaxes(title="share of clips that are accepted", tickformat=".0%", range=[0, 1.02])
        .update_yaxes(title="accepted that are right", tickformat=".0%")
    )


def reliability(bins: pd.DataFrame) -> go.Figure:
    """Does 80 % mean 80 %? columns confidence, accuracy, share (of the clips), low and high (interval of accuracy)."""
    figure = go.Figure(
        go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": NEUTRAL, "dash": "dot"},
            name="as sure as right",
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
            customdata=bins["share"],
            hovertemplate="says %{x:.0%}, right in %{y:.0%} (%{customdata:.0%} of clips)<extra></extra>",
        )
    )
    return (
        apply_style(figure, title="Reliability: is it right as often as it says?", height=380)
        .update_layout(legend=BELOW, margin={"b": 40})
        .update_xaxes(title="the model's probability", tickformat=".0%", range=[0.2, 1.02])
        .update_yaxes(title="share that is right", tickformat=".0%", range=[0, 1.05])
    )


def shares(table: pd.DataFrame, *, index: str, columns: Mapping[str, str], title: str) -> go.Figure:
    """Stacked shares of 100 %, one bar a row; columns : column -> colour, patterns tell them apart without colour."""
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
                text=[f"{v:.0%}" if v >= 0.06 else "" for v in table[column]],
                textangle=0,
                insidetextanchor="middle",
                hovertemplate="%{y}: %{x:.0%}<extra>%{fullData.name}</extra>",
            )
        )
    return (
        apply_style(figure, title=title, height=150 + 34 * len(table))
        .update_layout(barmode="stack", legend=BELOW, margin={"b": 40})
        .update_xaxes(range=[0, 1], tickformat=".0%")
        .update_yaxes(autorange="reversed")
    )
