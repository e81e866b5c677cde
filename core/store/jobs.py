"""Background jobs: their locks, heartbeats and results. A unique index lets at most one job of a name run at a time."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import Action, action_of_job, decides, require, requires
from core.errors import JobRunningError, StoreError
from core.store.checks import check_choice, check_text, now, storable
from core.store.connection import Store, frame, insert, read, write
from core.store.schema import jobs
from core.wording import whole_percent

SILENCE_S = 120.0  # a job without a heartbeat for this long counts as lost, and another job may start
MAX_MESSAGE = 1000  # characters; longer messages are cut
_END_STATES = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Job:
    """One run of a background job.

    Parameters
    ----------
    state
        running, done, failed, cancelled, or lost (no heartbeat for too long).
    progress
        Progress in [0, 1].
    cancel
        Whether a person has asked the job to stop.
    started_by
        Name of the person who started the job; empty for a person without a name.
    result
        Result of the job, a JSON object.
    """

    job_id: int
    name: str
    state: str
    progress: float
    message: str
    cancel: bool
    started_by: str
    result: dict[str, Any]
    started_at: datetime
    heartbeat: datetime
    ended_at: datetime | None

    def silent(self, *, silence_s: float = SILENCE_S) -> bool:
        """Return whether a job in state "running" has sent no heartbeat for too long.

        A heartbeat in the future was sent before the clock was set back, so it also counts as old.
        """
        return self.state == "running" and abs(now() - self.heartbeat) > timedelta(seconds=silence_s)


def _job(row: Any) -> Job:
    known = row._asdict()
    return Job(job_id=known.pop("id"), **{**known, "result": json.loads(known["result"])})


def _clean_message(message: str) -> str:
    """Cut the message to ``MAX_MESSAGE`` characters with "…", and replace unstorable characters by "\ufffd".

    A message is never refused: a job whose last message was refused would keep its lock.
    """
    text = storable(message).strip()
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


@decides(Action.SCORE_LIBRARY, Action.TRAIN, Action.CHOOSE_MODEL)
def start_job(store: Store, name: str, *, message: str = "", silence_s: float = SILENCE_S) -> Job:
    """Start a job by taking the lock of its name. A message that is too long or unstorable is cleaned, not refused.

    A running job without a heartbeat for silence_s seconds is marked as lost and loses the lock.
    Raises StoreError when a job of this name is running.
    """
    by = store.by
    require(by, action_of_job(name))
    moment = now()
    row = {
        "name": check_text(name, "name of the job", longest=64),
        "state": "running",
        "progress": 0.0,
        "message": _clean_message(message),
        "result": "{}",
        "cancel": False,
        "started_by": by.mark,
        "started_at": moment,
        "heartbeat": moment,
    }
    dead = (jobs.c.name == name) & (jobs.c.state == "running")
    silence = timedelta(seconds=silence_s)
    dead &= sa.or_(jobs.c.heartbeat < moment - silence, jobs.c.heartbeat > moment + silence)

    def work(c: sa.Connection) -> Job:
        c.execute(jobs.update().where(dead).values(state="lost", ended_at=moment))
        new = insert(c, jobs).values(row).on_conflict_do_nothing().returning(*jobs.c)
        started = c.execute(new).first()
        if started is not None:
            return _job(started)
        present = c.execute(sa.select(jobs).where(jobs.c.name == name, jobs.c.state == "running")).first()
        if present is not None and present.started_at == moment:
            return _job(present)  # our own job: the connection was lost after the commit
        since = f" since {present.started_at:%H:%M} UTC, {whole_percent(present.progress)} done" if present else ""
        raise JobRunningError(f"The job {name!r} is already running{since}. Wait until it ends, or cancel it.")

    return write(store, work)


@requires(Action.RUN_JOB)
def report_job(
    store: Store, job_id: int, progress: float, message: str = "", *, result: dict[str, Any] | None = None
) -> bool:
    """Send a heartbeat with the progress. Returns True when a person has asked the job to stop.

    Parameters
    ----------
    progress
        Progress in [0, 1]; NaN counts as 0.
    message
        Cleaned as in ``start_job``.
    result
        Result so far, a JSON object; None keeps the stored result.

    Raises
    ------
    StoreError
        When the job no longer holds its lock. It must stop and store nothing more.
    """
    changes = {"progress": min(max(0.0, progress), 1.0), "message": _clean_message(message), "heartbeat": now()}
    if result is not None:
        changes["result"] = json.dumps(result)

    def work(c: sa.Connection) -> bool:
        alive = (
            jobs.update().where(jobs.c.id == job_id, jobs.c.state == "running").values(changes).returning(jobs.c.cancel)
        )
        cancel = c.execute(alive).scalar()
        if cancel is None:
            raise StoreError("This job sent no heartbeat for too long and lost its lock. It stops here.")
        return bool(cancel)

    return write(store, work)


@requires(Action.RUN_JOB)
def finish_job(
    store: Store, job_id: int, *, state: str = "done", message: str = "", result: dict[str, Any] | None = None
) -> Job:
    """End a job and release its lock.

    Parameters
    ----------
    state
        done, failed or cancelled.
    message
        Cleaned as in ``start_job``.
    result
        Result of the job, a JSON object; None keeps the stored result.

    Raises
    ------
    StoreError
        When the job no longer holds its lock.
    """
    moment = now()
    changes = {
        "state": check_choice(state, _END_STATES, "end of a job"),
        "message": _clean_message(message),
        **({} if result is None else {"result": json.dumps(result)}),
        "heartbeat": moment,
        "ended_at": moment,
        **({"progress": 1.0} if state == "done" else {}),
    }

    def work(c: sa.Connection) -> Job:
        held = jobs.c.id == job_id
        c.execute(jobs.update().where(held, jobs.c.state == "running").values(changes))
        ended = c.execute(sa.select(jobs).where(held)).first()
        # After a lost connection this function runs again and finds the end that it has stored: no error.
        if ended is None or ended.state != state or ended.ended_at != moment:
            raise StoreError("This job sent no heartbeat for too long and lost its lock. Its end was not stored.")
        return _job(ended)

    return write(store, work)


@decides(Action.SCORE_LIBRARY, Action.TRAIN, Action.CHOOSE_MODEL, Action.CANCEL_OF_OTHERS)
def cancel_job(store: Store, job_id: int) -> None:
    """Ask a running job to stop; it stops at its next heartbeat.

    Who may start a job may cancel the own one. Another person's job needs a right of its own.
    """
    by = store.by
    row = read(store, lambda c: c.execute(sa.select(jobs.c.name, jobs.c.started_by).where(jobs.c.id == job_id)).first())
    if row is None:
        return
    require(by, action_of_job(row.name))
    if row.started_by != by.mark:
        require(by, Action.CANCEL_OF_OTHERS)
    write(
        store,
        lambda c: c.execute(jobs.update().where(jobs.c.id == job_id, jobs.c.state == "running").values(cancel=True)),
    )


@decides(Action.SCORE_LIBRARY, Action.TRAIN, Action.CHOOSE_MODEL)
def latest_job(store: Store, name: str) -> Job | None:
    """Return the newest job of this name, running or not; None when there was none."""
    require(store.by, action_of_job(name))
    query = sa.select(jobs).where(jobs.c.name == name).order_by(jobs.c.id.desc()).limit(1)
    row = read(store, lambda c: c.execute(query).first())
    return None if row is None else _job(row)


@requires(Action.SCORE_LIBRARY)
def own_job(store: Store, job_id: int, name: str) -> Job | None:
    """Return a job of this name that the person started; None when there is none with this id."""
    own = (jobs.c.id == job_id) & (jobs.c.name == name) & (jobs.c.started_by == store.by.mark)
    row = read(store, lambda c: c.execute(sa.select(jobs).where(own)).first())
    return None if row is None else _job(row)


@decides(Action.SCORE_LIBRARY, Action.TRAIN, Action.CHOOSE_MODEL)
def done_jobs(store: Store, name: str, *, limit: int = 20) -> list[Job]:
    """Return the newest successful jobs of this name, newest first."""
    require(store.by, action_of_job(name))
    query = sa.select(jobs).where(jobs.c.name == name, jobs.c.state == "done").order_by(jobs.c.id.desc()).limit(limit)
    return [_job(row) for row in read(store, lambda c: c.execute(query).all())]


@requires(Action.TRAIN)
def jobs_table(store: Store, *, limit: int = 50) -> pd.DataFrame:
    """Return the newest jobs of all names, newest first."""
    query = sa.select(jobs.c.id.label("job_id"), *(column for column in jobs.c if column.name != "id"))
    return read(store, lambda c: frame(c, query.order_by(jobs.c.id.desc()).limit(limit)))
