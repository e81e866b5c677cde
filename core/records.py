"""Records that several rooms pass to one another. They hold values and import nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.errors import CoreError
from core.schema import FeatureVector


class RemarkKind(StrEnum):
    """What a remark is about. Code decides by the kind, and shows the text."""

    # a file of audio
    BEYOND_FULL_SCALE = "beyond_full_scale"
    CANCELLING_CHANNELS = "cancelling_channels"
    CLIPPING = "clipping"
    CUT = "cut"
    DAMAGED = "damaged"
    DC_OFFSET = "dc_offset"
    EIGHT_BIT = "eight_bit"
    EXCERPT = "excerpt"
    JOINED = "joined"
    LEADING_SILENCE = "leading_silence"
    LENGTH_UNKNOWN = "length_unknown"
    LOSSY = "lossy"
    LOW_RATE = "low_rate"
    MIXED = "mixed"
    SHORT = "short"
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
        What is known of the music: artist, title, album, genre, year, makam, usul, performer; for files of a library
        also
        ``source``, the folder. The track belongs to this file's content alone: two files with the same artist and title
        are two recordings. A file without a source whose tags are all empty gets no track.
    """

    clips: tuple[MeasuredClip, ...]
    content_hash: str
    file_name: str
    origin: str
    path: str | None = None
    tags: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Found:
    """A file that was found.

    path : on this machine, or an address such as ``s3://bucket/name``.  name : below the folder, with ``/``.
    size : bytes.  stamp : changes when the file does.  problem : why it cannot be read, where looking already told.
    """

    path: str
    name: str
    size: int = 0
    stamp: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Plan:
    """Which parts of a file are scored: its middle 30.02 s as on the Predict page, or windows over the whole of it.

    window_s : length of a window, from 30 to 60 s.  hop_s : a window begins every so many seconds; None: one excerpt.
    """

    window_s: float = 30.0
    hop_s: float | None = None

    def __post_init__(self) -> None:
        if self.hop_s is not None:
            self.spans(3600.0)  # refuses what cannot be cut

    @property
    def name(self) -> str:
        """As it is stored: ``"excerpt"``, or length and distance of the windows, ``"30/15"``."""
        return "excerpt" if self.hop_s is None else f"{self.window_s:g}/{self.hop_s:g}"

    def spans(self, duration_s: float) -> list[tuple[float, float]]:
        """Start and end of each window in s, see ``core.windows.spans``."""
        from core.windows import spans  # imports pandas, which a worker that cuts no windows does without

        if self.hop_s is None:
            raise CoreError("An excerpt has no windows.")
        return spans(duration_s, length_s=self.window_s, hop_s=self.hop_s)


@dataclass(frozen=True)
class Window:
    """One scored part of a file. clip_id : None when it could not be scored, and then ``remark`` says why."""

    start_s: float
    end_s: float
    clip_id: str | None
    remark: str = ""


@dataclass(frozen=True)
class LibraryFile:
    """What became of one file under one plan.

    path : on this machine, or an address.  plan : which parts are scored.  size : bytes.
    stamp : changes when the file does; empty means that its content has to be looked at again.
    state : one of ``core.store.FILE_STATES``; reason : why it was not scored, as a sentence.
    content_hash, duration_s : None when it could not be read.  remarks : what makes the features less meaningful.
    """

    path: str
    plan: str
    size: int
    stamp: str
    state: str
    reason: str = ""
    extractor: str = ""
    content_hash: str | None = None
    duration_s: float | None = None
    windows: tuple[Window, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class LibraryEntry:
    """A file with what was measured in it.

    track : what `core.audio.tags.read_tags` tells.
    known : the same content was measured before; windows and duration are to be taken from there.
    gone : there was no such file where it was to be read.
    """

    file: LibraryFile
    clips: tuple[MeasuredClip, ...] = ()
    track: Mapping[str, Any] | None = None
    known: bool = False
    gone: bool = False
