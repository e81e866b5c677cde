"""Real Prometheus and Alertmanager servers for a test, and a receiver that collects what Alertmanager sends."""

import http.server
import json
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from real_nginx import free_port, still_runs
from required import missing

WAIT_S = 180
PACKAGES = "They are in Debian's packages prometheus and prometheus-alertmanager."
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
T = TypeVar("T")


def program(name: str) -> str:
    """Path of an installed program: prometheus, promtool, prometheus-alertmanager or amtool."""
    found = shutil.which(name)
    if found is None:
        missing(f"{name} is not installed. {PACKAGES}")
    return found


def ask(url: str) -> bytes:
    with _DIRECT.open(url, timeout=WAIT_S) as answer:
        return answer.read()


@dataclass(eq=False)
class Prometheus:
    """A running Prometheus and how to ask it."""

    process: subprocess.Popen
    port: int
    log: Path

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression has now. Fails when Prometheus calls the expression wrong."""
        words = urllib.parse.urlencode({"query": expression})
        answer = json.loads(ask(f"http://127.0.0.1:{self.port}/api/v1/query?{words}"))
        assert answer["status"] == "success"
        result = answer["data"]["result"]
        return [{"metric": {}, "value": result}] if answer["data"]["resultType"] == "scalar" else result

    def value(self, expression: str) -> float | None:
        """The only value of an expression; None where it has no series."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def until(self, what: Callable[[], T]) -> T:
        """The first answer that is neither empty nor 0."""
        end = time.monotonic() + WAIT_S
        while not (answer := what()):
            assert still_runs(self.process), self.log.read_text()
            assert time.monotonic() < end, self.query('ALERTS or up or {__name__=~"tme:.*"}')
            time.sleep(0.1)  # the server under test needs the processor
        return answer


@dataclass(eq=False)
class Receiver:
    """Collects the messages of Alertmanager."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    def sent(self, alert: str) -> list[dict[str, Any]]:
        """What was sent about an alert, in order."""
        sent = [one for message in self.messages for one in message["alerts"]]
        return [one for one in sent if one["labels"]["alertname"] == alert]

    def states(self, alert: str) -> list[str]:
        """The states that were sent, in order: firing, resolved."""
        return [one["status"] for one in self.sent(alert)]

    def newest(self, alert: str) -> dict[str, Any]:
        return self.sent(alert)[-1]


@contextmanager
def receiver() -> Iterator[tuple[Receiver, int]]:
    """Listen for messages of Alertmanager until the block ends."""
    received = Receiver()

    class Listens(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listens)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield received, server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _running(command: list[str], port: int, log: Path) -> Iterator[subprocess.Popen]:
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=log.parent)
    try:
        end = time.monotonic() + WAIT_S
        while not _ready(port):
            assert still_runs(process), log.read_text()
            assert time.monotonic() < end, log.read_text()
        yield process
    finally:
        process.terminate()
        process.wait()


def _ready(port: int) -> bool:
    try:
        return bool(ask(f"http://127.0.0.1:{port}/-/ready"))
    except OSError:
        return False


@contextmanager
def alertmanager(config: Path, folder: Path) -> Iterator[int]:
    """Run Alertmanager with a configuration until the block ends. Yields its port."""
    port = free_port()
    command = [
        program("prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with _running(command, port, folder / "alertmanager.log"):
        yield port


@contextmanager
def prometheus(config: Path, folder: Path) -> Iterator[Prometheus]:
    """Run Prometheus with a configuration until the block ends."""
    port, log = free_port(), folder / "prometheus.log"
    command = [
        program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with _running(command, port, log) as process:
        yield Prometheus(process, port, log)
