"""The line that says what the program notes about its use."""

import streamlit as st

from core.settings import Settings


def say_what_is_noted() -> None:
    """Show the line below every page, unless nothing is noted. In the menu, Streamlit would hide pages for it."""
    if Settings().events == "off":
        return
    st.caption(
        "Use is noted, without names and without sound.",
        help="The program notes which clips were scored, plays, answers, downloads, and the length, moods and rating "
        "of sessions. It sends nothing to anybody. `docs/events.md` has the whole list. The owner of the server can "
        "switch it off with `TME_EVENTS=off`.",
    )
