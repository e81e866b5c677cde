"""The pieces of the open session: play, stop, and replace for ever."""

from dataclasses import asdict, replace
from typing import Any

import streamlit as st

from core import wording
from core.errors import CoreError
from core.playlists import files, sessions
from core.playlists.client_lists import client_rules
from core.playlists.playlist import Playlist, mixture
from core.playlists.sessions import PieceState
from core.playlists.words import WORDS
from core.records import Word
from core.store import StoredSession, Way, change_list, client_pieces_table, note_stop
from core.store.checks import now
from core.store.sessions import SessionPiece
from core.wording import clock
from pages.shared import cached, messages, plays, times
from pages.views.library import client_choice, list_player, piece_filter, piece_player, pieces

PLAYING = "session_heard"  # session key: number of the session and of the piece in the player


def show_whole_list(playlist: Playlist, states: dict[str, PieceState]) -> None:
    """Show the player that plays the list without a break, and its fades. Pieces whose file is missing are left out."""
    there = playlist.rows[[states[piece] is PieceState.THERE for piece in playlist.rows["piece_id"]]]
    if there.empty:
        return
    fades = list_player.ask_fades(copies=False)
    list_player.show_player(replace(playlist, rows=there), there.set_index("piece_id"), fades, way=Way.SESSIONS)
    plays.note_list(Way.SESSIONS, playlist.rows["piece_id"])


def show_pieces(session: StoredSession, playlist: Playlist, states: dict[str, PieceState]) -> None:
    """Show the pieces in order, each with its buttons; one player for all."""
    rows = files.row_dicts(playlist)
    for row, piece in zip(rows, session.pieces, strict=True):
        with st.container(border=True, key=f"session_piece_{piece.number}"):
            _show_piece(session, row, piece, states[piece.piece_id])
            if st.session_state.get(PLAYING) == (session.id, piece.number):
                one = playlist.rows.set_index("piece_id").iloc[piece.number - 1]
                autoplay = st.session_state.pop(piece_player.AUTOPLAY, False)
                piece_player.hear(one, way=Way.SESSIONS, autoplay=autoplay)
    for done in session.replacements:
        after = f"replaced by {done['after_title']}" if done["after"] else "left out"
        st.caption(messages.literal(f"{done['before_title']} was {after}."))


def _show_piece(session: StoredSession, row: dict[str, Any], piece: SessionPiece, state: PieceState) -> None:
    number, name = piece.number, messages.literal(files.artist_and_title(row))
    word = Word(row.get("word", Word.MODEL))
    by = "" if word is Word.MODEL else f", {WORDS[word]}"
    mood = f"{wording.with_sign(row['guess'])} ({mixture(row)}){by}"
    gain = messages.literal(files.gain_text(row["gain_db"]))
    lines = [
        f"**{number}. {name}**",
        f"{clock(row['begins_s'])}, {clock(row['duration_s'])} long; {mood}; gain {gain}",
    ]
    if state is not PieceState.THERE:
        lines.append(f":orange[:material/folder_off: This file {state}.]")
    if piece.stopped_at is not None:
        lines.append(f":material/stop_circle: stopped {times.local(piece.stopped_at)}")
    st.markdown("  \n".join(lines))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if state is PieceState.THERE:
            st.button(
                f"Play {number}",
                icon=":material/play_arrow:",
                key=f"session_play_{number}",
                on_click=_play,
                args=(session.id, number),
            )
        _stop_button(session, piece)
        if not session.ended:
            st.button(
                f"Veto {number}",
                icon=":material/swap_horiz:",
                key=f"session_veto_{number}",
                on_click=_veto,
                args=(session, number),
                help="Replaces this piece by another one. It is never played for this client again.",
            )


def _play(session_id: int, number: int) -> None:
    st.session_state[PLAYING] = (session_id, number)
    st.session_state[piece_player.AUTOPLAY] = True


# --- stopped ---------------------------------------------------------------------------------------------------------


def _stop_button(session: StoredSession, piece: SessionPiece) -> None:
    stopped = piece.stopped_at is not None
    st.button(
        f"Not stopped {piece.number}" if stopped else f"Stopped {piece.number}",
        icon=":material/undo:" if stopped else ":material/stop:",
        key=f"session_stop_{piece.number}",
        on_click=_note_stop,
        args=(session.id, piece, not stopped),
        help="Takes the entry back." if stopped else "The client stopped this piece. The time is stored.",
    )
    if stopped:
        key = f"session_at_{session.id}_{piece.number}"
        if key not in st.session_state:
            st.session_state[key] = "" if piece.stopped_s is None else clock(piece.stopped_s)
        st.text_input(
            f"Piece {piece.number} stopped at",
            key=key,
            placeholder="1:20",
            max_chars=8,
            width=140,
            on_change=_note_place,
            args=(session.id, piece, key),
        )


def _note_stop(session_id: int, piece: SessionPiece, stopped: bool) -> None:
    st.session_state.pop(f"session_at_{session_id}_{piece.number}", None)
    _store_stop(session_id, piece, stopped_at=now() if stopped else None)


def _note_place(session_id: int, piece: SessionPiece, key: str) -> None:
    text = str(st.session_state[key] or "")
    place = wording.seconds_of(text)
    if text.strip() and (place is None or place > piece.row["duration_s"]):
        length = clock(piece.row["duration_s"])
        messages.keep_message("error", f"{text} is no place in this piece. Type minutes and seconds up to {length}.")
        return
    _store_stop(session_id, piece, stopped_at=piece.stopped_at, stopped_s=place)


def _store_stop(session_id: int, piece: SessionPiece, **entry: Any) -> None:
    store = cached.store()
    if store is None:
        return
    try:
        note_stop(store, session_id, piece, **entry)
    except CoreError as error:
        client_choice.report(error)


# --- another piece ---------------------------------------------------------------------------------------------------


def _veto(session: StoredSession, number: int) -> None:
    """Replace a piece in the stored list, and never play it for this client again: both are stored, or neither."""
    store = cached.store()
    if store is None:
        return
    vetoed, before = session.pieces[number - 1], sessions.playlist_of(session)
    title = files.one_line(str(vetoed.row["title"]))
    try:
        library = pieces.read_library_with_words(store)
        if library is None:
            raise CoreError("There is no library, so no other piece can be chosen. Score one first.")
        recordings = piece_filter.recordings(library)
        rules = client_rules(client_pieces_table(store, session.client_id), recordings=recordings)
        pool = sessions.replacement_pool(before, library.every, rules, recordings=recordings)
        after = sessions.replace_or_leave_out(before, pool, vetoed.piece_id, without=rules.never)
        change_list(
            store,
            session.id,
            sessions.stored_rows(after),
            before=list(before.rows["piece_id"]),
            replacement=asdict(after.replaced[-1]),
            veto={"piece_id": vetoed.piece_id, "title": title},
        )
    except CoreError as error:
        client_choice.report(error)
        return
    other = files.one_line(after.replaced[-1].after_title)
    now_it_is = f"Now: {other}." if other else "No other piece fits, so the list is shorter now."
    messages.keep_message("success", f"{title} is never played for {session.code} again. {now_it_is}")
