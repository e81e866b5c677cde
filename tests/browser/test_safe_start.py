"""A server as it comes: where it listens, whom it calls, and what it says and logs about an unexpected error."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from core.settings import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("safe-start")]
SECRET = "Gül Bahçesi heard as sad"

# Python imports a module of this name at its start: here it writes down each connection, and breaks one function.
WATCHER = """
import json, os, socket, sys

def heard(event, arguments):
    if event == "socket.connect" and arguments[0].type == socket.SOCK_STREAM:
        with open(os.environ["WATCHED_CONNECTIONS"], "a") as file:
            file.write(json.dumps(str(arguments[1])) + "\\n")

if "streamlit" in sys.argv or any("streamlit" in word for word in sys.orig_argv):
    sys.addaudithook(heard)
    if os.environ.get("WATCHED_BREAK"):
        from core.models import description

        def broken(*_):
            raise ValueError(os.environ["WATCHED_BREAK"])

        description.describe_model_in_use = broken
"""


class Started:
    """A server that a test started: its port, its log, and the addresses that it connected to."""

    def __init__(self, process, port, log, connections):
        self.process, self.port, self._log, self._connections = process, port, log, connections

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def connections(self) -> list[str]:
        return [json.loads(line) for line in self._connections.read_text().splitlines()]

    def listens_on(self) -> set[str]:
        """The addresses, from the system's own table."""
        found = set()
        for table in ("tcp", "tcp6"):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                address, port = line.split()[1].split(":")
                if line.split()[3] == "0A" and int(port, 16) == self.port:
                    found.add(address)
        return found


@pytest.fixture
def start(tmp_path):
    """Start a server with these words after ``python``, and stop it at the end."""
    running = []

    def started(*words, broken=""):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (tmp_path / "sitecustomize.py").write_text(WATCHER)
        log, connections = tmp_path / "server.log", tmp_path / "connections"
        connections.touch()
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TME_", "STREAMLIT_"))} | {
            "TME_DATA_DIR": str(tmp_path / "data"),
            "TME_DOWNLOAD_URL": f"http://127.0.0.1:{port + 1 if port < 65535 else 9}/none.zip",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
            "WATCHED_CONNECTIONS": str(connections),
            "WATCHED_BREAK": broken,
            "HOME": str(tmp_path),  # no settings and no secrets of the person who runs the tests
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *(word.format(port=port) for word in words)],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        running.append(process)
        _wait(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        return Started(process, port, log, connections)

    yield started
    for process in running:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def _wait(url, process, log):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + 90  # a guard, not a measure
    while time.monotonic() < end and process.poll() is None:
        try:
            with opener.open(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}")


APP = ("-m", "streamlit", "run", "app.py", "--server.port={port}", "--server.headless=true")
SERVE = ("-m", "core", "serve", "--with-dashboard", "--no-api", "--host", "0.0.0.0", "--port", "{port}")
THIS_MACHINE, EVERYWHERE = "0100007F", "00000000"


def answer(server, *, host, origin) -> bytes:
    """The status with which the server answers somebody who opens a session."""
    request = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(request.encode())
        return connection.recv(200).split()[1]


def test_as_it_comes_only_this_machine_reaches_it_and_it_calls_nobody(start, browser_page):
    server = start(*APP)
    assert server.listens_on() == {THIS_MACHINE}
    asked = []
    browser_page.on("request", lambda request: asked.append(request.url))
    browser_page.goto(f"http://127.0.0.1:{server.port}/")
    browser_page.get_by_role("heading", name="Turkish Music Emotion").wait_for()
    browser_page.get_by_text("Data: licence and how to cite").wait_for()
    assert "can work as an analyst" not in browser_page.inner_text("body")
    own = f"http://127.0.0.1:{server.port}/"
    assert answer(server, host=f"127.0.0.1:{server.port}", origin="http://evil.example.org") == b"403"
    assert [url for url in asked if not url.startswith((own, "data:", "blob:"))] == []
    assert [address for address in server.connections if not address.startswith(("('127.0.0.1'", "/"))] == []


def test_another_name_for_this_machine_opens_no_session(start):
    """DNS rebinding: a page of another site gives its own name our address."""
    server = start(*APP)
    assert answer(server, host="evil.example.org", origin="http://evil.example.org") == b"403"
    own = f"127.0.0.1:{server.port}"
    assert answer(server, host=own, origin=f"http://{own}") == b"101"


def test_served_to_others_without_a_login_the_terminal_and_every_page_say_so(start, browser_page):
    server = start(*SERVE)
    assert server.listens_on() == {EVERYWHERE}
    assert server.log.count("everybody who can reach this dashboard can work as an analyst") == 1
    for page in ("", "label", "explore"):
        browser_page.goto(f"http://127.0.0.1:{server.port}/{page}")
        browser_page.get_by_text("everybody who can reach this dashboard can work as an analyst").wait_for()
    assert [address for address in server.connections if not address.startswith(("('127.0.0.1'", "/"))] == []


def test_an_unexpected_error_shows_a_reference_and_the_log_has_it_without_the_message(start, browser_page):
    server = start(*APP, broken=SECRET)
    browser_page.goto(f"http://127.0.0.1:{server.port}/?rater=Gizem")
    alert = browser_page.get_by_text("The reference is")
    alert.wait_for()
    body, log = browser_page.inner_text("body"), server.log
    reference = re.search(r"The reference is ([0-9a-f]{8})\.", alert.inner_text())[1]
    assert f"Unexpected error, reference {reference}" in log
    assert "in broken" in log
    for secret in (SECRET, "Gizem"):
        assert secret not in log
    assert SECRET not in body
    assert str(ROOT) not in body
