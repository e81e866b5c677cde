"""The rows of the published table, known by a short hash each, wherever and however they are written.

The hashes are in ``published_rows.json``, made from the published table by ``fingerprints``. They hold no value of the
table. A table that has just these rows is the published table, whatever the order of its rows and the tails of its
numbers; and where a table writes its labels in codes, the rows that both have say what the codes mean.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from core.schema import COLUMNS, LABEL

FILE = Path(__file__).with_suffix(".json")
DECIMALS = 3  # of all published values
ROWS_A_CODE = 3  # rows of the published table that must agree on what a code means
_DIGITS = 12  # hexadecimal digits of a hash: two of 400 rows are the same by chance once in a billion tables


def fingerprints(values: np.ndarray) -> list[str]:
    """A hash of each row, the same for ``0.03``, ``0.030`` and ``0.030000001``; "" where a value is unknown.

    values : shape (n, 50), the features in the order of the schema.
    """
    known = np.isfinite(values).all(axis=1) & (np.abs(values) < 1e12).all(axis=1)
    whole = np.rint(np.where(known[:, None], values, 0) * 10**DECIMALS).astype("<i8")
    return [
        hashlib.sha256(row.tobytes()).hexdigest()[:_DIGITS] if seen else ""
        for row, seen in zip(whole, known, strict=True)
    ]


def as_published(frame: pd.DataFrame) -> pd.DataFrame:
    """The table as it was published if it has just these rows and labels, else the table as it is.

    frame : Class and the 50 features as numbers. In the published table each value has three decimals, and the rows
    have their published order and number.
    """
    hashes, labels = _published()
    if len(frame) != len(hashes):
        return frame
    values = frame[list(COLUMNS)].to_numpy(dtype=float)
    place = {key: sorted(rows) for key, rows in _places(hashes, labels).items()}
    order = np.empty(len(frame), dtype=int)
    for row, key in enumerate(zip(fingerprints(values), frame[LABEL], strict=True)):
        if not place.get(key):
            return frame
        order[place[key].pop(0)] = row
    same = frame.iloc[order].reset_index(drop=True)
    same[list(COLUMNS)] = np.round(values[order], DECIMALS) + 0.0
    return same


def without_tails(values: np.ndarray) -> np.ndarray:
    """The values in which published rows have their three decimals: ``28.105999999999998`` is ``28.106`` there.

    values : shape (n, 50). In other rows such a tail can mark a cell that somebody altered; it stays.
    """
    published = set(_published()[0])
    known = np.array([hashed in published for hashed in fingerprints(values)], dtype=bool)
    return np.where(known[:, None], np.round(values, DECIMALS) + 0.0, values)


def meanings(values: np.ndarray, codes: Sequence[str]) -> dict[str, str]:
    """What codes mean by the published rows that carry them: code -> emotion; without evidence a code is left out.

    values : shape (n, 50), NaN where unknown.  codes : the code of each row, "" for none.
    A code has a meaning when at least three published rows carry it and all of them have that emotion.
    """
    hashes, labels = _published()
    emotion_of = dict(zip(hashes, labels, strict=True))
    seen: dict[str, list[str]] = {}
    for hashed, code in zip(fingerprints(values), codes, strict=True):
        if code and hashed in emotion_of:
            seen.setdefault(code, []).append(emotion_of[hashed])
    return {code: of[0] for code, of in seen.items() if len(of) >= ROWS_A_CODE and len(set(of)) == 1}


@lru_cache(maxsize=1)
def _published() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Hash and label of each published row, in the published order."""
    stored = json.loads(FILE.read_text())
    labels = [emotion for emotion, count in stored["labels"] for _ in range(count)]
    return tuple(stored["rows"]), tuple(labels)


def _places(hashes: Sequence[str], labels: Sequence[str]) -> dict[tuple[str, str], list[int]]:
    places: dict[tuple[str, str], list[int]] = {}
    for row, key in enumerate(zip(hashes, labels, strict=True)):
        places.setdefault(key, []).append(row)
    return places
