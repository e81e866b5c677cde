"""Connect to Dask workers: start them on this machine or join a cluster, and reconnect after a loss.

Workers receive only plain data and the name of a function, which they resolve while they work (``submit_by_name``). A
pickled function or class of this program would be unpickled before the task starts: a worker without this program would
crash without an error, then the next worker, and the run would wait forever.
"""

import logging
import operator
import os
import pkgutil
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any

from core.errors import CoreError

FEW = 8  # up to this number of files, starting processes takes longer than it saves
TICK_S = 1.0  # between two checks whether to stop
PATIENCE_S = 600.0  # a run waits this long for a lost scheduler, or for a first worker
CONNECT = "10s"  # timeout of a connection to a scheduler
SILENT_S = 20.0  # timeout for a server that accepts the connection but does not speak Dask's protocol
LIMITED = "1000000000"
# Dask makes glibc return memory at once, which makes numpy 1.7 times slower: undo that. One worker is one thread.
ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": LIMITED,
    "MALLOC_MMAP_THRESHOLD_": LIMITED,
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
}
_LOG = logging.getLogger(__name__)
# Dask monitors itself fifty times a second and profiles its workers: 3 % of a core per process. Reduce that.
QUIET = {
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.cycle": "10s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "500ms",
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
STOPPED = "The workers on this machine stopped. Start the command again: it continues where it stopped."

Beat = Callable[[str], None]


@dataclass(frozen=True)
class Where:
    """Where files are measured.

    scheduler : address of a cluster's scheduler; empty means this machine.
    workers : number of processes on this machine; None means one per core, or none for a few files.
    """

    scheduler: str = ""
    workers: int | None = None

    def processes(self, count: int) -> int:
        """Return the number of processes to start on this machine for count files; 0 means this process."""
        if self.workers is None and count <= FEW:
            return 0
        return max(1, min(self.workers or os.cpu_count() or 1, count))


def submit_by_name(client: Any, function: Callable[[Any], Any], plain: Any, **how: Any) -> Any:
    """Submit a call to a worker by the function's name, and return its future.

    Parameters
    ----------
    function
        A function of one argument, defined at module level.
    plain
        Its argument: numbers, texts, lists, dicts and None only.
    how
        Keyword arguments of `Client.submit`.
    """
    name = f"{function.__module__}:{function.__qualname__}"
    key = f"{function.__name__}-{os.urandom(8).hex()}"
    # resolve_name(name)(plain), expressed with standard-library functions only
    return client.submit(
        reduce, operator.call, [name, plain], pkgutil.resolve_name, pure=False, retries=0, key=key, **how
    )


class Link:
    """The connection to a scheduler. It may be lost, and can reconnect."""

    def __init__(self, client: Any, scheduler: str) -> None:
        self.client, self.scheduler = client, scheduler
        self._workers: Mapping[str, int] = {}
        self._asked: float | None = None  # time of the last question to the scheduler; None = never
        self._alone_since = time.monotonic()

    def workers(self) -> Mapping[str, int]:
        """Return the number of threads by worker, refreshed every few seconds because workers may join or leave."""
        from distributed.comm.core import CommClosedError

        now = time.monotonic()
        if not self._workers or self._asked is None or now - self._asked > 5 * TICK_S:
            try:
                self._workers = dict(self.client.nthreads())
            except (CommClosedError, OSError, TimeoutError):
                self._workers = {}  # no connection at the moment; `reconnect` restores it
            self._asked = time.monotonic()
        if self._workers and self._asked is not None:
            self._alone_since = self._asked
        return self._workers

    def threads(self) -> int:
        """Return the number of threads of all workers."""
        return sum(self.workers().values())

    def status_note(self) -> str:
        """Return a status note for the user; empty when there are workers.

        Raises CoreError when there was no worker for ``PATIENCE_S``.
        """
        if self.workers():
            return ""
        late = time.monotonic() - self._alone_since > PATIENCE_S
        if not self.scheduler:
            if late:
                raise CoreError(STOPPED)
            return ""
        if late:
            raise CoreError(
                f"No worker joined {self.scheduler} within {PATIENCE_S / 60:.0f} minutes. Start workers on machines "
                f"with this program: dask worker {self.scheduler}. Then start the command again."
            )
        return f"No worker has joined {self.scheduler} yet"

    @property
    def lost(self) -> bool:
        return self.client.status != "running"

    def reconnect(self, beat: Beat) -> None:
        """Wait until the scheduler can be reached again. Raises CoreError after ``PATIENCE_S``."""
        if not self.scheduler:
            raise CoreError(STOPPED)
        deadline = time.monotonic() + PATIENCE_S
        while self.lost:
            beat(f"The connection to the scheduler {self.scheduler} is lost; waiting for it")
            if time.monotonic() > deadline:
                raise CoreError(
                    f"The connection to the scheduler {self.scheduler} was lost for {PATIENCE_S / 60:.0f} minutes. "
                    "Start the command again when the scheduler is running: it continues where it stopped."
                )
            if self.client.status in ("closed", "closing"):
                try:
                    self.client = _client(self.scheduler)
                except CoreError:
                    time.sleep(TICK_S)
            else:
                time.sleep(TICK_S)
        self._alone_since = time.monotonic()


@contextmanager
def connect_workers(where: Where, count: int) -> Iterator[Link]:
    """Connect to the cluster during the block; without a scheduler address, start local workers for the block.

    Local workers use encrypted connections with a key of this run. Otherwise another user of this machine could send
    them tasks, and a Dask worker executes any code that it receives.
    """
    import dask
    from distributed import LocalCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # this program has its own error messages
    if where.scheduler:
        link = Link(_client(where.scheduler), where.scheduler)
        try:
            yield link
        finally:
            link.client.close(timeout=5)
        return
    processes = where.processes(count)
    options = {
        **QUIET,
        "distributed.nanny.pre-spawn-environ": ENVIRONMENT,
        "distributed.scheduler.allowed-failures": 0,  # retry the files of a crashed worker's chunk one by one at once
        "distributed.deploy.lost-worker-timeout": "1h",  # default: give up a worker that needs over 15 s to restart
    }
    with dask.config.set(options):
        with _children_ignore_ctrl_c():
            started = LocalCluster(
                n_workers=max(processes, 1),
                threads_per_worker=1,
                processes=processes > 0,
                dashboard_address=None,
                worker_dashboard_address="127.0.0.1:0",
                host="127.0.0.1" if processes else None,
                security=True if processes else None,
                scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},  # port 0: any free port
                silence_logs=logging.CRITICAL,
            )
        with _closed_at_the_end(started):
            client = _client(started)
            try:
                yield Link(client, "")
            finally:
                client.close(timeout=5)


@contextmanager
def _closed_at_the_end(cluster: Any) -> Iterator[None]:
    """Close the workers of this machine when the block ends.

    Dask cannot close a worker that died a moment ago and is just being started again. It raises an AssertionError then.
    All files are done by that time, so the run goes on; such a worker ends with the process of the run.
    """
    try:
        yield
    finally:
        try:
            cluster.close()
        except AssertionError as error:
            _LOG.warning("A worker that was being started again was not closed in order: %s", error)


@contextmanager
def _children_ignore_ctrl_c() -> Iterator[None]:
    """Make processes started in the block ignore Ctrl-C: this process receives it and stops them in order."""
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

    def connect() -> Any:
        return Client(address, timeout=CONNECT, set_as_default=False)

    try:
        return _with_timeout(SILENT_S, connect) if isinstance(address, str) else connect()
    # An invalid address or one that needs TLS raises one of these, too. The bytes of another protocol can be read as a
    # huge message length: MemoryError.
    except (OSError, ValueError, TypeError, AssertionError, MemoryError) as error:
        raise CoreError(
            f"There is no Dask scheduler at {address}. Start one with: dask scheduler (and workers with: dask worker)"
        ) from error


def _with_timeout(seconds: float, call: Callable[[], Any]) -> Any:
    """Return the result of a call, or raise its exception. Raises TimeoutError after some seconds.

    After a timeout the call continues in its thread, and its result is dropped.
    """
    answers: queue.SimpleQueue[tuple[Any, Exception | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put((call(), None))
        except Exception as error:  # noqa: BLE001 - raised again in the waiting thread
            answers.put((None, error))

    threading.Thread(target=work, daemon=True).start()
    try:
        answer, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return answer
