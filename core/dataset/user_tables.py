"""Read tables that users provide, and compare tables with each other."""

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.access import Action, Person, requires
from core.atomic import replace_file
from core.dataset.cleaning import CleanResult, clean
from core.dataset.csv_reading import MAX_BYTES, MAX_CELLS, MAX_COLUMNS, MAX_ROWS, read_csv, shown_name
from core.dataset.open_tables import OpenTable, open_rows
from core.dataset.parsing import parse
from core.dataset.published import FILE_NAME, PUBLISHED_HASH, ROWS, read_published
from core.dataset.quality import Quality
from core.dataset.table import Table, as_table, content_hash
from core.errors import TableError
from core.schema import COLUMNS, EMOTIONS, LABEL, readable
from core.settings import Settings

TYPES = ("number", "number as text", "mixed", "text")


@dataclass(frozen=True, eq=False)
class UserTable:
    """A table provided by a user, in its original and its cleaned form.

    Parameters
    ----------
    messy
        The original cells as text.
    rows
        The rows as they are: cells that are no numbers are empty, nothing else is changed, no row is left out.
    cleaned
        What all rules of `core.dataset.cleaning` would change. Nothing uses it until a person asks for it.
    table
        The clean rows that have the label of an emotion; may be empty.
    published
        True if the file has the content of the published table.
    """

    messy: pd.DataFrame
    rows: OpenTable
    cleaned: CleanResult
    table: Table
    published: bool = False


def read_user_table(data: bytes, name: str) -> UserTable:
    """Read a CSV or Parquet file with the 50 features; a label and any other column may be there too.

    Raises TableError if it is not such a table, or if its decimal points are lost.
    """
    messy = read_messy(data, name)
    cleaned = clean(messy, labels_needed=False, name=shown_name(name))
    published = len(messy) == ROWS and is_published(data, name)
    return UserTable(messy, as_it_is(messy), cleaned, as_table(cleaned.table, origin="upload"), published)


def read_messy(data: bytes, name: str) -> pd.DataFrame:
    """Read a CSV or Parquet file with the 50 features as text. Raises TableError if it is not such a table."""
    if data.startswith(b"PAR1"):
        return read_parquet(data, shown_name(name))
    return read_csv(data, name, label_needed=False)


@requires(Action.TRAIN)
def store_cleaned(frame: pd.DataFrame, name: str, settings: Settings, *, by: Person) -> Path:
    """Store a cleaned table as CSV in the folder for tables of training, and return its path.

    The same table with the same name has the same path. Raises TableError if the file cannot be written.
    """
    data = frame.to_csv(index=False, lineterminator="\n").encode()
    stem = re.sub(r"[^\w-]+", "-", Path(shown_name(name)).stem).strip("-") or "table"
    path = settings.tables_dir / f"{stem}_{hashlib.sha256(data).hexdigest()[:12]}.csv"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data)
    except OSError as error:
        raise TableError(
            f"The table cannot be stored in {settings.tables_dir}: {error.strerror or error}. "
            "Check the folder and its permissions."
        ) from error
    return path


def as_it_is(messy: pd.DataFrame) -> OpenTable:
    """Open a table without cleaning it; a label in other letters or another language is read as the emotion it names.

    If only some labels name an emotion, all labels stay as they are written: they are groups.
    """
    parsed = parse(messy)
    frame = messy.set_axis(pd.Index(parsed.rows, name="row"), axis=0).astype(dict.fromkeys(COLUMNS, object))
    frame = frame.assign(**dict(zip(COLUMNS, parsed.numbers.T, strict=True)))
    if LABEL in messy.columns and not (parsed.label_rules == "unknown label").any():
        frame[LABEL] = parsed.labels
    return open_rows(frame)


def read_parquet(data: bytes, shown: str) -> pd.DataFrame:
    """Read a Parquet file, for example the results of a library, as a table of text.

    Raises TableError if the file is damaged, lacks features, or is too large.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(data))
        columns = file.schema_arrow.names
        size = sum(file.metadata.row_group(k).total_byte_size for k in range(file.num_row_groups))
        rows = file.metadata.num_rows
        if rows > min(MAX_ROWS, MAX_CELLS // max(1, len(columns))) or len(columns) > MAX_COLUMNS or size > MAX_BYTES:
            raise TableError(f"{shown} is too large: {rows:,} rows and {len(columns)} columns. Split the file.")
        missing = [c for c in COLUMNS if c not in columns]
        if missing:
            raise TableError(f"{shown} lacks {len(missing)} of the 50 features, for example {missing[0]}.")
        frame = file.read().to_pandas()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError(f"{shown} is damaged: it cannot be read as a Parquet file. Export it again.") from error
    if frame.empty:
        raise TableError(f"{shown} has column names but no rows.")
    text = frame.reset_index(drop=True).astype(object)
    return text.where(frame.reset_index(drop=True).notna(), "").map(str)


def is_published(data: bytes, name: str = FILE_NAME) -> bool:
    """Return True if a file has the content of the published table, in any format."""
    try:
        return content_hash(read_published(data, name)) == PUBLISHED_HASH
    except TableError:
        return False


def list_user_tables(settings: Settings) -> list[Path]:
    """List the CSV files in data/raw other than the published table, sorted by name."""
    return sorted(p for p in settings.raw_dir.glob("*.csv") if p.name != FILE_NAME and p.is_file())


def read_bytes(path: Path) -> bytes:
    """Read the bytes of a table file. Raises TableError if the file cannot be read or is too large."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TableError(f"{path.name} is larger than {MAX_BYTES // 10**6} MB. Split the file.")
        return path.read_bytes()
    except OSError as error:
        raise TableError(f"{path.name} cannot be read: {error.strerror or error}.") from error


@requires(Action.BRING_TABLE)
def store_if_published(data: bytes, settings: Settings, *, by: Person) -> bool:
    """Store an uploaded file in data/raw if it is the published table; return True if it is.

    Raises TableError if the file cannot be written.
    """
    if not is_published(data):
        return False
    try:
        settings.raw_dir.mkdir(parents=True, exist_ok=True)
        replace_file(settings.raw_dir / FILE_NAME, data)
    except OSError as error:
        raise TableError(
            f"The table cannot be stored in {settings.raw_dir}: {error.strerror or error}. "
            "Check the folder and its permissions."
        ) from error
    return True


def compare_quality(qualities: Mapping[str, Quality]) -> pd.DataFrame:
    """Compare the quality of several tables: index measure, one column of counts per table.

    The measures are those of `Quality.summary`, the number of rows of each emotion and of columns of each type.
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
    """Differences between two tables in their common rows.

    Parameters
    ----------
    counts
        Number of "rows in both", "rows only in the first", "rows only in the second", "equal cells", "other values",
        "empty only in the first", "empty only in the second", "other labels".
    cells
        Columns row, feature, first, second; one line per cell that differs. Values are numbers, NaN = no number.
    """

    counts: pd.Series
    cells: pd.DataFrame


def differences(first: pd.DataFrame, second: pd.DataFrame) -> Differences:
    """Compare the rows of two tables that have the same row number; cells are read as numbers, labels as emotions.

    Labels are compared if both tables have them.
    """
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
    }
    if LABEL in first.columns and LABEL in second.columns:
        counts["other labels"] = int((one.labels[left] != other.labels[right]).sum())
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
