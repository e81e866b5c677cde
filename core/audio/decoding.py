"""Bytes or a path to a ``Clip``: decode, mono, 44.1 kHz, excerpt, content hash, and refusal of what is no music.

Everything is brought to what the published table was made from: mono (mean of the channels), 44.1 kHz, 30.02 s at most.
Uncompressed files are read in this process, all others in a process of their own (`core.audio.isolated`). Sources:
libsndfile and FFmpeg (`core.audio.opening`), soxr HQ (resampling); excerpt length from the event densities of the
table, which are multiples of 1 / 29.93 s, so its clips have 30.02 s.
"""

import hashlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
import soxr

from core.audio import isolated
from core.audio import remarks as remarks_module
from core.audio.containers import MOST_PARTS, too_many_parts
from core.audio.decoders import Header, StoppedError, UnreadableError
from core.audio.formats import BY_NAME, Format, Other, identify, names
from core.audio.opening import open_plain
from core.audio.remarks import of_band, of_format, to_full_scale
from core.errors import AudioError, DecoderError, NotAudioError
from core.records import Remark, RemarkKind
from core.schema import SR

EXCERPT_S = 30.02  # length of the table's clips
SHORTEST_S = 0.5  # below this hardly a rhythm feature exists; harmonic change needs 0.82 s, tempo 0.6 s
LITTLE_S = 5.0  # a prediction on less stands on little
SHORT_S = 25.0  # clips of the table have 30.02 s; what a cut costs is measured (docs/models.md)
LOWEST_SR, HIGHEST_SR = 4_000, 768_000
MOST_CHANNELS = 64
SILENCE = 1e-4  # peak to peak, -80 dB of full scale: nothing that a listener would call music
TOO_LARGE = "Cut out the part that you want to know about, or export the file as FLAC or MP3."  # what to do then
# Measured by `python -m core stability` with the model in models/champion.
SHORT_COST = "Cut to 20 s, 1 of 5 clips gets another guess, and cut to 10 s, 1 of 3."

Listener = Callable[[np.ndarray], None]


def all_finite(y: np.ndarray) -> bool:
    """Whether all samples are numbers: then the lowest and the highest are, and no copy is needed. y : not empty."""
    return bool(np.isfinite(y.min()) and np.isfinite(y.max()))


@dataclass(frozen=True, eq=False)
class Clip:
    """Mono audio, ready for the features.

    clip_id : hash of the file's bytes, with the excerpt's start where it is not the default.
    y : shape (n,), float64, full scale = 1.  sr : sampling rate in Hz.
    """

    clip_id: str
    y: np.ndarray
    sr: int

    def __post_init__(self) -> None:
        if self.y.ndim != 1 or self.y.dtype != np.float64:
            raise AudioError(f"A clip is mono float64 audio; this one is {self.y.dtype} of shape {self.y.shape}.")
        if self.y.size == 0:
            raise AudioError("The audio holds no samples.")
        if not all_finite(self.y):
            raise AudioError("The audio holds samples that are not numbers. Export the file again.")
        if self.sr <= 0:
            raise AudioError(f"A sampling rate of {self.sr} Hz makes no sense.")

    @property
    def duration_s(self) -> float:
        return self.y.size / self.sr


@dataclass(frozen=True, eq=False)
class Recording:
    """What was decoded, and what a person should know about it.

    clip : the excerpt.  sr, channels, duration_s : of the whole file as it came.
    start_s : where the excerpt begins.  remarks : what is suspicious, or makes the features less meaningful.
    """

    clip: Clip
    name: str
    format: str
    sr: int
    channels: int
    duration_s: float
    start_s: float
    remarks: tuple[Remark, ...]


def content_hash(data: bytes) -> str:
    """SHA-256 of the bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def display_name(name: str) -> str:
    """The last part of a file name, printable characters only, 120 characters at most: to show, never to open."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable())[:120] or "clip"


def read(path: Path, *, start_s: float | None = None, length_s: float = EXCERPT_S, max_mb: float = 200) -> Recording:
    """Decode a file; as ``decode``."""
    try:
        size = path.stat().st_size
        if size > max_mb * 1e6:
            raise AudioError(_too_large(display_name(path.name), size, max_mb))
        data = path.read_bytes()
    except OSError as error:
        raise AudioError(f"{display_name(path.name)} cannot be read: {error.strerror}.") from error
    return decode(data, path.name, start_s=start_s, length_s=length_s, max_mb=max_mb)


def decode(
    data: bytes, name: str, *, start_s: float | None = None, length_s: float = EXCERPT_S, max_mb: float = 200
) -> Recording:
    """Decode audio bytes to a mono excerpt at 44.1 kHz.

    start_s : where the excerpt begins; None takes the middle of a file that is longer than length_s, because beginnings
        and endings are the least typical parts of a recording.
    Raises AudioError with a sentence for anything that is not at least 0.5 s of sound.
    """
    return excerpt(inspect(data, name, max_mb=max_mb), start_s=start_s, length_s=length_s)


@dataclass(frozen=True, eq=False)
class Source:
    """A whole file, checked once, from which any number of excerpts can be decoded.

    digest : hash of the bytes.  header : what was found in it.  here : its samples are read in this process; what has
    to be decoded is decoded in another one.
    """

    data: bytes
    name: str
    digest: str
    header: Header
    here: bool

    @property
    def format(self) -> str:
        return self.header.format

    @property
    def form(self) -> Format:
        return BY_NAME[self.header.format]

    @property
    def sr(self) -> int:
        """Of the file, in Hz."""
        return self.header.sr

    @property
    def channels(self) -> int:
        return self.header.channels

    @property
    def duration_s(self) -> float:
        return self.header.frames / self.header.sr


def inspect(data: bytes, name: str, *, max_mb: float = 200) -> Source:
    """Check size, kind, completeness and header of a file. Raises AudioError as ``decode`` does."""
    name = display_name(name)
    if not data:
        raise AudioError(f"{name} is empty: it holds no bytes. Choose a file with music, or copy it again.")
    if len(data) > max_mb * 1e6:
        raise AudioError(_too_large(name, len(data), max_mb))
    form = identify(data)
    if isinstance(form, Other):
        raise NotAudioError(f"{name} is {form.what}. {form.way_out} These formats are read: {names()}.")
    if too_many_parts(data, form.name):
        raise AudioError(
            f"{name} consists of more than {MOST_PARTS:,} parts: it is damaged, or built to do harm. Open it in "
            "another program and export it as WAV or FLAC."
        )
    digest = content_hash(data)
    with _named(name):
        opened = open_plain(data, form) if form.plain else None
        header = isolated.probe(data, form, digest) if opened is None else opened.header
    _check_header(header, name)
    return Source(data, name, digest, header, here=opened is not None)


def excerpt(
    source: Source, *, start_s: float | None = None, length_s: float = EXCERPT_S, listen: Listener | None = None
) -> Recording:
    """Decode a part of a file; as ``decode``.

    listen : called with each block as it is decoded, shape (n, channels), float64, at the file's own rate.
    """
    (one,) = excerpts(source, [start_s], length_s=length_s, listen=[listen] if listen else ())
    if isinstance(one, AudioError):
        raise one
    return one


def excerpts(
    source: Source,
    starts_s: Sequence[float | None],
    *,
    length_s: float = EXCERPT_S,
    listen: Sequence[Listener] = (),
) -> list[Recording | AudioError]:
    """Decode several parts of a file in one pass; a part without usable audio gives the error that says why.

    The file is decoded once, from the first start to the last end.

    starts_s : start of each part; None takes the middle, as in ``decode``.  listen : as in ``excerpt``, one for each
        part, or none.
    """
    parts = [_Part(source, start_s, length_s, listen[k] if listen else None) for k, start_s in enumerate(starts_s)]
    first, end = min(part.first for part in parts), max(part.end for part in parts)
    broken: AudioError | None = None
    at = first
    try:
        with closing(blocks(source, first, end - first)) as read:
            for block in read:
                for part in parts:
                    part.take(block, at)
                at += len(block)
    except AudioError as error:
        broken = error
    return [_recording(source, part, broken) for part in parts]


def _recording(source: Source, part: "_Part", broken: AudioError | None) -> Recording | AudioError:
    """Return a decoded part. broken : why decoding ended early."""
    if broken is not None and part.done < part.wanted:
        return broken
    try:
        y = part.samples()
    except AudioError as error:
        return error
    header, start = source.header, part.first / source.sr
    remarks = of_format(header.format, header.codec, header.sr, header.channels)
    y, scaled = to_full_scale(y)
    remarks += [*header.remarks, *part.heard.remarks(), *scaled]
    if source.sr != SR:
        y = soxr.resample(y, source.sr, SR, quality="HQ")
    remarks += of_band(y, source.sr)
    clip = Clip(source.digest if part.default else f"{source.digest}@{start:.3f}+{y.size / SR:.3f}", y, SR)
    remarks += _about_length(source, clip, start)
    return Recording(
        clip, source.name, source.format, source.sr, source.channels, source.duration_s, start, tuple(remarks)
    )


def _about_length(source: Source, clip: Clip, start: float) -> list[Remark]:
    found = []
    if clip.duration_s < SHORT_S:
        why = "a prediction on so little audio is not reliable."
        if clip.duration_s >= LITTLE_S:
            why = f"the model learned from clips of 30 s. {SHORT_COST}"
        found.append(Remark(RemarkKind.SHORT, f"Only {clip.duration_s:.1f} s of audio: {why}"))
    if source.duration_s > clip.duration_s + 0.01:
        whole = f"The file lasts {source.duration_s:.0f} s"
        found.append(
            Remark(RemarkKind.EXCERPT, f"{whole}; {clip.duration_s:.1f} s from {start:.1f} s on were analysed.")
        )
    return found


def blocks(source: Source, first: int = 0, count: int | None = None) -> Generator[np.ndarray]:
    """Samples of a file as they come: arrays of shape (n, channels), float64, at its own rate.

    first, count : in samples; all from ``first`` on by default. Ends early where the file does. Close it when it is not
    read to its end: until then it occupies one of the decoder's processes.
    Raises AudioError when it is damaged.
    """
    wanted = source.header.frames - first if count is None else count
    with _named(source.name):
        opened = open_plain(source.data, source.form) if source.here else None
        if opened is not None:
            read = opened.blocks(first, wanted)
        else:
            read = isolated.blocks(source.data, source.form, source.digest, first, wanted)
        with closing(read):
            for block in read:
                with np.errstate(invalid="ignore"):  # what is no number is refused once all is decoded
                    wide = block.astype(np.float64, copy=False)
                yield wide


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Why a file cannot be read, as a sentence with its name."""
    try:
        yield
    except StoppedError as error:
        raise DecoderError(f"{name} {error}") from error
    except UnreadableError as error:
        raise AudioError(f"{name} {error}") from error


def file_of(clip_id: str) -> str:
    """Content hash of the file that a clip comes from: all excerpts of one file share it."""
    return clip_id.split("@")[0]


def _too_large(name: str, size: int, max_mb: float) -> str:
    return f"{name} has {ceil(size / 1e5) / 10:g} MB; at most {max_mb:g} MB are read. {TOO_LARGE}"


def _check_header(header: Header, name: str) -> None:
    if header.frames <= 0:
        raise AudioError(f"{name} holds no audio: its length is zero. Record or export it again.")
    if not LOWEST_SR <= header.sr <= HIGHEST_SR:
        raise AudioError(f"{name} claims a sampling rate of {header.sr} Hz; music has 8,000 to 192,000.")
    if not 0 < header.channels <= MOST_CHANNELS:
        raise AudioError(f"{name} has {header.channels} channels; at most {MOST_CHANNELS} are mixed down.")
    if header.frames / header.sr < SHORTEST_S:
        raise AudioError(
            f"{name} lasts {header.frames / header.sr:.2f} s; at least {SHORTEST_S} s of audio are needed."
        )


def _mixed(block: np.ndarray) -> np.ndarray:
    """The mean of the channels. block : shape (n, channels)."""
    if block.shape[1] == 1:
        return block[:, 0]
    if block.shape[1] == 2:
        return (block[:, 0] + block[:, 1]) / 2  # the same number as below, ten times as fast
    return block.mean(axis=1)


class _Part:
    """A part of a file while it is decoded, at the file's own rate.

    first, wanted : its first sample and its length in samples.  done : number of samples decoded so far.
    default : whether it is the part that ``decode`` takes by default.  heard : collects remarks.
    """

    def __init__(self, source: Source, start_s: float | None, length_s: float, listen: Listener | None) -> None:
        sr, frames = source.sr, source.header.frames
        wanted = min(frames, round(length_s * sr))
        self.first = (frames - wanted) // 2 if start_s is None else round(start_s * sr)
        if self.first < 0 or self.first >= frames:
            raise AudioError(f"{source.name} lasts {source.duration_s:.1f} s: an excerpt cannot start at {start_s} s.")
        self.wanted = min(wanted, frames - self.first)
        self.default = start_s is None and length_s == EXCERPT_S
        self.heard = remarks_module.Listener(sr)
        self.done = 0
        self._source, self._y = source, np.empty(self.wanted)
        self._listeners: list[Listener] = [self.heard, *([listen] if listen else [])]

    @property
    def end(self) -> int:
        return self.first + self.wanted

    def take(self, block: np.ndarray, at: int) -> None:
        """Take the samples of this part from a block. at : position of the block's first sample in the file."""
        # Recordings joined at several rates may round to one sample more than wanted.
        own = block[max(0, self.first - at) : max(0, self.end - at)]
        if not len(own):
            return
        with np.errstate(invalid="ignore", over="ignore"):
            for listen in self._listeners:
                listen(own)
            self._y[self.done : self.done + len(own)] = _mixed(own)
        self.done += len(own)

    def samples(self) -> np.ndarray:
        """Return the mono samples. Raises AudioError when they are not usable audio."""
        name, sr = self._source.name, self._source.sr
        # A container's own times may be a frame or two off; anything more is a damaged file.
        if self.wanted - self.done > max(4608, 0.01 * self.wanted):
            raise AudioError(f"{name} is truncated: {self.wanted / sr:.1f} s were announced, "
                             f"{self.done / sr:.1f} s could be read. Copy or export the file again.")  # fmt: skip
        y = self._y[: self.done]
        if y.size and not all_finite(y):
            raise AudioError(f"{name} holds samples that are not numbers. Export the file again.")
        if y.size / sr < SHORTEST_S:
            raise AudioError(f"{name}: only {y.size / sr:.2f} s could be read; {SHORTEST_S} s are needed.")
        if np.ptp(y) < SILENCE:
            mixed = " once its channels are mixed to one" if _sounds(self._source, self.first, self.done) else ""
            whole = self.wanted == self._source.header.frames
            where = f"is silent{mixed}" if whole else f"is silent{mixed} from {self.first / sr:.1f} s on"
            raise AudioError(f"{name} {where}. Choose a file, or a part of it, with music.")
        return y


def _sounds(source: Source, first: int, count: int) -> bool:
    """Whether any channel has sound in this part of the file."""
    with closing(blocks(source, first, count)) as read:
        return any(float(np.ptp(block, axis=0).max()) >= SILENCE for block in read)
