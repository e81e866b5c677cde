"""Short pieces that the tests of the melody share, each rendered once."""

from functools import lru_cache

import numpy as np

from core.makam.melody import Melody, melody_of
from core.makam.scores import compose
from core.makam.synthesis import Score, render, true_melody
from core.makam.theory import makam_named

SR = 16000
KARAR_HZ = 196.0


@lru_cache(maxsize=4)
def score(makam: str = "Uşşak", karar_hz: float = KARAR_HZ, seconds: float = 12.0) -> Score:
    return compose(makam_named(makam), karar_hz, seconds=seconds, seed=1)


@lru_cache(maxsize=12)
def sound(instrument: str, karar_hz: float = KARAR_HZ) -> np.ndarray:
    return render(score(karar_hz=karar_hz), instrument, sr=SR, seed=1)


@lru_cache(maxsize=12)
def tracked(instrument: str) -> Melody:
    return melody_of(sound(instrument), SR)


def truth(instrument: str) -> np.ndarray:
    return true_melody(score(), instrument, seed=1).cents


def tone(hz: float, seconds: float = 1.0, sr: int = SR) -> np.ndarray:
    """Twelve harmonics, of amplitude 1 / k, below half the sampling rate."""
    t = np.arange(round(seconds * sr)) / sr
    harmonics = [np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 13) if k * hz < 0.45 * sr]
    return 0.3 * np.sum(harmonics, axis=0)
