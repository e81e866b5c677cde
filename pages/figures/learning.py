"""Figures of the Learning page. They draw tables; they do not compute."""

import pandas as pd
import plotly.graph_objects as go

from pages.figures.style import ACCENT, NEUTRAL, apply_style, interval_bars

_ROW = 46  # pixels a line needs for two markers and their intervals

CHANGE_SIGNS = {  # change of the answer about a clip after a training
    "now right": "✔ now right",
    "now wrong": "✘ now wrong",
    "still right": "still right",
    "still wrong": "still wrong",
}


def before_after(table: pd.DataFrame, *, before: str, after: str, title: str) -> go.Figure:
    """Draw a score of two models with both intervals, one line per label.

    Parameters
    ----------
    table
        Columns label, before, before_low, before_high, after, after_low and after_high; drawn from top to bottom.
    before, after
        Names of the two models.
    """
    figure = go.Figure()
    for side, name, colour, symbol in (("before", before, NEUTRAL, "circle-open"), ("after", after, ACCENT, "diamond")):
        low, high = table[f"{side}_low"], table[f"{side}_high"]
        figure.add_trace(
            go.Scatter(
                x=table[side],
                y=table["label"],
                error_x=interval_bars(table, side, f"{side}_low", f"{side}_high"),
                mode="markers",
                orientation="h",  # draws the two markers of a line next to each other, without overlap
                name=name,
                marker={"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2}},
                customdata=pd.DataFrame({"low": low, "high": high}).to_numpy(),
                hovertemplate=f"%{{y}}, {name}: %{{x:.2f}} (%{{customdata[0]:.2f}} to %{{customdata[1]:.2f}})"
                "<extra></extra>",
            )
        )
    height = 130 + _ROW * len(table)
    return (
        apply_style(figure, title=title, height=height)
        .update_layout(scattermode="group", scattergap=0.5, legend_y=-70 / (height - 80))
        .update_xaxes(title="F1 (1 is perfect)")
        .update_yaxes(categoryorder="array", categoryarray=list(table["label"][::-1]), dtick=1)
    )
