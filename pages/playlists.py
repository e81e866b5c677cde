"""Playlists: pieces of a mood for a wished time, or an iso path from one mood to another, to hear and to take along."""

import streamlit as st

from pages.views.library import piece_filter as shared
from pages.views.library import pieces as library
from pages.views.library import playlist_downloads as files
from pages.views.library import playlist_views as parts

st.title("Playlists")
# What comes and goes lies in containers: a field that it would move is no longer kept in the address.
with st.container():
    found = library.required()
wanted = parts.wish()
with st.container():
    table, narrowed = shared.filtered(found, found.every, moods_too=False)
if table.empty:
    st.info("No piece is left. Widen the filter.", icon=":material/filter_alt_off:")
    st.stop()
with st.container():
    made = parts.make(wanted, found, table, narrowed)
    if made is None:
        st.stop()
    st.subheader(made.name, divider="gray")
    parts.about(made)
shows = {
    "Pieces": lambda: parts.listed(made, table),
    "Picture": lambda: parts.drawn(made),
    "Files": lambda: files.files(made),
    "Session sheet": lambda: files.sheet(made),
}
for tab, show in zip(st.tabs(list(shows), key="view", bind="query-params"), shows.values(), strict=True):
    if tab.open:
        with tab:
            show()
st.caption(
    "The mood of a piece is what a model hears in it. A playlist is a proposal: what is played, and when it is "
    "stopped, the therapist decides."
)
