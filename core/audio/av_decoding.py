"""Decoding by FFmpeg, through PyAV: M4A, AAC, WMA, Opus, WebM and what else libsndfile cannot read.

The container is named by `core.audio.formats`, from the file's own bytes. FFmpeg is never left to guess it: some of
its demuxers open other files and addresses that a playlist names. Only codecs of a list are decoded.
"""

import io
import re
import struct
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from core.audio.decoders import AGAIN, BLOCK, Header, TruncatedError, UnreadableError, alike, damaged
from core.audio.formats import CONVERT, Format
from core.records import Remark, RemarkKind

CODECS = (
    *("aac", "aac_latm", "alac", "mp1float", "mp2float", "mp3float", "mp1", "mp2", "mp3", "opus", "vorbis", "flac"),
    *("speex", "wmav1", "wmav2", "wmapro", "wmalossless", "wmavoice", "ac3", "eac3", "wavpack", "tta"),
    *("amrnb", "amrwb", "gsm", "gsm_ms", "truespeech"),
)
FAMILIES = ("pcm_", "adpcm_")  # their names go on
PREROLL_S = 1.0  # decoded before an excerpt and dropped: by then a decoder has forgotten where it began
COUNTED_S = 120.0  # shorter files are decoded once to count their samples; of longer ones the container's times count
_NEAR_S = 5.0  # an excerpt that begins so early is reached from the beginning
_ANNOUNCE = (
    "mov",
    "asf",
    "matroska",
    "flac",
    "wv",
    "tta",
    "wav",
    "w64",
)  # containers whose length is written, not estimated
_UNTIMED = ("aac", "ac3", "amr", "mp3", "loas")  # raw frames without times: after a seek nobody knows where they belong
_EXACT = ("flac", "wv", "tta")  # containers that announce the very sample at which they end
_MISSING_S, _MISSING = 1.0, 0.01  # seconds, and share of the file, that may be missing at its end
_BLOCK_S = 0.1  # of an exact one: its last block
_BAD = 0.5  # share of the packets that may be damaged
_MP4_PROTECTED = re.compile(rb"stsd.{12}(?:drms|enca)", re.DOTALL)  # the kind of a track's samples
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_ENCRYPTED = bytes.fromhex("fbb31122bd23d211b4b700a0c955fc6e")


class AvFile:
    """A file that FFmpeg reads."""

    def __init__(self, data: bytes, form: Format, remarks: Sequence[Remark] = ()) -> None:
        self._data, self._form = data, form
        self._damaged = 0
        with self._opened() as (container, stream):
            codec = stream.codec_context.name
            announced = _announced_s(container, stream, data) if form.demuxer in _ANNOUNCE else None
            frames = list(islice(self._decoded(container, stream), 4))  # HE-AAC may change its rate in the first ones
        if not frames:
            raise UnreadableError(damaged(form))
        like = frames[-1]
        self._origin = _time(frames[0])
        sr, channels = like.sample_rate, like.layout.nb_channels
        self.header = Header(form.name, codec, sr, channels, 1)
        there = self._count()
        more = [*remarks, *self._missing_end(announced, there / sr)]
        if self._damaged:
            more.append(Remark(RemarkKind.DAMAGED, "Some of the audio is damaged and was left out."))
        self.header = Header(form.name, codec, sr, channels, there, tuple(more))

    def _missing_end(self, announced: float | None, there: float) -> list[Remark]:
        """What is missing at the end, in s. Raises TruncatedError when that is more than a little."""
        missing = 0.0 if announced is None else announced - there
        exact = self._form.demuxer in _EXACT
        if missing > (_BLOCK_S if exact else max(_MISSING_S, _MISSING * (announced or 0))):
            raise TruncatedError(f"is truncated: {announced:.1f} s were announced, {there:.1f} s are there. {AGAIN}")
        if exact and missing > 0:
            return [Remark(RemarkKind.CUT, f"The last {missing:.2f} s are missing: the file is cut.")]
        return []

    @contextmanager
    def _opened(self) -> Iterator[tuple[InputContainer, AudioStream]]:
        try:
            with av.open(
                io.BytesIO(self._data),
                "r",
                format=self._form.demuxer,
                metadata_errors="replace",
                container_options={"protocol_whitelist": "none"},
            ) as container:
                yield container, _sound(container, self._data)
        except (av.FFmpegError, ValueError, UnicodeError) as error:
            raise UnreadableError(self._reason()) from error

    def _reason(self) -> str:
        if self._form.demuxer == "mov" and b"moov" not in self._data:
            return f"lacks its index (moov): the recording was not ended, or the copy is not complete. {AGAIN}"
        return damaged(self._form)

    def _decoded(self, container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
        """All frames from here on; packets that are damaged are left out and counted."""
        bad = good = 0
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                frames = packet.decode()
            except EOFError:
                return
            except (av.InvalidDataError, av.PatchWelcomeError, av.ArgumentError, av.UndefinedError) as error:
                bad += 1
                if bad > 100 and bad > good * _BAD:
                    raise UnreadableError(damaged(self._form)) from error
                continue
            for frame in frames:
                if isinstance(frame, AudioFrame) and frame.samples:
                    good += 1
                    self._damaged += bad  # what is damaged behind the last frame is a tag, or padding
                    bad = 0
                    yield frame

    def _count(self) -> int:
        """Samples of each channel in the whole file, at the rate of the header."""
        sr = self.header.sr
        with self._opened() as (container, stream):
            end = _end_s(container, stream)
        if end is not None and end - self._origin > COUNTED_S:
            return round((end - self._origin) * sr)
        with self._opened() as (container, stream):
            return sum(len(block) for block in self._samples(container, stream))

    def _samples(self, container: InputContainer, stream: AudioStream) -> Iterator[np.ndarray]:
        frames = self._decoded(container, stream)
        return self._uniform(frames)

    def _uniform(self, frames: Iterator[AudioFrame]) -> Iterator[np.ndarray]:
        """Samples at one rate and with one number of channels: both may change within a file."""
        sr, channels = self.header.sr, self.header.channels
        for at, group in _grouped(frames):
            yield from alike(group, at, sr=sr, channels=channels)

    def blocks(self, first: int, count: int) -> Generator[np.ndarray]:
        sr = self.header.sr
        if first > _NEAR_S * sr and self._form.demuxer not in _UNTIMED:
            with self._opened() as (container, stream):
                frames, at = self._reached(container, stream, first / sr)
                if frames is not None:
                    yield from _part(self._uniform(frames), first - at, count)
                    return
        with self._opened() as (container, stream):
            yield from _part(self._samples(container, stream), first, count)

    def _reached(
        self, container: InputContainer, stream: AudioStream, start_s: float
    ) -> tuple[Iterator[AudioFrame] | None, int]:
        """Frames from a little before a time on, and the sample that they begin with; None where seeking fails."""
        wanted = start_s + float(self._origin) - PREROLL_S
        try:
            container.seek(int(wanted / float(stream.time_base or 1)), stream=stream, backward=True)
            frames = self._decoded(container, stream)
            begin = next(frames, None)
        except (av.FFmpegError, UnreadableError):
            return None, 0
        if begin is None or begin.pts is None:
            return None, 0
        at = round((_time(begin) - self._origin) * self.header.sr)
        if not 0 <= at <= start_s * self.header.sr:
            return None, 0
        return _chain(begin, frames), at


def _sound(container: InputContainer, data: bytes) -> AudioStream:
    """The stream with the sound. Raises UnreadableError when there is none that may be decoded."""
    protected = _MP4_PROTECTED.search(data) is not None or _ASF_ENCRYPTED in data[: 1 << 16]
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
    if not streams and not protected:
        raise UnreadableError("holds no sound that can be read. Choose a file with music.")
    stream = max(streams, key=lambda s: s.codec_context.channels, default=None)
    if stream is None or protected:
        raise UnreadableError("is protected against copying (DRM). Choose a file that is not protected.")
    name = stream.codec_context.name
    if name not in CODECS and not name.startswith(FAMILIES):
        raise UnreadableError(f"holds audio of the kind {name}, which is not read. {CONVERT}")
    stream.codec_context.thread_count = 1
    return stream


def _announced_s(container: InputContainer, stream: AudioStream, data: bytes) -> float | None:
    if container.format.name == "asf":  # FFmpeg makes the announced length fit the size of the file
        return _asf_s(data)
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is None or container.streams.video:  # the picture may last longer than the sound
        return None
    return container.duration / av.time_base


def _asf_s(data: bytes) -> float | None:
    """Length that the file properties of ASF announce (Microsoft's ASF specification 3.2); None where they do not."""
    at = data.find(_ASF_PROPERTIES, 0, 1 << 16)
    if at < 0 or at + 92 > len(data):
        return None
    play, _, preroll, flags = struct.unpack("<QQQI", data[at + 64 : at + 92])
    broadcast = flags & 1
    return None if broadcast or not play else play / 1e7 - preroll / 1e3


def _end_s(container: InputContainer, stream: AudioStream) -> Fraction | None:
    """When the last packet ends, in s; None where packets do not say."""
    end = None
    for packet in _packets(container, stream):
        if packet.pts is None or packet.time_base is None:
            continue
        until = (packet.pts + (packet.duration or 0)) * packet.time_base
        end = until if end is None else max(end, until)
    return end


def _packets(container: InputContainer, stream: AudioStream) -> Iterator[av.Packet]:
    """All packets up to where the file is damaged or ends."""
    try:
        yield from container.demux(stream)
    except (av.InvalidDataError, EOFError):
        return


def _time(frame: AudioFrame) -> Fraction:
    return Fraction(0) if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base


def _chain(first: AudioFrame, rest: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    yield first
    yield from rest


def _grouped(frames: Iterator[AudioFrame]) -> Iterator[tuple[int, Iterator[np.ndarray]]]:
    """Frames of one rate after the other, each group with its rate, as blocks of many frames."""
    frame = next(frames, None)
    while frame is not None:
        held = [frame]

        def group(held: list[AudioFrame] = held) -> Iterator[np.ndarray]:
            kept, size, like = [], 0, held.pop()
            following: AudioFrame | None = like
            while following is not None and _kind(following) == _kind(like):
                kept.append(_floats(following))
                size += kept[-1].size
                if size >= BLOCK:
                    yield np.concatenate(kept)
                    kept, size = [], 0
                following = next(frames, None)
            if kept:
                yield np.concatenate(kept)
            if following is not None:
                held.append(following)

        yield frame.sample_rate, group()
        frame = held.pop() if held else None


def _kind(frame: AudioFrame) -> tuple[int, int, str]:
    return frame.sample_rate, frame.layout.nb_channels, frame.format.name


def _floats(frame: AudioFrame) -> np.ndarray:
    """Samples of shape (n, channels), full scale = 1; float64 where float32 would lose bits."""
    samples = frame.to_ndarray()
    samples = samples.T if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)
    if samples.dtype.kind == "f":
        return samples
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / 32768
    return samples / 2.0 ** (8 * samples.dtype.itemsize - 1)


def _part(blocks: Iterator[np.ndarray], skip: int, count: int) -> Iterator[np.ndarray]:
    """``count`` samples after the first ``skip`` ones."""
    for block in blocks:
        if skip >= len(block):
            skip -= len(block)
            continue
        block = block[skip : skip + count]
        skip = 0
        count -= len(block)
        yield block
        if count <= 0:
            return
