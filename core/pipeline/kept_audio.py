"""The audio of clips, kept so that people can listen to them later: what was analysed, never the file that was sent.

At most 30 s of mono audio a clip, FLAC with 24 bits, in data/clips, named by the hash alone: no path comes from a
person. A library's files stay where they are and are read there. A clip that is deleted takes its audio with it, also
that of a file which was sent to be scored as a library.
"""

import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from core import store as db
from core.atomic import replace_file
from core.audio.decoding import Clip, content_hash, decode, file_of
from core.errors import AudioError, StoreError
from core.locations import is_uploaded, present_path
from core.settings import Settings
from core.store import Store, forget_files

_NAMED = re.compile(r"[0-9a-f]{64}(@[0-9]+\.[0-9]{3}\+[0-9]+(\.[0-9]+)?)?")  # as `core.audio.decoding` names a clip


@dataclass(frozen=True, eq=False)
class KeptAudio:
    """Audio that was kept. data : a file that browsers play.  form : its media type.  clip : the same, decoded."""

    data: bytes
    form: str
    clip: Clip


def folder(settings: Settings) -> Path:
    """Where the audio of clips is kept."""
    return settings.clips_dir


def keep_audio(clip: Clip, kept: Path) -> str:
    """Write the clip's samples unless they are there, and return the path to store with the clip.

    kept : the folder, see ``folder``.  The file appears whole or not at all, also when the process dies.
    Raises StoreError when the disk refuses it.
    """
    path = _place(clip.clip_id, kept)
    try:
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, _flac(clip.y, clip.sr))
    except OSError as error:
        raise StoreError(f"The clip's audio cannot be kept in {kept}: {error.strerror}.") from error
    return f"{kept.name}/{path.parent.name}/{path.name}"


def load_audio(clip_id: str, path: str | None, *, start_s: float, duration_s: float, settings: Settings) -> KeptAudio:
    """The audio of a stored clip, as people hear it.

    clip_id, path, start_s, duration_s : of the row in the store. An absolute path is a file of a library; of anything
    else only the clip's hash counts.
    Raises AudioError when it was not kept, is gone, or is no longer what was scored.
    """
    if path is not None and Path(path).is_absolute():
        return _of_library(clip_id, Path(present_path(path, settings)), start_s, duration_s, settings)
    try:
        data = _place(clip_id, folder(settings)).read_bytes()
    except OSError as error:
        raise AudioError("The audio of this clip is no longer there. Score the file again to bring it back.") from error
    try:
        y, sr = soundfile.read(io.BytesIO(data), dtype="float64")
        return KeptAudio(data, "audio/flac", Clip(clip_id, y, sr))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError("The kept audio of this clip is damaged. Score the file again to bring it back.") from error


def _of_library(clip_id: str, path: Path, start_s: float, duration_s: float, settings: Settings) -> KeptAudio:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AudioError(
            "The audio of this clip is no longer there. If its folder was moved, score it where it is now: "
            "python -m core score FOLDER --out results.parquet"
        ) from error
    if content_hash(data) != file_of(clip_id):
        raise AudioError("The file in the library has changed since it was scored. Score the library again.")
    part = {} if "@" not in clip_id else {"start_s": start_s, "length_s": duration_s}
    clip = decode(data, path.name, max_mb=settings.max_upload_mb, **part).clip
    return KeptAudio(_flac(clip.y, clip.sr), "audio/flac", clip)


def delete_clip(opened: Store, clip_id: str, *, settings: Settings) -> None:
    """Take a clip out of queues, libraries and training, and remove its kept audio. What people said of it stays.

    So does a library's own file, but not one that was sent to be scored: it goes with the last clip of its content.
    """
    db.delete_clip(opened, clip_id)
    for path in forget_files(opened, clip_id, ours=lambda path: is_uploaded(path, settings)):
        try:
            Path(present_path(path, settings)).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"The clip is deleted, but not the file that was sent: {error.strerror}.") from error
    if _NAMED.fullmatch(clip_id):
        try:
            _place(clip_id, folder(settings)).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"The clip is deleted, but not its audio file: {error.strerror}.") from error


def _place(clip_id: str, kept: Path) -> Path:
    if not _NAMED.fullmatch(clip_id):
        raise StoreError("The clip's id is no hash of audio, so no audio is kept under it.")
    return kept / clip_id[:2] / f"{clip_id}.flac"


def _flac(y: np.ndarray, sr: int) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, y, sr, format="FLAC", subtype="PCM_24")
    return buffer.getvalue()
