"""Each clip leaves one event, whichever way it comes, and a store that is down costs no answer."""

import io
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core import store as store_module
from core.errors import AudioError, StoreDownError
from core.models.policy import Policy
from core.pipeline import deciding, noting, scoring, serving, window_scoring
from core.pipeline.noting import Asked
from core.pipeline.serving import Served
from core.records import LibraryEntry, LibraryFile
from core.settings import ROOT, Settings
from core.store import EventKind, Way, events_table

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@cache
def served() -> Served:
    return serving.serve(Settings(mlflow_uri="sqlite:////nowhere/mlflow.db", models_dir=ROOT / "models"))


@cache
def clip() -> bytes:
    return (ROOT / "tests" / "golden" / "arpeggio_6s.flac").read_bytes()


def silence(seconds: float = 6.0) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(round(seconds * 8000)), 8000, format="WAV")
    return buffer.getvalue()


@pytest.fixture
def store(tmp_path: Path, migrated: Path) -> store_module.Store:
    return store_module.open_store(f"sqlite:///{tmp_path / 'clips.db'}")


def events(store, kind=EventKind.SCORED) -> list[dict]:
    return events_table(store, kind, LONG_AGO).to_dict("records")


def own(store, data=None, asked=None):
    given = {"policy": Policy(), "store": store, "origin": "upload", "max_mb": 20}
    return scoring.score_own(data or clip(), "a.flac", served(), **given, asked=asked or Asked.on_page("upload"))


def test_a_scored_clip_says_how_it_came_how_long_it_took_and_what_was_decided(store):
    scored, _ = own(store, asked=Asked(Way.API, "request-1"))
    (event,) = events(store)
    assert (event["way"], event["request_id"], event["clip_id"]) == ("api", "request-1", scored.clip_id)
    assert event["model_version"] == served().model.version
    assert event["value"] == pytest.approx(scored.prediction.confidence)
    stages = event["about"].pop("stages")
    assert set(stages) == {"decode", "features", "model"}
    assert 0 < sum(stages.values()) <= event["seconds"] + 0.01
    assert event["about"] == {
        "decision": scored.decision.action,
        "guess": scored.prediction.ranked[0],
        "label": scored.decision.label,
        "unlike": scored.unlike.flag,
    }


def test_the_seconds_are_those_that_somebody_waits(store):
    own(store, asked=Asked(Way.API, came_s=time.perf_counter() - 60))
    with pytest.raises(AudioError):
        own(store, silence(), asked=Asked(Way.API, came_s=time.perf_counter() - 60))
    (scored,), (refused,) = events(store), events(store, EventKind.REFUSED)
    assert min(scored["seconds"], refused["seconds"]) > 60


def test_a_second_request_for_the_same_clip_leaves_a_second_event(store):
    own(store)
    own(store)
    assert len(events(store)) == 2


def test_a_clip_that_this_program_made_is_marked(store):
    own(store, asked=Asked.on_page("demo"))
    assert [event["about"]["synthetic"] for event in events(store)] == [True]


def test_the_ways_of_the_pages(store):
    assert Asked.on_page("recording").way is Way.MICROPHONE
    assert {Asked.on_page(origin).way for origin in ("upload", "demo")} == {Way.PAGE}
    source = scoring.inspect(clip(), "a.flac")
    list(window_scoring.score_windows(source, served(), spans=[(0, 3), (3, 6)], policy=Policy(), store=store))
    assert [event["way"] for event in events(store)] == ["tracks", "tracks"]
    assert len({event["about"]["recording"] for event in events(store)}) == 1


def test_a_refused_clip_and_a_fault_of_the_program_differ(store, monkeypatch):
    with pytest.raises(AudioError):
        own(store, silence())
    (refused,) = events(store, EventKind.REFUSED)
    assert refused["about"]["expected"] is True
    assert refused["seconds"] >= 0
    monkeypatch.setattr(scoring, "decide_pieces", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        own(store)
    (failed,) = events(store, EventKind.FAILED)
    assert failed["about"] == {"reason": "ZeroDivisionError", "expected": False}
    assert events(store) == []


def test_a_silent_window_of_a_recording_is_refused_and_does_not_end_it(store):
    source = scoring.inspect(silence(), "a.wav")
    (window,) = window_scoring.score_windows(source, served(), spans=[(0, 6)], policy=Policy(), store=store)
    assert window.proba is None
    assert len(events(store, EventKind.REFUSED)) == 1


def test_a_store_that_is_down_costs_no_answer(store, monkeypatch, caplog):
    from core.store import events as module

    def down(*given, **more):
        raise StoreDownError("The disk is full.")

    monkeypatch.setattr(module, "write", down)
    scored, _ = own(store)
    assert scored.prediction.confidence > 0
    assert [r.message for r in caplog.records] == ["1 events were not noted, and none are for 30 s: The disk is full."]


def test_a_library_notes_its_answers_without_seconds_and_its_files_without_an_answer(store):
    (decided,) = deciding.decide_pieces([own(None)[0].piece], served(), policy=Policy())
    noting.note_library(store, [decided, decided])
    states = ("scored", "refused", "quarantined", "fault", "begun")
    noting.note_unscored(store, [LibraryEntry(file(state)) for state in states])
    assert [(e["way"], e["seconds"]) for e in events(store)] == [("library", pytest.approx(np.nan, nan_ok=True))] * 2
    assert sorted(e["about"]["reason"] for e in events(store, EventKind.REFUSED)) == ["quarantined", "refused"]
    assert [e["about"]["reason"] for e in events(store, EventKind.FAILED)] == ["fault"]


def file(state: str) -> LibraryFile:
    return LibraryFile(path=f"/music/{state}.wav", plan="excerpt", size=1, stamp="s", state=state, extractor="e")
