"""Figures that compare models, and confusion matrices. They draw tables; they do not compute."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.significance import ESTABLISHED, NO_DIFFERENCE, ON_THESE_CLIPS
from core.schema import EMOTIONS
from core.wording import whole_percent, with_sign
from pages.figures.style import (
    ACCENT,
    COLOURS,
    NEUTRAL,
    ROW,
    SEQUENTIAL,
    SYMBOLS,
    apply_style,
    interval_bars,
    percent_axis,
)

WARM = "#D55E00"
_LABEL = 26  # characters per line of a label; more would leave no space for the figure on a phone
# Okabe & Ito (2008) again, for models; each also has its own symbol and dash.
_SERIES = (ACCENT, WARM, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#8C6D31")
_MARKS = ("circle", "diamond", "square", "triangle-up", "star", "x", "cross", "pentagon")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")


def ranking(table: pd.DataFrame, *, name: str, champion: str, digits: int = 3) -> go.Figure:
    """Draw one measure of each model with its interval, the best on top.

    Parameters
    ----------
    table
        Columns model, name, settings, value, low and high.
    name
        Name of the measure.
    champion
        Name of the model to highlight.
    digits
        Decimal places in the tooltip.
    """
    figure = go.Figure()
    groups = (
        ("champion", table["name"] == champion, WARM, "star"),
        ("as given", (table["name"] != champion) & (table["settings"] != "tuned"), ACCENT, "circle"),
        ("tuned", (table["name"] != champion) & (table["settings"] == "tuned"), "#009E73", "diamond"),
    )
    for label, rows, colour, symbol in groups:
        part = table[rows]
        if part.empty:
            continue
        hover = f"%{{y}}: %{{x:.{digits}f}} (%{{customdata[0]:.{digits}f}} to %{{customdata[1]:.{digits}f}})"
        size = 12 if symbol == "star" else 9
        figure.add_trace(_points(part, "model", name=label, hover=hover, color=colour, symbol=symbol, size=size))
    return _rows(figure, table["model"], title=name, axis=name, height=130 + ROW * len(table))


def differences(table: pd.DataFrame, *, title: str, axis: str) -> go.Figure:
    """Draw differences with their intervals and a line at zero; filled if the difference is established.

    table : columns label, difference, low, high, finding (of `core.evaluation.significance`); drawn from top to bottom.
    """
    table = table.rename(columns={"difference": "value"})
    table = table.assign(label=["<br>".join(textwrap.wrap(str(label), _LABEL)) for label in table["label"]])
    figure = go.Figure()
    for label, symbol, colour in (
        (ESTABLISHED, "circle", ACCENT),
        (ON_THESE_CLIPS, "circle-open", ACCENT),
        (NO_DIFFERENCE, "circle-open", NEUTRAL),
    ):
        part = table[table["finding"] == label]
        if part.empty:
            continue
        hover = "%{y}: %{x:+.3f} (%{customdata[0]:+.3f} to %{customdata[1]:+.3f})"
        figure.add_trace(_points(part, "label", name=label, hover=hover, color=colour, symbol=symbol, size=10))
    figure.add_vline(x=0, line_dash="dot", line_color=NEUTRAL)
    height = 140 + ROW * len(table) + 10 * int(table["label"].str.count("<br>").sum())
    return _rows(figure, table["label"], title=title, axis=axis, height=height)


def _points(part: pd.DataFrame, y: str, *, name: str, hover: str, **marker: Any) -> go.Scatter:
    """Points with their intervals. part : columns value, low, high and the column y with the names of the rows."""
    return go.Scatter(
        x=part["value"],
        y=part[y],
        error_x=interval_bars(part),
        mode="markers",
        name=name,
        marker=marker,
        customdata=part[["low", "high"]].to_numpy(),
        hovertemplate=f"{hover}<extra></extra>",
    )


def _rows(figure: go.Figure, names: pd.Series, *, title: str, axis: str, height: int) -> go.Figure:
    """Style a figure with one row for each name, in the order given, from top to bottom."""
    return (
        apply_style(figure, title=title, height=height)
        .update_xaxes(title=axis)
        .update_yaxes(categoryorder="array", categoryarray=list(names[::-1]), dtick=1)
        .update_layout(legend_y=-70 / (height - 80))
    )


def lines(
    table: pd.DataFrame, *, x: str, title: str, x_title: str, y_title: str, percents: bool = False, markers: bool = True
) -> go.Figure:
    """Draw curves of several models with their intervals; table : model, x, value, low, high."""
    figure = go.Figure()
    for i, (model, part) in enumerate(table.groupby("model", sort=False)):
        part = part.sort_values(x)
        figure.add_trace(
            go.Scatter(
                x=part[x],
                y=part["value"],
                error_y=interval_bars(part) | {"thickness": 1, "width": 3},
                mode="lines+markers" if markers else "lines",
                name=str(model),
                line={"color": _SERIES[i % len(_SERIES)], "dash": _DASHES[i % len(_DASHES)]},
                marker={"symbol": _MARKS[i % len(_MARKS)], "size": 9},
                hovertemplate=f"{model}<br>{x_title} %{{x}}: %{{y:.3f}}<extra></extra>",
            )
        )
    return (
        apply_style(figure, title=title, height=420)
        .update_xaxes(title=x_title, **(percent_axis() if percents else {}))
        .update_yaxes(title=y_title)
        .update_layout(legend_y=-0.25)
    )


def by_emotion_curves(
    table: pd.DataFrame, *, x: str, y: str, title: str, x_title: str, y_title: str, diagonal: bool = False
) -> go.Figure:
    """Draw one curve per emotion; table : emotion and the columns x and y, in [0, 1]."""
    figure = go.Figure()
    if diagonal:
        figure.add_trace(_diagonal("chance"))
    for emotion, dash in zip(EMOTIONS, _DASHES, strict=False):
        part = table[table["emotion"] == emotion]
        figure.add_trace(
            go.Scatter(
                x=part[x],
                y=part[y],
                mode="lines",
                name=with_sign(emotion),
                line={"color": COLOURS[emotion], "dash": dash, "width": 2.5},
                hovertemplate=f"{emotion}: {x_title} %{{x:.2f}}, {y_title} %{{y:.2f}}<extra></extra>",
            )
        )
    return (
        apply_style(figure, title=title, height=420)
        .update_xaxes(title=x_title, range=[-0.02, 1.02])
        .update_yaxes(title=y_title, range=[-0.02, 1.02])
        .update_layout(legend_y=-0.25)
    )


def calibration(table: pd.DataFrame) -> go.Figure:
    """Draw a calibration curve; table : confidence, accuracy, low, high, count."""
    shown = table.rename(columns={"accuracy": "value"})
    figure = go.Figure(
        [
            _diagonal("perfectly calibrated"),
            go.Scatter(
                x=shown["confidence"],
                y=shown["value"],
                error_y=interval_bars(shown) | {"thickness": 1.5, "width": 4},
                mode="lines+markers",
                name="the model",
                line_color=ACCENT,
                marker={"size": 5 + 25 * np.sqrt(shown["count"] / shown["count"].max()), "opacity": 0.75},
                customdata=shown[["count"]].to_numpy(),
                hovertemplate="probability %{x}, correct in %{y} of about %{customdata[0]:.0f} clips<extra></extra>",
            ),
        ]
    )
    return (
        apply_style(figure, title="Calibration: is the model as often correct as its probability says?", height=420)
        .update_xaxes(title="probability of the most probable emotion", range=[0.2, 1.03], **percent_axis())
        .update_yaxes(title="share that is correct", range=[-0.02, 1.05], **percent_axis())
        .update_layout(legend_y=-0.25)
    )


def _diagonal(name: str) -> go.Scatter:
    line = {"dash": "dot", "color": NEUTRAL}
    return go.Scatter(x=[0, 1], y=[0, 1], mode="lines", name=name, line=line, hoverinfo="skip")


def confusion(table: pd.DataFrame, *, shares: bool, chosen: tuple[str, str] | None = None) -> go.Figure:
    """Draw a confusion matrix. A click on a cell selects its marker, whose customdata is (true, predicted).

    Parameters
    ----------
    table
        Columns y, predicted, count (mean over repeats) and share (of the true emotion).
    shares
        Write and colour the shares instead of the counts.
    chosen
        The cell (true, predicted) to outline.
    """
    value = "share" if shares else "count"
    grid = table.pivot_table(index="y", columns="predicted", values=value, sort=False).loc[
        list(EMOTIONS), list(EMOTIONS)
    ]
    names = [with_sign(e) for e in EMOTIONS]
    written = grid.map(lambda v: whole_percent(v) if shares else f"{v:.1f}".removesuffix(".0"))
    cells = [(y, x) for y in EMOTIONS for x in EMOTIONS]
    bright = (grid.to_numpy() / np.nanmax(grid.to_numpy())).ravel() > 0.5
    both = table.set_index(["y", "predicted"]).loc[cells]
    figure = go.Figure(
        go.Heatmap(
            z=grid.to_numpy(), x=names, y=names, colorscale=SEQUENTIAL, zmin=0, showscale=False, hoverinfo="skip",
            xgap=2, ygap=2,
        )
    )  # fmt: skip
    # Heat maps send no click events, so each cell has an invisible marker.
    figure.add_trace(
        go.Scatter(
            x=[with_sign(x) for _, x in cells],
            y=[with_sign(y) for y, _ in cells],
            mode="markers+text",
            text=written.to_numpy().ravel(),
            textfont={"color": np.where(bright, "white", "#1f2937"), "size": 15},
            marker={"size": 62, "symbol": "square", "opacity": 0},
            selected={"marker": {"opacity": 0}},
            unselected={"marker": {"opacity": 0}},
            customdata=np.column_stack([np.array(cells), both["count"], both["share"].map(whole_percent)]),
            hovertemplate="true: %{customdata[0]}, predicted: %{customdata[1]}; %{customdata[2]:.1f} clips, "
            "%{customdata[3]}<extra></extra>",
            showlegend=False,
        )
    )
    if chosen is not None:
        x, y = EMOTIONS.index(chosen[1]), EMOTIONS.index(chosen[0])
        box = {"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
        figure.add_shape(type="rect", **box, line={"color": WARM, "width": 4})
    return (
        apply_style(figure, height=420)
        .update_layout(margin={"t": 10}, clickmode="event+select", dragmode=False)
        .update_xaxes(title="predicted", showgrid=False, fixedrange=True)
        .update_yaxes(title="true", autorange="reversed", showgrid=False, fixedrange=True)
    )


def class_scores(table: pd.DataFrame, *, measures: Sequence[str], labels: Sequence[str]) -> go.Figure:
    """Draw the scores of each emotion with their intervals.

    Parameters
    ----------
    table
        Column emotion and, for each measure m, the columns m, m_low and m_high.
    measures, labels
        Columns of the measures, and their names on the axis.
    """
    figure = go.Figure()
    for row in table.to_dict("records"):
        emotion = str(row["emotion"])
        part = pd.DataFrame(
            {"value": row[m], "low": row[f"{m}_low"], "high": row[f"{m}_high"], "label": label}
            for m, label in zip(measures, labels, strict=True)
        )
        figure.add_trace(
            go.Scatter(
                x=part["label"],
                y=part["value"],
                error_y=interval_bars(part) | {"thickness": 1.5, "width": 4},
                mode="markers",
                name=emotion,
                marker={"color": COLOURS[emotion], "symbol": SYMBOLS[emotion], "size": 11},
                customdata=part[["low", "high"]].to_numpy(),
                hovertemplate=f"{emotion}, %{{x}}: %{{y:.2f}} (%{{customdata[0]:.2f}} to %{{customdata[1]:.2f}})"
                "<extra></extra>",
            )
        )
    return (
        apply_style(figure, title="Each emotion", height=380)
        .update_layout(scattermode="group", scattergap=0.4)
        .update_yaxes(title="value (1 is perfect)")
    )
