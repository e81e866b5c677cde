"""Time and CPU of the API for 30 s clips, with several callers at once, against a running server on loopback.

    python -m benchmarks.api [--callers 1 4 16] [--requests 48] [--workers 1] [--waiting 200] [--against ROOT] [FOLDER]

FOLDER : recordings; default ``../shared/reference/recordings`` beside the repository, else the golden clips. Each
request has bytes of its own, so nothing is known from before: 30 s as WAV, MP3 (128 kbit/s) and M4A (AAC). The first
clip after ``/ready`` is compared with the median of the next ones. CPU seconds are those of the server with all its
processes; *alone* is decoding and measuring the same files by the extractor in a process without a server.
``--against`` measures the same on another checkout in the same run. The last line is JSON.
"""

import argparse
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import av
import numpy as np
import pandas as pd
import soundfile
import soxr

from core.settings import ROOT

FOLDERS = (ROOT.parent / "shared" / "reference" / "recordings", ROOT / "tests" / "golden")
FORMS = ("WAV", "MP3", "M4A")
SECONDS, SR = 30.02, 44_100
TICKS = os.sysconf("SC_CLK_TCK")
ALONE = """
import resource, sys, json, pathlib
from core.audio.decoding import inspect
from core.audio import isolated
from core.pipeline.measure import measure
from core import features
from core.features import loudness
features.warm(); loudness.warm(); isolated.warm()
def cpu():
    own, kids = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    live = sum(sum(map(int, pathlib.Path(f"/proc/{p}/stat").read_text().rpartition(")")[2].split()[11:13])) for p in
               pathlib.Path("/proc/self/task").glob("*/children") for p in p.read_text().split())
    return own.ru_utime + own.ru_stime + kids.ru_utime + kids.ru_stime + live / %d
files = sys.argv[1:]
measure(inspect(pathlib.Path(files[0]).read_bytes(), "first"))
before = cpu()
for file in files[1:]:
    measure(inspect(pathlib.Path(file).read_bytes(), file))
print((cpu() - before) / len(files[1:]))
"""


def recordings(folder: Path | None) -> list[np.ndarray]:
    """Thirty seconds of each recording, in stereo at 44.1 kHz; short ones are repeated."""
    places = [folder] if folder else [place for place in FOLDERS if place.is_dir()]
    found = []
    for path in sorted(p for p in places[0].rglob("*") if p.suffix.lower() in (".flac", ".wav", ".mp3", ".ogg")):
        y, sr = soundfile.read(path, always_2d=True)
        y = soxr.resample(y, sr, SR) if sr != SR else y
        y = np.resize(y[:, :1] if y.shape[1] == 1 else y[:, :2], (round(SECONDS * SR), min(2, y.shape[1])))
        found.append(np.repeat(y, 2, axis=1) if y.shape[1] == 1 else y)
    return found


def encoded(y: np.ndarray, form: str) -> bytes:
    """The samples as a file."""
    buffer = io.BytesIO()
    if form == "M4A":
        with av.open(buffer, "w", format="ipod") as out:
            stream = out.add_stream("aac", rate=SR, layout="stereo", bit_rate=128_000)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y.T, dtype=np.float32), "fltp", "stereo")
            frame.sample_rate = SR
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                out.mux(packet)
    elif form == "MP3":
        soundfile.write(buffer, y, SR, format=form, bitrate_mode="CONSTANT", compression_level=0.6)
    else:
        soundfile.write(buffer, y, SR, format=form, subtype="PCM_16")
    return buffer.getvalue()


def files(count: int, form: str, sounds: list[np.ndarray], *, seed: int) -> list[bytes]:
    """So many files, each with other bytes: another recording, and another level by less than 1 dB."""
    rng = np.random.default_rng(seed)
    return [encoded(sounds[k % len(sounds)] * rng.uniform(0.9, 1.0), form) for k in range(count)]


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and of all processes that it started."""
    total = 0
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total = sum(map(int, fields[11:15]))  # with those of children that have ended
        children = [p for t in Path(f"/proc/{pid}/task").iterdir() for p in (t / "children").read_text().split()]
    except OSError:
        return total / TICKS
    return total / TICKS + sum(cpu_s(int(child)) for child in children)


@contextmanager
def server(root: Path, data: str, *, workers: int, waiting: int) -> Iterator[tuple[int, int, float]]:
    """A server with a database of its own: port, process id, and seconds until it was ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"TME_DATA_DIR": data, "TME_MAX_WAITING": str(waiting)}
    words = [sys.executable, "-m", "core", "serve", "--port", str(port), "--workers", str(workers)]
    began = time.perf_counter()
    with open(Path(data) / "log", "wb") as log:
        process = subprocess.Popen(words, cwd=root, env=environment, stdout=log, stderr=log)
    try:
        while True:
            try:
                if call(port, "GET", "/ready")[0] == 200:
                    break
            except OSError:
                pass
            time.sleep(0.05)
        yield port, process.pid, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(60)


def call(port: int, method: str, address: str, body: bytes | None = None) -> tuple[int, str | None, float]:
    """Status, Retry-After and seconds of a request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    began = time.perf_counter()
    connection.request(method, address, body, {"Content-Type": "application/octet-stream"} if body else {})
    answer = connection.getresponse()
    answer.read()
    seconds = time.perf_counter() - began
    connection.close()
    return answer.status, answer.getheader("Retry-After"), seconds


def together(port: int, bodies: list[bytes], callers: int) -> tuple[list[tuple[int, str | None, float]], float]:
    """So many callers send the files one after the other. Returns the answers and the seconds of all."""
    start = threading.Barrier(callers)

    def go(own: list[bytes]) -> list[tuple[int, str | None, float]]:
        start.wait()
        return [call(port, "POST", "/v1/clips", body) for body in own]

    began = time.perf_counter()
    with ThreadPoolExecutor(callers) as pool:
        lines = list(pool.map(go, [bodies[k::callers] for k in range(callers)]))
    return [answer for line in lines for answer in line], time.perf_counter() - began


def alone(bodies: list[bytes], form: str) -> float:
    """CPU seconds for one file by the extractor alone."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{k}.{form.lower()}" for k in range(len(bodies))]
        for path, body in zip(paths, bodies, strict=True):
            path.write_bytes(body)
        words = [sys.executable, "-c", ALONE % TICKS, *map(str, paths)]
        run = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(run.stdout)


def measured(root: Path, name: str, given: argparse.Namespace, sounds: list[np.ndarray]) -> list[dict[str, object]]:
    """One server: the first clip, then each format with each number of callers."""
    lines: list[dict[str, object]] = []
    with (
        tempfile.TemporaryDirectory() as data,
        server(root, data, workers=given.workers, waiting=given.waiting) as (port, pid, start_s),
    ):
        first = [call(port, "POST", "/v1/clips", body)[2] for body in files(8, "WAV", sounds, seed=1)]
        ratio = first[0] / float(np.median(first[1:]))
        print(f"{name}: ready after {start_s:.1f} s; first clip {first[0]:.2f} s, {ratio:.2f} times the next ones")
        for form in FORMS:
            own_s = alone(files(9, form, sounds, seed=2), form)
            for callers in given.callers:
                bodies = files(given.requests, form, sounds, seed=3 + callers)
                before = cpu_s(pid)
                answers, wall_s = together(port, bodies, callers)
                used = cpu_s(pid) - before
                good = [seconds for status, _, seconds in answers if status == 200]
                p50, p95, p99 = np.percentile(good, [50, 95, 99])
                lines.append(
                    {
                        "server": name, "form": form, "callers": callers, "p50_s": p50, "p95_s": p95, "p99_s": p99,
                        "per_s": len(good) / wall_s, "cpu_s": used / max(1, len(good)), "alone_s": own_s,
                        "ratio": used / max(1, len(good)) / own_s, "first": ratio, "ready_s": start_s,
                        "answers": dict(Counter(str(status) for status, _, _ in answers)),
                        "without_retry": sum(s == 503 and not wait for s, wait, _ in answers),
                    }
                )  # fmt: skip
                print(pd.DataFrame(lines[-1:]).round(3).to_string(index=False, header=len(lines) == 1), flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--requests", type=int, default=48)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--waiting", type=int, default=200, help="TME_MAX_WAITING")
    parser.add_argument("--against", type=Path, help="another checkout")
    given = parser.parse_args()
    sounds = recordings(given.folder)
    places = ({"before": given.against.resolve()} if given.against else {}) | {"now": ROOT}
    lines = [line for name, root in places.items() for line in measured(root, name, given, sounds)]
    print(json.dumps(lines))


if __name__ == "__main__":
    main()
