"""What a library costs: 200 generated clips of 30 s with one worker and with two, beside the bare extractor.

    python benchmarks/library.py [--clips 200] [--seconds 30] [--workers 1 2]
    python benchmarks/library.py --simulate 10000 50000

CPU-seconds are of all processes together. The bare extractor decodes a file and computes the 50 features, as
``python -m core features`` does. "Without Dask" adds what else is asked of a file (hash, loudness, tags) in the same
loop; "Dask adds" is what remains: scheduling, and in the main process the model's answers and the database. The loops
run in as many processes at once as there are workers, because cores that share a cache slow each other down. Starting
(imports, loading the model and the compiled code) is a fixed cost, measured on nine tiny files, and told apart.

The simulation asks what a long list does to the main process and the database: the folder is real, and so is all that
happens to results, but the features are drawn at random instead of measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import psutil  # noqa: E402

from core.audio import encoding, synthetic
from core.audio.decoding import read  # noqa: E402
from core.features import extract  # noqa: E402
from core.library import worker  # noqa: E402
from core.library.find import find_audio  # noqa: E402
from core.library.workers import ENVIRONMENT  # noqa: E402
from core.records import Plan  # noqa: E402

SAMPLE_S = 0.25


def make(folder: Path, clips: int, seconds: float) -> None:
    """Write the clips: four characters in turn, each with a seed of its own."""
    folder.mkdir(parents=True)
    for k in range(clips):
        character = list(synthetic.DEMOS)[k % 4]
        (folder / f"{k:04d} {character}.wav").write_bytes(
            encoding.wav(synthetic.render(synthetic.variation(character, k), seconds=seconds))
        )
    for file in folder.iterdir():  # written some time ago, so that the second run need not look at them again
        os.utime(file, (time.time() - 3600,) * 2)


# --- without Dask ----------------------------------------------------------------------------------------------------


def plain(folder: str, part: int, parts: int) -> None:
    """Measure every so-manieth file in a loop; prints the CPU-seconds of all, and of the bare extractor."""
    items = list(find_audio(folder))[part::parts]
    worker.measure_file(items[0], Plan(), frozenset(), 1000)  # loads the compiled code
    whole = bare = wall = 0.0
    for item in items:
        began = time.process_time()
        extract(read(Path(item.path)).clip)
        between, moment = time.process_time(), time.monotonic()
        assert worker.measure_file(item, Plan(), frozenset(), 1000).file.state == "scored"
        wall += time.monotonic() - moment
        bare += between - began
        whole += time.process_time() - between
    print(json.dumps({"files": len(items), "all": whole, "extractor": bare, "wall": wall}))


def without_dask(folder: Path, processes: int) -> tuple[float, float]:
    """CPU-seconds a clip of the whole work and of the bare extractor, in so many processes at once."""
    started = [
        subprocess.Popen(
            [sys.executable, __file__, "--plain", str(folder), str(k), str(processes)],
            env={**os.environ, **ENVIRONMENT},
            stdout=subprocess.PIPE,
        )
        for k in range(processes)
    ]
    said = [json.loads(process.communicate()[0]) for process in started]
    files = sum(s["files"] for s in said)
    return sum(s["all"] for s in said) / files, sum(s["extractor"] for s in said) / files


# --- with it ---------------------------------------------------------------------------------------------------------


@dataclass
class Watched:
    """A run of the command. cpu_s, wall_s : of all its processes.  memory : seconds, MB of the largest worker."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    main_mb: float = 0.0
    memory: list[tuple[float, float]] = field(default_factory=list)


def run(folder: Path, data: Path, workers: int) -> Watched:
    """Score the folder by the command, and look at its processes while it works."""
    data.mkdir(exist_ok=True)
    before, began, seen = os.times(), time.monotonic(), Watched()
    process = subprocess.Popen(
        [sys.executable, "-m", "core", "score", folder, "--out", data / "out.parquet", "--workers", str(workers)],
        cwd=ROOT,
        env={**os.environ, "TME_DATA_DIR": str(data)},
        stdout=subprocess.DEVNULL,
    )
    watch = threading.Thread(target=_look, args=(process, seen, began))
    watch.start()
    assert process.wait() == 0
    watch.join()
    after = os.times()
    seen.wall_s = time.monotonic() - began
    seen.cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return seen


def _look(process: subprocess.Popen, seen: Watched, began: float) -> None:
    while process.poll() is None:
        try:
            main = psutil.Process(process.pid)
            seen.main_mb = max(seen.main_mb, main.memory_info().rss / 1e6)
            own = [p for p in main.children(recursive=True) if "spawn_main" in " ".join(p.cmdline())]
            if own:
                seen.memory.append((time.monotonic() - began, max(p.memory_info().rss for p in own) / 1e6))
        except psutil.Error:
            pass  # it ended meanwhile
        time.sleep(SAMPLE_S)


def flat(memory: list[tuple[float, float]]) -> str:
    """Memory of the largest worker in the course of the run."""
    size = len(memory)
    quarters = [memory[k * size // 4 : (k + 1) * size // 4] for k in range(4)]
    return " -> ".join(f"{max(mb for _, mb in q):.0f}" for q in quarters)


# --- a long list -----------------------------------------------------------------------------------------------------


def simulate(place: Path, count: int) -> None:
    """One row of the table of the simulation; in a process of its own, so that its memory is its own."""
    import hashlib
    import resource

    import numpy as np

    from core.features import EXTRACTOR
    from core.library import cluster
    from core.library.run import score_library
    from core.models.reference import ALL, LEVELS
    from core.pipeline import serving
    from core.records import LibraryEntry, LibraryFile, MeasuredClip, Window
    from core.schema import FeatureVector
    from core.settings import Settings
    from core.store import open_store

    for k in range(count):
        if k % 500 == 0:
            (place / "music" / f"{k // 500:05d}").mkdir(parents=True)
        (place / "music" / f"{k // 500:05d}" / f"{k:07d}.mp3").write_bytes(b"x")
    settings = Settings(data_dir=place / "data")
    served, opened = serving.serve(settings), open_store(settings.database)
    quantiles, rng = served.reference.quantiles[ALL], np.random.default_rng(0)
    sizes = []

    def entry(found):
        digest = hashlib.sha256(found.name.encode()).hexdigest()
        values = np.array([np.interp(u, LEVELS, q) for u, q in zip(rng.uniform(size=50), quantiles, strict=True)])
        clip = MeasuredClip(FeatureVector(digest, EXTRACTOR, values), 0.0, 30.0, -20.0, 44100, 128000, 240.0)
        window = (Window(0.0, 30.0, digest),)
        file = LibraryFile(found.path, "excerpt", 1, found.stamp, "scored", "", EXTRACTOR, digest, 240.0, window)
        track = {"artist": f"artist {len(sizes) % 997}", "title": found.name, "source": os.path.dirname(found.path)}
        return LibraryEntry(file, (clip,), track)

    def measured(items, *_, **__):
        for chunk in cluster._chunks(items, cluster.MOST):
            sizes.append(len(chunk))
            yield [entry(found) for found in chunk]

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3

    cluster.measure = measured
    given = {"served": served, "policy": served.policies["threshold"], "store": opened, "retry": False}
    marks: dict[str, float] = {}

    def tell(progress) -> None:
        marks.setdefault(f"{progress.phase} began", time.process_time())
        marks[f"{progress.phase} peak"] = peak()

    began = time.process_time()
    score_library(str(place / "music"), str(place / "out.parquet"), on_progress=tell, **given)
    stored = marks["writing began"] - marks["scoring began"]
    written = time.process_time() - marks["writing began"]
    looked = marks["scoring began"] - began
    size = sum(f.stat().st_size for f in (place / "data").glob("feedback.db*"))
    began = time.process_time()
    score_library(str(place / "music"), str(place / "out.parquet"), **given)
    again = time.process_time() - began
    print(
        f"| {count:,} | {1e3 * looked / count:.2f} | {1e3 * stored / count:.2f} | {1e3 * written / count:.2f} "
        f"| {1e3 * again / count:.2f} | {marks['scoring peak']:.0f} | {peak():.0f} | {size / count / 1e3:.1f} "
        f"| {(place / 'out.parquet').stat().st_size / count / 1e3:.2f} |",
        flush=True,
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clips", type=int, default=200)
    options.add_argument("--seconds", type=float, default=30.0)
    options.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options.add_argument("--simulate", type=int, nargs="+", default=[])
    options.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options.add_argument("--plain", nargs=3, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.plain:
        plain(given.plain[0], int(given.plain[1]), int(given.plain[2]))
        return
    if given.one:
        simulate(Path(given.one[0]), int(given.one[1]))
        return
    if given.simulate:
        print("| files | look, ms | judge and store, ms | write, ms | unchanged run, ms | peak while scoring, MB "
              "| peak, MB | database, kB | table, kB |")  # fmt: skip
        print("|" + "---|" * 9, flush=True)
    for count in given.simulate:
        with tempfile.TemporaryDirectory(prefix="library-") as name:
            subprocess.run([sys.executable, __file__, "--one", name, str(count)], check=True)
    if given.simulate:
        return
    with tempfile.TemporaryDirectory(prefix="library-") as name:
        report(Path(name), given.clips, given.seconds, given.workers)


def report(place: Path, clips: int, seconds: float, numbers: list[int]) -> None:
    make(place / "music", clips, seconds)
    make(place / "tiny", 9, 0.6)
    print(
        f"{clips} clips of {seconds:g} s, WAV, 16 bit, mono, 44.1 kHz; load of the machine {os.getloadavg()[0]:.1f}\n"
    )
    print("CPU-seconds a clip:\n")
    print("| workers | files/s | bare extractor | without Dask | all | Dask adds | all beside bare | start |")
    print("|---|---|---|---|---|---|---|---|")
    notes = []
    for workers in numbers:
        start = run(place / "tiny", place / f"tiny {workers}", workers)
        first, extractor = without_dask(place / "music", workers)
        seen = run(place / "music", place / f"data {workers}", workers)
        second, extractor_2 = without_dask(place / "music", workers)
        loop, bare = (first + second) / 2, (extractor + extractor_2) / 2
        each = (seen.cpu_s - start.cpu_s) / clips
        rate = clips / (seen.wall_s - start.wall_s)
        again = run(place / "music", place / f"data {workers}", workers)
        print(
            f"| {workers} | {rate:.2f} | {bare:.3f} | {loop:.3f} | {each:.3f} | {each / loop - 1:+.1%} "
            f"| {each / bare - 1:+.1%} | {start.cpu_s:.1f} CPU-s, {start.wall_s:.1f} s |",
            flush=True,
        )
        notes.append(
            f"{workers} workers: memory of the largest worker by quarter of the run {flat(seen.memory)} MB, "
            f"of the main process {seen.main_mb:.0f} MB at most; unchanged second run {again.wall_s:.1f} s "
            f"({again.cpu_s:.1f} CPU-s)."
        )
    print("\n" + "\n".join(notes))


if __name__ == "__main__":
    main()
