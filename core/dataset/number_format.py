"""How a table writes its numbers: decimal commas, marks between thousands, and decimal points that were lost.

A program in a comma country can take the point of ``0.052`` for a mark between thousands and write ``52``. Where that
happened the table is refused as a whole: dividing by 1,000 would be a guess.
"""

import json
from functools import lru_cache

import numpy as np
import pandas as pd

from core.dataset.stand_in import SUMMARY_FILE
from core.errors import TableError
from core.schema import COLUMNS, FEATURES

_SPACE = "[\u00a0\u202f '\u2019]"  # between thousands in some countries
_DECIMAL_COMMA = rf"\s*[+-]?(?:\d*|[1-9]\d{{0,2}}(?:(?:\.|{_SPACE})\d{{3}})+),\d+(?:[eE][+-]?\d+)?\s*"  # 1.844,664
_POINT_GROUPS = r"\s*[+-]?[1-9]\d{0,2}(?:\.\d{3})+\s*"  # 1.844 where commas are decimal
_POINT = r"\s*[+-]?\d*\.\d+(?:[eE][+-]?\d+)?\s*"
# 1,844.664 and 1 844.664, where points are decimal
_GROUPED = rf"\s*[+-]?[1-9]\d{{0,2}}(?:(?:,\d{{3}})+|(?:{_SPACE}\d{{3}})+)\.\d+\s*"
_MINUS = "\u2212"  # the typographic one
_MARKS = rf",|{_MINUS}|\d{_SPACE}\d|\.\d+\."
_WHOLE = r"\s*[+-]?[1-9]\d{0,2}(?:(?:\.\d{3}){2,}|(?:,\d{3}){2,})\s*"  # two equal marks are none for decimals

TOO_LARGE = 10.0  # times the largest published value: a whole number beyond that lost its point
LOST_SHARE = 0.1  # of the known cells of a column that make it a column without its points ...
LOST_CELLS = 5  # ... and at least so many; a single outlier is none
LOST_ROW = 0.5  # of the known cells of a row
_SMALLEST_ROW = 10  # known cells that a row needs to be judged
_PERCENT = 100.0


def point_decimals(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with points as decimal marks and no marks between thousands; its cells stay text.

    Commas are decimal in the columns and in the rows where more cells have them than have points. So a cell
    such as ``1,5`` between points stays as it is written.
    """
    marked = [c for c in COLUMNS if frame[c].str.contains(_MARKS, regex=True).any()]
    if not marked:
        return frame
    cells = {c: frame[c].str.replace(_MINUS, "-") for c in marked}
    comma, point = np.zeros((2, len(frame), len(COLUMNS)), dtype=bool)
    for place, column in enumerate(COLUMNS):
        point[:, place] = _matches(frame[column], _POINT)
        if column in cells:
            comma[:, place] = _matches(cells[column], _DECIMAL_COMMA)
    rows = comma.sum(axis=1) - point.sum(axis=1)
    columns = comma.sum(axis=0) > point.sum(axis=0)
    for column, written in cells.items():
        place = COLUMNS.index(column)
        by_comma = comma[:, place] & ((rows > 0) | columns[place])
        if columns[place]:
            by_comma |= (rows >= 0) & _matches(written, _POINT_GROUPS)
        ungrouped = written.str.replace(_SPACE, "", regex=True)
        by_point = ~by_comma & _matches(written, _GROUPED)
        whole = ~by_comma & _matches(written, _WHOLE)
        new = written.mask(by_comma, ungrouped.str.replace(".", "").str.replace(",", "."))
        new = new.mask(by_point, ungrouped.str.replace(",", ""))
        cells[column] = new.mask(whole, ungrouped.str.replace(r"[.,]", "", regex=True))
    return frame.assign(**cells)


def _matches(cells: pd.Series, pattern: str) -> np.ndarray:
    return cells.str.fullmatch(pattern).to_numpy(dtype=bool)


def refuse_lost_points(numbers: np.ndarray, *, name: str = "the table") -> None:
    """Raise TableError when the decimal points of a table, or of some of its columns or rows, are lost.

    numbers : shape (n, 50), NaN where unknown.  name : what to call the table in the sentence.
    """
    typical, limit = _scales()
    size = np.abs(numbers)
    known = size > 0
    with np.errstate(invalid="ignore"):
        large = (size > limit) & (numbers == np.round(numbers))
    unit = np.array([f.high <= 1 for f in FEATURES])
    if not large.any() or not (large[:, ~unit].any() or size[large].max() > _PERCENT):
        return  # shares of 1 that are written in percent are no lost points
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
        f"Row {row}, {FEATURES[place].name}, says {numbers[row, place]:,.0f}; usual is about {usual}. "
        "A program that uses decimal commas may have saved the file. Take the original file, or import it there with "
        "the point as decimal mark. Nothing of the table was used."
    )


@lru_cache(maxsize=1)
def _scales() -> tuple[np.ndarray, np.ndarray]:
    """Of each feature: a typical size in the published table, and the size that no whole number can have."""
    quantiles = json.loads(SUMMARY_FILE.read_text())["quantiles"]
    sizes = np.abs(np.array([quantiles[c] for c in COLUMNS]))
    possible = np.array([max(abs(f.low), abs(f.high)) for f in FEATURES])
    return np.maximum(np.median(sizes, axis=1), 0.001), np.minimum(TOO_LARGE * sizes.max(axis=1), possible)
