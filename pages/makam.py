"""Makam: the melody of a recording in commas, its karar, its comma profile and three suggestions of the makam."""

import streamlit as st

from pages.shared import cached, tabs
from pages.shared.messages import show_pending_message
from pages.views.makam import (
    choice,
    comma_view,
    compare_view,
    file_view,
    karar_view,
    melody_view,
    player,
    reading,
    word_view,
)

VIEWS = {
    "Melody": melody_view.show_melody,
    "Karar": karar_view.show_karar,
    "Commas": comma_view.show_commas,
    "Makam": comma_view.show_makam,
    "Form": melody_view.show_form,
    "Compare": compare_view.show_comparison,
    "Files": file_view.show_files,
    "Words": lambda shown: word_view.show_words(),
}

st.title("Makam")
st.caption("The melody of a whole recording in commas, 53 to the octave. All is measured. A musician has to judge.")
show_pending_message()
store = cached.store()
with st.container():
    recording = choice.choose_recording(store)
if recording is None:
    st.info(
        "Choose a whole recording of a voice, an instrument or an ensemble. Its melody appears here. Half a minute "
        "does not carry a makam.",
        icon=":material/music_note:",
    )
    st.header("Words")
    word_view.show_words()
    st.stop()
shown = reading.read(recording, store)
with st.container(border=True):
    reading.summary(shown)
    player.show_player(shown)
tabs.show_tabs(VIEWS, shown)
