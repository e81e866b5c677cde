"""What the 50 features of one clip cost: warm, by part, on two cores, and in a new process.

    python -m benchmarks.extract [CLIP] [--runs 7] [--against OTHER]

Without a CLIP, 30 s of synthetic music are made. OTHER is the folder of another checkout of this program: it measures
the same clip with the same environment, in turns, so that both meet the same machine. CPU-seconds are user and system
time. The smallest of the runs is printed, because other work on the machine only adds to it. The last line is JSON.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import soundfile

from core.audio import encoding, synthetic
from core.schema import SR

ROOT = Path(__file__).resolve().parent.parent
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
# Runs in a process of each program, and uses only what both have: one line of JSON with the seconds of each call.
WARM = """
import json, os, sys, time
from core.audio.decoding import decode
from core.features import dynamics, extract, rhythm, timbre, tonality
data, runs = open(sys.argv[1], "rb").read(), int(sys.argv[2])
name = os.path.basename(sys.argv[1])
clip = decode(data, name).clip
y, sr = clip.y, clip.sr
calls = {
    "decode": lambda: decode(data, name),
    "dynamics": lambda: dynamics.measure(y, sr),
    "rhythm": lambda: rhythm.measure(y, sr),
    "timbre": lambda: timbre.measure(y, sr),
    "tonality": lambda: tonality.measure(y, sr),
    "decode and extract": lambda: extract(decode(data, name).clip),
}
best = {}
for call in calls.values():
    call()
for _ in range(runs):
    for key, call in calls.items():
        cpu, wall = time.process_time(), time.perf_counter()
        call()
        taken = time.process_time() - cpu, time.perf_counter() - wall
        best[key] = [min(pair) for pair in zip(taken, best.get(key, taken))]
print(json.dumps(best))
"""


def warm(program: Path, clip: Path, runs: int, *, threads: bool) -> dict[str, list[float]]:
    """Smallest CPU-seconds and seconds of each part in a process that has measured before."""
    environment = {**os.environ, **({} if threads else dict.fromkeys(ONE_THREAD, "1"))}
    command = [sys.executable, "-c", WARM, str(clip), str(runs)]
    run = subprocess.run(command, cwd=program, env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(run.stdout))


def new_process(program: Path, clip: Path) -> float:
    """CPU-seconds of ``python -m core features CLIP`` with all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "core", "features", str(clip)]
    subprocess.run(command, cwd=program, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(programs: dict[str, Path], clip: Path, flac: Path, runs: int) -> dict[str, dict[str, float]]:
    """Seconds by row and program."""
    rows: dict[str, dict[str, float]] = {}

    def note(row: str, label: str, value: float) -> None:
        known = rows.setdefault(row, {}).get(label, value)
        rows[row][label] = min(known, value)

    for program in programs.values():
        new_process(program, flac)  # compiles the kernels where that was not done yet
    for _ in range(runs):
        for label, program in programs.items():
            for part, (cpu, _wall) in warm(program, clip, 1, threads=False).items():
                note(f"{part}: CPU-s", label, cpu)
            both = warm(program, clip, 3, threads=True)["decode and extract"][1]
            note("decode and extract, all cores: s", label, both)
            note("`python -m core features`, new process: CPU-s", label, new_process(program, flac))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", type=Path, help="WAV or FLAC")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--against", type=Path)
    given = parser.parse_args()
    programs = {"before": given.against.resolve()} if given.against else {}
    programs["now"] = ROOT
    with tempfile.TemporaryDirectory(prefix="extract-") as name:
        sound = synthetic.render(synthetic.DEMOS["happy"], seconds=30)
        clip, flac = Path(name) / "clip.wav", Path(name) / "clip.flac"
        clip.write_bytes(encoding.wav(sound))
        soundfile.write(flac, sound, SR, subtype="PCM_16")
        if given.clip:
            clip = flac = given.clip.resolve()
        rows = measure(programs, clip, flac, given.runs)
    print(f"{given.runs} runs, {os.cpu_count()} cores, load of the machine {os.getloadavg()[0]:.1f}\n")
    print("| part | " + " | ".join(programs) + " |")
    print("|---" * (1 + len(programs)) + "|")
    for row, values in rows.items():
        print(f"| {row} | " + " | ".join(f"{values[label]:.3f}" for label in programs) + " |")
    result = {row: {label: round(value, 4) for label, value in values.items()} for row, values in rows.items()}
    print(json.dumps({"benchmark": "extract", "cores": os.cpu_count(), **result}))


if __name__ == "__main__":
    main()
