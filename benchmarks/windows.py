"""Cost of several windows, and how much they steady the answer for longer pieces.

    python -m benchmarks.windows [FOLDER]

FOLDER : recordings longer than a minute; default ``../shared/makam/voices`` beside the repository.

Cost: seconds from the bytes to the stored decision for a clip of 30 s and for a song of 4 minutes (clips of the folder,
repeated), as FLAC and MP3, with 1, 3 and 5 windows; run it on a quiet machine.
Steadiness: features every 5 s of each recording; share of positions at which the answer changes when everything starts
5 s later.
"""

import argparse
import io
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import soundfile

from core.audio.decoding import EXCERPT_S, excerpt, inspect
from core.features import extract
from core.models.policy import Policy
from core.models.prediction import probabilities
from core.pipeline import scoring, serving
from core.schema import COLUMNS
from core.settings import ROOT, Settings
from core.store import open_store

FOLDER = ROOT.parent / "shared" / "makam" / "voices"
STEP_S = 5.0
ROUNDS = 5


def encoded(y: np.ndarray, sr: int, form: str) -> bytes:
    buffer = io.BytesIO()
    given = {"bitrate_mode": "CONSTANT", "compression_level": 0.66} if form == "MP3" else {}
    soundfile.write(buffer, y, sr, format=form, **given)
    return buffer.getvalue()


def cost(paths: list[Path], served: serving.Served) -> pd.DataFrame:
    """Seconds to the stored decision; the features of each round are new to the database."""
    lines = []
    for path in paths:
        y, sr = soundfile.read(path)
        for seconds in (30, 240):
            part = np.resize(y, seconds * sr)
            for form in ("FLAC", "MP3"):
                data = encoded(part, sr, form)
                for windows in (1, 3, 5):
                    for _ in range(ROUNDS):
                        with tempfile.TemporaryDirectory() as folder:
                            store = open_store(f"sqlite:///{folder}/feedback.db")
                            start = time.perf_counter()
                            scoring.score_clip(data, "a", served, policy=Policy(windows=windows), store=store)
                            taken = time.perf_counter() - start
                            store.engine.dispose()
                        lines.append({"length": seconds, "format": form, "windows": windows, "seconds": taken})
    return pd.DataFrame(lines)


def steadiness(paths: list[Path], served: serving.Served) -> pd.DataFrame:
    """Share of positions whose guess changes, or whose accepted answer is lost, when all starts 5 s later."""
    values, places = [], []
    for path in paths:
        source = inspect(path.read_bytes(), path.name)
        for start_s in np.arange(0, source.duration_s - EXCERPT_S, STEP_S):
            values.append(extract(excerpt(source, start_s=float(start_s)).clip).values)
            places.append((path.name, float(start_s)))
    p = dict(zip(places, probabilities(served.model, pd.DataFrame(values, columns=list(COLUMNS))), strict=True))
    lines = []
    for count, apart in ((1, STEP_S), (3, 5.0), (3, 10.0), (3, 15.0), (5, 10.0)):
        steps = [k * apart for k in range(-(count // 2), count // 2 + 1)]
        means = {
            (name, at): np.mean([p[name, at + step] for step in steps], axis=0)
            for name, at in places
            if all((name, at + step) in p for step in steps)
        }
        pairs = [(mean, means[name, at + STEP_S]) for (name, at), mean in means.items() if (name, at + STEP_S) in means]
        flips = [one.argmax() != other.argmax() for one, other in pairs]
        accepted = [other.max() >= 0.75 and not flip for (one, other), flip in zip(pairs, flips, strict=True)
                    if one.max() >= 0.75]  # fmt: skip
        lines.append({"windows": count, "apart": apart, "pairs": len(pairs), "other guess": np.mean(flips),
                      "accepted answers lost": 1 - np.mean(accepted)})  # fmt: skip
    return pd.DataFrame(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    paths = sorted(parser.parse_args().folder.glob("*.flac"))
    served = serving.serve(Settings())
    serving.warm_up(served)
    taken = cost(paths[:2], served).groupby(["length", "format", "windows"])["seconds"]
    table = pd.DataFrame({"median": taken.median(), "p95": taken.quantile(0.95)})
    print(f"{len(paths)} recordings, model {served.model.version}\n\n{table.round(3).to_string()}\n")
    print(steadiness(paths, served).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
