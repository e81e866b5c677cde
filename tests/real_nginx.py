"""A real nginx for a test: it reads a text as the content of its block ``http``."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import forked
from required import missing

START_S = 60  # an nginx that does not answer by then does not start


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def still_runs(process: subprocess.Popen | forked.Command) -> bool:
    """Whether a process still runs, after a moment in which the processor is free for it."""
    try:
        process.wait(0.1)
    except subprocess.TimeoutExpired:
        return True
    return False


@contextmanager
def nginx(text: str, folder: Path, port: int, *, pid: Path | None = None, workers: bool = False) -> Iterator[None]:
    """Run nginx until the block ends.

    text : content of ``http``; it listens on the port.  folder : for its files.  workers : with worker processes, which
    a reload needs.
    """
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(program).is_file():
        missing("nginx is not installed (Debian: nginx-light).")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    whole = folder / "nginx.conf"
    process = "user root; worker_processes 1;" if workers else "master_process off;"
    whole.write_text(
        f"daemon off; {process} pid {pid or folder / 'pid'}; error_log {folder / 'error.log'};"
        f"events {{}} http {{ access_log off; {places} {text} }}",
        encoding="utf-8",
    )
    command = [program, "-c", str(whole), "-e", str(folder / "error.log")]
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    running = subprocess.Popen(command)
    try:
        end = time.monotonic() + START_S
        while not answers(port):
            assert still_runs(running), (folder / "error.log").read_text()
            assert time.monotonic() < end, "nginx does not answer"
        yield
    finally:
        running.terminate()
        running.wait()
