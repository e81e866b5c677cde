"""Moods: the library by mood, to filter, hear and compare."""

import streamlit as st

from pages.views.library import mood_views as views
from pages.views.library import piece_filter as parts
from pages.views.library import pieces as library

VIEWS = {"List": views.listed, "Map": views.mapped, "More like this": views.alike, "Spread": views.spread}

st.title("Moods")
# What comes and goes lies in containers: a field that it would move is no longer kept in the address.
with st.container():
    found = library.required()
st.caption(
    f"{len(found.pieces)} pieces, scored by model {found.version}. The mood is what the model hears; a person may feel "
    "something else."
)
with st.container():
    shown, _ = parts.filtered(found, found.pieces)
if shown.empty:
    st.info("No piece is left. Widen the filter.", icon=":material/filter_alt_off:")
    st.stop()
with st.container():
    chosen = views.piece(found, shown)
for tab, show in zip(st.tabs(list(VIEWS), key="view", bind="query-params"), VIEWS.values(), strict=True):
    if tab.open:
        with tab:
            show(found, shown, chosen)
