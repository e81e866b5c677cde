"""Store the analysed audio of clips so that people can listen to it later. Uploaded files are not stored.

Each clip is at most 30 s of mono audio in a 24-bit FLAC file in data/clips. The file name is the clip's hash, so no
path comes from a user. Files of a library are read where they are. Deleting a clip also deletes its audio, including
an uploaded file of a library.
"""

import io
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import soundfile

from core.access import Action, Person, requires
from core.allowed_places import allowed_places
from core.atomic import replace_file
from core.audio.decoding import Clip, content_hash, decode, file_of
from core.audio.packed import MEDIA_TYPE, flac
from core.errors import AudioError, StoreError
from core.locations import is_uploaded, present_path
from core.settings import Settings
from core.store import Store, erase_own_clip, forget_files, is_shared
from core.store import delete_clip as mark_clip_deleted

_NAMED = re.compile(r"[0-9a-f]{64}(@[0-9]+\.[0-9]{3}\+[0-9]+(\.[0-9]+)?)?")  # as `core.audio.decoding` names a clip


@dataclass(frozen=True, eq=False)
class KeptAudio:
    """Stored audio of a clip.

    Parameters
    ----------
    data
        Content of a file that browsers can play.
    media_type
        Media type of data, such as "audio/flac".
    clip
        The decoded audio.
    """

    data: bytes
    media_type: str
    clip: Clip


def folder(settings: Settings) -> Path:
    """Return the folder of stored clip audio."""
    return settings.clips_dir


def keep_audio(clip: Clip, audio_folder: Path) -> str:
    """Write the clip's samples to a file unless it exists, and return the path for the clip's row.

    The write is atomic, also when the process dies.  audio_folder : see ``folder``.
    Raises StoreError when the file cannot be written.
    """
    path = _audio_path(clip.clip_id, audio_folder)
    try:
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, flac(clip.y, clip.sr))
    except OSError as error:
        raise StoreError(f"The clip's audio cannot be stored in {audio_folder}: {error.strerror}.") from error
    return f"{audio_folder.name}/{path.parent.name}/{path.name}"


@contextmanager
def keeping_audio(clip: Clip, audio_folder: Path | None) -> Iterator[str | None]:
    """Keep the clip's audio as `keep_audio` does, and yield the path for its row; None without a folder.

    When the block fails, a file that was not there before is removed again: no row names it.
    """
    if audio_folder is None:
        yield None
        return
    file = _audio_path(clip.clip_id, audio_folder)
    there = file.is_file()
    path = keep_audio(clip, audio_folder)
    try:
        yield path
    except BaseException:
        if not there:
            file.unlink(missing_ok=True)
        raise


@requires(Action.LABEL)
def load_audio(
    clip_id: str,
    path: str | None,
    *,
    start_s: float,
    duration_s: float,
    settings: Settings,
    by: Person,
    first: Callable[[str], str] = str,
) -> KeptAudio:
    """Load the audio of a stored clip for playback.

    Parameters
    ----------
    clip_id, path, start_s, duration_s
        Values of the clip's row in the store. An absolute path is a file of a library; any other path is ignored and
        the file is found by the clip's hash.
    first
        Returns the first content of a file whose tag was written after it was scored, see ``store.first_content``.

    Raises
    ------
    AudioError
        When the audio was not stored, is missing, or has changed since the clip was scored.
    """
    if path is not None and Path(path).is_absolute():
        return _of_library(clip_id, Path(present_path(path, settings)), start_s, duration_s, settings, first)
    try:
        data = _audio_path(clip_id, folder(settings)).read_bytes()
    except OSError as error:
        raise AudioError("The audio of this clip is no longer there. Score the file again to restore it.") from error
    try:
        y, sr = soundfile.read(io.BytesIO(data), dtype="float64")
        return KeptAudio(data, MEDIA_TYPE, Clip(clip_id, y, sr))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError("The stored audio of this clip is damaged. Score the file again to restore it.") from error


def _of_library(
    clip_id: str, path: Path, start_s: float, duration_s: float, settings: Settings, first: Callable[[str], str]
) -> KeptAudio:
    if not allowed_places(settings).allow(str(path)):
        raise AudioError("The audio of this clip cannot be played here: its folder is not a place for music.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AudioError(
            "The audio of this clip is no longer there. If its folder was moved, score the folder in its new place: "
            "python -m core score FOLDER --out results.parquet"
        ) from error
    digest = content_hash(data)
    if file_of(clip_id) not in (digest, first(digest)):
        raise AudioError("The file in the library has changed since it was scored. Score the library again.")
    part = {} if "@" not in clip_id else {"start_s": start_s, "length_s": duration_s}
    clip = decode(data, path.name, max_mb=settings.max_upload_mb, **part).clip
    return KeptAudio(flac(clip.y, clip.sr), MEDIA_TYPE, clip)


@requires(Action.DELETE_CLIP)
def delete_clip(store: Store, clip_id: str, *, settings: Settings) -> None:
    """Delete a clip from queues, libraries and training, and remove its stored audio. Answers about it stay.

    A library's own file stays. An uploaded file is removed with the last clip of its content.
    """
    mark_clip_deleted(store, clip_id)
    for path in forget_files(store, clip_id, ours=lambda path: is_uploaded(path, settings)):
        try:
            Path(present_path(path, settings)).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"The clip is deleted, but not the uploaded file: {error.strerror}.") from error
    _remove_audio(clip_id, settings)


@requires(Action.ERASE_OWN_CLIP)
def erase_clip(store: Store, clip_id: str, *, settings: Settings) -> None:
    """Erase a clip that the person brought: its rows, as `core.store.erase_own_clip` says, and its kept audio.

    The tables of a library in the cache are removed, too: they can still name the clip.

    Raises StoreError when the clip is not theirs, or its audio or the tables cannot be removed.
    """
    if erase_own_clip(store, clip_id) and not is_shared(store, clip_id):  # somebody may have shared it since
        _remove_audio(clip_id, settings)
    try:
        shutil.rmtree(settings.pieces_dir)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(
            f"The clip is erased, but the folder {settings.pieces_dir} can still name it: {error.strerror}. "
            "Remove this folder."
        ) from error


def _remove_audio(clip_id: str, settings: Settings) -> None:
    if not _NAMED.fullmatch(clip_id):
        return
    try:
        _audio_path(clip_id, folder(settings)).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"The clip is deleted, but not its audio file: {error.strerror}.") from error


def _audio_path(clip_id: str, audio_folder: Path) -> Path:
    if not _NAMED.fullmatch(clip_id):
        raise StoreError("The clip's id is not a hash of audio, so no audio is stored for it.")
    return audio_folder / clip_id[:2] / f"{clip_id}.flac"
