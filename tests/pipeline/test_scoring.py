"""The wiring: what is stored, what is not, what is computed once, and what a failing database costs."""

import io
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core import store as db
from core.audio.decoding import content_hash, inspect
from core.errors import AudioError, StoreError
from core.features import EXTRACTOR
from core.labelling import feedback
from core.labelling.truth import stored_answers
from core.models.policy import Policy
from core.pipeline import kept_audio, measure, scoring, serving
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
def kept(tmp_path: Path) -> db.Store:
    return db.open_store(f"sqlite:///{tmp_path / 'clips.db'}")


def score(
    data: bytes, kept: db.Store | None, *, policy: Policy | None = None, name: str = "a.flac"
) -> scoring.ScoredClip:
    return scoring.score_clip(data, name, served(), policy=policy or Policy(), store=kept)


def test_a_clip_leaves_its_features_its_prediction_and_its_decision(kept):
    scored = score(clip(), kept)
    assert scored.clip_id == content_hash(clip())
    (row,) = db.predictions_table(kept).to_dict("records")
    assert row["prediction_id"] == scored.prediction_id
    assert row["model_version"] == served().model.version
    assert [row[f"p_{e}"] for e in ("angry", "sad")] == [scored.prediction.proba[e] for e in ("angry", "sad")]
    assert row["reason"] == scored.decision.reason
    assert 0 < row["latency_s"] < 60
    stored = db.load_features(kept, scored.clip_id, EXTRACTOR)
    np.testing.assert_array_equal(stored.values, scored.vector.values)
    (entry,) = db.clips_table(kept).to_dict("records")
    assert entry["duration_s"] == pytest.approx(6.5, abs=0.01)
    assert entry["bitrate"] == pytest.approx(8 * len(clip()) / entry["duration_s"], rel=0.02)


def test_the_second_time_nothing_is_measured(kept, monkeypatch):
    first = score(clip(), kept)
    monkeypatch.setattr(measure, "extract", lambda clip: pytest.fail("measured again"))
    second = score(clip(), kept, name="other name.flac")
    assert second.prediction.proba == first.prediction.proba
    assert second.prediction_id == first.prediction_id
    assert len(db.predictions_table(kept)) == 1


def test_what_is_no_audio_leaves_nothing(kept):
    for data in (b"", b"no audio" * 100, clip()[:5000]):
        with pytest.raises(AudioError):
            score(data, kept)
    assert db.clips_table(kept).empty


def test_without_a_store_the_answer_is_the_same(kept):
    assert score(clip(), None).prediction.proba == score(clip(), kept).prediction.proba
    assert score(clip(), None).prediction_id is None


@pytest.mark.parametrize("broken", ["load_features", "save_measured", "save_predictions"])
def test_a_failing_database_costs_the_row_and_not_the_answer(kept, monkeypatch, broken):
    def fail(*args, **kwargs):
        raise StoreError("The disk is full: nothing was stored.")

    monkeypatch.setattr(scoring, broken, fail)
    scored = score(clip(), kept)
    assert scored.prediction_id is None
    assert "disk is full" in scored.problem
    assert sum(scored.prediction.proba.values()) == pytest.approx(1)
    with pytest.raises(StoreError, match="not stored"):
        feedback.record_feedback(scored, kept, label="sad", rater="a", form=db.new_token())


def test_a_bug_is_not_taken_for_a_failing_database(kept, monkeypatch):
    monkeypatch.setattr(scoring, "save_measured", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        score(clip(), kept)


def test_another_policy_is_another_row_and_the_same_one_is_none(kept):
    scored = score(clip(), kept)
    assert scoring.rescore(scored, served(), Policy(), kept) is scored
    strict = scoring.rescore(scored, served(), Policy(threshold=1.0, pair_threshold=1.0), kept)
    assert strict.decision.label is None
    assert strict.prediction_id != scored.prediction_id
    assert strict.prediction is scored.prediction


def test_a_deleted_clip_stays_deleted_until_its_file_is_sent_again(kept, tmp_path):
    settings, audio = Settings(data_dir=tmp_path), Settings(data_dir=tmp_path).clips_dir
    scored = scoring.score_clip(clip(), "a.flac", served(), policy=Policy(), store=kept, audio=audio)
    kept_audio.delete_clip(kept, scored.clip_id, settings=settings)
    changed = scoring.rescore(scored, served(), Policy(threshold=0.5), kept)
    assert (changed.problem, changed.prediction_id is None) == ("", False)
    assert db.clips_table(kept).empty
    score(clip(), kept)  # sent again, this time without keeping the audio
    assert db.clips_table(kept)["path"].isna().tolist() == [True]
    assert db.clips_to_label(kept, rater="Ece", with_audio=True).empty
    scoring.score_clip(clip(), "a.flac", served(), policy=Policy(), store=kept, audio=audio)
    (path,) = db.clips_table(kept)["path"]
    assert (tmp_path / path).is_file()


def test_a_clip_that_was_never_stored_tells_why_when_it_is_decided_again(kept, monkeypatch):
    def full(*args, **kwargs):
        raise StoreError("The disk is full: nothing was stored.")

    with monkeypatch.context() as m:
        m.setattr(scoring, "save_measured", full)
        scored = score(clip(), kept)
    changed = scoring.rescore(scored, served(), Policy(threshold=0.5), kept)
    assert (changed.prediction_id, changed.problem) == (None, scored.problem)
    assert db.clips_table(kept).empty


def test_another_model_predicts_again(kept):
    scored = score(clip(), kept)
    other = replace(served(), model=replace(served().model, version="other"))
    changed = scoring.rescore(scored, other, Policy(), kept)
    assert changed.prediction.model_version == "other"
    assert changed.prediction_id != scored.prediction_id
    assert db.predictions_table(kept)["model_version"].tolist() == [scored.prediction.model_version, "other"]


def test_a_clip_unlike_the_training_music_goes_to_a_person(kept):
    y = 0.9 * np.sign(np.sin(2 * np.pi * 5000 * np.arange(6 * SR) / SR))
    buffer = io.BytesIO()
    soundfile.write(buffer, y, SR, format="WAV")
    scored = score(buffer.getvalue(), kept, policy=Policy(threshold=0.25))
    assert scored.unlike.flag
    assert scored.decision.action == "review"
    assert scored.unlike.reasons[0] in scored.decision.reason


def test_reasons_add_up_to_the_probability_that_is_shown():
    scored = score(clip(), None)
    table = scoring.explain(scored, served())
    for emotion, p in scored.prediction.proba.items():
        own = table[table["emotion"] == emotion]
        assert own["base"].iloc[0] + own["shap"].sum() == pytest.approx(p, abs=1e-6)


def test_the_same_form_is_stored_once_and_another_answer_is_another_row(kept):
    scored, form = score(clip(), kept), db.new_token()
    first = feedback.record_feedback(scored, kept, label="sad", rater="Ayşe", form=form)
    second = feedback.record_feedback(scored, kept, label="sad", rater="Ayşe", form=form)
    third = feedback.record_feedback(scored, kept, label="relax", rater="Ayşe", form=form)
    assert (first.new, second.new, third.new) == (True, False, True)
    table = db.feedback_table(kept)
    assert table["label"].tolist() == ["sad", "relax"]
    assert table["display"].tolist() == ["shown", "shown"]
    assert (table["shown_label"] == scored.prediction.ranked[0]).all()
    assert (table["source"] == "predict").all()


def test_taking_back_takes_that_answer_and_says_what_counts_then(kept):
    here, there = score(clip(), kept), score(clip("tone_0p9s"), kept)

    def say(scored, label):
        return feedback.record_feedback(scored, kept, label=label, rater="Ayşe", form=db.new_token()).feedback_id

    first, second, elsewhere = say(here, "sad"), say(here, "happy"), say(there, "relax")
    assert feedback.take_back(here, kept, feedback_id=second, rater="Ayşe") == "sad"
    assert feedback.take_back(here, kept, feedback_id=second, rater="Ayşe") == "sad"  # sent twice
    assert feedback.take_back(here, kept, feedback_id=first, rater="Ali") is None  # who said nothing
    assert stored_answers(kept)["feedback_id"].tolist() == [first, elsewhere]
    assert feedback.take_back(here, kept, feedback_id=first, rater="Ayşe") is None
    assert stored_answers(kept)["feedback_id"].tolist() == [elsewhere]


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


def test_windows_of_a_recording_are_scored_one_by_one(kept, monkeypatch):
    source = inspect(recording(), "long.flac")
    spans = cut_spans(source.duration_s, length_s=40, hop_s=40)
    windows = scoring.score_windows(source, served(), spans=spans, policy=Policy(), store=kept)
    first = next(windows)
    assert len(db.predictions_table(kept)) == 1  # nothing is scored ahead: the caller may stop
    table = timeline_table([first, *windows])
    assert table["start_s"].tolist() == [0, 40, 80]
    assert table["p_sad"].notna().tolist() == [True, False, True]
    assert "silent from 40.0 s on" in table["remark"][1]
    stored = db.clips_table(kept)
    assert sorted(stored["start_s"]) == [0, 80]
    assert set(stored["content_hash"]) == {source.digest}
    monkeypatch.setattr(measure, "extract", lambda clip: pytest.fail("measured again"))
    assert len(list(scoring.score_windows(source, served(), spans=spans, policy=Policy(), store=kept))) == 3
