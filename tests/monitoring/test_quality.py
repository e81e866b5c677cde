"""Quality from labels that came later: what counts, and what the figures stand beside."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from monitored import NOW, add_answers, add_clips

from core.evaluation.metrics import perfect_ece, scores
from core.monitoring import quality
from core.monitoring.periods import period_named
from core.schema import EMOTIONS, PROBA
from core.store import say_same
from core.store.schema import clips

MONTH = period_named("28 days", NOW)
SURE_SAD = (0.1, 0.1, 0.1, 0.7)


def drawn(n, *, seed=0, calibrated=True):
    """Labelled predictions whose labels follow the probabilities, or are random."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet([0.7] * 4, n)
    codes = (rng.random((n, 1)) > proba.cumsum(axis=1)[:, :-1]).sum(axis=1) if calibrated else rng.integers(0, 4, n)
    table = pd.DataFrame(proba, columns=list(PROBA))
    return table.assign(
        y=[EMOTIONS[k] for k in codes], at=pd.Timestamp(NOW - timedelta(days=3)), model_version="m-1", row=range(n)
    )


def test_only_predictions_that_came_before_every_answer_count(opened):
    before, after = NOW - timedelta(days=5), NOW - timedelta(days=1)
    add_clips(
        opened,
        [
            {"id": "new", "p": SURE_SAD, "predicted_at": NOW - timedelta(days=3), "makam": "Rast"},
            {"id": "known", "p": SURE_SAD, "predicted_at": NOW - timedelta(days=3)},
            {"id": "unlabelled", "p": SURE_SAD},
            {"id": "practice", "p": SURE_SAD, "origin": "demo"},
            {"id": "too old", "p": SURE_SAD, "predicted_at": NOW - timedelta(days=60)},
        ],
    )
    answers = [("new", "sad", after), ("known", "sad", before), ("practice", "sad", after), ("too old", "sad", after)]
    add_answers(opened, answers)
    found = quality.labelled_predictions(opened, MONTH)
    assert list(found["clip_id"]) == ["new"]
    assert found[["y", "makam", "p_sad"]].iloc[0].tolist() == ["sad", "Rast", 0.7]


def test_a_recording_that_a_model_may_know_from_another_clip_does_not_count(opened):
    predicted = [NOW - timedelta(days=days) for days in (9, 3, 3)]
    add_clips(opened, [{"id": n, "p": SURE_SAD, "predicted_at": at} for n, at in zip("abc", predicted, strict=True)])
    with opened.engine.connect().execution_options(write=True) as c, c.begin():
        c.execute(clips.update().where(clips.c.id == "b").values(track_id="track a"))
    add_answers(opened, [("a", "sad", NOW - timedelta(days=5)), ("b", "sad", NOW), ("c", "sad", NOW)])
    assert list(quality.labelled_predictions(opened, MONTH)["clip_id"]) == ["a", "c"]


def test_files_that_people_call_one_recording_count_once(opened):
    predicted = [NOW - timedelta(days=days) for days in (9, 8, 3)]
    add_clips(opened, [{"id": n, "p": SURE_SAD, "predicted_at": at} for n, at in zip("abc", predicted, strict=True)])
    add_answers(opened, [("a", "sad", NOW - timedelta(days=5)), ("b", "sad", NOW), ("c", "sad", NOW)])
    assert list(quality.labelled_predictions(opened, MONTH)["clip_id"]) == ["a", "b", "c"]
    say_same(opened, "a", "b", True)
    assert list(quality.labelled_predictions(opened, MONTH)["clip_id"]) == ["a", "c"]
    say_same(opened, "c", "b", True)  # a model may know c from the answer about a
    assert list(quality.labelled_predictions(opened, MONTH)["clip_id"]) == ["a"]


def test_raters_who_disagree_give_no_label(opened):
    add_clips(opened, [{"id": "a", "p": SURE_SAD}])
    add_answers(opened, [("a", "sad", NOW)])
    assert len(quality.labelled_predictions(opened, MONTH)) == 1
    add_answers(opened, [("a", "happy", NOW + timedelta(seconds=1))])  # both change their minds
    assert quality.labelled_predictions(opened, MONTH)["y"].tolist() == ["happy"]


def test_the_figures_are_those_of_the_evaluation():
    table = drawn(300)
    found = quality.figures(table)
    expected = scores(table, resamples=0).set_index(["measure", "emotion"])["value"]
    assert found["f1"] == pytest.approx(expected["macro_f1", "all"])
    assert found["accuracy"] == pytest.approx(expected["accuracy", "all"])
    assert found["ece"] == pytest.approx(expected["ece", "all"])
    for emotion in EMOTIONS:
        assert found[f"f1_{emotion}"] == pytest.approx(expected["f1", emotion])
    known = perfect_ece(table).set_index("measure").loc["ece"]
    assert found["ece_perfect"] == pytest.approx(known["expected"], abs=0.005)


def test_a_calibrated_model_is_below_its_promise_in_few_of_a_hundred_samples():
    below = [f["f1"] < f["promised_low"] for f in (quality.figures(drawn(60, seed=seed)) for seed in range(120))]
    assert np.mean(below) <= 0.08  # 2.5 % are expected


def test_a_model_that_promises_too_much_is_below_its_promise():
    found = quality.figures(drawn(200, calibrated=False))
    assert found["f1"] < found["promised_low"]
    assert found["ece"] > found["ece_perfect_p95"]


def test_two_models_in_one_week_have_a_row_each_and_few_labels_have_no_figure():
    many, few = drawn(40), drawn(quality.LEAST - 1, seed=1).assign(model_version="m-2")
    table = quality.quality_over_time(pd.concat([many, few]), MONTH)
    assert list(zip(table["model_version"], table["period"].isna(), table["clips"], strict=True)) == [
        ("m-1", False, 40), ("m-2", False, 19), ("m-1", True, 40), ("m-2", True, 19),
    ]  # fmt: skip
    assert table["f1"].notna().tolist() == [True, False, True, False]


def test_no_labels_give_an_empty_table(opened):
    found = quality.labelled_predictions(opened, MONTH)
    assert quality.quality_over_time(found, MONTH).empty
    assert quality.right_by_slice(found, "makam").empty


def test_the_share_that_is_right_by_slice():
    table = drawn(40).assign(makam=["Rast"] * 30 + ["rast"] * 5 + [""] * 5, y="sad")
    table[list(PROBA)] = SURE_SAD
    table.loc[:6, "y"] = "happy"
    found = quality.right_by_slice(table, "makam").set_index("slice")
    assert found.loc["Rast", ["labelled", "right", "promised"]].tolist() == pytest.approx([35, 28 / 35, 0.7])
    assert found.loc["unknown", "right"] == 1.0


def test_a_slice_has_its_labelled_clips_beside_it_however_it_is_spelt():
    labelled = drawn(30).assign(makam=["hicaz"] * 20 + ["Hicaz"] * 10)
    right = quality.right_by_slice(labelled, "makam")
    assert right["slice"].tolist() == ["hicaz"]
    slices = pd.DataFrame({"slice": ["Hicaz", "Rast"], "clips": [50, 9]})
    found = quality.with_right(slices, right).set_index("slice")
    assert found["labelled"].tolist() == [30, 0]
    assert found["right"].isna().tolist() == [False, True]
    assert quality.with_right(slices, right.iloc[:0])["labelled"].tolist() == [0, 0]
