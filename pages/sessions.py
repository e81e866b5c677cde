"""Sessions: the lists that were played for a client, what happened, and what must or must never be played."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.access import Action
from pages.shared import cached, messages, who
from pages.views.library import client_choice, client_views, session_outcome, session_pieces, session_views

st.title("Sessions")
store = cached.store()
if store is None:
    st.stop()
person = who.require_person(store, why=who.CLIENTS)
who.badge(store, person)
st.caption(
    "A client has a code, never a name. Do not write names into any field. "
    + (
        "Only you see your clients and their sessions. "
        if person.verified
        else "No login checks your name, so everybody who types it here sees your clients. "
    )
    + "Each entry is stored as soon as you leave the field."
)
shows: dict[str, Callable[[], None]] = {}
session = session_views.open_session(store)
with st.container():
    client = client_choice.choose_client(store)
    if session is None:
        client_views.ask_new_client()
messages.show_pending_message()
if session is not None and client is not None:
    playlist, states = session_views.show_head(store, session)
    with st.container():
        session_pieces.show_whole_list(playlist, states)
    shows = {
        "Pieces": partial(session_pieces.show_pieces, session, playlist, states),
        "Outcome": partial(session_outcome.show_outcome, session),
        "Print and copy": partial(session_views.show_ways_out, store, session, playlist, states),
    }
elif client is not None:
    shows = {
        "Sessions": partial(session_views.show_sessions, store, client),
        "Always or never": partial(client_views.show_rules, store, client),
        "Delete": partial(client_views.show_deletion, client),
    }
else:
    st.info("Choose a client, or enter the code of a new one.", icon=":material/event_note:")
for tab, show in zip(st.tabs(list(shows)) if shows else [], shows.values(), strict=True):
    with tab:
        show()
if session is None and store.by.may(Action.HAND_OVER_CLIENTS):
    client_views.show_counts(store)
