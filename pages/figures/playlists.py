"""Figures of the Moods and Playlists pages. They draw tables; they do not compute."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from core.playlists.circle import CIRCLE, PLEASANT, STRONG
from core.playlists.sound import LibraryMap
from core.schema import BY_COLUMN, EMOTIONS
from core.wording import percent, percents, tenth_percent, with_sign
from pages.figures.style import COLOURS, NEUTRAL, ROW, SYMBOLS, apply_style, percent_axis, plain, short

PATTERNS = {"angry": "/", "happy": "", "relax": ".", "sad": "x"}  # readable without colour


def library_map(pieces: pd.DataFrame, places: LibraryMap, *, chosen: str | None = None) -> go.Figure:
    """Draw pieces on the map of sounds, one symbol and colour per emotion; hollow if the answer is not accepted.

    Parameters
    ----------
    pieces
        Index piece_id; columns guess, confidence, standing, title and artist.
    places
        Coordinates of the pieces and meaning of the axes.
    chosen
        Piece with a ring around it.
    """
    table = pieces.join(places.points, how="inner")
    table = table.assign(
        title=table["title"].map(plain), artist=table["artist"].map(plain), percent=table["confidence"].map(percent)
    )
    figure = go.Figure()
    for emotion in EMOTIONS:
        for accepted in (True, False):
            part = table[(table["guess"] == emotion) & ((table["standing"] == "accepted") == accepted)]
            if part.empty:
                continue
            symbol = SYMBOLS[emotion] if accepted else f"{SYMBOLS[emotion]}-open"
            figure.add_trace(
                go.Scattergl(
                    x=part["x"],
                    y=part["y"],
                    mode="markers",
                    name=emotion,
                    legendgroup=emotion,
                    showlegend=accepted or not ((table["guess"] == emotion) & (table["standing"] == "accepted")).any(),
                    marker={"color": COLOURS[emotion], "symbol": symbol, "size": 11, "opacity": 0.85},
                    selected={"marker": {"opacity": 0.85}},  # the ring marks the chosen piece
                    unselected={"marker": {"opacity": 0.85}},
                    customdata=part.reset_index()[["piece_id", "title", "artist", "percent", "standing"]],
                    hovertemplate="%{customdata[1]}<br>%{customdata[2]}<br>"
                    f"{with_sign(emotion)} %{{customdata[3]}}, %{{customdata[4]}}<extra></extra>",
                )
            )
    if chosen in table.index:
        at = table.loc[chosen]
        ring = {"symbol": "circle-open", "size": 24, "color": NEUTRAL, "line": {"width": 3}}
        figure.add_trace(
            go.Scatter(
                x=[at["x"]], y=[at["y"]], mode="markers", name="chosen", marker=ring, hoverinfo="skip", showlegend=False
            )
        )
    titles = [
        f"{_axis(telling)} ({tenth_percent(share)})"
        for telling, share in zip(places.telling, places.shares, strict=True)
    ]
    return (
        apply_style(figure, height=540)
        .update_xaxes(title=titles[0], zerolinecolor=NEUTRAL)
        .update_yaxes(title=titles[1], zerolinecolor=NEUTRAL)
        .update_layout(legend_y=-0.16, clickmode="event+select", uirevision="map")
    )


def _axis(telling: Sequence[tuple[str, float]]) -> str:
    """Axis title: only the feature with the largest weight, because a phone has no space for more."""
    column, weight = telling[0]
    return f"{'more' if weight > 0 else 'less'} {BY_COLUMN[column].name.lower()}"


def spread(table: pd.DataFrame, *, what: str, most: int = 20) -> go.Figure:
    """Draw the number of pieces of each emotion in each group, the largest group on top.

    Parameters
    ----------
    table
        Columns group, pieces, angry, happy, relax and sad.
    what
        Name of the grouping, such as "Artist".
    most
        Number of groups that are drawn.
    """
    shown = table.head(most).iloc[::-1]
    names = [plain(g) for g in shown["group"]]  # full names, because long names may differ only at the end
    figure = go.Figure(
        [
            go.Bar(
                name=with_sign(emotion),
                y=names,
                x=shown[emotion],
                orientation="h",
                marker={"color": COLOURS[emotion], "pattern_shape": PATTERNS[emotion]},
                customdata=list(zip(shown["pieces"], names, strict=True)),
                hovertemplate=f"%{{customdata[1]}}: %{{x}} of %{{customdata[0]}} {emotion}<extra></extra>",
            )
            for emotion in CIRCLE
        ]
    )
    return (
        apply_style(figure, title=f"Pieces by {what.lower()} and emotion", height=150 + ROW * len(shown))
        .update_layout(barmode="stack", legend_y=-(80 / (100 + ROW * len(shown))), legend_traceorder="normal")
        .update_xaxes(title="pieces", rangemode="tozero", tickformat="d", **_whole(int(shown["pieces"].max())))
        .update_yaxes(type="category", tickvals=names, ticktext=[plain(short(g)) for g in shown["group"]])
    )


def _whole(most: int) -> dict[str, int]:
    """Tick options of an axis with small counts: whole numbers only."""
    return {"dtick": 1} if most <= 8 else {}


def path(rows: pd.DataFrame, places: pd.DataFrame) -> go.Figure:
    """Draw the path of a playlist on the plane of emotions, numbered in playing order.

    rows : columns number, title and guess.  places : columns pleasant and strong of each row.
    """
    figure = go.Figure(
        go.Scatter(
            x=places["pleasant"],
            y=places["strong"],
            mode="lines+markers+text",
            text=rows["number"],
            textposition="top center",
            line={"color": NEUTRAL, "width": 1},
            marker={
                "color": [COLOURS[e] for e in rows["guess"]],
                "symbol": [SYMBOLS[e] for e in rows["guess"]],
                "size": 13,
            },
            customdata=rows[["title", "guess"]].assign(title=rows["title"].map(plain)),
            hovertemplate="%{text}. %{customdata[0]}: %{customdata[1]}<extra></extra>",
            showlegend=False,
        )
    )
    for emotion in EMOTIONS:
        figure.add_annotation(
            x=PLEASANT[emotion], y=STRONG[emotion], text=f"<b>{with_sign(emotion)}</b>", showarrow=False,
            yshift=12 if STRONG[emotion] > 0 else -12,
        )  # fmt: skip
    span = {"range": [-1.25, 1.25], "zerolinecolor": NEUTRAL, "showgrid": False, "tickvals": [-1, 0, 1]}
    return (
        apply_style(figure, title="Path of the playlist, by the moods of its pieces", height=400)
        .update_xaxes(**span, title="unpleasant to pleasant")
        .update_yaxes(**span, title="calm to strong")
    )


def over_time(rows: pd.DataFrame) -> go.Figure:
    """Draw probabilities and tempo over the time of a playlist; a gap is an unknown tempo.

    rows : columns number, begins_s, duration_s, pulse, want_tempo and p_*.
    """
    edges = rows["begins_s"].tolist() + [float(rows["begins_s"].iloc[-1] + rows["duration_s"].iloc[-1])]
    times = [edge / 60 for edge in edges]
    figure = go.Figure()
    shown = [percents({e: row[f"p_{e}"] for e in EMOTIONS}) for row in rows.to_dict("records")]
    for emotion in EMOTIONS:
        values = rows[f"p_{emotion}"].tolist()
        figure.add_trace(
            go.Scatter(
                x=times,
                y=[*values, values[-1]],
                name=emotion,
                mode="lines+markers",
                line={"shape": "hv", "color": COLOURS[emotion], "width": 2},
                marker={"symbol": SYMBOLS[emotion], "size": 8},
                customdata=[words[emotion] for words in [*shown, shown[-1]]],
                hovertemplate=f"%{{x:.1f}} min: {emotion} %{{customdata}}<extra></extra>",
            )
        )
    if rows["want_tempo"].notna().any():
        figure.add_trace(
            go.Scatter(
                x=[*rows["begins_s"] / 60],
                y=rows["want_tempo"].tolist(),
                name="wished tempo (right)",
                yaxis="y2",
                mode="lines",
                line={"color": NEUTRAL, "width": 1},
                hovertemplate="%{x:.1f} min: %{y:.0f} bpm wished<extra></extra>",
            )
        )
    tempo = rows["pulse"].tolist()
    figure.add_trace(
        go.Scatter(
            x=times,
            y=[*tempo, tempo[-1]],
            name="tempo (right)",
            yaxis="y2",
            mode="lines",
            line={"shape": "hv", "color": NEUTRAL, "dash": "dot"},
            hovertemplate="%{x:.1f} min: %{y:.0f} bpm<extra></extra>",
        )
    )
    return (
        apply_style(figure, title="Mood and tempo over time", height=380)
        .update_layout(
            yaxis={"range": [0, 1.02], "title": "probability", **percent_axis()},
            yaxis2={
                "overlaying": "y",
                "side": "right",
                "range": [40, 200],
                "tickvals": [40, 80, 120, 160, 200],
                "title": "bpm",
                "showgrid": False,
            },
            legend_y=-0.22,
        )
        .update_xaxes(title="minutes")
    )
