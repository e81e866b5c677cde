"""Figures of the features of a clip and of explanations. They draw tables; they do not compute."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.schema import EMOTIONS, readable
from core.wording import SIGNS, percent, percents, signed_points, with_sign
from pages.figures.style import COLOURS, NEUTRAL, ROW, SYMBOLS, apply_style, ink, percent_axis, quick_figure

BELOW = {"yref": "container", "y": 0.0, "yanchor": "bottom", "traceorder": "normal"}  # a legend under the axis
LOW_HIGH = [[0, "#0072B2"], [0.5, "#999999"], [1, "#E69F00"]]  # visible on light and dark pages
UP, DOWN = "#56B4E9", "#CC79A7"  # raises, lowers; of the same palette, but not colours of an emotion


def rgba(colour: str, alpha: float) -> str:
    """A colour ``"#RRGGBB"`` with an opacity in [0, 1]."""
    r, g, b = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({r},{g},{b},{alpha:g})"


def interval_band(x: pd.Series, low: pd.Series, high: pd.Series) -> go.Scatter:
    """A band between the two ends of the 95 % interval of a line."""
    return go.Scatter(
        x=pd.concat([x, x[::-1]]),
        y=pd.concat([high, low[::-1]]),
        fill="toself",
        fillcolor=rgba(UP, 0.25),
        line={"width": 0, "color": UP},
        mode="lines",
        hoverinfo="skip",
        name="95 % interval",
    )


def waterfall(steps: pd.DataFrame, *, base: float | None, emotion: str) -> go.Figure:
    """Draw the steps from the model's average probability to this clip's, one step per feature.

    Parameters
    ----------
    steps
        Columns name, shown (value with unit) and shap, drawn from top to bottom.
    base
        Probability at which the steps start. None if unknown: the changes are then drawn from 0.
    emotion
        The emotion whose probability is explained.
    """
    start, known = base or 0.0, base is not None
    names = ["average clip", *steps["name"], "this clip"]
    ends = start + np.concatenate([[0], steps["shap"].cumsum()])
    margin = 0.3 * max(float(ends.max() - ends.min()), 0.2)
    bars = go.Waterfall(
        orientation="h",
        y=names,
        x=[start, *steps["shap"], 0],
        measure=["absolute", *["relative"] * len(steps), "total"],
        text=[_end(start, known), *(signed_points(v) for v in steps["shap"]), _end(ends[-1], known)],
        textposition="outside",
        cliponaxis=False,
        customdata=["", *steps["shown"], ""],
        hovertemplate="%{y} %{customdata}: %{text}<extra></extra>",
        increasing={"marker": {"color": UP}},
        decreasing={"marker": {"color": DOWN}},
        totals={"marker": {"color": NEUTRAL}},
        connector={"line": {"color": NEUTRAL, "width": 0.5}},
    )
    change = f"{percent(start)} → {percent(ends[-1])}" if known else f"{100 * ends[-1]:+.0f} points"
    what = "probability (steps in percentage points)" if known else "change in percentage points"
    return quick_figure(
        [bars],
        title=f"Why {with_sign(emotion)}: {change}",
        height=110 + ROW * len(names),
        yaxis={"autorange": "reversed", "categoryorder": "array", "categoryarray": names},
        xaxis={
            "title": {"text": what},
            **percent_axis(signed=not known),
            "range": [min(0.0, float(ends.min()) - margin), float(ends.max()) + margin],
        },
    )


def _end(value: float, known: bool) -> str:
    return percent(value) if known else signed_points(value)


def importance(
    table: pd.DataFrame, *, by: str = "feature", title: str = "", unit: str = "mean |change of the probability|"
) -> go.Figure:
    """Draw bars, the largest on top.

    Parameters
    ----------
    table
        Columns ``by``, importance (in ``unit``) and, for stacked colours, emotion.
    by
        Column of the labels: "feature" or "group".
    """
    figure = go.Figure()
    order = list(table.groupby(by, observed=True)["importance"].sum().sort_values(ascending=False).index)
    parts = table.groupby("emotion", observed=True) if "emotion" in table else [(None, table)]
    for emotion, part in parts:
        figure.add_trace(
            go.Bar(
                orientation="h",
                x=part["importance"],
                y=[_short(n) for n in part[by]],
                name=with_sign(str(emotion)) if emotion else "",
                marker_color=COLOURS.get(str(emotion), UP),
                text=SIGNS.get(str(emotion), ""),
                textposition="inside",
                insidetextfont_color=ink(COLOURS.get(str(emotion), UP)),
                insidetextanchor="middle",
                textangle=0,
                hovertemplate="%{y}: %{x:.3f}<extra>%{fullData.name}</extra>",
            )
        )
    return (
        apply_style(figure, title=title, height=150 + ROW * len(order))
        .update_layout(barmode="stack", showlegend="emotion" in table, legend=BELOW)
        .update_layout(uniformtext={"mode": "hide", "minsize": 8}, margin={"b": 40})
        .update_yaxes(autorange="reversed", categoryorder="array", categoryarray=[_short(n) for n in order])
        .update_xaxes(title=unit)
    )


def _short(column: str) -> str:
    return readable(column).split(" (")[0]


def beeswarm(points: pd.DataFrame, *, emotion: str, coloured: bool = True) -> go.Figure:
    """Draw one dot per clip and feature: its effect on the probability, coloured by low or high value.

    points : columns feature, shap, offset (vertical, in rows), place (rank of the value among all clips, in [0, 1]),
        row.
    """
    order = list(dict.fromkeys(points["feature"].astype(str)))
    base = points["feature"].astype(str).map({f: i for i, f in enumerate(order)})
    marker: dict[str, object] = {"size": 5, "color": NEUTRAL, "opacity": 0.8}
    if coloured:
        bar = {"title": "value", "tickvals": [0.03, 0.97], "ticktext": ["low", "high"], "thickness": 8}
        marker |= {"color": points["place"], "colorscale": LOW_HIGH, "cmin": 0, "cmax": 1, "colorbar": bar}
    figure = go.Figure(
        go.Scattergl(
            x=points["shap"],
            y=base + points["offset"],
            mode="markers",
            marker=marker,
            customdata=np.stack([points["feature"].astype(str).map(readable), points["row"]], axis=-1),
            hovertemplate="%{customdata[0]}, row %{customdata[1]}: %{x:+.3f}<extra></extra>",
            showlegend=False,
        )
    )
    figure.add_vline(x=0, line_color=NEUTRAL, line_width=1)
    return (
        apply_style(figure, title=f"Every clip: effect on {with_sign(emotion)}", height=110 + 34 * len(order))
        .update_yaxes(tickvals=list(range(len(order))), ticktext=[_short(f) for f in order])
        .update_yaxes(range=[len(order) - 0.4, -0.6])
        .update_xaxes(title=f"change of the probability of {emotion}")
    )


def dependence(points: pd.DataFrame, *, column: str, emotion: str) -> go.Figure:
    """Draw the effect of a feature's value on the probability.

    points : columns value, shap, label (the true emotion of the clip) and row.
    """
    figure = go.Figure()
    for own in EMOTIONS:
        part = points[points["label"] == own]
        figure.add_trace(
            go.Scattergl(
                x=part["value"],
                y=part["shap"],
                mode="markers",
                name=own,  # its symbol is the marker
                marker={"color": COLOURS[own], "symbol": SYMBOLS[own], "size": 7, "opacity": 0.75},
                customdata=part["row"],
                hovertemplate="%{x:.4g}: %{y:+.3f} (row %{customdata})<extra>%{fullData.name}</extra>",
            )
        )
    figure.add_hline(y=0, line_color=NEUTRAL, line_width=1)
    return (
        apply_style(figure, title=f"{readable(column)} and {with_sign(emotion)}", height=420)
        .update_layout(legend=BELOW, margin={"b": 40})
        .update_xaxes(title=readable(column))
        .update_yaxes(title=f"change of P({emotion})")
    )


def interaction(points: pd.DataFrame, *, first: str, second: str, emotion: str) -> go.Figure:
    """Draw the joint effect of two features beyond their separate effects.

    points : columns first, second, interaction and row.
    """
    title = {"text": readable(second), "side": "top"}
    bar = {"title": title, "thickness": 8, "orientation": "h", "y": -0.3, "yanchor": "top"}
    low, high = points["second"].quantile([0.05, 0.95])
    figure = go.Figure(
        go.Scattergl(
            x=points["first"],
            y=points["interaction"],
            mode="markers",
            marker={"size": 7, "color": points["second"], "colorscale": LOW_HIGH, "colorbar": bar, "opacity": 0.85},
            customdata=points[["second", "row"]],
            hovertemplate="%{x:.4g} and %{customdata[0]:.4g}: %{y:+.3f} (row %{customdata[1]})<extra></extra>",
            showlegend=False,
        )
    )
    figure.update_traces(marker={"cmin": low, "cmax": high})
    figure.add_hline(y=0, line_color=NEUTRAL, line_width=1)
    return (
        apply_style(figure, title=f"Joint effect on {with_sign(emotion)}", height=440)
        .update_xaxes(title=readable(first))
        .update_yaxes(title="joint change of the probability")
    )


def place(curves: pd.DataFrame, value: float, *, column: str) -> go.Figure:
    """Draw a clip's value among the distributions of the four emotions.

    Parameters
    ----------
    curves
        Columns emotion, q (quantile in [0, 1]) and value.
    value
        Value of the clip; NaN draws no line.
    column
        Column name of the feature.
    """
    figure = go.Figure()
    for emotion in EMOTIONS[::-1]:
        part = curves[curves["emotion"] == emotion]
        at = np.interp([0.05, 0.25, 0.5, 0.75, 0.95], part["q"], part["value"])
        figure.add_trace(
            go.Box(
                orientation="h",
                lowerfence=[at[0]],
                q1=[at[1]],
                median=[at[2]],
                q3=[at[3]],
                upperfence=[at[4]],
                y=[with_sign(emotion)],
                marker_color=COLOURS[emotion],
                showlegend=False,
                hoverinfo="x",
            )
        )
    if np.isfinite(value):
        side = "top left" if value > curves["value"].median() else "top right"  # inside the figure
        line = {"line_width": 2, "line_dash": "dot", "line_color": NEUTRAL}
        figure.add_vline(x=value, annotation_text="this clip", annotation_position=side, **line)
    return apply_style(
        figure, title=f"{readable(column)}: middle half (box), 5 % to 95 % (lines)", height=280
    ).update_xaxes(title=readable(column))


def two_clips(table: pd.DataFrame) -> go.Figure:
    """Draw the probabilities of the four emotions; table : index emotion, one column per condition."""
    figure = go.Figure()
    order = [e for e in EMOTIONS if e in table.index][::-1]
    for pattern, column in zip(("/", "", "."), table.columns[::-1], strict=False):
        values = table.loc[order, column]
        shown = percents({e: float(values[e]) for e in order})
        figure.add_trace(
            go.Bar(
                orientation="h",
                y=[with_sign(e) for e in order],
                x=values,
                name=str(column),
                marker={"color": [COLOURS[e] for e in order], "pattern": {"shape": pattern, "fgopacity": 0.5}},
                text=[shown[e] for e in order],
                textposition="outside",
                cliponaxis=False,
                hovertemplate="%{y}: %{text}<extra>%{fullData.name}</extra>",
            )
        )
    return (
        apply_style(figure, height=340)
        .update_layout(legend=BELOW | {"traceorder": "reversed"}, margin={"b": 40})
        .update_xaxes(range=[0, 1.25], **percent_axis())
    )
