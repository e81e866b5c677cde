"""Write tables as CSV for people: no text in them becomes a formula, whatever separates the cells.

A spreadsheet runs a cell that begins like a formula, and a formula can start programs or send data away. A comma
separates the cells of our files, but a Turkish or German spreadsheet separates them at ``;``. Then a new cell can begin
inside a text, also inside a text in quotes. So a text gets an apostrophe at each place where a cell could begin with a
formula. `unescape_formula` removes exactly these apostrophes. Source: OWASP, "CSV Injection".
"""

import csv
import re
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MARK = "'"
FORMULA = "=+-@＝＋－＠\t\r\n"  # possible first characters of a formula
_BEFORE = r"(?:\A|(?<=[;,|\t\r\n]))"  # where a cell can begin
# Quotes, and characters that show nothing: some programs drop them before they look at the first character of a cell.
# Without tab and line breaks, which separate cells; otherwise a long text of tabs would take very long.
_UNSEEN = (
    r"\"\x00-\x08\x0b\x0c\x0e-\x20\x7f-\xa0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
)
_FORMULA_FOLLOWS = rf"(?={MARK}*[{_UNSEEN}]*[{re.escape(FORMULA)}])"
_PLACE = re.compile(_BEFORE + _FORMULA_FOLLOWS)
_MARKED = re.compile(_BEFORE + MARK + _FORMULA_FOLLOWS)
BOM = "\ufeff"  # without it, spreadsheets do not recognise UTF-8 and garble Turkish letters


def escape_formula(text: str) -> str:
    """Put an apostrophe where a formula could begin. ``unescape_formula`` restores every text exactly."""
    return _PLACE.sub(MARK, text)


def unescape_formula(text: str) -> str:
    """Restore a text that was escaped."""
    return _MARKED.sub("", text)


def csv_text(table: "pd.DataFrame", *, index: bool | None = None, header: bool = True) -> str:
    """Return the table as CSV for people: texts are escaped and in quotes, numbers are not.

    index : also write the index; by default only an index with a meaning (no plain row numbers).
    """
    import pandas as pd  # rows of CSV are also written where there is no table, and pandas takes time

    if index is None:
        index = not isinstance(table.index, pd.RangeIndex)
    safe = escape_table(table)
    return str(safe.to_csv(index=index, header=header, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC))


def csv_for_people(table: "pd.DataFrame", *, index: bool | None = None, comments: str = "") -> bytes:
    """Return the table as a CSV file in UTF-8 with a byte order mark. Parameters as in `csv_text`.

    comments : lines before the column names, from `core.source_note.SourceNote.header`.
    """
    return (BOM + comments + csv_text(table, index=index)).encode()


def write_row(file: IO[str], cells: Iterable[Any], *, line_end: str = "\n") -> None:
    """Write one row of CSV for people, for tables that are written row by row."""
    csv.writer(file, lineterminator=line_end, quoting=csv.QUOTE_NONNUMERIC).writerow([_cell(cell) for cell in cells])


def escape_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return a copy of the table whose texts, headers and index are escaped; numbers and times do not change."""
    import pandas as pd

    safe = table.copy()
    for k, kind in enumerate(table.dtypes):
        if pd.api.types.is_object_dtype(kind) or isinstance(kind, pd.StringDtype | pd.CategoricalDtype):
            safe.isetitem(k, table.iloc[:, k].map(_cell, na_action="ignore").array)
    safe.columns = _axis(table.columns)
    safe.index = table.index if isinstance(table.index, pd.RangeIndex) else _axis(table.index)
    return safe


def _axis(axis: "pd.Index") -> "pd.Index":
    return axis.map(_label).set_names([_cell(name) for name in axis.names])


def _label(label: Any) -> Any:
    return tuple(map(_cell, label)) if isinstance(label, tuple) else _cell(label)


def _cell(value: Any) -> Any:
    return escape_formula(value) if isinstance(value, str) else value
