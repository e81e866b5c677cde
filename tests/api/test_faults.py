"""Faults of a real server with two workers: huge bodies, callers that leave, a killed worker, a lost database."""

import http.client
import json
import os
import shutil
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import forked
import libraries
import psutil
import pytest
import requests

from core import store
from core.access import Role

pytestmark = pytest.mark.xdist_group("forked")
START_S, ANSWER_S = 240, 120
LIMIT_MB = 10
FORKING = """
import multiprocessing, uvicorn._subprocess
uvicorn._subprocess.spawn = multiprocessing.get_context("fork")
from core.__main__ import main
main()
"""  # workers are forks of the server, which begins with the model loaded


class Server:
    """``python -m core serve --workers 2`` with a key."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.data, self.log_file = folder / "data", folder / "log"
        self.data.mkdir()
        shutil.copy(template, self.data / "feedback.db")
        self.opened = store.open_store(f"sqlite:///{self.data / 'feedback.db'}")
        self.secret = store.add_key(self.opened, "faults", role=Role.ANALYST, per_minute=100_000)[1]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TME_")} | {
            "TME_DATA_DIR": str(self.data),
            "TME_MAX_UPLOAD_MB": str(LIMIT_MB),
            "PYTHONUNBUFFERED": "1",
        }
        words = ("-c", FORKING, "serve", "--port", self.port, "--workers", "2")
        self.process = forked.Command(words, env=environment, output=self.log_file)
        self.wait(lambda: self.log.count('"message": "Application startup complete."') == 2)
        self.wait_ready()

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}

    def wait(self, fulfilled) -> None:
        end = time.monotonic() + START_S
        while not fulfilled():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.03)  # looks again; nothing depends on the length

    def wait_ready(self) -> None:
        """Wait until both workers answered that they are ready: a connection reaches one of them."""
        ready = set()

        def all_ready() -> bool:
            try:
                answer = self.get("/ready")
            except requests.ConnectionError:
                return False
            if answer.status_code == 200:
                ready.add(answer.headers["X-Request-ID"])
            return len(ready) >= 20

        self.wait(all_ready)

    def get(self, address: str) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self.port}{address}", headers=self.headers, timeout=ANSWER_S)

    def score(self, seed: int) -> requests.Response:
        return requests.post(
            f"http://127.0.0.1:{self.port}/v1/clips",
            data=libraries.tiny(seed, seconds=3),
            headers=self.headers,
            timeout=ANSWER_S,
        )

    def workers(self) -> set[int]:
        """Process ids of the workers."""
        return {child.pid for child in psutil.Process(self.process.pid).children()}

    def memory_mb(self) -> float:
        """Memory of all workers."""
        return sum(psutil.Process(pid).memory_info().rss for pid in self.workers()) / 1e6


@pytest.fixture(scope="module")
def server(tmp_path_factory, migrated):
    made = Server(tmp_path_factory.mktemp("faults"), migrated)
    yield made
    if made.process.poll() is None:
        made.process.terminate()
        made.process.wait(60)


def announced(port: int, headers: dict[str, str], size: int) -> tuple[int, dict]:
    """Announce a body of a size, send nothing of it, and return the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    connection.putrequest("POST", "/v1/clips")
    for name, value in {**headers, "Content-Length": str(size)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_ten_gigabytes_of_zeros_are_refused_and_the_memory_stays_flat(server):
    before = server.memory_mb()
    status, problem = announced(server.port, server.headers, 10**10)
    assert (status, problem["type"].rpartition(":")[2]) == (413, "too-large")
    sent = 0

    def zeros():
        nonlocal sent
        while sent < 10**10:
            sent += 1_000_000
            yield bytes(1_000_000)

    try:
        answer = requests.post(
            f"http://127.0.0.1:{server.port}/v1/clips", data=zeros(), headers=server.headers, timeout=ANSWER_S
        )
        assert answer.status_code == 413
    except requests.ConnectionError:
        pass  # the server had closed the connection before the client looked for the answer
    assert sent < 100e6
    assert server.memory_mb() < before + 5 * LIMIT_MB


def test_a_caller_that_hangs_up_disturbs_nobody(server):
    body = libraries.tiny(900, seconds=3)
    for part in (len(body) // 2, len(body)):
        connection = socket.create_connection(("127.0.0.1", server.port))
        head = f"POST /v1/clips HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.secret}\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:part])
        connection.close()
    assert server.score(901).status_code == 200
    assert '"status": 500' not in server.log


def test_while_the_database_is_gone_the_answer_is_503_and_then_it_goes_on(server):
    path, away = server.data / "feedback.db", server.data / "away.db"
    assert server.score(910).status_code == 200
    path.rename(away)
    try:
        answer = server.score(911)
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (503, "store")
        assert int(answer.headers["Retry-After"]) >= 1
        assert server.get("/ready").status_code == 503
        assert server.get("/live").status_code == 200
    finally:
        away.rename(path)
    answers = [server.score(912 + k) for k in range(6)]  # both workers
    assert [answer.status_code for answer in answers] == [200] * 6
    assert all(answer.json()["stored"]["prediction_id"] for answer in answers)


def test_a_killed_worker_is_replaced_and_the_other_one_answers(server):
    before = server.workers()
    assert len(before) == 2
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    codes = []
    for k in range(8):
        try:
            codes.append(server.score(930 + k).status_code)
        except requests.ConnectionError:
            codes.append(0)  # it stood in the line of the killed worker
    assert codes.count(200) >= 4
    assert set(codes) <= {200, 503, 0}
    server.wait(lambda: len(server.workers()) == 2 and killed not in server.workers())
    # While the new worker loads the model it answers 503; the system chooses which worker gets a call.
    server.wait(lambda: all(server.score(939).status_code == 200 for _ in range(4)))


def test_sigterm_during_twenty_requests_answers_or_refuses_each_in_words(server):
    begun = threading.Barrier(21)

    def ask(k):
        session = requests.Session()
        session.get(f"http://127.0.0.1:{server.port}/live", timeout=ANSWER_S)  # the connection is open
        begun.wait()
        body = libraries.tiny(1000 + k, seconds=20)
        address = f"http://127.0.0.1:{server.port}/v1/clips"
        return session.post(address, data=body, headers=server.headers, timeout=ANSWER_S)

    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(ask, k) for k in range(20)]
        begun.wait()
        seen = server.log.count('"route": "/v1/clips"')
        server.wait(lambda: server.log.count('"route": "/v1/clips"') > seen)  # the first answer was sent
        server.process.send_signal(signal.SIGTERM)
        answers = [one.result() for one in asked]
    codes = [answer.status_code for answer in answers]
    assert set(codes) <= {200, 503}
    assert 200 in codes
    for answer in answers:
        if answer.status_code == 503:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"]
            assert answer.headers["Retry-After"]
    assert server.process.wait(60) is not None
    assert "Traceback" not in server.log
    for line in server.log.splitlines():  # every line is JSON; none holds the key
        if line.startswith("{"):
            assert json.loads(line)["message"]
    assert server.secret not in server.log
