"""Colours and symbols of the emotions, the common style of all figures, and the figures that several pages use.

The palette is Okabe & Ito (2008), which is safe for colour-blind people; each emotion also has a symbol.
"""

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.basedatatypes import BaseTraceType

from core.schema import EMOTIONS, readable
from core.wording import percent_limit, percents, with_sign

COLOURS = {"angry": "#D55E00", "happy": "#E69F00", "relax": "#009E73", "sad": "#0072B2"}
SYMBOLS = {"angry": "triangle-up", "happy": "star", "relax": "square", "sad": "circle"}
# Okabe & Ito again, for groups that are no emotions; each also has its own symbol.
_GROUP_COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#8C6D31", "#5B4B8A", "#B5B500"),
)
_GROUP_SYMBOLS = (
    *("circle", "diamond", "square", "triangle-up", "star", "x", "cross", "pentagon", "hexagon", "triangle-down"),
)
NEUTRAL = "#888888"
ACCENT = "#0072B2"
ROW = 26  # height in pixels of a bar or line, so that its label can be read
SEQUENTIAL = "Blues"  # shares and counts
DIVERGING = "RdBu"  # correlations, from -1 to 1
FEW = 20  # values of a violin that shows each of them as a point
_MARGIN = {"l": 8, "r": 8, "t": 40, "b": 8}
_CLEAR = "rgba(0,0,0,0)"
_TEMPLATE = go.Figure().layout.template  # plotly's own


def ink(colour: str) -> str:
    """Colour of a text on a filled shape: dark or white, whichever has the higher contrast. colour : ``"#RRGGBB"``."""
    red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]  # WCAG 2.2
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05
    return "#111111" if light / 0.0555 > 1.05 / light else "#ffffff"


def apply_style(figure: go.Figure, *, title: str = "", height: int = 380) -> go.Figure:
    """Apply the common style; transparent, so it fits light and dark pages."""
    figure.update_layout(title={"text": title, "font": {"size": 15}}, height=height, **_layout())
    return figure.update_xaxes(automargin=True).update_yaxes(automargin=True)


def quick_figure(
    traces: Sequence[BaseTraceType],
    *,
    xaxis: dict[str, object],
    yaxis: dict[str, object],
    title: str = "",
    height: int = 380,
    **layout: Any,
) -> go.Figure:
    """Build a figure in the common style at once, without plotly's checks: a tenth of the time of `apply_style`.

    For the figures of Predict, which are drawn for each clip. A test checks them as plotly does.
    """
    whole = _layout() | {"title": {"text": title, "font": {"size": 15}}, "height": height} | layout
    axes = {"xaxis": {"automargin": True} | xaxis, "yaxis": {"automargin": True} | yaxis}
    return go.Figure({"data": traces, "layout": {"template": _TEMPLATE} | whole | axes}, _validate=False)


def _layout() -> dict[str, object]:
    return {
        "margin": dict(_MARGIN),
        "paper_bgcolor": _CLEAR,
        "plot_bgcolor": _CLEAR,
        "legend": {"orientation": "h", "y": -0.18, "title": {"text": ""}},
        "hoverlabel": {"namelength": -1},
    }


def plain(text: str) -> str:
    """Escape text, because plotly interprets some HTML tags."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def short(name: str, longest: int = 33) -> str:
    """Shorten a long name to its beginning and end, to leave space for the figure."""
    return name if len(name) <= longest else f"{name[: longest - 12]}…{name[-11:]}"


def interval_bars(table: pd.DataFrame, value: str = "value", low: str = "low", high: str = "high") -> dict[str, object]:
    """Error bars from a column and the two ends of its interval."""
    return {
        "type": "data",
        "symmetric": False,
        "array": (table[high] - table[value]).to_numpy(),
        "arrayminus": (table[value] - table[low]).to_numpy(),
        "thickness": 2,
        "width": 5,
    }


def in_utc(times: pd.Series) -> pd.Series:
    """Times as plotly draws them: in UTC, without a time zone."""
    return pd.to_datetime(times, utc=True).dt.tz_convert(None)


def percent_axis(*, signed: bool = False) -> dict[str, object]:
    """Properties of an axis of shares in [0, 1]: whole percents, written ``"75 %"`` as in all texts.

    A hover text shows them with ``%{x}`` or ``%{y}``. signed : differences, written ``"+5 %"``.
    """
    ticks = [f"{sign}{n}%" for sign in (("+", "\u2212") if signed else ("",)) for n in range(111)]  # plotly's own minus
    return {
        "tickformat": "+.0%" if signed else ".0%",
        "labelalias": {tick: f"{tick[:-1]} %" for tick in ticks},
    }


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
    shown = percents({e: float(proba[e]) for e in order})
    bars = go.Bar(
        x=values.to_numpy(),
        y=[with_sign(e) for e in order],
        orientation="h",
        marker_color=[COLOURS[e] for e in order],
        text=[shown[e] for e in order],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    return quick_figure(
        [bars],
        height=240,
        xaxis={"range": [0, 1.12], "title": {"text": "probability"}, **percent_axis()},
        yaxis={},
        **({} if threshold is None else _limit_line(threshold)),
    )


def _limit_line(threshold: float) -> dict[str, Any]:
    """Parts of the layout: a line at the limit, with its text above the bars."""
    across: dict[str, object] = {"xref": "x", "yref": "y domain"}
    line = {"type": "line", "x0": threshold, "x1": threshold, "y0": 0, "y1": 1}
    text = {
        "text": f"accept from {percent_limit(threshold)}",
        "showarrow": False,
        "x": threshold,
        "y": 1.0,
        "yanchor": "bottom",
        "xanchor": "right" if threshold > 0.5 else "left",  # inside the figure
    }
    return {
        "shapes": [line | across | {"line": {"color": NEUTRAL, "dash": "dot"}}],
        "annotations": [text | across],
    }


def waveform(times: np.ndarray, low: np.ndarray, high: np.ndarray) -> go.Figure:
    """Draw the lowest and highest sample of each section against time in s."""
    line = {"mode": "lines", "line": {"width": 0.5, "color": COLOURS["sad"]}, "hoverinfo": "skip", "showlegend": False}
    return quick_figure(
        [go.Scatter(x=times, y=high, **line), go.Scatter(x=times, y=low, fill="tonexty", **line)],
        title="Waveform",
        height=200,
        xaxis={"title": {"text": "time (s)"}},
        yaxis={"title": {"text": "full scale = 1"}},
    )


def colours_of(groups: Sequence[str]) -> dict[str, str]:
    """Colour of each group: the emotions have their own."""
    if set(groups) <= set(EMOTIONS):
        return {name: COLOURS[name] for name in groups}
    return dict(zip(groups, cycle(_GROUP_COLOURS), strict=False))


def symbols_of(groups: Sequence[str]) -> dict[str, str]:
    """Symbol of each group: the emotions have their own."""
    if set(groups) <= set(EMOTIONS):
        return {name: SYMBOLS[name] for name in groups}
    return dict(zip(groups, cycle(_GROUP_SYMBOLS), strict=False))


def by_group(table: pd.DataFrame, column: str, groups: pd.Series, *, kind: str = "violin") -> go.Figure:
    """Draw the distribution of one feature for each group of rows; kind : "violin", "box" or "strip".

    groups : the group of each row, categorical; groups without a row are not drawn.
    """
    figure = go.Figure()
    colours = colours_of(list(groups.cat.categories))
    for name in groups.cat.categories[groups.cat.categories.isin(groups)]:
        values = table.loc[groups == name, column]
        common = {"y": values, "name": with_sign(name), "marker_color": colours[name]}
        if kind == "violin":
            # The curve over a few values shows a shape that they do not have.
            points = "all" if values.notna().sum() < FEW else "outliers"
            figure.add_trace(
                go.Violin(**common, box_visible=True, meanline_visible=True, spanmode="hard", points=points)
            )
        elif kind == "box":
            figure.add_trace(go.Box(**common, boxpoints="outliers"))
        else:
            figure.add_trace(
                go.Box(**common, boxpoints="all", jitter=0.8, pointpos=0, fillcolor=_CLEAR, line_color=_CLEAR)
            )
    return (
        apply_style(figure, title=readable(column)).update_layout(showlegend=False).update_yaxes(title=readable(column))
    )
