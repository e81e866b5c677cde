"""Two servers behind our nginx file on one PostgreSQL: sessions stay with their server, and nothing stored is lost."""

import subprocess
import sys
from pathlib import Path

import forked
import postgres
import pytest
from required import missing
from websockets.exceptions import ConnectionClosed

from benchmarks import visitors
from benchmarks.load import STORED, again, rows
from benchmarks.two_servers import NGINX, Pair, two_servers
from benchmarks.visitors import Server, Visitor, come

GOLDEN = Path(__file__).resolve().parent / "golden"
CLIPS = [(path.read_bytes(), path.name) for path in (GOLDEN / "arpeggio_6s.flac", GOLDEN / "dc_offset_6s.flac")]
MANY = 60  # browsers, of which each server gets at least one

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("forked")]


class Forked:
    """Stands for the module ``subprocess``: servers are forks of the process that has loaded the program."""

    TimeoutExpired = subprocess.TimeoutExpired

    @staticmethod
    def Popen(words: list[str], *, cwd: Path, env: dict[str, str], **_: object) -> forked.Command:  # noqa: N802
        assert (words[0], cwd) == (sys.executable, forked.ROOT)
        return forked.Command(words[1:], env=env)


@pytest.fixture
def pair(monkeypatch):
    monkeypatch.setattr(visitors, "subprocess", Forked)
    if not Path(NGINX).is_file():
        missing("nginx is not installed (Debian: nginx-light).")
    with two_servers(postgres.shared().new_database(), settings={"TME_WARM_UP": "false"}) as running:
        yield running


def open_pages(server: Server) -> int:
    """Pages that the server holds open."""
    connections = server.process.net_connections()
    return sum(c.status == "ESTABLISHED" and c.laddr.port == server.port for c in connections)


def one_on_each(pair: Pair) -> list[Visitor]:
    """A visitor on each server, in the order of the servers."""
    found: dict[int, Visitor] = {}
    for _ in range(MANY):
        before = [open_pages(server) for server in pair.servers]
        visitor = come(pair.port, "")
        (place,) = [k for k, server in enumerate(pair.servers) if open_pages(server) > before[k]]
        if place in found:
            visitor.close()
        found.setdefault(place, visitor)
        if len(found) == len(pair.servers):
            break
    return [found[k] for k in range(len(pair.servers))]


def read_on(visitor: Visitor) -> None:
    """Read what the server sends, as long as there is one."""
    while True:
        visitor.page.recv(timeout=60)


def answer(visitor: Visitor, clip: tuple[bytes, str]) -> None:
    visitor.upload(*clip)
    receipt = visitor.rerun(press="Yes,")
    assert receipt.seconds_to(STORED) >= 0, receipt.alerts


def test_the_people_of_a_killed_server_come_back_to_the_other_and_lose_nothing_that_was_stored(pair):
    visitors = one_on_each(pair)
    for visitor, clip in zip(visitors, CLIPS, strict=True):
        visitor.open("predict")
        answer(visitor, clip)
    assert rows(pair.database) == 2
    stays, moves = visitors
    assert stays.cookies["tme_place"] != moves.cookies["tme_place"]
    pair.servers[1].process.kill()
    with pytest.raises(ConnectionClosed):
        read_on(moves)
    assert rows(pair.database) == 2
    moved = again(moves)
    assert moved.cookies["tme_place"] == moves.cookies["tme_place"]
    answer(moved, CLIPS[0])
    assert rows(pair.database) == 2  # of the same clip, so there is no third one
    stays.open("predict")
    for visitor in (stays, moved):
        visitor.close()
