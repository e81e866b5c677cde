"""The line in which clips wait for the processor, so that twenty people at once are served in order.

Pages and other doors give their work to `shared_queue` instead of computing in their own thread. The line is bounded:
when it is full, the door says so at once. A person can see the place in the line and can leave it.
"""

import os
import sys
import threading
import time
from bisect import insort
from collections import Counter
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Future, ThreadPoolExecutor
from enum import StrEnum
from functools import lru_cache
from typing import Any, Generic, TypeVar

from core.errors import QueueFull, WorkerDied
from core.settings import Settings

T = TypeVar("T")
NEWEST = 0.2  # weight of the newest duration in the running mean
NICE = 5  # of the threads that measure and explain: a page that somebody opens meanwhile is drawn first


class Way(StrEnum):
    """What a task is for. Earlier ones go first; within one, the first to come is the first served."""

    DECISION = "decision"
    EXPLANATION = "explanation"
    LONG = "long"  # takes ten seconds or more, such as the small changes of a clip that is decided already


ORDER = {way: k for k, way in enumerate(Way)}
_GUESSES_S = {Way.DECISION: 0.5, Way.EXPLANATION: 0.5, Way.LONG: 10.0}  # until the first task of a way has ended


class Ticket(Generic[T]):
    """A place in the line, and later the result of the task."""

    def __init__(self, queue: "WorkQueue", task: Callable[[], T], key: tuple[int, int], lease_s: float | None) -> None:
        self.way = list(Way)[key[0]]
        self._queue, self._task, self._key, self._lease_s = queue, task, key, lease_s
        self._future: Future[T] = Future()
        self._asked_s = time.monotonic()
        self.started_s: float | None = None
        self._left = False

    def place(self) -> int:
        """Return the place in the line: 1 is the next one; 0 means that the work has begun, has ended or was left."""
        return self._queue._place(self)

    def expected_s(self) -> float:
        """Return in how many seconds the result can be expected, from the durations of earlier tasks."""
        return self._queue._expected_s(self)

    def leave(self) -> None:
        """Give the place back. A task that has begun runs to its end, and its result is dropped."""
        self._left = True
        self._queue._leave(self)

    def done(self) -> bool:
        """Return whether the result is there, or the reason why there is none."""
        return self._future.done()

    def when_done(self, call: Callable[[], object]) -> None:
        """Call a function when the result is there, or the reason why there is none. It may run in another thread."""
        self._future.add_done_callback(lambda _: call())

    def given_back(self) -> bool:
        """Return whether somebody left the place, or nobody asked about it for too long."""
        return self._left or self._future.cancelled()

    def result(self, timeout_s: float | None = None) -> T:
        """Wait for the result and return it.

        Raises
        ------
        TimeoutError
            When it is not there after timeout_s seconds. Ask again later.
        concurrent.futures.CancelledError
            When the place was given back.
        WorkerDied
            When the process that worked on the task ended twice.
        Exception
            The error of the task itself.
        """
        limit_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            self._asked_s = time.monotonic()
            left_s = None if limit_s is None else max(0.0, limit_s - self._asked_s)
            steps_s = [s for s in (left_s, self._lease_s and self._lease_s / 4) if s is not None]
            try:
                return self._future.result(min(steps_s) if steps_s else None)
            except TimeoutError:
                if self._future.done() or (limit_s is not None and time.monotonic() >= limit_s):
                    raise

    def _given_up(self, now_s: float) -> bool:
        return self._lease_s is not None and now_s - self._asked_s > self._lease_s

    def __lt__(self, other: "Ticket[Any]") -> bool:
        return self._key < other._key


class WorkQueue:
    """A bounded line of tasks and the threads that work on them.

    workers : tasks at work at the same time.  most : tasks that may wait.

    Long tasks are at work on all threads but one, so that nobody waits for a decision behind several of them.
    """

    def __init__(self, *, workers: int, most: int) -> None:
        self.workers, self.most = workers, most
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="work", initializer=_let_pages_go_first)
        self._lock = threading.Lock()
        self._line: list[Ticket[Any]] = []  # sorted: the next one is the first
        self._at_work: set[Ticket[Any]] = set()
        self._number = 0
        self._mean_s = dict(_GUESSES_S)

    def submit(self, task: Callable[[], T], *, way: str, lease_s: float | None = None) -> Ticket[T]:
        """Put a task into the line.

        Parameters
        ----------
        way
            What the task is for, one of `Way`.
        lease_s
            The place is given back when nobody has asked for the place or the result for so many seconds.

        Raises
        ------
        QueueFull
            When too many tasks wait. It says when to try again.
        """
        kind = Way(way)
        with self._lock:
            self._drop_given_up()
            if len(self._line) >= self.most:
                raise QueueFull(retry_after_s=self._line_s() / 2 + 1)
            self._number += 1
            ticket = Ticket(self, task, (ORDER[kind], self._number), lease_s)
            insort(self._line, ticket)
        self._threads.submit(self._work)
        return ticket

    def running(self) -> int:
        """Return the number of tasks at work."""
        with self._lock:
            return len(self._at_work)

    def waiting(self) -> int:
        """Return the number of tasks that wait."""
        with self._lock:
            self._drop_given_up()
            return len(self._line)

    def _work(self) -> None:
        """Work on the next tasks until nothing is left that may begin."""
        while (ticket := self._take()) is not None:
            try:
                _run(ticket)
            finally:
                self._finish(ticket)

    def _take(self) -> Ticket[Any] | None:
        with self._lock:
            self._drop_given_up()
            if not self._line:
                return None
            busy = Counter(ticket.way for ticket in self._at_work)
            if self._line[0].way == Way.LONG and busy[Way.LONG] >= max(1, self.workers - 1):
                return None  # the thread that works on a long one takes the next one itself
            ticket = self._line.pop(0)
            ticket._future.set_running_or_notify_cancel()
            ticket.started_s = time.monotonic()
            self._at_work.add(ticket)
            return ticket

    def _finish(self, ticket: Ticket[Any]) -> None:
        with self._lock:
            self._at_work.discard(ticket)
            took_s = time.monotonic() - (ticket.started_s or 0.0)
            self._mean_s[ticket.way] += NEWEST * (took_s - self._mean_s[ticket.way])

    def _place(self, ticket: Ticket[Any]) -> int:
        ticket._asked_s = time.monotonic()
        with self._lock:
            self._drop_given_up()
            return self._line.index(ticket) + 1 if ticket in self._line else 0

    def _expected_s(self, ticket: Ticket[Any]) -> float:
        with self._lock:
            if ticket._future.done():
                return 0.0
            own_s = self._mean_s[ticket.way]
            if ticket not in self._line:
                return max(0.0, own_s - (time.monotonic() - (ticket.started_s or 0.0)))
            return self._line_s(before=ticket) + own_s

    def _line_s(self, before: Ticket[Any] | None = None) -> float:
        """Seconds until the line is worked off, up to a ticket. Tasks at work count half."""
        ahead = self._line if before is None else self._line[: self._line.index(before)]
        work_s = sum(self._mean_s[t.way] for t in ahead) + sum(self._mean_s[t.way] / 2 for t in self._at_work)
        return work_s / self.workers

    def _leave(self, ticket: Ticket[Any]) -> None:
        with self._lock:
            if ticket in self._line:
                self._line.remove(ticket)
                _cancel(ticket)

    def _drop_given_up(self) -> None:
        now_s = time.monotonic()
        for ticket in [t for t in self._line if t._given_up(now_s)]:
            self._line.remove(ticket)
            _cancel(ticket)


def _let_pages_go_first() -> None:
    """Lower the priority of this thread and of those that it starts. Only Linux has priorities of threads."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def _cancel(ticket: Ticket[Any]) -> None:
    ticket._future.cancel()
    ticket._future.set_running_or_notify_cancel()  # wakes who waits for the result


def _run(ticket: Ticket[Any]) -> None:
    """Do the task, and once more if a process that works for it dies."""
    try:
        try:
            result = ticket._task()
        except BrokenExecutor:
            result = ticket._task()
    except BrokenExecutor as error:
        ticket._future.set_exception(_died(error))
    except BaseException as error:
        ticket._future.set_exception(error)
    else:
        ticket._future.set_result(result)
    ticket._task = _nothing  # the bytes of the file are not needed any more


def _died(error: BrokenExecutor) -> WorkerDied:
    died = WorkerDied()
    died.__cause__ = error
    return died


def _nothing() -> Any:
    raise CancelledError


@lru_cache(maxsize=4)
def _queue(workers: int, most: int) -> WorkQueue:
    return WorkQueue(workers=workers, most=most)


def shared_queue(settings: Settings) -> WorkQueue:
    """Return the one queue of this process; the settings TME_WORKERS and TME_MAX_WAITING give its size."""
    return _queue(settings.workers, settings.max_waiting)
