"""Parts of the Sessions page about a client: a new one, the rules for pieces, the deletion, and the counts."""

from collections.abc import Hashable
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import CoreError
from core.playlists.selection import Filter, filter_pieces
from core.store import (
    Client,
    Store,
    add_client,
    client_counts,
    client_pieces_table,
    delete_client,
    hand_over_clients,
    raters_table,
    set_client_piece,
)
from core.store.schema import MAX_CODE
from core.wording import counted
from pages.shared import cached, entering, messages, times
from pages.views.library import client_choice, pieces

NEW = "client_new"  # session key: the typed code
MOST_NAMES = 2_000  # names in the selection box; all are sent to the browser
RULES = {"must": "Must be played", "never": "Never played"}


def ask_new_client() -> None:
    """Show the field for a new client."""
    with st.expander("New client", icon=":material/person_add:"):
        st.text_input(
            "Code",
            key=NEW,
            max_chars=MAX_CODE,
            autocomplete="off",
            help="Letters, digits and - _ . / with at least one digit, such as K-12. Never a name. Only you know who "
            "has this code.",
        )
        st.button("Add the client", key="client_add", icon=":material/check:", on_click=_add)


def _add() -> None:
    store = cached.store()
    if store is None:
        return
    try:
        added = add_client(store, str(st.session_state.get(NEW) or ""))
    except CoreError as error:
        client_choice.report(error)
        return
    st.session_state[NEW] = ""
    client_choice.remember(added.id)
    client_choice.close_session()
    messages.keep_message("success", f"Client {added.code} is stored. Make a list for this client on Playlists.")


# --- the rules for pieces --------------------------------------------------------------------------------------------


def show_rules(store: Store, client: Client) -> None:
    """Show the pieces that the client must or must never hear, and the field for more."""
    try:
        entries = client_pieces_table(store, client.id)
    except CoreError as error:
        messages.problem(error)
        return
    st.markdown(
        "These pieces are in every later list of this client, or in none. The rules also hold when a piece of a list "
        "is replaced, and for copies of the same recording."
    )
    _ask_piece(client)
    for rule, heading in RULES.items():
        rows = entries[entries["rule"] == rule]
        st.markdown(f"**{heading}: {counted(len(rows), 'piece')}**")
        for row in rows.to_dict("records"):
            _show_rule(client, row)


def _show_rule(client: Client, row: dict[Hashable, Any]) -> None:
    title, piece_id = str(row["title"]), str(row["piece_id"])
    veto = ", by a veto" if row["origin"] == "veto" else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{messages.literal(title)}  \nsince {messages.literal(times.local(row['created_at']))}{veto}")
        st.button(
            "Remove",
            key=f"client_rule_{piece_id}",
            icon=":material/close:",
            help=f"Removes the rule for {messages.literal(title)}.",
            on_click=_set_rule,
            args=(client.id, piece_id, title, None),
        )


def _ask_piece(client: Client) -> None:
    library = pieces.read_library()
    if library is None:
        st.caption("No library has been scored yet, so no piece can be chosen.")
        return
    names = library.loaded.labels
    words = ""
    if len(library.every) > MOST_NAMES:
        words = st.text_input(
            "Words of the piece",
            key="client_words",
            max_chars=entering.LONGEST,
            placeholder="title, artist, performer, album, makam or file",
            help=f"The library has {counted(len(library.every), 'piece')}. The first {MOST_NAMES:,} with these words "
            "are offered below.",
        )
    chosen = st.selectbox(
        "Piece",
        offered_pieces(library.every, library.loaded.text, words),
        index=None,
        format_func=names.__getitem__,
        placeholder="Type a part of the title or artist",
        key="client_piece",
    )
    with st.container(horizontal=True):
        for rule, label in (("must", "Must be played"), ("never", "Never play")):
            st.button(
                label,
                key=f"client_{rule}",
                icon={"must": ":material/push_pin:", "never": ":material/block:"}[rule],
                disabled=chosen is None,
                on_click=_set_rule,
                args=(client.id, chosen, names.get(chosen or "", ""), rule),
            )


def offered_pieces(every: pd.DataFrame, text: pd.Series, words: str) -> list[str]:
    """Ids of the pieces with these words that the selection box offers. text : searched text of each piece."""
    found = filter_pieces(every, Filter(search=words), text=text) if words else every
    return list(found.index[:MOST_NAMES])


def _set_rule(client_id: int, piece_id: str, title: str, rule: str | None) -> None:
    store = cached.store()
    if store is None:
        return
    try:
        set_client_piece(store, client_id, piece_id, title=title, rule=rule)
    except CoreError as error:
        client_choice.report(error)


# --- the deletion ----------------------------------------------------------------------------------------------------


def show_deletion(client: Client) -> None:
    """Say what the deletion of a client removes, and ask for a confirmation."""
    st.markdown(
        f"This deletes the code **{messages.literal(client.code)}**, {counted(client.sessions, 'session')} with lists, "
        "notes and outcomes, and all rules for pieces of this client. **It cannot be undone.** Music files and the "
        "library stay as they are."
    )
    st.caption(
        "Backups of the database that were made before still hold this client. The program removes its daily backups "
        "after seven further ones. Delete other backups, printed sheets and exported files yourself."
    )
    sure = st.checkbox("I want to delete this client for ever.", key=f"client_sure_{client.id}")
    st.button(
        "Delete the client",
        key="client_delete",
        icon=":material/delete_forever:",
        disabled=not sure,
        on_click=_delete,
        args=(client.id,),
    )


def _delete(client_id: int) -> None:
    store = cached.store()
    if store is None:
        return
    try:
        deleted = delete_client(store, client_id)
    except CoreError as error:
        client_choice.report(error)
        return
    client_choice.close_session()
    messages.keep_message(
        "success",
        f"Deleted: client {deleted.code}, {counted(deleted.sessions, 'session')}, "
        f"{counted(deleted.pieces, 'rule')} for pieces.",
    )


# --- for analysts ----------------------------------------------------------------------------------------------------


def show_counts(store: Store) -> None:
    """Show how many clients each person has, and the form that hands them over to another person."""
    try:
        counts, known = client_counts(store), raters_table(store)
    except CoreError as error:
        messages.problem(error)
        return
    with st.expander("Clients of all therapists", icon=":material/groups:"):
        st.caption("You see numbers only. Codes, notes and outcomes are for the person who has the clients.")
        st.dataframe(
            counts.rename(columns={"owner": "person", "owner_verified": "logged in"}), hide_index=True, width="stretch"
        )
        if counts.empty:
            return
        people = {_name(*person): person for person in zip(known["rater"], known["verified"], strict=True)}
        owners = {_name(*person): person for person in zip(counts["owner"], counts["owner_verified"], strict=True)}
        left, right = st.columns(2)
        before = left.selectbox("All clients of", list(owners), key="hand_over_from")
        after = right.selectbox("go to", list(people), index=None, placeholder="Choose a person", key="hand_over_to")
        st.button(
            "Hand the clients over",
            key="client_hand_over",
            icon=":material/swap_horiz:",
            disabled=after is None,
            help="For a therapist who leaves, or who has a login now and had a typed name before.",
            on_click=_hand_over,
            args=(owners[before or ""], people.get(after or "")),
        )


def _name(name: str, verified: bool) -> str:
    return f"{name} (login)" if verified else name or "(the command line)"


def _hand_over(before: tuple[str, bool], after: tuple[str, bool] | None) -> None:
    store = cached.store()
    if store is None or after is None:
        return
    try:
        count = hand_over_clients(store, *before, to=after[0], to_verified=after[1])
    except CoreError as error:
        client_choice.report(error)
        return
    messages.keep_message("success", f"{counted(count, 'client')} handed over to {_name(*after)}.")
