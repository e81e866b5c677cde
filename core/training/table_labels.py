"""Read a labelled table of a person as labels for a training, with its provenance."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.audio.decoding import file_of
from core.dataset.cleaning import CHOICES, clean
from core.dataset.csv_reading import shown_name
from core.dataset.table import file_md5
from core.dataset.user_tables import read_messy
from core.errors import TableError
from core.schema import COLUMNS, LABEL
from core.training.labelled_data import OF_A_TABLE

UNKNOWN_EXTRACTOR = "not known"
_SAME_FILE = ("content_hash", "file", "path", "file_name")  # columns that name the file of a row, the surest first


@dataclass(frozen=True, eq=False)
class TrainingTable:
    """The labelled rows of a table.

    Attributes
    ----------
    labels : the columns of `core.training.labelled_data.agreed_labels`.
    about : name, sha256 and md5 of the file, rows, labelled rows, rules that were switched off, changes by rule.
    """

    labels: pd.DataFrame
    about: dict[str, Any]


def read_training_table(
    data: bytes, name: str, *, cleaning: bool = False, without: Collection[str] = ()
) -> TrainingTable:
    """Read a table of features with a label in each row that is to train.

    Parameters
    ----------
    cleaning : whether cleaning may change the table. Otherwise, a table that needs a change is refused.
    without : rules of cleaning that are switched off.

    Raises
    ------
    TableError : the file is no such table, no row has the label of an emotion, or it needs cleaning.
    """
    shown = shown_name(name)
    unknown = sorted(set(without) - set(CHOICES))
    if unknown:
        raise TableError(f"{unknown[0]!r} is no rule of cleaning. Choose from: {', '.join(CHOICES)}.")
    result = clean(read_messy(data, name), without=without, name=shown)
    changes = result.changes["rule"].value_counts().to_dict()
    if changes and not cleaning:
        counts = ", ".join(f"{rule} {count}" for rule, count in changes.items())
        raise TableError(
            f"{shown} is not clean. Cleaning would change: {counts}. Clean it on the Explore page, allow the changes "
            "(--clean), or switch a rule off (--without)."
        )
    about = {
        "name": shown,
        "sha256": hashlib.sha256(data).hexdigest(),
        "md5": file_md5(data),
        "rows": len(result.frame),
        "labelled": len(result.table),
        "without": sorted(without),
        "changes": changes,
    }
    return TrainingTable(
        _labels(result.table, result.frame.loc[result.table.index], hashlib.sha256(data).hexdigest()), about
    )


def _labels(table: pd.DataFrame, whole: pd.DataFrame, sha256: str) -> pd.DataFrame:
    """Bring the rows into the form of agreed labels. whole : the same rows with the other columns of the file."""
    given = _column(whole, "clip_id")
    numbered = [f"row {row} of {sha256[:12]}" for row in whole.index]
    clip_ids = np.where(given != "", given, numbered)
    file = np.array([file_of(clip) if clip else "" for clip in given], dtype=object)
    for column in _SAME_FILE:
        named = _column(whole, column)
        file = np.where(file == "", named, file)
    artist, title, source = (_column(whole, c) for c in ("artist", "title", "source"))
    names = pd.Series(artist) + "\n" + pd.Series(title) + "\n" + pd.Series(source)
    extractor = _column(whole, "extractor")
    labels = pd.DataFrame(
        {
            "clip_id": [f"{clip}{OF_A_TABLE}" for clip in clip_ids],
            "y": table[LABEL].to_numpy(),
            "votes": 1,
            "content_hash": file,
            "track_id": names.where((artist != "") & (title != ""), "").to_numpy(),
            "origin": "table",
            "extractor": np.where(extractor != "", extractor, UNKNOWN_EXTRACTOR),
        }
    )
    return pd.concat([labels, table[list(COLUMNS)].reset_index(drop=True)], axis=1)


def _column(frame: pd.DataFrame, name: str) -> np.ndarray:
    """A column as text without surrounding spaces; empty texts if there is no such column."""
    if name not in frame.columns:
        return np.full(len(frame), "", dtype=object)
    return frame[name].astype(object).where(frame[name].notna(), "").astype(str).str.strip().to_numpy(dtype=object)
