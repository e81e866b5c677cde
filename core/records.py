"""Records that several rooms pass to one another. They hold values and import nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.schema import FeatureVector


class RemarkKind(StrEnum):
    """What a remark is about. Code decides by the kind, and shows the text."""

    # a window of a recording
    NOT_SCORED = "not scored"
    UNLIKE = "unlike the training music"
    # a playlist
    LEFT_OUT = "pieces left out"
    NEEDS_LISTENING = "pieces left out until a person has listened"
    LIBRARY_TOO_SMALL = "library too small"
    LENGTH_MISSED = "length missed"
    SAME_ARTIST = "neighbours by the same artist"
    NO_ARTIST = "pieces without an artist"
    SYNTHETIC = "synthetic pieces"
    GAIN_LIMITED = "gain limited by the peaks"


@dataclass(frozen=True)
class Remark:
    """A sentence for a person, with its kind for the program."""

    kind: RemarkKind
    text: str


@dataclass(frozen=True, eq=False)
class MeasuredClip:
    """What was measured of one part of a file, as it is stored.

    Parameters
    ----------
    vector
        The features.
    start_s, duration_s
        Where the part begins in the file, and how long it is.
    lufs
        Loudness of the part in the channels of the file; None for a part that is too short or silent.
    sr, bitrate, file_duration_s, channels
        Of the whole file: sampling rate in Hz, bit/s, seconds. channels is None for clips of before it was measured.
    """

    vector: FeatureVector
    start_s: float
    duration_s: float
    lufs: float | None
    sr: int
    bitrate: int
    file_duration_s: float
    channels: int | None = None


@dataclass(frozen=True, eq=False)
class MeasuredFile:
    """Measured parts of one file, with where the file came from: what the store needs to keep them.

    Parameters
    ----------
    clips
        The measured parts.
    content_hash
        Of the bytes of the file.
    file_name
        As the person or the folder names it.
    origin
        How the file came here, one of ``core.store.ORIGINS``.
    path
        Of the audio, where it is kept; None when it is not kept.
    tags
        What is known of the music: artist, title, album, genre, year, makam, usul, performer. Tags with a ``source``,
        the folder of a library, name a track that several files may share. Without a source the track belongs to this
        file alone, and a file whose tags are all empty gets no track.
    """

    clips: tuple[MeasuredClip, ...]
    content_hash: str
    file_name: str
    origin: str
    path: str | None = None
    tags: Mapping[str, Any] | None = None
