"""Long work in a process of its own: it outlives the page that began it, says how far it is, and stops when asked.

The row in the store (`core.store.start_job`) is the lock and the news. The page calls `launch`; the command that it
starts wraps its work in `hold_job`, which is also what the same command typed by a person does::

    with jobs.hold_job(store, "retrain", job_id=job_id) as work:
        for i, clip in enumerate(clips):
            work.report(i / len(clips), "Measuring clips")  # raises Stopped when somebody cancelled
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

from core.errors import CoreError, StoreError
from core.settings import ROOT, Settings
from core.store import Job, Store, finish_job, latest_job, report_job, start_job

HEARTBEAT_S = 2.0  # between two signs of life; also the longest wait until a cancel is heard
STUCK_S = 900.0  # work that has told nothing for so long gives no more signs of life, so that its lock expires
NICE = 10  # pages come before work in the background
LOGS_KEPT = 20


class Stopped(CoreError):
    """The work was cancelled, ended from outside, or lost its lock."""


class Work:
    """The running work, as its code sees it.

    result : what it leaves behind, a JSON object; stored with its end.  message : its last words to a person.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.result: dict[str, Any] = {}
        self.message = job.message
        self.share = 0.0
        self.reported_at = time.monotonic()
        self.stop: str = ""  # why the work is to end
        self.cancel_ignored = False

    def ignore_cancel(self) -> None:
        """From here on, what was done stands: a cancel comes too late and is not heard."""
        self.cancel_ignored = True

    def report(self, share: float, text: str) -> None:
        """How far the work is, in [0, 1], and what it does. Raises Stopped when it is to end."""
        self.share, self.message, self.reported_at = share, text, time.monotonic()
        if self.stop and not self.cancel_ignored:
            raise Stopped(self.stop)


@contextmanager
def hold_job(
    store: Store, name: str, *, job_id: int | None = None, message: str = "", about: Mapping[str, Any] | None = None
) -> Iterator[Work]:
    """Hold the lock of a name while working, give signs of life, and store how it ended.

    job_id : of the lock that `launch` took for this process; None takes it now.
    about : what the work is, a JSON object; the result unless the work leaves another one.
    Raises StoreError when somebody else holds the lock, and Stopped when the work is to end.
    """
    if job_id is None:
        mark_killed(store, name)
        job = start_job(store, name, message=message)
    else:
        held = latest_job(store, name)
        if held is None or held.job_id != job_id or held.state != "running":
            raise StoreError(f"The job {job_id} no longer waits for this process; it stops here.")
        job = held
        if hasattr(os, "nice"):
            os.nice(NICE)
    report_job(store, job.job_id, 0.0, job.message, result={**(about or {}), **_this_process()})
    work, over = Work(job), threading.Event()
    work.result |= about or {}
    heart = threading.Thread(target=_send_heartbeats, args=(store, work, over), daemon=True)
    before = _stop_on_sigterm(work)
    heart.start()
    state, words = "failed", "A fault in the program ended it."
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
        state, words = "cancelled", "Ended from the keyboard."
        raise
    except BaseException as error:
        words = f"A fault in the program ended it ({type(error).__name__}). The log says where."
        raise
    finally:
        over.set()
        heart.join()
        if before is not None:
            signal.signal(signal.SIGTERM, before)
        try:
            finish_job(store, job.job_id, state=state, message=words, result=work.result)
        except StoreError:
            if state == "done":  # otherwise the fault itself is the news
                raise


def mark_killed(store: Store, name: str) -> None:
    """Free the lock of a name whose process on this machine was killed: it could not do so itself."""
    job = latest_job(store, name)
    if job is None or job.state != "running" or job.result.get("host") != socket.gethostname():
        return
    if _process_start(int(job.result["pid"])) != job.result["born"]:
        with suppress(StoreError):  # somebody else was faster
            finish_job(store, job.job_id, state="failed", message="The process was killed.")


def running(store: Store, name: str) -> Job | None:
    """The work of a name that is going on; None when there is none, or it gives no sign of life."""
    mark_killed(store, name)
    job = latest_job(store, name)
    return job if job is not None and job.state == "running" and not job.silent() else None


def _this_process() -> dict[str, Any]:
    return {"host": socket.gethostname(), "pid": os.getpid(), "born": _process_start(os.getpid())}


def _process_start(pid: int) -> str:
    """When a process of this machine began, in ticks since the machine did: its number alone may be given again.

    Empty when there is none; where there is no /proc, the same for all, and silence tells (`core.store.SILENCE_S`).
    """
    if not Path("/proc/self/stat").exists():
        return "unknown"
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state == "Z" else fields[18]


def _send_heartbeats(store: Store, work: Work, over: threading.Event) -> None:
    """Report how far the work is until it is over; hear whether it is to stop."""
    while not over.is_set():
        if time.monotonic() - work.reported_at < STUCK_S:
            try:
                if report_job(store, work.job.job_id, work.share, work.message):
                    work.stop = work.stop or "Cancelled."
            except StoreError:  # the lock is lost, or the database is busy: only the first is the end
                with suppress(StoreError):
                    now = latest_job(store, work.job.name)
                    if now is None or now.job_id != work.job.job_id or now.state != "running":
                        work.stop = "It was taken for dead, and its place was given away. Nothing was kept."
        over.wait(HEARTBEAT_S)


def _stop_on_sigterm(work: Work) -> Any:
    """Let a SIGTERM end the work as a cancel does; returns the handler to put back, None outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return None

    def told(_number: int, _frame: Any) -> None:
        work.stop = "The process was ended from outside."
        if not work.cancel_ignored:
            raise Stopped(work.stop)

    return signal.signal(signal.SIGTERM, told)


def launch(store: Store, name: str, command: Sequence[str], *, settings: Settings, message: str = "Starting") -> Job:
    """Take the lock of a name and run ``python -m core <command> --job <id>`` in a process of its own.

    The process goes on when the page is closed or the server stops. What it prints goes to `log_file`.
    Raises StoreError when such work is running already or the process cannot be started.
    """
    mark_killed(store, name)
    job = start_job(store, name, message=message)
    log = log_file(settings, job)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        for old in sorted(log.parent.glob("*.log"), key=lambda p: p.stat().st_mtime)[:-LOGS_KEPT]:
            old.unlink(missing_ok=True)
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own program; the arguments are no shell's
                [sys.executable, "-m", "core", *command, "--job", str(job.job_id)],
                env=_environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the server's terminal does not reach it
            )
    except (OSError, ValueError) as error:  # ValueError: a word of the command that no process can be given
        words = f"The process could not be started: {getattr(error, 'strerror', None) or error}."
        finish_job(store, job.job_id, state="failed", message=words)
        raise StoreError(words) from error
    threading.Thread(target=_watch, args=(store, job, process), daemon=True).start()
    return job


def _environment(settings: Settings) -> dict[str, str]:
    """The environment with these settings in it, and with this program on the path."""
    own = {f"TME_{key.upper()}": str(value) for key, value in settings.model_dump().items() if value not in (None, "")}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, **own, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def _watch(store: Store, job: Job, process: "subprocess.Popen[bytes]") -> None:
    """Free the lock at once when the process died without a word; after a restart of the server, silence tells."""
    status = process.wait()
    how = f"by signal {-status}" if status < 0 else f"with status {status}"
    with suppress(StoreError):  # it said its own last words
        finish_job(store, job.job_id, state="failed", message=f"The process ended {how}. The log may say why.")


def log_file(settings: Settings, job: Job) -> Path:
    """Where a launched process prints to."""
    return settings.logs_dir / f"{job.name}-{job.job_id}.log"
