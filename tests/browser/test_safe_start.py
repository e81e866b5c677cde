"""A server as it comes: where it listens, whom it calls, and what it says and logs about an unexpected error."""

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.settings import ROOT
from tests.browser.servers import APP, free_port, running

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("safe-start")]
SECRET = "Gül Bahçesi heard as sad"

# Python imports a module of this name at its start: here it writes down each connection, and breaks one function while
# there is a file with the message.
WATCHER = """
import json, os, socket, sys

def heard(event, arguments):
    if event == "socket.connect" and arguments[0].type == socket.SOCK_STREAM:
        with open(os.environ["WATCHED_CONNECTIONS"], "a") as file:
            file.write(json.dumps(str(arguments[1])) + "\\n")

if "streamlit" in sys.argv or any("streamlit" in word for word in sys.orig_argv):
    sys.addaudithook(heard)
    from core.models import description

    whole = description.describe_model_in_use

    def perhaps_broken(*given, **more):
        if os.path.exists(os.environ["WATCHED_BREAK"]):
            raise ValueError(open(os.environ["WATCHED_BREAK"], encoding="utf-8").read())
        return whole(*given, **more)

    description.describe_model_in_use = perhaps_broken
"""


class Started:
    """A server that these tests started: its port, its log, and the addresses that it connected to."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port, self.broken = port, folder / "broken"
        self._log, self._connections = folder / "server.log", folder / "connections"

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


@contextmanager
def started(folder: Path, *words: str, warm_up: bool) -> Iterator[Started]:
    """A server with these words after ``python``."""
    server = Started(free_port(), folder)
    (folder / "sitecustomize.py").write_text(WATCHER)
    (folder / "connections").touch()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("TME_", "STREAMLIT_"))} | {
        "TME_DATA_DIR": str(folder / "data"),
        "TME_DOWNLOAD_URL": f"http://127.0.0.1:{server.port + 1 if server.port < 65535 else 9}/none.zip",
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        "WATCHED_CONNECTIONS": str(folder / "connections"),
        "WATCHED_BREAK": str(server.broken),
        "HOME": str(folder),  # no settings and no secrets of the person who runs the tests
        **({} if warm_up else {"TME_WARM_UP": "false"}),
    }
    with running(words, environment, port=server.port, log=folder / "server.log"):
        yield server


@pytest.fixture(scope="module")
def as_it_comes(tmp_path_factory):
    """One server without any option."""
    with started(tmp_path_factory.mktemp("as it comes"), *APP, warm_up=True) as server:
        yield server


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


def test_as_it_comes_only_this_machine_reaches_it_and_it_calls_nobody(as_it_comes, browser_page):
    server = as_it_comes
    assert server.listens_on() == {THIS_MACHINE}
    asked = []
    browser_page.on("request", note := lambda request: asked.append(request.url))
    browser_page.goto(f"http://127.0.0.1:{server.port}/")
    browser_page.get_by_role("heading", name="Turkish Music Emotion").wait_for()
    browser_page.get_by_text("Data: licence and how to cite").wait_for()
    assert "can work as an analyst" not in browser_page.inner_text("body")
    own = f"http://127.0.0.1:{server.port}/"
    assert answer(server, host=f"127.0.0.1:{server.port}", origin="http://evil.example.org") == b"403"
    browser_page.remove_listener("request", note)
    assert [url for url in asked if not url.startswith((own, "data:", "blob:"))] == []
    assert [address for address in server.connections if not address.startswith(("('127.0.0.1'", "/"))] == []


def test_another_name_for_this_machine_opens_no_session(as_it_comes):
    """DNS rebinding: a page of another site gives its own name our address."""
    server = as_it_comes
    assert answer(server, host="evil.example.org", origin="http://evil.example.org") == b"403"
    own = f"127.0.0.1:{server.port}"
    assert answer(server, host=own, origin=f"http://{own}") == b"101"


def test_served_to_others_without_a_login_the_terminal_and_every_page_say_so(tmp_path, browser_page):
    with started(tmp_path, *SERVE, warm_up=False) as server:
        assert server.listens_on() == {EVERYWHERE}
        assert server.log.count("everybody who can reach this dashboard can work as an analyst") == 1
        for page in ("", "label", "explore"):
            browser_page.goto(f"http://127.0.0.1:{server.port}/{page}")
            browser_page.get_by_text("everybody who can reach this dashboard can work as an analyst").wait_for()
        assert [address for address in server.connections if not address.startswith(("('127.0.0.1'", "/"))] == []


@pytest.fixture
def broken(as_it_comes):
    """That server while one of its functions fails."""
    as_it_comes.broken.write_text(SECRET, encoding="utf-8")
    yield as_it_comes
    as_it_comes.broken.unlink()


def test_an_unexpected_error_shows_a_reference_and_the_log_has_it_without_the_message(broken, browser_page):
    server = broken
    browser_page.goto(f"http://127.0.0.1:{server.port}/?rater=Gizem")
    alert = browser_page.get_by_text("The reference is")
    alert.wait_for()
    body, log = browser_page.inner_text("body"), server.log
    reference = re.search(r"The reference is ([0-9a-f]{8})\.", alert.inner_text())[1]
    assert f"Unexpected error, reference {reference}" in log
    assert "in perhaps_broken" in log
    for secret in (SECRET, "Gizem"):
        assert secret not in log
    assert SECRET not in body
    assert str(ROOT) not in body
