"""Dataclasses that several packages exchange. They hold values and import no large library."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.errors import CoreError
from core.schema import FeatureVector
from core.windows import PIECE_APART_S, spans

ReportProgress = Callable[[float, str], None]  # called with the share done, from 0 to 1, and a sentence

YEARS = (1000, 2100)  # first and last year of a recording that the program accepts
MUSIC_TAGS = ("makam", "usul", "performer")  # free-form tags: Vorbis comments, ID3 TXXX, MP4 ----


class RemarkKind(StrEnum):
    """Topic of a remark. Code branches on the kind; people read the text."""

    # a file of audio
    BAND_LIMITED = "band_limited"
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
    LOW_RATE = "low_rate"
    MISSING = "missing_features"
    MIXED = "mixed"
    ONE_CHANNEL = "one_channel"
    RESAMPLED = "resampled"
    SHORT = "short"
    EARLIER = "stored by an earlier version"  # which stored no kinds
    # a window of a recording
    NOT_SCORED = "not scored"
    UNLIKE = "unlike the training music"
    # a playlist
    LEFT_OUT = "pieces left out"
    NEVER = "pieces on the list of what no playlist uses"
    NEEDS_LISTENING = "pieces left out until a person has listened"
    LIBRARY_TOO_SMALL = "library too small"
    LENGTH_MISSED = "length missed"
    LENGTHS_ASKED = "pieces left out by the asked lengths"
    TEMPO_MISSED = "tempo missed"
    TEMPO_RISES = "tempo rises on the way to a calm goal"
    TEMPO_COUNTED = "tempo counted at half or double"
    MOOD_TIME_MISSED = "time in a mood missed"
    LOUDNESS_MISSED = "louder on the way to a calm goal"
    CHANGED_BY_HAND = "weak places of a list that a person changed"
    PIN_GONE = "pinned piece gone"
    SAME_ARTIST = "neighbours by the same artist"
    NO_ARTIST = "pieces without an artist"
    SYNTHETIC = "synthetic pieces"
    FILE_MISSING = "files missing or changed since the list was made"
    GAIN_LIMITED = "gain limited by the peaks"


class Word(StrEnum):
    """Whose word the mood of a piece or a window is."""

    OWN = "own"  # of the person who reads the page
    AGREED = "agreed"  # raters agree, or an analyst settled it
    MODEL = "model"
    PERSON = "person"  # in a stored list: of the person who made it, who may not be the one who reads it


@dataclass(frozen=True)
class Remark:
    """A sentence for the user, and its kind for the program."""

    kind: RemarkKind
    text: str


@dataclass(frozen=True, eq=False)
class MeasuredClip:
    """Measurements of one part of a file, as they are stored.

    Parameters
    ----------
    vector
        The 50 features.
    start_s, duration_s
        Start of the part in the file and its length, in seconds.
    lufs
        Loudness of the part, measured in the original channels; None if the part is too short or silent.
    sr, bitrate, file_duration_s, channels
        Properties of the whole file: sampling rate in Hz, bit rate in bit/s, length in seconds, number of channels.
        channels is None for clips stored by versions that did not measure it.
    part_of
        Id of the clip that the part serves as a further window; None for a part that counts by itself.
    """

    vector: FeatureVector
    start_s: float
    duration_s: float
    lufs: float | None
    sr: int
    bitrate: int
    file_duration_s: float
    channels: int | None = None
    part_of: str | None = None


@dataclass(frozen=True, eq=False)
class MeasuredFile:
    """All measured parts of one file and the origin of the file, ready for the store.

    Parameters
    ----------
    clips
        The measured parts.
    content_hash
        Hash of the bytes of the file.
    file_name
        Name of the file in the upload or in its folder.
    origin
        Origin of the file, one of ``core.store.ORIGINS``.
    path
        Path of the stored audio; None if the audio is not stored.
    tags
        Artist, title, album, genre, year, makam, usul, performer; for library files also ``source``, the folder. Each
        file content gets its own track: two files with the same artist and title are two recordings. A file without
        a source and without any tag gets no track.
    """

    clips: tuple[MeasuredClip, ...]
    content_hash: str
    file_name: str
    origin: str
    path: str | None = None
    tags: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class FoundFile:
    """A file found in a library.

    Parameters
    ----------
    path
        A local path, or an address such as ``s3://bucket/name``.
    name
        Path relative to the library folder, with ``/``.
    size
        Size in bytes.
    stamp
        Text that changes whenever the file changes.
    problem
        Reason why the file cannot be read, if listing the folder already showed one.
    within
        Folder that the file must be in when it is read, whatever links lead to it; "" is any folder.
    """

    path: str
    name: str
    size: int = 0
    stamp: str = ""
    problem: str = ""
    within: str = ""


@dataclass(frozen=True)
class Plan:
    """Which parts of a file are scored: a few windows around its middle, or windows over the whole file.

    The windows around the middle give one answer for the file, as on the Predict page.

    Parameters
    ----------
    window_s
        Length of a window, from 30 to 60 seconds.
    hop_s
        Seconds from the start of one window to the start of the next; None = windows around the middle.
    count, apart_s
        Number of windows around the middle, and seconds between their starts; 1 = only the middle 30.02 s.
    """

    window_s: float = 30.0
    hop_s: float | None = None
    count: int = 1
    apart_s: float = PIECE_APART_S

    def __post_init__(self) -> None:
        if self.hop_s is not None:
            self.spans(3600.0)  # raises CoreError if the lengths are not allowed

    @property
    def name(self) -> str:
        """Name in the database: ``"excerpt"``, ``"3 every 10"``, or length and hop, such as ``"30/15"``."""
        if self.hop_s is not None:
            return f"{self.window_s:g}/{self.hop_s:g}"
        return "excerpt" if self.count == 1 else f"{self.count} every {self.apart_s:g}"

    @property
    def whole(self) -> bool:
        """Whether each file gets one answer; otherwise each window gets one."""
        return self.hop_s is None

    def spans(self, duration_s: float) -> list[tuple[float, float]]:
        """Return start and end of each window in seconds, see ``core.windows.spans``."""
        if self.hop_s is None:
            raise CoreError("This plan scores only the middle of a file. Choose a plan with windows.")
        return spans(duration_s, length_s=self.window_s, hop_s=self.hop_s)


@dataclass(frozen=True)
class Window:
    """One part of a file. clip_id is None if the part could not be scored; ``remark`` then gives the reason."""

    start_s: float
    end_s: float
    clip_id: str | None
    remark: str = ""


@dataclass(frozen=True)
class LibraryFile:
    """The result of scoring one file under one plan.

    Parameters
    ----------
    path
        A local path or an address.
    plan
        Name of the plan, see `Plan.name`.
    size
        Size in bytes.
    stamp
        Text that changes whenever the file changes; empty = read the content again.
    state
        One of ``core.store.FILE_STATES``.
    windows
        The scored parts; when the file gets one answer, the window that names the answer is the first.
    reason
        Sentence that explains why the file was not scored.
    content_hash, duration_s
        None if the file could not be read.
    remarks
        What a person should know about the file, such as properties that make the features less reliable.
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
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, eq=False)
class LibraryEntry:
    """A library file together with its measurements.

    Parameters
    ----------
    file
        The result of scoring the file.
    clips
        The measured parts.
    track
        The result of `core.audio.tags.read_tags`.
    known
        True if the same content was measured before; its stored windows and duration are then used.
    gone
        True if the file was missing when it was to be read.
    """

    file: LibraryFile
    clips: tuple[MeasuredClip, ...] = ()
    track: Mapping[str, Any] | None = None
    known: bool = False
    gone: bool = False
