"""A drone on the karar (dem), to check a karar by ear."""

import numpy as np

from core.schema import SR

PARTIALS = (1.0, 0.6, 0.45, 0.3, 0.2, 0.15)  # levels of the harmonics
LEVEL = 0.35  # of the drone relative to the recording
_FADE_S = 0.1


def drone(hz: float, seconds: float) -> np.ndarray:
    """Return a steady tone with its lower octave: shape (n,), float64, at 44.1 kHz, peak 1."""
    n = round(seconds * SR)
    t = np.arange(n) / SR
    y = sum(level * np.sin(2 * np.pi * k * hz * t) for k, level in enumerate(PARTIALS, 1) if k * hz < SR / 2)
    y = y + 0.5 * np.sin(np.pi * hz * t)
    fade = np.minimum(1, np.minimum(t, t[::-1]) / _FADE_S)
    return np.asarray(y * fade / np.abs(y).max())


def with_drone(y: np.ndarray, hz: float, *, level: float = LEVEL) -> np.ndarray:
    """Return samples at 44.1 kHz with a drone below them, as loud as before at most; silence stays silent.

    level : of the drone relative to the loudness (root mean square) of the samples.
    """
    if not y.any():
        return y  # silence has no loudness that the drone could follow
    tone = drone(hz, y.size / SR)
    rms = float(np.sqrt((y**2).mean()))
    mixed = y + tone * (level * rms / float(np.sqrt((tone**2).mean())))
    return np.asarray(mixed * min(1.0, float(np.abs(y).max()) / float(np.abs(mixed).max())))
