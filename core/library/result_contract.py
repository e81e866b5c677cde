"""The contract of a table of results, from its list of columns. Other programs can write such tables, too."""

import numpy as np
import pandas as pd

from core.dataset.contracts import Breach, Column, Number, Text, breaches, numbers
from core.library.result_columns import CHOICES, RESULT_COLUMNS, SHARES, ResultColumn
from core.records import YEARS
from core.schema import BY_COLUMN, EMOTIONS, PROBA

TOLERANCE = 1e-6  # of the sum of the probabilities, which have nine decimals
_NEVER_NEGATIVE = ("file_duration_s", "start_s", "end_s", "tempo_bpm", "karar_hz")


def _column(column: ResultColumn) -> Column:
    if column.kind == "str":
        return Text(CHOICES.get(column.name, ()), needed=column.name in ("file", "state"))
    if column.name == "year":
        return Number(*YEARS, whole=True)
    if column.name in BY_COLUMN:
        feature = BY_COLUMN[column.name]
        return Number(feature.low, feature.high, slack=TOLERANCE)
    if column.name in SHARES:
        return Number(0, 1)
    return Number(
        0 if column.kind == "Int64" or column.name in _NEVER_NEGATIVE else -np.inf, whole=column.kind == "Int64"
    )


RESULTS: dict[str, Column] = {column.name: _column(column) for column in RESULT_COLUMNS}


def result_breaches(table: pd.DataFrame) -> list[Breach]:
    """Return all places where a table breaks the contract of results: single cells first, then cells of one row.

    table : from `core.dataset.contracts.read_table`.
    """
    found = breaches(table, RESULTS)
    if found:  # cells that contradict each other say little as long as single cells are wrong
        return found
    proba = table[list(PROBA)].apply(numbers)
    scored = table["state"].eq("scored")
    off = scored & ~(proba.sum(axis=1, skipna=False) - 1).abs().le(TOLERANCE)
    best = proba.fillna(-1).set_axis(list(EMOTIONS), axis=1).idxmax(axis=1)
    wrong_guess = scored & ~off & table["guess"].ne(best)
    backwards = numbers(table["end_s"]) < numbers(table["start_s"])
    return [
        *_rows(
            off, PROBA[0], "The probabilities of a scored row must be there and have the sum 1. Compute them again."
        ),
        *_rows(wrong_guess, "guess", "It must be the emotion with the highest probability. Correct it."),
        *_rows(backwards, "end_s", "The part ends before it starts. Exchange or correct start_s and end_s."),
    ]


def _rows(wrong: pd.Series, column: str, advice: str) -> list[Breach]:
    return [Breach(column, int(row), "", advice) for row in wrong.index[wrong]]
