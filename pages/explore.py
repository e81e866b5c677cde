"""Explore: any table beside any other, and what one of them shows."""

import streamlit as st

from pages import _explore_views as views
from pages import _shared

st.title("Explore")
shown = _shared.table()
_shared.stand_in_banner(shown)
frame = views.filters(shown.frame)
by_emotion, telling, relations, projection, outliers, rows, dictionary = st.tabs(
    ["Emotions", "Telling features", "Correlation", "Map", "Outliers", "Rows", "Dictionary"],
    key="view",
    bind="query-params",
)
with dictionary:
    views.dictionary()
for tab, view in (
    (by_emotion, views.emotions),
    (telling, views.telling),
    (relations, views.relations),
    (projection, views.projection),
    (outliers, views.outliers),
    (rows, views.rows),
):
    if tab.open:
        with tab:
            if frame.empty:
                st.info("No row is left. Widen the filter.", icon=":material/filter_alt_off:")
            else:
                view(frame, shown.content_hash)
