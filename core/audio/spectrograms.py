"""Spectrograms for display, computed by librosa: mel bands, and constant-Q bands with note names.

No feature and no prediction depends on this module.
"""

from math import ceil, log2

import numpy as np

from core.audio.decoding import Clip

MAX_COLUMNS = 300  # columns of a spectrogram over the whole clip
FLOOR_DB = -80.0
MEL_BANDS, MEL_LOWEST_HZ, MEL_WINDOW = 128, 30.0, 4096
BINS_PER_OCTAVE = 36  # three per semitone, so that microtones of a makam are visible
OCTAVES = 7
LOWEST_NOTE = "C2"
HOP = 1024

Spectrogram = tuple[np.ndarray, np.ndarray, np.ndarray]


def mel(clip: Clip, *, columns: int = MAX_COLUMNS) -> Spectrogram:
    """Compute a mel spectrogram; a 30 s clip takes about 0.2 CPU seconds.

    Returns
    -------
    tuple
        Times in s, shape (t,); centre frequencies of the bands in Hz, shape (f,); level relative to the maximum in
        whole dB, shape (f, t), from -80 to 0.
    """
    import librosa

    power = librosa.feature.melspectrogram(
        y=_at_least(clip.y, MEL_WINDOW), sr=clip.sr, n_fft=MEL_WINDOW, hop_length=HOP, n_mels=MEL_BANDS,
        fmin=MEL_LOWEST_HZ, fmax=clip.sr / 2,
    )  # fmt: skip
    hz = librosa.mel_frequencies(n_mels=MEL_BANDS + 2, fmin=MEL_LOWEST_HZ, fmax=clip.sr / 2)[1:-1]
    times, level = _picture(power, clip, columns)
    return times, hz, level


def constant_q(clip: Clip, *, columns: int = MAX_COLUMNS) -> Spectrogram:
    """Compute a constant-Q spectrogram: seven octaves from C2 (65 Hz), three bands per semitone.

    The result has the form of ``mel``. A 30 s clip takes about 0.2 CPU seconds. Separating the lowest notes needs
    0.8 s of sound.
    """
    import librosa

    lowest, bands = float(librosa.note_to_hz(LOWEST_NOTE)), OCTAVES * BINS_PER_OCTAVE
    filter_s = 1 / (2 ** (1 / BINS_PER_OCTAVE) - 1) / lowest  # length of the longest filter, that of the lowest band
    y = _at_least(clip.y, 2 ** ceil(log2(filter_s * clip.sr))).astype(np.float32)
    bins = librosa.cqt(
        y, sr=clip.sr, hop_length=HOP, fmin=lowest, n_bins=bands, bins_per_octave=BINS_PER_OCTAVE
    )  # fmt: skip
    frames = clip.y.size // HOP + 1
    power = np.abs(bins[:, :frames]) ** 2
    hz = librosa.cqt_frequencies(n_bins=bands, fmin=lowest, bins_per_octave=BINS_PER_OCTAVE)
    times, level = _picture(power, clip, columns)
    return times, hz, level


def note_names(hz: np.ndarray) -> list[str]:
    """Name the nearest notes (A4 = 440 Hz), with the difference in cents: ``"A4"``, ``"A4 +33 ct"``."""
    import librosa

    midi = librosa.hz_to_midi(hz)
    nearest = np.round(midi)
    cents = np.round(100 * (midi - nearest)).astype(int)
    names = librosa.midi_to_note(nearest)
    return [f"{name} {c:+d} ct" if c else str(name) for name, c in zip(names, cents, strict=True)]


def _at_least(y: np.ndarray, samples: int) -> np.ndarray:
    """Append silence if there are fewer samples than a filter needs."""
    return np.pad(y, (0, max(0, samples - y.size)))


def _picture(power: np.ndarray, clip: Clip, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Average neighbouring frames of power, shape (f, frames); return times in s and level in dB."""
    edges = np.linspace(0, power.shape[1], min(columns, power.shape[1]) + 1).astype(np.int64)
    means = np.add.reduceat(power, edges[:-1], axis=1) / np.diff(edges)
    times = (edges[:-1] + edges[1:] - 1) / 2 * HOP / clip.sr
    level = 10 * np.log10(means / max(float(means.max()), 1e-20) + 10 ** (FLOOR_DB / 10))
    return times, np.round(level).astype(np.int8)
