"""Tables on the Explore page: which are available, and how they compare."""

from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from core.dataset import stand_in, user_tables
from core.dataset.csv_reading import MAX_BYTES
from core.dataset.open_tables import OpenTable, open_rows, open_table
from core.dataset.quality import CELL_MEASURES, Quality, data_quality
from core.dataset.shelf import Shelf
from core.dataset.table import Table, as_table
from core.dataset.user_tables import UserTable
from core.errors import CoreError, TableError
from core.library.scored_rows import scored_rows
from core.settings import Settings
from core.store import Store, library_cache_key
from core.wording import counted
from pages.shared import cached, entering, login, messages, show, uploads
from pages.views.data import explore_cleaning

PUBLISHED, STAND_IN, LIBRARY = "Published table", "Synthetic stand-in", "Scored library"
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
    st.session_state.pop(explore_cleaning.CLEANED, None)
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
            "A CSV or Parquet file with the 50 features",
            type=["csv", "tsv", "txt", "parquet"],
            accept_multiple_files=True,
            key=f"explore_files_{st.session_state.get('explore_round', 0)}",
            largest_mb=MAX_BYTES // 10**6,
            way_out="Split the file.",
            help="For example the results of a library, the output of the command features, or a table of your own. A "
            "label and other columns, such as makam or performer, may be there too. The table opens as it is; the "
            "Cleaning tab shows what cleaning would change. The file stays in your session only.",
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
                messages.keep_message(
                    "success", f"{name}: This is the published table. It is stored and used from now on."
                )
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
            f"{messages.literal(name)}: {same}{len(one.messy)} rows, opened as they are. Choose the table under Table. "
            f"Cleaning would make {counted(len(one.cleaned.changes), 'change')}: see the tab Cleaning."
        )
    return tables


def _added(shelf: Shelf, name: str, content: Callable[[], bytes]) -> str:
    """Put a table on the shelf and return its key; "" with an error if it cannot be read."""
    try:
        with st.spinner("Reading the table …"):
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


def at_hand(shown: Table, extra: dict[str, UserTable]) -> tuple[dict[str, OpenTable], dict[str, pd.DataFrame]]:
    """The tables that the views can show, and the frames of all tables (also unread ones), by name."""
    opened = {STAND_IN if shown.synthetic else PUBLISHED: open_table(shown)}
    frames = {name: table.frame for name, table in opened.items()}
    for name, one in extra.items():
        opened[name] = one.rows
        frames[name] = one.messy
        if (cleaned := explore_cleaning.cleaned_table(name, one)) is not None:
            opened[explore_cleaning.cleaned_name(name)] = open_rows(cleaned.frame)
            frames[explore_cleaning.cleaned_name(name)] = cleaned.frame
    if (library := _library()) is not None:
        opened[LIBRARY] = library
        frames[LIBRARY] = library.frame
    opened.setdefault(STAND_IN, open_table(_stand_in()))
    return opened, frames | {STAND_IN: opened[STAND_IN].frame}


def _library() -> OpenTable | None:
    """The scored library, if the person wants it and it has clips. Their guesses count as seen in the label desk."""
    wanted = st.toggle(
        "Open the scored library",
        key="own_library",
        bind="query-params",
        help="Opens the clips that this installation has scored as a table, with their tags and the model's guess.",
    )
    store = cached.store() if wanted else None
    if store is None:
        return None
    rows = _scored_rows(store, library_cache_key(store))
    if rows.frame.empty:
        st.info("No clip is scored yet. Score music files on the Library page.", icon=":material/library_music:")
        return None
    st.session_state.setdefault(show.SEEN, set()).update(rows.frame["clip_id"])
    return rows


@st.cache_resource(show_spinner="Reading the scored library …", max_entries=1)
def _scored_rows(_store: Store, stamp: tuple[object, ...]) -> OpenTable:
    """Read the rows; stamp : cache key, which changes with the library."""
    return open_rows(scored_rows(_store))


def frame_key(name: str, frames: dict[str, pd.DataFrame]) -> str:
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
    counts = user_tables.compare_quality({name: _quality(frame_key(name, frames), frames[name]) for name in chosen})
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
