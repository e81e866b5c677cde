"""Messages on the page: errors, and the result of the last button press."""

import re

import streamlit as st

from core.errors import CoreError

PENDING = "said"  # session key: result of the last button press


def keep_message(kind: str, sentence: str) -> None:
    """Keep the result of a button press for ``show_pending_message``.

    Parameters
    ----------
    kind
        One of "success", "info", "warning" or "error".
    sentence
        Plain text, not Markdown.
    """
    st.session_state[PENDING] = (kind, sentence)


def show_pending_message() -> None:
    """Show the result of the last button press, once."""
    if pending := st.session_state.pop(PENDING, None):
        getattr(st, pending[0])(literal(pending[1]))


def literal(text: str) -> str:
    """Escape Markdown in text from outside, such as names and error messages."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])", r"\\\1", text)


def problem(error: CoreError) -> None:
    """Show an error."""
    st.error(literal(str(error)), icon=":material/error:")
