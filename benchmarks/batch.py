"""A folder of files scored by ``python -m core score``, and scored again while nothing has changed.

    python -m benchmarks.batch [FOLDER] [--files 57] [--seconds 30] [--workers 2] [--against OTHER]

Without a FOLDER, synthetic pieces are made. OTHER is the folder of another checkout of this program: it scores the same
files with the same environment, in turns, so that both meet the same machine. Each run has a data folder of its own.
CPU-seconds are of all processes of a run. The last line is JSON.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from core.audio import encoding, synthetic

ROOT = Path(__file__).resolve().parent.parent
HOUR_S = 3600


def make(folder: Path, files: int, seconds: float) -> None:
    """Write pieces: four characters in turn, each with a seed of its own."""
    folder.mkdir(parents=True)
    for k in range(files):
        character = list(synthetic.DEMOS)[k % 4]
        sound = synthetic.render(synthetic.variation(character, k), seconds=seconds)
        path = folder / f"{k:04d} {character}.wav"
        path.write_bytes(encoding.wav(sound))
        os.utime(path, (time.time() - HOUR_S,) * 2)  # a file that was written just now is looked at again


def score(program: Path, folder: Path, data: Path, workers: int) -> tuple[float, float]:
    """Seconds and CPU-seconds of one run of the command."""
    data.mkdir(exist_ok=True)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "core", "score", folder, "--out", data / "out.parquet", "--workers", str(workers)]
    environment = {**os.environ, "TME_DATA_DIR": str(data)}
    run = subprocess.run(command, cwd=program, env=environment, capture_output=True, text=True, check=False)
    if run.returncode not in (0, 1):  # 1: some files were not scored
        sys.exit(f"{program}: {run.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--files", type=int, default=57)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--against", type=Path)
    given = parser.parse_args()
    programs = {"before": given.against.resolve()} if given.against else {}
    programs["now"] = ROOT
    result: dict[str, object] = {"benchmark": "batch", "cores": os.cpu_count(), "workers": given.workers}
    with tempfile.TemporaryDirectory(prefix="batch-") as name:
        place = Path(name)
        folder = given.folder.resolve() if given.folder else place / "music"
        if not given.folder:
            make(folder, given.files, given.seconds)
        make(place / "tiny", 1, 1.0)
        for label, program in programs.items():  # compiles the kernels where that was not done yet
            score(program, place / "tiny", place / f"warm {label}", 1)
        result["files"] = sum(path.is_file() for path in folder.rglob("*"))
        print(f"{result['files']} files, {given.workers} workers, load of the machine {os.getloadavg()[0]:.1f}\n")
        print("| run | " + " | ".join(f"{label}: s | {label}: CPU-s" for label in programs) + " |")
        print("|---" * (1 + 2 * len(programs)) + "|")
        for run in ("first", "again, nothing changed"):
            taken = {label: score(program, folder, place / label, given.workers) for label, program in programs.items()}
            cells = " | ".join(f"{seconds:.1f} | {cpu:.1f}" for seconds, cpu in taken.values())
            print(f"| {run} | {cells} |", flush=True)
            result[run.split(",")[0]] = {
                label: {"s": round(seconds, 2), "cpu_s": round(cpu, 2)} for label, (seconds, cpu) in taken.items()
            }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
