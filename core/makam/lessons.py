"""Read recordings whose makam a person knows: from a table of recordings, or from the tags of audio files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import CoreError, TableError
from core.makam.learning import Lesson
from core.makam.melody import HOP_S, melody_from_track

TABLE, TRACKS = "recordings.csv", "pitch.npz"
COLUMNS = ("recording", "makam")


def read_recordings(folder: Path) -> pd.DataFrame:
    """Read ``recordings.csv``: recording, makam, and karar_hz (NaN where it is not known).

    Raises
    ------
    TableError
        If the table cannot be read, has no column recording or makam, names a recording twice, or has no usable row.
    """
    path = folder / TABLE
    try:
        table = pd.read_csv(path, dtype={"recording": str, "makam": str})
    except (OSError, ValueError) as error:
        raise TableError(
            f"{path} cannot be read as a table. Write it as CSV with the columns recording,makam."
        ) from error
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise TableError(f"{path} has no column {', '.join(missing)}. Add it: one row for each recording.")
    twice = table["recording"][table["recording"].duplicated()]
    if len(twice):
        raise TableError(f"{path} names {twice.iloc[0]} twice. Remove one of the two rows.")
    table = table.dropna(subset=list(COLUMNS))
    if table.empty:
        raise TableError(f"{path} names no recording with a makam.")
    hz = pd.to_numeric(table["karar_hz"], errors="coerce") if "karar_hz" in table else np.nan
    return table.assign(karar_hz=hz).loc[:, [*COLUMNS, "karar_hz"]]


def lessons_of_tracks(folder: Path) -> Iterator[Lesson]:
    """Yield the melodies of ``pitch.npz`` with the makams of ``recordings.csv``.

    Each array is int16: cents over 440 Hz every 23.2 ms, -32768 where unvoiced. Raises CoreError for a track that is
    missing or has another form.
    """
    table = read_recordings(folder)
    try:
        with np.load(folder / TRACKS, allow_pickle=False) as tracks:
            for name, makam, karar_hz in zip(*(table[column].tolist() for column in table), strict=True):
                if name not in tracks:
                    raise CoreError(f"{TRACKS} has no melody of {name}. Remove its row from {TABLE}.")
                yield Lesson(name, melody_from_track(tracks[name], HOP_S), makam, karar_hz)
    except (OSError, ValueError, EOFError) as error:
        raise CoreError(f"{folder / TRACKS} is not a file of melodies: {error}.") from error
