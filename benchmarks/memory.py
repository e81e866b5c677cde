"""Memory of a running server while visitors hold uploads, and after they have left.

    python -m benchmarks.memory [--visitors 4] [--files 3] [--mb 30] [--rounds 2]

It starts the dashboard on this machine with an empty data folder. In each round, visitors open the Predict page, send
files and close the page. Each visitor also sends one file more than a visitor may hold, which must be refused with
status 413. Then the script waits until the server has forgotten the visitors (about two minutes). The memory is the
resident set of the server's process. It exits with status 1 if the server still holds half of the uploads at the end.
"""

import argparse
import http.client
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets import Subprotocol
from websockets.sync.client import connect

from core.settings import ROOT
from pages.shared.limits import FREED_AFTER_S

START_S = 120.0  # a server that does not answer by then does not start


@dataclass
class Visitor:
    """An open page. session : its identifier, which uploads name.  cookie : against cross-site requests."""

    port: int
    session: str
    cookie: str

    def send(self, data: bytes, name: str) -> tuple[int, str]:
        """Upload a file as the page does; returns status and text of the answer."""
        edge = secrets.token_hex(16)
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + data + f"\r\n--{edge}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
        headers |= {"Cookie": f"_streamlit_xsrf={self.cookie}", "X-Xsrftoken": self.cookie}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request("PUT", f"/_stcore/upload_file/{self.session}/{secrets.token_hex(8)}", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@contextmanager
def visit(port: int) -> Iterator[Visitor]:
    """Open the Predict page, wait until it is drawn, and close it after the block."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/_stcore/health")
    cookies: SimpleCookie = SimpleCookie(connection.getresponse().getheader("Set-Cookie") or "")
    connection.close()
    with connect(
        f"ws://127.0.0.1:{port}/_stcore/stream", subprotocols=[Subprotocol("streamlit")], max_size=None
    ) as page:
        ask = BackMsg()
        ask.rerun_script.page_name = "predict"
        page.send(ask.SerializeToString())
        session, kind = "", ""
        while kind != "script_finished":
            message = ForwardMsg.FromString(bytes(page.recv(timeout=START_S)))
            kind = str(message.WhichOneof("type"))
            if kind == "new_session":
                session = message.new_session.initialize.session_id
        yield Visitor(port, session, cookies["_streamlit_xsrf"].value)


@contextmanager
def server(held_mb: float) -> Iterator[tuple[int, psutil.Process]]:
    """A dashboard of its own, as ``make app`` starts it; yields its port and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        own = {
            "TME_DATA_DIR": folder,
            "TME_DOWNLOAD_URL": "http://127.0.0.1:9/none.zip",
            "TME_MAX_HELD_MB": str(held_mb),
        }
        options = ("--server.headless=true", f"--server.port={port}", "--server.address=127.0.0.1")
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", *options],
            cwd=ROOT,
            env=os.environ | own,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            end = time.monotonic() + START_S
            while socket.socket().connect_ex(("127.0.0.1", port)):
                if time.monotonic() > end or process.poll() is not None:
                    raise SystemExit("The server did not start.")
                time.sleep(0.5)
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(timeout=30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=4)
    parser.add_argument("--files", type=int, default=3, help="files of each visitor")
    parser.add_argument("--mb", type=int, default=30, help="size of each file")
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    own_mb, data = chosen.files * chosen.mb, os.urandom(chosen.mb * 1_000_000)
    all_mb = chosen.visitors * own_mb
    held_mb = max(2 * (own_mb + 1), all_mb + 1)  # a visitor may hold half of it
    with server(held_mb) as (port, process):

        def memory(what: str) -> float:
            now = process.memory_info().rss / 1e6
            print(f"{what:<64} {now:6,.0f} MB", flush=True)
            return now

        with visit(port):  # loads the libraries and the model
            pass
        before = after = memory("before, after the first visit")
        for k in range(1, chosen.rounds + 1):
            with ExitStack() as pages:
                visitors = [pages.enter_context(visit(port)) for _ in range(chosen.visitors)]
                for visitor in visitors:
                    said = {visitor.send(data, f"{n}.wav")[0] for n in range(chosen.files)}
                    assert said == {204}, said
                memory(f"round {k}: {chosen.visitors} visitors hold {all_mb} MB")
                refused = {visitor.send(bytes(held_mb * 500_000), "more.wav") for visitor in visitors}
                print(*(f"  one file more: {status} {words}" for status, words in refused), sep="\n")
                memory(f"round {k}: after one file more of each visitor")
            time.sleep(FREED_AFTER_S + 10)
            after = memory(f"round {k}: {FREED_AFTER_S + 10} s after they closed their pages")
    sys.exit(after - before > all_mb / 2)


if __name__ == "__main__":
    main()
