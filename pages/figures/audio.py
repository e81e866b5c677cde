"""Figures of audio: waveform with beats, spectrograms and the mood over time. They draw tables; they do not compute."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.schema import EMOTIONS
from core.wording import clock
from pages.figures.clips import BELOW
from pages.figures.style import COLOURS, NEUTRAL, SYMBOLS, apply_style, percent_axis, waveform

BEAT = "#CC79A7"  # of the same palette, but not the colour of an emotion
_MARKS_HZ = (200, 500, 1000, 2000, 5000, 10000)  # ticks of the frequency axis
_STEPS = (10, 15, 30, 60, 120, 300, 600, 900, 1800)  # s between two ticks of a time axis


def waveform_with_beats(times: np.ndarray, low: np.ndarray, high: np.ndarray, beat_s: np.ndarray) -> go.Figure:
    """Draw the waveform with a line at each beat.

    times, low, high : as in ``style.waveform``.  beat_s : shape (n,), times of the beats in s.
    """
    figure = waveform(times, low, high)
    edge = float(max(np.abs(low).max(), np.abs(high).max()))
    none = np.full(len(beat_s), np.nan)  # NaN ends each line
    figure.add_trace(
        go.Scatter(
            x=np.column_stack([beat_s, beat_s, none]).ravel(),
            y=np.tile([-edge, edge, np.nan], len(beat_s)),
            mode="lines",
            line={"width": 1, "color": BEAT},
            showlegend=False,
            hovertemplate="beat at %{x:.2f} s<extra></extra>",
        )
    )
    return figure.update_layout(title_text="Waveform, with a line at each beat")


def mel_spectrogram(times: np.ndarray, hz: np.ndarray, level: np.ndarray) -> go.Figure:
    """Draw the level in dB, shape (bands, t), of mel bands against time in s and frequency in Hz."""
    names = [f"{f:,.0f} Hz" for f in hz]
    marks = {names[int(np.abs(hz - mark).argmin())]: f"{mark:,}" for mark in _MARKS_HZ if mark <= hz[-1]}
    return _spectrogram(times, names, level, marks=marks, unit="Hz")


def note_spectrogram(times: np.ndarray, notes: list[str], level: np.ndarray) -> go.Figure:
    """Draw the level in dB, shape (bands, t), of constant-Q bands against time in s and note."""
    marks = {note: note for note in notes if note[0] in "CG" and note[1:].isdigit()}
    return _spectrogram(times, notes, level, marks=marks, unit="note")


def _spectrogram(
    times: np.ndarray, bands: list[str], level: np.ndarray, *, marks: dict[str, str], unit: str
) -> go.Figure:
    """Draw a spectrogram. marks : band to its label on the axis."""
    figure = go.Figure(
        go.Heatmap(
            x=times,
            y=bands,
            z=level,
            colorscale="Cividis",
            zmin=-80,
            zmax=0,
            colorbar={"title": "dB", "thickness": 10},
            hovertemplate="%{x:.2f} s, %{y}: %{z} dB<extra></extra>",
        )
    )
    return (
        apply_style(figure, height=340)
        .update_layout(margin={"t": 10})
        .update_xaxes(title="time (s)")
        .update_yaxes(type="category", title=unit, tickvals=list(marks), ticktext=list(marks.values()))
    )


def mood(windows: pd.DataFrame, *, marked: tuple[float, float] | None = None) -> go.Figure:
    """Draw the mood over time: one line per emotion, a symbol at the middle of each window.

    Parameters
    ----------
    windows
        Columns start_s, end_s and the four emotions (probability; NaN for no music, drawn as a gap).
    marked
        Start and end in s of the section to highlight.
    """
    middle = (windows["start_s"] + windows["end_s"]) / 2
    spans = [f"{clock(a)} - {clock(b)}" for a, b in zip(windows["start_s"], windows["end_s"], strict=True)]
    figure = go.Figure()
    for emotion in EMOTIONS:
        figure.add_trace(
            go.Scatter(
                x=middle,
                y=windows[emotion],
                name=emotion,
                mode="lines+markers",
                line={"color": COLOURS[emotion], "width": 2},
                marker={"symbol": SYMBOLS[emotion], "size": 8},
                customdata=spans,
                hovertemplate="%{customdata}: %{y}<extra>%{fullData.name}</extra>",
            )
        )
    if marked is not None:
        figure.add_vrect(*marked, fillcolor=NEUTRAL, opacity=0.2, line_width=0, annotation_text="steadiest")
    end = float(windows["end_s"].max())
    ticks = np.arange(0, end + 1, next((s for s in _STEPS if end / s <= 8), 3600))
    return (
        apply_style(figure, title="Mood over time", height=400)
        .update_layout(legend=BELOW, margin={"b": 40})
        .update_yaxes(title="probability", range=[0, 1.02], **percent_axis())
        .update_xaxes(
            title="time (minutes:seconds)" if end < 3600 else "time (hours:minutes:seconds)",
            tickvals=ticks,
            ticktext=[clock(t) for t in ticks],
        )
    )
