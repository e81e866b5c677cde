"""Parts of the Sessions page: the list of sessions, the open session, and the ways to print, copy and delete it."""

from functools import partial
from uuid import uuid4

import streamlit as st

from core.allowed_places import allowed_places
from core.errors import CoreError
from core.locations import present_path
from core.playlists import session_history, sessions
from core.playlists.client_lists import client_rules
from core.playlists.files import file_stem, m3u8
from core.playlists.playlist import Playlist
from core.playlists.session_sheet import Session, session_html
from core.playlists.sessions import PieceState
from core.settings import Settings
from core.store import (
    Client,
    Store,
    StoredSession,
    add_session,
    client_pieces_table,
    delete_session,
    library_places,
    note_outcome,
    read_session,
    sessions_of,
)
from core.store.checks import now
from core.wording import clock, counted
from pages.shared import cached, messages, show, times
from pages.views.library import client_choice, piece_filter, pieces
from pages.views.library.accepted_moods import playlist_accuracy

Played = tuple[Playlist, dict[str, PieceState]]  # a stored list with the paths of now, and the states of its pieces


def open_session(store: Store) -> StoredSession | None:
    """Return the session that the address names, and choose its client; None without one."""
    number = client_choice.number_in_address(client_choice.SESSION)
    if number is None:
        return None
    try:
        session = read_session(store, number)
    except CoreError as error:
        client_choice.report(error)
        client_choice.close_session()
        return None
    client_choice.remember(session.client_id)
    return session


def day(session: StoredSession) -> str:
    """The day and time of a session: its beginning or, before that, when its list was stored."""
    moment = session.outcome.began_at or session.created_at
    return f"{moment.astimezone(times.zone()):%d %B %Y, %H:%M}"


def _progress(session: StoredSession) -> str:
    return "over" if session.ended else "running" if session.outcome.began_at else "planned"


def show_sessions(store: Store, client: Client) -> None:
    """Show what happened so far, and all sessions of a client, newest first."""
    try:
        stored = sessions_of(store, client.id)
    except CoreError as error:
        messages.problem(error)
        return
    if not stored:
        st.info("No session is stored. Make a list on Playlists and store it there.", icon=":material/queue_music:")
    st.page_link(
        "pages/playlists.py",
        label="Make a list for this client",
        icon=":material/queue_music:",
        query_params={"client": str(client.id)},
    )
    if not stored:
        return
    before = [session_history.summary(stored), *session_history.stopped_before(stored)]
    st.markdown("  \n".join(messages.literal(line) for line in before))
    for session in stored:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            lines = [
                f"**{messages.literal(day(session))}**, {_progress(session)}",
                f"{messages.literal(session.name)}, {counted(len(session.pieces), 'piece')}",
                *(messages.literal(line) for line in session_history.outcome_lines(session)),
            ]
            st.markdown("  \n".join(lines), width="stretch")
            st.button(
                f"Open {session.id}",
                key=f"session_open_{session.id}",
                icon=":material/folder_open:",
                on_click=_open,
                args=(session.id,),
            )
    name = f"sessions-of-{client.code}".replace("/", "-")
    show.download(session_history.sessions_table(stored), name, label="All sessions as CSV", key="session_get_all")


def _open(session_id: int) -> None:
    st.query_params[client_choice.SESSION] = str(session_id)


# --- the open session ------------------------------------------------------------------------------------------------


def show_head(store: Store, session: StoredSession) -> Played:
    """Show what the open session is, its buttons, and which of its files are missing. Returns its list."""
    st.header(session.name, divider="gray")
    playlist, states = locate(store, session)
    models = ", ".join(sorted(set(playlist.rows["model_version"])))
    st.caption(
        f"Session {session.id} of {messages.literal(session.code)}, {messages.literal(day(session))}, "
        f"{_progress(session)}. {counted(len(playlist.rows), 'piece')}, {clock(playlist.length_s)}. The list, its "
        f"moods and its gains are as they were made, by model {messages.literal(models)} and "
        f"{messages.literal(session.program)}."
    )
    with st.container(horizontal=True):
        st.button("All sessions", key="session_close", icon=":material/arrow_back:", on_click=_leave)
        if session.outcome.began_at is None:
            _clock_button(session, "Begin", "play_circle", began_at=True)
        elif not session.ended:
            _clock_button(session, "End", "stop_circle", ended_at=True)
        else:
            _clock_button(session, "Continue", "restart_alt", ended_at=False)
    missing = [p for p in states.values() if p is not PieceState.THERE]
    if missing:
        st.warning(messages.literal(playlist.remarks[-1].text), icon=":material/folder_off:")
    return playlist, states


def _leave() -> None:
    client_choice.close_session()


def _clock_button(session: StoredSession, label: str, icon: str, **entry: bool) -> None:
    st.button(
        f"{label} the session",
        key=f"session_{label.lower()}",
        icon=f":material/{icon}:",
        type="primary" if label != "Continue" else "secondary",
        on_click=_note_moment,
        args=(session.id, entry),
    )


def _note_moment(session_id: int, entry: dict[str, bool]) -> None:
    store = cached.store()
    if store is None:
        return
    try:
        note_outcome(store, session_id, **{name: now() if on else None for name, on in entry.items()})
    except CoreError as error:
        client_choice.report(error)


def locate(store: Store, session: StoredSession) -> Played:
    """Return the list of a session with the paths of now, and the state of each piece."""
    playlist, settings = sessions.playlist_of(session), Settings()
    places = library_places(store, list(playlist.rows["piece_id"]))
    places = places.assign(path=[present_path(path, settings) for path in places["path"]])
    return sessions.locate_pieces(playlist, allowed_places(settings).allowed_rows(places))


# --- print, copy, delete ---------------------------------------------------------------------------------------------


def show_ways_out(store: Store, session: StoredSession, playlist: Playlist, states: dict[str, PieceState]) -> None:
    """Show the session sheet, the files, the copy and the deletion."""
    name = f"session-{session.id}_{file_stem(playlist)}"
    with st.container(horizontal=True):
        st.download_button(
            "Session sheet to print",
            partial(session_html, playlist, _sheet_fields(store, session), accuracy=playlist_accuracy(playlist)),
            file_name=f"{name}.html",
            mime="text/html",
            icon=":material/print:",
            type="primary",
            key="session_get_sheet",
            on_click="ignore",
        )
        show.download(session_history.session_table(session), name, label="CSV for the ward", key="session_get_csv")
        st.download_button(
            "M3U8 for a player",
            partial(m3u8, playlist),
            file_name=f"{name}.m3u8",
            mime="audio/x-mpegurl",
            icon=":material/download:",
            key="session_get_m3u8",
            on_click="ignore",
        )
    st.caption("The sheet opens in the browser, where you can print it. It holds your entries.")
    st.button(
        "Copy as the next session",
        key="session_copy",
        icon=":material/content_copy:",
        on_click=_copy,
        args=(session, states),
        help="The copy has the same pieces. Pieces that are never played for this client or in no playlist, or whose "
        "file is missing, are replaced. Pieces that must be played are put in.",
    )
    with st.popover("Delete this session", icon=":material/delete:"):
        st.markdown(
            "This deletes the list, the notes and the outcome of this session. **It cannot be undone.** The client and "
            "the rules for pieces stay."
        )
        st.button(
            "Delete it for ever",
            key="session_delete",
            icon=":material/delete_forever:",
            on_click=_delete,
            args=(session.id,),
        )


def _sheet_fields(store: Store, session: StoredSession) -> Session:
    """The entries of a session for its sheet."""
    outcome, began = session.outcome, session.outcome.began_at
    notes = [outcome.notes, *session_history.outcome_lines(session), outcome.remarks]
    return Session(
        client=session.code,
        therapist=store.by.name,
        date=day(session),
        goal=outcome.goal,
        notes="\n".join(filter(None, notes)),
        begins=None if began is None else began.astimezone(times.zone()),
    )


def _copy(session: StoredSession, states: dict[str, PieceState]) -> None:
    store = cached.store()
    if store is None:
        return
    before = sessions.playlist_of(session)
    absent = [piece for piece, state in states.items() if state is not PieceState.THERE]
    try:
        library = pieces.read_library_with_words(store)
        if library is None:
            raise CoreError("There is no library, so missing pieces cannot be replaced. Score one first.")
        recordings = piece_filter.recordings(library)
        rules = client_rules(client_pieces_table(store, session.client_id), recordings=recordings)
        pool = sessions.replacement_pool(before, library.every, rules, recordings=recordings)
        made = sessions.next_list(before, pool, library.every, rules, absent=absent)
        new = sessions.new_session(made, policy=session.policy, goal=session.outcome.goal)
        number = add_session(store, session.client_id, new, token=uuid4().hex)
    except CoreError as error:
        client_choice.report(error)
        return
    changes = [f"{one.before_title} → {one.after_title or 'left out'}" for one in made.replaced]
    _open(number)
    messages.keep_message(
        "success", f"Copied as session {number}. " + (f"Replaced: {'; '.join(changes)}." if changes else "")
    )


def _delete(session_id: int) -> None:
    store = cached.store()
    if store is None:
        return
    try:
        delete_session(store, session_id)
    except CoreError as error:
        client_choice.report(error)
        return
    client_choice.close_session()
    messages.keep_message("success", f"Session {session_id} was deleted.")
