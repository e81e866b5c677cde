"""The tab Karar: candidates, a correction by ear, and how the karar drifts."""

import pandas as pd
import streamlit as st

from core.access import Action
from core.audio import encoding
from core.errors import CoreError
from core.makam.commas import CENTS, note_name
from core.makam.drone import drone
from core.makam.karar import karar_caution
from core.makam.profile import karar_drift
from core.store import correct_karar, karar_words_table, undo_karar
from core.wording import whole_percent
from pages.figures import makam as figures
from pages.shared import messages, show
from pages.views.makam.player import DRONE, TRIED
from pages.views.makam.reading import Shown
from pages.views.makam.results import store_again

FIELD = "karar_field"  # key of the number field
STEPS = {"− octave": -53, "− comma": -1, "+ comma": 1, "+ octave": 53}


def show_karar(shown: Shown) -> None:
    """Show the candidates of the karar, and let the person correct it by ear."""
    found = shown.found
    if caution := karar_caution(shown.melody):
        st.warning(messages.literal(caution), icon=":material/hourglass_bottom:")
    _candidates(shown)
    st.markdown("**Check it by ear**")
    st.caption(
        "Try a karar here. The drone of the player above then sounds at this height. Store the karar when it is right: "
        "it then counts on all pages, in all tables and in all files, for everybody who uses this database."
    )
    if FIELD not in st.session_state or st.session_state.get("karar_of") != shown.recording.content:
        st.session_state[FIELD] = found.karar_hz or 220.0  # exact: its note is then the one at the top of the page
        st.session_state["karar_of"] = shown.recording.content
    with st.container(horizontal=True, vertical_alignment="bottom"):
        hz = st.number_input("Karar to try (Hz)", 20.0, 2000.0, step=0.5, format="%.1f", key=FIELD, width=180)
        for label, commas in STEPS.items():
            st.button(label, key=f"makam_step_{commas}", on_click=_move, args=(commas,))
    st.session_state[TRIED] = (shown.recording.content, hz)
    st.audio(_tone(hz), format="audio/wav", alt=f"Drone at {hz:.1f} Hz")
    st.caption(f"{hz:.1f} Hz is {note_name(hz)}. Switch on *With a drone* above to hear it with the recording.")
    _correction(shown, hz)
    _drift(shown)


@st.cache_data(show_spinner=False, max_entries=16)
def _tone(hz: float) -> bytes:
    return encoding.wav(0.4 * drone(hz, 6.0))


def _move(commas: int) -> None:
    moved = st.session_state[FIELD] * 2 ** (commas * CENTS / 1200)
    st.session_state[FIELD] = round(min(2000.0, max(20.0, moved)), 1)


def _try(hz: float) -> None:
    st.session_state[FIELD] = hz
    st.session_state[DRONE] = True


def _candidates(shown: Shown) -> None:
    if not shown.found.candidates:
        st.info("No candidate was found. Try the note on which the recording ends.", icon=":material/music_off:")
        return
    st.markdown("**Candidates**")
    for number, candidate in enumerate(shown.found.candidates):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"{number + 1}. **{candidate.hz:.1f} Hz** ({note_name(candidate.hz)}), probability "
                f"{whole_percent(candidate.probability)}. {messages.literal(candidate.reason)}"
            )
            st.button(
                "Try it",
                key=f"makam_try_{number}",
                on_click=_try,
                args=(candidate.hz,),
                type="tertiary",
                icon=":material/hearing:",
            )


def _correction(shown: Shown, hz: float) -> None:
    store = shown.store
    if store is None:
        return
    may = store.by.may(Action.CORRECT_KARAR)
    with st.container(horizontal=True):
        if st.button(
            "Store this karar",
            key="karar_store",
            type="primary",
            icon=":material/save:",
            disabled=not may,
            help=None if may else "Only therapists and analysts may correct the karar.",
        ):
            found = shown.found.candidates
            measured = found[0].hz if found and not shown.own_track else None
            name = "" if shown.recording.piece is None else shown.recording.label  # others would read that of an upload
            try:
                correct_karar(store, shown.recording.content, hz, name=name, measured_hz=measured)
                store_again(shown, karar_hz=hz)
            except CoreError as error:
                messages.problem(error)
            else:
                messages.keep_message("success", f"The karar {hz:.1f} Hz is stored. It counts from now on.")
                st.rerun()
        if shown.word is not None and st.button(
            "Take the correction back", key="karar_undo", icon=":material/undo:", disabled=not may
        ):
            try:
                undo_karar(store, shown.word.id)
                store_again(shown, karar_hz=None)
            except CoreError as error:
                messages.problem(error)
            else:
                messages.keep_message("info", "The correction was taken back.")
                st.rerun()
    if store.by.may(Action.SEE_LIBRARY):
        _all_corrections(karar_words_table(store))


def _all_corrections(table: pd.DataFrame) -> None:
    if table.empty:
        return
    with st.expander(f"All corrected karars ({len(table)})", icon=":material/list:"):
        show.frame(
            table.drop(columns="content_hash").replace({"name": {"": "an uploaded file"}}),
            hide_index=True,
            alt="Corrected karars",
            column_config={
                "name": st.column_config.TextColumn("Recording"),
                "karar_hz": st.column_config.NumberColumn("Karar (Hz)", format="%.1f"),
                "measured_hz": st.column_config.NumberColumn("Measured (Hz)", format="%.1f"),
                "said_by": st.column_config.TextColumn("Corrected by"),
                "created_at": st.column_config.DatetimeColumn("Date", format="D MMM YYYY, HH:mm"),
            },
        )
        show.download(table.assign(created_at=table["created_at"].astype(str)), "corrected-karars")


def _drift(shown: Shown) -> None:
    if shown.found.karar_hz is None:
        return
    table = karar_drift(shown.melody, shown.found.karar_hz)
    known = table.dropna(subset=["deviation"])
    if len(known) < 2:
        st.caption("The karar is not played in two parts of the recording, so its drift cannot be measured.")
        return
    st.markdown("**Drift of the karar**")
    show.chart(
        figures.drift(known),
        key=show.file_name("karar-drift", data_hash=shown.recording.content),
        alt=f"Deviation of the notes on the karar in {len(known)} parts of 30 s",
        data=table.round(3),
    )
    st.caption("Each point is the mean of the steady notes on the karar within 30 s, with its 95 % interval.")
