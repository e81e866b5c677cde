"""The line in which clips wait for the processor: order, bound, leaving, lost workers."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import contextmanager

import pytest

from core.errors import AudioError, QueueFull, WorkerDied
from core.pipeline import work_queue
from core.pipeline.work_queue import WorkQueue, shared_queue
from core.settings import Settings

LONG_S = 60.0  # a test that waits so long has failed


@contextmanager
def held(queue: WorkQueue, *, way: str = "decision", count: int = 1) -> Iterator[Callable[[], None]]:
    """Keep `count` threads of a queue busy until the block ends, or until the yielded function is called."""
    go_on = threading.Event()
    begun = [threading.Event() for _ in range(count)]

    def wait(number: int) -> None:
        begun[number].set()
        go_on.wait(LONG_S)

    tickets = [queue.submit(lambda k=k: wait(k), way=way) for k in range(count)]
    assert all(event.wait(LONG_S) for event in begun)
    try:
        yield go_on.set
    finally:
        go_on.set()
        for ticket in tickets:
            ticket.result(LONG_S)


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has priorities of threads.")
def test_work_and_the_threads_that_it_starts_let_pages_go_first():
    found = []

    def look() -> None:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    def work() -> None:
        look()
        own = threading.Thread(target=look)
        own.start()
        own.join()

    WorkQueue(workers=1, most=1).submit(work, way="decision").result(LONG_S)
    look()
    at_work, started, page = found
    assert at_work == started == page + work_queue.NICE


def test_decisions_go_first_then_explanations_then_long_tasks_each_in_the_order_of_arrival():
    queue, order = WorkQueue(workers=1, most=10), []
    with held(queue):
        ways = ["long", "explanation", "decision", "long", "decision", "explanation"]
        tickets = [queue.submit(lambda k=k: order.append(k), way=way) for k, way in enumerate(ways)]
        assert [ticket.place() for ticket in tickets] == [5, 3, 1, 6, 2, 4]
        assert (queue.running(), queue.waiting()) == (1, 6)
        seconds = [ticket.expected_s() for ticket in sorted(tickets)]
        assert seconds == sorted(seconds)
        assert seconds[0] > 0
    for ticket in tickets:
        ticket.result(LONG_S)
    assert order == [2, 4, 1, 5, 0, 3]
    assert {ticket.place() for ticket in tickets} == {0}
    assert {ticket.expected_s() for ticket in tickets} == {0}


def test_a_full_line_refuses_with_a_sentence_and_a_time():
    queue = WorkQueue(workers=1, most=2)
    with held(queue):
        waiting = [queue.submit(lambda: 1, way="decision") for _ in range(2)]
        with pytest.raises(QueueFull, match="line is full. Your file stays here. Try again in") as refused:
            queue.submit(lambda: 2, way="decision")
        assert refused.value.retry_after_s >= 1
        waiting[0].leave()
        queue.submit(lambda: 3, way="decision")


def test_who_leaves_gives_the_place_back_and_the_task_is_not_done():
    queue, done = WorkQueue(workers=1, most=9), []
    with held(queue):
        first, second = (queue.submit(lambda k=k: done.append(k), way="decision") for k in range(2))
        assert second.place() == 2
        first.leave()
        assert second.place() == 1
        with pytest.raises(CancelledError):
            first.result(LONG_S)
        with pytest.raises(TimeoutError):
            second.result(0)
    second.result(LONG_S)
    assert done == [1]


def test_a_place_that_nobody_asks_about_is_given_back_when_its_time_is_over(monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr(work_queue.time, "monotonic", lambda: now_s[0])
    queue = WorkQueue(workers=1, most=9)
    with held(queue):
        forgotten = queue.submit(lambda: 1, way="decision", lease_s=10)
        looked_at = queue.submit(lambda: 2, way="decision", lease_s=10)
        patient = queue.submit(lambda: 3, way="decision")
        now_s[0] += 9
        assert looked_at.place() == 2
        now_s[0] += 9
        assert looked_at.place() == 1
        assert queue.waiting() == 2
    assert (looked_at.result(LONG_S), patient.result(LONG_S)) == (2, 3)
    with pytest.raises(CancelledError):
        forgotten.result()


def test_a_task_whose_worker_dies_is_done_once_more():
    queue, calls = WorkQueue(workers=1, most=9), []

    def dies(times: int) -> str:
        calls.append(times)
        if len(calls) <= times:
            raise BrokenExecutor("a worker was killed")
        return "measured"

    assert queue.submit(lambda: dies(1), way="decision").result(LONG_S) == "measured"
    assert len(calls) == 2
    calls.clear()
    with pytest.raises(WorkerDied, match="ended twice without a result"):
        queue.submit(lambda: dies(5), way="decision").result(LONG_S)
    assert len(calls) == 2


def test_the_error_of_a_task_is_the_error_of_its_result_and_the_line_goes_on():
    queue = WorkQueue(workers=1, most=9)

    def silent() -> None:
        raise AudioError("This file is silent.")

    with pytest.raises(AudioError, match="silent"):
        queue.submit(silent, way="decision").result(LONG_S)
    assert queue.submit(lambda: 5, way="decision").result(LONG_S) == 5


def test_long_tasks_leave_one_thread_to_decisions_and_goes_on_afterwards():
    queue = WorkQueue(workers=2, most=9)
    with held(queue, way="long") as go_on:
        more = [queue.submit(lambda: "checked", way="long") for _ in range(3)]
        assert queue.submit(lambda: "decided", way="decision").result(LONG_S) == "decided"
        assert [ticket.place() for ticket in more] == [1, 2, 3]
        go_on()
        assert [ticket.result(LONG_S) for ticket in more] == ["checked"] * 3


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="hurry"):
        WorkQueue(workers=1, most=1).submit(lambda: 1, way="hurry")


def test_the_process_has_one_queue_of_the_size_in_the_settings(monkeypatch):
    monkeypatch.setenv("TME_WORKERS", "3")
    monkeypatch.setenv("TME_MAX_WAITING", "7")
    queue = shared_queue(Settings())
    assert queue is shared_queue(Settings())
    assert (queue.workers, queue.most) == (3, 7)
