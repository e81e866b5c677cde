"""Figures of the Monitoring page. They draw tables; they do not compute.

Lines and bars differ in dash, symbol or pattern too, not only in colour. Every step has a text as its place on the
axis, such as "23 Nov".
"""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from core.schema import readable
from pages.figures.clips import BELOW, interval_band
from pages.figures.style import (
    ACCENT,
    NEUTRAL,
    ROW,
    apply_style,
    colours_of,
    interval_bars,
    percent_axis,
    plain,
    short,
    symbols_of,
)

STACK = {  # outcome or decision -> words, colour, pattern
    "scored": ("answered", ACCENT, ""),
    "refused": ("refused: no usable sound", "#E69F00", "/"),
    "failed": ("failed: the program's fault", "#D55E00", "x"),
    "accept": ("one emotion", ACCENT, ""),
    "choose": ("two offered", "#56B4E9", "/"),
    "review": ("a person must listen", "#E69F00", "x"),
    "unlike": ("unlike the training music", "#D55E00", "."),
}


def stacked(table: pd.DataFrame, columns: Sequence[str], *, title: str, share: bool = False) -> go.Figure:
    """Draw a stack of numbers for each step. table : column step, and those of ``columns``. share : draw shares."""
    total = table[list(columns)].sum(axis=1)
    figure = go.Figure()
    for column in columns:
        name, colour, pattern = STACK[column]
        values = table[column] / total.where(total > 0) if share else table[column]
        figure.add_trace(
            go.Bar(
                x=table["step"],
                y=values,
                name=name,
                marker={"color": colour, "pattern": {"shape": pattern}},
                customdata=table[column],
                hovertemplate=f"%{{x}}: %{{customdata:,}} {name}<extra></extra>",
            )
        )
    axis = percent_axis() if share else {"rangemode": "tozero"}
    return (
        _in_time(figure, title, "share of the clips" if share else "clips")
        .update_layout(barmode="stack")
        .update_yaxes(**axis)
    )


def speed(table: pd.DataFrame, *, limit_s: float) -> go.Figure:
    """Draw the median and the 95 % quantile of the seconds in each step, the interval as a band, and the promise.

    table : columns step, p50, p95, p95_low, p95_high, clips.
    """
    slow, middle = "95 of 100 were faster", "half were faster"
    hover = "{} than %{{y:.2f}} s".format
    figure = go.Figure(
        [
            *_band(table, "p95_low", "p95_high"),
            _line(table, "p95", slow, hover(slow)),
            _line(table, "p50", middle, hover(middle), colour=NEUTRAL, symbol="circle", dash="dot"),
        ]
    )
    figure.add_trace(
        go.Scatter(
            x=table["step"],
            y=[limit_s] * len(table),
            mode="lines",
            name=f"the promise: {limit_s:g} s",
            line={"color": "#D55E00", "dash": "dash"},
            hoverinfo="skip",
        )
    )
    return _in_time(figure, "Seconds from the file to the answer", "seconds").update_yaxes(rangemode="tozero")


def share_line(table: pd.DataFrame, column: str, *, title: str, name: str) -> go.Figure:
    """Draw a share in each step with its interval as a band. table : columns step, COLUMN, low, high, clips."""
    line = _line(table, column, name, "%{y} of %{customdata:,} clips")
    figure = go.Figure([*_band(table, "low", "high"), line])
    return _in_time(figure, title, name).update_yaxes(rangemode="tozero", **percent_axis())


def quality(table: pd.DataFrame, changes: pd.DataFrame, *, steps: Sequence[str]) -> go.Figure:
    """Draw macro-F1 of each model in each step with its interval, what was promised, and the changes of the model.

    table : columns step, model_version, f1, f1_low, f1_high, promised, clips.  changes : columns step, words.
    steps : all steps of the axis.
    """
    figure = go.Figure()
    versions = list(dict.fromkeys(table["model_version"]))
    colours, symbols = colours_of(versions), symbols_of(versions)
    for version in versions:
        own = table[table["model_version"].eq(version)]
        figure.add_trace(
            go.Scatter(
                x=own["step"],
                y=own["f1"],
                mode="markers",
                name=version,
                marker={"color": colours[version], "symbol": symbols[version], "size": 11},
                error_y=interval_bars(own, "f1", "f1_low", "f1_high"),
                customdata=own["clips"],
                hovertemplate=f"%{{x}}, {version}: %{{y:.2f}} on %{{customdata:,}} recordings<extra></extra>",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=table["step"],
            y=table["promised"],
            mode="markers",
            name="promised by its own probabilities",
            marker={"color": NEUTRAL, "symbol": "circle-open", "size": 11, "line": {"width": 2}},
            hovertemplate="%{x}: %{y:.2f} promised<extra></extra>",
        )
    )
    if len(changes):
        figure.add_trace(
            go.Scatter(
                x=changes["step"],
                y=[1.0] * len(changes),
                mode="markers",
                name="the model was changed",
                marker={"color": "#CC79A7", "symbol": "triangle-down", "size": 14},
                customdata=changes["words"],
                hovertemplate="%{x}: %{customdata}<extra></extra>",
            )
        )
    return (
        _in_time(figure, "Macro-F1 on clips that people labelled later", "macro-F1 (1 is perfect)")
        .update_yaxes(range=[0, 1.05])
        .update_xaxes(categoryorder="array", categoryarray=list(steps))
    )


def drift(table: pd.DataFrame, *, least_effect: float) -> go.Figure:
    """Draw the distance of each feature from the training music. table : columns feature, ks, drifted."""
    figure = go.Figure()
    for drifted, name, colour, pattern in ((True, "drifted", "#D55E00", "/"), (False, "within chance", ACCENT, "")):
        own = table[table["drifted"].eq(drifted)]
        if len(own):
            figure.add_trace(
                go.Bar(
                    x=own["ks"],
                    y=own["feature"].map(readable),
                    orientation="h",
                    name=name,
                    marker={"color": colour, "pattern": {"shape": pattern}},
                    hovertemplate=f"%{{y}}: %{{x:.2f}}, {name}<extra></extra>",
                )
            )
    figure.add_vline(x=least_effect, line_dash="dot", line_color=NEUTRAL)
    names = [readable(feature) for feature in table["feature"]]
    return (
        apply_style(figure, title="Distance from the training music", height=120 + ROW * len(table))
        .update_layout(legend=BELOW)
        .update_xaxes(title="KS distance (0 = the same)", rangemode="tozero")
        .update_yaxes(categoryorder="array", categoryarray=names, autorange="reversed", dtick=1)
    )


def drift_over_time(table: pd.DataFrame) -> go.Figure:
    """Draw the share of the drifted features and the limit of the alarm. table : columns step, share, limit, clips."""
    share, limit = "share of the features that drifted", "the alarm rings from here on"
    hover = "%{{y}}, {} (%{{customdata:,}} recordings)".format
    figure = go.Figure(
        [
            _line(table, "share", share, hover(share)),
            _line(table, "limit", limit, hover(limit), colour="#D55E00", symbol="x", dash="dash"),
        ]
    )
    return _in_time(figure, "Drift over time", "share of the features").update_yaxes(
        rangemode="tozero", **percent_axis()
    )


def by_slice(table: pd.DataFrame, column: str, low: str, high: str, *, title: str, axis: str) -> go.Figure:
    """Draw a share of each slice with its interval, the largest slice on top. table : columns slice, n, and those."""
    names = [plain(name) for name in table["slice"]]  # full names, because long names may differ only at the end
    figure = go.Figure(
        go.Scatter(
            x=table[column],
            y=names,
            mode="markers",
            name=axis,
            marker={"color": ACCENT, "symbol": "diamond", "size": 10},
            error_x=interval_bars(table, column, low, high),
            customdata=table["n"],
            hovertemplate="%{y}: %{x} of %{customdata:,} clips<extra></extra>",
        )
    )
    return (
        apply_style(figure, title=title, height=110 + ROW * len(table))
        .update_layout(showlegend=False)
        .update_xaxes(title=axis, rangemode="tozero", **percent_axis())
        .update_yaxes(categoryorder="array", categoryarray=names, autorange="reversed")
        .update_yaxes(type="category", tickvals=names, ticktext=[plain(short(name)) for name in table["slice"]])
    )


def _band(table: pd.DataFrame, low: str, high: str) -> list[go.Scatter]:
    """The band of the interval, where at least two steps have one."""
    known = table.dropna(subset=[low, high])
    return [interval_band(known["step"], known[low], known[high])] if len(known) > 1 else []


def _line(
    table: pd.DataFrame,
    column: str,
    name: str,
    hover: str,
    *,
    colour: str = ACCENT,
    symbol: str = "diamond",
    dash: str = "solid",
) -> go.Scatter:
    """A line through the steps. hover : what follows the step; ``%{customdata}`` is the number of clips."""
    return go.Scatter(
        x=table["step"],
        y=table[column],
        mode="lines+markers",
        name=name,
        line={"color": colour, "dash": dash},
        marker={"symbol": symbol, "size": 8},
        customdata=table["clips"],
        hovertemplate=f"%{{x}}: {hover}<extra></extra>",
    )


def _in_time(figure: go.Figure, title: str, axis: str) -> go.Figure:
    return (
        apply_style(figure, title=title, height=340)
        .update_layout(legend=BELOW)
        .update_xaxes(type="category", nticks=10)
        .update_yaxes(title=axis)
    )
