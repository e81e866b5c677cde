"""The nginx file of deploy/: a real nginx reads it, passes pages on and refuses what is too large."""

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from real_nginx import free_port, nginx

CONF = Path(__file__).resolve().parent.parent / "deploy" / "nginx.conf"


class Behind(BaseHTTPRequestHandler):
    """A program that answers with the headers it got."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        said = f"{self.headers['Upgrade']} {self.headers['Connection']} {self.headers['X-Forwarded-For']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Write no log."""


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[int]:
    """Port of nginx with our file, changed only in ports and the certificate."""
    behind = ThreadingHTTPServer(("127.0.0.1", 0), Behind)
    threading.Thread(target=behind.serve_forever, daemon=True).start()
    port = free_port()
    text = CONF.read_text(encoding="utf-8").replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    text = text.replace("127.0.0.1:8501", f"127.0.0.1:{behind.server_address[1]}")
    text = "\n".join(line for line in text.splitlines() if not line.strip().startswith("ssl_"))
    try:
        with nginx(text, tmp_path, port):
            yield port
    finally:
        behind.shutdown()
        behind.server_close()


def ask(port: int, method: str = "GET", path: str = "/", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        connection.request(method, path, headers={"Host": "music.example.org", **given})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_pages_pass_and_their_connection_is_upgraded(proxy):
    assert ask(proxy) == (200, "None close 127.0.0.1")
    assert ask(proxy, Upgrade="websocket", Connection="Upgrade") == (200, "websocket upgrade 127.0.0.1")


def test_a_visitor_cannot_write_another_address(proxy):
    assert ask(proxy, X_Forwarded_For="10.0.0.1") == (200, "None close 127.0.0.1")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8501", "other.example.org"])
def test_a_question_under_another_name_gets_no_answer(proxy, host):
    with pytest.raises(http.client.RemoteDisconnected):
        ask(proxy, Host=host)


def test_too_large_an_upload_and_too_long_a_header_are_refused(proxy):
    assert ask(proxy, "PUT", "/_stcore/upload_file/a/b", Content_Length=str(202 << 20))[0] == 413
    assert ask(proxy, Cookie="x" * 20_000)[0] == 400
    assert ask(proxy, path="/playlists?veto=" + "a," * 20_000)[0] == 414


def test_one_visitor_who_asks_too_often_has_to_wait(proxy):
    assert 429 in {ask(proxy)[0] for _ in range(300)}
