"""A table that is open on the Explore page: rows with the 50 features, with or without a label, and their groups.

Any column beside the features can group the rows: the emotion, the makam, the performer, the year. A column of text
with many values has its largest groups and a rest; a column of many numbers has four ranges with equally many rows.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.dataset.table import Table, content_hash
from core.schema import COLUMNS, EMOTIONS, LABEL, readable
from core.wording import counted

MOST_GROUPS = 10  # more groups cannot be told apart in a figure
RANGES = 4
REST = "other"
ALL_ROWS = "all rows"


@dataclass(frozen=True, eq=False)
class OpenTable:
    """Rows to explore.

    Parameters
    ----------
    frame
        The 50 features (float64, NaN = unknown) and any other columns; index = row number, without repeats.
    content_hash
        Hash of the features and of all other columns.
    synthetic
        True for rows that are drawn from statistics.
    """

    frame: pd.DataFrame
    content_hash: str
    synthetic: bool = False


def open_table(table: Table) -> OpenTable:
    """Open a labelled table."""
    return OpenTable(table.frame, table.content_hash, table.synthetic)


def open_rows(frame: pd.DataFrame) -> OpenTable:
    """Open rows with the 50 features as numbers; a column of text that holds only numbers becomes numbers."""
    others = {c: as_numbers(frame[c]) for c in frame.columns if c not in COLUMNS}
    frame = frame.assign(**others, **{c: frame[c].astype(float) for c in COLUMNS})
    if set(frame.columns) == {LABEL, *COLUMNS}:
        return OpenTable(frame, content_hash(frame))
    digest = hashlib.sha256("\n".join(map(str, frame.columns)).encode())
    digest.update(
        pd.util.hash_pandas_object(frame.astype(dict.fromkeys(others, str)), index=False).to_numpy().tobytes()
    )
    return OpenTable(frame, digest.hexdigest())


def as_numbers(cells: pd.Series) -> pd.Series:
    """Return a column as numbers if all its written cells are numbers, with points or commas, else unchanged."""
    if pd.api.types.is_numeric_dtype(cells):
        return cells
    written = cells.astype(object).where(cells.notna(), "").astype(str).str.strip()
    for texts in (written, _with_points(written)):
        numbers = pd.to_numeric(texts.mask(texts == ""), errors="coerce")
        if numbers.notna().any() and numbers.notna().eq(texts != "").all():
            return numbers
    return cells


def _with_points(written: pd.Series) -> pd.Series:
    """Replace decimal commas by points, unless every comma could separate thousands, as in ``1,234``."""
    commas = written[written.str.contains(",", regex=False)]
    if commas.str.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}").all() or not commas.str.fullmatch(r"[+-]?\d+,\d+").all():
        return written
    return written.str.replace(",", ".", regex=False)


def without_copies(frame: pd.DataFrame) -> pd.DataFrame:
    """Remove rows with the same label and the same 50 values as an earlier row: they are one clip."""
    keys = [*([LABEL] if LABEL in frame else []), *COLUMNS]
    return frame.loc[~frame[keys].duplicated()]


def group_columns(frame: pd.DataFrame) -> list[str]:
    """Columns that divide the rows into at least two groups, of which one has two rows; the label first."""
    found = []
    for column in frame.columns:
        if column in COLUMNS:
            continue
        cells = frame[column][known(frame[column])]
        values = len(cells.unique())
        many_numbers = pd.api.types.is_numeric_dtype(cells) and values > MOST_GROUPS
        if values > 1 and (many_numbers or values < len(cells)):
            found.append(column)
    return sorted(found, key=lambda c: c != LABEL)


def known(cells: pd.Series) -> pd.Series:
    """Mark the cells that hold something: a number, or a text that is not empty."""
    return cells.notna() & cells.astype(str).str.strip().ne("")


def grouping(frame: pd.DataFrame, by: str = LABEL) -> pd.Series:
    """The group of each row: a categorical column named ``by``, with the groups in the order of display.

    The four emotions have their usual order. Other groups of text are sorted by size, and the smallest are joined to
    ``other``. Numbers are sorted; many different numbers become four ranges. A row without a value has no group.

    by : name of a column; "" puts all rows in one group.
    """
    if not by:
        return pd.Series(pd.Categorical([ALL_ROWS] * len(frame), [ALL_ROWS]), index=frame.index, name=by)
    cells = frame[by].where(known(frame[by]))
    if pd.api.types.is_numeric_dtype(cells):
        return _of_numbers(cells.astype(float)).rename(by)
    texts = cells.astype(object).where(cells.isna(), cells.astype(str).str.strip())
    sizes = texts.value_counts()
    if set(sizes.index) <= set(EMOTIONS):
        return pd.Series(pd.Categorical(texts, EMOTIONS), index=frame.index, name=by)
    names = [name for name, _ in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))]
    if len(names) > MOST_GROUPS:
        names = names[: MOST_GROUPS - 1]
        rest = f"{REST} ({counted(len(sizes) - len(names), 'group')})"
        texts = texts.where(texts.isin(names) | texts.isna(), rest)
        names = [*names, rest]
    return pd.Series(pd.Categorical(texts, names), index=frame.index, name=by)


def _of_numbers(cells: pd.Series) -> pd.Series:
    values = np.sort(cells.dropna().unique())
    if len(values) <= MOST_GROUPS:
        names = {value: f"{value:g}" for value in values}
        return pd.Series(pd.Categorical(cells.map(names), list(names.values())), index=cells.index)
    codes, edges = pd.qcut(cells, RANGES, labels=False, retbins=True, duplicates="drop")
    ranges = [f"{low:.6g} to {high:.6g}" for low, high in zip(edges[:-1], edges[1:], strict=True)]
    return pd.Series(pd.Categorical.from_codes(codes.fillna(-1).astype(int), pd.Index(ranges)), index=cells.index)


def group_name(by: str) -> str:
    """Name of a column of groups in a sentence: ``emotion`` for the label."""
    return "emotion" if by == LABEL else readable(by)


def group_names(by: str) -> str:
    """Name of several groups in a sentence: ``emotions``, ``guesses``."""
    name = group_name(by)
    return f"{name}es" if name.endswith(("s", "x", "ch", "sh")) else f"{name}s"
