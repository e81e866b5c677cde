"""A canary with a real nginx and two uvicorn processes: share, the same model for a caller, a sick challenger."""

import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_nginx import answers, free_port, nginx, still_runs
from scipy.stats import binom

from core import store
from core.access import Person
from core.canary import proxy, running, steps
from core.canary.requests import read_requests
from core.canary.running import Canary, End
from core.settings import Settings

pytestmark = pytest.mark.xdist_group("canary")  # its servers are started once
ROOT = Path(__file__).resolve().parent.parent.parent
BODY = b"x" * 100_000  # nginx writes a body of this size to the disk
SHORT = b"x"
WAIT_S = 120
CALLERS = 1500
OWNER = Person.machine_owner("Ece")


class Light:
    """A uvicorn process with the application of light.py."""

    def __init__(self, role: str, port: int) -> None:
        command = [sys.executable, "-m", "uvicorn", "light:app", "--port", str(port), "--log-level", "warning"]
        environment = {**os.environ, "LIGHT_ROLE": role}
        self.process = subprocess.Popen(command, cwd=Path(__file__).parent, env=environment)
        self.port = port
        end = time.monotonic() + WAIT_S
        while not answers(port):
            assert still_runs(self.process)
            assert time.monotonic() < end, "uvicorn does not answer"

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.setenv("TME_CHAMPION_ADDRESS", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("TME_CHALLENGER_ADDRESS", f"127.0.0.1:{free_port()}")
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def servers(settings) -> Iterator[dict[str, Light]]:
    ports = {r: int(getattr(settings, f"{r}_address").rpartition(":")[2]) for r in ("champion", "challenger")}
    made = {role: Light(role, port) for role, port in ports.items()}
    yield made
    for server in made.values():
        server.stop()


@pytest.fixture
def entry(settings, servers, tmp_path) -> Iterator[int]:
    """Port of nginx with our two files; only paths are changed."""
    proxy.divide(None, settings)
    port, data = free_port(), str(running.folder(settings))
    http, routes = ((ROOT / "deploy" / "api" / f"{name}.conf").read_text("utf-8") for name in ("http", "routes"))
    text = f"{http} server {{ listen 127.0.0.1:{port}; {routes} }}".replace("/data/canary", data)
    with nginx(text, tmp_path, port, pid=running.folder(settings) / proxy.PID, workers=True):
        yield port


def divide(settings: Settings, *, share: int, name: str = "0a1b2c3d") -> Canary:
    """Start a canary as `steps.start` does, without a registry."""
    canary = Canary(name, share, "old", "new", "2", running.now(), "Ece")
    running.note_start(canary, settings)
    assert proxy.divide(canary, settings) == "nginx reads the new division."
    return canary


class Caller:
    """A program that calls the API through nginx, on one connection."""

    def __init__(self, port: int) -> None:
        self.port, self.connection = port, http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def role(self, key: str, path: str = "/v1/clips", body: bytes = BODY) -> str:
        """The role in the header; the answer must be right and whole, and come from the server of this role."""
        try:
            self.connection.request("POST", path, body=body, headers={"Authorization": f"Bearer {key}"})
            answer = self.connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):  # a worker that was reloaded closes idle connections
            self.connection.close()
            self.connection.request("POST", path, body=body, headers={"Authorization": f"Bearer {key}"})
            answer = self.connection.getresponse()
        text, role = answer.read().decode(), answer.headers["X-Model-Role"]
        assert (answer.status, text) == (200, f"{role} {len(body)}")
        return role


def wait_until(settings: Settings, port: int, roles: set[str]) -> None:
    """Wait until nginx gives out these roles."""
    end = time.monotonic() + WAIT_S
    while {Caller(port).role(f"wait {k}", body=SHORT) for k in range(60)} != roles:
        assert time.monotonic() < end, "nginx did not read the division"


def logged(canary: Canary, settings: Settings) -> list[int]:
    """Return the requests of each role in the log of nginx, which writes a line soon after the answer."""
    counts, since, end = [0, 0], time.monotonic(), time.monotonic() + WAIT_S
    while time.monotonic() < min(since + 0.5, end):
        again = [side.count for side in read_requests(canary, settings)]
        if again != counts:
            counts, since = again, time.monotonic()
    return counts


def test_many_callers_are_divided_by_their_key(entry, settings):
    caller = Caller(entry)
    assert {caller.role(f"key {k}") for k in range(100)} == {"champion"}
    canary = divide(settings, share=5)
    wait_until(settings, entry, {"champion", "challenger"})
    caller = Caller(entry)
    before = logged(canary, settings)
    roles = [caller.role(f"key {k}", body=SHORT if k > 50 else BODY) for k in range(CALLERS)]
    low, high = binom.interval(0.999, CALLERS, 0.05)
    assert low <= roles.count("challenger") <= high
    counts = [after - b for after, b in zip(logged(canary, settings), before, strict=True)]
    assert counts == [roles.count("champion"), roles.count("challenger")]
    assert [caller.role(f"key {k}", body=SHORT) for k in range(150)] == roles[
        :150
    ]  # the same caller meets the same model
    assert {caller.role(f"key {k}", "/v1/jobs", SHORT) for k in range(150)} == {"champion"}  # calls without the model
    assert "Bearer" not in (running.folder(settings) / "requests.log").read_text()
    steps.abort(settings, by=OWNER)
    wait_until(settings, entry, {"champion"})
    divide(settings, share=5, name="ffffffff")
    wait_until(settings, entry, {"champion", "challenger"})
    assert [Caller(entry).role(f"key {k}", body=SHORT) for k in range(150)] != roles[
        :150
    ]  # another canary, other callers


@pytest.mark.parametrize("fault", ["every answer is 500", "the process was killed"])
def test_a_challenger_that_fails_is_taken_out_and_no_caller_notices(entry, settings, servers, opened_sqlite, fault):
    divide(settings, share=50)
    wait_until(settings, entry, {"champion", "challenger"})
    if fault == "the process was killed":
        servers["challenger"].process.kill()
        servers["challenger"].process.wait()
    else:
        Caller(servers["challenger"].port).connection.request("POST", "/break/500")
    done: list[running.Ended | None] = []
    watch = threading.Thread(target=lambda: done.append(steps.watch(settings, opened_sqlite, by=OWNER, every_s=0.2)))
    watch.start()
    caller, asked = Caller(entry), 0
    while watch.is_alive() and asked < 20_000:
        assert caller.role(f"key {asked}") == "champion" or asked < 5  # the fault needs a moment to begin
        asked += 1
    watch.join(WAIT_S)
    (record,) = done
    assert record is not None
    assert record.end is End.SICK
    assert "Requests that failed: champion 0.0 %" in record.why
    assert running.ended(settings) == [record]
    assert running.running(settings) is None
    wait_until(settings, entry, {"champion"})


@pytest.fixture
def opened_sqlite(migrated, tmp_path) -> Iterator[store.Store]:
    (tmp_path / "feedback.db").write_bytes(migrated.read_bytes())
    db = store.open_store(f"sqlite:///{tmp_path / 'feedback.db'}")
    yield db
    store.close_store(db)
