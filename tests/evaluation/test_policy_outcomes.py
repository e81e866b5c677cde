"""What a policy would do with known clips: the same rule as for one clip, honest conformal sets, figures by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from core.errors import TableError
from core.evaluation import policy_outcomes
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.schema import EMOTIONS

PROBA = [f"p_{e}" for e in EMOTIONS]


def predictions(n: int = 200, *, seed: int = 0, sharp: float = 1.0) -> pd.DataFrame:
    """Calibrated by construction: labels are drawn from the probabilities."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(4, 0.5 / sharp), size=n)
    y = [EMOTIONS[rng.choice(4, p=p)] for p in proba]
    return pd.DataFrame(proba, columns=PROBA).assign(row=range(n), y=y, repeat=0)


POLICIES = st.one_of(
    st.builds(Policy, threshold=st.floats(0.25, 1), pair_threshold=st.floats(0.4, 1)),
    st.builds(Policy, pair_threshold=st.floats(0.4, 1), thresholds=st.tuples(*[st.floats(0.25, 1)] * 4)),
    st.builds(Policy, kind=st.just("conformal"), floors=st.tuples(*[st.floats(0, 0.9)] * 4)),
)


@settings(max_examples=30, deadline=None)
@given(POLICIES, st.integers(0, 100))
def test_a_whole_table_is_decided_as_each_clip_is(policy, seed):
    table = predictions(30, seed=seed)
    done = policy_outcomes.outcomes(table, policy)
    for line, row in zip(table.to_dict("records"), done.to_dict("records"), strict=True):
        one = decide(Prediction("c", "m", "e", {e: line[f"p_{e}"] for e in EMOTIONS}), policy)
        assert row["action"] == one.action
        if one.action != "review":
            assert row["holds"] == (line["y"] in one.candidates)
            assert row["size"] == len(one.candidates)


def test_figures_by_hand():
    table = pd.DataFrame(
        {
            "row": [0, 1, 2, 3],
            "y": ["angry", "happy", "relax", "sad"],
            "p_angry": [0.9, 0.8, 0.1, 0.4],
            "p_happy": [0.1, 0.1, 0.0, 0.3],
            "p_relax": [0.0, 0.1, 0.5, 0.2],
            "p_sad": [0.0, 0.0, 0.4, 0.1],
        }
    )
    done = policy_outcomes.outcomes(table, Policy(threshold=0.75, pair_threshold=0.75))
    assert done["action"].tolist() == ["accept", "accept", "choose", "review"]
    value = policy_outcomes.summarise(done, resamples=0).set_index(["measure", "emotion"])["value"]
    assert value["accept", "all"] == 0.5
    assert value["accuracy", "all"] == 0.5
    assert value["pair", "all"] == 1
    assert value["review", "all"] == 0.25
    assert value["top2_rest", "all"] == 0.5  # relax is among its two, sad is not
    assert value["accuracy", "angry"] == 1
    assert value["accuracy", "happy"] == 0
    assert np.isnan(value["accuracy", "relax"])  # nothing was accepted: there is no such share
    assert policy_outcomes.wide_summary(policy_outcomes.summarise(done, resamples=0))["emotion"].tolist() == [
        "all",
        *EMOTIONS,
    ]


def called(*lines: tuple[str, str, float]) -> pd.DataFrame:
    """Predictions: the right emotion, the called one and its probability."""
    table = []
    for row, (y, guess, p) in enumerate(lines):
        rest = {f"p_{e}": (1 - p) / 3 for e in EMOTIONS}
        table.append({"row": row, "y": y, "repeat": 0, **rest, f"p_{guess}": p})
    return pd.DataFrame(table)


def test_how_often_a_called_emotion_is_right():
    table = called(("sad", "sad", 0.8), ("relax", "sad", 0.8), ("angry", "angry", 0.9), ("happy", "happy", 0.5))
    done = policy_outcomes.called_outcomes(table, Policy()).set_index("emotion")
    assert done["accepted"].to_dict() == {"all": 0.75, "angry": 0.25, "happy": 0, "relax": 0, "sad": 0.5}
    assert done.loc["sad", "right"] == 0.5
    assert done.loc["all", "right"] == pytest.approx(2 / 3)
    assert np.isnan(done.loc["relax", "right"])
    assert done.loc["sad", "threshold"] == 0.75


def test_a_policy_by_emotion_asks_more_where_an_emotion_is_often_wrong():
    often = [("relax", "sad", 0.80)] * 5 + [("sad", "sad", 0.80)] * 5 + [("sad", "sad", 0.92)] * 9
    table = called(*often, *[("angry", "angry", 0.8)] * 10, ("happy", "relax", 0.97))
    policy = policy_outcomes.policy_by_emotion(table)
    by = dict(zip(EMOTIONS, policy.thresholds, strict=True))
    assert by["angry"] == 0.75
    assert by["sad"] == 0.85  # from here on all are right
    assert by["relax"] == 0.75  # never right: all limits are equally bad
    assert policy_outcomes.called_outcomes(table, policy).set_index("emotion").loc["sad", "right"] == 1


def test_intervals_hold_the_figure_and_shrink_with_more_clips():
    width = {}
    for n in (100, 1600):
        table = policy_outcomes.summarise(policy_outcomes.outcomes(predictions(n), Policy())).set_index(
            ["measure", "emotion"]
        )
        line = table.loc["accuracy", "all"]
        assert line["low"] < line["value"] < line["high"]
        width[n] = line["high"] - line["low"]
    assert width[1600] < width[100] / 2.5


def test_clips_of_one_recording_count_as_one_for_the_interval():
    table = predictions(100)
    tenfold = pd.concat([table.assign(row=table["row"] + 1000 * k, group=table["row"]) for k in range(10)])
    once, ten = (
        policy_outcomes.summarise(policy_outcomes.outcomes(t, Policy()))
        .set_index(["measure", "emotion"])
        .loc["accept", "all"]
        for t in (table.assign(group=table["row"]), tenfold)
    )
    assert ten["value"] == pytest.approx(once["value"])
    assert ten["high"] - ten["low"] == pytest.approx(once["high"] - once["low"], rel=1e-6)


def test_conformal_sets_hold_the_right_emotion_as_often_as_promised():
    done = policy_outcomes.conformal_outcomes(predictions(4000), coverage=0.9)
    held = policy_outcomes.summarise(done, resamples=0).query("measure == 'held'").set_index("emotion")["value"]
    assert (abs(held - 0.9) < 0.03).all()


def test_conformal_floors_come_from_other_recordings():
    """Were they learned on the same clips, labels of pure chance would be held as often as promised, exactly."""
    table = predictions(40, seed=3)
    copies = pd.concat([table.assign(row=table["row"] + 100 * k, group=table["row"]) for k in range(5)])
    alone = policy_outcomes.conformal_outcomes(table.assign(group=table["row"]), coverage=0.8)
    five = policy_outcomes.conformal_outcomes(copies.reset_index(drop=True), coverage=0.8)
    assert five["holds"].mean() == pytest.approx(alone["holds"].mean(), abs=0.12)
    by_group = five.groupby("group")["size"].nunique()
    assert (by_group == 1).all()  # copies of one recording are judged by the same floors


def test_sizes_of_sets_are_shares():
    sizes = policy_outcomes.set_sizes(policy_outcomes.conformal_outcomes(predictions(300), coverage=0.9))
    np.testing.assert_allclose(sizes[["none", "1", "2", "3", "4"]].sum(axis=1), 1)
    assert sizes["emotion"].tolist() == [*EMOTIONS, "all"]


def test_the_paired_difference_is_that_of_the_two_summaries():
    first, second = (policy_outcomes.outcomes(predictions(300, sharp=sharp), Policy()) for sharp in (1.0, 2.0))
    found = policy_outcomes.paired_shares(first, second).set_index("measure")
    summaries = [
        policy_outcomes.summarise(t).query("emotion == 'all'").set_index("measure")["value"] for t in (first, second)
    ]
    for measure in ("accept", "accuracy"):
        assert found.loc[measure, "value"] == pytest.approx(summaries[1][measure])
        assert found.loc[measure, "difference"] == pytest.approx(summaries[1][measure] - summaries[0][measure])
    same = policy_outcomes.paired_shares(first, first)
    assert (same[["difference", "low", "high"]] == 0).all(axis=None)


def test_a_table_without_labels_is_refused():
    with pytest.raises(TableError, match="column y"):
        policy_outcomes.outcomes(predictions(5).drop(columns="y"), Policy())


def test_twenty_of_twenty_is_not_certain():
    table = called(*[("sad", "sad", 0.9)] * 20)
    done = policy_outcomes.summarise(policy_outcomes.outcomes(table, Policy()))
    line = done[(done["measure"] == "accuracy") & (done["emotion"] == "all")].iloc[0]
    expected = binomtest(20, 20).proportion_ci(method="wilson")
    assert (line["value"], line["low"]) == (1, pytest.approx(expected.low))
    by_call = policy_outcomes.called_outcomes(table, Policy()).set_index("emotion")
    assert by_call.loc["sad", "low"] == pytest.approx(expected.low)
