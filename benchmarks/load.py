"""Many people at once: each sends a clip at the same moment, waits for the decision and the page, and answers.

    python -m benchmarks.load [N ...] [--servers 2] [--kill] [--against FOLDER] [--form FLAC]

N : numbers of people, by default 1 20 50. Real sessions over the websocket on this machine, without a browser; each
sends a clip of its own. Before, the server has scored one clip. One more visitor, who uploads nothing, opens Home and
Decisions again and again meanwhile. At the end each answer must be in the database once. The memory is that of the
server's process, and in the lines "all MB" with its decoders. With ``--servers 2``, two servers work behind nginx on
one PostgreSQL; ``--kill`` ends one of them when half of the people have their decision. Its people come back to the
other one and send their clip again, and all that was called stored must be there. FOLDER is another checkout, which is
measured in the same run. The last line is JSON.
"""

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import numpy as np
import pandas as pd
import sqlalchemy as sa
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from benchmarks.two_servers import Pair, postgres, two_servers
from benchmarks.visitors import START_S, Memory, Visitor, clips, come, cpu_s, server, visit
from core.settings import ROOT

LEFT_S = 60.0  # the memory is measured again so long after the people have left
DECISION = "### "  # the message box of a decision starts with it
STORED = "Stored"


@dataclass(eq=False)
class Person:
    """Somebody with a clip. lost : how often the server was lost.  times in s after the common start."""

    visitor: Visitor
    file: tuple[bytes, str]
    decision_s: float = np.nan
    page_s: float = np.nan
    stored_s: float = np.nan
    lost: int = 0

    def go(self, decided: Callable[[], None]) -> None:
        """Send the clip, wait for the page, and answer. When the server is lost, come back and do it again."""
        began_s = time.perf_counter()
        while True:
            try:
                seen = self.visitor.upload(*self.file)
                late_s = seen.began_s - began_s
                self.decision_s, self.page_s = late_s + seen.seconds_to(DECISION), late_s + seen.seconds
                decided()
                then = self.visitor.rerun(press="Yes,", until=lambda seen: seen.seconds_to(STORED) >= 0)
                self.stored_s = then.began_s + then.seconds_to(STORED) - began_s
                return
            except (ConnectionClosed, HTTPException, OSError):
                self.lost += 1
                self.visitor = again(self.visitor)


def again(visitor: Visitor) -> Visitor:
    """Come back with the same browser, as soon as a server answers."""
    end_s = time.monotonic() + START_S
    while True:
        try:
            return come(visitor.port, cookies=visitor.cookies)
        except (ConnectionClosed, InvalidHandshake, HTTPException, OSError):
            if time.monotonic() > end_s:
                raise
            time.sleep(0.2)


def together(people: list[Person], half: Callable[[], None]) -> None:
    """All send their clip at once, and answer. half : is called when half of them have their decision."""
    start, count, lock = threading.Barrier(len(people)), [0], threading.Lock()

    def decided() -> None:
        with lock:
            count[0] += 1
            if count[0] == (len(people) + 1) // 2:
                half()

    def go(person: Person) -> None:
        start.wait()
        person.go(decided)

    threads = [threading.Thread(target=go, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Reader(threading.Thread):
    """A visitor who uploads nothing and opens pages until told to stop. seconds : of each page."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port, self.seconds, self.end = port, [], threading.Event()

    def run(self) -> None:
        visitor = come(self.port, "")
        while not self.end.is_set():
            for page in ("", "decisions"):
                try:
                    self.seconds.append(visitor.open(page).seconds)
                except ConnectionClosed:
                    visitor = again(visitor)
            self.end.wait(0.5)
        visitor.close()


@contextmanager
def place(root: Path, servers: int) -> Iterator[Pair]:
    """One server, or two servers behind nginx on one PostgreSQL."""
    if servers == 2:
        with postgres() as database, two_servers(database, root=root) as pair:
            yield pair
        return
    with tempfile.TemporaryDirectory() as folder, server({"TME_DATA_DIR": folder}, root=root) as running:
        yield Pair(running.port, (running,), f"sqlite:///{folder}/feedback.db")


def measure(count: int, root: Path, form: str, servers: int, kill: bool) -> dict[str, float]:
    """One number of people."""
    files = list(clips(count + servers, form=form))
    with place(root, servers) as pair:
        for running, file in zip(pair.servers, files[count:], strict=True):
            with visit(running.port) as first:
                first.upload(*file)
                first.open("decisions")
        time.sleep(2)
        before = memory(pair)
        reader = Reader(pair.port)
        people = [Person(come(pair.port), file) for file in files[:count]]
        reader.start()
        time.sleep(1)
        before_s = sum(map(cpu_s, pair.servers))
        together(people, pair.servers[-1].process.kill if kill else lambda: None)
        used_s = np.nan if kill else sum(map(cpu_s, pair.servers)) - before_s
        at = memory(pair)
        reader.end.set()
        reader.join()
        stored = rows(pair.database)
        assert stored == count, f"{stored} answers are stored, not {count}"
        for person in people:
            person.visitor.close()
        time.sleep(LEFT_S)
        after = memory(pair)
    decisions = [person.decision_s for person in people]
    assert not np.isnan(decisions).any(), "a visitor saw no decision"
    return {
        "people": count,
        "decision median": np.median(decisions),
        "decision p95": np.quantile(decisions, 0.95),
        "page p95": np.quantile([person.page_s for person in people], 0.95),
        "last stored": max(person.stored_s for person in people),
        "other pages p95": np.quantile(reader.seconds, 0.95),
        "CPU-s a person": used_s / count,
        "MB before": before.own,
        "MB at work": at.own,
        "MB after": after.own,
        "all MB before": before.all,
        "all MB at work": at.all,
        "all MB after": after.all,
        "stored": stored,
        "came back": sum(person.lost > 0 for person in people),
    }


def memory(pair: Pair) -> Memory:
    """Memory of all servers that run."""
    each = [running.memory() for running in pair.servers if running.process.is_running()]
    return Memory(sum(one.own for one in each), sum(one.all for one in each))


def rows(database: str) -> int:
    """Clips with an answer in the database."""
    engine = sa.create_engine(database.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        return connection.execute(sa.text("SELECT count(DISTINCT clip_id) FROM feedback")).scalar_one()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", nargs="*", type=int, default=[1, 20, 50])
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--form", default="FLAC", help="format of the files, as libsndfile names it")
    parser.add_argument("--servers", type=int, default=1, choices=(1, 2))
    parser.add_argument("--kill", action="store_true", help="end one of two servers in the middle")
    chosen = parser.parse_args()
    if chosen.kill and chosen.servers == 1:
        parser.error("--kill needs --servers 2")
    places = {"before": chosen.against.resolve()} if chosen.against else {}
    places["now"] = ROOT
    lines = [
        {"version": name} | measure(count, root, chosen.form, chosen.servers, chosen.kill)
        for count in chosen.people
        for name, root in places.items()
    ]
    table = pd.DataFrame(lines).set_index(["people", "version"]).T
    print(table.map(lambda v: f"{v:.2f}" if v < 100 else f"{v:.0f}").to_string())
    print(json.dumps([{k: round(v, 3) if isinstance(v, float) else v for k, v in line.items()} for line in lines]))


if __name__ == "__main__":
    main()
