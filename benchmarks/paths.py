"""How near iso paths come to the wished path: mood, tempo, loudness and time, over generated libraries.

    python -m benchmarks.paths [--against FOLDER] [--sizes 100 1000 10000] [--seeds 5]

The libraries are made from a seed: moods, artists and lengths at random, and three kinds of tempo. *even*: 60 to 180
bpm in all moods. *skewed*: nearly all pieces are fast, one calm piece in eight is slow. *doubled*: calm pieces are
slow, but half of them are measured at twice their tempo, as tempo estimators do. Calm pieces are softer on average.

With ``--against``, the same requests go to the rule of another checkout of this program, for example
``git worktree add ../before v0.2``, and both are measured with the same ruler:

- mood: distance of each piece from the wished mixture of its time (0 to 1), weighted by its length;
- tempo: distance from the wished tempo in octaves, with the octave doubt, and *as measured* without it;
- rises: share of neighbours where the measured tempo rises by more than 3 %, for calm goals;
- start and end: median measured bpm of the first and the last three pieces, for calm goals;
- softer: how much softer the last third is than the first, in LU, for calm goals;
- time: difference from the wished length, and from the wished time in each mood (share of the wished length);
- seconds: of the processor, for the slowest list.

The last line is JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from core.errors import CoreError
from core.playlists import iso_path
from core.playlists.playlist import Pool, mood_distance
from core.schema import EMOTIONS, PROBA

KINDS = ("even", "skewed", "doubled")
WAYS = (("angry", "happy", "relax"), ("happy", "relax"), ("angry", "sad"), ("sad", "relax", "happy"))
CALM = ("relax", "sad")
MINUTES = 60.0


@dataclass(frozen=True)
class Case:
    """One request. kind : of the library."""

    size: int
    kind: str
    seed: int
    way: tuple[str, ...]


def cases(sizes: list[int], seeds: int) -> Iterator[Case]:
    """All requests, those of one library one after the other."""
    for size in sizes:
        for kind in KINDS:
            for seed in range(seeds):
                yield from (Case(size, kind, seed, way) for way in WAYS)


def library(size: int, kind: str, seed: int) -> pd.DataFrame:
    """A generated library, as from ``pieces_table``."""
    rng = np.random.default_rng([size, KINDS.index(kind), seed])
    mood = rng.integers(0, 4, size)
    proba = rng.dirichlet([0.5] * 4, size) * 0.6 + 0.4 * np.eye(4)[mood]
    guess = np.array(EMOTIONS)[proba.argmax(axis=1)]
    calm = np.isin(guess, CALM)
    tempo = rng.uniform(60, 180, size)
    if kind != "even":
        slow = calm & (rng.random(size) < (0.125 if kind == "skewed" else 1.0))
        tempo = np.where(slow, rng.uniform(55, 80, size), np.exp(rng.normal(np.log(130), 0.17, size)))
        if kind == "doubled":
            tempo = np.where(slow & (rng.random(size) < 0.5), 2 * tempo, tempo)
    ids = [f"{seed:02x}{k:08x}" for k in range(size)]
    text = dict.fromkeys(("album", "genre", "makam", "usul", "performer"), "")
    return pd.DataFrame(
        {
            **text,
            "title": ids,
            "artist": [f"Artist {k}" for k in rng.integers(0, max(8, size // 12), size)],
            "path": [f"/music/{name}.flac" for name in ids],
            "duration_s": np.clip(np.exp(rng.normal(np.log(230), 0.35, size)), 60, 900),
            **{name: proba[:, k] for k, name in enumerate(PROBA)},
            "guess": guess,
            "confidence": proba.max(axis=1),
            "standing": "accepted",
            "tempo": np.clip(tempo, 40, 200),
            "lufs": rng.normal(np.where(calm, -18, -12), 3.0),
            "channels": 2.0,
            "synthetic": False,
            "clip_id": ids,
            "start_s": 0.0,
            "length_s": 30.0,
            "model_version": "m",
            "word": "model",
            "model_mood": guess,
            "model_confidence": proba.max(axis=1),
            "model_standing": "accepted",
        },
        index=pd.Index(ids, name="piece_id"),
    )


def lists_of_this_checkout(requests: list[Case]) -> list[dict[str, object]]:
    """Piece ids and seconds of each list; no ids where the rule finds no path."""
    found: list[dict[str, object]] = []
    last: tuple[object, ...] = ()
    for case in requests:
        if last != (case.size, case.kind, case.seed):
            last, pool = (case.size, case.kind, case.seed), Pool(library(case.size, case.kind, case.seed), ())
        start = time.process_time()
        try:
            ids = list(iso_path.build_iso_path(pool, case.way, MINUTES).rows["piece_id"])
        except CoreError:
            ids = []
        found.append({"ids": ids, "seconds": time.process_time() - start})
    return found


def lists_of(folder: Path, given: argparse.Namespace) -> list[dict[str, object]]:
    """The same requests to the rule of another checkout."""
    command = [sys.executable, str(Path(__file__).resolve()), "--lists", "--seeds", str(given.seeds), "--sizes"]
    command += [str(size) for size in given.sizes]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"The program in {folder} cannot make the lists:\n{done.stderr[-2000:]}")
    found: list[dict[str, object]] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(case: Case, table: pd.DataFrame, ids: list[str], seconds: float) -> dict[str, float]:
    """Distances of one list from the wished path."""
    from core.playlists.path_costs import arrays, wished_curve
    from core.playlists.pulse import pulse
    from core.playlists.wish import Curve, mixture_at

    curve = wished_curve(Curve(case.way, 60 * MINUTES, per_step=2), arrays(table, case.way, 0))
    rows = table.loc[ids]
    length = rows["duration_s"].to_numpy()
    begins, weight = np.cumsum(length) - length, length / length.sum()
    share = np.minimum(begins / max(begins[-1], 1.0), 1.0)
    fit = mood_distance(rows[list(PROBA)].to_numpy(), mixture_at(curve.last * share, case.way))
    tempo, wished = np.log2(rows["tempo"].to_numpy()), curve.tempo_at(share)
    wanted = np.array([1.0, *[2.0] * (curve.last - 1), 1.0]) * 30 * MINUTES / curve.last
    times = np.array([length[rows["guess"] == mood].sum() for mood in case.way])
    found = {
        "mood": float(weight @ fit),
        "tempo": float(weight @ np.abs(pulse(tempo, wished)[0] - wished)),
        "as measured": float(weight @ np.abs(tempo - wished)),
        "time %": 100 * abs(length.sum() / (60 * MINUTES) - 1),
        "mood time %": 100 * float(np.abs(times - wanted).sum() / 2 / wanted.sum()),
        "seconds": seconds,
    }
    if case.way[-1] in CALM:
        third = max(1, len(ids) // 3)
        lufs = rows["lufs"].to_numpy()
        found |= {
            "rises %": 100 * float(np.mean(np.diff(tempo) > np.log2(1.03))),
            "start bpm": float(np.median(2 ** tempo[:3])),
            "end bpm": float(np.median(2 ** tempo[-3:])),
            "softer LU": float(lufs[:third].mean() - lufs[-third:].mean()),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="folder of another checkout of this program")
    parser.add_argument("--sizes", nargs="+", type=int, default=[100, 1000, 10_000])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--lists", action="store_true", help="only print the lists of this checkout, as JSON")
    given = parser.parse_args()
    requests = list(cases(given.sizes, given.seeds))
    if given.lists:
        print(json.dumps(lists_of_this_checkout(requests)))
        return
    rules = {"before": lists_of(given.against.resolve(), given)} if given.against else {}
    rules["after"] = lists_of_this_checkout(requests)
    lines = []
    for rule, lists in rules.items():
        for case, made in zip(requests, lists, strict=True):
            about = {"rule": rule, "size": case.size, "tempo of the library": case.kind, "lists": 1, "none": 0}
            if not made["ids"]:
                lines.append(about | {"none": 1})
                continue
            table = library(case.size, case.kind, case.seed)
            lines.append(about | measured(case, table, made["ids"], made["seconds"]))
    frame = pd.DataFrame(lines)
    keys = ["size", "tempo of the library", "rule"]
    how = dict.fromkeys(("lists", "none"), "sum") | {"seconds": "max"}
    table = frame.groupby(keys, sort=False).agg({name: how.get(name, "mean") for name in frame.columns.drop(keys)})
    print(table.round(2).sort_index(level=[0, 1], sort_remaining=False).to_string())
    means = frame.groupby("rule").agg({name: how.get(name, "mean") for name in frame.columns.drop(keys)})
    print(json.dumps({rule: row.round(4).to_dict() for rule, row in means.iterrows()}))


if __name__ == "__main__":
    main()
