"""A library on real worker processes: a thousand files, workers killed, schedulers restarted, runs ended early."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import libraries
import psutil
import pytest

from core import store
from core.errors import StoreError
from core.library_cluster import AHEAD, LEAST, MOST, SHARE, chunk_size
from core.store.connection import connect

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.xdist_group("library")  # several at once would fight for the cores and measure that
SLOWLY = """
import os, signal, time
from core import library_work

def watched(read):
    def reading(found, *, max_mb):
        if "killer" in found.name:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(float(os.environ.get("SLOW", "0")))
        return read(found, max_mb=max_mb)
    return reading

library_work.read = watched(library_work.read)
"""


class Runs:
    """Starts the command on the folder ``music`` with two workers and a database of its own."""

    def __init__(self, place: Path) -> None:
        self.place, self.out = place, place / "out.parquet"
        self.url = f"sqlite:///{place / 'data' / 'feedback.db'}"
        (place / "slowly.py").write_text(SLOWLY)

    def start(self, *more: str, slow: float = 0.0, workers: int | None = 2) -> subprocess.Popen:
        number = [] if workers is None else ["--workers", str(workers)]
        command = [sys.executable, "-m", "core", "score", self.place / "music", "--out", self.out, *number, *more]
        return subprocess.Popen(
            list(map(str, command)),
            cwd=ROOT,
            env=self.environment(slow),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def environment(self, slow: float = 0.0) -> dict[str, str]:
        return {
            **os.environ,
            "TME_DATA_DIR": str(self.place / "data"),
            "TME_DATABASE_URL": "",
            "DASK_DISTRIBUTED__WORKER__PRELOAD": str(self.place / "slowly.py"),
            "PYTHONPATH": str(ROOT),
            "SLOW": str(slow),
        }

    def finish(self, *more: str, status: int = 0, **how) -> str:
        """What a whole run said."""
        run = self.start(*more, **how)
        said, _ = run.communicate(timeout=300)
        assert run.returncode == status, said
        return said

    def scored(self) -> int:
        """Files that are in the database by now."""
        if not (self.place / "data" / "feedback.db").exists():
            return 0
        kept = connect(self.url)
        try:
            with kept.engine.connect() as c:
                return int(c.exec_driver_sql("SELECT count(*) FROM files WHERE state = 'scored'").scalar() or 0)
        except Exception as error:
            if "no such table" in str(error):
                return 0
            raise
        finally:
            store.close_store(kept)

    def until(self, count: int, run: subprocess.Popen, *, within: float = 240) -> None:
        deadline = time.monotonic() + within
        while self.scored() < count:
            assert run.poll() is None, run.communicate()[0]
            assert time.monotonic() < deadline, "nothing was scored in time"
            time.sleep(0.05)


@pytest.fixture
def runs(tmp_path):
    made = Runs(tmp_path)
    yield made
    for process in psutil.process_iter(["environ"]):
        with contextlib.suppress(psutil.Error):
            if (process.info["environ"] or {}).get("TME_DATA_DIR") == str(tmp_path / "data"):
                process.kill()


def workers(run: subprocess.Popen) -> list[psutil.Process]:
    children = psutil.Process(run.pid).children(recursive=True)
    return [p for p in children if "spawn_main" in " ".join(p.cmdline())]


def ended(processes, *, within: float = 30) -> bool:
    return not psutil.wait_procs(processes, timeout=within)[1]


def complete(runs: Runs, count: int) -> None:
    """Every file is in the table once, with a result, and the database holds nothing twice."""
    table = libraries.table(runs.out)
    assert sorted(table["file"]) == sorted(f"album {k % 10}/{k:04d}.wav" for k in range(count))
    assert set(table["state"]) == {"scored"}
    assert table["clip_id"].nunique() == count
    opened = store.open_store(runs.url)
    assert len(store.predictions_table(opened)) == len(store.clips_table(opened)) == count
    store.close_store(opened)


def test_a_thousand_files_then_the_same_again_measuring_nothing(runs):
    libraries.folder(runs.place / "music", 1000)
    said = runs.finish()
    assert said.startswith("1,000 of 1,000 files scored, 0 not; 1,000 of them measured now")
    complete(runs, 1000)
    before = libraries.table(runs.out)
    said = runs.finish()
    assert "; 0 of them measured now" in said
    assert libraries.table(runs.out).equals(before)


def test_killed_workers_cost_no_file_and_only_what_kills_again_alone_is_left_out(runs):
    music = libraries.folder(runs.place / "music", 60)
    (music / "killer.wav").write_bytes(libraries.tiny(500))
    run = runs.start(slow=0.05)
    runs.until(1, run)
    victim = workers(run)[0]
    victim.kill()  # as the kernel does when memory is short
    said, _ = run.communicate(timeout=300)
    assert run.returncode == 2, said
    table = libraries.table(runs.out).set_index("file")
    assert table.loc["killer.wav", "state"] == "quarantined"
    assert "also when it worked on nothing else" in table.loc["killer.wav", "reason"]
    assert (table.drop("killer.wav")["state"] == "scored").all()
    assert len(table) == 61

    # Left alone from now on, unless asked for, and then not read in the process that asks.
    said = runs.finish("--retry", status=2, workers=None)
    assert "60 of 61 files scored, 1 not; 1 of them measured now" in said


def test_a_run_killed_at_any_moment_goes_on_where_it_was(runs):
    libraries.folder(runs.place / "music", 120)
    run = runs.start(slow=0.05)
    runs.until(1, run)
    mine = workers(run)
    assert len(mine) == 2
    run.kill()
    run.wait()
    assert ended(mine)  # nobody goes on without it
    known = runs.scored()
    assert 0 < known < 120
    assert not runs.out.exists()
    said = runs.finish()  # at once: the lock of the dead is no obstacle
    assert f"; {120 - known} of them measured now" in said
    complete(runs, 120)


def test_a_run_that_is_cancelled_ends_soon_and_goes_on_later(runs):
    libraries.folder(runs.place / "music", 100)
    known = 0
    for how in ("page", "keyboard"):
        run = runs.start(slow=0.15)
        runs.until(known + 1, run)
        opened = store.open_store(runs.url)
        with pytest.raises(StoreError, match="running already"):
            store.start_job(opened, "library")  # never two at once
        mine = workers(run)
        if how == "page":
            store.cancel_job(opened, store.latest_job(opened, "library").job_id)
        else:
            os.killpg(run.pid, signal.SIGINT)  # as a terminal does: the workers hear it too
        said, _ = run.communicate(timeout=60)
        assert run.returncode == (2 if how == "page" else 130)
        assert "Traceback" not in said
        assert ended(mine)
        assert store.latest_job(opened, "library").state == "cancelled"
        store.close_store(opened)
        known, before = runs.scored(), known
        assert before < known < 100
    runs.finish()
    complete(runs, 100)


# a cluster that is there


@pytest.fixture
def cluster(runs):
    """Starts a scheduler and two workers as a person would, on a port that stays the same."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, started = f"tcp://127.0.0.1:{port}", []

    def dask(*command: str) -> subprocess.Popen:
        where = runs.place / f"cluster {len(started)}"
        where.mkdir()
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *command],
            cwd=where,
            env=runs.environment(0.05),
            stdout=subprocess.DEVNULL,
            stderr=(where / "log").open("wb"),
        )
        started.append(process)
        return process

    def start() -> subprocess.Popen:
        scheduler = dask("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-show")
        deadline = time.monotonic() + 30
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        dask("worker", address, "--nworkers", "2", "--nthreads", "1", "--no-dashboard")
        return scheduler

    yield address, start
    for process in reversed(started):
        process.kill()
        process.wait()


def test_a_scheduler_that_dies_and_comes_back_loses_nothing(runs, cluster):
    libraries.folder(runs.place / "music", 100)
    address, start = cluster
    scheduler = start()
    run = runs.start("--scheduler", address, workers=None)
    runs.until(1, run)
    scheduler.kill()
    scheduler.wait()
    before = runs.scored()
    assert before < 100
    time.sleep(2)
    assert run.poll() is None  # it waits
    start()
    said, _ = run.communicate(timeout=300)
    assert run.returncode == 0, said
    complete(runs, 100)


# chunks


@pytest.mark.parametrize("workers", [1, 2, 64])
@pytest.mark.parametrize("count", [1, 9, 40, 200, 1000, 10**6])
def test_chunks_are_small_enough_to_share_and_large_enough_to_be_cheap(count, workers):
    size = chunk_size(count, workers)
    assert 1 <= size <= MOST
    assert size >= LEAST or -(-count // size) <= workers  # smaller ones only where each worker gets one
    if count >= MOST * SHARE * workers:
        assert size == MOST
    assert AHEAD * workers * MOST < 10_000  # files on their way, however long the list


def test_memory_on_the_way_is_bounded_however_long_the_list(monkeypatch):
    """No more chunks are taken from the list than are in work or next in line."""
    from core import library_cluster
    from core.library_types import Found, LibraryEntry, LibraryFile, Plan

    taken, returned, furthest = [0], [0], [0]

    def endless():
        for k in range(3000):
            taken[0] += 1
            furthest[0] = max(furthest[0], taken[0] - returned[0])
            yield Found(f"{k}.wav", f"{k}.wav")

    def instantly(items, plan, known, max_mb):
        from core.features import EXTRACTOR

        return [LibraryEntry(LibraryFile(i.path, "x", 0, "", "refused", extractor=EXTRACTOR)) for i in items]

    monkeypatch.setattr(library_cluster, "measure_chunk", instantly)
    monkeypatch.setattr(library_cluster, "FEW", 10**9)  # in this process
    chunks = library_cluster.measure(
        endless(), 3000, Plan(), where=library_cluster.Where(), known=lambda _: frozenset(), max_mb=1, beat=lambda: None
    )
    for entries in chunks:
        returned[0] += len(entries)
    assert returned[0] == 3000
    assert furthest[0] <= (AHEAD + 1) * MOST
