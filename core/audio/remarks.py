"""Remarks on audio that can be measured but is suspicious, or of which the features mean less.

What the samples tell is found while they are decoded, at the file's own rate and in its own channels, before they are
mixed and scaled.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from core.records import Remark, RemarkKind
from core.schema import SR
from core.wording import tenth_percent

DC_OFFSET = 0.02  # mean of a channel, of full scale
CLIPPED = 0.001  # share of samples in flat runs at the highest level
FLAT_RUN = 4  # equal samples one after the other at the highest level: no music has that
NEAR_PEAK = 0.995  # of the highest level: "at the highest level"
SQUARE = (
    1.4  # kurtosis: a square wave has 1, a sine 1.5, music 3 and more; also behind a codec, whose peaks are not flat
)
CANCELLING_DB = -13.0  # power of the mix against the mean power of the channels
EMPTY_DB = -60.0  # power of a channel against the other channel
BAND_LIMIT = 15_000.0  # Hz; the published table was computed from MP3 files, which end near 16 kHz
BAND_DB = -90.0  # mean power of a frequency against the strongest one
BAND_FRAME = 4096  # samples
FRAMES_AT_ONCE = 16  # their spectra fit into the processor's cache, and so do so many samples:
AT_ONCE = 16_384
LEADING_SILENCE_S = 3.0
SILENT_DB = -60.0  # against the clip's peak
INTEGER_PEAK = 1000.0  # float samples beyond that are integers that were never scaled
# Codecs by their names in libsndfile and in FFmpeg. Those that are not lossless are made from 16 bits.
_LOSSLESS = ("PCM_", "ULAW", "ALAW", "FLOAT", "DOUBLE", "ALAC", "alac", "pcm_", "flac", "wavpack", "tta", "wmalossless")
_EIGHT_BITS = ("PCM_S8", "PCM_U8", "ULAW", "ALAW", "pcm_u8", "pcm_s8", "pcm_s8_planar", "pcm_alaw", "pcm_mulaw")
_SIXTEEN_BITS = ("PCM_16", "ALAC_16", *(f"pcm_{kind}" for kind in ("s16le", "s16be", "u16le", "u16be", "s16le_planar")))
_INTEGERS = (32768.0, 8388608.0, 2147483648.0)  # full scale of 16, 24 and 32 bits


@dataclass(frozen=True)
class Check:
    """A row of the table of checks. kind : of its remark.  finds : what it finds.  limit : when it says so."""

    kind: RemarkKind
    finds: str
    limit: str


CHECKS = (
    Check(
        RemarkKind.DC_OFFSET,
        "The waveform is shifted up or down",
        f"mean of a channel beyond {DC_OFFSET:g} of full scale",
    ),
    Check(
        RemarkKind.CLIPPING,
        "The recording was too loud: its peaks are cut off",
        f"{tenth_percent(CLIPPED)} of the samples lie in runs of {FLAT_RUN} or more equal ones at the highest "
        "level, or the "
        f"kurtosis of a channel is below {SQUARE:g}",
    ),
    Check(
        RemarkKind.CANCELLING_CHANNELS,
        "The channels nearly cancel each other when they are mixed to one",
        f"the mix has less than {CANCELLING_DB:g} dB of the power of the channels",
    ),
    Check(
        RemarkKind.ONE_CHANNEL,
        "Only one of the two channels has sound",
        f"the other channel has {-EMPTY_DB:g} dB less power",
    ),
    Check(
        RemarkKind.LEADING_SILENCE,
        "The clip begins with silence",
        f"{LEADING_SILENCE_S:g} s or more below {SILENT_DB:g} dB of the clip's peak",
    ),
    Check(
        RemarkKind.BEYOND_FULL_SCALE, "Samples are larger than full scale", "a sample beyond 1; the clip is scaled down"
    ),
)
SUSPICIOUS = frozenset(check.kind for check in CHECKS) | {
    RemarkKind.CUT,
    RemarkKind.JOINED,
    RemarkKind.DAMAGED,
    RemarkKind.LENGTH_UNKNOWN,
}
WARNINGS = SUSPICIOUS | {RemarkKind.SHORT, RemarkKind.MISSING}  # what a table of many files shows


def warnings(remarks: Iterable[Remark]) -> list[str]:
    """The sentences of those remarks that a person should see also where many files are listed."""
    return [remark.text for remark in remarks if remark.kind in WARNINGS]


def markdown_table() -> str:
    """The checks as a table for the documents."""
    lines = ["| kind | what it finds | limit |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| `{c.kind}` | {c.finds} | {c.limit} |" for c in CHECKS)])


class Listener:
    """Hears the blocks of a clip as they are decoded, shape (n, channels); then ``remarks`` tells what it heard."""

    def __init__(self, sr: int) -> None:
        self._step = max(1, sr // 100)
        self._sr, self._n, self._peak, self._mix_power = sr, 0, 0.0, 0.0
        self._channels: list[_Channel] = []
        self._peaks: list[np.ndarray] = []  # of each 10 ms, over all channels

    def __call__(self, block: np.ndarray) -> None:
        channels = np.ascontiguousarray(block.T)  # several times as fast as along the short axis
        self._channels = self._channels or [_Channel(float(y.mean())) for y in channels]
        sizes = np.abs(channels)
        peak = float(sizes.max())
        for known, y, size in zip(self._channels, channels, sizes, strict=True):
            known.add(y, size, peak)
        edges = np.arange(0, len(block), self._step)
        self._peaks.append(np.max([np.maximum.reduceat(size, edges) for size in sizes], axis=0))
        self._peak = max(self._peak, peak)
        self._n += len(block)
        if len(channels) > 1:
            mix = channels.sum(axis=0)
            self._mix_power += _power(mix) / len(channels) ** 2

    def remarks(self) -> list[Remark]:
        """One for each check that found something. The clip must hold samples."""
        found = []
        shift = max(abs(channel.total / self._n) for channel in self._channels)
        silence = self._leading_silence_s()
        if shift > DC_OFFSET:
            text = (
                f"The waveform is shifted by {shift:.2f} of full scale (DC offset): the measures of energy mean less."
            )
            found.append(Remark(RemarkKind.DC_OFFSET, text))
        if self._clipped():
            text = "The recording is clipped: its peaks are cut off, which adds brightness and roughness."
            found.append(Remark(RemarkKind.CLIPPING, text))
        power = sum(channel.power for channel in self._channels) / len(self._channels)
        if len(self._channels) > 1 and self._mix_power < power * 10 ** (CANCELLING_DB / 10):
            text = "The channels nearly cancel each other when they are mixed to one: little of the music is left. "
            found.append(Remark(RemarkKind.CANCELLING_CHANNELS, text + "One of them may be inverted."))
        if len(self._channels) == 2 and self._one_is_empty():
            text = "Only one of the two channels has sound. One channel alone often gives another answer than the mix: "
            found.append(Remark(RemarkKind.ONE_CHANNEL, text + "export the recording with both channels if you can."))
        if silence >= LEADING_SILENCE_S:
            text = f"The clip begins with {silence:.1f} s of silence, which moves most features."
            found.append(Remark(RemarkKind.LEADING_SILENCE, text))
        return found

    def _clipped(self) -> bool:
        tops = (top for channel in self._channels for top in channel.tops)
        flat = sum(count for peak, count in tops if peak >= NEAR_PEAK * self._peak)
        square = any(c.fourth * self._n < SQUARE * c.second**2 for c in self._channels)
        return square or flat > CLIPPED * self._n * len(self._channels)

    def _one_is_empty(self) -> bool:
        quiet, loud = sorted(channel.power for channel in self._channels)
        return quiet < loud * 10 ** (EMPTY_DB / 10)

    def _leading_silence_s(self) -> float:
        peaks = np.concatenate(self._peaks)
        loud = np.flatnonzero(peaks > self._peak * 10 ** (SILENT_DB / 20))
        return (int(loud[0]) if loud.size else peaks.size) * self._step / self._sr


class _Channel:
    """What is known of one channel. middle : around which the moments are taken.

    total, power : sums of the samples and their squares.  second, fourth : sums for the moments.
    tops : the highest level of each block, in any channel, and how many samples of this one lie in flat runs there.
    """

    def __init__(self, middle: float) -> None:
        self.middle = middle
        self.total = self.power = self.second = self.fourth = 0.0
        self.tops: list[tuple[float, int]] = []

    def add(self, y: np.ndarray, size: np.ndarray, peak: float) -> None:
        """size : of each sample.  peak : of the block."""
        for first in range(0, len(y), AT_ONCE):
            piece = y[first : first + AT_ONCE]
            self.total += float(piece.sum())
            self.power += _power(piece)
            square = piece - self.middle
            np.square(square, out=square)
            self.second += float(square.sum())
            self.fourth += _power(square)
        self.tops.append((peak, _flat_samples(y, size, peak)))


def _power(y: np.ndarray) -> float:
    """Sum of the squares; in one thread, unlike ``y @ y``, which is slower on a busy machine."""
    return float(np.einsum("i,i->", y, y))


def _flat_samples(y: np.ndarray, size: np.ndarray, peak: float) -> int:
    """Samples in runs of equal ones at the highest level."""
    if peak <= 0:
        return 0
    top = np.flatnonzero(size >= NEAR_PEAK * peak)
    if top.size < FLAT_RUN:
        return 0
    same = (np.diff(top) == 1) & (np.diff(y[top]) == 0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], same.view(np.int8), [0]])))
    runs = edges[1::2] - edges[::2] + 1
    return int(runs[runs >= FLAT_RUN].sum())


def to_full_scale(y: np.ndarray) -> tuple[np.ndarray, list[Remark]]:
    """Samples brought to full scale where they go beyond it. y : shape (n,), mono."""
    peak = float(max(y.max(), -y.min()))
    if peak <= 1:
        return y, []
    full = next((full for full in _INTEGERS if INTEGER_PEAK < peak <= full), None)
    if full is not None:
        text = f"The samples are integers stored as float (up to {peak:,.0f}); they were divided by {full:,.0f}."
    else:
        full, text = peak, f"Samples reach {peak:.3g} times full scale; the clip was scaled down to full scale."
    return y / full, [Remark(RemarkKind.BEYOND_FULL_SCALE, text)]


def band_edge(y: np.ndarray) -> float:
    """Highest frequency in Hz that a clip contains: the last one within ``BAND_DB`` of the strongest one.

    y : shape (n,), mono at 44.1 kHz, n >= ``BAND_FRAME``.
    """
    frames = y[: y.size // BAND_FRAME * BAND_FRAME].reshape(-1, BAND_FRAME)
    window, power = np.hanning(BAND_FRAME), np.zeros(BAND_FRAME // 2 + 1)
    for first in range(0, len(frames), FRAMES_AT_ONCE):
        spectra = np.fft.rfft(frames[first : first + FRAMES_AT_ONCE] * window, axis=1)
        power += (spectra.real**2 + spectra.imag**2).sum(axis=0)
    return float(np.flatnonzero(power >= power.max() * 10 ** (BAND_DB / 10))[-1] * SR / BAND_FRAME)


def of_band(y: np.ndarray, sr: int) -> list[Remark]:
    """Remark on missing high frequencies. y : as in ``band_edge``.  sr : of the file; a low rate has its own remark."""
    if sr < SR or y.size < BAND_FRAME:
        return []
    edge = band_edge(y)
    if edge >= BAND_LIMIT:
        return []
    at = f"{edge:.0f} Hz" if edge < 1000 else f"{edge / 1000:.2g} kHz"
    text = (
        f"There is nothing above {at}, as in a file with a low bitrate or an old recording: "
        "brightness, rolloff, flatness and the other measures of the spectrum mean less."
    )
    return [Remark(RemarkKind.BAND_LIMITED, text)]


def of_format(form: str, codec: str, sr: int, channels: int) -> list[Remark]:
    """Remarks on what the file is. codec : as the decoder calls it."""
    found = []
    if sr < SR:
        found.append(
            Remark(
                RemarkKind.LOW_RATE,
                f"Sampled at {sr / 1000:g} kHz, so there is nothing above {sr / 2000:g} kHz: "
                "brightness, rolloff, flatness and the other measures of the spectrum mean less.",
            )
        )
    if sr > SR:
        found.append(Remark(RemarkKind.RESAMPLED, f"Sampled at {sr / 1000:g} kHz and converted to {SR / 1000:g} kHz."))
    if channels > 2:
        found.append(Remark(RemarkKind.MIXED, f"{channels} channels were mixed down to one."))
    if codec in _EIGHT_BITS:
        found.append(
            Remark(RemarkKind.EIGHT_BIT, "8-bit audio: its noise raises flatness, entropy and zero crossings.")
        )
    return found


def more_than_16_bits(codec: str) -> bool:
    """Whether samples of this codec may need more than 16 bits. codec : as the decoder calls it."""
    return codec.startswith(_LOSSLESS) and codec not in (*_EIGHT_BITS, *_SIXTEEN_BITS)
