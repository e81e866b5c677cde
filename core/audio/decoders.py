"""What all decoders have in common: the header of a file, samples in blocks, and why a file cannot be read.

Here are files that libsndfile reads, and several recordings in one file; FFmpeg's are in `core.audio.av_decoding`.
"""

import io
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import soundfile
import soxr

from core.audio.formats import BY_NAME, Format
from core.records import Remark

BLOCK = 1 << 18  # samples decoded at a time, all channels together: bounds memory whatever the file claims
MP3_PREROLL_S = 1.0  # decoded before an excerpt and dropped: frames need the bits of up to 20 frames before them
_MOST_PARTS = 1000  # recordings in one file
# Subtypes whose samples fit into 32-bit floats without a loss.
_SINGLE = (
    *("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "FLOAT", "VORBIS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III"),
    *("ULAW", "ALAW", "ALAC_16", "ALAC_20", "ALAC_24"),
)
AGAIN = "Copy or export the file again."


class UnreadableError(Exception):
    """Why a file cannot be read: a sentence whose subject, the file's name, is left out ("is truncated: ...")."""


class TruncatedError(UnreadableError):
    """The file ends before it should: no other decoder finds more in it."""


class StoppedError(UnreadableError):
    """The decoder crashed or ran without end on this file."""


@dataclass(frozen=True)
class Header:
    """What is known of a file before its samples are read.

    format : a name of `core.audio.formats.FORMATS`.  codec : the decoder's name of the codec.
    frames : samples of each channel.  remarks : what the container says, or should say.
    """

    format: str
    codec: str
    sr: int
    channels: int
    frames: int
    remarks: tuple[Remark, ...] = ()


class Opened(Protocol):
    """A file that can be read from."""

    header: Header

    def blocks(self, first: int, count: int) -> Generator[np.ndarray]:
        """Samples from ``first`` on, as arrays of shape (n, channels), float32 or float64, full scale = 1.

        Ends early when the file does.
        """
        ...


class _Reader(soundfile.SoundFile):
    """libsndfile without the seek that soundfile makes after each read: in an MP3 it costs the next frames."""

    def seekable(self) -> bool:
        return False


class SoundFile:
    """A file that libsndfile reads.

    mended : its bytes, with what the container said wrong put right.  skip : samples at its beginning to leave out.
    """

    def __init__(self, mended: bytes, form: Format, remarks: Sequence[Remark] = (), *, skip: int = 0) -> None:
        self._data, self._skip = mended, skip
        self._preroll_s = MP3_PREROLL_S if form.name == "MP3" else 0.0
        try:
            with _Reader(io.BytesIO(mended)) as file:
                if form.name == "FLAC":
                    _try_last_sample(file)
                self.header = Header(
                    form.name, file.subtype, file.samplerate, file.channels, file.frames - skip, tuple(remarks)
                )
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise UnreadableError(damaged(form)) from error

    def blocks(self, first: int, count: int) -> Generator[np.ndarray]:
        dtype = "float32" if self.header.codec in _SINGLE else "float64"
        first += self._skip
        early = min(first, round(self._preroll_s * self.header.sr))
        try:
            with _Reader(io.BytesIO(self._data)) as file:
                if first - early:
                    file.seek(first - early)
                while count > 0:
                    wanted = min(early or count, max(1, BLOCK // file.channels))
                    block = file.read(wanted, dtype=dtype, always_2d=True)
                    if not len(block):
                        return
                    if early:
                        early -= len(block)
                    else:
                        count -= len(block)
                        yield block
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise UnreadableError(damaged(BY_NAME[self.header.format])) from error


def _try_last_sample(file: soundfile.SoundFile) -> None:
    """Read the last sample: of FLAC only that tells whether the file is whole."""
    file.seek(max(0, file.frames - 1))
    if not len(file.read(1)):
        raise TruncatedError(f"is truncated: it ends in the middle. {AGAIN}")


class Joined:
    """Several recordings in one file, read as one: at the rate and with the channels of the first.

    openers : each opens one of them.
    """

    def __init__(self, openers: Sequence[Callable[[], Opened]], remarks: Sequence[Remark] = ()) -> None:
        if len(openers) > _MOST_PARTS:
            raise UnreadableError(
                f"holds {len(openers):,} recordings; at most {_MOST_PARTS:,} are read. Cut out a part."
            )
        self._openers = openers
        self._parts = [opener().header for opener in openers]
        first = self._parts[0]
        self._frames = [round(part.frames * first.sr / part.sr) for part in self._parts]
        found = dict.fromkeys((*remarks, *(remark for part in self._parts for remark in part.remarks)))
        self.header = replace(first, frames=sum(self._frames), remarks=tuple(found))

    def blocks(self, first: int, count: int) -> Generator[np.ndarray]:
        sr, channels = self.header.sr, self.header.channels
        for opener, part, frames in zip(self._openers, self._parts, self._frames, strict=True):
            wanted = min(frames - first, count)
            if wanted > 0:
                scale = part.sr / sr
                part_blocks = opener().blocks(round(first * scale), round(wanted * scale))
                yield from alike(part_blocks, part.sr, sr=sr, channels=channels)
                count -= wanted
            first = max(0, first - frames)


def alike(blocks: Iterator[np.ndarray], at: int, *, sr: int, channels: int) -> Iterator[np.ndarray]:
    """Blocks brought to a rate and a number of channels. at : the rate that they have."""
    finer = None
    for block in blocks:
        if block.shape[1] != channels:
            block = np.repeat(block.mean(axis=1, keepdims=True), channels, axis=1)
        if at != sr:
            finer = finer or soxr.ResampleStream(at, sr, channels, str(block.dtype), "HQ")
            block = finer.resample_chunk(block)
        if len(block):
            yield block
    if finer is not None and len(rest := finer.resample_chunk(np.zeros((0, channels), block.dtype), last=True)):
        yield rest


def damaged(form: Format) -> str:
    """What is said of a file that begins like audio and cannot be read."""
    return f"begins like {form.name} audio but cannot be read: it is damaged, or not complete. {AGAIN}"
