"""The questions to workers of a cluster, with a clock that starts at zero and workers that are made up."""

from types import SimpleNamespace

import pytest

from core.features import EXTRACTOR
from core.library import worker_checks
from core.library import workers as workers_module
from core.library.worker_checks import ANSWER_S, ask_workers
from core.library.workers import TICK_S, Link, Where, connect_workers
from core.records import FoundFile


class Clock:
    """Stands for the module ``time``; sleeping moves it."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (workers_module, worker_checks):
        monkeypatch.setattr(module, "time", made)
    return made


def workers(monkeypatch: pytest.MonkeyPatch, *busy: str) -> Link:
    """A link to the workers a and b; those that are busy never answer."""

    def submit_by_name(client, function, plain, *, workers, **_):
        status = "pending" if workers[0] in busy else "finished"
        return SimpleNamespace(status=status, result=lambda timeout: {"extractor": EXTRACTOR}, release=lambda: None)

    monkeypatch.setattr(worker_checks, "submit_by_name", submit_by_name)
    client = SimpleNamespace(nthreads=lambda: {"a": 1, "b": 1}, status="running")
    return Link(client, "tcp://here:1")


def test_workers_that_are_busy_are_waited_for_ten_seconds_from_the_first_answer(monkeypatch, clock):
    """The first answer comes at the moment zero of the clock, which is a moment like any other."""
    ask_workers(workers(monkeypatch, "b"), FoundFile("x.wav", "x.wav"), lambda _: None)
    assert clock.now_s == pytest.approx(ANSWER_S + TICK_S / 5)


def test_when_all_have_answered_nobody_waits(monkeypatch, clock):
    ask_workers(workers(monkeypatch), FoundFile("x.wav", "x.wav"), lambda _: None)
    assert clock.now_s == 0.0


def test_workers_are_listed_again_every_few_seconds(monkeypatch, clock):
    link = workers(monkeypatch)
    assert set(link.workers()) == {"a", "b"}
    link.client.nthreads = lambda: {"a": 1}
    assert set(link.workers()) == {"a", "b"}
    clock.sleep(5 * TICK_S + 0.1)
    assert set(link.workers()) == {"a"}


def test_a_worker_that_cannot_be_closed_does_not_end_a_run_whose_files_are_done(monkeypatch, caplog):
    from distributed import LocalCluster

    close = LocalCluster.close

    def fails_at_the_end(cluster):
        close(cluster)
        raise AssertionError("can only join a started process")

    monkeypatch.setattr(LocalCluster, "close", fails_at_the_end)
    with connect_workers(Where(), 1) as link:
        assert link.client.submit(abs, -1).result(timeout=60) == 1
    assert "was not closed in order: can only join a started process" in caplog.text
