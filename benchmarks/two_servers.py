"""Two servers behind nginx on one PostgreSQL, on this machine: Debian's programs, and our own nginx file.

Used by ``benchmarks.load --servers 2`` and by ``tests/test_two_servers.py``.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.visitors import START_S, Server, free_port, is_ready, server
from core.settings import ROOT

TESTS = str(ROOT / "tests")
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
CONF = ROOT / "deploy" / "nginx.conf"


@dataclass(frozen=True)
class Pair:
    """Servers behind one address. port : of nginx.  database : address of their store."""

    port: int
    servers: tuple[Server, ...]
    database: str


@contextmanager
def two_servers(database: str, *, root: Path = ROOT, settings: Mapping[str, str] | None = None) -> Iterator[Pair]:
    """Two dashboards on one database, with a shared data folder, and nginx in front of them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        own = {"TME_DATABASE_URL": database, "TME_DATA_DIR": str(folder / "data"), **(settings or {})}
        servers = tuple(stack.enter_context(server(own, root=root)) for _ in range(2))
        port = stack.enter_context(nginx(folder, [running.port for running in servers]))
        yield Pair(port, servers, database)


@contextmanager
def nginx(folder: Path, ports: list[int]) -> Iterator[int]:
    """Run nginx with our file, changed only in addresses, the certificate and the limits of one address."""
    port = free_port()
    text = CONF.read_text(encoding="utf-8").replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    text = "\n".join(line for line in text.splitlines() if not line.strip().startswith("ssl_"))
    for old, new in (
        ("server 127.0.0.1:8501;", " ".join(f"server 127.0.0.1:{number};" for number in ports)),
        ("server_name music.example.org", "server_name 127.0.0.1"),
        ("limit_conn connections 40", "limit_conn connections 2000"),
        ("rate=20r/s", "rate=2000r/s"),
    ):
        assert old in text, f"deploy/nginx.conf has no {old!r}"
        text = text.replace(old, new)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    whole = folder / "nginx.conf"
    whole.write_text(
        f"daemon off; master_process off; pid {folder / 'pid'}; error_log {folder / 'error.log'};"
        f"events {{ worker_connections 4000; }} http {{ access_log off; {places} {text} }}",
        encoding="utf-8",
    )
    process = subprocess.Popen([NGINX, "-c", str(whole), "-e", str(folder / "error.log")])
    try:
        end_s = time.monotonic() + START_S
        while not is_ready(port):
            if process.poll() is not None or time.monotonic() > end_s:
                raise SystemExit(f"nginx does not answer: {(folder / 'error.log').read_text()}")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def postgres() -> Iterator[str]:
    """Address of an empty database of a PostgreSQL server that runs until the block ends."""
    if TESTS not in sys.path:
        sys.path.append(TESTS)
    import postgres as programs  # the server of the tests

    running = programs.started()
    try:
        yield running.new_database()
    finally:
        programs.remove(running)
