"""The connection to the workers: started on this machine, or a cluster that is there; who joined it, and its loss.

What is sent to a worker is plain data and the name of a function, which it looks up as it works (``submit_by_name``). Functions
and classes of ours would be unpacked before it begins: a worker without this program dies of that without a word, then
the next one, and the run waits for ever.
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
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any

from core.errors import CoreError
from core.features import EXTRACTOR
from core.library.reading import access_problem
from core.library.worker import describe_worker
from core.records import Found

FEW = 8  # files that are not worth starting processes for
TICK_S = 1.0  # between two looks at whether to stop
PATIENCE_S = 600.0  # without its scheduler, or without any worker, a run waits this long
ANSWER_S = 10.0  # once a worker has said what it is, the others have so long; those at other work are asked no more
SHOWN = 3  # workers that a sentence names
CONNECT = "10s"  # a scheduler that does not answer within this is not there
SILENT_S = 20.0  # and one that takes the connection, and then says nothing that a scheduler says, is none
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
STOPPED = "The workers of this machine stopped. Start the command again: it goes on where it was."

Beat = Callable[[str], None]


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


def submit_by_name(client: Any, function: Callable[[Any], Any], plain: Any, **how: Any) -> Any:
    """The future of a call on a worker.

    function : of one argument, at the top of its module.  plain : that argument, of numbers, texts, lists, dicts, None.
    how : as `Client.submit` takes it.
    """
    name = f"{function.__module__}:{function.__qualname__}"
    key = f"{function.__name__}-{os.urandom(8).hex()}"
    # resolve_name(name)(plain), in words that every Python knows
    return client.submit(
        reduce, operator.call, [name, plain], pkgutil.resolve_name, pure=False, retries=0, key=key, **how
    )


class Link:
    """The connection to the scheduler, which may be lost and come back."""

    def __init__(self, client: Any, scheduler: str) -> None:
        self.client, self.scheduler = client, scheduler
        self._workers: Mapping[str, int] = {}
        self._asked: float | None = None  # when the scheduler was asked last; None = never
        self._alone_since = time.monotonic()

    def workers(self) -> Mapping[str, int]:
        """Threads by worker, who may come and go; asked every few seconds."""
        from distributed.comm.core import CommClosedError

        now = time.monotonic()
        if not self._workers or self._asked is None or now - self._asked > 5 * TICK_S:
            try:
                self._workers = dict(self.client.nthreads())
            except (CommClosedError, OSError, TimeoutError):
                self._workers = {}  # nobody there at the moment; `reconnect` looks after it
            self._asked = time.monotonic()
        if self._workers and self._asked is not None:
            self._alone_since = self._asked
        return self._workers

    def threads(self) -> int:
        """Threads of all workers."""
        return sum(self.workers().values())

    def status_note(self) -> str:
        """What a person is to know while nothing comes. Raises CoreError when there was no worker for too long."""
        if self.workers():
            return ""
        late = time.monotonic() - self._alone_since > PATIENCE_S
        if not self.scheduler:
            if late:
                raise CoreError(STOPPED)
            return ""
        if late:
            raise CoreError(
                f"No worker joined {self.scheduler} within {PATIENCE_S / 60:.0f} minutes. Start some with: dask worker "
                f"{self.scheduler} (where this program is installed). Then start the command again."
            )
        return f"No worker has joined {self.scheduler} yet"

    @property
    def lost(self) -> bool:
        return self.client.status != "running"

    def reconnect(self, beat: Beat) -> None:
        """Wait until the scheduler is back. Raises CoreError when it does not come back in time."""
        if not self.scheduler:
            raise CoreError(STOPPED)
        deadline = time.monotonic() + PATIENCE_S
        while self.lost:
            beat(f"The scheduler {self.scheduler} went away; waiting for it")
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
        self._alone_since = time.monotonic()


def ask_workers(link: Link, item: Found, beat: Beat) -> None:
    """Ask the workers of a cluster what they are, and whether they see a file, before hours of work are sent to them.

    Waits until there is one. Those that join later, or are at other work, tell by what they return; where all are at
    other work, the files wait as this question does.
    Raises CoreError when one program_missing this program, has another version of it, or does not see the file.
    """
    asked: dict[str, Any] = {}
    answered_at: float | None = None
    deadline = time.monotonic() + PATIENCE_S
    try:
        while True:
            beat(link.status_note() or f"Asking the workers of {link.scheduler}")
            if link.lost:
                link.reconnect(beat)
                asked.clear()
            there = link.workers()
            for name in there.keys() - asked.keys():
                asked[name] = submit_by_name(
                    link.client, describe_worker, item.path, workers=[name], allow_other_workers=False, priority=10
                )
            answers = {name: answer for name, future in asked.items() if (answer := _answer(future))}
            _raise_for_unfit(answers, item)
            if answers and answered_at is None:
                answered_at = time.monotonic()
            late = answered_at is not None and time.monotonic() - answered_at > ANSWER_S
            if answers and (late or there.keys() <= answers.keys()):
                return
            if there and time.monotonic() > deadline:
                return
            time.sleep(TICK_S / 5)
    finally:
        for future in asked.values():
            future.release()


@dataclass(frozen=True)
class _Answer:
    """What a worker answered.

    lacking : why it cannot run the program.  extractor : what it measures with.  unseen : why it does not see the file.
    """

    lacking: str = ""
    extractor: str = ""
    unseen: str = ""


def _answer(future: Any) -> _Answer | None:
    """The answer of a worker; None while there is none, and where it was lost on its way."""
    if future.status not in ("finished", "error"):
        return None
    try:
        return _Answer(**future.result(timeout=60))
    except (CancelledError, TimeoutError, OSError):
        return None  # lost on its way
    except Exception as error:  # whatever importing the program raises there, or the death of the worker by it
        return _Answer(lacking=str(error) or type(error).__name__)


def _raise_for_unfit(answers: Mapping[str, _Answer], item: Found) -> None:
    """Raises CoreError for workers that cannot do the work."""
    lacking = {name: answer.lacking for name, answer in answers.items() if answer.lacking}
    able = {name: answer.extractor for name, answer in answers.items() if not answer.lacking}
    others = {name: extractor for name, extractor in able.items() if extractor != EXTRACTOR}
    blind = {name: answer.unseen for name, answer in answers.items() if answer.unseen}
    if lacking:
        raise CoreError(program_missing(_named(lacking), next(iter(lacking.values()))))
    if others:
        raise CoreError(version_differs(_named(others), next(iter(others.values()))))
    if blind and not access_problem(item.path):
        raise CoreError(file_not_visible(_named(blind), item.path, next(iter(blind.values()))))


def program_missing(who: str, why: object) -> str:
    """What a person is told of workers without the program."""
    return f"{who} cannot run this program, or lacks a library of it ({why}). Install it there, in this version."


def version_differs(who: str, extractor: str) -> str:
    """What a person is told of workers with another version."""
    return f"{who} measures with another version ({extractor}) than this one ({EXTRACTOR}). Install the same there."


def file_not_visible(who: str, path: str, why: str) -> str:
    """What a person is told of workers that do not see the files."""
    return (
        f"{who} does not see {path}: {why} All machines of a cluster must share the folder under the same path, or be "
        "given an address that all of them may read."
    )


def _named(workers: Mapping[str, str]) -> str:
    first = list(workers)[:SHOWN]
    more = len(workers) - len(first)
    return f"The worker {' and '.join(first)}" + (f" (and {more} more)" if more else "")


@contextmanager
def connect_workers(where: Where, count: int) -> Iterator[Link]:
    """A connection to the cluster; one of our own is started, and ended with the block.

    Processes of our own talk through encrypted connections with a key of this run's, so that nobody else who works on
    this machine can send them work: whoever can reach a worker can have anything done in its name.
    """
    import dask
    from distributed import LocalCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong is told in our own words
    if where.scheduler:
        link = Link(_client(where.scheduler), where.scheduler)
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
        "distributed.deploy.lost-worker-timeout": "1h",  # else one that is not back within 15 s is never started again
    }
    with dask.config.set(ours):
        with _children_ignore_ctrl_c():
            started = LocalCluster(
                n_workers=max(processes, 1),
                threads_per_worker=1,
                processes=processes > 0,
                dashboard_address=None,
                worker_dashboard_address="127.0.0.1:0",
                host="127.0.0.1" if processes else None,
                security=True if processes else None,
                scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},  # a port that nobody has
                silence_logs=logging.CRITICAL,
            )
        with started as cluster:
            client = _client(cluster)
            try:
                yield Link(client, "")
            finally:
                client.close(timeout=5)


@contextmanager
def _children_ignore_ctrl_c() -> Iterator[None]:
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

    def connect() -> Any:
        return Client(address, timeout=CONNECT, set_as_default=False)

    try:
        return _with_timeout(SILENT_S, connect) if isinstance(address, str) else connect()
    # Also of an address that is none, or needs keys; and words of another protocol, read as a length, fit no memory.
    except (OSError, ValueError, TypeError, AssertionError, MemoryError) as error:
        raise CoreError(
            f"There is no Dask scheduler at {address}. Start one with: dask scheduler (and workers with: dask worker)"
        ) from error


def _with_timeout(seconds: float, call: Callable[[], Any]) -> Any:
    """What a call gives, or raises. Raises TimeoutError when it does not come back in time; it is left behind then."""
    answers: queue.SimpleQueue[tuple[Any, Exception | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put((call(), None))
        except Exception as error:  # noqa: BLE001 - raised again, where it is waited for
            answers.put((None, error))

    threading.Thread(target=work, daemon=True).start()
    try:
        answer, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return answer
