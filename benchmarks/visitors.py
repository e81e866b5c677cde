"""Visitors without a browser: open pages over the websocket, send files, press buttons. And servers to visit.

Used by the benchmarks ``load``, ``start`` and ``memory``.
"""

import http.client
import io
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path

import numpy as np
import psutil
import soundfile
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

from core.settings import ROOT

START_S = 180.0  # a server that does not answer by then does not start
ANSWER_S = 300.0  # a page that is not drawn by then is an error
OPTIONS = ("--server.headless=true", "--server.address=127.0.0.1")
FOLDERS = (ROOT.parent / "shared" / "reference" / "recordings", ROOT / "tests" / "golden")


@dataclass
class Seen:
    """What one run of a page has shown, with times of ``perf_counter`` in s.

    began_s : when the visitor asked.  words : first time at which a text of a message box began.
    """

    began_s: float
    finished_s: float = 0.0
    alerts: dict[str, float] = field(default_factory=dict)
    bytes: int = 0

    def seconds_to(self, start: str) -> float:
        """Seconds until a message box that starts with these words was shown; NaN if none was."""
        return min((at - self.began_s for text, at in self.alerts.items() if text.startswith(start)), default=np.nan)

    @property
    def seconds(self) -> float:
        return self.finished_s - self.began_s


@dataclass
class Visitor:
    """An open page. session : its identifier, which uploads name.  cookies : of the browser."""

    port: int
    page: ClientConnection
    cookies: dict[str, str]
    opened: ExitStack
    session: str = ""
    script: str = ""
    widgets: dict[str, str] = field(default_factory=dict)  # identifiers by label
    file: tuple[str, str, int] | None = None  # identifier, name and size of the file in the upload field

    def close(self) -> None:
        self.opened.close()

    def open(self, name: str) -> Seen:
        """Open a page and wait until it is drawn."""
        ask = BackMsg()
        ask.rerun_script.page_name = name
        return self._run(ask)

    def rerun(self, *, press: str = "", until: Callable[[Seen], bool] = lambda seen: False) -> Seen:
        """Draw the page again with the file in the upload field. press : start of the label of a button."""
        ask = BackMsg()
        ask.rerun_script.page_script_hash = self.script
        if self.file is not None:
            state = ask.rerun_script.widget_states.widgets.add(id=self._widget("A file with music"))
            info = state.file_uploader_state_value.uploaded_file_info.add()
            info.file_id, info.name, info.size = self.file
        if press:
            ask.rerun_script.widget_states.widgets.add(id=self._widget(press), trigger_value=True)
        return self._run(ask, until)

    def _widget(self, label: str) -> str:
        found = [number for name, number in self.widgets.items() if name.startswith(label)]
        if not found:
            raise SystemExit(f"The page shows no {label!r}, only {sorted(self.widgets)}.")
        return found[-1]

    def _run(self, ask: BackMsg, until: Callable[[Seen], bool] = lambda seen: False) -> Seen:
        seen = Seen(time.perf_counter())
        self.page.send(ask.SerializeToString())
        while not until(seen):
            data = bytes(self.page.recv(timeout=ANSWER_S))
            message, now = ForwardMsg.FromString(data), time.perf_counter()
            seen.bytes += len(data)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.session = message.new_session.initialize.session_id or self.session
                self.widgets.clear()
            elif kind == "navigation":
                self.script = message.navigation.page_script_hash
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                element = message.delta.new_element
                shown = element.WhichOneof("type")
                if shown == "alert":
                    seen.alerts.setdefault(element.alert.body, now)
                elif shown in ("button", "file_uploader"):
                    widget = getattr(element, shown)
                    self.widgets[widget.label] = widget.id
            elif kind == "script_finished" and message.script_finished in (0, 1):  # not those of fragments
                seen.finished_s = now
                return seen
        return seen

    def send(self, data: bytes, name: str) -> tuple[int, str]:
        """Upload a file as the page does; returns status and text of the answer."""
        edge = secrets.token_hex(16)
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + data + f"\r\n--{edge}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
        headers |= {"Cookie": _header(self.cookies), "X-Xsrftoken": self.cookies["_streamlit_xsrf"]}
        number = secrets.token_hex(8)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
        try:
            connection.request("PUT", f"/_stcore/upload_file/{self.session}/{number}", body, headers)
            answer = connection.getresponse()
            self.file = (number, name, len(data))
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def upload(self, data: bytes, name: str) -> Seen:
        """Send a file and draw the page with it. The time begins with the upload."""
        began_s = time.perf_counter()
        status, words = self.send(data, name)
        if status != 204:
            raise SystemExit(f"The server refused the file with status {status}: {words}")
        seen = self.rerun()
        seen.began_s = began_s
        return seen


def come(port: int, page: str = "predict", *, cookies: Mapping[str, str] | None = None) -> Visitor:
    """Open a page and wait until it is drawn. cookies : of the browser, when it comes back."""
    own = dict(cookies or {})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/_stcore/health", headers={"Cookie": _header(own)})
        for text in connection.getresponse().headers.get_all("Set-Cookie") or []:
            own |= {name: morsel.value for name, morsel in SimpleCookie(text).items()}
    finally:
        connection.close()
    opened = ExitStack()
    stream = opened.enter_context(
        connect(
            f"ws://127.0.0.1:{port}/_stcore/stream",
            subprotocols=[Subprotocol("streamlit")],
            additional_headers={"Cookie": _header(own)},
            max_size=None,
            open_timeout=60,
            close_timeout=0.2,  # messages that nobody reads any more would hold the end back
            ping_interval=None,
        )
    )
    visitor = Visitor(port, stream, own, opened)
    visitor.open(page)
    return visitor


def _header(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={text}" for name, text in cookies.items())


@contextmanager
def visit(port: int, page: str = "predict") -> Iterator[Visitor]:
    """Open a page, wait until it is drawn, and close it after the block."""
    visitor = come(port, page)
    try:
        yield visitor
    finally:
        visitor.close()


@dataclass(frozen=True)
class Memory:
    """Resident memory in MB: of the server's own process, and with its decoders and workers (shared pages once)."""

    own: float
    all: float


@dataclass(frozen=True)
class Server:
    """A running dashboard. ready_s : seconds from its start until it said that it is ready."""

    port: int
    process: psutil.Process
    ready_s: float

    def memory(self) -> Memory:
        own = self.process.memory_info().rss
        others = sum(child.memory_full_info().pss for child in self.process.children(recursive=True))
        return Memory(own / 1e6, (own + others) / 1e6)


def cpu_s(running: Server) -> float:
    """CPU seconds of the server and its decoders so far."""
    family = [running.process, *running.process.children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in family)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def server(
    settings: Mapping[str, str] | None = None, *, root: Path = ROOT, log: Path | None = None
) -> Iterator[Server]:
    """A dashboard of its own, as ``make app`` starts it, with an empty data folder.

    settings : environment variables of it.  root : folder of the program, for another checkout.
    """
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, open(log or os.devnull, "ab") as said:
        own = {"TME_DATA_DIR": folder, "TME_DOWNLOAD_URL": "http://127.0.0.1:9/none.zip", **(settings or {})}
        began_s = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", *OPTIONS, f"--server.port={port}"],
            cwd=root,
            env=os.environ | own,
            stdout=said,
            stderr=said,
        )
        try:
            while not is_ready(port):
                if time.perf_counter() - began_s > START_S or process.poll() is not None:
                    raise SystemExit("The server did not start.")
                time.sleep(0.05)
            yield Server(port, psutil.Process(process.pid), time.perf_counter() - began_s)
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def is_ready(port: int) -> bool:
    """Whether the server says that it is ready. Version 0.2 has no such address, and answers it with a page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_S)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def clips(count: int, *, form: str = "FLAC") -> Iterator[tuple[bytes, str]]:
    """Distinct clips of 30 s as files: recordings that begin at different moments.

    From ``../shared/reference/recordings`` beside the repository if it is there, else from the golden clips.
    """
    files = sorted(next(folder for folder in FOLDERS if folder.is_dir()).glob("*.flac"))
    sounds = [soundfile.read(path, always_2d=True) for path in files]
    for k in range(count):
        y, sr = sounds[k % len(sounds)]
        turned = np.roll(np.resize(y[:, 0], 30 * sr), -round(1.37 * sr * (k // len(sounds) + 1)))
        buffer = io.BytesIO()
        soundfile.write(buffer, turned, sr, format=form)
        yield buffer.getvalue(), f"{files[k % len(files)].stem}-{k}.{form.lower()}"
