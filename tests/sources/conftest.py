"""A web server of this machine that gives recorded answers."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest


@dataclass
class Question:
    """A question that the server got."""

    method: str
    path: str
    asked: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass
class Service:
    """The server. answers : to give in turn, each a status, a body and headers; a body that is no bytes is JSON."""

    address: str = ""
    answers: list = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    def answer(self, body=b"", *, status=200, **headers):
        self.answers.append((status, body, {name.replace("_", "-"): value for name, value in headers.items()}))


@pytest.fixture
def service():
    known = Service()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            known.questions.append(Question(self.command, parts.path, asked, dict(self.headers), body))
            status, body, headers = known.answers.pop(0)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    known.address = f"http://127.0.0.1:{server.server_port}"
    yield known
    server.shutdown()
    server.server_close()
