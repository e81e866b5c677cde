"""Same recordings: pairs of files that may hold one recording; a person hears both and decides."""

import streamlit as st

from pages.shared import cached, login, who
from pages.shared.messages import show_pending_message
from pages.views.library import copy_search, copy_views, pieces

st.title("Same recordings")
st.caption(
    "The same recording can be in a library under two names: as MP3 and FLAC, louder, or with silence before it. "
    "Playlists use one file of a recording, and one answer counts for all of them. No file is changed or deleted."
)
store = cached.store()
if store is None:
    st.stop()
if login.login_configured():
    who.badge(store, who.require_person(store))
show_pending_message()
copy_search.show_search(store)
library = pieces.read_library()
if library is None:
    st.info(
        "No library has been scored yet. Score a folder on the page Library first.", icon=":material/library_music:"
    )
    st.stop()
pairs = copy_views.pairs_of(store, library)
with st.container():
    state = copy_views.choose_state(pairs)
copy_views.show_pair(store, library, pairs[pairs["state"] == state], state)
