"""The sound of a piece for the player of a page: the whole file where a browser can play it, with a safe gain."""

import io
from contextlib import closing
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import soundfile

from core.access import Action, requires
from core.allowed_places import allowed_places
from core.audio.decoding import blocks, content_hash, display_name, inspect
from core.errors import AudioError, CoreError
from core.pipeline import kept_audio
from core.playlists.files import is_local_file
from core.playlists.levelled_copies import PEAK_DB, peak_db
from core.settings import Settings
from core.store import Store, first_content

MEDIA_TYPES = {  # of the formats that browsers play as they are
    **{".wav": "audio/wav", ".flac": "audio/flac", ".mp3": "audio/mpeg", ".m4a": "audio/mp4"},
    **dict.fromkeys((".ogg", ".oga", ".opus"), "audio/ogg"),
    ".weba": "audio/webm",
}
CHANGED = "The file has changed since it was scored. Score the library again."
PART_ONLY = "only the scored part"


@dataclass(frozen=True, eq=False)
class Sound:
    """Audio that a browser plays. gain_db : to apply to it.  note : what is special about it, or empty."""

    data: bytes
    media_type: str
    gain_db: float
    note: str = ""


@requires(Action.MAKE_PLAYLIST)
def sound_of(piece: Any, gain_db: float, *, settings: Settings, store: Store) -> Sound:
    """Sound of a piece: its whole file, or the scored part where the file is not on this machine.

    A positive gain is limited as in the levelled copies: no peak above -1 dBTP.

    Parameters
    ----------
    piece : row of the table of pieces; its name is the hash of the file's content.
    gain_db : gain of the playlist, NaN when the loudness is not known.

    Raises
    ------
    CoreError
        The file cannot be read, has changed, or may not be played here.
    """
    path, note = str(piece["path"]), ""
    if is_local_file(path):
        data = whole_file(path, str(piece.name), settings, store)
        media_type = MEDIA_TYPES.get(Path(path).suffix.lower(), "")
        if not media_type:
            data, media_type = _as_flac(data, path), "audio/flac"
    else:
        start, length = float(piece["start_s"]), float(piece["length_s"])
        kept = kept_audio.load_audio(
            str(piece["clip_id"]), path or None, start_s=start, duration_s=length, settings=settings, by=store.by
        )
        data, media_type, note = kept.data, kept.media_type, PART_ONLY
    gain = 0.0 if isnan(gain_db) else gain_db
    if gain > 0:
        gain = max(0.0, min(gain, PEAK_DB - peak_db(inspect(data, display_name(path), max_mb=len(data) / 1e6 + 1))))
    return Sound(data, media_type, gain, note)


def passage_problem(start_s: float, end_s: float, length_s: float) -> str:
    """What is wrong with a passage of a piece, as a sentence; empty when nothing is. length_s : of the whole piece."""
    if end_s <= start_s:
        return "The passage must end after its start. Change one of the two seconds."
    if start_s >= length_s:
        return f"The piece lasts {length_s:.0f} seconds, so the passage cannot start at second {start_s:g}."
    return ""


def whole_file(path: str, piece_id: str, settings: Settings, store: Store) -> bytes:
    """The bytes of a local file that is in an allowed place and still has the content that was scored.

    A mood in its tag, which this program wrote, is no change.
    The bytes that are played are those that were compared: another file could take the name in between.
    Raises AudioError when the file may not be read, cannot be read, or has changed.
    """
    if not allowed_places(settings).allow(path):
        raise AudioError("The file cannot be played here: its folder is not a place for music.")
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise AudioError("The file is no longer there. Score the library again.") from error
    digest = content_hash(data)
    if piece_id not in (digest, first_content(store, digest)):
        raise AudioError(CHANGED)
    return data


def _as_flac(data: bytes, path: str) -> bytes:
    """A file that browsers do not play, as FLAC."""
    source, buffer = inspect(data, display_name(path), max_mb=len(data) / 1e6 + 1), io.BytesIO()
    try:
        with (
            soundfile.SoundFile(buffer, "w", source.sr, source.channels, "PCM_16", format="FLAC") as out,
            closing(blocks(source)) as read,
        ):
            for block in read:
                out.write(block)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise CoreError(f"{source.name} cannot be played here: {error}") from error
    return buffer.getvalue()
