"""Measure how often copies of a recording are missed, and how often two recordings are taken for one.

    python -m benchmarks.copies [FOLDER ...] [--pieces 100000]

It generates recordings, copies of them by ffmpeg, and second takes: the same notes with other times, another room or
another tempo. FOLDER holds further recordings, which are copied too and read in place. ``--pieces`` also measures the
search among so many random fingerprints. A pair is *joined* (the program is sure), *asked* (a person decides) or *two*.
The last line is JSON.
"""

import argparse
import json
import resource
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import soundfile

from core.audio import synthetic
from core.audio.decoding import inspect
from core.audio.fingerprint import fingerprint
from core.audio.matching import Verdict, compare, likely_pairs
from tests import recordings

CHANGES = {
    "MP3 128": (("-b:a", "128k"), ".mp3"),
    "MP3 64": (("-b:a", "64k"), ".mp3"),
    "Ogg 48, 16 kHz": (("-ar", "16000", "-b:a", "48k"), ".ogg"),
    "22 kHz": (("-ar", "22050"), ".flac"),
    "louder": (("-af", "volume=5dB"), ".flac"),
    "quieter": (("-af", "volume=-20dB"), ".flac"),
    "0.3 s of silence before": (("-af", "adelay=300:all=1"), ".flac"),
    "1.7 s less": (("-ss", "1.7"), ".flac"),
    "5 s less at the end": (("-t", "LESS"), ".flac"),
    "MP3 64, 0.5 s less": (("-ss", "0.5", "-b:a", "64k"), ".mp3"),
}
TAKES = {  # the same notes played again
    "times 1 %": {"jitter": 0.01},
    "times 2 %": {"jitter": 0.02},
    "times 5 %": {"jitter": 0.05},
    "tempo +2 %": {"tempo": 1.02},
    "tempo +8 %, times 3 %": {"tempo": 1.08, "jitter": 0.03},
}
WORDS = {Verdict.SAME: "joined", Verdict.DOUBT: "asked", Verdict.OTHER: "two", Verdict.NOTHING: "nothing"}


def of_file(path: Path) -> np.ndarray:
    """The fingerprint of a file."""
    return fingerprint(inspect(path.read_bytes(), path.name))


def of_samples(y: np.ndarray) -> np.ndarray:
    return fingerprint(inspect(recordings.flac(y), "take.flac"))


def copies(original: Path, folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """The fingerprint of each copy of a file."""
    seconds = soundfile.info(original).duration
    for name, (arguments, ending) in CHANGES.items():
        out = folder / f"copy{ending}"
        given = [f"{seconds - 5:g}" if a == "LESS" else a for a in arguments]
        subprocess.run(["ffmpeg", "-y", "-loglevel", "error", "-i", original, *given, out], check=True)
        yield name, of_file(out)


def recipes(seeds: int) -> list[synthetic.Demo]:
    return [synthetic.variation(character, seed) for character in synthetic.DEMOS for seed in range(seeds)]


def measure(folders: list[Path], seeds: int) -> dict[str, Counter[str]]:
    """What happens to copies, second takes and different recordings."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    prints: list[np.ndarray] = []

    def note(kind: str, one: np.ndarray, other: np.ndarray) -> None:
        found[kind][WORDS[compare(one, other).verdict]] += 1

    with tempfile.TemporaryDirectory() as name:
        folder, files = Path(name), [p for place in folders for p in sorted(place.glob("*.flac"))]
        for number, demo in enumerate(recipes(seeds)):
            path = folder / f"original {number}.flac"
            path.write_bytes(recordings.flac(recordings.take(demo)))
            files.append(path)
            original = of_file(path)
            for kind, change in TAKES.items():
                note(f"second take, {kind}", original, of_samples(recordings.take(demo, number=7, **change)))
            other_voice = "saz" if demo.voice != "saz" else "ney"
            played = recordings.take(replace(demo, voice=other_voice), number=7, jitter=0.02)
            note("another instrument", original, of_samples(played))
        for path in files:
            if soundfile.info(path).duration < 12:
                continue
            original = of_file(path)
            prints.append(original)
            for kind, print_ in copies(path, folder):
                note(f"copy, {kind}", original, print_)
    for one, other in combinations(prints, 2):
        note("different recordings", one, other)
    return found


def measure_search(pieces: int) -> dict[str, float]:
    """CPU seconds and memory of the search among random fingerprints of two minutes; one of a hundred has a copy."""
    rng = np.random.default_rng(0)
    prints = [rng.integers(0, 2**32, 950, dtype=np.uint32) for _ in range(pieces)]
    lengths = rng.uniform(120, 420, pieces)
    for k in range(0, pieces - 1, 100):
        turned = (rng.random((950, 32)) < 0.05) @ (1 << np.arange(32, dtype=np.uint64))
        prints[k + 1], lengths[k + 1] = (prints[k] ^ turned.astype(np.uint32))[8:], lengths[k] - 1
    start = time.process_time()
    pairs = likely_pairs(prints, lengths)
    listed = time.process_time() - start
    joined = sum(compare(prints[one], prints[other]).verdict is Verdict.SAME for one, other in pairs)
    return {
        "pieces": pieces,
        "copies": len(range(0, pieces - 1, 100)),
        "candidates": len(pairs),
        "joined": joined,
        "index_cpu_s": round(listed, 1),
        "compare_cpu_s": round(time.process_time() - start - listed, 1),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
    }


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--seeds", type=int, default=4, help="recordings of each of the four characters")
    parser.add_argument("--pieces", type=int, default=0)
    given = parser.parse_args()
    found = measure(given.folders, given.seeds)
    print(f"{'pairs':36}{'joined':>8}{'asked':>8}{'two':>8}{'nothing':>9}")
    for kind, count in found.items():
        print(f"{kind:36}{count['joined']:8}{count['asked']:8}{count['two']:8}{count['nothing']:9}")
    line: dict[str, object] = {kind: dict(count) for kind, count in found.items()}
    if given.pieces:
        line["search"] = search = measure_search(given.pieces)
        print("\n" + ", ".join(f"{name} {value}" for name, value in search.items()))
    print(json.dumps(line))


if __name__ == "__main__":
    main()
