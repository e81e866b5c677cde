"""A figure of all versions of the model over time. It draws tables; it does not compute."""

import pandas as pd
import plotly.graph_objects as go

from core.file_names import CHALLENGER, CHAMPION
from core.models.decisions import Decided
from pages.figures.models import WARM
from pages.figures.style import ACCENT, NEUTRAL, apply_style, in_utc, interval_bars

_ROLES = {
    CHAMPION: ("star", WARM, 15),
    CHALLENGER: ("diamond", ACCENT, 12),
    "": ("circle", NEUTRAL, 10),
}
_DECISIONS = {
    Decided.PROMOTED: ("triangle-up", ACCENT),
    Decided.ROLLED_BACK: ("triangle-down", WARM),
    Decided.DISCARDED: ("x-thin-open", NEUTRAL),
}
_DASHES = ("solid", "dot", "dash", "dashdot")


def over_time(figures: pd.DataFrame, decisions: pd.DataFrame, *, name: str) -> go.Figure:
    """Draw one figure of each version with its interval; a line joins versions that were measured on the same clips.

    Parameters
    ----------
    figures
        Columns version, role, created_at, clips, clips_hash, value, low and high; oldest first.
    decisions
        Columns version, at, kind and words; drawn below the figures.
    name
        Name of the figure.
    """
    figures = figures.assign(created_at=in_utc(figures["created_at"]))
    figure = go.Figure()
    for k, (_, part) in enumerate(figures.groupby("clips_hash", sort=False)):
        line = {"color": NEUTRAL, "width": 1, "dash": _DASHES[k % len(_DASHES)]}
        lines = {"mode": "lines", "line": line, "hoverinfo": "skip", "showlegend": False}
        figure.add_trace(go.Scatter(x=part["created_at"], y=part["value"], **lines))
    for role, (symbol, colour, size) in _ROLES.items():
        part = figures[figures["role"] == role]
        if len(part):
            figure.add_trace(
                go.Scatter(
                    x=part["created_at"],
                    y=part["value"],
                    error_y=interval_bars(part),
                    mode="markers+text",
                    text=part["version"],
                    textposition="middle right",
                    name=role or "other versions",
                    marker={"symbol": symbol, "color": colour, "size": size},
                    customdata=part[["low", "high", "clips"]].to_numpy(),
                    hovertemplate="version %{text}: %{y:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f}), "
                    "%{customdata[2]} clips<extra></extra>",
                )
            )
    _add_decisions(figure, figures, decisions)
    return (
        apply_style(figure, title=f"{name} of each version", height=400)
        .update_xaxes(title="trained at (UTC)", **_days(figures["created_at"], in_utc(decisions["at"])))
        .update_yaxes(title=name)
        .update_layout(legend_y=-0.3)
    )


def _add_decisions(figure: go.Figure, figures: pd.DataFrame, decisions: pd.DataFrame) -> None:
    low, high = figures[["low", "value"]].min().min(), figures[["high", "value"]].max().max()
    floor = low - 0.08 * max(high - low, 0.01)
    for kind, (symbol, colour) in _DECISIONS.items():
        part = decisions[decisions["kind"] == kind]
        if len(part):
            figure.add_trace(
                go.Scatter(
                    x=in_utc(part["at"]),
                    y=[floor] * len(part),
                    mode="markers+text",
                    text=part["version"],
                    textposition="bottom center",
                    name=str(kind),
                    marker={"symbol": symbol, "color": colour, "size": 11, "line": {"width": 2, "color": colour}},
                    hovertemplate="version %{text}, %{x}<extra>%{fullData.name}</extra>",
                )
            )


def _days(*times: pd.Series) -> dict[str, object]:
    """Properties of a time axis: days with their date if all times are one moment, as those of a single version."""
    every = pd.concat(times)
    first, last = every.min(), every.max()
    if last - first > pd.Timedelta(minutes=1):
        return {}
    days = pd.Timedelta(days=2)
    around = [first.floor("D") - days, last.ceil("D") + days]
    return {"type": "date", "range": around, "tick0": around[0], "dtick": 24 * 3600 * 1000, "tickformat": "%d %b\n%Y"}
