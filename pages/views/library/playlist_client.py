"""The client on the Playlists page: rules for pieces, what happened before, and the list as a session."""

import hashlib
from dataclasses import replace

import pandas as pd
import streamlit as st

from core.access import Action
from core.errors import CoreError
from core.playlists import session_history, sessions
from core.playlists.client_lists import client_rules, missing_must_play
from core.playlists.files import file_stem
from core.playlists.playlist import Playlist
from core.playlists.selection import Filter, filter_pieces
from core.store import Client, Store, add_session, client_pieces_table, sessions_of
from core.wording import counted
from pages.shared import cached, login, messages
from pages.views.library import client_choice, piece_filter, playlist_changes
from pages.views.library.pieces import Library
from pages.views.library.playlist_request import Request

STORED = "session_stored"  # session key: number of the session that was stored last, and of its client


def ask_client() -> Client | None:
    """Ask for which client the list is. None: for nobody in particular."""
    store = cached.store()
    if store is None or not store.by.may(Action.RUN_SESSIONS):
        return None
    client = client_choice.choose_client(store) if store.by.name else None
    if client is None:
        st.page_link("pages/sessions.py", label="Clients and stored sessions", icon=":material/event_note:")
    return client


def apply_rules(
    client: Client, library: Library, request: Request, narrowed: Filter
) -> tuple[Request, pd.DataFrame, Filter]:
    """Let the rules for the client's pieces hold, whatever the filter says."""
    entries = _entries(client)
    rules = client_rules(
        entries, recordings=piece_filter.recordings(library), vetoed_now=playlist_changes.current_vetoes()
    )
    narrowed = replace(narrowed, must=rules.must, never=rules.never)
    table = filter_pieces(library.every, narrowed, text=library.loaded.text if narrowed.search else None)
    return replace(request, must=rules.must), table, narrowed


def leave_out_never(client: Client, playlist: Playlist) -> Playlist:
    """Leave out vetoed pieces that no other piece could replace: never means never. Says so on the page."""
    entries = _entries(client)
    try:
        made = sessions.leave_out_never(playlist, set(entries.loc[entries["rule"] == "never", "piece_id"]))
    except CoreError as error:
        messages.problem(error)
        st.stop()
    gone = [one.before_title for one in made.replaced[len(playlist.replaced) :]]
    if gone:
        st.warning(
            messages.literal(f"Left out, because {client.code} never hears them: {'; '.join(gone)}."),
            icon=":material/block:",
        )
    return made


def _entries(client: Client) -> pd.DataFrame:
    """The rules for the client's pieces. Without the database, shows an error and stops the page."""
    try:
        return client_pieces_table(_store(), client.id)
    except CoreError as error:
        messages.problem(error)
        st.stop()


def _store() -> Store:
    store = cached.store()
    if store is None:
        st.stop()
    return store


def show_client(client: Client, playlist: Playlist, library: Library) -> None:
    """Show what happened in earlier sessions and which rules hold, and offer to store the list."""
    store = _store()
    try:
        before, entries = sessions_of(store, client.id), client_pieces_table(store, client.id)
    except CoreError as error:
        messages.problem(error)
        return
    never = int((entries["rule"] == "never").sum())
    lines = [session_history.summary(before)]
    lines += session_history.stopped_before(before, playlist.rows["piece_id"])
    lines += [f"{counted(never, 'piece')} never played for this client."] if never else []
    lines += [f"Must be played, but is not in the library: {t}." for t in missing_must_play(entries, playlist)]
    with st.container(border=True):
        st.markdown(f"**{messages.literal(client.code)}**")
        st.markdown("  \n".join(messages.literal(line) for line in lines))
        st.caption("A veto on this page holds in every later list of this client.")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Store as a session",
                key="session_store",
                icon=":material/event_available:",
                type="primary",
                on_click=_store_session,
                args=(client, playlist, library),
            )
            number, of = st.session_state.get(STORED, (0, 0))
            address = {"client": str(client.id)} | ({"session": str(number)} if of == client.id else {})
            label = "Open the stored session" if of == client.id else "Sessions of this client"
            st.page_link("pages/sessions.py", label=label, icon=":material/event_note:", query_params=address)
    messages.show_pending_message()


def _store_session(client: Client, playlist: Playlist, library: Library) -> None:
    store = _store()
    vetoes = {p: client_choice.title_of(p) for p in library.every.index if _is_vetoed(p)}
    new = sessions.new_session(
        playlist,
        policy=library.policy.to_json(),
        vetoes=vetoes,
        goal=str(st.session_state.get("sheet_goal") or ""),
        notes=str(st.session_state.get("sheet_notes") or ""),
    )
    # The same list is stored once, however often the button is pressed in this session of the browser.
    token = hashlib.sha256(f"{login.session()}\n{client.id}\n{file_stem(playlist)}".encode()).hexdigest()[:32]
    try:
        before = {session.id for session in sessions_of(store, client.id)}
        number = add_session(store, client.id, new, token=token)
    except CoreError as error:
        client_choice.report(error)
        return
    st.session_state[STORED] = (number, client.id)
    if number in before:
        text = f"This list was stored before, as session {number} of {client.code}. Change its goal and notes there."
        messages.keep_message("info", text)
        return
    messages.keep_message("success", f"Stored as session {number} of {client.code}.")


def _is_vetoed(piece_id: str) -> bool:
    vetoes = playlist_changes.current_vetoes()
    return bool(vetoes) and piece_id.startswith(tuple(vetoes))
