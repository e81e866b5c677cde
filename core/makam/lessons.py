"""Read recordings whose makam a person knows: from a table of recordings, or from the tags of audio files.

A folder holds either audio files, or ``pitch.npz``. With audio files, ``recordings.csv`` names the files and their
makams; without that table, the files with a makam in their tags are used.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

from core.audio import formats
from core.audio.decoding import Source, blocks, inspect
from core.audio.tags import file_tags
from core.errors import AudioError, CoreError, TableError
from core.makam.learning import Lesson
from core.makam.melody import HOP_S, Melody, melody_from_track

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


def lessons_of_audio(folder: Path, *, max_mb: float, refused: Callable[[str], None]) -> Iterator[Lesson]:
    """Track the melodies of the audio files of a folder whose makam is known.

    Parameters
    ----------
    folder
        With ``recordings.csv``, or with files that have a makam in their tags.
    max_mb
        Size limit for one file.
    refused
        Called with a sentence for each file that cannot be used; the others are still read.
    """
    listed = (folder / TABLE).is_file()
    for path, makam, karar_hz in _listed(folder, refused) if listed else _audio_files(folder):
        try:
            data = _content(path, max_mb)
            named = makam or str(file_tags(data, path.name)["makam"])
            if named:
                melody = _melody(inspect(data, path.name, max_mb=max_mb))
                yield Lesson(str(path.relative_to(folder)), melody, named, karar_hz)
        except AudioError as error:
            refused(str(error))


def _listed(folder: Path, refused: Callable[[str], None]) -> Iterator[tuple[Path, str, float]]:
    """Files of the table with makam and karar. A path that leads out of the folder is refused."""
    table = read_recordings(folder)
    for name, makam, karar_hz in zip(*(table[column].tolist() for column in table), strict=True):
        path = (folder / name).resolve()
        if path.is_relative_to(folder.resolve()):
            yield folder / name, makam, karar_hz
        else:
            refused(f"{name} is not in the folder {folder.name}. Put the file into the folder.")


def _audio_files(folder: Path) -> Iterator[tuple[Path, str, float]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in formats.ENDINGS and path.is_file():
            yield path, "", float("nan")


def _content(path: Path, max_mb: float) -> bytes:
    try:
        if path.stat().st_size > max_mb * 1e6:
            raise AudioError(f"{path.name} is larger than {max_mb:g} MB. Raise TME_MAX_UPLOAD_MB to read it.")
        return path.read_bytes()
    except OSError as error:
        raise AudioError(f"{path.name} cannot be read: {error.strerror}.") from error


def _melody(source: Source) -> Melody:
    from core.makam.tracking import track_blocks

    with closing(blocks(source)) as read:
        return track_blocks((block.mean(axis=1) for block in read), source.header.sr)
