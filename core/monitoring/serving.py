"""Serve the figures for Prometheus by themselves, for a machine without the API."""

import logging
import threading
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from core.errors import CoreError
from core.monitoring.collector import MEDIA_TYPE, Figures
from core.settings import Settings
from core.store import Store, open_store

PATIENCE_S = 5.0  # a scrape waits no longer; Prometheus gives up after 10 s
_LOG = logging.getLogger(__name__)


def figures_of_store(settings: Settings) -> Figures:
    """Return the figures of a product whose database this process opens when it is first asked."""
    lock, held = threading.Lock(), {}

    def store() -> Store:
        with lock:
            if "store" not in held:
                held["store"] = open_store(settings.database, patience_s=PATIENCE_S)
            return held["store"]

    return Figures(settings, store)


def serve_figures(figures: Figures, *, host: str, port: int) -> None:
    """Answer ``GET /metrics`` until the process ends. Raises OSError when the address is taken."""
    with server(figures, host=host, port=port) as running:
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            return


def server(figures: Figures, *, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server that answers ``GET /metrics``; port 0 takes a free one."""
    return ThreadingHTTPServer((host, port), partial(_Answer, figures))


class _Answer(BaseHTTPRequestHandler):
    """One request."""

    server_version, sys_version = "turkish-music-emotion", ""

    def __init__(self, figures: Figures, *given: Any) -> None:
        self._figures = figures
        super().__init__(*given)

    def do_GET(self) -> None:
        """Answer with the figures, or with 503 and a sentence while the database does not answer."""
        if self.path.partition("?")[0] != "/metrics":
            self._send(HTTPStatus.NOT_FOUND, b"The figures are at /metrics.\n", "text/plain; charset=utf-8")
            return
        try:
            self._send(HTTPStatus.OK, self._figures.text(), MEDIA_TYPE)
        except CoreError as error:
            _LOG.warning("A scrape got no figures: %s", error)
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n".encode(), "text/plain; charset=utf-8")

    def _send(self, status: HTTPStatus, body: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name of the base class)
        """Write no line for each scrape."""
