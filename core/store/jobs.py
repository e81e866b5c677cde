"""Long work that survives a page's reload and never runs twice at once: the lock is an index in the database."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.errors import StoreError
from core.store.checks import check_choice, check_text, now
from core.store.connection import Store, frame, insert, read, write
from core.store.schema import jobs

SILENCE_S = 120.0  # without a sign of life for this long, a job is taken for dead and another may start
MAX_MESSAGE = 1000  # characters of a message that are kept
_END_STATES = ("done", "failed", "cancelled")
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")  # no database holds these; undecodable names of files bring them


@dataclass(frozen=True)
class Job:
    """One run of long work.

    state : running, done, failed, cancelled, or lost (died without a word).
    progress : 0 to 1.  cancel : somebody asked it to stop.  result : what it left behind, a JSON object.
    """

    job_id: int
    name: str
    state: str
    progress: float
    message: str
    cancel: bool
    result: dict[str, Any]
    started_at: datetime
    heartbeat: datetime
    ended_at: datetime | None

    def silent(self, *, silence_s: float = SILENCE_S) -> bool:
        """Running by name only: no sign of life for too long."""
        return self.state == "running" and now() - self.heartbeat > timedelta(seconds=silence_s)


def _job(row: Any) -> Job:
    known = row._asdict()
    return Job(job_id=known.pop("id"), **{**known, "result": json.loads(known["result"])})


def _clean_message(message: str) -> str:
    """The message as it is kept: cut with "…" after ``MAX_MESSAGE`` characters, "\ufffd" for what is no text.

    Never refused: a job that could not say its last words would keep its lock.
    """
    text = _NOT_TEXT.sub("\ufffd", message).strip()
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def start_job(store: Store, name: str, *, message: str = "", silence_s: float = SILENCE_S) -> Job:
    """Begin long work, and take the lock of its name. A message that is too long or no text is mended, not refused.

    Raises StoreError when it is running already; a run without a sign of life for silence_s is marked lost instead.
    """
    moment = now()
    row = {
        "name": check_text(name, "name of the job", longest=64),
        "state": "running",
        "progress": 0.0,
        "message": _clean_message(message),
        "result": "{}",
        "cancel": False,
        "started_at": moment,
        "heartbeat": moment,
    }
    dead = (jobs.c.name == name) & (jobs.c.state == "running")
    dead &= jobs.c.heartbeat < moment - timedelta(seconds=silence_s)

    def work(c: sa.Connection) -> Job:
        c.execute(jobs.update().where(dead).values(state="lost", ended_at=moment))
        new = insert(c, jobs).values(row).on_conflict_do_nothing().returning(*jobs.c)
        started = c.execute(new).first()
        if started is not None:
            return _job(started)
        present = c.execute(sa.select(jobs).where(jobs.c.name == name, jobs.c.state == "running")).first()
        if present is not None and present.started_at == moment:
            return _job(present)  # ours: the connection was lost after it was stored
        since = f" since {present.started_at:%H:%M} UTC, {present.progress:.0%} done" if present else ""
        raise StoreError(f"The job {name!r} is running already{since}. Wait for its end, or cancel it.")

    return write(store, work)


def report_job(
    store: Store, job_id: int, progress: float, message: str = "", *, result: dict[str, Any] | None = None
) -> bool:
    """Give a sign of life. True when the job is to stop, because somebody asked for it.

    progress : 0 to 1; NaN counts as 0.  message : mended as in ``start_job``.
    result : what there is to tell so far, a JSON object; None leaves what was told before.
    Raises StoreError when the job no longer holds its lock: it must stop without a trace.
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
            raise StoreError("This job was taken for dead and no longer holds its place; it stops here.")
        return bool(cancel)

    return write(store, work)


def finish_job(
    store: Store, job_id: int, *, state: str = "done", message: str = "", result: dict[str, Any] | None = None
) -> Job:
    """End a job and free its lock. state : done, failed or cancelled.  message : mended as in ``start_job``.

    result : what it leaves behind, a JSON object; None leaves what was told before.
    Raises StoreError when the job no longer holds its lock.
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
        # The same end told again, after a lost connection, is no fault.
        if ended is None or ended.state != state or ended.ended_at != moment:
            raise StoreError("This job was taken for dead and no longer holds its place; its end was not stored.")
        return _job(ended)

    return write(store, work)


def cancel_job(store: Store, job_id: int) -> None:
    """Ask a running job to stop; it does so at its next sign of life."""
    write(
        store,
        lambda c: c.execute(jobs.update().where(jobs.c.id == job_id, jobs.c.state == "running").values(cancel=True)),
    )


def latest_job(store: Store, name: str) -> Job | None:
    """The newest run of this name, running or not; None when there was none."""
    query = sa.select(jobs).where(jobs.c.name == name).order_by(jobs.c.id.desc()).limit(1)
    row = read(store, lambda c: c.execute(query).first())
    return None if row is None else _job(row)


def done_jobs(store: Store, name: str, *, limit: int = 20) -> list[Job]:
    """The newest runs of this name that came to a good end, newest first."""
    query = sa.select(jobs).where(jobs.c.name == name, jobs.c.state == "done").order_by(jobs.c.id.desc()).limit(limit)
    return [_job(row) for row in read(store, lambda c: c.execute(query).all())]


def jobs_table(store: Store, *, limit: int = 50) -> pd.DataFrame:
    """The newest runs of all names, newest first."""
    query = sa.select(jobs.c.id.label("job_id"), *(column for column in jobs.c if column.name != "id"))
    return read(store, lambda c: frame(c, query.order_by(jobs.c.id.desc()).limit(limit)))
