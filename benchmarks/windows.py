"""Cost of several windows, and how much they steady the answer for longer pieces.

    python -m benchmarks.windows [--windows 1 3 5] [--rounds 5] [--only-cost] [FOLDER]

FOLDER : recordings longer than a minute; default ``../shared/makam/voices`` beside the repository.

Cost: seconds from the bytes to the stored decision for a clip of 30 s and for a song of 4 minutes (clips of the folder,
repeated), as WAV, FLAC, MP3 and M4A. The time of the clock needs a quiet machine. The time of the processor also counts
the processes that decode, and depends less on the load.
Steadiness: features every 5 s of each recording; share of positions at which the answer changes when everything starts
5 s later.
"""

import argparse
import io
import itertools
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import av
import numpy as np
import pandas as pd
import psutil
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
FORMS = ("WAV", "FLAC", "MP3", "M4A")


def encoded(y: np.ndarray, sr: int, form: str) -> bytes:
    buffer = io.BytesIO()
    if form == "M4A":
        with av.open(buffer, "w", format="ipod") as made:
            stream = made.add_stream("aac", rate=sr, layout="mono", bit_rate=128_000)
            frame = av.AudioFrame.from_ndarray(y[np.newaxis].astype(np.float32), format="fltp", layout="mono")
            frame.sample_rate = sr
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                made.mux(packet)
        return buffer.getvalue()
    given = {"bitrate_mode": "CONSTANT", "compression_level": 0.66} if form == "MP3" else {}
    soundfile.write(buffer, y, sr, format=form, **given)
    return buffer.getvalue()


def clock_and_processor() -> np.ndarray:
    """Seconds of the clock, and of the processor with the processes that decode."""
    own = psutil.Process()
    used = [sum(process.cpu_times()[:2]) for process in (own, *own.children(recursive=True))]
    return np.array([time.perf_counter(), sum(used)])


def cost(paths: list[Path], served: serving.Served, *, counts: list[int], rounds: int) -> pd.DataFrame:
    """Seconds to the stored decision; the features of each round are new to the database. counts : of windows."""
    lines = []
    for path, seconds, form in itertools.product(paths, (30, 240), FORMS):
        y, sr = soundfile.read(path, always_2d=True)
        data = encoded(np.resize(y.mean(axis=1), seconds * sr), sr, form)
        for windows in counts * rounds:
            with tempfile.TemporaryDirectory() as folder:
                store = open_store(f"sqlite:///{folder}/feedback.db")
                start = clock_and_processor()
                scoring.score_clip(data, "a", served, policy=Policy(windows=windows), store=store)
                clock_s, processor_s = clock_and_processor() - start
                store.engine.dispose()
            known = {"length": seconds, "format": form, "windows": windows}
            lines.append(known | {"clock": clock_s, "processor": processor_s})
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
    parser.add_argument("--windows", nargs="+", type=int, default=[1, 3, 5])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only-cost", action="store_true")
    chosen = parser.parse_args()
    paths = sorted(chosen.folder.glob("*.flac"))
    served = serving.serve(Settings())
    serving.warm_up(served)
    taken = cost(paths[:2], served, counts=chosen.windows, rounds=chosen.rounds)
    by = taken.groupby(["length", "format", "windows"])[["clock", "processor"]]
    table = pd.concat({"median": by.median(), "p95": by.quantile(0.95)}, axis=1).swaplevel(axis=1).sort_index(axis=1)
    print(f"{len(paths)} recordings, model {served.model.version}, load {os.getloadavg()[0]:.1f}\n")
    print(f"{table.round(3).to_string()}\n")
    if not chosen.only_cost:
        print(steadiness(paths, served).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
