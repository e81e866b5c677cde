"""How pages and questions answer on a large store: 100,000 pieces and 1,000,000 answers, by default.

    python -m benchmarks.stores [--pieces 100000] [--answers 1000000] [--postgres] [--against FOLDER] [--only moods ...]

The store is generated from a seed: files with artist, title and makam in many folders, three scored windows a file,
predictions of a champion and (for a fifth of the clips) a challenger, and answers of 24 raters, some taken back, some
settled by an analyst. Names, numbers and answers are random; no music is read.

Each page runs as the server runs it (Streamlit's ``AppTest``), in a process of its own kind of the checkout that is
measured. The libraries are loaded and the model is known. *The server starts* is what the start of the server reads
before it is ready; the table of pieces is made there, because no file has it yet. Then the pages are visited in the
order of the table. *First* is the first visit of this server, *again* a second one. *Statements* and *rows* are those
of the database. *Grown* is the memory that the process needed in addition while the page ran. CPU seconds are compared,
because the load of a machine varies.

``--against FOLDER`` measures the same in another checkout of this program, first, on the same store. ``--postgres``
takes a PostgreSQL server of its own (Debian's programs) instead of SQLite. The last line is JSON.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
RATERS, NEVER, TASK = 24, 200, 500
AT_ONCE = 20_000  # rows of one insert
WINDOWS_S = ((0.0, 10.0), (10.0, 20.0), (20.0, 30.0))
MAKAMS = ("Hicaz", "Uşşak", "Hüseynî", "Rast", "Nihavend", "Kürdîlihicazkâr", "Segâh", "")
WORDS = ("Gül", "Işık", "Çeşme", "Şarkı", "İstanbul", "Rüzgâr", "Akşam", "Bülbül", "Deniz", "Gönül", "Yıldız", "Ağaç")


# --- the store -------------------------------------------------------------------------------------------------------


def fill(
    url: str,
    music: Path,
    pieces: int,
    answers: int,
    seed: int = 0,
    *,
    begin: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    step_s: float = 1.0,
    answered: datetime = datetime(2026, 2, 1, tzinfo=UTC),
) -> None:
    """Fill an empty store with pieces and answers, and write a file of one byte for each piece.

    begin, step_s : when the first piece was scored, and the seconds to the next one.  answered : the first answer.
    """
    from core.store import open_store

    store = open_store(url)
    rng = np.random.default_rng(seed)
    hashes = [hashlib.sha256(f"{seed} {k}".encode()).hexdigest() for k in range(pieces)]
    with store.engine.connect().execution_options(write=True) as c, c.begin():
        for first in range(0, pieces, AT_ONCE):
            some = range(first, min(first + AT_ONCE, pieces))
            _fill_pieces(c, music, hashes, some, rng, [begin + timedelta(seconds=step_s * k) for k in some])
        _fill_answers(c, hashes, answers, rng, answered)
        _fill_rest(c, hashes, music)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
        c.exec_driver_sql("ANALYZE")
    store.engine.dispose()


def _fill_pieces(
    c: Any, music: Path, hashes: list[str], which: range, rng: np.random.Generator, moments: list[datetime]
) -> None:
    from core.features import EXTRACTOR
    from core.models.reference import ALL, LEVELS, read_reference
    from core.schema import COLUMNS, EMOTIONS
    from core.settings import Settings
    from core.store import schema

    policy, version = _in_use()
    reference = read_reference(Settings().champion_dir / "reference.json")
    n = len(which)
    proba = rng.dirichlet([0.6] * 4, (n, 3))
    answer = proba.mean(axis=1)
    second = rng.dirichlet([0.6] * 4, n)
    quantiles = (
        [reference.quantiles[ALL][column] for column in COLUMNS]
        if isinstance(reference.quantiles[ALL], dict)
        else list(reference.quantiles[ALL])
    )
    values = np.stack([np.interp(rng.random(3 * n), LEVELS, q) for q in quantiles], axis=1)
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("tracks", "clips", "features", "predictions", "files")
    }
    for i, k in enumerate(which):
        digest, moment = hashes[k], moments[i]
        folder = music / f"{k // 500:04d} {WORDS[k // 500 % len(WORDS)]}"
        if k % 500 == 0:
            folder.mkdir(parents=True, exist_ok=True)
        name = f"{WORDS[k % 12]} {WORDS[k // 12 % 12]} {k}.mp3"
        path = folder / name
        path.write_bytes(b"x")
        length = float(60 + rng.exponential(150))
        rows["tracks"].append(
            {
                "id": digest[:40], "artist": f"{WORDS[k % 11]} {k % 2500}", "title": name[:-4], "source": str(folder),
                "album": f"Albüm {k // 12}", "genre": "Türk müziği" if k % 3 else "", "year": 1950 + k % 70,
                "makam": MAKAMS[k % len(MAKAMS)], "usul": "", "performer": "", "created_at": moment,
            }
        )  # fmt: skip
        ids = [digest, *(f"{digest[:60]}-{w}" for w in (1, 2))]
        for w, clip_id in enumerate(ids):
            rows["clips"].append(
                {
                    "id": clip_id, "content_hash": digest, "track_id": digest[:40], "origin": "library",
                    "file_name": name, "path": str(path), "start_s": WINDOWS_S[w][0], "duration_s": 10.0, "sr": 44100,
                    "bitrate": 128000, "file_duration_s": length, "lufs": float(rng.normal(-16, 4)), "channels": 2,
                    "part_of": digest if w else None, "created_at": moment,
                }
            )  # fmt: skip
            measured = dict(zip(COLUMNS, values[3 * i + w].tolist(), strict=True))
            rows["features"].append({"clip_id": clip_id, "extractor": EXTRACTOR, **measured, "created_at": moment})
        windows = json.dumps(
            [
                {"clip_id": ids[w], "start_s": s, "end_s": e, "p": proba[i, w].tolist(), "unlike": ""}
                for w, (s, e) in enumerate(WINDOWS_S)
            ]
        )
        for role, said in (("champion", answer[i]), ("challenger", second[i])):
            if role == "challenger" and k % 5:
                continue
            order = np.argsort(-said)
            sure = said[order[0]] > 0.6
            rows["predictions"].append(
                {
                    "clip_id": digest, "model_version": version if role == "champion" else "challenger",
                    "extractor": EXTRACTOR, "role": role,
                    **{f"p_{e}": float(p) for e, p in zip(EMOTIONS, said, strict=True)},
                    "guess": EMOTIONS[order[0]], "margin": float(said[order[0]] - said[order[1]]), "policy": policy,
                    "decision": EMOTIONS[order[0]] if sure else None,
                    "candidates": json.dumps([EMOTIONS[j] for j in (order[:1] if sure else order[:2])]),
                    "reason": "The most probable emotion is above the threshold." if sure else "Two are probable.",
                    "latency_s": None, "unlike": "", "windows": windows if role == "champion" else "",
                    "created_at": moment,
                }
            )  # fmt: skip
        rows["files"].append(
            {
                "id": hashlib.sha256(f"excerpt\n{path}".encode()).hexdigest(), "path": str(path), "plan": "excerpt",
                "size": 1, "stamp": "1 1", "state": "scored", "reason": "", "extractor": EXTRACTOR,
                "content_hash": digest, "duration_s": length, "windows": "[]", "remarks": "[]", "checked_at": moment,
            }
        )  # fmt: skip
    for name, some in rows.items():
        if some:
            c.execute(getattr(schema, name).insert(), some)


def _in_use() -> tuple[str, str]:
    """The policy and the version of the model in use."""
    from core import file_names
    from core.models import bundle, description
    from core.settings import Settings
    from pages.shared.policy import default

    model = description.describe_model_in_use(Settings())
    return default(bundle.read_policies(model.folder / file_names.POLICY)).to_json(), model.version


def _fill_answers(c: Any, hashes: list[str], answers: int, rng: np.random.Generator, now: datetime) -> None:
    """Answers of the raters about random clips; a rater seldom answers a clip twice. One in 50 is taken back."""
    from core.schema import EMOTIONS
    from core.store import schema

    half = max(1, 9 * len(hashes) // 10)
    truth = rng.integers(0, 4, len(hashes))
    for begin in range(0, answers, AT_ONCE):
        n = min(AT_ONCE, answers - begin)
        which, who = rng.integers(0, half, n), rng.integers(0, RATERS, n)
        heard = np.where(rng.random(n) < 0.7, truth[which], rng.integers(0, 4, n))
        kind, skip = rng.random(n), rng.random(n) < 0.03
        rows = []
        for i in range(n):
            number = begin + i + 1
            undo = i > 0 and kind[i] < 0.02 and rows[-1]["kind"] == "answer"
            settles = not undo and kind[i] > 0.995
            about = rows[-1] if undo else None
            rows.append(
                {
                    "id": number, "token": f"token-{number:012d}",
                    "kind": "undo" if undo else "adjudication" if settles else "answer",
                    "clip_id": about["clip_id"] if about else hashes[which[i]], "prediction_id": None,
                    "display": "none", "shown_label": None,
                    "label": None if undo or skip[i] else EMOTIONS[heard[i]],
                    "skip_reason": "bad audio" if skip[i] and not undo else None,
                    "rater": about["rater"] if about else "Boss" if settles else f"Rater {who[i]:02d}",
                    "verified": False, "source": "label", "comment": "", "target_id": number - 1 if undo else None,
                    "answer_s": 9.0, "heard_s": 12.0, "task_id": None, "turn": None,
                    "created_at": now + timedelta(seconds=number),
                }
            )  # fmt: skip
        c.execute(schema.feedback.insert(), rows)
    if c.dialect.name == "postgresql":
        c.exec_driver_sql("SELECT setval(pg_get_serial_sequence('feedback', 'id'), max(id)) FROM feedback")


def _fill_rest(c: Any, hashes: list[str], music: Path) -> None:
    """People, a task, clients with sessions, pieces that no playlist uses."""
    from core.store import schema

    now = datetime(2026, 3, 1, tzinfo=UTC)
    names = [("Boss", "analyst"), ("Nurse", "therapist"), *((f"Rater {k:02d}", "rater") for k in range(RATERS))]
    c.execute(
        schema.raters.insert(), [{"name": n, "verified": False, "role": role, "created_at": now} for n, role in names]
    )
    some = hashes[: min(NEVER, len(hashes))]
    c.execute(
        schema.never_played.insert(),
        [{"id": h, "kind": "piece", "value": h, "name": "x", "put_by": "Boss", "created_at": now} for h in some],
    )
    clients = [{"owner": "Nurse", "owner_verified": False, "code": f"K-{k}", "folded": f"k-{k}", "created_at": now}
               for k in range(200)]  # fmt: skip
    c.execute(schema.clients.insert(), clients)


# --- the measurement -------------------------------------------------------------------------------------------------


class Ledger:
    """What the process and the database did: CPU and wall seconds, statements, rows, peak of memory in MB."""

    def __init__(self) -> None:
        self.statements, self.rows, self.asked = 0, 0, {}

    def watch(self) -> None:
        """Count the statements and rows of all engines from now on."""
        import sqlalchemy as sa

        sa.event.listen(sa.Engine, "before_cursor_execute", self._statement)
        sa.event.listen(sa.Engine, "connect", self._connected)

    def _statement(self, _c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.statements += 1
        self.asked[statement] = self.asked.get(statement, 0) + 1

    def _connected(self, connection: Any, _record: Any) -> None:
        if type(connection).__module__.startswith("sqlite3"):
            connection.row_factory = self._sqlite_row
        else:
            connection.row_factory = self._server_row

    def _sqlite_row(self, _cursor: Any, row: tuple[Any, ...]) -> tuple[Any, ...]:
        self.rows += 1
        return row

    def _server_row(self, cursor: Any) -> Callable[[Any], tuple[Any, ...]]:
        def made(values: Any) -> tuple[Any, ...]:
            self.rows += 1
            return tuple(values)

        return made

    @contextmanager
    def measured(self, into: dict[str, float], prefix: str) -> Iterator[None]:
        statements, rows, self.asked = self.statements, self.rows, {}
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = _memory("VmRSS")
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        into[f"{prefix}_cpu_s"] = round(time.process_time() - cpu, 2)
        into[f"{prefix}_s"] = round(time.perf_counter() - wall, 2)
        into[f"{prefix}_statements"] = self.statements - statements
        into[f"{prefix}_rows"] = self.rows - rows
        into[f"{prefix}_grown_mb"] = round(_memory("VmHWM") - before)


def _memory(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


START = "the server starts"
PAGES: dict[str, tuple[str, dict[str, str], str]] = {  # name: page, address, person
    "moods": ("moods", {}, ""),
    "moods, words": ("moods", {"words": "gul istanbul", "sort": "Title", "order": "rising"}, ""),
    "moods, spread": ("moods", {"view": "Spread"}, ""),
    "playlists, mood": ("playlists", {}, ""),
    "playlists, path": ("playlists", {"kind": "Iso path"}, ""),
    "library": ("library", {}, "Boss"),
    "label": ("label", {}, "Rater 01"),
    "label, answers": ("label", {"view": "My answers"}, "Rater 01"),
    "label, at work": ("label", {"view": "At work"}, "Rater 01"),
    "agreement": ("agreement", {}, "Boss"),
    "agreement, tasks": ("agreement", {"view": "Tasks"}, "Boss"),
    "agreement, disputes": ("agreement", {"view": "Disputes"}, "Boss"),
    "agreement, files": ("agreement", {"view": "Files"}, "Boss"),
    "agreement, raters": ("agreement", {"view": "Raters"}, "Boss"),
    "agreement, clips": ("agreement", {"view": "Clips"}, "Boss"),
    "agreement, pull": ("agreement", {"view": "Pull of the guess"}, "Boss"),
    "learning": ("learning", {}, "Boss"),
    "confusion": ("confusion", {}, "Boss"),
    "same recordings": ("copies", {}, ""),
    "tracks": ("tracks", {}, ""),
    "sessions": ("sessions", {}, "Nurse"),
}


def prepare_visits() -> Ledger:
    """Let pages open as the server opens them; return the ledger of what they ask."""
    from streamlit.components.v2 import manifest_scanner
    from streamlit.runtime.pages_manager import PagesManager

    from pages.shared import doors

    known = manifest_scanner.scan_component_manifests()
    manifest_scanner.scan_component_manifests = lambda: known
    start = PagesManager.__init__

    def through_app(self: Any, *args: Any, **kwargs: Any) -> None:
        doors.only_through_app()
        start(self, *args, **kwargs)

    PagesManager.__init__ = through_app  # type: ignore[method-assign]
    ledger = Ledger()
    ledger.watch()
    return ledger


def measure(only: list[str], *, statements: bool) -> dict[str, dict[str, float]]:
    """Start as the server does, and visit each page twice in this process."""
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    from core.settings import Settings
    from pages.shared import cached

    ledger = prepare_visits()

    def visit(name: str, person: str) -> None:
        page, address, _ = PAGES[name]
        app = AppTest.from_file(str(Path.cwd() / "app.py"), default_timeout=3600)
        for key, value in address.items():
            app.query_params[key] = value
        if person:
            app.session_state["who"] = person
        app.switch_page(f"pages/{page}.py").run()
        for error in [*app.exception, *app.error]:
            print(f"{name}: {error.value}", file=sys.stderr)

    large = os.environ["TME_DATABASE_URL"]
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="stores-empty-") as empty:  # loads all libraries
        os.environ["TME_DATABASE_URL"] = f"sqlite:///{empty}/empty.db"
        for name in only:
            visit(name, PAGES[name][2])
    os.environ["TME_DATABASE_URL"] = large
    st.cache_data.clear()
    st.cache_resource.clear()
    shutil.rmtree(Settings().pieces_dir, ignore_errors=True)
    cached.champion()
    cached.table_at_hand()
    steps: dict[str, Callable[[], object]] = {START: _start}
    steps |= {name: partial(visit, name, PAGES[name][2]) for name in only}
    for name, step in steps.items():
        found[name] = {}
        for prefix in ("first", "again"):
            with ledger.measured(found[name], prefix):
                step()
            if statements:
                for text, times in sorted(ledger.asked.items(), key=lambda one: -one[1]):
                    print(f"  {name} {prefix} {times} x {' '.join(text.split())[:300]}", file=sys.stderr)
        print(name, found[name], file=sys.stderr, flush=True)
    return found


def _start() -> None:
    """What the server reads before it is ready. An earlier version has no library ready."""
    from pages.shared import first_library

    first_library.read_large_store()
    if importlib.util.find_spec("pages.views.library.ready"):
        from pages.views.library import ready

        ready.prepare_library()


def _in_checkout(folder: Path, arguments: list[str], env: dict[str, str]) -> dict[str, dict[str, float]]:
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    done = subprocess.run(
        command, cwd=folder, env=env | {"PYTHONPATH": str(folder)}, stdout=subprocess.PIPE, text=True, check=True
    )
    lines = done.stdout.splitlines()
    return dict(json.loads(lines[-1])) if lines else {}


@contextmanager
def database(place: Path, *, server: bool) -> Iterator[str]:
    """Address of an empty database; of a new PostgreSQL server when asked."""
    if not server:
        yield f"sqlite:///{place}/data/feedback.db"
        return
    sys.path.insert(0, str(ROOT / "tests"))
    import postgres  # the server of the tests

    running = postgres.started()
    try:
        yield running.new_database()
    finally:
        postgres.remove(running)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=100_000)
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--against", type=Path, help="folder of another checkout of this program")
    parser.add_argument("--only", nargs="+", default=list(PAGES), choices=list(PAGES))
    parser.add_argument("--place", type=Path, help="a folder for the store, which stays; a filled one is used again")
    parser.add_argument("--statements", action="store_true", help="print the statements of each page")
    parser.add_argument("--fill", help=argparse.SUPPRESS)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fill:
        fill(os.environ["TME_DATABASE_URL"], Path(given.fill), given.pieces, given.answers)
        return
    if given.measure:
        print(json.dumps(measure(given.only, statements=given.statements)))
        return
    with tempfile.TemporaryDirectory(prefix="stores-") as temporary:
        place = (given.place or Path(temporary)).resolve()
        (place / "data").mkdir(parents=True, exist_ok=True)
        with database(place, server=given.postgres) as url:
            report(given, place, url)


def report(given: argparse.Namespace, place: Path, url: str) -> None:
    """Fill the store where it is empty, measure the checkouts, and print the table."""
    env = os.environ | {"TME_DATA_DIR": str(place / "data"), "TME_DATABASE_URL": url}
    checkouts = ({"before": given.against.resolve()} if given.against else {}) | {"after": ROOT}
    if given.postgres or not (place / "data" / "feedback.db").is_file():
        sizes = ["--pieces", str(given.pieces), "--answers", str(given.answers)]
        _in_checkout(next(iter(checkouts.values())), ["--fill", str(place / "music"), *sizes], env)
    asked = ["--measure", *(["--statements"] if given.statements else []), "--only", *given.only]
    found = {name: _in_checkout(folder, asked, env) for name, folder in checkouts.items()}
    print(f"{given.pieces:,} pieces, {given.answers:,} answers, {'PostgreSQL' if given.postgres else 'SQLite'}\n")
    print("| page | checkout | first, CPU s | first, s | again, CPU s | again, s | statements | rows | grown, MB |")
    print("|" + "---|" * 9)
    for page in (START, *given.only):
        for name, pages in found.items():
            one = pages[page]
            print(
                f"| {page} | {name} | {one['first_cpu_s']:.2f} | {one['first_s']:.2f} | {one['again_cpu_s']:.2f} "
                f"| {one['again_s']:.2f} | {one['first_statements']:.0f} / {one['again_statements']:.0f} "
                f"| {one['first_rows']:,.0f} / {one['again_rows']:,.0f} | {one['first_grown_mb']:.0f} |"
            )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
