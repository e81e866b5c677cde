"""A look at the weeks: what is measured, noted and shown; nothing twice; faults of clock, store and order."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from labelled import answer, keep_clips
from typer.testing import CliRunner

from core import store
from core.__main__ import app
from core.dataset import stand_in
from core.dataset.table import as_table
from core.errors import StoreDownError
from core.models.prediction import Model
from core.models.reference import make_reference
from core.monitoring import watch as module
from core.monitoring.alarm_state import alarm_history, alarms_now, drift_history, drift_now, last_look
from core.monitoring.rules import Finding, Rule, Standing
from core.pipeline.serving import Served
from core.schema import COLUMNS, EMOTIONS, LABEL
from core.settings import Settings
from core.store import Event, EventKind, Way
from core.store.schema import ALARMS
from core.training.estimators import FRAGILE

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = timedelta(weeks=1)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Sure:
    """A classifier that always gives the same probabilities."""

    classes_ = np.array(EMOTIONS)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return np.tile([0.94, 0.02, 0.02, 0.02], (len(X), 1))


@pytest.fixture(scope="module")
def served() -> Served:
    music = stand_in.sample(seed=1, n_per_class=100)
    reference = make_reference(music, music[LABEL], range(len(music)), ignore=FRAGILE)
    return Served(Model("v1", Sure(), EMOTIONS, "a test"), reference, music, {})


@pytest.fixture
def opened(tmp_path) -> Iterator[store.Store]:
    db = store.open_store(f"sqlite:///{tmp_path}/feedback.db")
    yield db
    store.close_store(db)


def look(opened, served, weeks: float, **settings):
    """Watch so many weeks after MONDAY."""
    with patch.object(module, "serve", lambda *_, **__: served):
        return module.watch(opened, Settings(**settings), now=MONDAY + weeks * WEEK)


def bring(opened, week: int, *, factor: float = 1.0, count: int = 40) -> pd.DataFrame:
    """Clips that are stored in this week; a factor other than 1 changes their features."""
    frame = stand_in.sample(seed=100 + week, n_per_class=100).sample(count, random_state=week)
    frame = frame.set_axis([f"{week:03d}{i:04d}".ljust(64, "c") for i in range(count)])
    frame[list(COLUMNS)] *= factor
    with patch("core.store.clips.now", lambda: MONDAY + week * WEEK + timedelta(days=2)):
        keep_clips(opened, frame)
    return frame


def scored(week: int, *, unsure: int, of: int = 60, unlike: int = 0) -> list[Event]:
    at = MONDAY + week * WEEK + timedelta(days=1)

    def one(k: int) -> Event:
        facts = {"decision": "review" if k < unsure or k >= of - unlike else "accept", "unlike": k >= of - unlike}
        return Event(EventKind.SCORED, Way.PAGE, clip_id=f"{week}-{k}", about=facts, at=at)

    return [one(k) for k in range(of)]


def test_an_empty_product_has_nothing_to_judge(opened, served):
    assert alarms_now(opened) == []
    assert last_look(opened) is None
    assert drift_now(opened) is None
    watched = look(opened, served, 3)
    assert (watched.begun, watched.ended) == ((), ())
    assert [(a.rule, a.finding.standing) for a in alarms_now(opened)] == [(rule, Standing.UNKNOWN) for rule in Rule]
    drift = alarms_now(opened)[0].finding
    assert drift.seen == "Not judged yet: 0 recordings came, 20 are needed. 20 recordings are missing."
    assert last_look(opened) == MONDAY + 3 * WEEK
    assert alarm_history(opened, since=LONG_AGO).empty
    assert drift_history(opened, since=LONG_AGO).empty


def test_drift_begins_once_and_ends_by_itself(opened, served):
    bring(opened, 0)
    bring(opened, 1, factor=0.8)
    assert Rule.DRIFT not in look(opened, served, 1.1).begun
    assert drift_now(opened).share < drift_now(opened).limit
    assert look(opened, served, 1.9).begun == look(opened, served, 1.95).begun == ()  # the second week is not over
    assert Rule.DRIFT in look(opened, served, 2.0).begun
    assert Rule.DRIFT not in look(opened, served, 2.5).begun  # judged once
    first, *_ = alarms_now(opened)
    assert (first.rule, first.rings, first.since) == (Rule.DRIFT, True, MONDAY + 2 * WEEK)
    newest = drift_now(opened)
    assert (newest.since, newest.at, newest.clips) == (MONDAY + WEEK, MONDAY + 2 * WEEK, 40)
    assert newest.share == newest.features["drifted"].mean() >= newest.limit
    assert newest.weeks >= 104
    bring(opened, 2)
    assert look(opened, served, 3.2).ended == (Rule.DRIFT,)
    history = alarm_history(opened, since=LONG_AGO)
    history = history[history["rule"] == "drift"]
    assert history["rings"].tolist() == [False, True]  # newest first
    assert "train again" in history["sentence"].iloc[1]
    assert drift_history(opened, since=LONG_AGO)["clips"].tolist() == [40, 40, 40]


def test_missed_looks_are_made_up_for(opened, served):
    for week, factor in enumerate((1.0, 0.8, 1.0)):
        bring(opened, week, factor=factor)
    watched = look(opened, served, 4)
    assert Rule.DRIFT in watched.begun
    assert Rule.DRIFT in watched.ended
    assert [at.day for at in drift_history(opened, since=LONG_AGO)["at"]] == [9, 16, 23]


def test_unsure_answers_ring_until_they_are_usual_again_and_do_not_become_usual(opened, served):
    for week in range(3):
        store.record_events(opened, *scored(week, unsure=9, unlike=2))
    assert look(opened, served, 3).begun == (Rule.LABELS,)
    for week in range(3, 14):
        store.record_events(opened, *scored(week, unsure=30))
    assert look(opened, served, 4).begun == (Rule.UNSURE,)
    assert look(opened, served, 14).ended == ()  # for eight weeks nothing else was seen
    store.record_events(opened, *scored(14, unsure=9))
    assert look(opened, served, 15).ended == (Rule.UNSURE,)


def test_events_out_of_order_count_in_their_own_week(opened, served):
    early, late = scored(0, unsure=9, unlike=20), scored(1, unsure=9)
    store.record_events(opened, *late[::-1], *early)
    look(opened, served, 2)
    finding = {alarm.rule: alarm.finding for alarm in alarms_now(opened)}[Rule.UNLIKE]
    assert (finding.standing, finding.value) == (Standing.QUIET, 0.0)
    history = alarm_history(opened, since=LONG_AGO)
    assert history[["rule", "rings"]].to_numpy().tolist() == [["unlike", False], ["unlike", True]]


def test_another_model_begins_without_the_alarms_of_the_old_one(opened, served):
    bring(opened, 0, factor=0.8)
    assert Rule.DRIFT in look(opened, served, 1).begun
    other = replace(served, model=replace(served.model, version="v2"))
    assert look(opened, other, 1.1).ended == (Rule.DRIFT,)
    ended = alarm_history(opened, since=LONG_AGO).iloc[0]
    assert (ended["model_version"], ended["seen"][:27]) == ("v2", "Another model came into use")


def test_a_clock_that_was_ahead_stops_nothing(opened, served):
    bring(opened, 0)
    look(opened, served, 520)  # ten years ahead
    bring(opened, 1, factor=0.8)
    watched = look(opened, served, 2)
    assert Rule.DRIFT in watched.begun


def test_f1_on_new_labels_is_compared_with_the_promise(opened, served):
    frame = bring(opened, 0)
    with patch("core.store.answers.now", lambda: MONDAY + timedelta(days=3)):
        answer(opened, frame)  # the model says angry with 94 %; three quarters are something else
    published = stand_in.sample(seed=1, n_per_class=20)
    synthetic, real = (as_table(published, origin="a test", synthetic=flag) for flag in (True, False))
    with patch.object(module, "load_table", lambda *_, **__: synthetic):
        watched = look(opened, served, 1)
    assert watched.notes == ("Macro-F1 was not judged: the published table is not on this machine.",)
    with patch.object(module, "load_table", lambda *_, **__: real):
        assert look(opened, served, 1).begun == (Rule.F1,)
        assert look(opened, served, 1.5).begun == ()
    finding = {alarm.rule: alarm.finding for alarm in alarms_now(opened)}[Rule.F1]
    assert finding.clips == 40
    assert finding.value < finding.limit < finding.about["expected"]


def test_a_store_that_is_down_changes_nothing(opened, served, tmp_path):
    bring(opened, 0, factor=0.8)
    (tmp_path / "feedback.db").rename(tmp_path / "away.db")
    with pytest.raises(StoreDownError):
        look(opened, served, 1)
    (tmp_path / "away.db").rename(tmp_path / "feedback.db")
    assert Rule.DRIFT in look(opened, served, 1).begun


def test_a_judged_week_has_its_events_also_while_other_events_are_lost(opened, served):
    bring(opened, 0, factor=0.8)
    opened.memory.held["events pause"] = np.inf  # no other event is tried after a failure
    assert Rule.DRIFT in look(opened, served, 1).begun
    assert drift_now(opened).at == MONDAY + WEEK
    assert Rule.DRIFT in set(alarm_history(opened, since=LONG_AGO)["rule"])


def test_without_events_the_alarms_ring_but_have_no_history(opened, served, monkeypatch):
    monkeypatch.setenv("TME_EVENTS", "off")
    bring(opened, 0, factor=0.8)
    watched = look(opened, served, 1)
    assert watched.notes == ("TME_EVENTS is off, so unsure answers are not counted and alarms have no history.",)
    assert alarms_now(opened)[0].rings
    assert alarm_history(opened, since=LONG_AGO).empty
    assert drift_now(opened) is None


def test_alarms_of_a_newer_version_are_ignored(opened):
    finding = Finding(Rule.LABELS, Standing.QUIET, seen="x").to_json()
    stored = {"finding": finding, "since": None, "looked_at": MONDAY.isoformat(), "model": "v1"}
    store.set_setting(opened, ALARMS, {"alarms": {"labels": stored, "of tomorrow": stored}, "judged": {}})
    assert [alarm.rule for alarm in alarms_now(opened)] == [Rule.LABELS]


def test_the_command_says_what_rings_and_its_exit_status_too(tmp_path, monkeypatch, served):
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(module, "serve", lambda *_, **__: served)
    quiet = CliRunner().invoke(app, ["watch"], catch_exceptions=False)
    assert quiet.exit_code == 0
    assert "too few data  No answers of people: No clip was scored yet." in quiet.output
    assert "All alarms together ring by chance at most once in 26 weeks." in quiet.output
    opened = store.open_store(Settings().database)
    with patch("core.store.clips.now", lambda: datetime.now(UTC) - timedelta(days=30)):
        keep_clips(opened, stand_in.sample(seed=3, n_per_class=1).set_axis([c * 64 for c in "abcd"]))
    loud = CliRunner().invoke(app, ["watch"], catch_exceptions=False)
    assert loud.exit_code == 1
    assert "RINGS (new)  No answers of people: No answer has come yet. The first clip came 30 days ago." in loud.output
    assert store.latest_job(opened, "watch").message == "1 alarm rings."


def test_a_service_goes_on_when_the_database_is_down(tmp_path, monkeypatch, served):
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(module, "serve", lambda *_, **__: served)
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        monkeypatch.setenv("TME_DATABASE_URL", "" if len(pauses) > 1 else f"sqlite:///{tmp_path}")  # a folder, once
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("core.cli.watching.time.sleep", pause)
    done = CliRunner().invoke(app, ["watch", "--stay"])
    assert pauses == [3600.0] * 3
    assert done.output.count("No clip was scored yet.") == 2
    assert f"The database {tmp_path} cannot be opened" in done.output
