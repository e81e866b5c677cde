"""Protect spreadsheets against formulas in exported tables (CSV injection).

A spreadsheet runs a cell that begins like a formula, and a formula can start programs or send data away. Such a text
gets an apostrophe in front, so that the spreadsheet shows it as text. Source: OWASP, "CSV Injection".
"""

from typing import Any

import pandas as pd

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")  # possible first characters of a formula
MARK = "'"


def escape_formula(text: str) -> str:
    """Put an apostrophe before a text that looks like a formula. ``unescape_formula`` restores every text exactly."""
    return MARK + text if text.lstrip(MARK).startswith(FORMULA) else text


def unescape_formula(text: str) -> str:
    """Restore a text that was escaped."""
    return text[1:] if text.startswith(MARK) and text.lstrip(MARK).startswith(FORMULA) else text


def escape_once(text: str) -> str:
    """Escape a text for a table that is never read back; a text that begins with an apostrophe stays unchanged."""
    return text if text.startswith(MARK) else escape_formula(text)


def escape_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of the table whose texts, headers and index are escaped; numbers and times do not change."""
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
    return escape_once(value) if isinstance(value, str) else value
