"""Explore: one table of features in detail, and tables compared with each other."""

from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from pages.shared.cached import table
from pages.shared.messages import literal
from pages.shared.show import citation, stand_in_banner
from pages.views.data import explore_tables as tables
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
extra = tables.brought(published)
clean, frames = tables.at_hand(published, extra)
shown = clean[
    st.selectbox(
        "Table",
        list(clean),
        key="table",
        bind="query-params",
        help="All views use this table, except Tables, Cleaning and Dictionary.",
    )
]
if shown.synthetic and not published.synthetic:
    st.info(
        "These rows are synthetic: they are drawn from summary statistics, not measured on music.",
        icon=":material/science:",
    )
rows = views.filters(shown.frame)


def show_rows(view: Callable[[pd.DataFrame, str], None]) -> None:
    """Show one view of the rows that pass the filters."""
    if rows.empty:
        st.info("No row matches the filter. Widen it.", icon=":material/filter_alt_off:")
    else:
        view(rows, shown.content_hash)


shows: dict[str, Callable[[], None]] = {name: partial(show_rows, view) for name, view in VIEWS.items()} | {
    "Tables": lambda: tables.side_by_side(frames, published.content_hash),
    "Cleaning": lambda: tables.cleaning(frames, extra),
    "Dictionary": views.dictionary,
}
for tab, show in zip(st.tabs(list(shows), key="view", bind="query-params"), shows.values(), strict=True):
    if tab.open:
        with tab:
            show()
citation()
