"""Many people at once: each sends a clip at the same moment, waits for the decision and the page, and answers.

    python -m benchmarks.load [N ...] [--against FOLDER] [--form FLAC]

N : numbers of people, by default 1 20 50. Real sessions over the websocket on this machine, without a browser; each
sends a clip of its own. Before, the server has scored one clip. One more visitor, who uploads nothing, opens Home and
Decisions again and again meanwhile. At the end each answer must be in the database once. The memory is that of the
server's process, and in brackets with its decoders. FOLDER is another checkout, which is measured in the same run.
The last line is JSON.
"""

import argparse
import json
import sqlite3
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.visitors import Seen, Visitor, clips, cpu_s, server, visit
from core.settings import ROOT

LEFT_S = 60.0  # the memory is measured again so long after the people have left
DECISION = "### "  # the message box of a decision starts with it
STORED = "Stored"


def together(visitors: list[Visitor], files: list[tuple[bytes, str]]) -> tuple[list[Seen], list[Seen]]:
    """All visitors send their clip at once, then each answers. Returns what they saw, and what they saw then."""
    start, lines = threading.Barrier(len(visitors)), [None] * len(visitors)

    def go(k: int) -> None:
        start.wait()
        seen = visitors[k].upload(*files[k])
        lines[k] = (seen, visitors[k].rerun(press="Yes,"))

    threads = [threading.Thread(target=go, args=(k,)) for k in range(len(visitors))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if None in lines:
        raise SystemExit(f"{lines.count(None)} of {len(lines)} visitors got no answer.")
    return [seen for seen, _ in lines], [then for _, then in lines]


class Reader(threading.Thread):
    """A visitor who uploads nothing and opens pages until told to stop. seconds : of each page."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port, self.seconds, self.end = port, [], threading.Event()

    def run(self) -> None:
        with visit(self.port, "") as visitor:
            while not self.end.is_set():
                for page in ("", "decisions"):
                    self.seconds.append(visitor.open(page).seconds)
                self.end.wait(0.5)


def measure(count: int, root: Path, form: str) -> dict[str, float]:
    """One server, one number of people."""
    files = list(clips(count + 1, form=form))
    with tempfile.TemporaryDirectory() as folder, server({"TME_DATA_DIR": folder}, root=root) as running:
        with visit(running.port) as first:
            first.upload(*files[-1])
            first.open("decisions")
        time.sleep(2)
        before = running.memory()
        reader = Reader(running.port)
        with ExitStack() as pages:
            visitors = [pages.enter_context(visit(running.port)) for _ in range(count)]
            reader.start()
            time.sleep(1)
            cpu_before = cpu_s(running)
            seen, then = together(visitors, files[:-1])
            used = cpu_s(running) - cpu_before
            at = running.memory()
            reader.end.set()
            reader.join()
        stored = rows(Path(folder) / "feedback.db")
        assert stored == count, f"{stored} answers are stored, not {count}"
        time.sleep(LEFT_S)
        after = running.memory()
    decisions, whole = [s.seconds_to(DECISION) for s in seen], [s.seconds for s in seen]
    answered = [s.seconds_to(STORED) for s in then]
    assert not np.isnan(decisions + answered).any(), "a visitor saw no decision, or no receipt"
    return {
        "people": count,
        "decision median": np.median(decisions),
        "decision p95": np.quantile(decisions, 0.95),
        "page p95": np.quantile(whole, 0.95),
        "last stored": max(t.began_s + a for t, a in zip(then, answered, strict=True)) - min(s.began_s for s in seen),
        "other pages p95": np.quantile(reader.seconds, 0.95),
        "CPU-s a person": used / count,
        "MB before": before.own,
        "MB at work": at.own,
        "MB after": after.own,
        "all MB before": before.all,
        "all MB at work": at.all,
        "all MB after": after.all,
        "stored": stored,
    }


def rows(database: Path) -> int:
    """Answers in the database, each about a clip of its own."""
    with sqlite3.connect(database) as connection:
        return connection.execute("SELECT count(DISTINCT clip_id) FROM feedback").fetchone()[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", nargs="*", type=int, default=[1, 20, 50])
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--form", default="FLAC", help="format of the files, as libsndfile names it")
    chosen = parser.parse_args()
    places = {"before": chosen.against.resolve()} if chosen.against else {}
    places["now"] = ROOT
    lines = [
        {"version": name} | measure(count, root, chosen.form)
        for count in chosen.people
        for name, root in places.items()
    ]
    table = pd.DataFrame(lines).set_index(["people", "version"]).T
    print(table.map(lambda v: f"{v:.2f}" if v < 100 else f"{v:.0f}").to_string())
    print(json.dumps([{k: round(v, 3) if isinstance(v, float) else v for k, v in line.items()} for line in lines]))


if __name__ == "__main__":
    main()
