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
def db(settings):
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


def state(db, name: str = "retrain") -> str:
    return store.latest_job(db, name).state


def test_work_is_told_and_ends_with_what_it_left_behind(db):
    with hold_job(db, "retrain", message="reading") as work:
        work.report(0.4, "fold 2")
        until(lambda: store.latest_job(db, "retrain").progress == 0.4)
        assert store.latest_job(db, "retrain").message == "fold 2"
        work.result["version"] = "3"
    ended = store.latest_job(db, "retrain")
    assert (ended.state, ended.progress, ended.result) == ("done", 1.0, {"version": "3"})
    assert ended.message == "fold 2"


def test_it_never_runs_twice_at_once(db):
    with hold_job(db, "retrain"):
        with pytest.raises(StoreError, match="already running"), hold_job(db, "retrain"):
            pytest.fail("two at once")
        with hold_job(db, "score"):
            pass
    with hold_job(db, "retrain"):
        pass
    assert store.jobs_table(db)["state"].tolist() == ["done"] * 3


def cancelled(db, *, last_words: bool) -> None:
    """Work that is cancelled, and tells or does not tell how far it is after that."""
    with hold_job(db, "retrain") as work:
        store.cancel_job(db, work.job.job_id)
        until(lambda: bool(work.stop))
        if last_words:
            work.report(0.5, "fold 3")
            pytest.fail("it went on")


def test_a_cancel_ends_it_at_its_next_word(db):
    with pytest.raises(Stopped, match="Cancelled"):
        cancelled(db, last_words=True)
    assert state(db) == "cancelled"


def test_a_cancel_after_the_last_word_counts_too(db):
    with pytest.raises(Stopped, match="Cancelled"):
        cancelled(db, last_words=False)
    assert state(db) == "cancelled"


def test_a_sentence_and_a_fault_are_kept_apart(db):
    with pytest.raises(StoreError), hold_job(db, "retrain"):
        raise StoreError("The disk is full.")
    assert store.latest_job(db, "retrain").message == "The disk is full."
    with pytest.raises(ZeroDivisionError), hold_job(db, "retrain"):
        1 / 0  # noqa: B018
    ended = store.latest_job(db, "retrain")
    assert ended.state == "failed"
    assert "ZeroDivisionError" in ended.message


@pytest.mark.parametrize("words", ["Ş" * 1200, "Scoring \udcff.wav", "a\x00b"])
@pytest.mark.parametrize("well", [True, False])
def test_whatever_its_last_words_it_frees_the_lock(db, words, well):
    def working() -> None:
        with hold_job(db, "retrain") as work:
            work.message = words
            if not well:
                raise CoreError(words)

    if well:
        working()
    else:
        with pytest.raises(CoreError):
            working()
    ended = store.latest_job(db, "retrain")
    assert ended.state == ("done" if well else "failed")
    assert ended.message == {"Ş": "Ş" * 999 + "…", "S": "Scoring \ufffd.wav", "a": "a\ufffdb"}[words[0]]


def test_a_name_that_is_no_text_does_not_stop_the_signs_of_life(db):
    with hold_job(db, "score", message="\udcff") as work:
        work.report(0.3, "Scoring \udcff.wav")
        until(lambda: store.latest_job(db, "score").progress == 0.3)
        heard = store.latest_job(db, "score")
        assert heard.message == "Scoring \ufffd.wav"
        until(lambda: store.latest_job(db, "score").heartbeat > heard.heartbeat)


def test_work_that_lost_its_lock_stops_and_leaves_its_successor_alone(db):
    def overtaken() -> None:
        with hold_job(db, "retrain") as work:
            store.start_job(db, "retrain", message="next", silence_s=-1)  # everybody is silent by this measure
            until(lambda: bool(work.stop))
            work.report(0.5, "fold 3")

    with pytest.raises(Stopped, match="no heartbeat"):
        overtaken()
    assert store.latest_job(db, "retrain").message == "next"
    assert store.jobs_table(db)["state"].tolist() == ["running", "lost"]


class ThreeBeats(threading.Event):
    """Nobody waits; the third beat is the last one."""

    left = 3

    def wait(self, timeout: float | None = None) -> bool:
        self.left -= 1
        if not self.left:
            self.set()
        return self.is_set()


@pytest.mark.parametrize("hangs", [True, False])
def test_work_that_hangs_gives_no_signs_of_life(db, monkeypatch, hangs):
    monkeypatch.setattr(jobs, "STUCK_S", 0 if hangs else 60)
    with hold_job(db, "retrain") as work:
        last = store.latest_job(db, "retrain").heartbeat
        jobs._send_heartbeats(db, work, ThreeBeats())
        assert (store.latest_job(db, "retrain").heartbeat == last) == hangs


def test_a_busy_database_is_no_reason_to_stop(db, monkeypatch):
    asked = []

    def busy(*given: object) -> bool:
        asked.append(given)
        raise StoreError("Another program has locked the database.")

    with hold_job(db, "retrain") as work:
        monkeypatch.setattr(jobs, "report_job", busy)
        until(lambda: len(asked) > 2)
        work.report(0.5, "fold 3")
    assert state(db) == "done"


SLEEPER = """
import sys, time
from core import store
from core.pipeline import jobs
jobs.HEARTBEAT_S = 0.05
db = store.open_store(sys.argv[1])
with jobs.hold_job(db, "retrain") as work:
    for i in range(600):
        work.report(i / 600, "sleeping")
        time.sleep(0.05)
"""


@pytest.fixture
def sleeper(settings, db):
    process = subprocess.Popen([sys.executable, "-c", SLEEPER, settings.database], cwd=ROOT, stderr=subprocess.PIPE)
    until(lambda: (job := store.latest_job(db, "retrain")) is not None and job.message == "sleeping", seconds=60)
    yield process
    process.kill()
    process.communicate()


def test_a_sigterm_ends_it_as_a_cancel_does(sleeper, db):
    sleeper.terminate()
    sleeper.wait(20)
    ended = store.latest_job(db, "retrain")
    assert (ended.state, ended.message) == ("cancelled", "The process was terminated by a signal.")


def test_after_a_sigkill_its_lock_expires_by_silence(sleeper, db):
    sleeper.kill()
    sleeper.wait(20)
    assert state(db) == "running"
    with pytest.raises(StoreError, match="already running"):
        store.start_job(db, "retrain")
    until(lambda: store.latest_job(db, "retrain").silent(silence_s=0.2))
    assert store.start_job(db, "retrain", silence_s=0.2).state == "running"
    assert store.jobs_table(db)["state"].tolist()[:2] == ["running", "lost"]


def test_a_process_that_ends_without_a_word_frees_the_lock_at_once(db, settings):
    """The command does not exist: the process ends with status 2 and never speaks of the job."""
    job = launch(db, "retrain", ["no-such-command"], settings=settings)
    with pytest.raises(StoreError, match="already running"):
        launch(db, "retrain", ["no-such-command"], settings=settings)
    until(lambda: state(db) == "failed", seconds=60)
    assert "with status 2" in store.latest_job(db, "retrain").message
    assert "no-such-command" in jobs.log_file(settings, job).read_text()


def test_a_process_that_cannot_be_started_is_a_sentence(db, settings, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(settings.data_dir / "no-python"))
    with pytest.raises(StoreError, match="could not be started"):
        launch(db, "retrain", ["features"], settings=settings)
    assert state(db) == "failed"
    with pytest.raises(StoreError, match="could not be started"):
        launch(db, "retrain", ["score", "a\x00b"], settings=settings)
    assert state(db) == "failed"


def test_a_launched_process_sees_the_settings_of_its_launcher(settings, monkeypatch):
    monkeypatch.setenv("TME_DATA_DIR", "elsewhere")
    seen = jobs._environment(settings)
    assert seen["TME_DATA_DIR"] == str(settings.data_dir)
    assert "TME_DATABASE_URL" not in seen  # empty: the default of the data folder
    assert str(ROOT) in seen["PYTHONPATH"].split(os.pathsep)


def test_the_handler_of_sigterm_is_put_back(db):
    before = signal.getsignal(signal.SIGTERM)
    with hold_job(db, "retrain"):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
