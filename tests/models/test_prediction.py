"""Predictions that cannot be wrong, the decision rule, and conformal sets that cover what they promise."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from core.dataset import stand_in
from core.errors import ModelError
from core.models.policy import Decision, Policy, conformal_floors, conformal_policy, decide
from core.models.prediction import Model, Prediction, predict, probabilities
from core.schema import COLUMNS, EMOTIONS, LABEL, MIRTOOLBOX, FeatureVector
from core.training.candidates import prepared


def prediction(**proba: float) -> Prediction:
    return Prediction("clip", "model", "extractor", proba)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return stand_in.sample(n_per_class=40)


@pytest.fixture(scope="module")
def model(table) -> Model:
    pipeline = prepared(LogisticRegression(max_iter=1000)).fit(table, table[LABEL])
    return Model("m1", pipeline, EMOTIONS, "test")


# --- predictions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "proba",
    [
        {"angry": 0.5, "happy": 0.5, "relax": 0.0},
        {"angry": 0.5, "happy": 0.5, "relax": 0.1, "sad": -0.1},
        {"angry": 0.5, "happy": 0.5, "relax": 0.1, "sad": 0.1},
        {"angry": float("nan"), "happy": 0.5, "relax": 0.25, "sad": 0.25},
        {"angry": 0.5, "happy": 0.3, "relax": 0.1, "calm": 0.1},
    ],
)
def test_probabilities_that_are_none_are_refused(proba):
    with pytest.raises(ModelError, match="probabilit"):
        prediction(**proba)


def test_a_model_of_other_classes_is_refused():
    with pytest.raises(ModelError, match="must predict angry, happy, relax, sad"):
        Model("m", None, ("angry", "happy", "sad", "tense"), "test")


def test_a_vector_and_its_table_row_give_the_same_prediction(model, table):
    values = table[list(COLUMNS)].to_numpy()
    vectors = [FeatureVector(f"c{k}", "ours 1", values[k]) for k in range(5)]
    from_vectors, from_table = predict(model, vectors), predict(model, table.iloc[:5])
    assert [p.clip_id for p in from_vectors] == ["c0", "c1", "c2", "c3", "c4"]
    assert {p.extractor for p in from_vectors} == {"ours 1"}
    assert {p.extractor for p in from_table} == {MIRTOOLBOX}
    assert [p.proba for p in from_vectors] == [p.proba for p in from_table]
    assert predict(model, []) == []


def test_the_order_of_the_table_and_of_the_classes_does_not_matter(model, table):
    straight = probabilities(model, table)
    shuffled = table[table.columns[::-1]]
    np.testing.assert_array_equal(probabilities(model, shuffled), straight)

    class Turned:
        def predict_proba(self, X):
            return model.pipeline.predict_proba(X)[:, ::-1]

    np.testing.assert_array_equal(probabilities(Model("m", Turned(), EMOTIONS[::-1], "test"), table), straight)
    np.testing.assert_allclose(straight, model.pipeline.predict_proba(table), atol=1e-12)


def test_what_cannot_be_measured_is_no_obstacle_and_what_is_no_number_is(model, table):
    holes = table[list(COLUMNS)].iloc[:2].copy()
    holes.iloc[0, :] = np.nan
    assert np.isfinite(probabilities(model, holes)).all()
    with pytest.raises(ModelError, match="lacks 1 of the 50 feature columns, first '_Tempo_Mean'"):
        probabilities(model, table.drop(columns="_Tempo_Mean"))
    with pytest.raises(ModelError, match="not a number"):
        probabilities(model, table.astype({"_Tempo_Mean": object}).assign(_Tempo_Mean="fast"))
    with pytest.raises(ModelError, match="infinite"):
        probabilities(model, table.assign(_Tempo_Mean=np.inf))


# --- decisions -------------------------------------------------------------------------------------------------------


def test_the_three_answers_of_a_threshold():
    policy = Policy(threshold=0.75, pair_threshold=0.75)
    accept = decide(prediction(angry=0.75, happy=0.15, relax=0.05, sad=0.05), policy)
    assert (accept.label, accept.candidates, accept.action) == ("angry", ("angry",), "accept")
    assert accept.reason == "Angry: its probability is 75.0 %, and 75 % is enough."

    choose = decide(prediction(angry=0.05, happy=0.05, relax=0.4, sad=0.5), policy)
    assert (choose.label, choose.candidates, choose.action) == (None, ("sad", "relax"), "choose")
    assert choose.reason == "Sad or relax: 50.0 % and 40.0 %; one answer needs 75 %."

    review = decide(prediction(angry=0.2, happy=0.25, relax=0.25, sad=0.3), policy)
    assert (review.label, review.candidates, review.action) == (None, (), "review")
    assert "sad and happy, have only 55.0 % together" in review.reason  # a tie: in the order of the schema


def test_a_limit_for_each_emotion():
    policy = Policy(thresholds=(0.75, 0.75, 0.75, 0.9))
    assert decide(prediction(angry=0.8, happy=0.1, relax=0.05, sad=0.05), policy).label == "angry"
    sad = decide(prediction(angry=0.03, happy=0.02, relax=0.1, sad=0.85), policy)
    assert (sad.action, sad.candidates) == ("choose", ("sad", "relax"))
    assert sad.reason == "Sad or relax: 85.0 % and 10.0 %; one answer needs 90 %."
    assert decide(prediction(angry=0.03, happy=0.02, relax=0.04, sad=0.91), policy).label == "sad"
    assert Policy.from_json(policy.to_json()) == policy


def test_a_policy_of_one_window_without_limits_by_emotion_is_stored_as_in_0_2():
    """Stored predictions are found by this text."""
    assert Policy(windows=1).to_json() == (
        '{"coverage": 0.9, "floors": [], "kind": "threshold", "pair_threshold": 0.75, "threshold": 0.75}'
    )


@pytest.mark.parametrize("limits", [(0.5,), (0.5, 0.5, 0.5, 1.5)])
def test_wrong_limits_are_refused(limits):
    with pytest.raises(ModelError, match="four emotions|between 0 and 1"):
        Policy(thresholds=limits)


def test_a_probability_just_below_the_threshold_is_not_shown_as_reaching_it():
    decision = decide(prediction(angry=0.7499, happy=0.2501, relax=0.0, sad=0.0), Policy())
    assert decision.label is None
    assert "74.9 % and 25.1 %" in decision.reason  # together 100 %


def test_a_clip_unlike_the_training_music_is_reviewed_however_sure_the_model_is():
    sure = prediction(angry=1.0, happy=0.0, relax=0.0, sad=0.0)
    assert decide(sure, Policy()).action == "accept"
    for policy in (Policy(), Policy(kind="conformal", floors=(0.1,) * 4)):
        decision = decide(sure, policy, unlike=["Tempo is 300 bpm", "b", "c", "d", "e"])
        assert decision.action == "review"
        assert "Tempo is 300 bpm; b; c; and 2 more" in decision.reason


shares = st.lists(st.floats(0.001, 1), min_size=4, max_size=4).map(lambda x: [v / sum(x) for v in x])


@given(shares, st.floats(0, 1), st.floats(0, 1))
def test_the_rule_for_any_probabilities(proba, threshold, pair):
    p = prediction(**dict(zip(EMOTIONS, proba, strict=True)))
    decision = decide(p, Policy(threshold=threshold, pair_threshold=pair))
    best = sorted(proba)[::-1]
    expected = "accept" if best[0] >= threshold else "choose" if best[0] + best[1] >= pair else "review"
    if abs(best[0] + best[1] - pair) > 1e-9:
        assert decision.action == expected
    assert all(p.proba[e] >= best[len(decision.candidates) - 1] for e in decision.candidates)


def test_a_conformal_set_of_each_size():
    policy = Policy(kind="conformal", coverage=0.9, floors=(0.5, 0.3, 0.3, 0.1))
    one = decide(prediction(angry=0.9, happy=0.05, relax=0.0, sad=0.05), policy)
    assert (one.label, one.action) == ("angry", "accept")
    two = decide(prediction(angry=0.2, happy=0.55, relax=0.05, sad=0.2), policy)
    assert two.candidates == ("happy", "sad")  # angry is as probable as sad, but its floor is higher
    three = decide(prediction(angry=0.05, happy=0.35, relax=0.35, sad=0.25), policy)
    assert three.action == "review"
    assert "3 emotions (happy, relax, sad)" in three.reason
    none = decide(prediction(angry=0.4, happy=0.27, relax=0.27, sad=0.06), policy)
    assert none.action == "review"
    assert "no emotion" in none.reason


def test_an_accepted_decision_has_one_candidate():
    with pytest.raises(ModelError, match="as the only candidate"):
        Decision("sad", ("sad", "relax"), "")


# --- policies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "policy", [Policy(), Policy(threshold=0.6), Policy(kind="conformal", floors=(0.1, 0.2, 0.3, 1 / 3))]
)
def test_a_policy_survives_being_stored(policy):
    assert Policy.from_json(policy.to_json()) == policy
    assert json.loads(policy.to_json())["threshold"] == policy.threshold


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"kind": "best"}', '{"threshold": 2}', '{"floors": 3}', '{"x": 1}', "null"]
)
def test_what_is_no_policy_is_a_sentence(text):
    with pytest.raises(ModelError, match="polic"):
        Policy.from_json(text)


def test_a_conformal_policy_without_floors_is_refused():
    with pytest.raises(ModelError, match="conformal_policy"):
        Policy(kind="conformal")


# --- conformal coverage ----------------------------------------------------------------------------------------------


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of a middling model, n clips; sad and relax are often confused."""
    rng = np.random.default_rng(seed)
    y = rng.integers(4, size=n)
    scores = rng.normal(size=(n, 4)) + 2.2 * np.eye(4)[y] - 0.9 * (y >= 2)[:, None] * np.eye(4)[y]
    proba = np.exp(1.3 * scores)
    return np.array(EMOTIONS)[y], proba / proba.sum(axis=1, keepdims=True)


def test_each_emotion_is_covered_as_promised():
    """On average over calibration sets of 100 clips an emotion, coverage lies between 90 % and 90 % + 1 / 101."""
    covered = {e: [] for e in EMOTIONS}
    for seed in range(60):
        y, proba = drawn(400, seed)
        floors = conformal_floors(y.tolist(), proba, coverage=0.9)
        y_new, new = drawn(2000, 1000 + seed)
        for k, emotion in enumerate(EMOTIONS):
            covered[emotion].append((new[y_new == emotion, k] >= floors[k]).mean())
    for shares_of in covered.values():
        assert 0.893 <= np.mean(shares_of) <= 0.917


@pytest.mark.filterwarnings("ignore:WARNING. your conformalization dataset has less labels")
def test_floors_agree_with_mapie():
    """MAPIE's "lac" score, calibrated on one emotion's clips at a time, keeps the same emotions."""
    from mapie.classification import SplitConformalClassifier
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Given(ClassifierMixin, BaseEstimator):
        """The features are the probabilities."""

        classes_ = np.array(EMOTIONS)

        def fit(self, X, y):
            return self

        def predict_proba(self, X):
            return X

        def predict(self, X):
            return self.classes_[X.argmax(axis=1)]

        def __sklearn_is_fitted__(self):
            return True

    y, proba = drawn(300, 5)
    _, new = drawn(200, 6)
    floors = conformal_floors(y.tolist(), proba, coverage=0.9)
    for k, emotion in enumerate(EMOTIONS):
        theirs = SplitConformalClassifier(Given(), confidence_level=0.9, conformity_score="lac", prefit=True)
        theirs.conformalize(proba[y == emotion], y[y == emotion])
        kept = theirs.predict_set(new)[1][:, k, 0]
        np.testing.assert_array_equal(kept, new[:, k] >= floors[k])


def test_floors_by_hand():
    """Nine clips: ceil(10 x 0.9) = 9, the smallest of them; eight are too few for 90 %, and everything is kept."""
    proba = np.zeros((9, 4))
    proba[:, 0] = np.arange(1, 10) / 10
    proba[:, 1] = 1 - proba[:, 0]
    floors = conformal_floors(["angry"] * 9, proba, coverage=0.9)
    assert floors == (0.1, 0.0, 0.0, 0.0)
    assert conformal_floors(["angry"] * 8, proba[:8], coverage=0.9)[0] == 0.0
    assert conformal_floors(["angry"] * 9, proba, coverage=0.5)[0] == 0.5


def test_a_policy_from_repeated_predictions_averages_the_floors():
    tables, floors = [], []
    for repeat in range(3):
        y, proba = drawn(80, 9)
        proba = proba ** (1 + repeat / 10)
        proba /= proba.sum(axis=1, keepdims=True)
        floors.append(conformal_floors(y.tolist(), proba, coverage=0.8))
        part = pd.DataFrame(proba, columns=[f"p_{e}" for e in EMOTIONS]).assign(row=np.arange(80), repeat=repeat)
        tables.append(part.sample(frac=1, random_state=repeat))
    policy = conformal_policy(pd.concat(tables), pd.Series(y, index=np.arange(80)), coverage=0.8)
    assert policy.kind == "conformal"
    np.testing.assert_allclose(policy.floors, np.mean(floors, axis=0))
