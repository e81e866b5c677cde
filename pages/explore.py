"""Explore: one table of features in detail, tables compared with each other, own recordings beside the published."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.dataset.open_tables import open_table
from pages.shared.cached import table
from pages.shared.messages import literal, show_pending_message
from pages.shared.show import citation, set_source, stand_in_banner
from pages.shared.tabs import show_tabs
from pages.views.data import explore_cleaning, explore_groups, explore_own, explore_rows
from pages.views.data import explore_tables as tables
from pages.views.data import explore_views as views

st.title("Explore")
published = table()
VIEWS = {
    "Groups": explore_groups.groups,
    "Telling features": explore_groups.telling,
    "Correlation": views.relations,
    "Map": views.projection,
    "Outliers": views.outliers,
    "Rows": views.every_row,
    "Own and published": lambda rows: explore_own.own_and_published_views(rows, open_table(published)),
}
stand_in_banner(published)
if published.note and not published.synthetic:
    st.warning(literal(published.note), icon=":material/table:")
show_pending_message()
extra = tables.brought(published)
opened, frames = tables.at_hand(published, extra)
name = st.selectbox(
    "Table",
    list(opened),
    key="table",
    bind="query-params",
    help="All views use this table, except Tables and Dictionary. Cleaning uses it if you added it.",
)
shown = opened[name]
if shown.synthetic and not published.synthetic:
    st.info(
        "These rows are synthetic: they are drawn from summary statistics, not measured on music.",
        icon=":material/science:",
    )
rows = explore_rows.choose_rows(shown)
set_source(explore_rows.source_of(rows, shown))


def show_rows(view: Callable[[explore_rows.Shown], None]) -> None:
    """Show one view of the rows that pass the filters."""
    if rows.frame.empty:
        st.info("No row matches the filter. Widen it.", icon=":material/filter_alt_off:")
    else:
        view(rows)


shows: dict[str, Callable[[], None]] = {name: partial(show_rows, view) for name, view in VIEWS.items()} | {
    "Tables": lambda: tables.side_by_side(frames, published.content_hash),
    "Cleaning": lambda: explore_cleaning.cleaning(extra, name),
    "Dictionary": views.dictionary,
}
show_tabs(shows)
citation()
