"""The outcome of the open session. Each entry is stored at once, so a restart of the server loses nothing."""

from typing import Any

import streamlit as st

from core.errors import CoreError
from core.playlists.circle import CIRCLE
from core.playlists.session_history import STEPS, place_of, step_of
from core.store import StoredSession, note_outcome
from core.store.schema import MAX_NOTE
from core.store.sessions import RATINGS
from core.wording import with_sign
from pages.shared import cached
from pages.views.library import client_choice

AXES = {
    "valence": f"Unpleasant (-{STEPS}) to pleasant (+{STEPS})",
    "arousal": f"Calm (-{STEPS}) to strong (+{STEPS})",
}
TEXTS = {
    "goal": ("Goal", "What the music is for."),
    "notes": ("Notes before the session", "Never write a name."),
    "remarks": ("Remarks after the session", "Never write a name."),
}


def show_outcome(session: StoredSession) -> None:
    """Show the fields of the outcome, filled with what is stored."""
    for when, box in zip(("before", "after"), st.columns(2), strict=True):
        with box.container(border=True):
            st.markdown(f"**Mood {when} the session**")
            _choice(session, f"mood_{when}", "Mood", list(CIRCLE), format_func=with_sign)
            for axis, label in AXES.items():
                steps = list(range(-STEPS, STEPS + 1))
                _choice(session, f"{axis}_{when}", label, steps, format_func=lambda step: f"{step:+d}" if step else "0")
    _choice(session, "rating", "Rating of the session", list(RATINGS), help="1 is worst, 5 is best.", format_func=str)
    for name, (label, meaning) in TEXTS.items():
        key = _filled(session, name)
        st.text_area(label, key=key, help=meaning, max_chars=MAX_NOTE, on_change=_note, args=(session.id, name, key))


def _filled(session: StoredSession, name: str) -> str:
    """Return the key of a field, and fill the field with what is stored when it is drawn first."""
    key = f"session_{name}_{session.id}"
    if key not in st.session_state:
        stored = getattr(session.outcome, name)
        st.session_state[key] = step_of(stored) if name.startswith(tuple(AXES)) else stored
    return key


def _choice(session: StoredSession, name: str, label: str, options: list[Any], **more: Any) -> None:
    key = _filled(session, name)
    st.segmented_control(label, options, key=key, on_change=_note, args=(session.id, name, key), **more)


def _note(session_id: int, name: str, key: str) -> None:
    store, value = cached.store(), st.session_state[key]
    if store is None:
        return
    try:
        note_outcome(store, session_id, **{name: place_of(value) if name.startswith(tuple(AXES)) else value})
    except CoreError as error:
        client_choice.report(error)
