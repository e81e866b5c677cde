"""Bytes or a path to a ``Clip``: decode, mono, 44.1 kHz, excerpt, content hash, and refusal of what is no music.

Everything is brought to what the published table was made from: mono (mean of the channels), 44.1 kHz, 30.02 s at most.
Sources: libsndfile through soundfile (decoding), soxr HQ (resampling); excerpt length from the event densities of the
table, which are multiples of 1 / 29.93 s, so its clips have 30.02 s.
"""

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
import soundfile
import soxr

from core.audio.containers import cut_short
from core.errors import AudioError
from core.schema import SR

EXCERPT_S = 30.02  # length of the table's clips
SHORTEST_S = 0.5  # below this hardly a rhythm feature exists; harmonic change needs 0.82 s, tempo 0.6 s
LITTLE_S = 5.0  # a prediction on less stands on little
LOWEST_SR, HIGHEST_SR = 4_000, 768_000
MOST_CHANNELS = 64
SILENCE = 1e-4  # peak to peak, -80 dB of full scale: nothing that a listener would call music
_BLOCK = 1 << 20  # samples decoded at a time, all channels together: bounds memory whatever the file claims

Listener = Callable[[np.ndarray], None]
_FORMATS = ("WAV", "WAVEX", "FLAC", "OGG", "MP3", "MPEG", "RF64", "W64", "AIFF", "AU", "CAF")


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
        if not np.isfinite(self.y).all():
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
    start_s : where the excerpt begins.  remarks : sentences about what makes the features less meaningful.
    """

    clip: Clip
    name: str
    format: str
    sr: int
    channels: int
    duration_s: float
    start_s: float
    remarks: tuple[str, ...]


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

    digest : hash of the bytes.  sr in Hz, channels, duration_s : as the file came.
    """

    data: bytes
    name: str
    digest: str
    format: str
    subtype: str
    sr: int
    channels: int
    duration_s: float


def inspect(data: bytes, name: str, *, max_mb: float = 200) -> Source:
    """Check size, completeness and header of a file; nothing is decoded. Raises AudioError as ``decode`` does."""
    name = display_name(name)
    if not data:
        raise AudioError(f"{name} is empty. Choose a WAV, FLAC, OGG or MP3 file.")
    if len(data) > max_mb * 1e6:
        raise AudioError(_too_large(name, len(data), max_mb))
    with _opened(data, name) as file:
        if cut_short(data, file.format):
            raise AudioError(f"{name} is truncated: it ends in the middle. Copy or export the file again.")
        _check_header(file, name)
        if file.format == "FLAC":  # only its last frame tells whether the file is whole
            file.seek(file.frames - 1)
            file.read(1)
        duration_s = file.frames / file.samplerate
        header = (file.format, file.subtype, file.samplerate, file.channels)
    return Source(data, name, content_hash(data), *header, duration_s)


def excerpt(
    source: Source, *, start_s: float | None = None, length_s: float = EXCERPT_S, listen: Listener | None = None
) -> Recording:
    """Decode a part of a file; as ``decode``.

    listen : called with each block as it is decoded, shape (n, channels), at the file's own rate.
    """
    with _opened(source.data, source.name) as file:
        y, start = _excerpt(file, source.name, start_s=start_s, length_s=length_s, listen=listen)
    remarks = _remarks(source.format, source.subtype, source.sr, source.channels)
    y, scaled = _to_full_scale(y)
    remarks += scaled
    if source.sr != SR:
        y = soxr.resample(y, source.sr, SR, quality="HQ")
    default = start_s is None and length_s == EXCERPT_S
    clip = Clip(source.digest if default else f"{source.digest}@{start:.3f}+{y.size / SR:.3f}", y, SR)
    if clip.duration_s < LITTLE_S:
        remarks += (f"Only {clip.duration_s:.1f} s of audio: a prediction on so little stands on thin ground.",)
    if source.duration_s > clip.duration_s + 0.01:
        remarks += (
            f"The file lasts {source.duration_s:.0f} s; {clip.duration_s:.1f} s from {start:.1f} s on were analysed.",
        )
    return Recording(clip, source.name, source.format, source.sr, source.channels, source.duration_s, start, remarks)


def file_of(clip_id: str) -> str:
    """Content hash of the file that a clip comes from: all excerpts of one file share it."""
    return clip_id.split("@")[0]


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[soundfile.SoundFile]:
    """The file as libsndfile reads it; what it cannot read is a sentence."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            yield file
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(
            f"{name} is not audio that can be read (WAV, FLAC, OGG and MP3 are), or it is damaged."
        ) from error


def _too_large(name: str, size: int, max_mb: float) -> str:
    return (
        f"{name} has {ceil(size / 1e5) / 10:g} MB; at most {max_mb:g} MB are read. "
        "Cut out the part that you want to know about, or export it as FLAC or MP3."
    )


def _check_header(file: soundfile.SoundFile, name: str) -> None:
    if file.format not in _FORMATS:
        raise AudioError(f"{name} is a {file.format} file. Choose a WAV, FLAC, OGG or MP3 file.")
    if file.frames <= 0:
        raise AudioError(f"{name} holds no audio: its length is zero.")
    if not LOWEST_SR <= file.samplerate <= HIGHEST_SR:
        raise AudioError(f"{name} claims a sampling rate of {file.samplerate} Hz; music has 8,000 to 192,000.")
    if file.channels > MOST_CHANNELS:
        raise AudioError(f"{name} has {file.channels} channels; at most {MOST_CHANNELS} are mixed down.")
    if file.frames / file.samplerate < SHORTEST_S:
        raise AudioError(
            f"{name} lasts {file.frames / file.samplerate:.2f} s; at least {SHORTEST_S} s of audio are needed."
        )


def _excerpt(
    file: soundfile.SoundFile, name: str, *, start_s: float | None, length_s: float, listen: Listener | None
) -> tuple[np.ndarray, float]:
    """Mono samples of the excerpt at the file's own rate, and its start in s."""
    wanted = min(file.frames, round(length_s * file.samplerate))
    first = (file.frames - wanted) // 2 if start_s is None else round(start_s * file.samplerate)
    if first < 0 or first >= file.frames:
        raise AudioError(f"{name} lasts {file.frames / file.samplerate:.1f} s: an excerpt cannot start at {start_s} s.")
    if first:
        file.seek(first)
    wanted = min(wanted, file.frames - first)
    y = np.empty(wanted)
    done = 0
    while done < wanted:
        block = file.read(min(wanted - done, max(1, _BLOCK // file.channels)), dtype="float64", always_2d=True)
        if not len(block):
            break
        if listen is not None:
            listen(block)
        y[done : done + len(block)] = block[:, 0] if file.channels == 1 else block.mean(axis=1)
        done += len(block)
    # MP3 lengths come from a header that may be a frame or two off; anything more is a damaged file.
    if wanted - done > max(4608, 0.01 * wanted):
        raise AudioError(f"{name} is truncated: {wanted / file.samplerate:.1f} s were announced, "
                         f"{done / file.samplerate:.1f} s could be read. Copy or export the file again.")  # fmt: skip
    y = y[:done]
    if not np.isfinite(y).all():
        raise AudioError(f"{name} holds samples that are not numbers. Export the file again.")
    if y.size / file.samplerate < SHORTEST_S:
        raise AudioError(f"{name}: only {y.size / file.samplerate:.2f} s could be read; {SHORTEST_S} s are needed.")
    if np.ptp(y) < SILENCE:
        mixed = " once its channels are mixed to one" if file.channels > 1 else ""
        where = (
            f"is silent{mixed}"
            if wanted == file.frames
            else f"is silent{mixed} from {first / file.samplerate:.1f} s on"
        )
        raise AudioError(f"{name} {where}. Choose a file, or a part of it, with music.")
    return y, first / file.samplerate


def _to_full_scale(y: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    peak = float(np.abs(y).max())
    if peak <= 1:
        return y, ()
    remark = f"Samples reach {peak:.3g} times full scale; the clip was scaled down to full scale."
    return y / peak, (remark,)


def _remarks(form: str, subtype: str, sr: int, channels: int) -> tuple[str, ...]:
    found = []
    if sr < SR:
        found.append(
            f"Sampled at {sr / 1000:g} kHz, so there is nothing above {sr / 2000:g} kHz: "
            "brightness, rolloff, flatness and the other measures of the spectrum mean less."
        )
    if channels > 2:
        found.append(f"{channels} channels were mixed down to one.")
    if subtype in ("PCM_S8", "PCM_U8", "ULAW", "ALAW"):
        found.append("8-bit audio: its noise raises flatness, entropy and zero crossings.")
    if form in ("MP3", "MPEG", "OGG"):
        found.append("Compressed audio: high frequencies are missing or changed, which moves the spectral features.")
    return tuple(found)
