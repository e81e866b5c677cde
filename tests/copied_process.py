"""Processes that have imported the store already: each runs a piece of code and ends.

A test about sudden death or a crowd of writers needs real processes. A new one takes most of a second to import the
program. So one process imports it once, and each piece of code runs in a copy of this process (``os.fork``). It loads
the store alone; ``forked.py`` does the same with the whole program, which takes five times as long.
"""

import json
import select
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 300  # a guard, not a measure

COPIES = """
import json, os, sys, traceback
import psycopg
from core import store
import core.store.upgrade
for line in sys.stdin:
    code, words, out, err = json.loads(line)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for number, file in ((0, os.devnull), (1, out), (2, err)):
                os.dup2(os.open(file, os.O_RDWR | os.O_CREAT), number)
            sys.argv = ["-c", *words]
            exec(code, {"__name__": "__main__"})
            status = 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(status)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@dataclass(frozen=True)
class Done:
    """What a process said, and how it ended: 0, or what ``os.waitpid`` gives."""

    status: int
    output: str
    error: str


class Copies:
    """Runs code in copies of one process. Use it in a ``with`` block."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", COPIES]
        self._first = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "Copies":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._first.kill()
        self._first.communicate()

    def run(self, code: str, *words: object) -> Done:
        """Run the code in a process of its own with these arguments, and wait for its end."""
        assert self._first.stdin is not None
        assert self._first.stdout is not None
        with TemporaryDirectory() as name:
            out, err = Path(name) / "out", Path(name) / "err"
            print(json.dumps([code, [str(w) for w in words], str(out), str(err)]), file=self._first.stdin, flush=True)
            assert select.select([self._first.stdout], [], [], PATIENCE_S)[0], "the process did not end in time"
            status = int(self._first.stdout.readline())
            return Done(status, out.read_text(), err.read_text())

    def said(self, code: str, *words: object) -> list[str]:
        """The words that the code printed; it must end well."""
        done = self.run(code, *words)
        assert done.status == 0, done.error
        return done.output.split()
