"""Contracts of tables: what each column must hold. A producer of tables checks a file before it is handed over.

Reading a table is lenient: `core.dataset.cleaning` repairs what it can. A contract is strict and repairs nothing; it
names the row, the column, the value and what to do. The checks are run by pandera.
"""

import io
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from core.dataset.cleaning import TOLERANCE
from core.errors import TableError
from core.schema import EMOTIONS, FEATURES, LABEL
from core.source_note import without_header

if TYPE_CHECKING:
    import pandera.pandas as pa

ENDINGS = (".csv", ".parquet", ".jsonl")
MAX_VALUE = 60  # characters of a wrong value that are shown


@dataclass(frozen=True)
class Breach:
    """One place where a table breaks its contract.

    row : line of a CSV or JSON lines file, counted from 1 with the header; row of a Parquet file, counted from 0.
        None for the whole column.
    """

    column: str
    row: int | None
    value: str
    advice: str

    def __str__(self) -> str:
        place = f"column {self.column}" + ("" if self.row is None else f", row {self.row}")
        return f"{place}: {self.value + ' ' if self.value else ''}{self.advice}"


@dataclass(frozen=True)
class Text:
    """A column of text. choices : the texts that it may hold; none means any text.  needed : no cell may be empty."""

    choices: Collection[str] = ()
    needed: bool = False

    def checks(self) -> "list[pa.Check]":
        """Return the checks of pandera; the error of each says what is wrong and what to do."""
        found = [_check(_is_text, "is no text. Write it as text.")]
        if self.needed:
            found.append(_check(lambda cells: cells != "", "is empty. Fill it in."))
        if self.choices:
            allowed = {*self.choices} if self.needed else {*self.choices, ""}
            words = ", ".join(choice for choice in self.choices if choice)
            found.append(_check(lambda cells: cells.isin(allowed) | ~_is_text(cells), f"must be one of: {words}."))
        return found


@dataclass(frozen=True)
class Number:
    """A column of numbers from low to high; a cell may be empty. whole : no decimals.

    slack : how far a number may be outside the range, because of rounding.
    """

    low: float = float("-inf")
    high: float = float("inf")
    whole: bool = False
    slack: float = 0.0

    @property
    def range_in_words(self) -> str:
        """Range such as ``"from 0 to 1"`` or ``"at least 0"``."""
        if self.high == float("inf"):
            return f"at least {self.low:g}"
        return f"from {self.low:g} to {self.high:g}"

    def checks(self) -> "list[pa.Check]":
        """Return the checks of pandera; the error of each says what is wrong and what to do."""

        def inside(cells: pd.Series) -> pd.Series:  # pandera has a check of its own with the name in_range
            found = numbers(cells)
            return found.between(self.low - self.slack, self.high + self.slack) | found.isna()

        found = [
            _check(_is_number, "is no number. Write a number with a decimal point, or leave the cell empty."),
            _check(inside, f"must be {self.range_in_words}. Check the unit, and how it was measured."),
        ]
        if self.whole:
            found.append(_check(lambda c: numbers(c).mod(1).fillna(0) == 0, "is no whole number. Remove the decimals."))
        return found


Column = Text | Number
LABELLED: dict[str, Column] = {
    LABEL: Text(EMOTIONS, needed=True),
    **{f.column: Number(f.low, f.high, slack=TOLERANCE) for f in FEATURES},
}
FEATURES_ONLY: dict[str, Column] = {name: column for name, column in LABELLED.items() if name != LABEL}


def read_table(path: Path) -> pd.DataFrame:
    """Read a file as it is: cells of a CSV file are text, those of other files have their types.

    The index is the row as a `Breach` names it. Raises TableError when the file cannot be read as a table.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise TableError(f"{path.name} must end in {', '.join(ENDINGS)}. Save the table in one of these formats.")
    try:
        if ending == ".parquet":
            return pd.read_parquet(path)
        text = path.read_text("utf-8-sig")
        if ending == ".jsonl":
            table = pd.read_json(io.StringIO(text), lines=True, dtype=False)
            return table.set_axis(range(1, len(table) + 1))
        body = without_header(text)
        table = pd.read_csv(io.StringIO(body), dtype=str, keep_default_na=False, skip_blank_lines=False)
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror}. Check the path and the permissions.") from error
    except ValueError as error:  # from pyarrow, pandas and the decoder of UTF-8
        raise TableError(f"{path.name} is no readable {ending} file ({error}). Write it again, in UTF-8.") from error
    first = text.count("\n") - body.count("\n") + 2  # the line below the column names
    return table.set_axis(range(first, first + len(table)))


def breaches(table: pd.DataFrame, contract: dict[str, Column]) -> list[Breach]:
    """Return all places where a table breaks a contract, by column and row; more columns are allowed.

    table : from `read_table`.
    """
    import pandera.pandas as pa

    twice = [str(name) for name in table.columns[table.columns.duplicated()].unique()]
    if twice:
        return [Breach(name, None, "", "is there twice. Remove or rename one of them.") for name in twice]
    missing = [Breach(name, None, "", "is missing. Add the column.") for name in contract if name not in table]
    here = {name: column for name, column in contract.items() if name in table}
    schema = pa.DataFrameSchema({name: pa.Column(checks=each.checks(), nullable=True) for name, each in here.items()})
    cells = table[list(here)].astype(object).where(table[list(here)].notna(), "")
    try:
        schema.validate(cells, lazy=True)
    except pa.errors.SchemaErrors as error:
        order = {name: place for place, name in enumerate(contract)}
        cases = error.failure_cases.drop_duplicates(["column", "index"])  # the first check that failed is enough
        found = [
            Breach(str(case["column"]), int(case["index"]), _shown(case["failure_case"]), str(case["check"]))
            for case in cases.to_dict("records")
        ]
        return [*missing, *sorted(found, key=lambda b: (order[b.column], b.row or 0))]
    return missing


def numbers(cells: pd.Series) -> pd.Series:
    """Return the cells as numbers; NaN where a cell holds none."""
    return pd.to_numeric(cells.where(~cells.map(_is_bool), None), errors="coerce").astype(float)


def _is_text(cells: pd.Series) -> pd.Series:
    return cells.map(lambda cell: isinstance(cell, str)).astype(bool)


def _is_number(cells: pd.Series) -> pd.Series:
    return (cells == "") | numbers(cells).abs().lt(float("inf"))


def _is_bool(cell: object) -> bool:
    return isinstance(cell, bool)


def _check(good: Callable[[pd.Series], pd.Series], advice: str) -> "pa.Check":
    import pandera.pandas as pa

    return pa.Check(good, error=advice, ignore_na=False)


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"
