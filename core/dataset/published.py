"""The published table: read it, download it, verify its content, and cite its source."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from core.atomic import replace_file
from core.dataset.citing import DATA
from core.dataset.cleaning import refuse_codes, validate
from core.dataset.csv_reading import read_csv
from core.dataset.download import download_file, read_zip_member
from core.dataset.near_duplicates import duplicate_groups, unique_rows
from core.dataset.number_format import refuse_lost_points
from core.dataset.parsing import parse
from core.dataset.published_rows import as_published
from core.dataset.split import held_out
from core.dataset.table import Table, content_hash
from core.errors import DownloadError, TableError
from core.schema import COLUMNS, EMOTIONS, FEATURES, LABEL
from core.settings import Settings

__all__ = [
    "CITATIONS",
    "FILE_NAME",
    "LICENCE",
    "PUBLISHED_HASH",
    "Table",
    "content_hash",
    "duplicate_groups",
    "fetch",
    "held_out",
    "read_published",
    "unique_rows",
]

FILE_NAME = "Acoustic Features.csv"
ROWS = 400
ROWS_AN_EMOTION = 100
# content_hash of the published table; it does not depend on quotation marks or other formatting of the file
PUBLISHED_HASH = "5a7e28abb9110eabcd83081edda6995410dc49466727b269805497c0308c09bf"
LICENCE = (
    "Turkish Music Emotion, by Mehmet Bilal Er, licensed under CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)"
)
CITATIONS = tuple(paper.text() for paper in DATA)


def read_published(data: bytes, name: str = FILE_NAME) -> pd.DataFrame:
    """Read a complete table: a label and 50 numbers in each row.

    Every format of `core.dataset.csv_reading` is accepted. If the file has the content of the published table, the
    columns, rows and numbers are restored to the published form. Errors are not repaired here; `core.dataset.cleaning`
    does that.

    Parameters
    ----------
    data
        The bytes of the file.
    name
        Name of the file in error messages.

    Raises
    ------
    TableError
        If something is missing or wrong; the message names it.
    """
    text = read_csv(data, name)
    parsed = parse(text)
    refuse_lost_points(parsed.numbers, name=name)
    refuse_codes(parsed, name=name)
    bad = np.isnan(parsed.numbers)
    if bad.any():
        row, place = np.argwhere(bad)[0]
        cell = text[COLUMNS[place]].iloc[row]
        raise TableError(f"Row {row}, {FEATURES[place].name}: {cell!r} is not a number. Clean the table first.")
    unknown = parsed.labels == ""
    if unknown.any():
        row = int(np.argmax(unknown))
        raise TableError(f"Row {row}: {text[LABEL].iloc[row]!r} is not an emotion. Clean the table first.")
    frame = pd.DataFrame(parsed.numbers, columns=list(COLUMNS))
    frame.insert(0, LABEL, pd.Series(parsed.labels, dtype="str"))
    return as_published(frame)


def verify_published(frame: pd.DataFrame, *, expected: str) -> None:
    """Raise TableError if the content hash differs from `expected`; the message describes the difference."""
    if content_hash(frame) == expected:
        return
    counts = frame[LABEL].value_counts()
    if len(frame) != ROWS or any(counts.get(e, 0) != ROWS_AN_EMOTION for e in EMOTIONS):
        raise TableError(
            f"The published table has {ROWS} rows, {ROWS_AN_EMOTION} per emotion; this one has {len(frame)} "
            f"({', '.join(f'{e} {counts.get(e, 0)}' for e in EMOTIONS)})."
        )
    validate(frame)
    raise TableError("The values differ from the published table: their hash is different.")


def fetch(
    settings: Settings,
    *,
    progress: Callable[[int, int | None], None] | None = None,
    expected: str = PUBLISHED_HASH,
) -> pd.DataFrame:
    """Download the published table, verify its content, and store it in data/raw.

    Parameters
    ----------
    settings
        The settings with the address, the timeout and the data folder.
    progress
        Called in the caller's thread with the bytes received so far and the total number of bytes (None = unknown).
    expected
        The required `content_hash` of the table.

    Raises
    ------
    DownloadError
        If a step fails; the message gives the reason, and no file is written.
    """
    url, folder = settings.download_url, settings.raw_dir
    archive = download_file(url, timeout_s=settings.download_timeout_s, progress=progress)
    data = read_zip_member(archive, FILE_NAME, url=url)
    try:
        frame = read_published(data)
        verify_published(frame, expected=expected)
    except TableError as error:
        raise DownloadError(f"The file from {url} is not the published table. {error}") from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / FILE_NAME, data)
    except OSError as error:
        raise DownloadError(
            f"The table cannot be written to {folder}: {error.strerror or error}. Check the folder and its permissions."
        ) from error
    return frame
