"""Clips that the chapters' tests share: the golden files with their reference values, and made-up awkward ones."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from core.schema import BY_COLUMN, SR

FOLDER = Path(__file__).resolve().parent.parent / "golden"
REFERENCE = pd.concat([pd.read_csv(FOLDER / f"{table}.csv", index_col="clip") for table in ("made", "short")])
SOME = ("tone_0p9s", "dc_offset_6s", "irregular_hits_7s", "rough_riff", "tone_then_silence")  # varied, for slow checks
AGREEMENT = 1e-8  # with MIRtoolbox; relative, 1e-3 as the smallest scale


@lru_cache(maxsize=4)
def golden(name: str) -> np.ndarray:
    """A golden clip, shape (n,), full scale."""
    y, sr = soundfile.read(FOLDER / f"{name}.flac", dtype="int16")
    assert sr == SR
    return y / 32768


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, n)


def tone(hz: float, seconds: float = 1.0, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * SR)) / SR)


AWKWARD = {
    "silence": np.zeros(SR),
    "constant": np.full(SR, 0.3),
    "click": np.eye(1, SR, 5000)[0],
    "full scale": np.sign(tone(220.5)),
    "Nyquist": np.tile([0.5, -0.5], SR // 2),
    "one sample": np.array([0.3]),
    "one silent sample": np.zeros(1),
    "two samples": np.array([0.1, -0.2]),
    "100 samples": noise(100),
    "shorter than a roughness frame": noise(2204),
    "one roughness frame": noise(2205),
    "too short for 100 Hz": noise(8000),
    "0.3 s": noise(13230),
    "one harmony frame": noise(32766),
    "two harmony frames": noise(32766 + 3277),
    "a power of two": noise(1 << 16),
    "one more than a power of two": noise((1 << 17) + 1),
    "silent start": np.concatenate([np.zeros(2 * SR), noise(SR)]),
    "silent end": np.concatenate([noise(SR), np.zeros(2 * SR)]),
    "very soft": 1e-9 * noise(SR),
}


def error(estimated: float, reference: float) -> float:
    """Relative to the reference, with 1e-3 as the smallest scale; both NaN is no error, one NaN is infinite."""
    if np.isnan(estimated) and np.isnan(reference):
        return 0.0
    if np.isnan(estimated) or np.isnan(reference):
        return np.inf
    return abs(estimated - reference) / max(abs(reference), 1e-3)


def worst(estimated: dict[str, float], reference: dict[str, float] | pd.Series) -> float:
    return max(error(value, reference[column]) for column, value in estimated.items())


def out_of_range(measured: dict[str, float]) -> list[str]:
    """Columns that are neither NaN nor within the range that the schema gives them."""
    tolerance = 1e-4
    ranges = {c: (BY_COLUMN[c].low - tolerance, BY_COLUMN[c].high + tolerance) for c in measured}
    return [
        c for c, v in measured.items() if not np.isnan(v) and not (np.isfinite(v) and ranges[c][0] <= v <= ranges[c][1])
    ]
