"""Explore: any table beside any other, and what one of them shows."""

from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from pages.shared.cached import table
from pages.shared.messages import literal
from pages.shared.show import citation, stand_in_banner
from pages.views.data import explore_tables as beside
from pages.views.data import explore_views as views

VIEWS = {
    "Emotions": views.emotions,
    "Telling features": views.telling,
    "Correlation": views.relations,
    "Map": views.projection,
    "Outliers": views.outliers,
    "Rows": views.rows,
}

st.title("Explore")
published = table()
stand_in_banner(published)
if published.note and not published.synthetic:
    st.warning(literal(published.note), icon=":material/table:")
extra = beside.brought(published)
clean, frames = beside.at_hand(published, extra)
shown = clean[
    st.selectbox(
        "Table",
        list(clean),
        key="table",
        bind="query-params",
        help="What all views but Tables, Cleaning and Dictionary show.",
    )
]
if shown.synthetic and not published.synthetic:
    st.info("These rows are synthetic: drawn from summary statistics, not measured.", icon=":material/science:")
kept = views.filters(shown.frame)


def look(view: Callable[[pd.DataFrame, str], None]) -> None:
    """One view of the rows that the filters leave."""
    if kept.empty:
        st.info("No row is left. Widen the filter.", icon=":material/filter_alt_off:")
    else:
        view(kept, shown.content_hash)


shows: dict[str, Callable[[], None]] = {name: partial(look, view) for name, view in VIEWS.items()} | {
    "Tables": lambda: beside.side_by_side(frames, published.content_hash),
    "Cleaning": lambda: beside.cleaning(frames, extra),
    "Dictionary": views.dictionary,
}
for tab, show in zip(st.tabs(list(shows), key="view", bind="query-params"), shows.values(), strict=True):
    if tab.open:
        with tab:
            show()
citation()
