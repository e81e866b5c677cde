"""Libraries for the tests of moods and playlists: pieces by the dozen, and a store with files that can be played."""

import hashlib
import inspect
import io
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from streamlit.runtime.media_file_manager import MediaFileManager

from core import store
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.playlists.circle import CIRCLE
from core.playlists.pieces import pieces_table
from core.records import LibraryEntry, LibraryFile, MeasuredClip, Window
from core.schema import COLUMNS, EMOTIONS, PROBA, FeatureVector
from core.settings import ROOT

EXTRACTOR = "tme-mir 1.0.0"


def clip(content: str, **given: object) -> dict[str, object]:
    """A row of ``store.library_table``. Probabilities as ``p=(angry, happy, relax, sad)``."""
    p = given.pop("p", (0.05, 0.05, 0.8, 0.1))
    guess = EMOTIONS[int(np.argmax(p))]
    known = {
        "clip_id": f"{content}@{given.get('start_s', 0.0)}",
        "content_hash": content,
        "file_name": f"{content}.flac",
        "path": f"/music/{content}.flac",
        "origin": "library",
        "start_s": 0.0,
        "duration_s": 30.0,
        "file_duration_s": 200.0,
        "lufs": -14.0,
        "guess": guess,
        "decision": guess if max(p) >= 0.75 else None,
        "candidates": '["x"]' if max(p) >= 0.75 else '["x", "y"]',
        "reason": "because",
        "tempo": 100.0,
        "model_version": "m1",
        "policy": "{}",
        "channels": 2,
        "extractor": EXTRACTOR,
        **dict(zip(PROBA, p, strict=True)),
        **dict.fromkeys(("artist", "title", "source", "album", "genre", "makam", "usul", "performer")),
        "year": None,
    }
    return known | given


def pieces(rows: list[dict[str, object]], **given: str) -> pd.DataFrame:
    """The pieces of these clips."""
    return pieces_table(pd.DataFrame(rows), **given)


def many(count: int, *, seed: int = 0, artists: int = 12, sure: float = 0.4) -> pd.DataFrame:
    """Pieces of random moods, tempi and lengths (2 to 6 minutes). sure : small = probabilities near 1."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(count):
        content = hashlib.sha256(f"{seed} {k}".encode()).hexdigest()
        rows.append(
            clip(
                content,
                p=tuple(rng.dirichlet([sure] * 4)),
                artist=f"Artist {rng.integers(artists)}",
                title=f"Title {k}",
                tempo=float(rng.uniform(60, 180)),
                file_duration_s=float(rng.uniform(120, 360)),
                lufs=float(rng.uniform(-25, -8)),
            )
        )
    return pieces(rows)


def downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], object]]:
    """What the buttons of a page give when they are pressed, by the name of the file; filled when the page is drawn."""
    found: dict[str, Callable[[], object]] = {}
    real = MediaFileManager.add_deferred

    def add(self: MediaFileManager, data: Callable[[], object], *given: object, **more: object) -> str:
        said = inspect.signature(real).bind(self, data, *given, **more).arguments
        found[said["file_name"]] = data
        return real(self, data, *given, **more)

    monkeypatch.setattr(MediaFileManager, "add_deferred", add)
    return found


def tone(
    path: Path, hz: float, *, seconds: float = 2.0, level: float = 0.3, sr: int = 22_050, channels: int = 1
) -> None:
    """A file with a tone that swells."""
    path.write_bytes(_tone(path.suffix, hz, seconds, level, sr, channels))


@lru_cache(maxsize=256)  # many tests store the same library
def _tone(suffix: str, hz: float, seconds: float, level: float, sr: int, channels: int) -> bytes:
    t = np.arange(round(seconds * sr)) / sr
    y = level * np.sin(2 * np.pi * hz * t) * np.sin(np.pi * t / seconds)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.column_stack([y] * channels), sr, format=suffix.lstrip("."))
    return buffer.getvalue()


def stored(
    opened: store.Store,
    folder: Path,
    *,
    each: int = 4,
    said_s: float | None = None,
    titles: Sequence[str] = (),
    model: str = "model-1",
) -> list[str]:
    """Store a library with files: ``each`` pieces of each emotion, a third of them between two; returns the hashes.

    said_s : length that the store is told, where the files would make long playlists too slowly.  titles : of the
    first pieces; the others are called Ezgi and their number.  model : version of the one that answered.
    The features are typical clips of the training music; the probabilities are made up.
    """
    typical = pd.read_csv(ROOT / "models" / "champion" / "background.csv")[list(COLUMNS)].to_numpy()
    entries, said, policy = [], [], Policy()
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(4 * each):
        first, second = CIRCLE[k % 4], CIRCLE[(k + 1) % 4]
        strong = {first: 0.5, second: 0.46} if k // 4 % 3 == 2 else {first: 0.88, second: 0.08}
        path, length = folder / f"{k:02d} çalgı.flac", 12.0 + k % 5
        tone(path, 200 + 20 * k, seconds=length)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        measured = FeatureVector(digest, EXTRACTOR, typical[k % len(typical)])
        part = MeasuredClip(measured, 0.0, length, -20.0 - k % 6, 22_050, 300_000, said_s or length)
        tags = {
            "artist": f"Şirin {k % 3}",
            "title": [*titles, f"Ezgi {k}"][min(k, len(titles))],
            "album": "Işık",
            "genre": "sanat",
        }
        file = LibraryFile(
            path=str(path),
            plan="excerpt",
            size=path.stat().st_size,
            stamp="s",
            state="scored",
            extractor=EXTRACTOR,
            content_hash=digest,
            duration_s=length,
            windows=(Window(0.0, length, digest),),
        )
        entries.append(LibraryEntry(file, (part,), tags | {"source": str(folder)}))
        prediction = Prediction(digest, model, EXTRACTOR, dict.fromkeys(EMOTIONS, 0.02) | strong)
        said.append((prediction, decide(prediction, policy)))
    store.save_files(opened, entries)
    store.save_predictions(opened, said, policy=policy)
    return [entry.file.content_hash for entry in entries]
