"""Small files of every format that is read, made here by libsndfile and FFmpeg, for tests and benchmarks."""

import io
import tempfile
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
import soundfile

SR = 44_100
BY_LIBSNDFILE = {  # name: format, subtype
    "wav": ("WAV", "PCM_16"),
    "wav_float": ("WAV", "FLOAT"),
    "wav_extensible": ("WAVEX", "PCM_24"),
    "rf64": ("RF64", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "caf_alac": ("CAF", "ALAC_16"),
    "wav_adpcm": ("WAV", "IMA_ADPCM"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", None),
}
BY_FFMPEG = {  # name: codec, container, rate
    "m4a": ("aac", "ipod", SR),
    "m4a_alac": ("alac", "ipod", SR),
    "mov": ("aac", "mov", SR),
    "aac": ("aac", "adts", SR),
    "latm": ("aac", "latm", SR),
    "wma": ("wmav2", "asf", SR),
    "opus": ("libopus", "ogg", 48_000),
    "webm": ("libopus", "webm", 48_000),
    "mka": ("aac", "matroska", SR),
    "wv": ("wavpack", "wv", SR),
    "tta": ("tta", "tta", SR),
    "ac3": ("ac3", "ac3", SR),
    "mp2": ("mp2", "mp2", SR),
}
NAMES = (*BY_LIBSNDFILE, *BY_FFMPEG)


def sound(seconds: float = 2.0, sr: int = SR, channels: int = 1, seed: int = 0) -> np.ndarray:
    """A chord under a slow tremolo with a little noise, shape (n, channels); beyond two minutes it repeats."""
    if seconds > 120:
        return np.tile(sound(60.0, sr, channels, seed), (round(seconds / 60), 1))
    t = np.arange(round(seconds * sr)) / sr
    chord = sum(np.sin(2 * np.pi * hz * t) for hz in (220, 277.2, 329.6)) * (0.6 + 0.4 * np.sin(2 * np.pi * 2 * t))
    noise = np.random.default_rng(seed).standard_normal((t.size, channels))
    return (0.12 * chord[:, None] + 0.005 * noise).astype(np.float32)


def by_libsndfile(y: np.ndarray, form: str, subtype: str | None, sr: int = SR) -> bytes:
    """The samples in a format of libsndfile."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", sr, y.shape[1], subtype, format=form) as file:
        for k in range(0, len(y), 4096):  # all at once, long Vorbis would overflow its stack
            file.write(y[k : k + 4096])
    return buffer.getvalue()


def by_ffmpeg(y: np.ndarray, codec: str, container: str, sr: int = SR, options: dict[str, str] | None = None) -> bytes:
    """The samples in a format of FFmpeg. options : of the container."""
    layout = "mono" if y.shape[1] == 1 else "stereo"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound"
        with av.open(str(path), "w", format=container, options=options or {}) as out:
            stream = out.add_stream(codec, rate=sr, layout=layout)
            taken = [form.name for form in stream.codec_context.codec.audio_formats]
            wanted = next(name for name in ("s16", "s16p", "fltp", "flt") if name in taken)
            stream.codec_context.format, stream.codec_context.bit_rate = wanted, 128_000
            stream.codec_context.open()  # only now it knows how many samples it takes at a time
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y.T), format="fltp", layout=layout)
            frame.sample_rate = sr
            size = stream.codec_context.frame_size or 4096
            resampler = av.AudioResampler(format=wanted, layout=layout, rate=sr, frame_size=size)
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                out.mux(stream.encode(part))
            out.mux(stream.encode(None))
        return path.read_bytes()


@lru_cache(maxsize=128)
def made(name: str, seconds: float = 2.0, channels: int = 1) -> bytes:
    """A file of one of ``NAMES``."""
    if name in BY_LIBSNDFILE:
        return by_libsndfile(sound(seconds, SR, channels), *BY_LIBSNDFILE[name])
    codec, container, sr = BY_FFMPEG[name]
    return by_ffmpeg(sound(seconds, sr, channels), codec, container, sr)
