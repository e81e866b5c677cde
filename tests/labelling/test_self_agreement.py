"""Agreement with oneself and with others, on tables that are easy to count."""

import pandas as pd
import pytest
from scipy.stats import binomtest

from core.labelling import agreement, self_agreement


def feedback(*rows, **more):
    """rows : clip, rater, label, turn (None outside of a task)."""
    table = pd.DataFrame(rows, columns=["clip_id", "rater", "label", "turn"])
    return table.assign(
        feedback_id=range(1, len(table) + 1),
        kind=table["turn"].map({2: "repeat"}).fillna("answer"),
        task_id=table["turn"].notna().map({True: 1, False: None}),
        skip_reason=None,
        undone=False,
        deleted=False,
        verified=False,
        target_id=None,
        **more,
    )


TABLE = feedback(
    ("a", "Ece", "sad", 1), ("b", "Ece", "sad", 1), ("c", "Ece", "happy", 1), ("d", "Ece", "relax", 1),
    ("a", "Ece", "sad", 2), ("b", "Ece", "relax", 2), ("c", "Ece", "happy", 2),
    ("a", "Can", "sad", None), ("b", "Can", "sad", None), ("c", "Can", "angry", None), ("a", "Nur", "relax", None),
)  # fmt: skip


def test_a_rater_with_themself_and_with_others():
    table = self_agreement.by_rater(TABLE).set_index("rater")
    ece = table.loc["Ece"]
    interval = binomtest(2, 3).proportion_ci(method="wilson")
    assert ece[["twice", "same", "with_self"]].tolist() == [3, 2, pytest.approx(2 / 3)]
    assert ece[["self_low", "self_high"]].tolist() == pytest.approx([interval.low, interval.high])
    assert ece[["clips", "with_others"]].tolist() == [3, pytest.approx(2 / 4)]  # 1 of 2, 1 of 1, 0 of 1
    assert 0 <= ece["others_low"] < 0.5 < ece["others_high"] <= 1
    assert table.loc["Nur", ["twice", "clips", "with_others"]].tolist() == [0, 1, 0]
    assert table.loc["Nur", ["with_self", "self_low", "others_low"]].isna().all()


def test_repeats_change_no_vote_and_no_ground_truth():
    without = TABLE[TABLE["kind"].ne("repeat")]
    pd.testing.assert_frame_equal(agreement.votes(TABLE), agreement.votes(without))
    pd.testing.assert_frame_equal(
        agreement.ground_truth(TABLE, raters_needed=2), agreement.ground_truth(without, raters_needed=2)
    )


def test_a_skip_an_undone_answer_and_a_later_change_are_no_pair():
    table = feedback(
        ("a", "Ece", None, 1), ("a", "Ece", "sad", 2), ("b", "Ece", "sad", 1), ("b", "Ece", "happy", 2),
        ("b", "Ece", "sad", 2), ("c", "Ece", "sad", 1), ("c", "Ece", "sad", 2), ("b", "Ece", "angry", None),
    )  # fmt: skip
    table.loc[6, "undone"] = True
    assert self_agreement.repeated(table)[["clip_id", "first", "second"]].to_numpy().tolist() == [["b", "sad", "sad"]]
