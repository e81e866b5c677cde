"""The rows that all views of the Explore page show: their groups, copies, filters."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.dataset import exploration
from core.dataset.open_tables import OpenTable, group_columns, group_name, grouping, without_copies
from core.dataset.parsing import EXTRACTOR_COLUMN
from core.dataset.published import CITATIONS, PUBLISHED_HASH
from core.schema import COLUMNS, LABEL, MIRTOOLBOX, readable
from core.source_note import SourceNote
from core.wording import counted
from pages.shared import show
from pages.shared.cached import explained_rows


@dataclass(frozen=True, eq=False)
class Shown:
    """The rows that all views show, with the group of each row.

    by : the column of the groups; "" = no groups.  about : the rows in one sentence.
    """

    frame: pd.DataFrame
    groups: pd.Series
    by: str
    data_hash: str
    about: str

    @property
    def group(self) -> str:
        """Name of a group: emotion, makam, performer."""
        return group_name(self.by) if self.by else "group"


def choose_rows(table: OpenTable) -> Shown:
    """Ask for the groups and the filter, and return the rows that pass; there may be none."""
    columns = group_columns(table.frame)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    by = left.selectbox(
        "Groups",
        [*columns, ""],
        format_func=lambda c: group_name(c) if c else "no groups",
        key="by",
        bind="query-params",
        help="Any column beside the features can group, colour and test the rows. Columns with a different value in "
        "each row are not offered.",
    )
    copies = right.toggle(
        "Count copies",
        key="copies",
        bind="query-params",
        help="Two rows with the same label and the same 50 values are one clip. All views count it once, unless this "
        "is on.",
    )
    rows = table.frame if copies else without_copies(table.frame)
    groups = grouping(rows, by)
    frame = _filtered(rows, groups)
    about = f"{len(frame)} of {counted(len(table.frame), 'row')} are shown{_filter_words(frame, rows, groups)}"
    left_out = len(table.frame) - len(rows)
    about += f"; {counted(left_out, 'copy').replace('copys', 'copies')} of other rows left out" if left_out else ""
    st.caption(f"{about}.")
    return Shown(frame, groups.loc[frame.index], by, table.content_hash, about)


def _filter_words(frame: pd.DataFrame, rows: pd.DataFrame, groups: pd.Series) -> str:
    """The filter in words: the groups and the ranges that are shown."""
    if len(frame) == len(rows):
        return ""
    present = [str(name) for name in groups.cat.categories[groups.cat.categories.isin(groups.loc[frame.index])]]
    words = [f"{groups.name or 'groups'} {', '.join(present)}"] if len(present) < len(groups.cat.categories) else []
    for column in st.session_state.get("filter_by", []):
        if ends := st.session_state.get(f"range_{column}"):
            words.append(f"{readable(column)} {ends[0]:g} to {ends[1]:g}")
    return f" ({'; '.join(words)})" if words else ""


def _filtered(frame: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    names = list(groups.cat.categories)
    with st.expander("Filter rows", icon=":material/filter_alt:"):
        chosen = names
        if groups.name:
            chosen = st.pills(
                "Emotions" if groups.name == LABEL else str(groups.name).capitalize(),
                names,
                selection_mode="multi",
                default=names,
                key="emotions" if groups.name == LABEL else f"groups_{groups.name}",
                bind="query-params",
                help="Show only rows of these groups.",
            )
        columns = st.multiselect(
            "Features to filter by",
            COLUMNS,
            format_func=readable,
            max_selections=5,
            key="filter_by",
            bind="query-params",
            placeholder="None: all values",
            help="Each feature adds a range. Rows without a value for it are left out.",
        )
        ranges = {column: _range(frame, column) for column in columns if frame[column].min() < frame[column].max()}
    everything = set(chosen) == set(names)  # then rows without a group are shown, too
    return exploration.filter_rows(frame, groups=groups, shown=None if everything else chosen, ranges=ranges)


def _range(frame: pd.DataFrame, column: str) -> tuple[float, float]:
    low, high = float(frame[column].min()), float(frame[column].max())
    return st.slider(readable(column), low, high, (low, high), key=f"range_{column}", bind="query-params")


def source_of(rows: Shown, table: OpenTable) -> SourceNote:
    """Where the rows come from, for downloads and pictures."""
    column = table.frame.get(EXTRACTOR_COLUMN)
    extractor = " and ".join(sorted(set(column.astype(str)))[:3]) if column is not None else ""
    published = table.content_hash == PUBLISHED_HASH
    return SourceNote(
        table=str(st.session_state.get("table", "")),
        data=table.content_hash,
        rows=f"{rows.about}, grouped by {rows.group}" if rows.by else rows.about,
        extractor=MIRTOOLBOX if published else extractor,
        cite=CITATIONS[0] if published else "",
        synthetic=table.synthetic,
    )


def reasons(rows: Shown, numbers: pd.Series) -> dict[str, pd.Series]:
    """Return the column of links to the reasons for each row, by name; empty if no row has an explanation.

    numbers : row numbers of the table.
    """
    explained = numbers.isin(explained_rows(rows.data_hash))
    return {"why": show.link_to_reasons(numbers).where(explained, None)} if explained.any() else {}


def with_row_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with its row numbers as first column, for a download."""
    return frame.rename_axis("row number" if "row" in frame.columns else "row").reset_index()
