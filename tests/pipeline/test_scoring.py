"""The wiring: what is stored, what is not, what is computed once, and what a failing database costs."""

import io
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from answers import stored_answers

from core import store as store_module
from core.access import Person, Role, Setting
from core.audio.decoding import content_hash, inspect
from core.errors import AudioError, StoreError
from core.features import EXTRACTOR
from core.labelling import feedback
from core.models.policy import Policy
from core.pipeline import deciding, kept_audio, measure, scoring, serving, window_scoring
from core.pipeline.serving import Served
from core.pipeline.timeline import timeline_table
from core.schema import SR
from core.settings import ROOT, Settings
from core.windows import spans as cut_spans

GOLDEN = ROOT / "tests" / "golden"


@cache
def served() -> Served:
    return serving.serve(Settings(mlflow_uri="sqlite:////nowhere/mlflow.db", models_dir=ROOT / "models"))


@cache
def clip(name: str = "arpeggio_6s") -> bytes:
    return (GOLDEN / f"{name}.flac").read_bytes()


@pytest.fixture
def store(tmp_path: Path) -> store_module.Store:
    return store_module.open_store(f"sqlite:///{tmp_path / 'clips.db'}")


def score(
    data: bytes, store: store_module.Store | None, *, policy: Policy | None = None, name: str = "a.flac"
) -> scoring.ScoredClip:
    return scoring.score_clip(data, name, served(), policy=policy or Policy(), store=store)


def test_a_clip_leaves_its_features_its_prediction_and_its_decision(store):
    scored = score(clip(), store)
    assert scored.clip_id == content_hash(clip())
    (row,) = store_module.predictions_table(store).to_dict("records")
    assert row["prediction_id"] == scored.prediction_id
    assert row["model_version"] == served().model.version
    assert [row[f"p_{e}"] for e in ("angry", "sad")] == [scored.prediction.proba[e] for e in ("angry", "sad")]
    assert row["reason"] == scored.decision.reason
    assert 0 < row["latency_s"] < 60
    stored = store_module.load_features(store, scored.clip_id, EXTRACTOR)
    np.testing.assert_array_equal(stored.values, scored.vector.values)
    (entry,) = store_module.clips_table(store).to_dict("records")
    assert entry["duration_s"] == pytest.approx(6.5, abs=0.01)
    assert entry["bitrate"] == pytest.approx(8 * len(clip()) / entry["duration_s"], rel=0.02)


def test_the_second_time_nothing_is_measured(store, monkeypatch):
    first = score(clip(), store)
    monkeypatch.setattr(measure, "extract", lambda clip: pytest.fail("measured again"))
    second = score(clip(), store, name="other name.flac")
    assert second.prediction.proba == first.prediction.proba
    assert second.prediction_id == first.prediction_id
    assert len(store_module.predictions_table(store)) == 1


def test_what_is_no_audio_leaves_nothing(store):
    for data in (b"", b"no audio" * 100, clip()[:5000]):
        with pytest.raises(AudioError):
            score(data, store)
    assert store_module.clips_table(store).empty


def test_without_a_store_the_answer_is_the_same(store):
    assert score(clip(), None).prediction.proba == score(clip(), store).prediction.proba
    assert score(clip(), None).prediction_id is None


@pytest.mark.parametrize(
    ("module", "broken"),
    [(scoring, "load_features"), (scoring, "save_measured"), (deciding, "save_predictions")],
    ids=["features", "clip", "prediction"],
)
def test_a_failing_database_costs_the_row_and_not_the_answer(store, monkeypatch, module, broken):
    def fail(*args, **kwargs):
        raise StoreError("The disk is full: nothing was stored.")

    monkeypatch.setattr(module, broken, fail)
    scored = score(clip(), store)
    assert scored.prediction_id is None
    assert "disk is full" in scored.problem
    assert sum(scored.prediction.proba.values()) == pytest.approx(1)
    with pytest.raises(StoreError, match="not stored"):
        feedback.record_feedback(scored, store, label="sad", rater="a", form=store_module.new_token())


def test_a_bug_is_not_taken_for_a_failing_database(store, monkeypatch):
    monkeypatch.setattr(scoring, "save_measured", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        score(clip(), store)


def test_another_policy_is_another_row_and_the_same_one_is_none(store):
    scored = score(clip(), store)
    assert scoring.rescore(scored, served(), Policy(), store) is scored
    strict = scoring.rescore(scored, served(), Policy(threshold=1.0, pair_threshold=1.0), store)
    assert strict.decision.label is None
    assert strict.prediction_id != scored.prediction_id
    assert strict.prediction is scored.prediction


def test_a_deleted_clip_stays_deleted_until_its_file_is_sent_again(store, tmp_path):
    settings, audio = Settings(data_dir=tmp_path), Settings(data_dir=tmp_path).clips_dir
    scored = scoring.score_clip(clip(), "a.flac", served(), policy=Policy(), store=store, audio=audio)
    kept_audio.delete_clip(store, scored.clip_id, settings=settings)
    changed = scoring.rescore(scored, served(), Policy(threshold=0.5), store)
    assert (changed.problem, changed.prediction_id is None) == ("", False)
    assert store_module.clips_table(store).empty
    score(clip(), store)  # sent again, this time without keeping the audio
    assert store_module.clips_table(store)["path"].isna().tolist() == [True]
    assert store_module.clips_to_label(store, rater="Ece", with_audio=True).empty
    scoring.score_clip(clip(), "a.flac", served(), policy=Policy(), store=store, audio=audio)
    (path,) = store_module.clips_table(store)["path"]
    assert (tmp_path / path).is_file()


def test_a_clip_that_was_never_stored_tells_why_when_it_is_decided_again(store, monkeypatch):
    def full(*args, **kwargs):
        raise StoreError("The disk is full: nothing was stored.")

    with monkeypatch.context() as m:
        m.setattr(scoring, "save_measured", full)
        scored = score(clip(), store)
    changed = scoring.rescore(scored, served(), Policy(threshold=0.5), store)
    assert (changed.prediction_id, changed.problem) == (None, scored.problem)
    assert store_module.clips_table(store).empty


def test_another_model_predicts_again(store):
    scored = score(clip(), store)
    other = replace(served(), model=replace(served().model, version="other"))
    changed = scoring.rescore(scored, other, Policy(), store)
    assert changed.prediction.model_version == "other"
    assert changed.prediction_id != scored.prediction_id
    assert store_module.predictions_table(store)["model_version"].tolist() == [scored.prediction.model_version, "other"]


def test_a_clip_unlike_the_training_music_goes_to_a_person(store):
    y = 0.9 * np.sign(np.sin(2 * np.pi * 5000 * np.arange(6 * SR) / SR))
    buffer = io.BytesIO()
    soundfile.write(buffer, y, SR, format="WAV")
    scored = score(buffer.getvalue(), store, policy=Policy(threshold=0.25))
    assert scored.unlike.flag
    assert scored.decision.action == "review"
    assert scored.unlike.reasons[0] in scored.decision.reason


def test_reasons_add_up_to_the_probability_that_is_shown():
    scored = score(clip(), None)
    table = scoring.explain(scored, served())
    for emotion, p in scored.prediction.proba.items():
        own = table[table["emotion"] == emotion]
        assert own["base"].iloc[0] + own["shap"].sum() == pytest.approx(p, abs=1e-6)


def test_the_same_form_is_stored_once_and_another_answer_is_another_row(store):
    scored, form = score(clip(), store), store_module.new_token()
    first = feedback.record_feedback(scored, store, label="sad", rater="Ayşe", form=form)
    second = feedback.record_feedback(scored, store, label="sad", rater="Ayşe", form=form)
    third = feedback.record_feedback(scored, store, label="relax", rater="Ayşe", form=form)
    assert (first.new, second.new, third.new) == (True, False, True)
    table = store_module.feedback_table(store)
    assert table["label"].tolist() == ["sad", "relax"]
    assert table["display"].tolist() == ["shown", "shown"]
    assert (table["shown_label"] == scored.prediction.ranked[0]).all()
    assert (table["source"] == "predict").all()


def test_an_answer_never_lands_on_another_clip(store):
    """The number of the prediction is that of another clip, as after an erased one."""
    here, there = score(clip(), store), score(clip("tone_0p9s"), store)
    stale = replace(here, prediction_id=there.prediction_id)
    with pytest.raises(StoreError, match="about another clip"):
        feedback.record_feedback(stale, store, label="sad", rater="Ayşe", form=store_module.new_token())


def test_a_clip_that_cannot_be_shared_leaves_no_sound(store, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise StoreError("The disk is full: nothing was stored.")

    scored, file = scoring.score_own(
        clip(), "a.flac", served(), policy=Policy(), store=store, origin="upload", max_mb=9
    )
    monkeypatch.setattr(sys.modules["core.store.own_clips"], "_claim", fail)
    folder = Settings(data_dir=tmp_path).clips_dir
    assert "disk is full" in scoring.keep_clip(scored, file, served(), store, audio=folder).problem
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert store_module.clips_table(store).empty
    monkeypatch.undo()
    assert not scoring.keep_clip(scored, file, served(), store, audio=folder).problem
    assert len(list(folder.rglob("*.flac"))) == 1


def test_taking_back_takes_that_answer_and_says_what_counts_then(store):
    here, there = score(clip(), store), score(clip("tone_0p9s"), store)

    def say(scored, label):
        return feedback.record_feedback(
            scored, store, label=label, rater="Ayşe", form=store_module.new_token()
        ).feedback_id

    first, second, elsewhere = say(here, "sad"), say(here, "happy"), say(there, "relax")
    assert feedback.take_back(here, store, feedback_id=second, rater="Ayşe") == "sad"
    assert feedback.take_back(here, store, feedback_id=second, rater="Ayşe") == "sad"  # sent twice
    assert feedback.take_back(here, store, feedback_id=first, rater="Ali") is None  # who said nothing
    assert stored_answers(store)["feedback_id"].tolist() == [first, elsewhere]
    assert feedback.take_back(here, store, feedback_id=first, rater="Ayşe") is None
    assert stored_answers(store)["feedback_id"].tolist() == [elsewhere]


def test_people_without_a_name_are_told_apart_by_their_session():
    assert feedback.rater_of("  ", "abcdef123") == "anonymous abcdef"
    assert feedback.rater_of("Anonymous", "abcdef123") == "anonymous abcdef"
    assert feedback.rater_of(" Ayşe  Kaya ", "abcdef123") == "Ayşe Kaya"


def recording() -> bytes:
    """A minute of a tone, ten seconds of nothing, a minute of noise."""
    t = np.arange(40 * SR) / SR
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 40 * SR)
    y = np.concatenate([0.3 * np.sin(2 * np.pi * 220 * t) * (1 + 0.5 * np.sin(9 * t)), np.zeros(40 * SR), noise])
    buffer = io.BytesIO()
    soundfile.write(buffer, y, SR, format="FLAC")
    return buffer.getvalue()


def test_windows_of_a_recording_are_scored_one_by_one(store, monkeypatch):
    source = inspect(recording(), "long.flac")
    spans = cut_spans(source.duration_s, length_s=40, hop_s=40)
    windows = window_scoring.score_windows(source, served(), spans=spans, policy=Policy(), store=store)
    asked, score_source = [], window_scoring.score_source
    monkeypatch.setattr(
        window_scoring, "score_source", lambda *a, **given: asked.append(1) or score_source(*a, **given)
    )
    first = next(windows)
    assert len(asked) == 1  # nothing is scored ahead: the caller may stop
    found = [first, *windows]
    table = timeline_table(found)
    assert table["start_s"].tolist() == [0, 40, 80]
    assert table["p_sad"].notna().tolist() == [True, False, True]
    assert "silent from 40.0 s on" in table["remark"][1]
    measured = {w.clip_id: w.result.file.clips[0].vector for w in found if w.result}
    monkeypatch.setattr(measure, "extract", lambda clip: pytest.fail("measured again"))
    again = window_scoring.score_windows(source, served(), spans=spans, policy=Policy(), store=store, measured=measured)
    assert len(list(again)) == 3


def test_a_window_is_stored_only_with_an_answer_and_belongs_to_its_person(store):
    source = inspect(recording(), "long.flac")
    spans = cut_spans(source.duration_s, length_s=40, hop_s=40)
    first, silent, _ = window_scoring.score_windows(source, served(), spans=spans, policy=Policy(), store=store)
    assert store_module.clips_table(store).empty
    assert store_module.predictions_table(store).empty
    mine = store.asked_by(lambda: Person(Role.VISITOR, "Ayşe", session="a" * 32, setting=Setting.OPEN))
    number = window_scoring.keep_window(first, served(), mine)
    assert window_scoring.keep_window(first, served(), mine) == number
    (clip,) = store_module.clips_table(store).to_dict("records")
    assert (clip["clip_id"], clip["content_hash"], clip["start_s"]) == (first.clip_id, source.digest, 0)
    assert store_module.own_clips(mine)["clip_id"].tolist() == [first.clip_id]
    assert store_module.erase_own_clip(mine, first.clip_id)
    assert store_module.clips_table(store).empty
    assert store_module.predictions_table(store).empty
    with pytest.raises(StoreError, match="was not scored"):
        window_scoring.keep_window(silent, served(), mine)
