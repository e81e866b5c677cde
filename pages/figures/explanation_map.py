"""The map of clips by their explanations. It draws a table; it does not compute."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.clip_errors import ClipOutcome
from core.models.explanation_map import ExplanationMap
from core.schema import BY_COLUMN, EMOTIONS
from core.wording import tenth_percent, with_sign
from pages.figures.style import COLOURS, NEUTRAL, SYMBOLS, apply_style

# Symbol, colour, size and opacity of each outcome: errors are in front and larger.
_OUTCOMES = {
    ClipOutcome.RIGHT: ("circle-open", NEUTRAL, 8, 0.7),
    ClipOutcome.SOMETIMES: ("diamond", "#E69F00", 10, 0.9),
    ClipOutcome.WRONG: ("x", "#D55E00", 11, 0.95),
}
_EMOTIONS = {e: (SYMBOLS[e], COLOURS[e], 9, 0.85) for e in EMOTIONS}


def explanation_map(
    places: ExplanationMap, clips: pd.DataFrame, *, colour: str, chosen: int | None = None
) -> go.Figure:
    """Draw each clip at its place. A click on a clip selects its marker, whose customdata begins with its row.

    Parameters
    ----------
    clips
        Columns row, label, guess, outcome and wrong, from ``core.evaluation.clip_errors.clip_errors``.
    colour
        Column that decides symbol and colour: outcome, label or guess.
    """
    table = places.points.merge(clips, on="row")
    looks = {str(k): v for k, v in _OUTCOMES.items()} if colour == "outcome" else _EMOTIONS
    figure = go.Figure()
    for name, (symbol, ink, size, opacity) in looks.items():
        part = table[table[colour] == name]
        figure.add_trace(
            go.Scatter(
                x=part["x"],
                y=part["y"],
                mode="markers",
                name=with_sign(name),
                marker={"symbol": symbol, "color": ink, "size": size, "opacity": opacity},
                selected={"marker": {"opacity": opacity}},  # a click opens the clip and changes nothing here
                unselected={"marker": {"opacity": opacity}},
                customdata=np.column_stack([part["row"], part["label"], part["guess"], 100 * part["wrong"]]),
                hovertemplate="row %{customdata[0]}: %{customdata[1]}, guess %{customdata[2]}<br>"
                "wrong in %{customdata[3]:.0f} % of the repeats<extra></extra>",
            )
        )
    titles = [
        f"{emotion} by {BY_COLUMN[column].name.lower()} ({tenth_percent(share)})"
        for (emotion, column, _), share in zip((way[0] for way in places.telling), places.shares, strict=True)
    ] or ["", ""]
    return (
        apply_style(figure, height=540)
        .update_xaxes(title=titles[0], zeroline=False, showticklabels=bool(places.shares))
        .update_yaxes(title=titles[1], zeroline=False, showticklabels=bool(places.shares))
        .update_layout(legend_y=-0.14, clickmode="event+select", uirevision="map")
    )
