"""A real PostgreSQL for the tests: Debian's own programs, a new cluster in a temporary folder, a free port.

All workers of a test run share one server (``shared``). A test that stops its server starts one of its own.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import once
import psycopg
import pytest
from required import missing

from core import store

USER = "tester"
KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]  # databases, for parametrized fixtures


def programs() -> Path:
    """Folder of initdb and pg_ctl, the newest version. Without it the test is skipped, or fails where CI is set."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    return missing("PostgreSQL is not installed: apt-get install postgresql.")


@dataclass(frozen=True)
class Server:
    """A running cluster that belongs to one test run."""

    bin: Path
    data: Path
    port: int

    def control(self, *words: str) -> None:
        """pg_ctl, waiting until it is done."""
        log = self.data.parent / "log"
        _as_postgres([self.bin / "pg_ctl", "-D", self.data, "-l", log, "-w", "-t", "60", *words])

    def start(self) -> None:
        # Without fsync: a test machine loses no data that anybody misses.
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off "
            "-c max_connections=300"
        )
        self.control("start", "-o", options)

    def stop(self) -> None:
        """Stop at once, without waiting for clients."""
        self.control("stop", "-m", "fast")

    def kill(self) -> None:
        """Stop as a power cut would: no checkpoint, clients cut off."""
        self.control("stop", "-m", "immediate")

    def new_database(self, *, folder: Path | None = None, like: str = "") -> str:
        """URL of a database of its own; its files are in the folder, if one is given. like : URL of one to copy."""
        name = f"t{secrets.token_hex(6)}"
        if folder is None:
            self._run(f"CREATE DATABASE {name} TEMPLATE {like.rsplit('/', 1)[-1] or 'template1'}")
        else:
            self._run(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
            self._run(f"CREATE DATABASE {name} TABLESPACE {name} STRATEGY file_copy")
        return self._url(name)

    def new_store(self) -> str:
        """URL of a database with all tables and no rows; the first one of a run is made, the others are copied."""
        return self.new_database(like=once.value("postgres-template", self._migrated))

    def _migrated(self) -> str:
        url = self.new_database()
        store.close_store(store.open_store(url))
        return url

    def drop(self, url: str) -> None:
        """Remove a database that was made in a folder."""
        name = url.rsplit("/", 1)[-1]
        self._run(f"DROP DATABASE {name} WITH (FORCE)")
        self._run(f"DROP TABLESPACE {name}")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _url(self, name: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"


def _as_postgres(words: list[object]) -> None:
    """Run a program; as the user postgres where we are root, because PostgreSQL refuses root."""
    switch = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    command = [*switch, *map(str, words)]
    # Not through pipes: the server would keep them open and we would wait for its end.
    with tempfile.TemporaryFile() as said:
        if subprocess.run(command, stdout=said, stderr=subprocess.STDOUT, cwd="/", check=False).returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed:\n{said.read().decode(errors='replace')}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def started() -> Server:
    """A new cluster, running. Call ``remove`` when done."""
    bin_ = programs()
    memory = Path("/dev/shm")  # quicker, where there is enough of it
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 << 30
    folder = Path(tempfile.mkdtemp(prefix="tme-postgres-", dir=memory if roomy else None))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    server = Server(bin_, folder / "data", free_port())
    _as_postgres(
        [bin_ / "initdb", "-D", server.data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"]
    )
    server.start()
    return server


def remove(server: Server) -> None:
    server.kill()
    shutil.rmtree(server.data.parent, ignore_errors=True)


def shared() -> Server:
    """The server of this test run. The first process that asks starts it; ``remove_shared`` ends it."""
    return once.value("postgres", started)


def remove_shared() -> None:
    """Remove the server of this run, where one was started."""
    server = once.known("postgres")
    if isinstance(server, Server):
        remove(server)
