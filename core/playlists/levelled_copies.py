"""Levelled copies: copies of a playlist's files at equal loudness in their own folder. The originals are only read.

The loudness (BS.1770, `core.features.loudness`) and the true peak (four times oversampled, BS.1770 annex 2) of each
whole file are measured. No gain brings a peak above -1 dBTP. When this limits the gain, the copy is quieter, and a
remark names the piece. Mono counts twice (`core.features.loudness.as_played`), because both loudspeakers play it. The
copies are FLAC or WAV with 16 bits, or with 24 bits when the original has more than 16. For a phone they are M4A or MP3
files of 192 kbit/s. Fades and gaps (`core.playlists.fades`) are part of the copies. Two files cannot sound together, so
a crossfade becomes a fade-out and a fade-in of its length.

The folder of copies has a limit: `remove_old_copies` removes the oldest ones.
"""

import hashlib
import os
import re
import shutil
import tempfile
import zipfile
from contextlib import closing
from dataclasses import dataclass, replace
from math import isnan, log10
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
import soxr

from core.access import Action, Person, requires
from core.allowed_places import EVERYWHERE, Places
from core.atomic import replace_file, replacing
from core.audio.decoding import Source, blocks, display_name, inspect
from core.audio.encoding import LOSSY, as_heard
from core.errors import AudioError, CoreError
from core.features.loudness import Meter, as_played
from core.library import reading
from core.playlists.copy_file import Shape, check_space, write_copy
from core.playlists.fades import Fades
from core.playlists.files import artist_and_title, csv_file, file_name, file_stem, m3u8, row_dicts, xspf
from core.playlists.playlist import Playlist
from core.records import FoundFile, Remark, RemarkKind, ReportProgress

FORMS = {"FLAC": ".flac", "WAV": ".wav", "M4A": ".m4a", "MP3": ".mp3"}
PEAK_DB = -1.0  # dBTP, highest true peak of a copy
OVERSAMPLED = 4
SHOULD_MATTER_DB = 0.5  # a gain that is limited by less is not worth a remark
_LONGEST = 200  # bytes of a name; file systems take 255, of which number and ending need some
_NO_FADES = Fades()
_OUR_FOLDER = re.compile(rf"[a-z0-9-]*-[0-9a-f]{{8}}-({'|'.join(FORMS)})(-[0-9a-f]{{6}})?", re.IGNORECASE)
_LARGEST_MB = 1e6  # of a file on this machine: it was scored, so it is not too large


@dataclass(frozen=True, eq=False)
class Copies:
    """Levelled copies of a playlist.

    playlist : with the applied gains.  folder : contains all copies.  files : names in the order of the playlist.
    """

    playlist: Playlist
    folder: Path
    files: tuple[str, ...]

    def complete(self) -> bool:
        """Return whether all copies still exist (somebody may have deleted files from the folder)."""
        return all((self.folder / name).is_file() for name in self.files)


@dataclass(frozen=True)
class FileLoudness:
    """Loudness and true peak of a whole file.

    lufs : loudness as played, NaN for silence.  peak_db : true peak in dB of full scale, -inf for silence.
    """

    lufs: float
    peak_db: float

    def gain_db(self, target_lufs: float) -> float:
        """Gain for the target loudness without a peak above ``PEAK_DB``; 0 for silence."""
        return 0.0 if isnan(self.lufs) else min(target_lufs - self.lufs, PEAK_DB - self.peak_db)


@requires(Action.MAKE_PLAYLIST)
def level_copies(
    playlist: Playlist,
    folder: Path,
    *,
    by: Person,
    form: str = "FLAC",
    fades: Fades = _NO_FADES,
    max_mb: float = 200,
    places: Places = EVERYWHERE,
    progress: ReportProgress = lambda share, text: None,
) -> Copies:
    """Write a levelled copy of each piece into a folder, and the playlist as M3U8, XSPF and CSV.

    Parameters
    ----------
    by : the person who asks for the copies.
    folder : created when missing; files with the same names are replaced.
    form : format of the copies, one of ``FORMS``.
    fades : fades and gaps of the copies.
    max_mb : largest file that may be downloaded.
    places : the places from which files may be copied.
    progress : callback for the progress: finished share in [0, 1] and name of the current piece. An exception in the
        callback stops the work.

    Raises
    ------
    AudioError
        A file cannot be read.
    CoreError
        The disk is full, or the folder is not writable.
    """
    if form not in FORMS:
        raise CoreError(f"The format of the copies must be {', '.join(FORMS)}, not {form}.")
    rows = row_dicts(playlist)
    files, gains, remarks = [], [], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for k, row in enumerate(rows):
            progress(k / len(rows), artist_and_title(row))
            source = _opened(_content(row["path"], max_mb, places), row["path"])
            measured = _measured(source, lossy=form in LOSSY)
            gain = measured.gain_db(row["level_lufs"])
            name = f"{row['number']:02d} {_safe(artist_and_title(row))}{FORMS[form]}"
            _copy(source, row, folder / name, form, Shape(gain, fades, row["number"], len(rows)))
            files.append(name)
            gains.append(gain)
            missing = row["level_lufs"] - measured.lufs - gain
            if missing > SHOULD_MATTER_DB:
                text = f"Piece {row['number']} is {missing:.1f} dB quieter than planned: its peaks limit the gain."
                remarks.append(Remark(RemarkKind.GAIN_LIMITED, text))
        done = replace(playlist, rows=playlist.rows.assign(gain_db=gains), remarks=(*playlist.remarks, *remarks))
        for ending, content in ((".m3u8", m3u8(done, files=files)), (".xspf", xspf(done, files=files))):
            replace_file(folder / f"playlist{ending}", content)
        replace_file(folder / "playlist.csv", csv_file(done))
    except OSError as error:
        raise CoreError(
            f"The copies cannot be written into {folder}: {error.strerror or error}. Check the folder, then try again."
        ) from error
    progress(1.0, "Done")
    return Copies(done, folder, tuple(files))


def channels(path: str, places: Places = EVERYWHERE) -> float:
    """Channels of a file on this machine; NaN where it is not here, is not in these places, or cannot be read."""
    if "://" in path:
        return float("nan")
    try:
        return float(_opened(_content(path, _LARGEST_MB, places), path).channels)
    except CoreError:
        return float("nan")


def _content(path: str, max_mb: float, places: Places) -> bytes:
    """The bytes of a file. max_mb : of one that is elsewhere."""
    if not places.allow(path):
        raise AudioError(_unreadable(path))
    try:
        limit = max_mb if "://" in path else _LARGEST_MB
        within = "" if "://" in path else places.root_of(path)
        return reading.read_content(FoundFile(path, file_name(path), within=within), max_mb=limit).data
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
        f"{display_name(path)} cannot be read: the file was moved or is damaged. Replace the piece by another one, "
        "or score the library again."
    )


def peak_db(source: Source) -> float:
    """True peak of a whole file in dB of full scale; -inf for silence."""
    return _measured(source).peak_db


def _measured(source: Source, *, lossy: bool = False) -> FileLoudness:
    """Loudness and true peak of a whole file. lossy : of its M4A or MP3 copy, which has at most two channels."""
    meter, peak, sr = Meter(source.sr), 0.0, source.sr
    heard = 1 if lossy and source.channels > 2 else source.channels
    finer = soxr.ResampleStream(sr, OVERSAMPLED * sr, heard, "float64", "MQ")
    with closing(blocks(source)) as read:
        for samples in read:
            block = as_heard(samples) if lossy else samples
            meter(block)
            between = finer.resample_chunk(block)
            peak = max(peak, float(np.abs(block).max()), float(np.abs(between).max(initial=0.0)))
    rest = finer.resample_chunk(np.zeros((0, heard)), last=True)
    peak = max(peak, float(np.abs(rest).max(initial=0.0)))
    lufs = as_played(meter.lufs(), heard) if peak > 0 else float("nan")
    return FileLoudness(lufs, 20 * log10(peak) if peak > 0 else float("-inf"))


def _copy(source: Source, row: dict[str, Any], place: Path, form: str, shape: Shape) -> None:
    """Write a copy, whole or not at all."""
    check_space(source, place.parent, form, shape)
    try:
        with replacing(place) as part:
            write_copy(source, row, part, form, shape)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise CoreError(f"{place.name} cannot be written as {form}: {error}") from error


def _safe(name: str) -> str:
    """File name that is valid on every file system, visible, and not read as a URI by players."""
    plain = re.sub(r'[<>:"/\\|?*#%\x00-\x1f]', "_", name)
    return plain.encode()[:_LONGEST].decode(errors="ignore").strip(" .") or "piece"


def zip_copies(copies: Copies, *more: tuple[str, bytes]) -> BinaryIO:
    """Return the folder as an open temporary ZIP file, which is deleted when closed.

    more : names and contents of further files, such as the session sheet.
    Raises CoreError when the ZIP file cannot be written.
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
        raise CoreError(
            f"The copies in {copies.folder} cannot be packed: {error.strerror or error}. Make room, then try again."
        ) from error
    whole.seek(0)
    return whole


def folder_name(playlist: Playlist, form: str, fades: Fades = _NO_FADES) -> str:
    """Name of the folder of these copies: the name of the playlist, the format, and a short hash of the fades."""
    mark = f"-{hashlib.sha256(repr(fades).encode()).hexdigest()[:6]}" if fades.text() else ""
    return f"{file_stem(playlist)}-{form.lower()}{mark}"


@requires(Action.MAKE_PLAYLIST)
def remove_old_copies(parent: Path, *, most: int, by: Person) -> int:
    """Remove the oldest folders of copies, and return their number. Other folders and files are left alone.

    parent : contains the folders of copies.  most : so many folders stay, the ones that were written last.
    Raises CoreError when a folder cannot be removed.
    """
    try:
        ours = [p for p in parent.iterdir() if _OUR_FOLDER.fullmatch(p.name) and not p.is_symlink() and p.is_dir()]
        by_age = sorted(ours, key=lambda p: p.stat().st_mtime_ns)
        old = by_age[: max(0, len(by_age) - most)]
        for folder in old:
            shutil.rmtree(folder)
    except OSError as error:
        raise CoreError(
            f"Old copies in {parent} cannot be removed: {error.strerror or error}. Remove them by hand."
        ) from error
    return len(old)


def size_mb(copies: Copies) -> float:
    """Size of all copies together, in MB."""
    return sum((copies.folder / name).stat().st_size for name in copies.files) / 1e6
