"""A library on real worker processes: workers killed, schedulers restarted, runs ended early."""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
import distributed  # noqa: F401 - its defaults are there before a test changes them and puts them back
import forked
import fsspec
import libraries
import psutil
import pytest

from core import store
from core.errors import CoreError, StoreError
from core.features import EXTRACTOR
from core.library import cluster as cluster_module
from core.library import worker, worker_checks
from core.library import workers as workers_module
from core.library.cluster import AHEAD, MOST, SHARE, _correct_reasons, _LostError, chunk_size, measure
from core.library.reading import GONE
from core.library.run import score_library
from core.library.workers import Where, _client, connect_workers
from core.pipeline import serving
from core.records import FoundFile, LibraryEntry, LibraryFile, Plan
from core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
FORKED = pytest.mark.xdist_group("forked")  # what forks has to load the program first
# Read by each worker as it starts.
SLOWLY = """
import os, signal, time
from core.library import worker

def watched(read):
    def reading(found, *, max_mb):
        if "killer" in found.name:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(SLOW)
        content = read(found, max_mb=max_mb)
        if content.data.endswith(b"deadly"):
            os.kill(os.getpid(), signal.SIGKILL)
        return content
    return reading

worker.read_content = watched(worker.read_content)
"""


class Runs:
    """Starts the command on the folder ``music`` with two workers and a database of its own."""

    def __init__(self, place: Path) -> None:
        self.place, self.out = place, place / "out.parquet"
        self.url = f"sqlite:///{place / 'data' / 'feedback.db'}"
        self.preload = place / "slowly.py"
        self.started: list[forked.Command | subprocess.Popen] = []

    def start(
        self, *more: str, slow: float = 0.0, workers: int | None = 2, code: str = "", anew: bool = False
    ) -> forked.Command | subprocess.Popen:
        """code : is run in the place of the command's module.  anew : no process is forked, as it is for people."""
        number = [] if workers is None else ["--workers", str(workers)]
        program = ["-c", code] if code else ["-m", "core"]
        words = [str(word) for word in (*program, "score", self.place / "music", "--out", self.out, *number, *more)]
        own = self.environment(slow)
        if anew:
            own["DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD"] = "spawn"
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            run = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=own, start_new_session=True, **pipes)
        else:
            run = forked.Command(words, env=own)
        self.started.append(run)
        return run

    def environment(self, slow: float = 0.0) -> dict[str, str]:
        self.preload.write_text(f"SLOW = {slow}\n{SLOWLY}")
        return {
            **os.environ,
            "TME_DATA_DIR": str(self.place / "data"),
            "TME_DATABASE_URL": "",
            "DASK_DISTRIBUTED__WORKER__PRELOAD": str(self.preload),
            "DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD": "forkserver",
            "PYTHONPATH": str(ROOT),
        }

    def scored(self) -> int:
        """Files that are in the database by now."""
        file = self.place / "data" / "feedback.db"
        if not file.exists():
            return 0
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as known:
            try:
                return int(known.execute("SELECT count(*) FROM files WHERE state = 'scored'").fetchone()[0])
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return 0
                raise

    def until(self, count: int, run: forked.Command | subprocess.Popen, *, within: float = 240) -> None:
        deadline = time.monotonic() + within
        while self.scored() < count:
            assert run.poll() is None, run.communicate()[0]
            assert time.monotonic() < deadline, "nothing was scored in time"
            time.sleep(0.03)


@pytest.fixture
def runs(tmp_path):
    made = Runs(tmp_path)
    yield made
    for process in [*made.started, *forked.all_forks()]:
        with contextlib.suppress(psutil.Error):
            process.kill()
    for process in psutil.process_iter(["environ"]):
        with contextlib.suppress(psutil.Error):
            if (process.info["environ"] or {}).get("TME_DATA_DIR") == str(tmp_path / "data"):
                process.kill()


@contextmanager
def forking(**changed: object) -> Iterator[None]:
    """Let workers of this process be forks, too."""
    forked.context()
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver", **changed}):
        yield


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    return serving.serve(Settings(data_dir=tmp_path_factory.mktemp("data")))


@pytest.fixture
def score(runs, served, monkeypatch):
    """Score from this process, on this machine or on a cluster; gives the summary."""
    libraries.settle(monkeypatch)
    monkeypatch.setattr(workers_module, "CONNECT", "60s")
    for module in (workers_module, cluster_module, worker_checks):
        monkeypatch.setattr(module, "TICK_S", 0.1)
    opened = store.open_store(runs.url)

    def run(scheduler="", folder=runs.place / "music", workers=None, **given):
        given = {"served": served, "policy": served.policies["threshold"], "store": opened, **given}
        return score_library(str(folder), str(runs.out), where=Where(scheduler, workers), **given)

    with forking():
        yield run
    store.close_store(opened)


def workers(run: forked.Command | subprocess.Popen) -> set[psutil.Process]:
    """Workers of the only run."""
    children = psutil.Process(run.pid).children(recursive=True)
    spawned = {p for p in children if "spawn_main" in " ".join(p.cmdline())}
    return spawned | {p for p in forked.all_forks() if p.pid != run.pid}


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


@FORKED
def test_killed_workers_cost_no_file_and_only_what_kills_again_alone_is_left_out(runs, score):
    music = libraries.folder(runs.place / "music", 20)
    (music / "killer.wav").write_bytes(libraries.tiny(500))
    runs.environment(0.03)
    victims = []

    def kill_one(progress):
        """As the kernel does when memory is short."""
        if progress.done and not victims:
            victims.append(min(forked.all_forks(), key=lambda process: process.pid))
            victims[0].kill()

    with dask.config.set({"distributed.worker.preload": [str(runs.preload)]}):
        summary = score(workers=2, on_progress=kill_one)
        assert victims
        assert summary.states == {"scored": 20, "quarantined": 1}
        table = libraries.table(runs.out).set_index("file")
        assert table.loc["killer.wav", "state"] == "quarantined"
        assert "also when it was the only file in work" in table.loc["killer.wav", "reason"]
        assert (table.drop("killer.wav")["state"] == "scored").all()
        assert len(table) == 21

        # Left alone from now on, unless asked for, and then not read in the process that asks.
        again = score(retry=True)
    assert (again.found, again.scored, again.measured) == (21, 20, 0)


@FORKED
def test_a_changed_file_that_kills_the_run_itself_is_left_out_and_the_others_are_scored(runs, score):
    """Few files are read by the run itself: what kills it is read in a process of its own the next time."""
    music = libraries.folder(runs.place / "music", 4)
    assert score().measured == 4
    (music / "album 3/0003.wav").rename(music / "album 3/kept.wav")  # content that was measured before
    (music / "album 1/0001.wav").write_bytes(libraries.tiny(71) + b"deadly")
    (music / "album 2/0002.wav").write_bytes(libraries.tiny(72))
    (music / "album 3/moved here.wav").write_bytes(libraries.tiny(1))
    first = runs.start(workers=None)
    first.communicate(timeout=600)
    assert first.returncode == -signal.SIGKILL
    with dask.config.set({"distributed.worker.preload": [str(runs.preload)]}):
        second = score()
        assert (second.found, second.scored, second.measured) == (5, 4, 1)
        table = libraries.table(runs.out).set_index("file")
        assert table["state"].to_dict() == {
            "album 0/0000.wav": "scored",
            "album 1/0001.wav": "quarantined",
            "album 2/0002.wav": "scored",
            "album 3/kept.wav": "scored",
            "album 3/moved here.wav": "scored",
        }
        assert score().measured == 0


# Writes the results slowly, so that there is a moment to kill it in.
WRITING = """
import sys, time
from core.library import results
typed = results._typed
results._typed = lambda table: (time.sleep(60), typed(table))[1]
from core.__main__ import main
main()
"""


@FORKED
def test_a_run_killed_at_any_moment_goes_on_where_it_was(runs, score):
    """It is killed as its workers begin, started again and killed in the middle, and then as it writes the results."""
    libraries.folder(runs.place / "music", 24)
    moments = {
        "as workers begin": lambda run: len(workers(run)) == 2,
        "in the middle": lambda run: runs.scored() > known,
        "as the results are written": lambda run: bool(list(runs.place.glob(".library-*.part"))),
    }
    known = 0
    for moment, has_come in moments.items():
        # At once: the lock of the dead run is no obstacle.
        run = runs.start(slow=0.1, code=WRITING if "results" in moment else "", anew="begin" in moment)
        deadline = time.monotonic() + 240
        while not has_come(run):
            assert run.poll() is None, run.communicate()[0]
            assert time.monotonic() < deadline, f"the moment did not come: {moment}"
            time.sleep(0.03)
        mine = workers(run)
        run.kill()
        run.wait()
        assert ended(mine), moment  # nobody goes on without it
        before, known = known, runs.scored()
        assert {"as workers begin": known < 24, "in the middle": before < known < 24}.get(moment, known == 24), moment
        assert not runs.out.exists()
    assert score().measured == 0
    complete(runs, 24)


@FORKED
def test_a_run_that_is_cancelled_ends_soon_and_goes_on_later_and_the_next_one_measures_nothing(
    runs, score, monkeypatch
):
    count = 48
    libraries.folder(runs.place / "music", count)
    known = 0
    for how in ("page", "keyboard"):
        run = runs.start(slow=0.1, anew=how == "keyboard")
        runs.until(known + 1, run)
        opened = store.open_store(runs.url)
        with pytest.raises(StoreError, match="already running"):
            store.start_job(opened, "library")  # never two at once
        mine = workers(run)
        if how == "page":
            store.cancel_job(opened, store.latest_job(opened, "library").job_id)
        else:
            os.killpg(run.pid, signal.SIGINT)  # as a terminal does: the workers hear it too
        said, _ = run.communicate(timeout=60)
        # A shell says 130 for a process that ended by the signal itself, too.
        assert run.returncode in ((2,) if how == "page" else (130, -signal.SIGINT)), said
        assert "Traceback" not in said
        assert ("run the same command again to continue" in said) == (how == "keyboard")
        assert len(mine) == 2
        assert ended(mine)
        assert store.latest_job(opened, "library").state == "cancelled"
        store.close_store(opened)
        known, before = runs.scored(), known
        assert before < known < count
    monkeypatch.setattr(cluster_module, "MOST", 2)
    assert count - known > AHEAD * 2 * 2 * 1.5  # more than what is on its way to two workers at a time
    assert score(workers=2).measured == count - known
    complete(runs, count)
    before = libraries.table(runs.out)
    assert score().measured == 0
    assert libraries.table(runs.out).equals(before)


# a cluster that is there


class Cluster:
    """A scheduler on a port that stays the same, and workers, all as an administrator would start them."""

    def __init__(self, runs: Runs) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.runs, self.address = runs, f"tcp://127.0.0.1:{self.port}"
        self.started: list[forked.Command | subprocess.Popen] = []

    def _dask(self, *words: str, **environment: str) -> forked.Command:
        process = forked.Command(["-m", "dask", *words], env=self.runs.environment(0.05) | environment)
        self.started.append(process)
        return process

    def scheduler(self) -> forked.Command:
        process = self._dask(
            "scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard", "--no-show"
        )
        deadline = time.monotonic() + 120
        while socket.socket().connect_ex(("127.0.0.1", self.port)):
            assert time.monotonic() < deadline
            time.sleep(0.03)
        return process

    def workers(self, number: int = 2, **environment: str) -> None:
        for _ in range(number):
            self._dask(*self._worker(), **environment)

    def foreign_worker(self) -> None:
        """A worker that lacks this program."""
        own = {"PYTHONPATH": "", "DASK_DISTRIBUTED__WORKER__PRELOAD": "[]"}
        with (self.runs.place / "log").open("wb") as log:
            self.started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "dask", *self._worker()],
                    cwd=self.runs.place,
                    env=self.runs.environment() | own,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                )
            )

    def _worker(self) -> list[str]:
        files = ["--local-directory", str(self.runs.place / "dask")]
        return ["worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", *files]


@pytest.fixture
def cluster(runs):
    made = Cluster(runs)
    yield made
    for process in reversed(made.started):
        process.kill()
        process.wait()


@FORKED
def test_a_scheduler_that_dies_and_comes_back_loses_nothing(runs, cluster):
    libraries.folder(runs.place / "music", 40)
    scheduler = cluster.scheduler()
    cluster.workers()
    run = runs.start("--scheduler", cluster.address, slow=0.05, workers=None)
    runs.until(1, run)
    scheduler.kill()
    scheduler.wait()
    assert runs.scored() < 40
    with pytest.raises(subprocess.TimeoutExpired):  # it waits
        run.wait(timeout=1)
    cluster.scheduler()
    cluster.workers()
    said, _ = run.communicate(timeout=600)
    assert run.returncode == 0, said
    complete(runs, 40)


@FORKED
def test_a_scheduler_without_workers_is_said_and_not_waited_for_forever(runs, cluster, score, monkeypatch):
    libraries.folder(runs.place / "music", 2)
    cluster.scheduler()
    monkeypatch.setattr(workers_module, "PATIENCE_S", 0.5)
    seen = []
    with pytest.raises(CoreError, match=f"No worker joined {cluster.address} within") as caught:
        score(cluster.address, on_progress=seen.append)
    assert f"dask worker {cluster.address}" in str(caught.value)
    assert seen[-1].text == f"0 of 2 files, 0 not scored. No worker has joined {cluster.address} yet"


@FORKED
def test_workers_without_this_program_are_refused_before_any_work(runs, cluster, score):
    libraries.folder(runs.place / "music", 2)
    cluster.scheduler()
    cluster.foreign_worker()
    with pytest.raises(CoreError, match=r"worker tcp://127\.0\.0\.1:\d+ lacks this program.*No module named 'core'"):
        score(cluster.address)
    assert runs.scored() == 0


@FORKED
def test_workers_with_another_version_are_refused_before_any_work(runs, cluster, score):
    libraries.folder(runs.place / "music", 2)
    (runs.place / "older.py").write_text("from core.library import worker; worker.EXTRACTOR = 'mir 0'")
    cluster.scheduler()
    cluster.workers(1, DASK_DISTRIBUTED__WORKER__PRELOAD=str(runs.place / "older.py"))
    with pytest.raises(CoreError, match=r"has another version \(mir 0\) than this machine"):
        score(cluster.address)
    assert runs.scored() == 0


@FORKED
def test_a_worker_that_joins_later_and_lacks_this_program_ends_the_run_with_a_sentence(runs, cluster):
    libraries.folder(runs.place / "music", 100)
    cluster.scheduler()
    cluster.workers(1)
    run = runs.start("--scheduler", cluster.address, slow=0.1, workers=None)
    runs.until(1, run)
    cluster.foreign_worker()
    said, _ = run.communicate(timeout=600)
    assert run.returncode == 2, said
    assert "A worker lacks this program or one of its libraries (No module named 'core')" in said
    assert "Traceback" not in said


@FORKED
def test_workers_that_do_not_see_the_files_are_refused_before_any_work(runs, cluster, score):
    """What is in this process's memory, no other process sees."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pipe("/lib/a.wav", libraries.tiny(1))
    cluster.scheduler()
    cluster.workers(1)
    with pytest.raises(CoreError, match=r"cannot read memory:///?lib/a.wav: There is no such file. All machines"):
        score(cluster.address, folder="memory://lib")
    system.store.clear()


def test_a_file_that_only_a_later_worker_does_not_see_has_the_true_reason(tmp_path):
    (tmp_path / "there.wav").touch()
    gone = [
        LibraryEntry(LibraryFile(str(tmp_path / n), "x", 0, "", "unread", GONE), gone=True)
        for n in ("there.wav", "gone.wav")
    ]
    there, away = _correct_reasons(gone)
    assert "All machines of a cluster must share the folder" in there.file.reason
    assert away.file.reason == GONE


def test_only_a_file_that_was_not_there_is_looked_for_again(tmp_path):
    """What decides is the kind of the failure, and not its sentence."""
    (tmp_path / "there.wav").touch()
    same_words = LibraryEntry(LibraryFile(str(tmp_path / "there.wav"), "x", 0, "", "unread", GONE))
    assert _correct_reasons([same_words]) == [same_words]
    missing, folder = (
        worker.measure_file(FoundFile(str(path), path.name), Plan(), frozenset(), 1)
        for path in (tmp_path / "missing.wav", tmp_path)
    )
    assert (missing.gone, missing.file.state, missing.file.reason) == (True, "unread", GONE)
    assert (folder.gone, folder.file.state) == (False, "unread")


@FORKED
def test_nobody_else_on_this_machine_can_send_work_to_a_run():
    """Whoever reaches a worker can have anything done in its name: without this run's key nobody does."""
    from distributed import Client, Security

    with forking(), connect_workers(Where(workers=1), 9) as link:
        address = link.client.scheduler.address
        assert link.client.submit(os.getpid).result(timeout=60) != os.getpid()
        assert address.startswith("tls://127.0.0.1:")
        with pytest.raises(OSError, match=address.rpartition(":")[2]):
            Client(address.replace("tls", "tcp"), timeout=10, set_as_default=False)
        with pytest.raises(OSError, match="certificate does not match"):
            Client(address, timeout=10, set_as_default=False, security=Security.temporary())


@FORKED
def test_nothing_of_a_run_listens_for_other_machines():
    """Neither where workers are started, nor where the run reads a few files by itself."""
    for workers in (None, 1):
        with forking(), connect_workers(Where(workers=workers), 1):
            mine = [psutil.Process(), *psutil.Process().children(recursive=True)]
            heard = [c.laddr.ip for p in mine for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN]
            assert set(heard) <= {"127.0.0.1"}


@FORKED
def test_a_worker_that_comes_back_late_is_waited_for(tmp_path):
    """Dask gives up a worker whose process died and is not back in time: with one worker, nothing would go on.

    Dask's own time is 15 s. Here it is shorter, so that the worker comes back after it.
    """
    (tmp_path / "slow.py").write_text(
        "import os, pathlib, signal, time\n"
        "from core.library import worker\n"
        f"died = pathlib.Path({str(tmp_path / 'died')!r})\n"
        "if died.exists(): time.sleep(1.5)\n"
        "def read(found, *, max_mb, read=worker.read_content):\n"
        "    if not died.exists():\n"
        "        died.touch()\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return read(found, max_mb=max_mb)\n"
        "worker.read_content = read\n"
    )
    libraries.folder(tmp_path / "music", 1)
    item = libraries.found(tmp_path / "music/album 0/0000.wav")
    short = {"distributed.deploy.lost-worker-timeout": "0.5s"}
    with forking(**{"distributed.worker.preload": [str(tmp_path / "slow.py")], **short}):
        done = measure(
            [item], 1, Plan(), where=Where(workers=1), known=lambda _: frozenset(), max_mb=1, beat=lambda _: None
        )
        ((entry,),) = list(done)
    assert entry.file.state == "scored"


def test_an_answer_that_is_lost_again_and_again_is_not_asked_for_without_end(runs, score, monkeypatch):
    libraries.folder(runs.place / "music", 1)

    def lost(_):
        raise _LostError("TimeoutError")

    monkeypatch.setattr(cluster_module, "_collect", lost)
    with pytest.raises(CoreError, match=r"The results of the same 1 files were lost 5 times \(TimeoutError\)"):
        score("")


@pytest.mark.parametrize("says", [b"", b"HTTP/1.0 400 Bad request\r\n\r\n"])
def test_what_takes_the_connection_and_is_no_scheduler_is_a_sentence(monkeypatch, says):
    monkeypatch.setattr(workers_module, "CONNECT", "2s")
    monkeypatch.setattr(workers_module, "SILENT_S", 4.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = []

        def answer():
            with contextlib.suppress(OSError):  # the end of the test
                while True:
                    taken.append(server.accept()[0])
                    taken[-1].sendall(says)

        threading.Thread(target=answer, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(CoreError, match=f"There is no Dask scheduler at {address}"):
            _client(address)
        assert taken


# chunks


@pytest.mark.parametrize("workers", [1, 2, 64])
@pytest.mark.parametrize("count", [1, 9, 40, 200, 1000, 10**6])
def test_chunks_are_small_enough_to_share_and_large_enough_to_be_cheap(count, workers):
    size = chunk_size(count, workers)
    assert 1 <= size <= MOST
    assert size == 1 or -(-count // size) >= min(count, 2 * workers)  # all have work, and the bar moves
    if count >= 80 * workers:
        assert size >= 20  # of a long list
    if count >= MOST * SHARE * workers:
        assert size == MOST
    assert AHEAD * workers * MOST < 10_000  # files on their way, however long the list


def instantly(sent):
    """In the place of measuring."""
    paths = [item["path"] for item in sent["items"]]
    return [LibraryEntry(LibraryFile(path, "x", 0, "", "refused", extractor=EXTRACTOR)) for path in paths]


def test_memory_on_the_way_is_bounded_however_long_the_list(monkeypatch):
    """No more chunks are taken from the list than are in work or next in line."""
    taken, returned, furthest = [0], [0], [0]

    def endless():
        for k in range(3000):
            taken[0] += 1
            furthest[0] = max(furthest[0], taken[0] - returned[0])
            yield FoundFile(f"{k}.wav", f"{k}.wav")

    monkeypatch.setattr(cluster_module, "measure_plain_chunk", instantly)
    monkeypatch.setattr(workers_module, "FEW", 10**9)  # in this process
    chunks = measure(endless(), 3000, Plan(), where=Where(), known=lambda _: frozenset(), max_mb=1, beat=lambda _: None)
    for entries in chunks:
        returned[0] += len(entries)
    assert returned[0] == 3000
    assert furthest[0] <= (AHEAD + 1) * MOST
