"""Melodies that tests compose: their makam and their karar are known exactly."""

from dataclasses import replace

import numpy as np

from core.makam.melody import Melody
from core.makam.scores import compose
from core.makam.synthesis import true_melody
from core.makam.theory import makam_named

KARAR_HZ = 220.0


def composed(name: str, *, karar_hz: float = KARAR_HZ, seconds: float = 150.0, seed: int = 900) -> Melody:
    """The melody of a composed score, as a bowed instrument plays it."""
    return true_melody(compose(makam_named(name), karar_hz, seconds=seconds, seed=seed), "bowed", seed=seed)


def cut(melody: Melody, start_s: float, end_s: float) -> Melody:
    """A part of a melody."""
    part = slice(round(start_s / melody.hop_s), round(end_s / melody.hop_s))
    return replace(melody, cents=melody.cents[part], confidence=melody.confidence[part])


def melody_of_cents(cents: np.ndarray) -> Melody:
    return Melody(cents.astype(np.float64), np.isfinite(cents).astype(np.float64), 0.02)


def held(*notes: tuple[float, float], karar_hz: float = KARAR_HZ) -> Melody:
    """Steady notes, given as commas over the karar and seconds; a NaN is a rest."""
    karar = 1200 * np.log2(karar_hz / 440)
    return melody_of_cents(np.concatenate([np.full(round(s / 0.02), karar + c * 1200 / 53) for c, s in notes]))
