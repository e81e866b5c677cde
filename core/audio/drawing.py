"""Data for drawing a clip: the outline of its waveform, and its spectrogram."""

import numpy as np

from core.audio.decoding import Clip


def envelope(clip: Clip, points: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Waveform for drawing: times in s, lowest and highest sample of each of ``points`` stretches."""
    edges = np.linspace(0, clip.y.size, min(points, clip.y.size) + 1).astype(np.int64)[:-1]
    return edges / clip.sr, np.minimum.reduceat(clip.y, edges), np.maximum.reduceat(clip.y, edges)
