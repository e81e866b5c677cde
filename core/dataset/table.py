"""A table of clips with 50 features and an emotion, and the hash that names its content."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import TableError
from core.schema import COLUMNS, EMOTIONS, LABEL


@dataclass(frozen=True, eq=False)
class Table:
    """Labelled rows of features.

    frame : columns Class and the 50 features (float64, NaN = not measurable), index = row number from 0.
    origin : "environment", "data/raw", "download", "upload" or "synthetic".
    content_hash : `content_hash` of the frame.  synthetic : made by `core.dataset.stand_in`, no measurement.
    note : what a person should know about how the table was found; empty when all went well.
    Raises TableError when the columns, the labels or the values are not of that form.
    """

    frame: pd.DataFrame
    origin: str
    content_hash: str
    synthetic: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if tuple(self.frame.columns) != (LABEL, *COLUMNS):
            raise TableError(f"A table has the columns {LABEL} and the {len(COLUMNS)} features in their order.")
        unknown = set(self.frame[LABEL].unique()) - set(EMOTIONS)
        if unknown:
            raise TableError(f"{sorted(map(str, unknown))[0]!r} is no emotion: {', '.join(EMOTIONS)}.")
        values = self.frame[list(COLUMNS)]
        if not all(dtype == np.float64 for dtype in values.dtypes) or np.isinf(values.to_numpy()).any():
            raise TableError("The features of a table are finite numbers, or NaN where nothing could be measured.")


def content_hash(frame: pd.DataFrame) -> str:
    """SHA-256 over labels and values in schema order, so that the file's spelling (quotes, ``0.030``) does not matter.

    Returns 64 hexadecimal digits.
    """
    values = frame[list(COLUMNS)].to_numpy(dtype="<f8") + 0.0  # a copy; + 0.0 turns -0.0 into 0.0
    values[np.isnan(values)] = np.nan
    digest = hashlib.sha256("\n".join([LABEL, *COLUMNS, *frame[LABEL].astype(str), ""]).encode())
    digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def as_table(frame: pd.DataFrame, *, origin: str, synthetic: bool = False, note: str = "") -> Table:
    """A frame with the right columns as a `Table`; other columns are left out, the hash is computed."""
    frame = frame[[LABEL, *COLUMNS]].astype(dict.fromkeys(COLUMNS, np.float64))
    return Table(frame, origin, content_hash(frame), synthetic, note)
