"""Number formats of a table: decimal commas, thousands separators, and lost decimal points.

A program that uses decimal commas can read the point of ``0.052`` as a thousands separator and save ``52``. Such a
table is rejected as a whole, because dividing by 1,000 would be a guess.
"""

import json
from functools import lru_cache

import numpy as np
import pandas as pd

from core.dataset.cells import blocks, by_cell
from core.dataset.stand_in import SUMMARY_FILE
from core.errors import TableError
from core.schema import COLUMNS, FEATURES

_SPACE = "[\u00a0\u202f '\u2019]"  # thousands separators of some countries
_DECIMAL_COMMA = rf"\s*[+-]?(?:\d*|[1-9]\d{{0,2}}(?:(?:\.|{_SPACE})\d{{3}})+),\d+(?:[eE][+-]?\d+)?\s*"  # 1.844,664
_POINT_GROUPS = r"\s*[+-]?[1-9]\d{0,2}(?:\.\d{3})+\s*"  # 1.844 in a table with decimal commas
_POINT = r"\s*[+-]?\d*\.\d+(?:[eE][+-]?\d+)?\s*"
# 1,844.664 and 1 844.664 in a table with decimal points
_GROUPED = rf"\s*[+-]?[1-9]\d{{0,2}}(?:(?:,\d{{3}})+|(?:{_SPACE}\d{{3}})+)\.\d+\s*"
_MINUS = "\u2212"  # typographic minus sign
_MARKS = rf",|{_MINUS}|\d{_SPACE}\d|\.\d+\."
_WHOLE = r"\s*[+-]?[1-9]\d{0,2}(?:(?:\.\d{3}){2,}|(?:,\d{3}){2,})\s*"  # a mark that occurs twice is no decimal mark

TOO_LARGE = 10.0  # a whole number above 10 x the largest published value has lost its decimal point
LOST_SHARE = 0.1  # a column has lost its points if at least this share of its known cells is too large ...
LOST_CELLS = 5  # ... and at least this number of cells; fewer cells can be outliers
LOST_ROW = 0.5  # a row has lost its points if at least this share of its known cells is too large
_SMALLEST_ROW = 10  # known cells that a row needs for this check
_PERCENT = 100.0


def point_decimals(frame: pd.DataFrame) -> pd.DataFrame:
    """Rewrite all numbers with decimal points and without thousands separators; the cells stay text.

    The comma is the decimal mark in rows and columns with more decimal commas than decimal points. A single ``1,5``
    among numbers with points does not change.
    """
    marks = by_cell(frame, COLUMNS, lambda cells: cells.str.contains(_MARKS, regex=True))
    marked = np.array([marks[:, place].any() for place in range(len(COLUMNS))])
    if not marked.any():
        return frame
    names = [column for column, yes in zip(COLUMNS, marked, strict=True) if yes]
    comma = np.zeros((len(frame), len(COLUMNS)), dtype=bool)
    comma[:, marked] = by_cell(frame, names, lambda cells: _matches(_plain_minus(cells), _DECIMAL_COMMA))
    point = by_cell(frame, COLUMNS, lambda cells: _matches(cells, _POINT))
    rows = comma.sum(axis=1) - point.sum(axis=1)
    columns = comma.sum(axis=0) > point.sum(axis=0)
    by_comma = comma & ((rows > 0)[:, None] | columns)
    rewritten: dict[str, pd.Series] = {}
    for part, cells in blocks(frame, names):
        places = [COLUMNS.index(name) for name in part]
        may_group = (rows >= 0)[:, None] & columns[places]
        new = _pointed(_plain_minus(cells), by_comma[:, places].T.ravel(), may_group.T.ravel())
        each = (new.iloc[k * len(frame) : (k + 1) * len(frame)] for k in range(len(part)))
        rewritten |= {name: one.set_axis(frame.index) for name, one in zip(part, each, strict=True)}
    return frame.assign(**rewritten)


def _pointed(written: pd.Series, by_comma: np.ndarray, may_group: np.ndarray) -> pd.Series:
    """Return the cells with decimal points.

    by_comma, may_group : cells with a decimal comma, and cells whose points may stand between thousands.
    """
    by_comma = by_comma | (may_group & _matches(written, _POINT_GROUPS))
    ungrouped = written.str.replace(_SPACE, "", regex=True)
    by_point = ~by_comma & _matches(written, _GROUPED)
    whole = ~by_comma & _matches(written, _WHOLE)
    new = written.mask(by_comma, ungrouped.str.replace(".", "").str.replace(",", "."))
    new = new.mask(by_point, ungrouped.str.replace(",", ""))
    return new.mask(whole, ungrouped.str.replace(r"[.,]", "", regex=True))


def _plain_minus(cells: pd.Series) -> pd.Series:
    return cells.str.replace(_MINUS, "-")


def _matches(cells: pd.Series, pattern: str) -> np.ndarray:
    return cells.str.fullmatch(pattern).to_numpy(dtype=bool)


def refuse_lost_points(numbers: np.ndarray, *, name: str = "the table") -> None:
    """Raise TableError if a table, or some of its columns or rows, lost the decimal points.

    Parameters
    ----------
    numbers
        Shape (n, 50), NaN = unknown.
    name
        Name of the table in the error message.
    """
    typical, limit = _scales()
    size = np.abs(numbers)
    known = size > 0
    with np.errstate(invalid="ignore"):
        large = (size > limit) & (numbers == np.round(numbers))
    unit = np.array([f.high <= 1 for f in FEATURES])
    if not large.any() or not (large[:, ~unit].any() or size[large].max() > _PERCENT):
        return  # shares written in percent did not lose their decimal points
    count = large.sum(axis=0)
    columns = (count >= LOST_CELLS) & (count >= LOST_SHARE * known.sum(axis=0))
    per_row = known.sum(axis=1)
    rows = (per_row >= _SMALLEST_ROW) & (large.sum(axis=1) >= LOST_ROW * per_row)
    if not columns.any() and not rows.any():
        return
    lost = large & (columns[None, :] | rows[:, None])
    at, places = np.nonzero(lost)
    row, place = at[0], places[0]
    power = round(float(np.median(np.log10(size[at, places] / typical[places]))))
    usual = f"{typical[place]:,.{0 if typical[place] >= 100 else 2}f}"
    where = f"in {columns.sum()} of 50 columns" if columns.any() else f"in {rows.sum()} of {len(rows)} rows"
    raise TableError(
        f"In {name} the decimal points are lost {where}: the numbers there are about {10**power:,} times too large. "
        f"Row {row}, {FEATURES[place].name}, contains {numbers[row, place]:,.0f}; a usual value is about {usual}. "
        "Perhaps a program with decimal commas saved the file. Use the original file, or import it into that program "
        "with the point as decimal mark. No value of this table was used."
    )


@lru_cache(maxsize=1)
def _scales() -> tuple[np.ndarray, np.ndarray]:
    """Return for each feature the typical size in the published table and the limit for whole numbers."""
    quantiles = json.loads(SUMMARY_FILE.read_text())["quantiles"]
    sizes = np.abs(np.array([quantiles[c] for c in COLUMNS]))
    possible = np.array([max(abs(f.low), abs(f.high)) for f in FEATURES])
    return np.maximum(np.median(sizes, axis=1), 0.001), np.minimum(TOO_LARGE * sizes.max(axis=1), possible)
