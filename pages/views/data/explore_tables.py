"""Tables on the Explore page: which are available, how they compare, and what cleaning changed."""

from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from core.dataset import stand_in, user_tables
from core.dataset.cleaning import RULES
from core.dataset.csv_reading import MAX_BYTES
from core.dataset.quality import CELL_MEASURES, Quality, data_quality
from core.dataset.shelf import Shelf
from core.dataset.table import Table, as_table
from core.dataset.user_tables import UserTable
from core.errors import CoreError, TableError
from core.schema import readable
from core.settings import Settings
from pages.figures import dataset
from pages.shared import cached, entering, login, messages, show, uploads

PUBLISHED, STAND_IN = "Published table", "Synthetic stand-in"
_KEPT = 6  # counts kept for all sessions; the key is the content
_FILES = 4  # uploaded files that a session keeps, the latest ones


@st.cache_resource(show_spinner=False)
def _shelf(most_mb: float) -> Shelf:
    return Shelf(most_mb)


@st.cache_data(show_spinner=False)
def _stand_in() -> Table:
    return as_table(stand_in.sample(), origin="synthetic", synthetic=True)


@st.cache_data(show_spinner="Checking the table …", max_entries=_KEPT)
def _quality(key: str, _frame: pd.DataFrame) -> Quality:
    return data_quality(_frame)


def _forget() -> None:
    """Remove the uploads and empty the widget (a widget with a new key is empty)."""
    st.session_state["explore_uploads"] = {}
    st.session_state["explore_round"] = st.session_state.get("explore_round", 0) + 1
    st.session_state.pop("table", None)


def brought(shown: Table) -> dict[str, UserTable]:
    """Uploaded tables and tables in data/raw, by name. Unreadable files show an error and are skipped.

    The session remembers its tables, so that they survive a visit to another page. The tables of all sessions are on
    one shelf; a table that had to leave it is named.
    """
    settings = Settings()
    shelf = _shelf(settings.max_tables_mb)
    kept: dict[str, str] = st.session_state.setdefault("explore_uploads", {})
    with st.expander("Add a table", icon=":material/upload_file:"):
        files = uploads.file_field(
            "A CSV file with the 50 features and the label",
            type=["csv", "tsv", "txt"],
            accept_multiple_files=True,
            key=f"explore_files_{st.session_state.get('explore_round', 0)}",
            largest_mb=MAX_BYTES // 10**6,
            way_out="Split the file.",
            help="The file may contain errors: it is cleaned at once, and every change is listed. It stays in your "
            "session only.",
        )
        if kept or files:
            st.button("Forget the uploaded tables", key="forget_tables", icon=":material/delete:", on_click=_forget)
    for file in files:
        name = entering.bounded(file.name) or "table.csv"
        kept.pop(name, None)
        if key := _added(shelf, name, file.getvalue):
            kept[name] = key
            if shown.synthetic and _adopted(file.getvalue(), settings):
                cached.forget_table()
                st.rerun()
    for oldest in list(kept)[:-_FILES]:
        del kept[oldest]
    tables = {name: one for name, key in kept.items() if (one := shelf.get(key))}
    if left := [name for name in kept if name not in tables]:
        st.warning(
            f"Other tables needed the memory, so these left: {messages.literal(', '.join(left))}. Add them again.",
            icon=":material/memory:",
        )
    for path in user_tables.list_user_tables(settings):
        key = _added(shelf, path.name, partial(user_tables.read_bytes, path))
        if key and (one := shelf.get(key)):
            tables.setdefault(path.name, one)
    for name, one in tables.items():
        same = "This is the published table. " if one.published else ""
        st.caption(
            f"{messages.literal(name)}: {same}{len(one.messy)} rows, {len(one.cleaned.report)} changes by cleaning. "
            "Choose it under Table, or see the changes under Cleaning."
        )
    return tables


def _added(shelf: Shelf, name: str, content: Callable[[], bytes]) -> str:
    """Put a table on the shelf and return its key; "" with an error if it cannot be read."""
    try:
        with st.spinner("Reading and cleaning the table …"):
            return shelf.add(content(), name)
    except CoreError as error:
        messages.problem(error)
        return ""


def _adopted(data: bytes, settings: Settings) -> bool:
    try:
        return user_tables.store_if_published(data, settings, by=login.visitor())
    except TableError as error:
        messages.problem(error)
        return False


def at_hand(shown: Table, extra: dict[str, UserTable]) -> tuple[dict[str, Table], dict[str, pd.DataFrame]]:
    """The clean tables, and the frames of all tables (also uncleaned ones), by name."""
    clean = {STAND_IN if shown.synthetic else PUBLISHED: shown}
    frames = {name: table.frame for name, table in clean.items()}
    for name, one in extra.items():
        clean[f"{name}, cleaned"] = one.table
        frames |= {name: one.messy, f"{name}, cleaned": one.table.frame}
    clean.setdefault(STAND_IN, _stand_in())
    return clean, frames | {STAND_IN: clean[STAND_IN].frame}


def _key(name: str, frames: dict[str, pd.DataFrame]) -> str:
    """Cache key from the content of a table."""
    return f"{name} {pd.util.hash_pandas_object(frames[name]).sum()}"


def side_by_side(frames: dict[str, pd.DataFrame], data_hash: str) -> None:
    """Show counts for each table, and compare two tables cell by cell."""
    st.caption(
        "Each column is one table. Empty, invalid and impossible cells are counted, not repaired. Add a table above "
        "to see it here before and after cleaning."
    )
    chosen = st.multiselect("Tables", list(frames), default=list(frames)[:3], key="beside")
    if not chosen:
        st.info("Choose at least one table.", icon=":material/table:")
        return
    counts = user_tables.compare_quality({name: _quality(_key(name, frames), frames[name]) for name in chosen})
    st.dataframe(
        counts,
        height="content",
        alt="Counts of the chosen tables",
        column_config={"measure": st.column_config.TextColumn(pinned=True, width="medium")},
    )
    show.download(counts.reset_index(), show.file_name("tables-side-by-side", data_hash=data_hash))
    with st.expander("What is counted", icon=":material/help:"):
        st.markdown("\n".join(f"- **{measure}**: {meaning}" for measure, meaning in CELL_MEASURES.items()))
    if len(chosen) > 1 and st.toggle("Compare two tables cell by cell", key="cells"):
        _two(chosen, frames)


def _two(chosen: list[str], frames: dict[str, pd.DataFrame]) -> None:
    left, right = st.columns(2)
    first = left.selectbox("First", chosen, key="first")
    others = [name for name in chosen if name != first]
    second = right.selectbox("Second", others, index=len(others) - 1, key="second")
    result = user_tables.differences(frames[first], frames[second])
    st.caption(
        "Rows are matched by row number. Values are compared as numbers, so spaces and zeros make no difference."
    )
    st.dataframe(result.counts.rename_axis("what").reset_index(), hide_index=True, alt="Differences, counted")
    if len(result.cells):
        st.dataframe(result.cells, hide_index=True, alt="Cells that differ", placeholder="empty")
        show.download(result.cells, show.file_name("differences", data_hash="of-two-tables"))


def cleaning(frames: dict[str, pd.DataFrame], extra: dict[str, UserTable]) -> None:
    """Show the quality before and after cleaning, and list every change."""
    if not extra:
        st.info(
            "Add a table above. It is cleaned at once, and every change is listed here.", icon=":material/upload_file:"
        )
        return
    name = st.selectbox("File", list(extra), key="cleaned", help="Tables that you added, and CSV files in data/raw.")
    one, after = extra[name], f"{name}, cleaned"
    report, removed = one.cleaned.report, len(one.cleaned.unlabelled)
    st.markdown(
        f"**{len(report)} changes.** The file has {len(one.messy)} rows; {len(one.table.frame)} are clean, and "
        f"{removed} without a label are left out. No value is filled in: impossible values become empty, and each "
        "model fills gaps from its own training rows."
    )
    before_after = user_tables.compare_quality(
        {"before": _quality(_key(name, frames), one.messy), "after": _quality(_key(after, frames), one.table.frame)}
    )
    show.chart(
        dataset.before_after(before_after.loc[list(CELL_MEASURES)]),
        key=show.file_name("quality", data_hash=one.table.content_hash),
        alt="Cells in question before and after cleaning: "
        + ", ".join(f"{m} {r.before} to {r.after}" for m, r in before_after.loc[list(CELL_MEASURES)].iterrows()),
        data=before_after.reset_index(),
    )
    st.subheader("Every change")
    counts = report["rule"].value_counts().rename_axis("rule").rename("changes").reset_index()
    st.dataframe(
        counts.assign(meaning=counts["rule"].map(RULES)), hide_index=True, height="content", alt="Changes by rule"
    )
    rule = st.selectbox("Show", ["All rules", *counts["rule"]], key="rule")
    listed = report if rule == "All rules" else report[report["rule"] == rule]
    st.dataframe(
        listed.assign(column=listed["column"].map(readable)),
        hide_index=True,
        placeholder="",
        alt="Changes",
        column_config={
            "row": st.column_config.NumberColumn(
                help="Row of the file, counted from 0. Empty: the change affects a whole column."
            )
        },
    )
    files = {"cleaned": one.table.frame, "changes": report, "rows-without-label": one.cleaned.unlabelled}
    with st.container(horizontal=True):
        for what, frame in files.items():
            if len(frame):
                kept = frame if what == "changes" else frame.rename_axis("row").reset_index()
                stem = show.file_name(what, data_hash=one.table.content_hash)
                show.download(kept, stem, label=what.replace("-", " ").capitalize())
