"""The figures for Prometheus: names, values that are known, nothing where nothing is known, and no id as a label."""

import logging
import re
import shutil
import subprocess
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from required import missing

from core import store
from core.errors import StoreDownError
from core.evaluation import drift
from core.features import EXTRACTOR
from core.models.description import describe_model_in_use
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.monitoring import alarm_state, collector, families, figures
from core.monitoring.collector import Figures
from core.monitoring.families import DURATION, GAUGES, Value, counter_families, gauge_families
from core.monitoring.rules import Finding, Rule, Standing
from core.schema import EMOTIONS
from core.settings import ROOT, Settings
from core.store import Event, EventKind, Way
from core.store.event_sums import EDGES

NOW = datetime.now(UTC)
DOCUMENT = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, models_dir=ROOT / "models")


@pytest.fixture
def product(opened, settings) -> Figures:
    return Figures(settings, lambda: opened)


def samples(text: bytes) -> dict[tuple[str, tuple[str, ...]], float]:
    """Name and values of the labels, in the order of their names -> number."""
    return {
        (s.name, tuple(v for _, v in sorted(s.labels.items()))): s.value
        for family in text_string_to_metric_families(text.decode())
        for s in family.samples
    }


def scored(k: int, **more) -> Event:
    about = {"stages": {"decode": 0.2}, "decision": "accept", "guess": "sad", "label": "sad", "unlike": False}
    return Event(EventKind.SCORED, Way.PAGE, seconds=0.5 * k, value=0.9, about=about | more)


def test_each_name_is_in_the_document_and_no_other():
    named = set(re.findall(r"`(tme_[a-z0-9_]+)", DOCUMENT))
    counters = {f"{name}_total" for name, _ in families.COUNTERS.values()}
    assert named == counters | {DURATION[0]} | set(GAUGES)


def test_an_empty_product_has_counters_at_0_and_no_quality(product):
    product.refresh()
    found = samples(product.text())
    assert found["tme_clips_total", ("failed", "api")] == 0
    assert found["tme_clip_duration_seconds_count", ("total",)] == 0
    assert found["tme_label_queue_clips", ()] == found["tme_quality_clips", ()] == 0
    missing_yet = ("tme_quality_f1", "tme_quality_ece", "tme_unsure", "tme_unlike_ratio", "tme_drift", "tme_last",
                   "tme_agreement", "tme_quality_promised")  # fmt: skip
    assert [name for name, _ in found if name.startswith(missing_yet)] == []


def test_counters_and_histogram_say_what_the_events_say(opened, product):
    store.record_events(
        opened,
        *(scored(k) for k in range(1, 7)),
        scored(2, decision="review", unlike=True, guess="angry"),
        Event(EventKind.FAILED, Way.API),
        Event(EventKind.ANSWERED, Way.LABEL, seconds=9),
    )
    found = samples(product.text())
    assert found["tme_clips_total", ("scored", "page")] == 7
    assert found["tme_clips_total", ("failed", "api")] == 1
    assert found["tme_decisions_total", ("review",)] == found["tme_unlike_clips_total", ()] == 1
    assert found["tme_guesses_total", ("sad",)] == 6
    assert found["tme_label_answers_total", ("label",)] == 1
    within_2 = {edge: found["tme_clip_duration_seconds_bucket", (edge, "total")] for edge in ("1.5", "2.0", "+Inf")}
    assert within_2 == {"1.5": 4, "2.0": 5, "+Inf": 7}
    assert found["tme_clip_duration_seconds_sum", ("total",)] == pytest.approx(0.5 * (21 + 2))
    assert found["tme_clip_duration_seconds_count", ("decode",)] == 7
    assert found["tme_clip_duration_seconds_count", ("model",)] == 0


def test_shares_of_recent_clips(opened, product):
    old = [Event(e.kind, e.way, about=e.about, value=0.5, at=NOW - timedelta(days=20))
           for e in (scored(1, decision="choose"), scored(1, decision="review", unlike=True))]  # fmt: skip
    made = scored(1, unlike=True, synthetic=True)  # says nothing about the music that comes
    store.record_events(opened, *(scored(1) for _ in range(6)), made, *old)
    product.refresh()
    found = samples(product.text())
    assert found["tme_unsure_ratio", ("7d",)] == 0
    assert found["tme_unsure_ratio", ("28d",)] == pytest.approx(2 / 8)
    assert found["tme_unlike_ratio", ()] == pytest.approx(1 / 8)
    assert found["tme_quality_promised_accuracy_ratio", ()] == pytest.approx((6 * 0.9 + 2 * 0.5) / 8)


@pytest.fixture
def labelled(opened) -> tuple[list[str], np.ndarray, list[str]]:
    """40 clips with predictions of the committed model and answers of two raters: ids, probabilities, labels."""
    rng = np.random.default_rng(3)
    version = describe_model_in_use(Settings(mlflow_uri="sqlite:////nowhere/mlflow.db")).version
    proba, ids = rng.dirichlet(np.full(4, 0.4), size=40), [f"c{k:02}" for k in range(40)]
    labels = [EMOTIONS[rng.choice(4, p=p)] for p in proba]
    for clip_id in ids:
        store.add_clip(opened, clip_id, file_name=f"{clip_id}.wav", duration_s=30, sr=44100)
    predicted = [Prediction(i, version, EXTRACTOR, dict(zip(EMOTIONS, p, strict=True)))
                 for i, p in zip(ids, proba.tolist(), strict=True)]  # fmt: skip
    store.save_predictions(opened, [(p, decide(p, Policy())) for p in predicted], policy=Policy())
    for rater in ("Ali", "Ayşe"):
        for clip_id, label in zip(ids, labels, strict=True):
            store.add_feedback(opened, token=store.new_token(), rater=rater, label=label, clip_id=clip_id)
    return ids, proba, labels


def test_quality_on_labels_agrees_with_scikit_learn(opened, product, labelled):
    from sklearn.metrics import f1_score

    _, proba, labels = labelled
    product.refresh()
    found = samples(product.text())
    guess = [EMOTIONS[k] for k in proba.argmax(axis=1)]
    each = f1_score(labels, guess, labels=list(EMOTIONS), average=None)
    assert found["tme_quality_clips", ()] == 40
    assert found["tme_quality_f1_ratio", ("estimate", "macro")] == pytest.approx(each.mean())
    for emotion, value in zip(EMOTIONS, each, strict=True):
        assert found["tme_quality_f1_ratio", ("estimate", emotion)] == pytest.approx(value)
    low, high = (found["tme_quality_f1_ratio", (bound, "macro")] for bound in ("low", "high"))
    assert low < each.mean() < high
    assert 0 < found["tme_quality_ece_ratio", ("perfect",)] < 0.3  # a perfect model shows more than 0 at 40 clips
    assert found["tme_agreement_alpha", ()] == 1
    assert found["tme_last_answer_timestamp_seconds", ()] == pytest.approx(NOW.timestamp(), abs=600)


def test_what_the_probabilities_promise_is_the_mean_of_drawn_worlds(product, labelled):
    from sklearn.metrics import f1_score

    _, proba, _ = labelled
    product.refresh()
    found = samples(product.text())
    rng, guess = np.random.default_rng(0), proba.argmax(axis=1)
    worlds = [f1_score([rng.choice(4, p=p) for p in proba], guess, labels=range(4), average=None, zero_division=0)
              for _ in range(200)]  # fmt: skip
    for emotion, value in zip(EMOTIONS, np.mean(worlds, axis=0), strict=True):
        assert found["tme_quality_promised_f1_ratio", (emotion,)] == pytest.approx(value, abs=0.05)


def test_labels_that_came_before_the_prediction_are_no_test_of_the_model(opened, product, labelled, monkeypatch):
    ids, proba, _ = labelled
    other = [Prediction(i, "the next model", EXTRACTOR, dict(zip(EMOTIONS, p, strict=True)))
             for i, p in zip(ids, proba.tolist(), strict=True)]  # fmt: skip
    store.save_predictions(opened, [(p, decide(p, Policy())) for p in other], policy=Policy())
    asked = describe_model_in_use(product.settings)
    monkeypatch.setattr(figures, "describe_alias", lambda alias, **more: replace(asked, version="the next model"))
    product.refresh()
    found = samples(product.text())
    assert found["tme_quality_clips", ()] == 0
    assert "tme_quality_f1_ratio" not in {name for name, _ in found}


def test_figures_of_models_and_jobs(opened, product):
    store.start_job(opened, "library")
    product.refresh()
    found = samples(product.text())
    model = describe_model_in_use(product.settings)
    assert found["tme_model_info", (model.manifest["name"], "champion", model.version)] == 1
    moment = datetime.fromisoformat(model.created_at).timestamp()
    assert found["tme_model_trained_timestamp_seconds", ("champion",)] == moment
    assert found["tme_jobs", ("library", "running")] == 1
    assert 0 <= found["tme_job_silence_seconds", ("library",)] < 60


def test_drift_is_what_watch_measured_last_beside_its_chance_level(opened, product):
    features = {"_Tempo_Mean": {"ks": 0.3, "q": 0.01, "psi": 0.4, "shift": 1.0, "drifted": True},
                "_RMSenergy_Mean": {"ks": 0.1, "q": 0.5, "psi": 0.1, "shift": 0.0, "drifted": False}}  # fmt: skip
    about = {"features": features, "clips": 60, "limit": 0.4, "weeks": 130.0, "psi_share": 0.5, "psi_by_chance": 0.2}
    about |= {"from": (NOW - timedelta(days=7)).isoformat(), "to": NOW.isoformat()}
    drifted = Event(EventKind.DRIFT, model_version="of before", value=0.5, about=about, at=NOW)
    store.record_events(opened, drifted)
    product.refresh()
    assert not [name for name, _ in samples(product.text()) if name.startswith("tme_drift")]
    store.record_events(opened, replace(drifted, model_version=describe_model_in_use(product.settings).version))
    product.refresh()
    found = samples(product.text())
    assert found["tme_drift_statistic", ("_Tempo_Mean",)] == 0.3
    assert found["tme_drift_drifted", ("_Tempo_Mean",)] == 1 > found["tme_drift_drifted", ("_RMSenergy_Mean",)]
    assert found["tme_drift_drifted_ratio", ()] == 0.5 > found["tme_drift_limit_ratio", ()] == 0.4
    assert found["tme_drift_judged_timestamp_seconds", ()] == pytest.approx(NOW.timestamp())
    # Of the features that did not drift, 5 % have a higher PSI; with four times as many clips it is a quarter.
    level, share = found["tme_drift_psi_chance", ()], 0.05
    trained_on = int(describe_model_in_use(product.settings).metrics["protocol"]["development"])
    assert drift.psi_false_alarms(60, reference=trained_on, limit=level) == pytest.approx(share, abs=0.002)
    few, many = (drift.psi_chance_level(n, reference=10**6) for n in (60, 240))
    assert many == pytest.approx(few / 4, rel=0.15)


def test_alarms_say_whether_they_ring_and_how_often_they_ring_by_chance(opened, product):
    found = [Finding(Rule.DRIFT, Standing.RINGS, value=0.5, limit=0.4, weeks=104.0),
             Finding(Rule.LABELS, Standing.QUIET, value=3, limit=14), Finding(Rule.F1, Standing.UNKNOWN)]  # fmt: skip
    assert not [name for name, _ in samples(product.text()) if name.startswith("tme_alarm")]
    alarm_state.save_state(opened, alarm_state.State(looked_at=NOW))
    nothing_judged = {name: n for (name, _), n in samples(product.text()).items() if name.startswith("tme_alarm")}
    assert nothing_judged == {"tme_alarm_looked_timestamp_seconds": pytest.approx(NOW.timestamp())}
    state = alarm_state.State()
    for finding in found:
        state, _ = alarm_state.settle(state, finding, now=NOW, model_version="m")
    alarm_state.save_state(opened, state)
    shown = samples(product.text())
    active = {labels[0]: n for (name, labels), n in shown.items() if name == "tme_alarm_active"}
    assert active == {"drift": 1, "labels": 0}
    weeks = {labels[0]: n / 604_800 for (name, labels), n in shown.items() if name == "tme_alarm_chance_seconds"}
    assert weeks == {"drift": 104}
    assert shown["tme_alarm_looked_timestamp_seconds", ()] == pytest.approx(NOW.timestamp())


def test_no_label_holds_an_id(opened, product, labelled):
    store.record_events(opened, Event(EventKind.SCORED, Way.API, "request-77", "visit-77", "m", "c00", 1.0))
    product.refresh()
    text = product.text().decode()
    assert not re.search(r"request-77|visit-77|c00|\.wav|Ali", text)
    series = Counter(name for name, _ in samples(text.encode()))
    assert max(series.values()) <= 60  # of one family: the 50 features, or the buckets of the stages


def test_slow_figures_are_computed_once_a_minute_and_stay_when_they_fail(opened, product, monkeypatch, caplog):
    clock, asked = 1000.0, []
    monkeypatch.setattr(collector.time, "monotonic", lambda: clock)
    monkeypatch.setattr(collector, "slow_figures", lambda *a, **k: asked.append(1) or [Value("tme_drift_clips", (), 7)])
    monkeypatch.setattr(collector.threading, "Thread", Inline)
    assert samples(product.text())["tme_drift_clips", ()] == 7
    product.text()
    assert len(asked) == 1
    clock += 61
    product.text()
    assert len(asked) == 2

    def fails(*given, **more):
        raise StoreDownError("The server does not answer.")

    monkeypatch.setattr(collector, "slow_figures", fails)
    clock += 61
    with caplog.at_level(logging.WARNING):
        assert samples(product.text())["tme_drift_clips", ()] == 7
        product.text()  # not again at once
    assert [r.message for r in caplog.records] == [
        "The slow figures for Prometheus stay as they were: The server does not answer."
    ]


class Inline:
    """A thread that does its work when it is started."""

    def __init__(self, target, **more) -> None:
        self.start = target


def test_a_gauge_with_other_labels_is_a_bug_that_shows():
    with pytest.raises(ValueError, match="tme_jobs has the labels"):
        list(gauge_families([Value("tme_jobs", ("library",), 1)]))


def test_promtool_accepts_all_names(opened, product, labelled):
    program = shutil.which("promtool") or missing("promtool is not installed: apt-get install prometheus.")
    store.record_events(opened, *(scored(k) for k in range(5)))
    store.start_job(opened, "library")
    product.refresh()
    given = [Value(name, tuple("x" for _ in about.labels), 1) for name, about in GAUGES.items()]

    class All(Figures):
        def collect(self):
            yield from counter_families(Counter())
            yield from gauge_families(given)

    for text in (product.text(), generate_latest(All(product.settings, product.store))):
        run = subprocess.run([program, "check", "metrics"], input=text, capture_output=True, check=False)
        assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_the_promise_is_an_edge_of_the_histogram():
    assert 2.0 in EDGES
    assert sum(1 <= edge <= 3 for edge in EDGES) >= 4  # the 95th percentile is exact to half a second around it


@pytest.mark.postgres
def test_a_scrape_while_the_tables_are_locked_by_an_upgrade(postgres_server, settings, monkeypatch):
    opened = store.open_store(postgres_server.new_store())
    product = Figures(settings, lambda: opened)
    monkeypatch.setattr(collector, "WAIT_S", 0.01)
    answers: list[bytes] = []
    with opened.engine.connect() as upgrade:
        upgrade.execute(sa.text("LOCK TABLE events IN ACCESS EXCLUSIVE MODE"))
        first = threading.Thread(target=lambda: answers.append(product.text()))
        first.start()
        while not product._scraping.locked():
            first.join(0.01)
        with pytest.raises(StoreDownError, match="still waits for the database"):
            product.text()
        assert answers == []
        upgrade.rollback()
    first.join()
    assert len(answers) == 1
    assert samples(product.text())["tme_clips_total", ("failed", "api")] == 0
    store.close_store(opened)
