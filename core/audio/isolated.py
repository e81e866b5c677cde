"""Decoding in a process of its own, so that a file that makes a decoder crash, hang or eat memory costs nothing else.

Two such processes at most are started when they are first needed, and kept: a new one needs half a second, one that
waits a few milliseconds. One that dies or takes too long is replaced at the next request.
"""

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import numpy as np

from core.audio.decoders import Header, StoppedError, UnreadableError
from core.audio.formats import Format
from core.audio.isolated_worker import receive, send
from core.errors import CoreError
from core.records import Remark, RemarkKind

MOST = 2  # processes
MEMORY_MB = 512.0  # for decoding, on top of the program and three times the file
CPU_S = 30.0  # for a request, and CPU_S_MB more for each megabyte of the file
CPU_S_MB = 0.5
WAIT_S = 180.0  # on the clock for one answer: longer than any honest file takes, also on a busy machine
BUSY_S = 60.0  # for one of the processes, while others use them
_ROOT = Path(__file__).resolve().parents[2]
_DIED = (
    "made the decoder stop: it is damaged, or built to do harm. Nothing else was affected. Open it in another program "
    "and export it as WAV or FLAC."
)
_TOO_LONG = "takes too long to decode: it is damaged. Open it in another program and export it as WAV or FLAC."
_BUSY = "The program is decoding other files, and no decoder became free. Try again in a minute."
_MACHINE = (
    "The decoder has too little memory, because this machine limits it. Raise the limit (ulimit -v), close other "
    "programs, or use a smaller file. Then try again."
)
_MEMORY = "needs too much memory to decode: it is damaged. Open it in another program and export it as WAV or FLAC."


class _EndedError(Exception):
    """The process ended before it had answered. late : it was ended because it took too long."""

    def __init__(self, *, late: bool) -> None:
        super().__init__()
        self.late = late


class _Process:
    """One decoder process."""

    def __init__(self) -> None:
        paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "core.audio.isolated_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "OPENBLAS_NUM_THREADS": "1"},
        )
        self.late = False
        if self.receive(WAIT_S)[0].get("answer") != "ready":
            self.end()
            raise CoreError("The decoder's process does not answer. Start the program again.")

    @property
    def pid(self) -> int:
        return self._popen.pid

    def alive(self) -> bool:
        return self._popen.poll() is None

    def end(self) -> None:
        """Stop the process and take its answers off the pipe."""
        self._popen.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was not sent yet has no reader any more
                    continue

    def _used_up(self) -> bool:
        """Whether the system ended the process because its time on the processor was over."""
        try:
            return self._popen.wait(timeout=5) == -getattr(signal, "SIGXCPU", 0) != 0
        except subprocess.TimeoutExpired:
            return False

    def _give_up(self) -> None:
        self.late = True
        self._popen.kill()

    def send(self, request: dict[str, Any], payload: bytes) -> None:
        with self._limit(WAIT_S):
            send(cast(Any, self._popen.stdin), request, payload)

    def receive(self, wait_s: float) -> tuple[dict[str, Any], bytes]:
        with self._limit(wait_s):
            return receive(cast(Any, self._popen.stdout))

    @contextmanager
    def _limit(self, wait_s: float) -> Iterator[None]:
        timer = threading.Timer(wait_s, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        except (EOFError, OSError, ValueError) as error:
            raise _EndedError(late=self.late or self._used_up()) from error
        finally:
            timer.cancel()


_idle: list[_Process] = []
_places = threading.BoundedSemaphore(MOST)
_lock = threading.Lock()


@contextmanager
def _place() -> Iterator[None]:
    """One of the places for processes. Raises CoreError when none becomes free."""
    if not _places.acquire(timeout=BUSY_S):
        raise CoreError(_BUSY)
    try:
        yield
    finally:
        _places.release()


@contextmanager
def _process() -> Iterator[_Process]:
    """A process for one request; it is kept for the next one when all went well."""
    with _place():
        with _lock:
            process = _idle.pop() if _idle else None
        if process is not None and not process.alive():
            process.end()
            process = None
        try:
            process = process or _Process()
        except (OSError, _EndedError) as error:
            raise CoreError(f"The decoder's process cannot be started: {str(error) or 'it stops at once'}.") from error
        whole = False
        try:
            yield process
            whole = True
        finally:
            if whole:
                with _lock:
                    _idle.append(process)
            else:
                process.end()


def warm() -> None:
    """Start a process, so that the first file does not wait for it."""
    with _process():
        pass


def end_all() -> None:
    """End the processes that wait for work."""
    with _lock:
        while _idle:
            _idle.pop().end()


atexit.register(end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # a process answers one side only


def pids() -> list[int]:
    """Process ids of the decoders that wait for work, so that one can be examined or stopped from outside."""
    with _lock:
        return [process.pid for process in _idle]


def probe(data: bytes, form: Format, key: str) -> Header:
    """The header of a file. key : hash of its bytes. Raises UnreadableError."""
    ((answer, _),) = list(_answers({"key": key}, data, form))
    fields = {name: answer[name] for name in ("format", "codec", "sr", "channels", "frames")}
    return Header(
        **fields, remarks=tuple(Remark(RemarkKind(remark["kind"]), remark["text"]) for remark in answer["remarks"])
    )


def blocks(data: bytes, form: Format, key: str, first: int, count: int) -> Generator[np.ndarray]:
    """Samples of a file as `core.audio.decoders.Opened.blocks`. key : hash of its bytes. Raises UnreadableError."""
    with closing(_answers({"key": key, "first": first, "count": count}, data, form)) as answers:
        for answer, payload in answers:
            yield np.frombuffer(payload, dtype=np.dtype(answer["dtype"])).reshape(-1, answer["channels"])


def _answers(request: dict[str, Any], data: bytes, form: Format) -> Generator[tuple[dict[str, Any], bytes]]:
    """All answers to a request. A process that dies before it has sent any may have died while it waited for work."""
    size_mb = len(data) / 1e6
    request |= {"form": form.name, "memory_mb": MEMORY_MB + 3 * size_mb, "cpu_s": CPU_S + CPU_S_MB * size_mb}
    for again in (True, False):
        given = False
        try:
            with closing(_of_one_process(request, data)) as answers:
                for answer in answers:
                    given = True
                    yield answer
            return
        except _EndedError as stopped:
            if given or stopped.late or not again:
                raise StoppedError(_TOO_LONG if stopped.late else _DIED) from stopped


def _of_one_process(request: dict[str, Any], data: bytes) -> Generator[tuple[dict[str, Any], bytes]]:
    """The answers of one process. The file itself is sent where the process does not have it."""
    with _process() as process:
        process.send(request, b"")
        while True:
            answer, payload = process.receive(WAIT_S)
            kind = answer["answer"]
            if kind == "send the file":
                with suppress(_EndedError):  # if the process ended, its last answer may give the reason
                    process.send(request, data)
            elif kind in ("header", "block"):
                yield answer, payload
            if kind in ("header", "end"):
                return
            if kind in ("unreadable", "too much memory", "machine", "fault"):
                break
    if kind == "fault":
        raise RuntimeError(f"The decoder failed: {answer['reason']}")
    if kind == "machine":
        raise CoreError(_MACHINE)
    raise UnreadableError(answer["reason"] if kind == "unreadable" else _MEMORY)
