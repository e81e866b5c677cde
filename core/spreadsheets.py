"""Text in tables for spreadsheets: shown, and never run.

A spreadsheet takes a cell that begins like a formula for one, and a formula can call programs and send cells away. Such
text gets an apostrophe in front, which spreadsheets take for "this is text". After OWASP, "CSV Injection".
"""

from typing import Any

import pandas as pd

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")  # how a formula may begin
MARK = "'"


def marked(text: str) -> str:
    """The text with a mark, if it needs one. ``unmarked`` finds it again, also where it begins with marks itself."""
    return MARK + text if text.lstrip(MARK).startswith(FORMULA) else text


def unmarked(text: str) -> str:
    """The text that was marked."""
    return text[1:] if text.startswith(MARK) and text.lstrip(MARK).startswith(FORMULA) else text


def inert(text: str) -> str:
    """The text for a table that nobody reads back: as ``marked``, and what has a mark gets no second one."""
    return text if text.startswith(MARK) else marked(text)


def inert_table(table: pd.DataFrame) -> pd.DataFrame:
    """A table for a spreadsheet: its texts, its headers and its index made inert; numbers and times stay."""
    safe = table.copy()
    for k, kind in enumerate(table.dtypes):
        if pd.api.types.is_object_dtype(kind) or isinstance(kind, pd.StringDtype | pd.CategoricalDtype):
            safe.isetitem(k, table.iloc[:, k].map(_cell, na_action="ignore").array)
    safe.columns = _axis(table.columns)
    safe.index = table.index if isinstance(table.index, pd.RangeIndex) else _axis(table.index)
    return safe


def _axis(axis: pd.Index) -> pd.Index:
    return axis.map(_label).set_names([_cell(name) for name in axis.names])


def _label(label: Any) -> Any:
    return tuple(map(_cell, label)) if isinstance(label, tuple) else _cell(label)


def _cell(value: Any) -> Any:
    return inert(value) if isinstance(value, str) else value
