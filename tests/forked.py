"""Commands in processes of their own that are ready at once: forked from a process that has loaded the program.

A new Python needs four seconds of a processor until it has imported the program and loaded its model. One process of
this run of tests does it (``preloaded.py``), and each command is a fork of it: a process with its own memory, files
and signals, which can be killed. What a command starts with `multiprocessing` and the method forkserver is a fork of
the same process.
"""

import ctypes
import multiprocessing
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, NoReturn

import psutil

ROOT = Path(__file__).resolve().parent.parent
TESTS = Path(__file__).parent
SIGNAL_AT_PARENTS_END = 1  # PR_SET_PDEATHSIG of Linux


class Command:
    """A forked ``python WORDS`` with a group of its own; its methods are those of `subprocess.Popen`.

    Parameters
    ----------
    words
        As after the name of the interpreter: -m MODULE or -c CODE, and arguments.
    env
        All variables of the environment.
    output
        File for what it writes; default: a file that `communicate` reads and removes.
    """

    def __init__(self, words: Sequence[object], *, env: Mapping[str, str], output: Path | None = None) -> None:
        self._output, self._own = output or Path(tempfile.mkdtemp(prefix="tme-forked-")) / "output", output is None
        self._output.touch()
        self._process = context().Process(target=_obey, args=(tuple(map(str, words)), dict(env), str(self._output)))
        self._process.start()
        self.pid = int(self._process.pid or 0)

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None as long as it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("forked", timeout or 0)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Wait for the end. Returns what it wrote."""
        self.wait(timeout)
        said = self._output.read_text("utf-8", "replace")
        if self._own:
            shutil.rmtree(self._output.parent)
        return said, None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def context() -> Any:
    """The context of `multiprocessing` whose processes are forks of the one that has loaded the program."""
    made = multiprocessing.get_context("forkserver")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, filter(None, (ROOT, TESTS, before))))
    try:
        made.set_forkserver_preload(["preloaded"])
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    return made


def all_forks() -> set[psutil.Process]:
    """All processes that were forked in this run, and that still run."""
    return set(psutil.Process(forkserver._forkserver._forkserver_pid).children())


def _obey(words: Sequence[str], environment: Mapping[str, str], output: str) -> None:
    """Become the command, in the forked process."""
    os.setsid()
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    sys.modules["dask"].config.refresh()  # it was read from another environment
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)
    _end_with_the_tests()
    forkserver._forkserver.ensure_running = lambda: None  # the one that made this process
    os.execve = _run_instead
    _run(words)


def _end_with_the_tests() -> None:
    """Let the process that forks end when the tests end, also when they are killed, and this process with it.

    It ends when nobody holds the pipe that was given to this process, too.
    """
    os.close(forkserver._forkserver._forkserver_alive_fd)
    forkserver._forkserver._forkserver_alive_fd = os.open(os.devnull, os.O_WRONLY)
    ctypes.CDLL(None).prctl(SIGNAL_AT_PARENTS_END, signal.SIGKILL)


def _run(words: Sequence[str]) -> None:
    option, what, *arguments = words
    sys.argv = [option, *arguments]
    if option == "-c":
        exec(what, {"__name__": "__main__"})
    else:
        sys.modules.pop(f"{what}.__main__", None)  # it runs now, under the name __main__
        runpy.run_module(what, run_name="__main__", alter_sys=True)


def _run_instead(_: str, words: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Stands for `os.execve`, which would begin with a new Python."""
    os.environ.clear()
    os.environ.update(environment)
    _run(words[1:])
    sys.exit(0)
