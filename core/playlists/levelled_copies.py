"""Levelled copies: the files of a playlist at one loudness, in a folder of their own. The originals are only read.

Each file is measured whole (BS.1770, `core.features.loudness`) with its true peak (four times oversampled, as
BS.1770 annex 2
asks), so that a gain never brings a peak above -1 dBTP: where that limits the gain, the copy stays quieter, and a
remark says so. A single channel counts twice (`core.features.loudness.as_played`), because it plays from both
loudspeakers. Written as FLAC or WAV, 16 bits, or 24 where the original has more.
"""

import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isnan, log10
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
import soxr

from core.atomic import replace_file, replacing
from core.audio.decoding import Source, blocks, display_name, inspect
from core.errors import AudioError, CoreError
from core.features.loudness import Meter, as_played
from core.library import reading
from core.playlists.files import csv_file, file_name, label, line, m3u8, records, xspf
from core.playlists.playlist import Playlist
from core.records import Found, Remark, RemarkKind

FORMS = {"FLAC": ".flac", "WAV": ".wav"}
PEAK_DB = -1.0  # dBTP that no copy exceeds
OVERSAMPLED = 4
SHOULD_MATTER_DB = 0.5  # a gain that is limited by less is not worth a remark
_LONGEST = 200  # bytes of a name; file systems take 255, of which number and ending need some
_FINE = ("PCM_24", "PCM_32", "FLOAT", "DOUBLE", "alac", "wavpack", "tta")  # codecs that may hold more than 16 bits
_LARGEST_MB = 1e6  # of a file on this machine: it was scored, so it is not too large


@dataclass(frozen=True, eq=False)
class Copies:
    """Levelled copies of a playlist. playlist : with the gains that were applied.  folder : where all lies.
    files : names in the order of playing.
    """

    playlist: Playlist
    folder: Path
    files: tuple[str, ...]

    def complete(self) -> bool:
        """Whether all of them are still there: whoever tidies the folder may have removed some."""
        return all((self.folder / name).is_file() for name in self.files)


@dataclass(frozen=True)
class Measured:
    """Of a whole file.

    lufs : as it is heard, NaN for silence.  peak_db : true peak, dB of full scale; -inf for silence.
    """

    lufs: float
    peak_db: float

    def gain_db(self, target_lufs: float) -> float:
        """The gain that brings it to the target without a peak above ``PEAK_DB``; 0 for silence."""
        return 0.0 if isnan(self.lufs) else min(target_lufs - self.lufs, PEAK_DB - self.peak_db)


def level_copies(
    made: Playlist,
    folder: Path,
    *,
    form: str = "FLAC",
    max_mb: float = 200,
    tell: Callable[[float, str], None] = lambda share, text: None,
) -> Copies:
    """Write a levelled copy of each piece into a folder, with the playlist beside them as M3U8, XSPF and CSV.

    folder : made if it is not there; files of the same names are replaced.  max_mb : of files that come from afar.
    tell : called with the share that is done and what is done now; what it raises ends the work.
    Raises AudioError when a file cannot be read, CoreError when the disk is full or refuses.
    """
    if form not in FORMS:
        raise CoreError(f"Copies are written as {' or '.join(FORMS)}, not as {form}.")
    rows = records(made)
    files, gains, remarks = [], [], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for k, row in enumerate(rows):
            tell(k / len(rows), label(row))
            source = _opened(_content(row["path"], max_mb), row["path"])
            found = _measured(source)
            gain = found.gain_db(made.target_lufs)
            name = f"{row['number']:02d} {_safe(label(row))}{FORMS[form]}"
            _copy(source, row, folder / name, form, gain)
            files.append(name)
            gains.append(gain)
            short = made.target_lufs - found.lufs - gain
            if short > SHOULD_MATTER_DB:
                text = f"Piece {row['number']} stays {short:.1f} dB below the others: its peaks allow no more."
                remarks.append(Remark(RemarkKind.GAIN_LIMITED, text))
        done = replace(made, rows=made.rows.assign(gain_db=gains), remarks=(*made.remarks, *remarks))
        for ending, content in ((".m3u8", m3u8(done, files=files)), (".xspf", xspf(done, files=files))):
            replace_file(folder / f"playlist{ending}", content)
        replace_file(folder / "playlist.csv", csv_file(done))
    except OSError as error:
        raise CoreError(f"The copies cannot be written into {folder}: {error.strerror or error}.") from error
    tell(1.0, "Done")
    return Copies(done, folder, tuple(files))


def channels(path: str) -> float:
    """Channels of a file on this machine, from its header; NaN where it is not here or cannot be read."""
    if "://" in path:
        return float("nan")
    try:
        return float(soundfile.info(path).channels)
    except (soundfile.LibsndfileError, RuntimeError, OSError):
        try:
            return float(_opened(_content(path, _LARGEST_MB), path).channels)
        except CoreError:
            return float("nan")


def _content(path: str, max_mb: float) -> bytes:
    """The bytes of a file. max_mb : of one that is elsewhere."""
    try:
        limit = max_mb if "://" in path else _LARGEST_MB
        return reading.read_content(Found(path, file_name(path)), max_mb=limit).data
    except CoreError as error:
        if "://" in path:
            raise AudioError(f"{display_name(path)}: {error}") from error
        raise AudioError(_unreadable(path)) from error


def _opened(data: bytes, path: str) -> Source:
    try:
        return inspect(data, file_name(path), max_mb=_LARGEST_MB)
    except AudioError as error:
        raise AudioError(f"{_unreadable(path)} {error}") from error


def _unreadable(path: str) -> str:
    return (
        f"{display_name(path)} cannot be read: it was moved, or is damaged. Replace the piece by another one, or "
        "score the library again."
    )


def measure(data: bytes, path: str) -> Measured:
    """Loudness and true peak of a whole file. data : its bytes.  path : to name it by."""
    return _measured(_opened(data, path))


def _measured(source: Source) -> Measured:
    meter, peak, sr = Meter(source.sr), 0.0, source.sr
    finer = soxr.ResampleStream(sr, OVERSAMPLED * sr, source.channels, "float64", "MQ")
    for block in blocks(source):
        meter(block)
        between = finer.resample_chunk(block)
        peak = max(peak, float(np.abs(block).max()), float(np.abs(between).max(initial=0.0)))
    rest = finer.resample_chunk(np.zeros((0, source.channels)), last=True)
    peak = max(peak, float(np.abs(rest).max(initial=0.0)))
    lufs = as_played(meter.lufs(), source.channels) if peak > 0 else float("nan")
    return Measured(lufs, 20 * log10(peak) if peak > 0 else float("-inf"))


def _copy(source: Source, row: dict[str, Any], place: Path, form: str, gain_db: float) -> None:
    """Write the file times the gain, whole or not at all."""
    subtype = "PCM_24" if source.header.codec in _FINE else "PCM_16"
    size = source.header.frames * source.channels * (3 if subtype == "PCM_24" else 2)
    if shutil.disk_usage(place.parent).free < 1.5 * size:
        raise CoreError(f"The disk is too full for the copies in {place.parent}. Make room, or choose fewer pieces.")
    try:
        with (
            replacing(place) as part,
            soundfile.SoundFile(part, "w", source.sr, source.channels, subtype, format=form) as out,
        ):
            tags = {name: line(row[name]) for name in ("title", "artist", "album")}
            for name, text in (tags | {"comment": f"Levelled copy, gain {gain_db:+.1f} dB"}).items():
                if text:  # libsndfile takes no empty tag
                    setattr(out, name, text)
            for block in blocks(source):
                out.write(block * 10 ** (gain_db / 20))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise CoreError(f"{place.name} cannot be written as {form}: {error}") from error


def _safe(name: str) -> str:
    """A name that every file system takes, that hides nothing, and that no player takes for an address."""
    plain = re.sub(r'[<>:"/\\|?*#%\x00-\x1f]', "_", name)
    return plain.encode()[:_LONGEST].decode(errors="ignore").strip(" .") or "piece"


def zipped(copies: Copies, *more: tuple[str, bytes]) -> BinaryIO:
    """The folder as one ZIP file, as it is: a file to read from, which is gone when it is closed.

    more : names and contents that are added, as the session sheet.  Raises CoreError when the disk refuses it.
    """
    try:
        with tempfile.TemporaryFile(dir=copies.folder) as out:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
                for name in (*copies.files, "playlist.m3u8", "playlist.xspf", "playlist.csv"):
                    archive.write(copies.folder / name, name)
                for name, content in more:
                    archive.writestr(name, content)
            out.flush()
            whole = os.fdopen(os.dup(out.fileno()), "rb")
    except OSError as error:
        raise CoreError(f"The copies in {copies.folder} cannot be packed: {error.strerror or error}.") from error
    whole.seek(0)
    return whole


def size_mb(copies: Copies) -> float:
    """Of all copies together."""
    return sum((copies.folder / name).stat().st_size for name in copies.files) / 1e6
