"""The address of the Playlists page, remembered for a person who leaves the page and comes back by the menu."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.playlists import by_hand
from core.playlists.by_hand import Change
from pages.shared import doors
from pages.views.library.client_choice import ADDRESS, CHANGES, CLIENT, OLD_ADDRESS

_LAST = "playlist_address"  # session key: the last address of the page

Address = dict[str, list[str]]


def address_to_restore(now: Mapping[str, object], last: Address, changes: Sequence[Change]) -> Address:
    """Return the address that comes back when the page is opened with the address ``now``; empty when ``now`` counts.

    Any field in the address counts more than what was before. The client and the changes by hand can have changed on
    another page since: the session knows them, the last address does not.

    last : address that the page had last.  changes : changes of the list by hand in this session.
    """
    if now:
        return {}
    fields = {name: list(values) for name, values in last.items() if name not in (CLIENT, ADDRESS, OLD_ADDRESS)}
    return fields | ({ADDRESS: [by_hand.write_changes(tuple(changes))]} if changes else {})


def restore() -> None:
    """Open the page with its last address, if the person comes from another page by the menu."""
    if not doors.just_opened():
        return
    before = address_to_restore(
        st.query_params.to_dict(), st.session_state.get(_LAST, {}), st.session_state.get(CHANGES, ())
    )
    if before:
        st.switch_page("pages/playlists.py", query_params=before)


def remember() -> None:
    """Note the address of now."""
    st.session_state[_LAST] = {name: st.query_params.get_all(name) for name in st.query_params}
