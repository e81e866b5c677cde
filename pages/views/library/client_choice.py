"""The choice of a client, for the Playlists and Sessions pages. The address holds the client's number, not the code."""

import pandas as pd
import streamlit as st

from core.errors import CoreError
from core.playlists.by_hand import REF
from core.playlists.files import one_line
from core.store import Client, ClientGoneError, Store, client_pieces_table, own_clients, set_client_piece
from pages.shared import cached, entering, messages
from pages.shared.times import local
from pages.views.library import pieces

CLIENT = "client"  # in the address, and session key: the number of the chosen client
_FIELD = "client_choice"  # key of the field
CHANGES = "list_changes"  # session key: the changes of a list by hand, oldest first
ADDRESS, OLD_ADDRESS = "changes", "veto"  # these changes in the address, and their name in version 0.2
_VETOED = "vetoes_stored"  # session key: rules that vetoes replaced, by client and piece
SESSION = "session"  # in the address: the number of the open session


def choose_client(store: Store) -> Client | None:
    """Ask for one of the person's clients. None: none is chosen, or the person has none."""
    try:
        known = {client.id: client for client in own_clients(store)}
    except CoreError as error:
        messages.problem(error)
        return None
    number = number_in_address(CLIENT) if CLIENT in st.query_params else st.session_state.get(CLIENT)
    remember(number if number in known else None)  # one that is not known was deleted, or is of another person
    if not known:
        return None
    st.session_state[_FIELD] = st.session_state[CLIENT]
    chosen = st.selectbox(
        "Client",
        list(known),
        index=None,
        format_func=lambda number: known[number].code,
        placeholder="No client",
        key=_FIELD,
        on_change=_choose,
    )
    if chosen is None:
        return None
    _show_hand_over(known[chosen])
    return known[chosen]


def _show_hand_over(client: Client) -> None:
    """Say who gave the client to this person, because that person decided who reads the sessions."""
    if client.handed_at is not None:
        by = messages.literal(client.handed_by or "the command line")
        st.caption(f"{by} handed this client over to you on {local(client.handed_at)}.")


def _choose() -> None:
    close_session()
    if st.session_state.get(CLIENT) is not None:  # the vetoes were those of the client before
        st.session_state[CHANGES] = ()
        st.query_params.pop(ADDRESS, None)
        st.query_params.pop(OLD_ADDRESS, None)
    remember(st.session_state[_FIELD])


def remember(number: int | None) -> None:
    """Remember the chosen client for this and other pages. number : None for no client."""
    st.session_state[CLIENT] = number
    if number is None:
        st.query_params.pop(CLIENT, None)
    else:
        st.query_params[CLIENT] = str(number)


def number_in_address(name: str) -> int | None:
    """Return a number of the address; None without one."""
    text = entering.parameter(name)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def close_session() -> None:
    """Forget which session is open."""
    st.query_params.pop(SESSION, None)


def report(error: CoreError) -> None:
    """Show an error after the next drawing of the page. A client or session that is gone is not open any more."""
    messages.keep_message("error", str(error))
    if isinstance(error, ClientGoneError):
        close_session()


# --- vetoes on the Playlists page ------------------------------------------------------------------------------------


def note_veto(piece_id: str) -> bool:
    """Store the veto of a piece for the chosen client, if there is one. False: it could not be stored.

    The rule before is remembered in this session of the browser, because the undo brings it back.
    """
    store, client_id = cached.store(), st.session_state.get(CLIENT)
    if store is None or client_id is None:
        return store is not None
    try:
        entries = client_pieces_table(store, client_id).set_index("piece_id")["rule"]
        before = entries.get(piece_id)
        if before != "never":
            set_client_piece(store, client_id, piece_id, title=title_of(piece_id), rule="never", origin="veto")
            st.session_state[_VETOED] = {**st.session_state.get(_VETOED, {}), (client_id, piece_id): before}
    except CoreError as error:
        report(error)
        return False
    return True


def undo_veto(start: str) -> bool:
    """Take back the rules that the veto of a piece stored for the chosen client; older rules stay.

    False: they could not be taken back.  start : beginning of the piece's id.
    """
    store, client_id = cached.store(), st.session_state.get(CLIENT)
    if store is None or client_id is None:
        return store is not None
    stored = st.session_state.get(_VETOED, {})
    mine = [key for key in stored if key[0] == client_id and key[1].startswith(start)]
    try:
        for key in mine:
            set_client_piece(store, client_id, key[1], title=title_of(key[1]), rule=stored[key])
            st.session_state[_VETOED] = {k: rule for k, rule in st.session_state[_VETOED].items() if k != key}
        left = client_pieces_table(store, client_id)
    except CoreError as error:
        report(error)
        return False
    if (left["rule"].eq("never") & left["piece_id"].str.startswith(start)).any():
        messages.keep_message(
            "info", "This client still never hears the piece, by an older rule. Sessions, Always or never, removes it."
        )
    return True


def title_of(piece_id: str) -> str:
    """Return the title of a piece of the library; the beginning of its id for an unknown piece."""
    library = pieces.read_library()
    known = pd.Series(dtype=str) if library is None else library.every["title"]
    return one_line(str(known.get(piece_id, ""))) or piece_id[:REF]
