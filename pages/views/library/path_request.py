"""The fields of an iso path: its way, its shape over time, and the tempo at the end."""

import streamlit as st

from core import wording
from core.playlists import circle
from core.playlists.wish import FASTEST, SLOWEST, Shape, Wish, shortest_ways

SHAPES = {
    Shape.LINEAR: "The mood moves evenly from start to goal.",
    Shape.HOLD: "The first third stays in the present mood. Then the mood moves evenly.",
    Shape.LATE: "The mood moves slowly at first and faster later.",
    Shape.EARLY: "The mood moves fast at first and slower later.",
    Shape.MINUTES: "You give the minutes for each mood. Their sum is the length of the list.",
}


def ask_way() -> tuple[tuple[str, ...], int]:
    """Ask for the emotions of an iso path and the number of pieces per step."""
    left, right = st.columns(2)
    start, goal = (
        column.segmented_control(
            label,
            circle.CIRCLE,
            format_func=wording.with_sign,
            default=default,
            required=True,
            key=key,
            bind="query-params",
        )
        for column, label, default, key in ((left, "Present mood", "sad", "start"), (right, "Goal", "happy", "goal"))
    )
    choices = {way[1] if len(way) == 3 else "": way for way in shortest_ways(start, goal)}
    over = ""
    left, right = st.columns(2)
    if len(choices) > 1:
        over = left.segmented_control(
            "By way of",
            list(choices),
            format_func=wording.with_sign,
            default=next(iter(choices)),
            required=True,
            key=f"over_{start}_{goal}",
            bind="query-params",
            help="The two moods are opposite on the circle angry, happy, relax, sad, so the path passes through one "
            "of the others.",
        )
    per_step = right.segmented_control(
        "Pieces a step", [2, 3], default=2, required=True, key="per_step", bind="query-params"
    )
    return choices[over], per_step


def ask_wish(way: tuple[str, ...]) -> Wish:
    """Ask for the shape of the path and the tempo at its end."""
    left, right = st.columns(2)
    shape = Shape(
        left.selectbox(
            "Shape",
            [shape.value for shape in Shape],
            key="shape",
            bind="query-params",
            help=" ".join(f"**{shape.value}**: {text}" for shape, text in SHAPES.items()),
        )
    )
    end_bpm = right.number_input(
        "Tempo at the end (bpm)",
        int(SLOWEST),
        int(FASTEST),
        None,
        5,
        key="end_bpm",
        bind="query-params",
        placeholder="automatic",
        help="Automatic: to relax or sad the tempo falls as far as the library allows, but not below 60 bpm. To happy "
        "or angry it may rise. A tempo of 120 bpm can be felt as 60 bpm, so the path also counts it at half or double "
        "where that fits better, and says so.",
    )
    minutes: tuple[float, ...] = ()
    with st.container():  # keeps the position of the fields below
        if shape is Shape.MINUTES:
            columns = st.columns(len(way))
            minutes = tuple(
                float(
                    column.number_input(
                        f"Minutes {wording.with_sign(mood)}",
                        5,
                        240,
                        20,
                        5,
                        key=f"minutes_of_{mood}",
                        bind="query-params",
                    )
                )
                for column, mood in zip(columns, way, strict=True)
            )
    return Wish(shape, None if end_bpm is None else float(end_bpm), minutes)


def ask_softer(way: tuple[str, ...]) -> float:
    """Ask how much softer the end is played."""
    calm = circle.STRONG[way[-1]] < 0
    return float(
        st.slider(
            "Softer at the end (LU)",
            0,
            12,
            4 if calm else 0,
            key="softer_calm" if calm else "softer_lively",
            bind="query-params",
            help="The gains make the last piece softer than the first by this amount, in small steps. 0: all pieces "
            "are equally loud.",
        )
    )
