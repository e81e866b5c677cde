"""Spectrograms for the eye, by librosa: mel bands, and constant-Q bands with the names of notes.

No feature and no prediction depends on these; the features make spectra of their own.
"""

from math import ceil, log2

import numpy as np

from core.audio.decoding import Clip

COLUMNS = 300  # at most, over the time of the clip
FLOOR_DB = -80.0
MEL_BANDS, MEL_LOWEST_HZ, MEL_WINDOW = 128, 30.0, 4096
BINS_PER_OCTAVE = 36  # three a semitone: notes of a makam between those of a piano stay apart
OCTAVES = 7
LOWEST_NOTE = "C2"
HOP = 1024

Picture = tuple[np.ndarray, np.ndarray, np.ndarray]


def mel(clip: Clip, *, columns: int = COLUMNS) -> Picture:
    """Level of bands that are as wide as the ear tells pitches apart.

    Returns times in s, shape (t,); centres of the bands in Hz, (f,); level in whole dB below the loudest, (f, t), -80
    at least. Costs some 0.2 CPU-seconds for 30 s.
    """
    import librosa

    power = librosa.feature.melspectrogram(
        y=_at_least(clip.y, MEL_WINDOW), sr=clip.sr, n_fft=MEL_WINDOW, hop_length=HOP, n_mels=MEL_BANDS,
        fmin=MEL_LOWEST_HZ, fmax=clip.sr / 2,
    )  # fmt: skip
    hz = librosa.mel_frequencies(n_mels=MEL_BANDS + 2, fmin=MEL_LOWEST_HZ, fmax=clip.sr / 2)[1:-1]
    times, level = _picture(power, clip, columns)
    return times, hz, level


def constant_q(clip: Clip, *, columns: int = COLUMNS) -> Picture:
    """Level of bands a third of a semitone apart, from C2 (65 Hz) seven octaves up; as ``mel``.

    Costs some 0.2 CPU-seconds for 30 s. The lowest notes need 0.8 s of sound to stand apart.
    """
    import librosa

    lowest, bands = float(librosa.note_to_hz(LOWEST_NOTE)), OCTAVES * BINS_PER_OCTAVE
    filter_s = 1 / (2 ** (1 / BINS_PER_OCTAVE) - 1) / lowest  # of the lowest band, the longest
    y = _at_least(clip.y, 2 ** ceil(log2(filter_s * clip.sr))).astype(np.float32)
    found = librosa.cqt(
        y, sr=clip.sr, hop_length=HOP, fmin=lowest, n_bins=bands, bins_per_octave=BINS_PER_OCTAVE
    )  # fmt: skip
    frames = clip.y.size // HOP + 1
    power = np.abs(found[:, :frames]) ** 2
    hz = librosa.cqt_frequencies(n_bins=bands, fmin=lowest, bins_per_octave=BINS_PER_OCTAVE)
    times, level = _picture(power, clip, columns)
    return times, hz, level


def note_names(hz: np.ndarray) -> list[str]:
    """The nearest notes at A4 = 440 Hz, with the cents beside them where there are any: ``"A4"``, ``"A4 +33 ct"``."""
    import librosa

    midi = librosa.hz_to_midi(hz)
    nearest = np.round(midi)
    cents = np.round(100 * (midi - nearest)).astype(int)
    names = librosa.midi_to_note(nearest)
    return [f"{name} {c:+d} ct" if c else str(name) for name, c in zip(names, cents, strict=True)]


def _at_least(y: np.ndarray, samples: int) -> np.ndarray:
    """The samples, with silence after them where there are fewer than a filter needs."""
    return np.pad(y, (0, max(0, samples - y.size)))


def _picture(power: np.ndarray, clip: Clip, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Means of neighbouring frames: times in s and level in dB. power : shape (f, frames)."""
    edges = np.linspace(0, power.shape[1], min(columns, power.shape[1]) + 1).astype(np.int64)
    means = np.add.reduceat(power, edges[:-1], axis=1) / np.diff(edges)
    times = (edges[:-1] + edges[1:] - 1) / 2 * HOP / clip.sr
    level = 10 * np.log10(means / max(float(means.max()), 1e-20) + 10 ** (FLOOR_DB / 10))
    return times, np.round(level).astype(np.int8)
