"""Two models side by side: the verdict against its closed form, and how often it is wrong."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from core.evaluation import shadow_test


def right(b, c, both=0):
    """Labelled clips: b that only the champion has right, c only the challenger, and some that both have right."""
    rows = [(True, False)] * b + [(False, True)] * c + [(True, True)] * both
    return (
        pd.DataFrame(rows, columns=["champion_right", "challenger_right"]).assign(label="sad").astype({"label": "str"})
    )


def judged(table, recording=None):
    """The verdict; each clip is a recording of its own unless told otherwise."""
    return shadow_test.sequential_verdict(
        table, pd.Series(table.index if recording is None else recording, index=table.index)
    )


def test_the_models_are_compared_on_the_clips_that_both_have_scored():
    said = [
        (1, "x", "m1", "sad"),
        (2, "x", "m2", "relax"),
        (3, "y", "m1", "sad"),
        (4, "y", "m2", "sad"),
        (5, "z", "m1", "sad"),  # the challenger has not seen it
        (6, "x", "m1", "happy"),  # said again later
        (7, "d", "m1", "sad"),
        (8, "d", "m2", "relax"),
    ]
    predictions = pd.DataFrame(said, columns=["prediction_id", "clip_id", "model_version", "guess"]).assign(
        file_name="f"
    )
    predictions["origin"] = ["demo" if clip == "d" else "upload" for clip in predictions["clip_id"]]  # practice
    truth = pd.DataFrame({"label": ["relax", None, "relax"]}, index=["x", "w", "d"], dtype="str")
    table = shadow_test.guesses_of_both(predictions, truth, champion="m1", challenger="m2")
    assert table.index.tolist() == ["x", "y"]
    assert table["champion"].tolist() == ["happy", "sad"]
    assert table["differ"].tolist() == [True, False]
    assert table.loc["x", ["champion_right", "challenger_right"]].tolist() == [False, True]
    verdict = judged(table)
    assert (verdict.labelled, verdict.only_champion, verdict.only_challenger) == (1, 0, 1)


def test_evidence_has_its_closed_form():
    """n of n for one side: 2^n / (n + 1), which passes 20 at the eighth clip."""
    for n in range(12):
        found = judged(right(0, n, both=5))
        assert found.evidence == pytest.approx(2**n / (n + 1))
        assert found.better == ("challenger" if n >= 8 else None)
    assert judged(right(8, 0)).better == "champion"
    assert judged(right(0, 2000)).evidence == np.inf


@pytest.mark.parametrize(("b", "c", "p"), [(1, 9, 0.021484375), (5, 5, 1.0), (0, 0, 1.0), (0, 5, 0.0625)])
def test_p_is_the_exact_mcnemar_test(b, c, p):
    assert judged(right(b, c)).p == pytest.approx(p)
    assert b + c == 0 or binomtest(b, b + c).pvalue == pytest.approx(p)


def test_how_many_more_labels_would_decide():
    assert judged(right(0, 7)).more_labels == 1
    assert judged(right(0, 7, both=7)).more_labels == 2  # only half of the labels tell the two apart
    assert judged(right(4, 4)).more_labels is None
    assert judged(right(0, 0, both=9)).more_labels is None
    assert judged(right(0, 9)).more_labels == 0
    unsure = judged(right(4, 9, both=27))
    grown = 1 + unsure.more_labels / 40
    assert judged(right(round(4 * grown), round(9 * grown))).better == "challenger"
    assert judged(right(round(4 * grown * 0.8), round(9 * grown * 0.8))).better is None


def test_clips_of_one_recording_are_one_coin():
    """A thousand windows of one file prove no more than one; a file whose windows fall to both sides proves nothing."""
    assert judged(right(0, 1000), ["one file"] * 1000).evidence == judged(right(0, 1)).evidence == 1.0
    found = judged(right(2, 3, both=4), ["a", "a", "a", "b", "b", "b", "c", "c", "c"])
    assert (found.labelled, found.recordings, found.only_champion, found.only_challenger) == (9, 3, 1, 1)
    even = judged(right(1, 1), ["a", "a"])
    assert (even.only_champion, even.only_challenger) == (0, 0)


def test_only_what_may_prove_something_counts():
    table = right(0, 9)
    assert judged(table).better == "challenger"
    found = shadow_test.sequential_verdict(table, pd.Series([0, 1], index=[3, 5]))
    assert (found.labelled, found.only_challenger, found.better) == (2, 2, None)


def test_looking_after_every_label_wrongs_equal_models_at_most_once_in_twenty():
    """500 series of 200 telling clips between equal models, looked at after each; McNemar's p would err far more."""
    rng = np.random.default_rng(0)
    c = rng.integers(0, 2, size=(500, 200)).cumsum(axis=1)
    n = np.arange(1, 201)
    log_evidence = np.vectorize(shadow_test._log_evidence)(n - c, c)
    wrong = (log_evidence >= np.log(20)).any(axis=1).mean()
    assert wrong <= 0.05
    p = np.array(
        [[binomtest(int(k), int(m)).pvalue for k, m in zip(row[::10], n[::10], strict=True)] for row in c[:100]]
    )
    assert (p < 0.05).any(axis=1).mean() > 0.1  # why the sequential test is there


def test_a_better_challenger_is_found():
    rng = np.random.default_rng(1)
    found = [judged(right(100 - c, c, both=300)).better for c in rng.binomial(100, 0.75, size=50)]
    assert found.count("challenger") >= 48
