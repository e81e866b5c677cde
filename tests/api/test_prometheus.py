"""A real Prometheus and a real Alertmanager watch the running API: figures, and an alert from its begin to its end.

The rules are those of deploy/compose with shorter times: an hour is a few seconds.
"""

import json
import math
import re
import subprocess
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from real_prometheus import alertmanager, ask, program, prometheus, receiver

from core.access import Role
from core.monitoring.alarm_state import State, save_state, settle
from core.monitoring.rules import Finding, Rule, Standing
from core.store import Event, EventKind, Scope, Way, events_table, finish_job, record_events, start_job
from core.store.event_sums import EDGES

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE, GRAFANA = ROOT / "deploy" / "compose", ROOT / "deploy" / "grafana"
WINDOW_S = 15
NOTED_AGAIN_S = 4  # more often, the figures are busy with counting them
FAST = [0.2, 0.3, 0.4, 0.7, 0.9, 1.1, 1.2, 1.3, 1.4, 1.6]
NO_DATA_YET = re.compile("tme_(quality|drift|agreement)")  # needs labels, or many clips that `watch` has judged
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def shorter(text: str) -> str:
    """Rules that look at seconds instead of hours, at once."""
    text = re.sub(r"\[(?:5m|30m|1h|6h|1d|3d)\]", f"[{WINDOW_S}s]", text)
    return re.sub(r"\b(for|keep_firing_for|interval): \w+", r"\1: 1s", text)


def scored(*seconds: float) -> list[Event]:
    """Scored clips that took so long."""
    stages = {"decode": 0.02, "features": 0.1, "model": 0.01}
    about = {"decision": "accept", "guess": "sad", "stages": stages}
    return [Event(EventKind.SCORED, way=Way.API, seconds=s, value=0.9, about=about) for s in seconds]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("prometheus")


@pytest.fixture(scope="module")
def received(folder):
    """A receiver of messages, and the port of the Alertmanager that sends them."""
    with receiver() as (inbox, inbox_port):
        text = (COMPOSE / "alertmanager.yml").read_text("utf-8")
        text = re.sub(r"group_(wait|interval): \w+", r"group_\1: 1s", text)
        hook = f"webhook_configs: [{{url: 'http://127.0.0.1:{inbox_port}/'}}]"
        config = folder / "alertmanager.yml"
        for name in ("page", "ticket"):
            text = text.replace(f"- name: {name}\n", f"- name: {name}\n    {hook}\n")
        config.write_text(text, "utf-8")
        with alertmanager(config, folder) as sender:
            yield inbox, sender


@pytest.fixture(scope="module")
def watching(api, port, folder, received):
    """Prometheus that scrapes the API with a key each second."""
    for name in ("records.yml", "alerts.yml"):
        (folder / name).write_text(shorter((COMPOSE / name).read_text("utf-8")), "utf-8")
    (folder / "metrics_key").write_text(api.key("prometheus", Role.VISITOR, (Scope.METRICS,)), "utf-8")
    text = (COMPOSE / "prometheus.yml").read_text("utf-8")
    text = text.split("  - job_name: prometheus\n")[0].replace("interval: 15s", "interval: 1s")
    text = re.sub(r"    dns_sd_configs:.*\n(?:      .*\n)*", "", text)
    text = text.replace("/etc/prometheus/metrics_key", str(folder / "metrics_key"))
    text = text.replace("api:8000", f"127.0.0.1:{port}").replace("alertmanager:9093", f"127.0.0.1:{received[1]}")
    config = folder / "prometheus.yml"
    config.write_text(text, "utf-8")
    with prometheus(config, folder) as server:
        server.until(lambda: server.value('up{job="api"}'))
        yield server


def test_a_scored_clip_arrives_and_the_percentile_is_the_computed_one(api, watching, wav):
    headers = api.headers("heard by Prometheus")
    assert api.client.post("/v1/clips?store=false", content=wav, headers=headers).is_success
    record_events(api.opened, *scored(*FAST * 5))
    seconds = events_table(api.opened, EventKind.SCORED, LONG_AGO, 100_000)["seconds"].dropna().to_numpy()
    assert watching.until(lambda: watching.value('tme_clip_duration_seconds_count{stage="total"}') == len(seconds))
    buckets = 'sum by (le) (tme_clip_duration_seconds_bucket{stage="total"})'
    found = watching.value(f"histogram_quantile(0.95, {buckets})")
    exact = np.quantile(seconds, 0.95, method="inverted_cdf")
    low, high = next(pair for pair in pairwise((0.0, *EDGES)) if pair[0] < exact <= pair[1])
    assert low <= found <= high
    assert watching.value('sum(tme_clips_total{outcome="scored"})') == len(seconds)


def test_alerts_fire_are_sent_and_clear(api, watching, received):
    """Slow clips; and while their window passes, a missing model and an alarm of `watch`."""
    inbox, _ = received
    fires = 'ALERTS{alertname="ClipsSlow",alertstate="firing"}'
    assert watching.until(lambda: watching.value("tme:clips_scored:increase1h") is not None)
    assert watching.value(fires) is None
    record_events(api.opened, *scored(*[5.0] * 20))
    watching.until(lambda: watching.value(fires))
    watching.until(lambda: "firing" in inbox.states("ClipsSlow"))

    api.service.ready = False
    finding = Finding(Rule.DRIFT, Standing.RINGS, value=0.4, limit=0.2, weeks=130)
    state, _ = settle(State(), finding, now=datetime.now(UTC), model_version="m")
    save_state(api.opened, state)
    try:
        watching.until(lambda: "firing" in inbox.states("NotReady"))
    finally:
        api.service.ready = True
    watching.until(lambda: "firing" in inbox.states("FeaturesDrifted"))
    assert "once in 130 weeks" in inbox.newest("FeaturesDrifted")["annotations"]["chance"]

    watching.until(lambda: "resolved" in inbox.states("NotReady"))
    watching.until(lambda: watching.value(fires) is None)
    watching.until(lambda: "resolved" in inbox.states("ClipsSlow"))
    assert inbox.states("ClipsSlow").index("firing") < inbox.states("ClipsSlow").index("resolved")
    assert inbox.newest("ClipsSlow")["annotations"]["runbook"] == "docs/runbooks/clips-slow.md"


def expressions() -> list[str]:
    boards = [json.loads(path.read_text("utf-8")) for path in sorted(GRAFANA.glob("*.json"))]
    return [target["expr"] for board in boards for panel in board["panels"] for target in panel.get("targets", [])]


def test_prometheus_answers_each_expression_of_the_dashboards(api, watching):
    """No expression is wrong. Those that need no labels and no drift have data, and none of them is NaN."""
    asked = expressions()
    assert len(asked) > 30
    finish_job(api.opened, start_job(api.opened, "library").job_id)
    record_events(api.opened, *scored(*FAST))
    figures = api.service.figures
    while b"tme_unsure_ratio" not in figures.text():  # computed in the background, at most once a minute
        figures.refresh()
    watching.until(lambda: watching.query("tme_unsure_ratio"))

    noted_s = time.monotonic()

    def has_numbers(expression: str) -> bool:
        nonlocal noted_s
        found = watching.query(expression)
        if all(math.isfinite(float(series["value"][1])) for series in found):
            return bool(found)
        if time.monotonic() - noted_s > NOTED_AGAIN_S:  # a share of no clips: the last ones are older than the window
            record_events(api.opened, *scored(*FAST))
            noted_s = time.monotonic()
        return False

    for expression in asked:
        if NO_DATA_YET.search(expression) or "ALERTS" in expression:
            watching.query(expression)
        else:
            watching.until(lambda expression=expression: has_numbers(expression))


def test_all_rules_could_be_computed_and_the_figures_have_good_names(api, watching):
    rules = json.loads(ask(f"http://127.0.0.1:{watching.port}/api/v1/rules"))["data"]["groups"]
    assert {rule["health"] for group in rules for rule in group["rules"]} == {"ok"}
    headers = api.headers("prometheus", Role.VISITOR, (Scope.METRICS,))
    text = api.client.get("/metrics", headers=headers).content
    checked = subprocess.run([program("promtool"), "check", "metrics"], input=text, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
