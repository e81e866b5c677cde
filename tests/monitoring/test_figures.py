"""The figures for Prometheus: names, values that are known, nothing where nothing is known, and no id as a label."""

import logging
import re
import shutil
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from required import missing

from core import store
from core.errors import StoreDownError
from core.models.description import describe_model_in_use
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.monitoring import collector, families, figures
from core.monitoring.collector import Figures
from core.monitoring.families import DURATION, GAUGES, Value, counter_families, gauge_families
from core.pipeline import serving
from core.schema import COLUMNS, EMOTIONS
from core.settings import ROOT, Settings
from core.store import Event, EventKind, Way
from core.store.event_sums import EDGES

NOW = datetime.now(UTC)
DOCUMENT = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, models_dir=ROOT / "models")


@pytest.fixture(scope="module")
def reference():
    return serving.serve(Settings(mlflow_uri="sqlite:////nowhere/mlflow.db"), on_demand=True).reference


@pytest.fixture
def product(opened, settings, reference) -> Figures:
    return Figures(settings, lambda: opened, lambda: reference)


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
    alarms = {name for name in named if name.startswith("tme_alarm_")}
    assert named - alarms == counters | {DURATION[0]} | set(GAUGES) - alarms


def test_an_empty_product_has_counters_at_0_and_no_quality(product):
    product.refresh()
    found = samples(product.text())
    assert found["tme_clips_total", ("failed", "api")] == 0
    assert found["tme_clip_duration_seconds_count", ("total",)] == 0
    assert found["tme_label_queue_clips", ()] == found["tme_quality_clips", ()] == found["tme_drift_clips", ()] == 0
    missing_yet = ("tme_quality_f1", "tme_quality_ece", "tme_unsure", "tme_unlike_ratio", "tme_drift_psi", "tme_last",
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
    store.record_events(opened, *(scored(1) for _ in range(6)), *old)
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
    predicted = [Prediction(i, version, "tme-mir 1.0.0", dict(zip(EMOTIONS, p, strict=True)))
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


def test_labels_of_the_models_own_training_are_no_test_of_it(opened, product, labelled, monkeypatch):
    ids, _, _ = labelled
    monkeypatch.setattr(figures, "seen_clips", lambda folder: dict.fromkeys(ids[:15], "sad"))
    product.refresh()
    assert samples(product.text())["tme_quality_clips", ()] == 25


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


def test_drift_by_feature_and_beside_its_chance_level(opened, product, reference, monkeypatch):
    quantiles = reference.quantiles["all"]
    batch = {c: np.interp(np.linspace(0.01, 0.99, 60), np.linspace(0, 1, 21), quantiles[k])
             for k, c in enumerate(COLUMNS)}  # fmt: skip
    table = pd.DataFrame(batch).assign(_RMSenergy_Mean=lambda t: t["_RMSenergy_Mean"] * 3)
    monkeypatch.setattr(figures, "features_of_newest", lambda opened: table)
    product.refresh()
    found = samples(product.text())
    assert found["tme_drift_clips", ()] == 60
    assert found["tme_drift_drifted", ("_RMSenergy_Mean",)] == 1
    assert found["tme_drift_drifted", ("_Tempo_Mean",)] == 0
    assert found["tme_drift_drifted_ratio", ()] == pytest.approx(1 / len(reference.used))
    assert found["tme_drift_psi", ("_RMSenergy_Mean",)] > 0.2 > found["tme_drift_psi", ("_Tempo_Mean",)]
    assert 0 < found["tme_drift_psi_chance_ratio", ()] < 1


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

    for text in (product.text(), generate_latest(All(product.settings, product.store, product.reference))):
        run = subprocess.run([program, "check", "metrics"], input=text, capture_output=True, check=False)
        assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_the_promise_is_an_edge_of_the_histogram():
    assert 2.0 in EDGES
    assert sum(1 <= edge <= 3 for edge in EDGES) >= 4  # the 95th percentile is exact to half a second around it
