"""The type `Table`: clips with 50 features and an emotion, identified by a hash of the content."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from core.errors import TableError
from core.schema import COLUMNS, EMOTIONS, LABEL


@dataclass(frozen=True, eq=False)
class Table:
    """Labelled rows of features.

    Parameters
    ----------
    frame
        Columns Class and the 50 features (float64, NaN = not measurable), index = row number from 0.
    origin
        "environment", "data/raw", "download", "upload" or "synthetic".
    content_hash
        `content_hash` of the frame.
    synthetic
        True for a table of `core.dataset.stand_in`, which contains no measurements.
    note
        Problems while loading the table, as text for the user; empty if there were none.
    inputs
        MD5 of each file that the rows come from, by file name; see `file_md5`.

    Raises
    ------
    TableError
        If the columns, the labels or the values do not have this form.
    """

    frame: pd.DataFrame
    origin: str
    content_hash: str
    synthetic: bool = False
    note: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if tuple(self.frame.columns) != (LABEL, *COLUMNS):
            raise TableError(f"A table must have the columns {LABEL} and the {len(COLUMNS)} features, in this order.")
        unknown = set(self.frame[LABEL].unique()) - set(EMOTIONS)
        if unknown:
            raise TableError(f"{sorted(map(str, unknown))[0]!r} is not an emotion. Use one of {', '.join(EMOTIONS)}.")
        values = self.frame[list(COLUMNS)]
        if not all(dtype == np.float64 for dtype in values.dtypes) or np.isinf(values.to_numpy()).any():
            raise TableError("The features of a table must be finite numbers, or NaN if a value could not be measured.")


def content_hash(frame: pd.DataFrame) -> str:
    """Hash labels and values in schema order (SHA-256, 64 hexadecimal digits).

    The format of the file (quotation marks, ``0.030``) does not matter.
    """
    values = frame[list(COLUMNS)].to_numpy(dtype="<f8") + 0.0  # a copy; + 0.0 turns -0.0 into 0.0
    values[np.isnan(values)] = np.nan
    digest = hashlib.sha256("\n".join([LABEL, *COLUMNS, *frame[LABEL].astype(str), ""]).encode())
    digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def file_md5(data: bytes) -> str:
    """MD5 of the bytes of a file, 32 hexadecimal digits: the version of the data, as DVC names it."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def as_table(
    frame: pd.DataFrame,
    *,
    origin: str,
    synthetic: bool = False,
    note: str = "",
    inputs: Mapping[str, str] | None = None,
) -> Table:
    """Convert a frame to a `Table`: drop other columns and compute the hash."""
    frame = frame[[LABEL, *COLUMNS]].astype(dict.fromkeys(COLUMNS, np.float64))
    return Table(frame, origin, content_hash(frame), synthetic, note, inputs or {})
