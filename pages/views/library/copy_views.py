"""Page Same recordings: one pair of files side by side, and the decision about it."""

from typing import Any

import pandas as pd
import streamlit as st

from core.access import Action
from core.errors import CoreError
from core.library.copy_pairs import State, evidence, stored_pairs
from core.playlists.files import file_name
from core.store import Store, Way, say_same, undo_same
from core.wording import clock
from pages.shared import cached, messages
from pages.views.library.piece_player import hear
from pages.views.library.pieces import Library

TURN = "copies_number"  # session key: number of the shown pair, from 0
CHOICES = {"To decide": State.OPEN, "One recording": State.ONE, "Two recordings": State.TWO}
EMPTY = {
    State.OPEN: "No pair waits for a decision.",
    State.ONE: "No two files of this library are one recording.",
    State.TWO: "Nobody has said about two files that they are two recordings.",
}


def pairs_of(store: Store, library: Library) -> pd.DataFrame:
    """Pairs of pieces of this library, see ``core.library.copy_pairs.pairs_table``."""
    pairs = stored_pairs(store)
    return pairs[pairs["one"].isin(library.every.index) & pairs["other"].isin(library.every.index)]


def choose_state(pairs: pd.DataFrame) -> State:
    """Ask which pairs to show."""
    count = {state: int((pairs["state"] == state).sum()) for state in State}
    chosen = st.segmented_control(
        "Pairs",
        list(CHOICES),
        default="To decide",
        required=True,
        key="copies_state",
        bind="query-params",
    )
    st.caption(
        f"Pairs: {count[State.OPEN]} to decide, {count[State.ONE]} one recording, {count[State.TWO]} two recordings."
    )
    return CHOICES[chosen]


def show_pair(store: Store, library: Library, pairs: pd.DataFrame, state: State) -> None:
    """Show one of the pairs, with the buttons that decide about it."""
    if pairs.empty:
        st.info(EMPTY[state], icon=":material/done_all:")
        return
    number = min(int(st.session_state.get(TURN, 0)), len(pairs) - 1)
    pair = pairs.iloc[number]
    _turn(number, len(pairs))
    for side, column in zip(("one", "other"), st.columns(2, gap="medium"), strict=True):
        with column, st.container(border=True):
            _show_side(library, library.every.loc[pair[side]], side)
    st.caption(messages.literal(evidence(pair["found"])))
    if pd.notna(pair["number"]):
        by = pair["said_by"] or "a person without a name"
        st.caption(messages.literal(f"Decided by {by}: {state.value}."))
    if store.by.may(Action.JOIN_RECORDINGS):
        _decide(library, pair, state)


def _turn(number: int, count: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Previous pair",
            icon=":material/chevron_left:",
            key="copies_turn_back",
            disabled=number == 0,
            on_click=_set_turn,
            args=(number - 1,),
        )
        st.caption(f"Pair {number + 1} of {count}", width="content")
        st.button(
            "Next pair",
            icon=":material/chevron_right:",
            key="copies_turn_on",
            disabled=number + 1 >= count,
            on_click=_set_turn,
            args=(number + 1,),
        )


def _set_turn(number: int) -> None:
    st.session_state[TURN] = number


def _show_side(library: Library, piece: pd.Series, side: str) -> None:
    st.markdown(f"**{messages.literal(library.loaded.labels[str(piece.name)])}**")
    facts = [file_name(str(piece["path"]) or str(piece["file_name"])), str(piece["folder"]), clock(piece["duration_s"])]
    if piece["album"]:
        facts.append(str(piece["album"]))
    st.caption(messages.literal(" · ".join(filter(None, facts))))
    if piece["there"]:
        hear(piece, way=Way.COPIES, key=f"whole_{side}")
    else:
        st.caption(":material/folder_off: The file is missing or has changed.")


def _decide(library: Library, pair: pd.Series, state: State) -> None:
    names = [library.loaded.labels[str(pair[side])] for side in ("one", "other")]
    given: dict[str, Any] = {"one": str(pair["one"]), "other": str(pair["other"]), "names": names}
    with st.container(horizontal=True):
        if state is not State.ONE:
            st.button(
                "One recording",
                icon=":material/merge:",
                key="copies_say_one",
                on_click=_say,
                kwargs=given | {"same": True},
            )
        if state is not State.TWO:
            st.button(
                "Two recordings",
                icon=":material/call_split:",
                key="copies_say_two",
                on_click=_say,
                kwargs=given | {"same": False},
            )
        if pd.notna(pair["number"]):
            st.button(
                "Undo the decision",
                icon=":material/undo:",
                key="copies_undo",
                on_click=_undo,
                args=(int(pair["number"]), names),
            )


def _say(one: str, other: str, names: list[str], same: bool) -> None:
    store = cached.store()
    if store is None:
        return
    what = "one recording: playlists use one of them, and one answer counts for both" if same else "two recordings"
    try:
        say_same(store, one, other, same)
    except CoreError as error:
        messages.keep_message("error", str(error))
    else:
        where = "One recording" if same else "Two recordings"
        messages.keep_message("success", f"{names[0]} and {names[1]} are now {what}. To undo it, open “{where}”.")


def _undo(number: int, names: list[str]) -> None:
    store = cached.store()
    if store is None:
        return
    try:
        done = undo_same(store, number)
    except CoreError as error:
        messages.keep_message("error", str(error))
    else:
        text = f"The decision about {names[0]} and {names[1]} is taken back."
        messages.keep_message("success", text if done else "Somebody else took this decision back before.")
