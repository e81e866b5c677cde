"""Colours and symbols of the emotions, the common style of all figures, and the figures that several pages use.

The palette is Okabe & Ito (2008), which is safe for colour-blind people; each emotion also has a symbol.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.schema import EMOTIONS, LABEL, readable
from core.wording import percent, whole_percent, with_sign

COLOURS = {"angry": "#D55E00", "happy": "#E69F00", "relax": "#009E73", "sad": "#0072B2"}
SYMBOLS = {"angry": "triangle-up", "happy": "star", "relax": "square", "sad": "circle"}
NEUTRAL = "#888888"
ACCENT = "#0072B2"
ROW = 26  # height in pixels of a bar or line, so that its label can be read
SEQUENTIAL = "Blues"  # shares and counts
DIVERGING = "RdBu"  # correlations, from -1 to 1
_MARGIN = {"l": 8, "r": 8, "t": 40, "b": 8}
_CLEAR = "rgba(0,0,0,0)"


def apply_style(figure: go.Figure, *, title: str = "", height: int = 380) -> go.Figure:
    """Apply the common style; transparent, so it fits light and dark pages."""
    return figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        height=height,
        margin=_MARGIN,
        paper_bgcolor=_CLEAR,
        plot_bgcolor=_CLEAR,
        legend={"orientation": "h", "y": -0.18, "title": ""},
        hoverlabel={"namelength": -1},
    ).update_xaxes(automargin=True).update_yaxes(automargin=True)  # fmt: skip


def probabilities(proba: pd.Series, *, threshold: float | None = None) -> go.Figure:
    """Draw one bar per emotion.

    Parameters
    ----------
    proba
        Index emotion, values in [0, 1].
    threshold
        Probability from which one emotion is accepted; drawn as a line.
    """
    order = [e for e in EMOTIONS if e in proba.index][::-1]
    values = proba.loc[order]
    figure = go.Figure(
        go.Bar(
            x=values.to_numpy(),
            y=[with_sign(e) for e in order],
            orientation="h",
            marker_color=[COLOURS[e] for e in order],
            text=[percent(v) for v in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    if threshold is not None:
        figure.add_vline(
            x=threshold,
            line_dash="dot",
            line_color=NEUTRAL,
            annotation_text=f"accept from {whole_percent(threshold)}",
            annotation_position="top left" if threshold > 0.5 else "top right",  # inside the figure
        )
    return apply_style(figure, height=240).update_xaxes(range=[0, 1.12], tickformat=".0%", title="probability")


def waveform(times: np.ndarray, low: np.ndarray, high: np.ndarray) -> go.Figure:
    """Draw the lowest and highest sample of each section against time in s."""
    line = {"mode": "lines", "line": {"width": 0.5, "color": COLOURS["sad"]}, "hoverinfo": "skip", "showlegend": False}
    figure = go.Figure([go.Scatter(x=times, y=high, **line), go.Scatter(x=times, y=low, fill="tonexty", **line)])
    return (
        apply_style(figure, title="Waveform", height=200)
        .update_xaxes(title="time (s)")
        .update_yaxes(title="full scale = 1")
    )


def by_emotion(
    table: pd.DataFrame, column: str, *, kind: str = "violin", emotions: Sequence[str] = EMOTIONS
) -> go.Figure:
    """Draw the distribution of one feature for each emotion; kind : "violin", "box" or "strip"."""
    figure = go.Figure()
    for emotion in emotions:
        values = table.loc[table[LABEL] == emotion, column]
        common = {"y": values, "name": with_sign(emotion), "marker_color": COLOURS[emotion]}
        if kind == "violin":
            figure.add_trace(go.Violin(**common, box_visible=True, meanline_visible=True, spanmode="hard"))
        elif kind == "box":
            figure.add_trace(go.Box(**common, boxpoints="outliers"))
        else:
            figure.add_trace(
                go.Box(**common, boxpoints="all", jitter=0.8, pointpos=0, fillcolor=_CLEAR, line_color=_CLEAR)
            )
    return (
        apply_style(figure, title=readable(column)).update_layout(showlegend=False).update_yaxes(title=readable(column))
    )
