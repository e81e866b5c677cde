"""Small changes of the same music: quieter, later, compressed, resampled, one channel, cut.

A listener hears the same music after each change, so a model should give the same answer.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soxr

from core.audio.decoding import Clip, Source, blocks, decode, excerpt
from core.errors import AudioError
from core.schema import SR

LENGTH_S = 30.0  # of a window
GAINS_DB = (-6.0, -12.0, -20.0)
DELAYS_S = (5.0, 1.0, 0.1)
BITRATES = (128_000, 64_000)  # of an MP3 file, in bit/s
LOW_SR = 22_050  # Hz
CUTS_S = (20.0, 10.0)  # lengths of the middle part
QUIET_16_BIT = "−20 dB in 16 bits"
ONE_CHANNEL = "one channel"
TRIMS_S = (0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)  # small changes: three levels, seven lengths at two ends, three codecs
SMALL_BITRATES = (192_000, 128_000, 64_000)
SMALL_CHANGES = len(GAINS_DB) + 2 * len(TRIMS_S) + len(SMALL_BITRATES)
CHANGES_VERSION = 1  # increase it when a change changes, because measured windows are stored


@dataclass(frozen=True, eq=False)
class ChangedClip:
    """A window after one change. change : its name; empty for the window as it is."""

    change: str
    clip: Clip


def gain_name(gain_db: float) -> str:
    """Name of a change of the level."""
    return f"{gain_db:+g} dB".replace("-", "−")


def window_starts(duration_s: float, *, most: int) -> list[float]:
    """Starts in s of at most ``most`` windows that do not overlap, spread evenly over a recording.

    Where possible, each window leaves room for the longest delay. A recording that is shorter than a window is one
    window.
    """
    room = duration_s - LENGTH_S - max(DELAYS_S)
    if room <= 0:
        return [0.0]
    count = min(most, int(room // LENGTH_S) + 1)
    return [0.0] if count == 1 else np.linspace(0, room, count).round(3).tolist()


def changed_clips(source: Source, start_s: float) -> Iterator[ChangedClip]:
    """The window that starts at this second, first as it is and then after each change.

    Changes that the file has no room or no channels for are left out. Raises AudioError when the window cannot be used.
    """
    clip = excerpt(source, start_s=start_s, length_s=LENGTH_S).clip
    yield ChangedClip("", clip)
    for gain_db in GAINS_DB:
        yield ChangedClip(gain_name(gain_db), _with(clip, clip.y * 10 ** (gain_db / 20)))
    yield ChangedClip(QUIET_16_BIT, _with(clip, np.round(clip.y * 10 ** (-20 / 20) * 32768) / 32768))
    for delay_s in DELAYS_S:
        if start_s + delay_s + clip.duration_s <= source.duration_s:
            later = excerpt(source, start_s=start_s + delay_s, length_s=LENGTH_S).clip
            yield ChangedClip(f"{delay_s:g} s later", later)
    channels = _channels(source, start_s, clip.duration_s)
    for rate in BITRATES:
        yield ChangedClip(f"MP3 {rate // 1000}", _with(clip, through_mp3(channels, rate)))
    low = soxr.resample(soxr.resample(clip.y, SR, LOW_SR, quality="HQ"), LOW_SR, SR, quality="HQ")
    yield ChangedClip(f"{LOW_SR / 1000:g} kHz", _with(clip, low))
    if source.channels > 1:
        yield ChangedClip(ONE_CHANNEL, _with(clip, _first(channels, source.name)))
    for cut_s in CUTS_S:
        if clip.duration_s > cut_s:
            first = (clip.y.size - round(cut_s * SR)) // 2
            yield ChangedClip(f"cut to {cut_s:g} s", _with(clip, clip.y[first : first + round(cut_s * SR)]))


def small_changes(clip: Clip) -> Iterator[ChangedClip]:
    """Twenty changes of one clip that hardly anybody hears: its level, up to 1 s less at one end, and MP3 files."""
    for gain_db in GAINS_DB:
        yield ChangedClip(gain_name(gain_db), _with(clip, clip.y * 10 ** (gain_db / 20)))
    for cut_s in TRIMS_S:
        n = round(cut_s * SR)
        if clip.y.size > 2 * n:
            yield ChangedClip(f"{cut_s:g} s less at the beginning", _with(clip, clip.y[n:]))
            yield ChangedClip(f"{cut_s:g} s less at the end", _with(clip, clip.y[:-n]))
    for rate in SMALL_BITRATES:
        yield ChangedClip(f"MP3 {rate // 1000}", _with(clip, through_mp3(clip.y, rate)))


def _with(clip: Clip, y: np.ndarray) -> Clip:
    return Clip(clip.clip_id, y, clip.sr)


def _channels(source: Source, start_s: float, length_s: float) -> np.ndarray:
    """The first two channels of a window at 44.1 kHz, shape (n, 1) or (n, 2)."""
    count = round(length_s * source.sr)
    y = np.concatenate(list(blocks(source, round(start_s * source.sr), count)))[:count, :2]
    y = np.clip(y, -1, 1)
    return y if source.sr == SR else soxr.resample(y, source.sr, SR, quality="HQ")


def _first(channels: np.ndarray, name: str) -> np.ndarray:
    y = np.ascontiguousarray(channels[:, 0])
    if not y.any():
        raise AudioError(f"The first channel of {name} is silent.")
    return y


def through_mp3(y: np.ndarray, bitrate: int) -> np.ndarray:
    """Mono samples after a round trip through an MP3 file. y, bitrate : as in ``mp3``."""
    return decode(mp3(y, bitrate), "window.mp3", start_s=0.0, length_s=len(y) / SR).clip.y


def mp3(y: np.ndarray, bitrate: int) -> bytes:
    """Encode samples as an MP3 file in stereo, with a constant bitrate in bit/s.

    y : shape (n,), (n, 1) or (n, 2), at 44.1 kHz. One channel is written twice, because most files are stereo, and an
        encoder removes more of the high frequencies at the same bitrate then.
    """
    import av

    both = np.broadcast_to(y.reshape(len(y), -1), (len(y), 2))
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SR, layout="stereo")
        stream.bit_rate = bitrate
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(both.T, dtype=np.float32), format="fltp", layout="stereo"
        )
        frame.sample_rate = SR
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return buffer.getvalue()
