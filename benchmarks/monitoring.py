"""How fast the Monitoring page answers on a large store: a million events and 100,000 clips, by default.

    python -m benchmarks.monitoring [--events 1000000] [--pieces 100000] [--answers 100000] [--postgres]

The store is that of ``benchmarks.stores``, and events of two years: clips that were scored, refused and failed in every
way, plays, skips and answers, weekly measurements of drift, alarms, and two promotions. Everything comes from a seed.

Each tab runs as the server runs it (Streamlit's ``AppTest``). *First* is the first visit after the caches are empty,
while the libraries are loaded. *Again* is a second visit within a minute. ``/metrics`` is the collector for Prometheus,
asked twice in the same way. CPU seconds are those of this process; a PostgreSQL server has its own. The last line is
JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
AT_ONCE = 20_000  # rows of one insert
DAYS = 730
TABS = ("Overview", "Traffic", "Speed", "Decisions", "Quality", "Drift", "Alarms", "Slices")
PERIODS = ("28 days", "1 year", "All")
KINDS = {"scored": 0.6, "refused": 0.03, "failed": 0.004, "shown": 0.1, "played": 0.12, "skipped": 0.05,
         "finished": 0.05, "answered": 0.046}  # fmt: skip
WAYS = ("page", "microphone", "tracks", "library", "api", "command")
DECISIONS = ("accept", "choose", "review")
VERSIONS = ("champion-1", "champion-2", "champion-3")


def fill(url: str, music: Path, pieces: int, answers: int, events: int, seed: int = 0) -> None:
    """Fill an empty store with pieces, answers and events."""
    from benchmarks import stores
    from core.store import open_store, schema

    end = datetime.now(UTC)
    # The first pieces have answers: they are the newest.
    stores.fill(
        url, music, pieces, answers, seed, begin=end, step_s=-DAYS * 86_400 / pieces, answered=end - timedelta(days=2)
    )
    store, rng = open_store(url), np.random.default_rng(seed)
    with store.engine.connect().execution_options(write=True) as c, c.begin():
        clips = [row[0] for row in c.execute(schema.files.select().with_only_columns(schema.files.c.content_hash))]
        for begin in range(0, events, AT_ONCE):
            n = min(AT_ONCE, events - begin)
            passed = np.sqrt((begin + np.sort(rng.random(n)) * n) / events)  # more and more use
            c.execute(schema.events.insert(), list(_events(DAYS * passed, clips, end, rng)))
        c.execute(schema.events.insert(), list(_rare(end, rng)))
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
        c.exec_driver_sql("ANALYZE")
    store.engine.dispose()


def _events(days: np.ndarray, clips: list[str], end: datetime, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """One event for each moment. days : from the begin of the two years on."""
    n = len(days)
    kinds = rng.choice(list(KINDS), n, p=np.array(list(KINDS.values())) / sum(KINDS.values()))
    seconds, which = rng.lognormal(-0.7, 0.6, n), rng.integers(0, len(clips), n)
    for k in range(n):
        scored = kinds[k] == "scored"
        decision = DECISIONS[int(rng.choice(3, p=(0.55, 0.25, 0.2)))] if scored else ""
        label = ("angry", "happy", "relax", "sad")[int(rng.integers(4))]
        about = {
            "decision": decision, "label": label if decision == "accept" else None,
            "unlike": decision == "review" and bool(rng.random() < 0.25),
            "stages": {"decode": seconds[k] / 4, "features": seconds[k] / 2, "model": seconds[k] / 4},
        } if scored else {}  # fmt: skip
        way = WAYS[int(rng.integers(len(WAYS)))]
        yield {
            "at": end - timedelta(days=float(DAYS - days[k])),
            "kind": str(kinds[k]),
            "way": way,
            "request_id": "",
            "session_id": f"visit-{which[k] % 5000}",
            "model_version": VERSIONS[min(2, int(3 * days[k] / DAYS))],
            "clip_id": clips[which[k]],
            "seconds": None if way == "library" else float(seconds[k]),
            "value": float(0.25 + 0.75 * rng.random()),
            "about": about,
        }


def _rare(end: datetime, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Weekly drift, an alarm a quarter, two promotions."""
    from core.schema import COLUMNS

    empty = {"way": "", "request_id": "", "session_id": "", "clip_id": "", "seconds": None}
    monday = (end - timedelta(days=end.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    for week in range(DAYS // 7):
        until = monday - timedelta(weeks=week)
        features = {
            name: {"ks": ks, "q": q, "psi": 3 * ks**2, "shift": 4 * ks, "drifted": q < 0.05}
            for name, ks, q in zip(COLUMNS, (0.3 * rng.random(50)).tolist(), rng.random(50).tolist(), strict=True)
        }
        about = {
            "features": features,
            "clips": 900,
            "from": (until - timedelta(weeks=1)).isoformat(),
            "to": until.isoformat(),
            "limit": 0.2,
            "weeks": 130.0,
            "psi_share": 0.04,
            "psi_by_chance": 0.02,
        }
        drift = {"kind": "drift measured", "model_version": VERSIONS[2], "value": 0.06}
        yield {"at": until, **drift, "about": about, **empty}
    finding = {"rule": "unsure", "standing": "rings", "value": 0.4, "limit": 0.35, "weeks": 130.0, "clips": 900,
               "seen": "360 of 900 clips got no sure answer.", "sure": "", "by_chance": "", "about": {}}  # fmt: skip
    for quarter in range(8):
        for rings, days in ((1.0, 91 * quarter + 14), (0.0, 91 * quarter)):
            at = end - timedelta(days=days + 1)
            yield {"at": at, "kind": "alarm", "model_version": VERSIONS[2], "value": rings, "about": finding, **empty}
    for version, days in zip(VERSIONS[1:], (DAYS * 2 / 3, DAYS / 3), strict=True):
        at = end - timedelta(days=days)
        yield {"at": at, "kind": "promoted", "model_version": version, "value": None, "about": {}, **empty}


def measure(tabs: list[str], periods: list[str]) -> dict[str, dict[str, float]]:
    """Visit each tab with each period twice in this process: once with empty caches, and once more."""
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    from benchmarks.stores import prepare_visits
    from pages.shared import cached

    ledger = prepare_visits()

    def visit(tab: str, period: str) -> None:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=3600)
        app.query_params["tab"], app.query_params["period"] = tab, period
        app.session_state["who"] = "Boss"
        app.switch_page("pages/monitoring.py").run()
        for error in [*app.exception, *app.error]:
            print(f"{tab}: {error.value}", file=sys.stderr)

    large = os.environ["TME_DATABASE_URL"]
    with tempfile.TemporaryDirectory(prefix="monitoring-empty-") as empty:  # loads all libraries
        os.environ["TME_DATABASE_URL"] = f"sqlite:///{empty}/empty.db"
        for tab in tabs:
            visit(tab, periods[0])
    os.environ["TME_DATABASE_URL"] = large
    found: dict[str, dict[str, float]] = {}
    for period in periods:
        for tab in tabs:
            name = f"{tab}, {period}"
            st.cache_data.clear()
            st.cache_resource.clear()
            cached.champion()
            found[name] = {}
            for prefix in ("first", "again"):
                with ledger.measured(found[name], prefix):
                    visit(tab, period)
            print(name, found[name], file=sys.stderr, flush=True)
    return found | _measure_metrics(ledger)


def _measure_metrics(ledger: Any) -> dict[str, dict[str, float]]:
    """The figures for Prometheus: the first time, and within a minute."""
    from core.monitoring.serving import figures_of_store
    from core.settings import Settings

    figures, found = figures_of_store(Settings()), {}
    for prefix in ("first", "again"):
        with ledger.measured(found, prefix):
            figures.text()
    return {"/metrics": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--pieces", type=int, default=100_000)
    parser.add_argument("--answers", type=int, default=100_000)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--only", nargs="+", default=list(TABS), choices=TABS, metavar="TAB")
    parser.add_argument("--periods", nargs="+", default=list(PERIODS), choices=PERIODS, metavar="PERIOD")
    parser.add_argument("--place", type=Path, help="a folder for the store, which stays; a filled one is used again")
    parser.add_argument("--fill", help=argparse.SUPPRESS)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fill:
        fill(os.environ["TME_DATABASE_URL"], Path(given.fill), given.pieces, given.answers, given.events)
        return
    if given.measure:
        print(json.dumps(measure(given.only, given.periods)))
        return
    from benchmarks.stores import database

    with tempfile.TemporaryDirectory(prefix="monitoring-") as temporary:
        place = (given.place or Path(temporary)).resolve()
        (place / "data").mkdir(parents=True, exist_ok=True)
        with database(place, server=given.postgres) as url:
            report(given, place, url)


def report(given: argparse.Namespace, place: Path, url: str) -> None:
    """Fill the store where it is empty, measure, and print the table."""
    env = os.environ | {"TME_DATA_DIR": str(place / "data"), "TME_DATABASE_URL": url}
    if given.postgres or not (place / "data" / "feedback.db").is_file():
        sizes = [f"--{name}={getattr(given, name)}" for name in ("events", "pieces", "answers")]
        _run(["--fill", str(place / "music"), *sizes], env)
    found = json.loads(_run(["--measure", "--only", *given.only, "--periods", *given.periods], env).splitlines()[-1])
    kind = "PostgreSQL" if given.postgres else "SQLite"
    print(f"{given.events:,} events, {given.pieces:,} pieces, {given.answers:,} answers, {kind}\n")
    print("| tab, period | first, CPU s | first, s | again, CPU s | again, s | statements | rows | grown, MB |")
    print("|" + "---|" * 8)
    for name, one in found.items():
        print(
            f"| {name} | {one['first_cpu_s']:.2f} | {one['first_s']:.2f} | {one['again_cpu_s']:.2f} "
            f"| {one['again_s']:.2f} | {one['first_statements']:.0f} / {one['again_statements']:.0f} "
            f"| {one['first_rows']:,.0f} / {one['again_rows']:,.0f} | {one['first_grown_mb']:.0f} |"
        )
    print(json.dumps(found))


def _run(arguments: list[str], env: dict[str, str]) -> str:
    command = [sys.executable, "-m", "benchmarks.monitoring", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    main()
