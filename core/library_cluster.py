"""Work on Dask: in this process for a few files, on all cores, or on a cluster that is there; and what may go wrong.

Files travel in chunks, and only so many chunks are on their way at a time, so that a list may be as long as it likes.
A chunk whose worker died is taken apart: its files run one by one, and those whose worker died again run once more
with nothing beside them. What kills its worker even then is quarantined; no other file is lost.
"""

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from core.errors import CoreError
from core.features import EXTRACTOR
from core.library_types import Found, LibraryEntry, LibraryFile, Plan
from core.library_work import measure_chunk

FEW = 8  # files that are not worth starting processes for
MOST, LEAST = 50, 20  # files in a chunk of a long list: scheduling costs less than a thousandth, a lost chunk 15 s
SHARE = 4  # chunks a worker, so that none waits long for the last
AHEAD = 2  # chunks a worker has: one in work, one to go on with
TICK_S = 1.0  # between two looks at whether to stop
PATIENCE_S = 600.0  # without its scheduler, a run waits this long for another one
CONNECT = "10s"  # a scheduler that does not answer within this is not there
LIMITED = "1000000000"
# Dask tells glibc to give memory back at once, which makes numpy 1.7 times slower; and one worker is one thread.
ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": LIMITED,
    "MALLOC_MMAP_THRESHOLD_": LIMITED,
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
}
# Dask looks at itself fifty times a second and profiles its workers: 3 % of a core a process, and nobody asks.
QUIET = {
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.cycle": "10s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "500ms",
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
QUARANTINED = (
    "The process that worked on this file died, also when it worked on nothing else. "
    "It is left out until the file changes or is asked for with --retry."
)

Known = Callable[[Sequence[Found]], frozenset[str]]


@dataclass(frozen=True)
class Where:
    """Where the work is done. scheduler : address of a cluster, empty for this machine.  workers : None = all cores."""

    scheduler: str = ""
    workers: int | None = None

    def processes(self, count: int) -> int:
        """Processes to start on this machine for so many files; 0 = in this one."""
        if self.workers is None and count <= FEW:
            return 0
        return max(1, min(self.workers or os.cpu_count() or 1, count))


def chunk_size(count: int, workers: int) -> int:
    """Files in a chunk: 20 to 50 of a long list, fewer where a worker would get less than its share of chunks."""
    return max(1, min(MOST, max(LEAST, count // (SHARE * workers)), -(-count // workers)))


class _Link:
    """The connection to the scheduler, which may be lost and come back."""

    def __init__(self, client: Any, scheduler: str) -> None:
        self.client, self.scheduler = client, scheduler
        self._threads, self._asked = 0, 0.0

    def threads(self) -> int:
        """Threads of all workers, which may come and go; asked every few seconds."""
        from distributed.comm.core import CommClosedError

        if time.monotonic() - self._asked > 5 * TICK_S:
            try:
                self._threads = sum(self.client.nthreads().values())
            except (CommClosedError, OSError, TimeoutError):
                self._threads = 0  # nobody there at the moment; `renew` looks after it
            self._asked = time.monotonic()
        return self._threads

    @property
    def lost(self) -> bool:
        return self.client.status != "running"

    def renew(self, beat: Callable[[], None]) -> None:
        """Wait until the scheduler is back. Raises CoreError when it does not come back in time."""
        if not self.scheduler:
            raise CoreError("The workers of this machine stopped. Start the command again: it goes on where it was.")
        deadline = time.monotonic() + PATIENCE_S
        while self.lost:
            beat()
            if time.monotonic() > deadline:
                raise CoreError(
                    f"The scheduler {self.scheduler} went away and did not come back within {PATIENCE_S / 60:.0f} "
                    "minutes. Start the command again when it is there: it goes on where it was."
                )
            if self.client.status in ("closed", "closing"):
                try:
                    self.client = _client(self.scheduler)
                except CoreError:
                    time.sleep(TICK_S)
            else:
                time.sleep(TICK_S)


@contextmanager
def _linked(where: Where, count: int) -> Iterator[_Link]:
    """A connection to the cluster; one of our own is started, and ended with the block."""
    import dask
    from distributed import LocalCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong is told in our own words
    if where.scheduler:
        link = _Link(_client(where.scheduler), where.scheduler)
        try:
            yield link
        finally:
            link.client.close(timeout=5)
        return
    processes = where.processes(count)
    ours = {
        **QUIET,
        "distributed.nanny.pre-spawn-environ": ENVIRONMENT,
        "distributed.scheduler.allowed-failures": 0,  # a chunk whose worker died is taken apart at once
    }
    with dask.config.set(ours):
        with _deaf_children():
            started = LocalCluster(
                n_workers=max(processes, 1),
                threads_per_worker=1,
                processes=processes > 0,
                dashboard_address=None,
                host="127.0.0.1" if processes else None,
                scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},  # a port that nobody has
                silence_logs=logging.CRITICAL,
            )
        with started as cluster:
            client = _client(cluster)
            try:
                yield _Link(client, "")
            finally:
                client.close(timeout=5)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes that are started meanwhile do not hear Ctrl-C: it is for us, and we end them in good order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _client(address: Any) -> Any:
    from distributed import Client

    try:
        return Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CoreError(
            f"There is no Dask scheduler at {address}. Start one with: dask scheduler (and workers with: dask worker)"
        ) from error


def measure(
    items: Iterable[Found],
    count: int,
    plan: Plan,
    *,
    where: Where,
    known: Known,
    max_mb: float,
    beat: Callable[[], None],
) -> Iterator[list[LibraryEntry]]:
    """Measure files and give their entries chunk by chunk, in the order in which they are done.

    count : how many there are.  known : content that need not be measured, for a chunk of files.
    beat : called once a second at least; what it raises ends the work.
    """
    if not count:
        return
    with _linked(where, count) as link:
        workers = max(1, link.threads() or where.processes(count))
        suspects: list[Found] = []
        rounds = ((chunk_size(count, workers), AHEAD), (1, 1), (1, 0))
        for number, (size, ahead) in enumerate(rounds):
            waiting, suspects = (items if number == 0 else suspects), []

            def width(ahead: int = ahead) -> int:
                return max(1, ahead * link.threads())

            for chunk, entries in _round(link, _chunks(waiting, size), width, plan, known, max_mb, beat):
                if entries is None:
                    suspects += chunk
                else:
                    yield entries
        if suspects:
            yield [LibraryEntry(_quarantined(item, plan)) for item in suspects]


def _quarantined(item: Found, plan: Plan) -> LibraryFile:
    return LibraryFile(item.path, plan.name, item.size, item.stamp, "quarantined", QUARANTINED, EXTRACTOR)


def _chunks(items: Iterable[Found], size: int) -> Iterator[list[Found]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _round(
    link: _Link,
    chunks: Iterator[list[Found]],
    width: Callable[[], int],
    plan: Plan,
    known: Known,
    max_mb: float,
    beat: Callable[[], None],
) -> Iterator[tuple[list[Found], list[LibraryEntry] | None]]:
    """Each chunk with its entries, or with None when its worker died. At most width() chunks are on their way."""
    finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
    flying: dict[Any, list[Found]] = {}
    again: list[list[Found]] = []  # sent, and lost with the scheduler
    try:
        while True:
            beat()
            if link.lost:
                link.renew(beat)
            while len(flying) < width() and (chunk := next(chain(_taken(again), chunks), None)):
                future = link.client.submit(
                    measure_chunk, chunk, plan, known(chunk), max_mb, pure=False, retries=0, key=_key()
                )
                flying[future] = chunk
                future.add_done_callback(finished.put)
            if not flying:
                return
            try:
                future = finished.get(timeout=TICK_S)
            except queue.Empty:
                continue
            chunk = flying.pop(future)
            came, entries = _collect(future)
            if came:
                yield chunk, entries
            else:
                again.append(chunk)
            future.release()
    finally:
        for future in flying:
            future.release()


def _key() -> str:
    return f"measure-{os.urandom(8).hex()}"


def _taken(waiting: list[list[Found]]) -> Iterator[list[Found]]:
    """Those that wait, each taken off the list as it is given."""
    while waiting:
        yield waiting.pop()


def _collect(future: Any) -> tuple[bool, list[LibraryEntry] | None]:
    """Whether there is an answer, and the entries; None when the worker died of it."""
    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    try:
        entries: list[LibraryEntry] = future.result(timeout=60)
    except KilledWorker:
        return True, None
    except (CancelledError, CommClosedError, TimeoutError, OSError):
        return False, None  # the scheduler is gone, or the worker before it gave its answer
    except ImportError as error:
        raise CoreError(f"The workers lack this program or a library of it ({error}). Install it there.") from error
    other = {entry.file.extractor for entry in entries} - {EXTRACTOR}
    if other:
        raise CoreError(f"The workers run another version ({', '.join(other)}) than this one ({EXTRACTOR}).")
    return True, entries
