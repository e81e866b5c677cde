"""Moods: filter, hear and compare the pieces of the library by mood."""

import streamlit as st

from core.wording import counted
from pages.shared import tabs
from pages.views.library import mood_tag_views, pieces, run_pieces, spread_views, words
from pages.views.library import mood_views as views
from pages.views.library import piece_filter as parts

VIEWS = {
    "List": views.show_list,
    "Map": views.show_map,
    "More like this": views.show_similar,
    "Spread": spread_views.show_spread,
    "Tags": mood_tag_views.show_tags,
}

st.title("Moods")
# Parts that come and go are in containers: Streamlit drops a field from the address when its position changes.
with st.container():
    library = pieces.require_library()
st.caption(
    f"{counted(len(library.pieces), 'piece')}, scored by model {library.version}. What people say comes first: your "
    "own answer, then the mood that people agree on, then the model's estimate."
)
with st.container():
    asked_for = run_pieces.only_of_run(library.pieces)
with st.container():
    shown, _ = parts.filter_fields(library, asked_for)
if shown.empty:
    st.info("No piece matches the filter. Widen it.", icon=":material/filter_alt_off:")
    st.stop()
with st.container():
    chosen = views.choose_piece(library, shown)
tabs.show_tabs(VIEWS, library, shown, chosen)
words.show_never_list(library)
