"""Changes of the list by hand: their record in the session and the address, and the fields for them."""

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from core.errors import CoreError
from core.playlists import by_hand, files
from core.playlists.by_hand import Change, Kind
from core.playlists.playlist import Playlist, Pool
from core.playlists.replacement import candidates
from core.playlists.selection import Filter, filter_pieces
from core.playlists.words import word_text
from core.store import Way
from core.wording import clock, counted, percent, with_sign
from pages.shared import assets, entering, messages
from pages.views.library import client_choice, piece_player
from pages.views.library.client_choice import ADDRESS, CHANGES, OLD_ADDRESS

if TYPE_CHECKING:
    from pages.views.library.playlist_building import Built

LAST = "list_last"  # session key: the last request and its list
OPEN = "list_open"  # session key: the piece whose fields for changes are open
PLAYING = "playlist_heard"  # session key: the piece in the player, and the part of the page that shows it
MOVED = "list_moved"  # session key: the number of the last move, and its kind
LETTERS = "abcdefgh"  # of the pieces that can be chosen, so that each button has its own name


# --- the record ------------------------------------------------------------------------------------------------------


def current_changes() -> tuple[Change, ...]:
    """The changes so far; from the address when the page is opened."""
    if CHANGES not in st.session_state:
        text = st.query_params.get(ADDRESS, "") or st.query_params.get(OLD_ADDRESS, "")
        st.session_state[CHANGES] = by_hand.read_changes(text)
    changes: tuple[Change, ...] = st.session_state[CHANGES]
    return changes


def current_vetoes() -> list[str]:
    """The beginnings of the ids of vetoed pieces, oldest first."""
    return [change.piece for change in current_changes() if change.kind is Kind.VETO]


def for_request(asked: str) -> tuple[Change, ...]:
    """The changes for a request. For another request than before, only pins and refused pieces are carried over."""
    current_changes()
    last = st.session_state.get(LAST)
    if last is not None and last[0] != asked and st.session_state[CHANGES]:
        _store(by_hand.carried_over(st.session_state[CHANGES], last[1]))
    return current_changes()


def remember(asked: str, made: Playlist) -> None:
    """Note the list of a request, for the pins of the next request."""
    st.session_state[LAST] = (asked, made)


def _store(changes: tuple[Change, ...]) -> None:
    st.session_state[CHANGES] = changes
    st.query_params.pop(OLD_ADDRESS, None)
    if changes:
        st.query_params[ADDRESS] = by_hand.write_changes(changes)
    else:
        st.query_params.pop(ADDRESS, None)


def put(kind: Kind, piece_id: str, other: str = "") -> None:
    """Add a change to the record."""
    before = st.session_state.get(CHANGES, ())
    if len(before) >= by_hand.MOST:
        text = f"A playlist can have at most {by_hand.MOST} changes by hand. Undo one of them first."
        messages.keep_message("warning", text)
        return
    if kind is Kind.VETO and not client_choice.note_veto(piece_id):
        return
    _store((*before, Change(kind, piece_id[: by_hand.REF], other[: by_hand.REF])))
    if kind in (Kind.UP, Kind.DOWN):
        number, _ = st.session_state.get(MOVED, (0, kind))
        st.session_state[MOVED] = (number + 1, kind)
    elif kind is Kind.TAKE:
        st.session_state[OPEN] = other
    elif kind in (Kind.VETO, Kind.REMOVE):
        st.session_state.pop(OPEN, None)


def _undo() -> None:
    changes = current_changes()
    if changes and changes[-1].kind is Kind.VETO and not client_choice.undo_veto(changes[-1].piece):
        return
    _store(changes[:-1])


def _open(piece_id: str) -> None:
    st.session_state[OPEN] = None if st.session_state.get(OPEN) == piece_id else piece_id


def play(piece_id: str, where: str = "list") -> None:
    """Let the player of the page play this piece. where : the part of the page that shows the player."""
    st.session_state[PLAYING] = (piece_id, where)
    st.session_state[piece_player.AUTOPLAY] = True


def show_player(piece_id: str, every: pd.DataFrame, where: str = "list") -> None:
    """Show the player below a piece, if this piece is played. every : pieces of the library."""
    if st.session_state.get(PLAYING) == (piece_id, where) and piece_id in every.index:
        autoplay = st.session_state.pop(piece_player.AUTOPLAY, False)
        piece_player.hear(every.loc[[piece_id]].iloc[0], way=Way.PLAYLISTS, autoplay=autoplay)


# --- the fields ------------------------------------------------------------------------------------------------------


def show_undo() -> None:
    """Show the button that takes back the last change, if there is one."""
    if changes := st.session_state.get(CHANGES):
        label = f"Undo the last change ({len(changes)} so far)"
        st.button(label, icon=":material/undo:", on_click=_undo, key="hand_undo")


def follow_focus() -> None:
    """Let the focus of the keyboard follow a piece that was moved."""
    number, kind = st.session_state.get(MOVED, (0, Kind.UP))
    keys = [f"hand_{kind}", f"hand_{Kind.DOWN if kind is Kind.UP else Kind.UP}"]
    component = st.components.v2.component("follow_focus", js=assets.script("follow_focus"))
    component(key="follow_focus", data={"change": number, "keys": keys}, height=0)


def show_buttons(row: dict[str, Any]) -> None:
    """Show the buttons of one piece that change the list."""
    number, piece = row["number"], row["piece_id"]
    st.button(
        f"Veto {number}",
        icon=":material/swap_horiz:",
        key=f"veto_{number}",
        on_click=put,
        args=(Kind.VETO, piece),
        help="Replaces this piece by another one; all others stay.",
    )
    st.button(
        f"Change {number}",
        icon=":material/expand_less:" if st.session_state.get(OPEN) == piece else ":material/edit:",
        key=f"hand_open_{number}",
        on_click=_open,
        args=(piece,),
        help="Move, pin or remove this piece, or choose another one for its place.",
    )


def show_fields(built: "Built", row: dict[str, Any], every: pd.DataFrame) -> None:
    """Show the fields for changes of one piece, if they are open. every : pieces of the library."""
    piece = str(row["piece_id"])
    if st.session_state.get(OPEN) != piece:
        return
    pinned = piece in built.playlist.pinned
    with st.container(horizontal=True):
        for label, icon, kind in (
            ("Up", "arrow_upward", Kind.UP),
            ("Down", "arrow_downward", Kind.DOWN),
            ("Unpin" if pinned else "Pin", "keep_off" if pinned else "keep", Kind.UNPIN if pinned else Kind.PIN),
            ("Remove", "delete", Kind.REMOVE),
        ):
            edge = (kind is Kind.UP and row["number"] == 1) or (
                kind is Kind.DOWN and row["number"] == len(built.playlist.rows)
            )
            st.button(
                label,
                icon=f":material/{icon}:",
                key=f"hand_{kind}",
                on_click=put,
                args=(kind, piece),
                disabled=edge,
                help="A pinned piece stays when you change the request." if kind is Kind.PIN else None,
            )
    _show_candidates(built, row, every)


def _show_candidates(built: "Built", row: dict[str, Any], every: pd.DataFrame) -> None:
    gone = by_hand.refused_pieces(built.pool, built.changes)
    try:
        found = candidates(built.playlist, built.pool, str(row["piece_id"]), without=gone)
    except CoreError as error:
        messages.problem(error)
        return
    if found.empty:
        st.caption("No other usable piece fits here. You can add a piece from the whole library below the list.")
        return
    st.markdown("**Other pieces for this place**, the best first:")
    for letter, (ref, other) in zip(LETTERS, found.iterrows(), strict=False):
        text = f"{_mood(other)}; {other['why']}"
        _show_choice(letter, str(ref), other, text, every, "Take", (Kind.TAKE, row["piece_id"], ref))


def _mood(piece: pd.Series) -> str:
    """The mood of a piece, and whose word it is."""
    by = word_text(piece)
    said = f", {by}" if by else f" {percent(piece['confidence'])}"
    return f"{with_sign(piece['guess'])}{said}"


def _show_choice(
    letter: str, piece_id: str, piece: pd.Series, text: str, every: pd.DataFrame, verb: str, change: tuple[object, ...]
) -> None:
    """Show a piece that can be chosen, with buttons to play and to choose it."""
    ref, known = piece_id[: by_hand.REF], {name: piece[name] for name in ("artist", "title")}
    name = messages.literal(files.artist_and_title(known))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{letter}. {name}**  \n{messages.literal(text)}", width="stretch")
        with st.container(horizontal=True, width="content"):
            st.button(
                f"Play {letter}",
                icon=":material/play_arrow:",
                key=f"play_{verb}_{ref}",
                on_click=play,
                args=(piece_id, verb),
            )
            st.button(
                f"{verb} {letter}",
                icon=":material/check:",
                key=f"hand_{verb.lower()}_{ref}",
                on_click=put,
                args=change,
            )
    show_player(piece_id, every, verb)


def show_adding(built: "Built", text: pd.Series, every: pd.DataFrame) -> None:
    """Show the search for a piece to add. text : searched text of each piece of the library."""
    with st.expander("Add a piece", icon=":material/playlist_add:"):
        words = st.text_input(
            "Words of the piece",
            key="add_words",
            max_chars=entering.LONGEST,
            placeholder="title, artist, performer, album, makam or file",
            help="Searches the whole library, also pieces that the filter or the decision leaves out.",
        )
        if not words:
            return
        listed = list(built.playlist.rows["piece_id"])
        table = Pool(built.playable, (), built.pool.recordings).without(listed).table
        found = filter_pieces(table, Filter(search=words), text=text)
        if found.empty:
            st.caption("No piece that can be played has these words, or it is in the list already.")
            return
        st.caption(
            f"{counted(len(found), 'piece')} found"
            + (f"; the first {len(LETTERS)} are shown. Type more words." if len(found) > len(LETTERS) else ".")
            + " The piece comes to the place where it fits best, and is pinned."
        )
        for letter, (ref, piece) in zip(LETTERS, found.iterrows(), strict=False):
            about = f"{_mood(piece)}; {piece['standing']}; {clock(piece['duration_s'])}"
            _show_choice(letter, str(ref), piece, about, every, "Add", (Kind.ADD, ref))
