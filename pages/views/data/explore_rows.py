"""The rows that all views of the Explore page show: their groups, copies, filters."""

from dataclasses import dataclass
from math import floor, log10

import pandas as pd
import streamlit as st

from core.dataset import exploration
from core.dataset.open_tables import OpenTable, group_columns, group_name, group_names, grouping, without_copies
from core.dataset.parsing import EXTRACTOR_COLUMN
from core.dataset.published import CITATIONS, PUBLISHED_HASH
from core.schema import COLUMNS, LABEL, MIRTOOLBOX, readable
from core.source_note import SourceNote
from core.wording import counted
from pages.shared import show
from pages.shared.cached import explained_rows
from pages.shared.messages import literal

MODEL_COLUMN = "model_version"
# Columns that filter the rows whatever the groups are, so that a filter stays when the groups change.
FILTERS = (LABEL, "makam", "usul", "performer", "artist", "guess", "decision")


@dataclass(frozen=True, eq=False)
class Shown:
    """The rows that all views show, with the group of each row.

    by : the column of the groups; "" = no groups.  about : the rows in one sentence.  models : models of the guesses.
    """

    frame: pd.DataFrame
    groups: pd.Series
    by: str
    data_hash: str
    about: str
    models: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """Name of a group: emotion, makam, performer."""
        return group_name(self.by) if self.by else "group"

    @property
    def several(self) -> str:
        """Name of several groups: emotions, makams, guesses."""
        return group_names(self.by) if self.by else "groups"

    def name(self, what: str) -> str:
        """File name of a download; it names the model if the groups are its guesses or decisions."""
        version = "-".join(self.models) if self.by in ("guess", "decision") else ""
        return show.file_name(what, data_hash=self.data_hash, version=version)


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
    frame, words = _filtered(rows, [*filter_columns(columns), *([by] if by else [])])
    about = f"{len(frame)} of {counted(len(table.frame), 'row')} are shown"
    about += f" ({'; '.join(words)})" if words else ""
    left_out = len(table.frame) - len(rows)
    about += f"; {counted(left_out, 'copy').replace('copys', 'copies')} of other rows left out" if left_out else ""
    st.caption(f"{literal(about)}.")
    shown = groups.loc[frame.index].cat.remove_unused_categories()
    return Shown(frame, shown, by, table.content_hash, about, _values(frame, MODEL_COLUMN))


def _values(frame: pd.DataFrame, column: str, *, most: int = 3) -> tuple[str, ...]:
    """The different values of a column; too many values become the first ones and their number."""
    if column not in frame:
        return ()
    values = sorted(set(frame[column].dropna().astype(str)) - {""})
    return (*values[:most], *([f"{len(values) - most} more"] if len(values) > most else []))


def filter_columns(columns: list[str]) -> list[str]:
    """The columns that filter the rows, whatever the groups are.  columns : those that could be groups."""
    return [c for c in columns if c in FILTERS or c.casefold() in FILTERS]


def _filtered(frame: pd.DataFrame, columns: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Ask for the filter. Return the rows that pass, and the filter in words.  columns : with groups to choose from."""
    words: list[str] = []
    shown = frame
    with st.expander("Filter rows", icon=":material/filter_alt:"):
        for column in dict.fromkeys(columns):
            groups = grouping(frame, column)
            chosen = _chosen_groups(groups)
            if set(chosen) != set(groups.cat.categories):  # with all groups, rows without a group are shown, too
                shown = exploration.filter_rows(shown, groups=groups, shown=chosen)
                words.append(f"{group_name(column)} {', '.join(chosen) or 'none'}")
        features = st.multiselect(
            "Features to filter by",
            COLUMNS,
            format_func=readable,
            max_selections=5,
            key="filter_by",
            bind="query-params",
            placeholder="None: all values",
            help="Each feature adds a range. Rows without a value for it are left out.",
        )
        ranges = {column: _range(frame, column) for column in features if frame[column].min() < frame[column].max()}
    words += [f"{readable(column)} {low:g} to {high:g}" for column, (low, high) in ranges.items()]
    return exploration.filter_rows(shown, ranges=ranges), words


def _chosen_groups(groups: pd.Series) -> list[str]:
    names = list(groups.cat.categories)
    chosen: list[str] = st.pills(
        "Emotions" if groups.name == LABEL else f"{str(groups.name)[:1].upper()}{str(groups.name)[1:]}",
        names,
        selection_mode="multi",
        default=names,
        key="emotions" if groups.name == LABEL else f"groups_{groups.name}",
        bind="query-params",
        help="Show only rows of these groups.",
    )
    return chosen


def _range(frame: pd.DataFrame, column: str) -> tuple[float, float]:
    low, high = float(frame[column].min()), float(frame[column].max())
    return st.slider(
        readable(column), low, high, (low, high), _step(high - low), key=f"range_{column}", bind="query-params"
    )


def _step(span: float) -> float:
    """Step of a range for the arrow keys: a power of ten, with at least 100 steps."""
    return float(10.0 ** floor(log10(span / 100)))


def source_of(rows: Shown, table: OpenTable) -> SourceNote:
    """Where the rows come from, for downloads and pictures."""
    published = table.content_hash == PUBLISHED_HASH
    return SourceNote(
        table=str(st.session_state.get("table", "")),
        data=table.content_hash,
        rows=f"{rows.about}, grouped by {rows.group}" if rows.by else rows.about,
        model=" and ".join(rows.models),
        extractor=MIRTOOLBOX if published else " and ".join(_values(table.frame, EXTRACTOR_COLUMN)),
        cite=CITATIONS[0] if published else "",
        synthetic=table.synthetic,
    )


def reasons(rows: Shown, numbers: pd.Series) -> dict[str, pd.Series]:
    """Return the column of links to the reasons for each row, by name; empty if no row has an explanation.

    numbers : row numbers of the table.
    """
    explained = numbers.isin(explained_rows(rows.data_hash))
    return {"why": show.link_to_reasons(numbers).where(explained, None)} if explained.any() else {}


def named_first(frame: pd.DataFrame) -> list[str]:
    """The columns beside the features; ids, which nobody reads, come last."""
    return sorted((c for c in frame.columns if c not in COLUMNS), key=lambda c: c == "clip_id")


def with_row_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with its row numbers as first column, for a download."""
    return frame.rename_axis("row number" if "row" in frame.columns else "row").reset_index()
