"""Tables that a person brings, and how any table stands beside any other."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.atomic import replace_file
from core.dataset.cleaning import CleanResult, clean
from core.dataset.csv_reading import MAX_BYTES, read_csv, shown_name
from core.dataset.parsing import parse
from core.dataset.published import FILE_NAME, PUBLISHED_HASH, ROWS, read_published
from core.dataset.quality import Quality
from core.dataset.table import Table, as_table, content_hash
from core.errors import TableError
from core.schema import COLUMNS, EMOTIONS, readable
from core.settings import Settings

TYPES = ("number", "number as text", "mixed", "text")


@dataclass(frozen=True, eq=False)
class Brought:
    """A table that a person brought, as it came and cleaned.

    messy : cells as text, as they were written.  cleaned : with the report of every change.
    table : the clean rows with a label.  published : the file has the content of the published table.
    """

    messy: pd.DataFrame
    cleaned: CleanResult
    table: Table
    published: bool = False


def bring(data: bytes, name: str) -> Brought:
    """Read and clean a CSV file. Raises TableError when it is no table of the 50 features and a label."""
    messy = read_csv(data, name)
    cleaned = clean(messy, name=shown_name(name))
    published = len(messy) == ROWS and is_published(data, name)
    return Brought(messy, cleaned, as_table(cleaned.table, origin="upload"), published)


def is_published(data: bytes, name: str = FILE_NAME) -> bool:
    """Whether a file has the content of the published table, however it is spelled."""
    try:
        return content_hash(read_published(data, name)) == PUBLISHED_HASH
    except TableError:
        return False


def lying_about(settings: Settings) -> list[Path]:
    """CSV files beside the published one in data/raw, by name."""
    return sorted(p for p in settings.raw_dir.glob("*.csv") if p.name != FILE_NAME and p.is_file())


def content(path: Path) -> bytes:
    """The file's bytes. Raises TableError when it cannot be read or is too large."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TableError(f"{path.name} is larger than {MAX_BYTES // 10**6} MB. Split the file.")
        return path.read_bytes()
    except OSError as error:
        raise TableError(f"{path.name} cannot be read: {error.strerror or error}.") from error


def adopt(data: bytes, settings: Settings) -> bool:
    """Keep an uploaded file as the published table, if its content is exactly that; says whether it was.

    Raises TableError when the file cannot be written.
    """
    if not is_published(data):
        return False
    try:
        settings.raw_dir.mkdir(parents=True, exist_ok=True)
        replace_file(settings.raw_dir / FILE_NAME, data)
    except OSError as error:
        raise TableError(f"The table cannot be kept in {settings.raw_dir}: {error.strerror or error}.") from error
    return True


def beside(qualities: Mapping[str, Quality]) -> pd.DataFrame:
    """Tables side by side: index measure, one column of counts a table.

    The measures of `quality.Quality`, with the rows of each emotion and the columns of each type put in.
    """
    columns = {}
    for name, quality in qualities.items():
        rows = quality.labels.groupby("emotion")["rows"].sum()
        types = quality.columns["type"].value_counts()
        counts = {
            **{f"rows: {emotion}": int(rows.get(emotion, 0)) for emotion in EMOTIONS},
            **{f"columns: {kind}": int(types.get(kind, 0)) for kind in TYPES},
        }
        columns[name] = pd.concat([quality.summary, pd.Series(counts)])
    return pd.DataFrame(columns).rename_axis("measure")


@dataclass(frozen=True, eq=False)
class Differences:
    """Two tables cell by cell, on the rows that both have.

    counts : what -> number: "rows in both", "rows only in the first", "rows only in the second", "equal cells",
        "other values", "empty only in the first", "empty only in the second", "other labels".
    cells : row, feature, first, second; a line a cell that differs. Values are numbers, NaN where there is none.
    """

    counts: pd.Series
    cells: pd.DataFrame


def differences(first: pd.DataFrame, second: pd.DataFrame) -> Differences:
    """Compare two tables row number by row number; cells are read as numbers, labels as emotions."""
    one, other = parse(first), parse(second)
    shared, left, right = np.intersect1d(one.rows, other.rows, return_indices=True)
    a, b = one.numbers[left], other.numbers[right]
    lost, gained = ~np.isnan(a) & np.isnan(b), np.isnan(a) & ~np.isnan(b)
    changed = ~np.isnan(a) & ~np.isnan(b) & ~np.isclose(a, b, rtol=1e-9, atol=0)  # 28.105999999999998 is 28.106
    counts = {
        "rows in both": len(shared),
        "rows only in the first": len(one.rows) - len(shared),
        "rows only in the second": len(other.rows) - len(shared),
        "equal cells": int(a.size - lost.sum() - gained.sum() - changed.sum()),
        "other values": int(changed.sum()),
        "empty only in the first": int(gained.sum()),
        "empty only in the second": int(lost.sum()),
        "other labels": int((one.labels[left] != other.labels[right]).sum()),
    }
    at, place = np.nonzero(lost | gained | changed)
    cells = pd.DataFrame(
        {
            "row": shared[at],
            "feature": np.array([readable(c) for c in COLUMNS], dtype=object)[place],
            "first": a[at, place],
            "second": b[at, place],
        }
    )
    return Differences(pd.Series(counts, name="count"), cells)
