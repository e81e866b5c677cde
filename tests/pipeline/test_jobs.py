"""Long work in a process of its own: told, cancelled, killed, started twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core import store
from core.errors import CoreError, StoreError
from core.pipeline import jobs
from core.pipeline.jobs import Stopped, hold_job, launch
from core.settings import ROOT, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, database_url="", mlflow_uri="")


@pytest.fixture
def opened(settings):
    opened = store.open_store(settings.database)
    yield opened
    store.close_store(opened)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(jobs, "HEARTBEAT_S", 0.05)


def until(true: Callable[[], bool], *, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def state(opened, name: str = "retrain") -> str:
    return store.latest_job(opened, name).state


def test_work_is_told_and_ends_with_what_it_left_behind(opened):
    with hold_job(opened, "retrain", message="reading") as work:
        work.report(0.4, "fold 2")
        until(lambda: store.latest_job(opened, "retrain").progress == 0.4)
        assert store.latest_job(opened, "retrain").message == "fold 2"
        work.result["version"] = "3"
    ended = store.latest_job(opened, "retrain")
    assert (ended.state, ended.progress, ended.result) == ("done", 1.0, {"version": "3"})
    assert ended.message == "fold 2"


def test_it_never_runs_twice_at_once(opened):
    with hold_job(opened, "retrain"):
        with pytest.raises(StoreError, match="already running"), hold_job(opened, "retrain"):
            pytest.fail("two at once")
        with hold_job(opened, "score"):
            pass
    with hold_job(opened, "retrain"):
        pass
    assert store.jobs_table(opened)["state"].tolist() == ["done"] * 3


def cancelled(opened, *, last_words: bool) -> None:
    """Work that is cancelled, and tells or does not tell how far it is after that."""
    with hold_job(opened, "retrain") as work:
        store.cancel_job(opened, work.job.job_id)
        until(lambda: bool(work.stop))
        if last_words:
            work.report(0.5, "fold 3")
            pytest.fail("it went on")


def test_a_cancel_ends_it_at_its_next_word(opened):
    with pytest.raises(Stopped, match="Cancelled"):
        cancelled(opened, last_words=True)
    assert state(opened) == "cancelled"


def test_a_cancel_after_the_last_word_counts_too(opened):
    with pytest.raises(Stopped, match="Cancelled"):
        cancelled(opened, last_words=False)
    assert state(opened) == "cancelled"


def test_a_sentence_and_a_fault_are_kept_apart(opened):
    with pytest.raises(StoreError), hold_job(opened, "retrain"):
        raise StoreError("The disk is full.")
    assert store.latest_job(opened, "retrain").message == "The disk is full."
    with pytest.raises(ZeroDivisionError), hold_job(opened, "retrain"):
        1 / 0  # noqa: B018
    ended = store.latest_job(opened, "retrain")
    assert ended.state == "failed"
    assert "ZeroDivisionError" in ended.message


@pytest.mark.parametrize("words", ["Ş" * 1200, "Scoring \udcff.wav", "a\x00b"])
@pytest.mark.parametrize("well", [True, False])
def test_whatever_its_last_words_it_frees_the_lock(opened, words, well):
    def working() -> None:
        with hold_job(opened, "retrain") as work:
            work.message = words
            if not well:
                raise CoreError(words)

    if well:
        working()
    else:
        with pytest.raises(CoreError):
            working()
    ended = store.latest_job(opened, "retrain")
    assert ended.state == ("done" if well else "failed")
    assert ended.message == {"Ş": "Ş" * 999 + "…", "S": "Scoring \ufffd.wav", "a": "a\ufffdb"}[words[0]]


def test_a_name_that_is_no_text_does_not_stop_the_signs_of_life(opened):
    with hold_job(opened, "score", message="\udcff") as work:
        work.report(0.3, "Scoring \udcff.wav")
        until(lambda: store.latest_job(opened, "score").progress == 0.3)
        heard = store.latest_job(opened, "score")
        assert heard.message == "Scoring \ufffd.wav"
        until(lambda: store.latest_job(opened, "score").heartbeat > heard.heartbeat)


def test_work_that_lost_its_lock_stops_and_leaves_its_successor_alone(opened):
    def overtaken() -> None:
        with hold_job(opened, "retrain") as work:
            store.start_job(opened, "retrain", message="next", silence_s=-1)  # everybody is silent by this measure
            until(lambda: bool(work.stop))
            work.report(0.5, "fold 3")

    with pytest.raises(Stopped, match="no heartbeat"):
        overtaken()
    assert store.latest_job(opened, "retrain").message == "next"
    assert store.jobs_table(opened)["state"].tolist() == ["running", "lost"]


class ThreeBeats(threading.Event):
    """Nobody waits; the third beat is the last one."""

    left = 3

    def wait(self, timeout: float | None = None) -> bool:
        self.left -= 1
        if not self.left:
            self.set()
        return self.is_set()


@pytest.mark.parametrize("hangs", [True, False])
def test_work_that_hangs_gives_no_signs_of_life(opened, monkeypatch, hangs):
    monkeypatch.setattr(jobs, "STUCK_S", 0 if hangs else 60)
    with hold_job(opened, "retrain") as work:
        last = store.latest_job(opened, "retrain").heartbeat
        jobs._send_heartbeats(opened, work, ThreeBeats())
        assert (store.latest_job(opened, "retrain").heartbeat == last) == hangs


def test_a_busy_database_is_no_reason_to_stop(opened, monkeypatch):
    asked = []

    def busy(*given: object) -> bool:
        asked.append(given)
        raise StoreError("Another program has locked the database.")

    with hold_job(opened, "retrain") as work:
        monkeypatch.setattr(jobs, "report_job", busy)
        until(lambda: len(asked) > 2)
        work.report(0.5, "fold 3")
    assert state(opened) == "done"


SLEEPER = """
import sys, time
from core import store
from core.pipeline import jobs
jobs.HEARTBEAT_S = 0.05
opened = store.open_store(sys.argv[1])
with jobs.hold_job(opened, "retrain") as work:
    for i in range(600):
        work.report(i / 600, "sleeping")
        time.sleep(0.05)
"""


@pytest.fixture
def sleeper(settings, opened):
    process = subprocess.Popen([sys.executable, "-c", SLEEPER, settings.database], cwd=ROOT, stderr=subprocess.PIPE)
    until(lambda: (job := store.latest_job(opened, "retrain")) is not None and job.message == "sleeping", seconds=60)
    yield process
    process.kill()
    process.communicate()


def test_a_sigterm_ends_it_as_a_cancel_does(sleeper, opened):
    sleeper.terminate()
    sleeper.wait(20)
    ended = store.latest_job(opened, "retrain")
    assert (ended.state, ended.message) == ("cancelled", "The process was terminated by a signal.")


def test_after_a_sigkill_its_lock_expires_by_silence(sleeper, opened):
    sleeper.kill()
    sleeper.wait(20)
    assert state(opened) == "running"
    with pytest.raises(StoreError, match="already running"):
        store.start_job(opened, "retrain")
    until(lambda: store.latest_job(opened, "retrain").silent(silence_s=0.2))
    assert store.start_job(opened, "retrain", silence_s=0.2).state == "running"
    assert store.jobs_table(opened)["state"].tolist()[:2] == ["running", "lost"]


def test_a_process_that_ends_without_a_word_frees_the_lock_at_once(opened, settings):
    """The command does not exist: the process ends with status 2 and never speaks of the job."""
    job = launch(opened, "retrain", ["no-such-command"], settings=settings)
    with pytest.raises(StoreError, match="already running"):
        launch(opened, "retrain", ["no-such-command"], settings=settings)
    until(lambda: state(opened) == "failed", seconds=60)
    assert "with status 2" in store.latest_job(opened, "retrain").message
    assert "no-such-command" in jobs.log_file(settings, job).read_text()


def test_a_process_that_cannot_be_started_is_a_sentence(opened, settings, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(settings.data_dir / "no-python"))
    with pytest.raises(StoreError, match="could not be started"):
        launch(opened, "retrain", ["features"], settings=settings)
    assert state(opened) == "failed"
    with pytest.raises(StoreError, match="could not be started"):
        launch(opened, "retrain", ["score", "a\x00b"], settings=settings)
    assert state(opened) == "failed"


def test_a_launched_process_sees_the_settings_of_its_launcher(settings, monkeypatch):
    monkeypatch.setenv("TME_DATA_DIR", "elsewhere")
    seen = jobs._environment(settings)
    assert seen["TME_DATA_DIR"] == str(settings.data_dir)
    assert "TME_DATABASE_URL" not in seen  # empty: the default of the data folder
    assert str(ROOT) in seen["PYTHONPATH"].split(os.pathsep)


def test_the_handler_of_sigterm_is_put_back(opened):
    before = signal.getsignal(signal.SIGTERM)
    with hold_job(opened, "retrain"):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
