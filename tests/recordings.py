"""Copies and second takes of synthetic recordings, for tests of copies."""

import hashlib
import io
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from core import store
from core.audio import synthetic
from core.features import EXTRACTOR
from core.makams import USULS, scale_hz
from core.records import LibraryEntry, LibraryFile, MeasuredClip, Window
from core.schema import COLUMNS, SR, FeatureVector
from core.settings import ROOT

SECONDS = 24.0
COPIES = {  # name -> arguments of ffmpeg, and the ending of the file
    "MP3": (("-b:a", "96k"), ".mp3"),
    "trimmed": (("-ss", "1.7"), ".flac"),
    "shorter": (("-t", "20"), ".flac"),
    "louder": (("-af", "volume=5dB"), ".flac"),
    "22 kHz": (("-ar", "22050"), ".flac"),
    "later": (("-af", "adelay=300:all=1"), ".flac"),
}


def take(demo: synthetic.Demo, *, number: int = 0, jitter: float = 0.0, tempo: float = 1.0) -> np.ndarray:
    """A performance of a recipe: the notes are the recipe's; their times, their levels and the room are the take's.

    jitter : standard deviation of the length of a note, as a share of it.
    """
    notes, played = np.random.default_rng(demo.seed), np.random.default_rng([demo.seed, number])
    y, degree, at = np.zeros(round(SECONDS * SR)), 0, 0.0
    lengths = [1, 2, 2, 4] if USULS[demo.usul] else [2, 3, 5, 7]
    while at < SECONDS - 0.1:
        length = demo.unit_s * tempo * notes.choice(lengths) * (1 + jitter * played.standard_normal())
        hz = scale_hz(demo.makam, demo.tonic_hz, np.array(degree)).item()
        level = 1 + 5 * jitter * played.standard_normal()
        note = synthetic._VOICES[demo.voice](hz, min(length * 1.1, SECONDS - at), played)
        synthetic._add(y, at, level * note)
        degree = int(np.clip(degree + notes.choice([-2, -1, -1, 1, 1, 2]), -2, 8)) if notes.random() > 0.12 else 0
        at += length
    y = synthetic._in_a_room(y / np.abs(y).max(), replace(demo, seed=number, room=0.4))
    return 0.5 * y / np.abs(y).max()


def flac(y: np.ndarray, sr: int = SR) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, y, sr, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def copy(original: Path, name: str) -> Path:
    """One of ``COPIES`` beside the original, made by ffmpeg."""
    arguments, ending = COPIES[name]
    out = original.with_name(f"{original.stem} {name}{ending}")
    subprocess.run(["ffmpeg", "-loglevel", "error", "-i", original, *arguments, out], check=True)
    return out


def put(opened: store.Store, paths: list[Path], *, first: int = 0) -> dict[str, str]:
    """Store files as scored pieces without predictions: path's name -> content.

    The features are those of typical clips of the training music, from row ``first`` on.
    """
    typical = pd.read_csv(ROOT / "models" / "champion" / "background.csv")[list(COLUMNS)].to_numpy()
    contents = {}
    for values, path in zip(typical[first:], paths, strict=False):
        info = soundfile.info(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        part = MeasuredClip(
            FeatureVector(digest, EXTRACTOR, values), 0.0, info.duration, -20.0, SR, 300_000, info.duration
        )
        file = LibraryFile(
            path=str(path),
            plan="excerpt",
            size=path.stat().st_size,
            stamp="s",
            state="scored",
            extractor=EXTRACTOR,
            content_hash=digest,
            duration_s=info.duration,
            windows=(Window(0.0, info.duration, digest),),
        )
        store.save_files(opened, [LibraryEntry(file, (part,), {"title": path.stem, "source": str(path.parent)})])
        contents[path.name] = digest
    return contents
