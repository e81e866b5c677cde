"""Figures of the melody in commas: the melody over time, the comma profile, the drift and the self-similarity."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.makams import COMMAS
from core.wording import clock
from pages.figures.style import ACCENT, NEUTRAL, SEQUENTIAL, apply_style, interval_bars, percent_axis

REST = "#D55E00"
THEORY = "#009E73"
EDGE = "#E69F00"
MOST_POINTS = 8000  # of a melody; more do not show more
NAME_ROOM = 0.045  # of the height of the chart, for one name
TICKS_S = (10, 15, 30, 60, 120, 300, 600)


def melody(
    track: pd.DataFrame,
    *,
    perdes: Sequence[tuple[float, str]],
    rests: pd.DataFrame,
    edges: Sequence[tuple[float, float, str]] = (),
    at_s: float | None = None,
    over: str = "the karar",
) -> go.Figure:
    """Draw the melody over time.

    Parameters
    ----------
    track
        Columns time_s and commas (above ``over``); NaN where there is no melody.
    perdes
        Height and name of each line.
    rests
        Zones of rest: start_s, end_s, commas, perde.
    edges
        Start, end and name of the opening and the ending.
    at_s
        Where the player begins.
    over
        Where the commas are counted from, in words.
    """
    known = track[track["commas"].notna()]
    known = known.iloc[:: max(1, len(known) // MOST_POINTS)]
    figure = go.Figure(
        go.Scattergl(
            x=known["time_s"],
            y=known["commas"],
            mode="markers",
            marker={"size": 3, "color": ACCENT},
            name="melody",
            customdata=[clock(t) for t in known["time_s"]],
            hovertemplate="%{customdata}: %{y:.1f} commas<extra></extra>",
        )
    )
    none = np.full(len(rests), np.nan)
    figure.add_trace(
        go.Scattergl(  # of the same kind as the melody, which would hide it
            x=np.column_stack([rests["start_s"], rests["end_s"], none]).ravel(),
            y=np.repeat(rests["commas"].to_numpy(float), 3),
            mode="lines+markers",  # a rest of 2 s in ten minutes is a line of one point
            line={"width": 7, "color": REST},
            marker={"size": 7, "color": REST, "symbol": "square"},
            name="zone of rest",
            text=np.repeat([f"near {p}: " if p else "" for p in rests["perde"]], 3),
            hovertemplate="rest %{text}%{y:.1f} commas<extra></extra>",
        )
    )
    for start, end, name in edges:
        figure.add_vrect(
            x0=start, x1=end, fillcolor=EDGE, opacity=0.12, line_width=0, annotation_text=name,
            annotation_position="top left", annotation_font_color=NEUTRAL,
        )  # fmt: skip
    if at_s is not None:
        figure.add_vline(x=at_s, line_color=NEUTRAL, line_dash="dot")
    end_s = float(track["time_s"].iloc[-1]) if len(track) else 1.0
    return _time_axis(apply_style(figure, title=f"Melody in commas over {over}", height=460), end_s).update_yaxes(
        tickmode="array",
        tickvals=[height for height, _ in perdes],
        ticktext=apart_names(perdes),
        tickfont={"size": 11},
        gridcolor="rgba(136,136,136,0.35)",
        zeroline=True,
        zerolinecolor=NEUTRAL,
    )


def apart_names(perdes: Sequence[tuple[float, str]]) -> list[str]:
    """Return the names of the lines, empty where one would cover another; the karar and its octaves come first."""
    heights = [height for height, _ in perdes]
    least = (max(heights) - min(heights)) * NAME_ROOM if heights else 0
    named: list[float] = []
    for height in sorted(heights, key=lambda h: (h % COMMAS != 0, h)):
        if all(abs(height - other) >= least for other in named):
            named.append(height)
    return [name if height in named else "" for height, name in perdes]


def _time_axis(figure: go.Figure, end_s: float) -> go.Figure:
    step = next((s for s in TICKS_S if end_s / s <= 8), TICKS_S[-1])
    ticks = np.arange(0, end_s + 1, step)
    return figure.update_xaxes(
        title="time (min:s)", tickvals=ticks, ticktext=[clock(t) for t in ticks], range=[0, max(end_s, 1)]
    )


def comma_profile(shares: pd.DataFrame, degrees: Sequence[tuple[float, str]]) -> go.Figure:
    """Draw the share of time on each comma, with the degrees of a makam as lines.

    shares : columns comma, perde, share.  degrees : height and perde of each degree in theory.
    """
    figure = go.Figure(
        go.Bar(
            x=shares["comma"],
            y=shares["share"],
            marker_color=ACCENT,
            customdata=[f" ({perde})" if perde else "" for perde in shares["perde"]],
            name="this recording",
            hovertemplate="comma %{x}%{customdata}: %{y:.1%}<extra></extra>",
        )
    )
    for height, _ in degrees:
        figure.add_vline(x=height, line_color=THEORY, line_dash="dash", line_width=1.5)
    return (
        apply_style(figure, title="Time on each comma, octaves together", height=360)
        .update_layout(showlegend=False, bargap=0.15)
        .update_xaxes(
            title="commas over the karar",
            range=[-1, 53.5],
            **(
                {
                    "tickvals": [height for height, _ in degrees],
                    "ticktext": [f"{name}<br>{height:g}" for height, name in degrees],
                    "tickangle": -60,
                }
                if degrees
                else {"dtick": 9}
            ),
        )
        .update_yaxes(title="share of the melody", **percent_axis())
    )


def drift(table: pd.DataFrame) -> go.Figure:
    """Draw the deviation of the karar over time with its intervals.  table : time_s, deviation, low, high."""
    figure = go.Figure(
        go.Scatter(
            x=table["time_s"],
            y=table["deviation"],
            mode="markers+lines",
            marker={"color": ACCENT, "size": 8},
            error_y=interval_bars(table, "deviation") | {"color": NEUTRAL},
            hovertemplate="%{y:+.2f} commas<extra></extra>",
        )
    )
    end_s = float(table["time_s"].max()) if len(table) else 1.0
    figure.add_hline(y=0, line_color=NEUTRAL, line_dash="dot")
    return _time_axis(apply_style(figure, title="Notes on the karar over time", height=300), 1.05 * end_s).update_yaxes(
        title="commas from the karar"
    )


def similarity(matrix: np.ndarray, step_s: float) -> go.Figure:
    """Draw the self-similarity of a recording.  matrix : shape (n, n), 0 to 1.  step_s : seconds between two rows."""
    times = np.arange(len(matrix)) * step_s
    end_s = float(len(matrix) * step_s)
    figure = go.Figure(
        go.Heatmap(
            x=times,
            y=times,
            z=np.round(100 * matrix).astype(np.uint8),
            colorscale=SEQUENTIAL,
            zmin=0,
            zmax=100,
            showscale=False,
            hovertemplate="%{x:.0f} s and %{y:.0f} s: %{z} of 100<extra></extra>",
        )
    )
    apply_style(figure, title="Which moments are alike", height=460)
    _time_axis(figure, end_s)
    ticks = figure.layout.xaxis.tickvals
    return figure.update_yaxes(
        title="time (min:s)", tickvals=ticks, ticktext=[clock(t) for t in ticks], autorange="reversed"
    ).update_layout(yaxis_scaleanchor="x", xaxis_constrain="domain")


def comparison(table: pd.DataFrame, *, names: tuple[str, str]) -> go.Figure:
    """Draw where two sides play each degree.  table : commas, perde, difference, low, high."""
    rows = zip(table["perde"], table["commas"], strict=True)
    labels = [perde or f"{commas:+.0f} commas" for perde, commas in rows]
    figure = go.Figure(
        go.Scatter(
            x=table["difference"],
            y=labels,
            mode="markers",
            marker={"color": ACCENT, "size": 9},
            error_x=interval_bars(table, "difference") | {"color": NEUTRAL},
            hovertemplate="%{y}: %{x:+.2f} commas<extra></extra>",
        )
    )
    figure.add_vline(x=0, line_color=NEUTRAL, line_dash="dot")
    title = f"How much higher {names[0]} plays each degree than {names[1]}"
    return apply_style(figure, title=title, height=120 + 28 * len(table)).update_xaxes(title="commas")
