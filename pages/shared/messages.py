"""Messages to the person: errors, and what became of the last press of a button."""

import re

import streamlit as st

from core.errors import CoreError

SAID = "said"  # in the session: what became of the last press of a button


def keep_message(kind: str, sentence: str) -> None:
    """Keep what became of a press of a button, for `told`. kind : success, info, warning or error."""
    st.session_state[SAID] = (kind, sentence)


def show_pending_message() -> None:
    """Show what became of the last press of a button, once."""
    if said := st.session_state.pop(SAID, None):
        getattr(st, said[0])(literal(said[1]))


def literal(text: str) -> str:
    """Text that Markdown shows as it is: names and sentences that came from outside."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])", r"\\\1", text)


def problem(error: CoreError) -> None:
    """What went wrong, as a sentence."""
    st.error(literal(str(error)), icon=":material/error:")
