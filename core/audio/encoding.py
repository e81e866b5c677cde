"""Encode samples: short clips as WAV or MP3 in memory, and whole pieces as M4A or MP3 files."""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

import numpy as np
import soundfile
import soxr

from core.errors import AudioError
from core.schema import SR

LOSSY = {"M4A": ("ipod", "aac"), "MP3": ("mp3", "libmp3lame")}  # format -> container and encoder of FFmpeg
BIT_RATE = 192_000  # bit/s for two channels
_RATES = (44_100, 48_000)  # every phone plays these


def wav(y: np.ndarray) -> bytes:
    """Encode samples as a 16-bit WAV file at 44.1 kHz."""
    buffer = io.BytesIO()
    soundfile.write(buffer, y, SR, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def mp3(y: np.ndarray) -> bytes:
    """Encode mono samples at 44.1 kHz as an MP3 file of about 128 kbit/s."""
    buffer = io.BytesIO()
    # libsndfile maps the compression level 0..1 to 320..32 kbit/s: 128 kbit/s is two thirds of the way
    soundfile.write(buffer, y, SR, format="MP3", bitrate_mode="CONSTANT", compression_level=2 / 3)
    return buffer.getvalue()


def write_lossy(
    place: Path, form: str, blocks: Iterable[np.ndarray], *, sr: int, channels: int, tags: Mapping[str, str]
) -> None:
    """Write a piece as an M4A (AAC) or MP3 file of 192 kbit/s, at 44.1 or 48 kHz.

    Parameters
    ----------
    form : "M4A" or "MP3".
    blocks : samples of shape (n, channels).  More than two channels become one.
    sr : sampling rate of the samples, in Hz.

    Raises
    ------
    AudioError
        FFmpeg cannot write the file.
    OSError
        The disk is full, or the folder is not writable.
    """
    import av

    container, codec = LOSSY[form]
    rate = sr if sr in _RATES else _RATES[0] if sr % 11_025 == 0 else _RATES[1]
    heard = channels if channels <= 2 else 1
    options = {"movflags": "faststart"} if form == "M4A" else {}
    try:
        with av.open(str(place), "w", format=container, options=options) as out:
            out.metadata.update({name: text for name, text in tags.items() if text})
            stream = cast(av.AudioStream, out.add_stream(codec, rate=rate, layout="mono" if heard == 1 else "stereo"))
            stream.bit_rate = BIT_RATE * heard // 2
            for block in _at_rate(blocks, sr, rate, channels):
                frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(block.T), format="fltp", layout=stream.layout.name
                )
                frame.rate = rate
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    except av.FFmpegError as error:
        if isinstance(error, OSError) and error.errno and error.errno > 0:
            raise
        raise AudioError(f"{place.name} cannot be written as {form}: {error.strerror}") from error


def as_heard(block: np.ndarray) -> np.ndarray:
    """Samples of shape (n, channels) as a lossy copy has them: more than two channels become one, their mean."""
    return block if block.shape[1] <= 2 else block.mean(axis=1, keepdims=True)


def _at_rate(blocks: Iterable[np.ndarray], sr: int, rate: int, channels: int) -> Iterable[np.ndarray]:
    """The samples at another rate, as float32, in one or two channels."""
    heard = channels if channels <= 2 else 1
    finer = soxr.ResampleStream(sr, rate, heard, "float32", "HQ")
    for block in blocks:
        given = as_heard(block).astype(np.float32)
        part = given if sr == rate else finer.resample_chunk(given)
        if len(part):
            yield part
    if sr != rate:
        rest = finer.resample_chunk(np.zeros((0, heard), np.float32), last=True)
        if len(rest):
            yield rest
