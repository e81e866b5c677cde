"""A passage of a piece: its start and end are in the address, so that a link leads to it and plays it."""

from collections.abc import Collection
from urllib.parse import urlencode

import streamlit as st

from core.playlists import playback
from core.wording import clock
from pages.shared import messages

START, END = "from_s", "to_s"  # keys of the two fields, also in the address
HEAR = "hear"  # in the address of a link: the piece, by the hash of its content
_PIECE = "passage_of"  # session key: the piece that the fields belong to
_LINKED = "passage_linked"  # session key: the piece of a link, or that piece with the passage that plays at once
_LONGEST_S = 24 * 3600


def take_piece_of_link(known: Collection[str]) -> None:
    """Choose the piece that a link names, unless it is not one of these."""
    asked = st.query_params.get(HEAR)
    if asked is None:
        return
    del st.query_params[HEAR]  # from here on, the selection box writes the piece into the address
    if asked in known:
        st.session_state["piece"] = asked
        st.session_state[_LINKED] = asked if END in st.query_params else None
    else:
        st.info("The piece of this link is not in the library, or the filter hides it.", icon=":material/link_off:")


def ask_passage(piece_id: str, length_s: float) -> tuple[int, int] | None:
    """Ask for a passage of this piece, and show its link. None: the whole piece."""
    if st.session_state.get(_PIECE, piece_id) != piece_id:
        st.session_state[START] = st.session_state[END] = 0
    st.session_state[_PIECE] = piece_id
    with st.expander("Link to a passage", icon=":material/link:"):
        left, right = st.columns(2)
        start = left.number_input("From second", 0, _LONGEST_S, 0, 1, key=START, bind="query-params")
        end = right.number_input("To second", 0, _LONGEST_S, 0, 1, key=END, bind="query-params")
        if not start and not end:
            st.caption("Enter the start and the end of a passage. The player then plays this passage only.")
            return None
        problem = playback.passage_problem(start, end, length_s)
        if problem:
            st.warning(messages.literal(problem), icon=":material/timer_off:")
            return None
        st.caption(f"This link leads to {clock(start)} to {clock(end)} of the piece:")
        address = str(st.context.url or "").partition("?")[0]
        st.code(f"{address}?{urlencode({HEAR: piece_id, START: start, END: end})}", language=None)
    return start, end


def opened_by_link(piece_id: str, span: tuple[int, int]) -> bool:
    """Return whether a link opened this passage. After a change of the fields, the person starts the player."""
    if st.session_state.get(_LINKED) == piece_id:
        st.session_state[_LINKED] = (piece_id, span)
    return st.session_state.get(_LINKED) == (piece_id, span)
