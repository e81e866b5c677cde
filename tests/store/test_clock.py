"""A clock that is set back or forward by a day, and a long library run: no answer is lost, doubled or overtaken."""

import os
import threading
from datetime import UTC, datetime, timedelta

import pytest

from core import store
from core.errors import StoreError
from core.labelling.agreement import current_answers
from core.records import LibraryEntry, LibraryFile, Window
from core.store import answers, backup, jobs, undos

DAY = timedelta(days=1)


@pytest.fixture
def opened(opened):
    store.add_clip(opened, "c1", file_name="c1.wav", duration_s=30, sr=44100)
    return opened


@pytest.fixture
def clock(monkeypatch):
    """Set the clock of the store: ``clock(-DAY)`` sets it back."""

    def set_clock(by: timedelta) -> None:
        for module in (answers, jobs, undos):
            monkeypatch.setattr(module, "now", lambda: datetime.now(UTC) + by)

    return set_clock


@pytest.mark.parametrize("jumps", [(timedelta(), -DAY, DAY), (timedelta(), DAY, -DAY), (DAY, timedelta(), -DAY)])
def test_the_last_answer_counts_whatever_the_clock_says(opened, clock, jumps):
    for label, by in zip(("happy", "sad", "relax"), jumps, strict=True):
        clock(by)
        token = store.new_token()
        for _ in range(2):  # a form that is sent twice
            store.add_feedback(opened, token=token, rater="Ali", label=label, clip_id="c1")
    table = store.feedback_table(opened)
    assert table["label"].tolist() == ["happy", "sad", "relax"]
    assert current_answers(table)["label"].tolist() == ["relax"]
    clock(timedelta())
    store.undo(opened, token=store.new_token(), rater="Ali", feedback_id=int(table["feedback_id"].iloc[-1]))
    assert current_answers(store.feedback_table(opened))["label"].tolist() == ["sad"]


@pytest.mark.parametrize("by", [DAY, -DAY])
def test_a_live_job_goes_on_after_the_clock_was_set(opened, clock, by):
    job = store.start_job(opened, "library")
    clock(by)
    store.report_job(opened, job.job_id, 0.5)  # its next heartbeat, within seconds
    assert not store.latest_job(opened, "library").silent()
    with pytest.raises(StoreError, match="is already running"):
        store.start_job(opened, "library")
    assert store.finish_job(opened, job.job_id).state == "done"


@pytest.mark.parametrize("by", [DAY, -DAY])
def test_a_dead_job_does_not_hold_its_lock_for_a_day(opened, clock, by):
    dead = store.start_job(opened, "library")
    clock(by)
    new = store.start_job(opened, "library")
    with pytest.raises(StoreError, match="lost its lock"):  # the first one, if it lives after all, ends here
        store.report_job(opened, dead.job_id, 0.5)
    assert store.finish_job(opened, new.job_id).state == "done"
    assert store.jobs_table(opened)["state"].tolist() == ["done", "lost"]


def test_a_copy_from_the_future_does_not_stop_the_daily_backup(tmp_path):
    path = tmp_path / "feedback.db"
    for _ in range(2):  # the second opening makes the first copy
        store.close_store(store.open_store(f"sqlite:///{path}"))
    (copy,) = store.backups(path)
    assert backup.daily_backup(path) is None
    tomorrow = datetime.now(UTC).timestamp() + DAY.total_seconds()
    os.utime(copy, (tomorrow, tomorrow))  # made before the clock was set back
    assert backup.daily_backup(path) is not None
    assert backup.daily_backup(path) is None
    assert len(store.backups(path)) == 2


def test_labelling_while_a_library_run_writes(opened):
    """A run stores 500 files in batches while a person gives 20 answers: both are whole afterwards."""
    tokens, errors = [store.new_token() for _ in range(20)], []

    def run() -> None:
        try:
            for batch in range(10):
                store.save_files(opened, [LibraryEntry(scored(50 * batch + k)) for k in range(50)])
        except StoreError as error:
            errors.append(error)

    running = threading.Thread(target=run)
    running.start()
    for token in tokens:
        store.add_feedback(opened, token=token, rater="Ali", label="sad", clip_id="c1")
    running.join()
    assert errors == []
    table = store.feedback_table(opened)
    assert len(table) == 20
    assert len(current_answers(table)) == 1
    assert len(store.known_files(opened, "excerpt", [f"/music/{k}.wav" for k in range(500)])) == 500


def scored(k: int) -> LibraryFile:
    return LibraryFile(
        path=f"/music/{k}.wav",
        plan="excerpt",
        size=k,
        stamp="s",
        state="scored",
        extractor="tme-mir 1.0.0",
        content_hash=f"{k:064x}",
        duration_s=30.0,
        windows=(Window(0.0, 30.0, f"{k:064x}"),),
    )
