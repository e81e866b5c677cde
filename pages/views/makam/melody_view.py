"""The tabs Melody and Form: the melody over time, its rests, its course, and the parts that return."""

from collections.abc import Callable
from math import isnan

import numpy as np
import pandas as pd
import streamlit as st

from core.makam.commas import commas_over, perde_name
from core.makam.form import SIMILAR, form_of
from core.makam.profile import name_of
from core.makam.seyir import Course, Edge, course, rests
from core.makam.theory import SEYIR_IN_TURKISH
from core.makams import COMMAS
from core.wording import clock, counted
from pages.figures import makam as figures
from pages.shared import messages, show
from pages.views.makam.player import AT, hear_from
from pages.views.makam.reading import Shown, ask_theory

MOST_RESTS = 200
_PERCENTILES = (0.5, 99.5)


def show_melody(shown: Shown) -> None:
    """Show the melody in commas over time, with its rests, its opening and its ending."""
    ask_theory(shown)
    melody = shown.melody
    held = rests(melody, shown.zero_hz, makam=shown.named_by)
    way = course(melody, shown.zero_hz, makam=shown.named_by)
    track = pd.DataFrame({"time_s": melody.times_s, "commas": commas_over(melody.cents, shown.zero_hz)})
    if track["commas"].notna().sum() < 2:
        st.info("There is no melody to draw.", icon=":material/music_off:")
        return
    key = show.file_name("melody", data_hash=shown.recording.content)
    over = "the karar" if shown.found.karar_hz else "La = 440 Hz"
    show.chart(
        figures.melody(
            track,
            perdes=perde_lines(shown, track["commas"]),
            rests=held,
            edges=_edges(way, melody.duration_s),
            at_s=float(st.session_state.get(AT, 0)),
            over=over,
        ),
        key=key,
        alt=f"Melody of {clock(melody.duration_s)} minutes in commas over {over}, {counted(len(held), 'rest')}. "
        "A click plays from there.",
        on_select=clicked(key),
        selection_mode="points",
    )
    names = (
        f"The names on the left are perdes of {messages.literal(shown.makam_in_words)}."
        if shown.named_by
        else f"The numbers on the left are commas over {over}: without a karar and a makam, no perde has a name."
    )
    st.caption(f":material/touch_app: Click on the melody to hear it from there. {names}")
    _course(shown, way)
    _rests(held, key)


def clicked(key: str) -> Callable[[], None]:
    """Return the callback of a chart over time: the player begins at the clicked point."""

    def hear() -> None:
        points = st.session_state[key]["selection"]["points"]
        if points:
            hear_from(float(points[0]["x"]))

    return hear


def perde_lines(shown: Shown, commas: pd.Series) -> list[tuple[float, str]]:
    """Height and name of the lines in the range of a melody: the perdes of the theory, else steps with their commas."""
    low, high = np.nanpercentile(commas.to_numpy(float), _PERCENTILES)
    makam = shown.named_by
    degrees = makam.degrees if makam else (0, 9, 17, 22, 31, 40, 48)
    octaves = range(int(low // COMMAS) - 1, int(high // COMMAS) + 2)
    heights = [octave * COMMAS + degree for octave in octaves for degree in degrees]
    zero = "karar" if shown.found.karar_hz else "La"
    shown_heights = [h for h in heights if low - 4 <= h <= high + 4]
    return [(h, perde_name(h, makam.karar) if makam else _signed(h) if h else zero) for h in shown_heights]


def _edges(way: Course, duration_s: float) -> list[tuple[float, float, str]]:
    found = []
    if way.opening:
        found.append((0.0, way.opening.seconds, "opening"))
    if way.ending:
        found.append((max(0.0, duration_s - way.ending.seconds), duration_s, "ending"))
    return found


def _course(shown: Shown, way: Course) -> None:
    """Say in sentences where the melody begins, how its height changes, and where it ends."""
    st.markdown("**Seyir as measured**")
    lines = []
    if way.opening:
        lines.append(f"- Opening ({way.opening.seconds:.0f} s): {_edge(way.opening)}")
    known = [(k, h) for k, h in enumerate(way.heights) if not isnan(h)]
    if known:
        top = max(known, key=lambda pair: pair[1])
        at = clock((top[0] + 0.5) * shown.melody.duration_s / len(way.heights))
        lines.append(f"- The melody is highest around {at}, {_near(name_of(top[1], shown.named_by), top[1])}.")
    if way.ending:
        lines.append(f"- Ending ({way.ending.seconds:.0f} s): {_edge(way.ending)}")
    st.markdown("\n".join(lines))
    if shown.found.karar_hz and not way.ends_on_karar and way.ending:
        st.caption(
            ":material/warning: The last steady note is not the karar in use. The recording may be cut before its end, "
            "or the karar may be wrong: check it on the tab Karar."
        )
    if shown.makam:
        turkish = SEYIR_IN_TURKISH[shown.makam.seyir]
        guclu = ", ".join(shown.makam.guclu)
        st.caption(
            f"In theory, the seyir of {messages.literal(shown.makam_in_words)} is {turkish} ({shown.makam.seyir}), "
            f"its karar is {shown.makam.karar}, and its güçlü is {guclu}."
        )


def _edge(edge: Edge) -> str:
    longest, last = _near(edge.perde, edge.commas), _near(edge.last_perde, edge.last)
    return f"the longest note is {longest}, the last one {last}."


def _near(perde: str, height: float) -> str:
    """A height in words: with the perde that is near, or in commas only where no perde is known."""
    return f"near {perde} ({_signed(height)} commas)" if perde else f"at {_signed(height)} commas"


def _signed(commas: float) -> str:
    """A whole number of commas with its sign: ``"+9"``, ``"−4"``, ``"0"``."""
    whole = round(commas)
    return f"{whole:+d}".replace("-", "−") if whole else "0"


def _rests(held: pd.DataFrame, key: str) -> None:
    st.markdown(
        "**Zones of rest**: the melody stays on one note. A güçlü, an asma karar or the karar can be among them."
    )
    if held.empty:
        st.caption("No note is held long enough.")
        return
    longest = rests_table(held)
    table_key = f"rests_{key}"

    def hear() -> None:
        rows = st.session_state[table_key]["selection"]["rows"]
        if rows:
            hear_from(float(longest["start_s"].iloc[rows[0]]))

    show.frame(
        longest[["at", "perde", "commas", "seconds"]],
        hide_index=True,
        key=table_key,
        on_select=hear,
        selection_mode="single-row",
        alt=f"{len(longest)} zones of rest; selecting a row plays it",
        column_config={
            "at": st.column_config.TextColumn("At"),
            "perde": st.column_config.TextColumn("Nearest perde"),
            "commas": st.column_config.NumberColumn("Commas", format="%+.1f"),
            "seconds": st.column_config.NumberColumn("Seconds", format="%.1f"),
        },
    )
    show.download(held, key.replace("melody", "rests"))


def rests_table(held: pd.DataFrame) -> pd.DataFrame:
    """Return the longest zones of rest for people, in the order of time."""
    longest = held.sort_values("seconds", ascending=False).head(MOST_RESTS).sort_values("start_s")
    commas = longest["commas"].round(1) + 0.0  # never "-0.0"
    return longest.assign(at=longest["start_s"].map(clock), commas=commas, seconds=longest["seconds"].round(1))


def show_form(shown: Shown) -> None:
    """Show which parts of the recording return."""
    st.caption(
        "Two moments are alike when the melody around them takes the same way; octaves are put together. Dark diagonal "
        "lines are parts that return, such as the teslim after each hane. A person has to say which part is which."
    )
    form = form_of(shown.melody)
    key = show.file_name("form", data_hash=shown.recording.content)
    show.chart(
        figures.similarity(form.similarity, form.step_s),
        key=key,
        alt=f"Self-similarity of the recording. Parts that return: {len(form.repeats)}. A click plays from there.",
        on_select=clicked(key),
        selection_mode="points",
    )
    if not form.repeats:
        st.info(
            f"No part of 8 s or more returns with a similarity of {SIMILAR:g} or more. A taksim has no such part.",
            icon=":material/repeat:",
        )
        return
    for number, repeat in enumerate(form.repeats):
        with st.container(horizontal=True, vertical_alignment="center"):
            span = f"{clock(repeat.start_s)} to {clock(repeat.start_s + repeat.seconds)}"
            st.markdown(f"{span} returns at {clock(repeat.again_s)} (similarity {repeat.similarity:.2f})")
            for name, at in (("first", repeat.start_s), ("again", repeat.again_s)):
                st.button(
                    f"Hear {clock(at)}",
                    key=f"makam_hear_{name}_{number}",
                    on_click=hear_from,
                    args=(at,),
                    type="tertiary",
                    icon=":material/play_arrow:",
                )
    table = pd.DataFrame([vars(repeat) for repeat in form.repeats]).round(2)
    show.download(table, key.replace("form", "repeats"))
