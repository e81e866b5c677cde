"""What callers send: too large, too slow, hung up; the line of the server; errors as problems; lines of log."""

import asyncio
import json
import logging
import re
import threading

import pytest
from starlette.requests import ClientDisconnect, Request

from core.api import bodies, logs, problems, work
from core.api.app import create
from core.api.problems import KINDS, ApiError
from core.api.service import Service
from core.errors import AudioError, CoreError, QueueFull
from core.pipeline.work_queue import WorkQueue
from core.settings import Settings

ZEROS = bytes(1_000_000)


def scope(path="/v1/clips", **headers):
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http", "method": "POST", "path": path, "headers": named, "query_string": b"", "state": {},
        "client": ("127.0.0.1", 5000), "server": ("127.0.0.1", 8000), "scheme": "http", "http_version": "1.1",
        "asgi": {"version": "3.0"},
    }  # fmt: skip


class Sending:
    """A caller that sends parts of a body, as many as are asked for."""

    def __init__(self, *parts, then=None):
        self.parts, self.then, self.taken = list(parts), then, 0

    async def __call__(self):
        if self.taken < len(self.parts):
            self.taken += 1
            return {"type": "http.request", "body": self.parts[self.taken - 1], "more_body": True}
        if self.then is None:
            await asyncio.Event().wait()  # nothing comes any more
        return self.then


def refused_by(service, caller, given):
    """What the app answers; it only reads the body."""
    sent = []

    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"read"})

    async def send(message):
        sent.append(message)

    stack = logs.LogRequests(bodies.LimitBodies(app, service))
    asyncio.run(stack(given, caller, send))
    return sent[0]["status"], json.loads(sent[1]["body"]) if sent[0]["status"] != 200 else None


@pytest.fixture
def service(tmp_path):
    return Service(Settings(data_dir=tmp_path, max_upload_mb=5, max_held_mb=8))


def test_a_large_body_is_refused_by_its_announced_size_before_a_byte_is_read(service):
    caller = Sending(ZEROS)
    status, problem = refused_by(service, caller, scope(content_length="10000000000"))
    assert (status, problem["type"].rpartition(":")[2]) == (413, "too-large")
    assert "5 MB" in problem["detail"]
    assert caller.taken == 0


def test_a_large_body_without_a_size_is_refused_at_the_limit(service):
    caller = Sending(*[ZEROS] * 100)
    assert refused_by(service, caller, scope())[0] == 413
    assert caller.taken == 6
    assert service.arriving == 0
    assert refused_by(service, Sending(*[ZEROS] * 100), scope("/v1/feedback"))[0] == 413


def test_bodies_that_arrive_together_have_a_limit(service):
    service.arriving = 7_500_000
    status, problem = refused_by(service, Sending(ZEROS, ZEROS), scope())
    assert (status, problem["type"].rpartition(":")[2]) == (503, "queue-full")
    assert service.arriving == 7_500_000


def test_a_body_that_stops_or_trickles_is_given_up(service, monkeypatch):
    monkeypatch.setattr(bodies, "PAUSE_S", 0.01)
    status, problem = refused_by(service, Sending(b"RIFF"), scope())
    assert (status, problem["type"].rpartition(":")[2]) == (408, "slow-body")
    clock = iter(range(0, 1000, 5))
    monkeypatch.setattr(bodies.time, "monotonic", lambda: float(next(clock)))
    caller = Sending(*[b"x"] * 100)
    assert refused_by(service, caller, scope())[0] == 408
    assert caller.taken < 10


def test_a_caller_that_hangs_up_while_sending_leaves_nothing(service, caplog):
    caplog.set_level(logging.INFO, "core.api.requests")

    async def app(scope, receive, send):
        async for _ in Request(scope, receive).stream():
            pass

    async def send(message):
        raise AssertionError("nobody is there")

    gone = Sending(ZEROS, then={"type": "http.disconnect"})
    asyncio.run(logs.LogRequests(bodies.LimitBodies(app, service))(scope(), gone, send))
    assert service.arriving == 0
    assert caplog.records[-1].line["status"] == 499


# --- the line of the server ------------------------------------------------------------------------------------------


class Line:
    """An app with a line of one worker, whose first task is at work until it is let go."""

    def __init__(self, monkeypatch, tmp_path, most=10):
        self.app = create(Settings(data_dir=tmp_path))
        self.service = self.app.state.service
        self.queue, self.go = WorkQueue(workers=1, most=most), threading.Event()
        monkeypatch.setattr(Service, "queue", property(lambda _: self.queue))
        begun = threading.Event()
        self.first = self.queue.submit(lambda: (begun.set(), self.go.wait()), way="decision")
        begun.wait()

    def request(self, receive):
        return Request(scope() | {"app": self.app}, receive)


def test_a_caller_that_hangs_up_gives_the_place_back(monkeypatch, tmp_path):
    line, done = Line(monkeypatch, tmp_path), []

    async def gone():
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        asyncio.run(work.in_line(line.request(gone), lambda: done.append(1)))
    assert line.queue.waiting() == 0
    line.go.set()
    line.first.result()
    assert done == []


def test_when_the_server_stops_what_waits_is_refused_and_what_has_begun_is_answered(monkeypatch, tmp_path):
    line = Line(monkeypatch, tmp_path)
    line.service.stopping = True

    with pytest.raises(ApiError) as refused:
        asyncio.run(work.in_line(line.request(Sending()), lambda: "late"))
    assert (refused.value.kind, refused.value.retry_after_s) == (problems.STOPPING, problems.AGAIN_S)
    line.go.set()

    async def begun():
        return await work.in_line(line.request(Sending()), lambda: "answered")

    line.first.result()
    line.service.stopping = False
    assert asyncio.run(begun()) == "answered"


def test_a_full_line_is_said_before_the_body_is_read(monkeypatch, tmp_path):
    line = Line(monkeypatch, tmp_path, most=1)
    line.service.ready = True
    waiting = line.queue.submit(lambda: None, way="decision")
    with pytest.raises(ApiError) as refused:
        work.room_to_work(line.request(Sending()))
    assert refused.value.kind is problems.FULL
    assert refused.value.retry_after_s > 0
    line.go.set()
    waiting.result()
    work.room_to_work(line.request(Sending()))


def test_until_the_model_is_loaded_and_when_it_cannot_be_the_server_says_so(tmp_path):
    service = Service(Settings(data_dir=tmp_path, models_dir=tmp_path / "none"))
    service.start()
    app = create(service.settings)
    app.state.service = service
    with pytest.raises(ApiError, match="there is no trained model"):
        work.room_to_work(Request(scope() | {"app": app}, Sending()))


# --- problems and log ------------------------------------------------------------------------------------------------


def test_the_type_of_each_kind_of_error_never_changes():
    assert {kind.name: kind.status for kind in KINDS} == {
        "bad-request": 400, "key": 401, "right": 403, "not-found": 404, "method": 405, "slow-body": 408,
        "conflict": 409, "too-large": 413, "not-audio": 415, "audio": 422, "decoder": 422, "not-valid": 422,
        "rate": 429, "fault": 500, "queue-full": 503, "stopping": 503, "model": 503, "store": 503,
    }  # fmt: skip


def _subclasses(of):
    return {one for child in of.__subclasses__() for one in {child, *_subclasses(child)}}


def test_every_error_of_the_program_has_a_kind():
    full = problems.of_core_error(QueueFull(7.2))
    assert (full.kind.status, full.retry_after_s) == (503, 7.2)
    assert problems.of_core_error(AudioError("x")).kind is problems.UNUSABLE
    assert problems.of_core_error(CoreError("x")).kind is problems.NOT_VALID
    assert len(_subclasses(CoreError)) > 10


def test_an_unexpected_error_is_a_sentence_and_the_log_holds_no_value(caplog):
    caplog.set_level(logging.INFO)

    async def app(scope, receive, send):
        raise ValueError(" ".join(["Gizli", "Eser"]))

    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(logs.LogRequests(app)(scope(), Sending(), send))
    problem = json.loads(sent[1]["body"])
    assert (sent[0]["status"], problem["type"].rpartition(":")[2]) == (500, "fault")
    lines = [json.loads(logs.JsonLines().format(record)) for record in caplog.records]
    assert "ValueError" in lines[0]["message"]
    assert all("Gizli Eser" not in json.dumps(line) for line in lines)
    assert lines[-1]["status"] == 500


@pytest.mark.parametrize(("asked", "used"), [("my-id_7.x", True), ("x" * 65, False), ("a b", False), ("", False)])
def test_a_request_has_one_identifier_in_out_and_in_the_log(api, wav, asked, used, caplog):
    caplog.set_level(logging.INFO, "core.api.requests")
    headers = api.headers() | ({"X-Request-ID": asked} if asked else {})
    answer = api.client.post("/v1/clips?name=Gizli.wav", content=wav[:100], headers=headers)
    given = answer.headers["X-Request-ID"]
    assert (given == asked) == used
    assert answer.json()["request_id"] == given
    record = next(r for r in reversed(caplog.records) if r.name == "core.api.requests")
    assert record.line["route"] == "/v1/clips"
    assert record.line["key"]
    assert record.line["bytes"] == 100
    assert "Gizli" not in json.dumps(record.line)


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("/v1/playlists", b"[" * 500_000),
        ("/v1/playlists", b"\xff\xfe"),
        ("/v1/feedback", b'{"emotion": "sad", "clip_id": "a\\u0000b"}'),
        ("/v1/feedback", b'{"emotion": "sad", "piece_id": "\\ud800"}'),
        ("/v1/jobs", b'{"folder": ' + b"[" * 500_000),
        ("/v2/models/turkish-music-emotion/infer", b'{"inputs": ' + b"[" * 500_000),
    ],
)
def test_hostile_json_is_refused(api, address, body):
    headers = api.headers() | {"Content-Type": "application/json", "Idempotency-Key": "0123456789"}
    answer = api.client.post(address, content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("address", ["/v1/playlists", "/v1/feedback", "/v1/jobs", "/v2/models/x/infer"])
@pytest.mark.parametrize(
    "body", [b'{"a": ', b'{"a": ' + b"[" * 500_000, b'{"a": "\xff"}'], ids=["cut", "deep", "bytes"]
)
def test_a_body_that_is_no_json_is_one_sentence(api, address, body):
    headers = api.headers() | {"Content-Type": "application/json", "Idempotency-Key": "0123456789"}
    answer = api.client.post(address, content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"] == problems.NO_JSON


@pytest.mark.parametrize(
    ("address", "words"),
    [("/v1/feedback", "8 MB.*Send less at once"), ("/v1/jobs", "30 MB.*Send fewer files at once")],
)
def test_what_to_do_about_a_large_body_fits_its_kind(api, address, words):
    headers = api.headers() | {"Content-Length": "900000000"}
    answer = api.client.post(address, content=b"{}", headers=headers)
    assert answer.status_code == 413
    assert re.search(words, answer.json()["detail"])
    assert "FLAC" not in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "address", "name"),
    [
        ("POST", "/v1/clips?sotre=false", "sotre"),
        ("POST", "/v1/clips?explian=3", "explian"),
        ("GET", "/v1/model?verbose=1", "verbose"),
        ("GET", "/v1/pieces?mood=sad&lmit=5", "lmit"),
        ("GET", "/v2?x=", "x"),
    ],
)
def test_an_unknown_parameter_is_refused_before_anything_is_done(api, method, address, name):
    answer = api.client.request(method, address, headers=api.headers())
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (422, "not-valid")
    assert f"no parameter '{name}'" in answer.json()["detail"]
    assert api.client.request(method, address).status_code == 401  # who may not ask learns nothing


def test_an_address_with_a_text_that_no_database_stores_is_refused(api):
    assert api.client.get("/v1/clips/a%00b", headers=api.headers()).status_code == 422


def test_a_wrong_method_names_the_right_ones(api):
    answer = api.client.put("/v1/clips/0a", headers=api.headers())
    assert (answer.status_code, answer.headers["Allow"]) == (405, "DELETE, GET")
    assert answer.json()["type"].rpartition(":")[2] == "method"
