"""Use: what people hear, how raters answer, what sessions lead to, and how far raters agree."""

import streamlit as st

from core.wording import duration
from pages.shared import cached, tabs, who
from pages.views.use import agreement_view, answers_view, listening_view, sessions_view
from pages.views.use.period import FRESH_S, ask_period

st.title("Use")
store = cached.store()
if store is None:
    st.stop()
person = who.require_analyst(store, why=who.ONLY_ROLE)
st.caption(
    "What people hear and answer, counted without names. The running week is not over yet. The figures are at most "
    f"{duration(FRESH_S)} old."
)
period = ask_period()
shows = {
    "Listening": lambda: listening_view.show_listening(store, period),
    "Answers": lambda: answers_view.show_answers(store, period),
    "Sessions": lambda: sessions_view.show_sessions(store),
    "Agreement": lambda: agreement_view.show_agreement(store),
}
tabs.show_tabs(shows)
