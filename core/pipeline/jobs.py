"""Run background jobs in processes of their own. A job outlives its page, reports progress, and can be cancelled.

The job's row in the store (`core.store.start_job`) holds the lock and the progress. A page calls `launch`, which starts
a command of this program. The command wraps its work in `hold_job`, also when a person types the command::

    with jobs.hold_job(store, "retrain", job_id=job_id) as work:
        for i, clip in enumerate(clips):
            work.report(i / len(clips), "Measuring clips")  # raises Stopped after a cancel
        work.result["clips"] = len(clips)
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from core.access import Action, action_of_job, decides, require
from core.errors import CoreError, StoreError
from core.settings import ROOT, Settings
from core.store import Job, Store, finish_job, latest_job, report_job, start_job

HEARTBEAT_S = 2.0  # between two heartbeats; also the longest delay until a cancel is noticed
STUCK_S = 900.0  # without progress for this long, heartbeats stop, so that the lock of a stuck job expires
NICE = 15  # background jobs have lower priority than pages and decisions
LOGS_KEPT = 20


class Stopped(CoreError):
    """The job was cancelled, terminated by a signal, or lost its lock."""


class Work:
    """Handle of the running job, for the code that does its work.

    result : result of the job, a JSON object; stored when the job ends.  message : its latest message for people.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.result: dict[str, Any] = {}
        self.message = job.message
        self.share = 0.0
        self.reported_at = time.monotonic()
        self.stop: str = ""  # why the job must end; empty = continue
        self.cancel_ignored = False

    def ignore_cancel(self) -> None:
        """Ignore cancels from now on: the work can no longer be undone."""
        self.cancel_ignored = True

    def report(self, share: float, text: str) -> None:
        """Report progress. Raises Stopped when the job must end. share : progress in [0, 1].  text : current step."""
        self.share, self.message, self.reported_at = share, text, time.monotonic()
        if self.stop and not self.cancel_ignored:
            raise Stopped(self.stop)


@contextmanager
def hold_job(
    store: Store, name: str, *, job_id: int | None = None, message: str = "", about: Mapping[str, Any] | None = None
) -> Iterator[Work]:
    """Hold a job's lock during the block, send heartbeats, and store how the job ended.

    Parameters
    ----------
    name
        Name of the job and of its lock.
    job_id
        Id of the job whose lock `launch` took for this process; None takes the lock now.
    about
        Description of the job, a JSON object; the first entries of its result.

    Raises
    ------
    StoreError
        When another process holds the lock.
    Stopped
        When the job is cancelled, terminated, or loses its lock.
    """
    if job_id is None:
        mark_killed(store, name)
        job = start_job(store, name, message=message)
    else:
        held = latest_job(store, name)
        if held is None or held.job_id != job_id or held.state != "running":
            raise StoreError(f"Job {job_id} has ended or was replaced before this process started. It stops here.")
        job = held
        if hasattr(os, "nice"):
            os.nice(NICE)
    report_job(store, job.job_id, 0.0, job.message, result={**(about or {}), **_this_process()})
    work, over = Work(job), threading.Event()
    work.result |= about or {}
    heartbeats = threading.Thread(target=_send_heartbeats, args=(store, work, over), daemon=True)
    previous_handler = _stop_on_sigterm(work)
    heartbeats.start()
    state, words = "failed", "The job ended because of an error in the program."
    try:
        yield work
        work.report(1.0, work.message)  # a cancel at the last moment counts
        state, words = "done", work.message
    except Stopped as stopped:
        state, words = "cancelled", str(stopped)
        raise
    except CoreError as error:
        words = str(error)
        raise
    except KeyboardInterrupt:
        state, words = "cancelled", "Cancelled with Ctrl-C."
        raise
    except BaseException as error:
        words = f"The job ended because of an error in the program ({type(error).__name__}). See the log for details."
        raise
    finally:
        over.set()
        heartbeats.join()
        if previous_handler is not None:
            signal.signal(signal.SIGTERM, previous_handler)
        try:
            finish_job(store, job.job_id, state=state, message=words, result=work.result)
        except StoreError:
            if state == "done":  # otherwise the original error matters more
                raise


def mark_killed(store: Store, name: str) -> None:
    """Release the lock of a job whose process on this machine was killed and could not release it."""
    job = latest_job(store, name)
    if job is None or job.state != "running" or job.result.get("host") != socket.gethostname():
        return
    if _process_start(int(job.result["pid"])) != job.result["born"]:
        with suppress(StoreError):  # another process was faster
            finish_job(store.for_program(), job.job_id, state="failed", message="The process was killed.")


def running(store: Store, name: str) -> Job | None:
    """Return the running job of a name; None when there is none, or its heartbeats have stopped."""
    mark_killed(store, name)
    job = latest_job(store, name)
    return job if job is not None and job.state == "running" and not job.silent() else None


def _this_process() -> dict[str, Any]:
    return {"host": socket.gethostname(), "pid": os.getpid(), "born": _process_start(os.getpid())}


def _process_start(pid: int) -> str:
    """Return the start time of a process, in clock ticks since boot, because process ids are reused.

    Empty when there is no such process. Without /proc, the same text for all processes: then only missing heartbeats
    show that a process died (`core.store.SILENCE_S`).
    """
    if not Path("/proc/self/stat").exists():
        return "unknown"
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state == "Z" else fields[18]


def _send_heartbeats(store: Store, work: Work, over: threading.Event) -> None:
    """Send heartbeats with the progress until the job is over, and note when it must stop."""
    while not over.is_set():
        if time.monotonic() - work.reported_at < STUCK_S:
            try:
                if report_job(store, work.job.job_id, work.share, work.message):
                    work.stop = work.stop or "Cancelled."
            except StoreError:  # the lock is lost, or the database is busy: stop only when the lock is lost
                with suppress(StoreError):
                    latest = latest_job(store, work.job.name)
                    if latest is None or latest.job_id != work.job.job_id or latest.state != "running":
                        work.stop = (
                            "The job sent no heartbeat for too long and lost its lock. Its result was not stored."
                        )
        over.wait(HEARTBEAT_S)


def _stop_on_sigterm(work: Work) -> Any:
    """Make SIGTERM cancel the job. Returns the previous handler, to be restored; None outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return None

    def handle(_number: int, _frame: Any) -> None:
        work.stop = "The process was terminated by a signal."
        if not work.cancel_ignored:
            raise Stopped(work.stop)

    return signal.signal(signal.SIGTERM, handle)


@decides(Action.SCORE_LIBRARY, Action.TRAIN, Action.CHOOSE_MODEL)
def launch(store: Store, name: str, command: Sequence[str], *, settings: Settings, message: str = "Starting") -> Job:
    """Take a job's lock and run ``python -m core <command> --job <id>`` in a new process.

    The process continues when the page is closed or the server stops. Its output goes to `log_file`.
    Raises StoreError when a job of this name is running, or the process cannot be started.
    """
    require(store.by, action_of_job(name))
    mark_killed(store, name)
    job = start_job(store, name, message=message)
    log = log_file(settings, job)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        for old in sorted(log.parent.glob("*.log"), key=lambda p: p.stat().st_mtime)[:-LOGS_KEPT]:
            old.unlink(missing_ok=True)
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own program, started without a shell
                [sys.executable, "-m", "core", *command, "--job", str(job.job_id)],
                env=_environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the server's terminal does not reach it
            )
    except (OSError, ValueError) as error:  # ValueError: NUL in an argument
        words = f"The process could not be started: {getattr(error, 'strerror', None) or error}."
        finish_job(store.for_program(), job.job_id, state="failed", message=words)
        raise StoreError(words) from error
    threading.Thread(target=_watch, args=(store.for_program(), job, process), daemon=True).start()
    return job


def _environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables of a launched process: these settings, and this program on the path."""
    own = {f"TME_{key.upper()}": str(value) for key, value in settings.model_dump().items() if value not in (None, "")}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, **own, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def _watch(store: Store, job: Job, process: "subprocess.Popen[bytes]") -> None:
    """Release the lock at once when the process died. After a server restart, missing heartbeats show the death."""
    status = process.wait()
    how = f"by signal {-status}" if status < 0 else f"with status {status}"
    with suppress(StoreError):  # the process has stored its own end
        finish_job(store, job.job_id, state="failed", message=f"The process ended {how}. The log may show the reason.")


def log_file(settings: Settings, job: Job) -> Path:
    """Return the log file of a launched process."""
    return settings.logs_dir / f"{job.name}-{job.job_id}.log"
