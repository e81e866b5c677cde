"""Small libraries for the tests: folders of generated files, all different, of a size that costs milliseconds."""

import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from core.library.results import TYPES
from core.records import FoundFile


def tiny(seed: int, *, seconds: float = 0.6, sr: int = 8000, form: str = "WAV", channels: int = 1) -> bytes:
    """A struck tone with noise: enough for all features, 10 kB."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(sr * seconds)) / sr
    y = np.sin(2 * np.pi * 110 * 2 ** rng.uniform(0, 3) * t) * np.exp(-3 * (t % 0.6))
    y += 0.2 * rng.standard_normal(t.size) * np.exp(-8 * (t % 0.3))
    buffer = io.BytesIO()
    samples = np.repeat(0.5 * y[:, None] / np.abs(y).max(), channels, axis=1)
    soundfile.write(buffer, samples, sr, format=form, subtype="PCM_16")
    return buffer.getvalue()


def folder(path: Path, count: int, *, first: int = 0) -> Path:
    """A tree of so many tiny files, ten folders wide, written some time ago."""
    for k in range(first, first + count):
        file = path / f"album {k % 10}" / f"{k:04d}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(tiny(k))
    return path


def settle(monkeypatch) -> None:
    """Take files for settled at once: what was written a moment ago need not be looked at again."""
    monkeypatch.setattr("core.library.reading.FRESH_S", -1e9)


def found(path: Path) -> FoundFile:
    """A file as the walk would list it."""
    here = os.stat(path)
    return FoundFile(str(path), path.name, here.st_size, f"{here.st_mtime_ns} {here.st_ctime_ns}")


def table(out: Path) -> pd.DataFrame:
    """Results, whichever way they were written, with empty text for what is unknown."""
    if out.suffix == ".parquet":
        return pd.read_parquet(out)
    text = {column: "str" for column, kind in TYPES.items() if kind == "str"}
    return pd.read_csv(out, dtype=text, keep_default_na=False, na_values={c: [""] for c in TYPES if c not in text})


def results(**columns: list[object]) -> pd.DataFrame:
    """A table of results; columns that are not given are empty."""
    rows = len(next(iter(columns.values())))
    empty = {"str": "", "float64": np.nan, "Int64": pd.NA}
    given = {name: columns.get(name, [empty[kind]] * rows) for name, kind in TYPES.items()}
    return pd.DataFrame(given).astype(TYPES)
