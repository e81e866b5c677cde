"""Dashboards that run as processes of their own."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.settings import ROOT

APP = ("-m", "streamlit", "run", "app.py", "--server.headless=true", "--server.port={port}")
START_S = 90  # a server that has not answered by then does not start
STOP_S = 20


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def running(words: Sequence[str], environment: Mapping[str, str], *, port: int, log: Path) -> Iterator[None]:
    """Start Python with these words, in which ``{port}`` is the port; it is stopped at the end.

    log : file with all that the server says.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *(word.format(port=port) for word in words)],
            cwd=ROOT,
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        yield
    finally:
        process.terminate()
        process.wait(timeout=STOP_S)


def _wait(url: str, process: subprocess.Popen, log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with opener.open(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}")
