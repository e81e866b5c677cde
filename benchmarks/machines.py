"""Two worker machines on one Dask scheduler, beside the same files in plain loops: the share of the ideal they reach.

    python -m benchmarks.machines [--clips 200] [--seconds 30] [--machines 1 2]

A *machine* is a worker process with a folder of its own: for its work, its data and its spilled memory. All machines
read the music under one path, as on a shared disk. The *ideal* is a loop over the same files in as many processes at
the same time, without Dask, scheduler, model and database.

*Share of the ideal, time* is the time of the loops by the time of the run, both without their start. It holds on a
quiet machine with a core more than workers: the scheduler and the command need a part of one. *CPU* is the same
with the CPU seconds of the workers, which another program disturbs less. *Around it* is the CPU time of the scheduler
and of the command, in percent of the workers': they are on other machines in a real cluster. The last line is JSON.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.library import make
from core.library.workers import ENVIRONMENT

ROOT = Path(__file__).resolve().parent.parent
LONGEST_S = 120.0  # until a scheduler or a worker is there


@dataclass
class Cluster:
    """A scheduler and its workers, as an administrator starts them, each in a folder of its own."""

    place: Path
    port: int
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def start(self, name: str, *command: str) -> None:
        """Start a part of the cluster."""
        folder = self.place / name
        (folder / "data").mkdir(parents=True)
        env = os.environ | ENVIRONMENT | {"PYTHONPATH": str(ROOT), "TME_DATA_DIR": str(folder / "data")}
        with (folder / "log").open("wb") as log:
            self.started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "dask", *command, "--no-dashboard"],
                    cwd=folder, env=env, stdout=log, stderr=log,
                )
            )  # fmt: skip

    def cpu_s(self, process: subprocess.Popen[bytes]) -> float:
        """CPU seconds of a part with its processes so far."""
        parent = psutil.Process(process.pid)
        return sum(sum(p.cpu_times()[:2]) for p in [parent, *parent.children(recursive=True)])


@contextmanager
def cluster(place: Path, machines: int) -> Iterator[Cluster]:
    """A running cluster with so many machines of one worker."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        made = Cluster(place, free.getsockname()[1])
    try:
        made.start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", str(made.port), "--no-show")
        deadline = time.monotonic() + LONGEST_S
        while socket.socket().connect_ex(("127.0.0.1", made.port)):
            if time.monotonic() > deadline:
                raise SystemExit(f"The scheduler did not start. Look into {place / 'scheduler' / 'log'}.")
            time.sleep(0.1)
        for k in range(machines):
            folder = place / f"machine {k}"
            made.start(folder.name, "worker", made.address, "--nthreads", "1", "--local-directory", str(folder))
        yield made
    finally:
        for process in reversed(made.started):
            process.terminate()
        for process in made.started:
            process.wait()


@dataclass
class Spent:
    """Seconds of a run: wall time, CPU of the workers, CPU of the scheduler and the command."""

    wall_s: float
    workers_s: float
    around_s: float

    def __sub__(self, start: "Spent") -> "Spent":
        return Spent(self.wall_s - start.wall_s, self.workers_s - start.workers_s, self.around_s - start.around_s)


def run(folder: Path, data: Path, on: Cluster) -> Spent:
    """Score the folder on the cluster by the command."""
    data.mkdir()
    before, began = [on.cpu_s(p) for p in on.started], time.monotonic()
    own = os.times()
    command = [sys.executable, "-m", "core", "score", str(folder), "--out", str(data / "out.parquet")]
    subprocess.run(
        [*command, "--scheduler", on.address],
        cwd=ROOT, env=os.environ | {"TME_DATA_DIR": str(data)}, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    wall, now = time.monotonic() - began, os.times()
    scheduler, *workers = (on.cpu_s(p) - b for p, b in zip(on.started, before, strict=True))
    command_s = now.children_user + now.children_system - own.children_user - own.children_system
    return Spent(wall, sum(workers), scheduler + command_s)


def loops(folder: Path, processes: int) -> Spent:
    """The same files in so many plain loops at the same time."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.library", "--plain", str(folder), str(k), str(processes)],
            cwd=ROOT, env=os.environ | ENVIRONMENT, stdout=subprocess.PIPE,
        )
        for k in range(processes)
    ]  # fmt: skip
    said = [json.loads(process.communicate()[0]) for process in started]
    return Spent(max(one["wall"] for one in said), sum(one["all"] for one in said), 0.0)


def compare(place: Path, machines: int) -> dict[str, float]:
    """One row of the table: loops before and after the run, because the speed of a machine changes."""
    (place / f"{machines}").mkdir()
    first = loops(place / "music", machines)
    with cluster(place / f"{machines}", machines) as on:
        run(place / "tiny", place / f"{machines}" / "first", on)  # the workers load their libraries
        start = run(place / "tiny again", place / f"{machines}" / "start", on)
        seen = run(place / "music", place / f"{machines}" / "command", on) - start
    second = loops(place / "music", machines)
    wall, work = (first.wall_s + second.wall_s) / 2, (first.workers_s + second.workers_s) / 2
    return {
        "machines": machines,
        "loops_s": wall,
        "run_s": seen.wall_s,
        "share_time": wall / seen.wall_s,
        "loops_cpu_s": work,
        "workers_cpu_s": seen.workers_s,
        "share_cpu": work / seen.workers_s,
        "around": seen.around_s / seen.workers_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--machines", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="machines-") as name:
        place = Path(name)
        make(place / "music", given.clips, given.seconds)
        make(place / "tiny", 9, 0.6)
        make(place / "tiny again", 9, 0.6)
        print(f"{given.clips} clips of {given.seconds:g} s; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
        print("| machines | loops, s | run, s | share of the ideal, time | loops, CPU s | workers, CPU s "
              "| share of the ideal, CPU | around it |")  # fmt: skip
        print("|" + "---|" * 8, flush=True)
        rows = [compare(place, machines) for machines in given.machines]
        for row in rows:
            print(
                f"| {row['machines']} | {row['loops_s']:.1f} | {row['run_s']:.1f} | {row['share_time']:.2f} "
                f"| {row['loops_cpu_s']:.1f} | {row['workers_cpu_s']:.1f} | {row['share_cpu']:.2f} "
                f"| {row['around']:.0%} |"
            )
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
