"""Data for drawing the waveform of a clip."""

import numpy as np

from core.audio.decoding import Clip


def envelope(clip: Clip, points: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Divide a clip into ``points`` segments; return their times in s, their lowest and their highest samples."""
    edges = np.linspace(0, clip.y.size, min(points, clip.y.size) + 1).astype(np.int64)[:-1]
    return edges / clip.sr, np.minimum.reduceat(clip.y, edges), np.maximum.reduceat(clip.y, edges)
