"""The short way through a forest gives scikit-learn's probabilities to the last bit, and leaves the rest to it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from core.models import forests
from core.training.estimators import CalibratedBlend, RegularisedDiscriminant

FORESTS = {
    "extra trees": ExtraTreesClassifier(30, max_features=0.3, random_state=0),
    "random forest": RandomForestClassifier(20, random_state=1),
    "short trees": RandomForestClassifier(10, max_depth=3, min_samples_leaf=4, random_state=2),
    "stumps without a question": ExtraTreesClassifier(3, min_samples_split=1000, random_state=3),
    "weighted": RandomForestClassifier(7, class_weight="balanced_subsample", random_state=4),
}


@pytest.fixture(scope="module")
def table() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6)).round(1)  # equal values: limits lie exactly between two of them
    labels = np.array(["angry", "happy", "relax", "sad"])[(X[:, 0] > 0) + 2 * (X[:, 1] + rng.normal(size=200) > 0)]
    return X, labels


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """Numbers of rows that scikit-learn itself was asked about."""
    rows: list[int] = []
    for kind in (ExtraTreesClassifier, RandomForestClassifier):

        def counted(self, X, own=kind.predict_proba):
            rows.append(len(X))
            return own(self, X)

        monkeypatch.setattr(kind, "predict_proba", counted)
    return rows


@pytest.mark.parametrize("name", FORESTS)
@pytest.mark.parametrize("count", [1, 7, 20_000])
def test_the_probabilities_are_the_same_to_the_last_bit(name, count, table, asked):
    forest = clone(FORESTS[name]).fit(*table)
    rows = np.random.default_rng(5).normal(size=(count, 6)).round(1)
    ours = forests.predict_proba(forest, rows)
    assert not asked
    np.testing.assert_array_equal(ours, forest.predict_proba(rows))


def test_a_value_is_rounded_before_it_is_compared_as_in_scikit_learn(table):
    forest = clone(FORESTS["extra trees"]).fit(*table)
    limits = np.concatenate([tree.tree_.threshold[tree.tree_.feature == 0] for tree in forest.estimators_])
    rows = np.repeat(table[0][:1], 3 * len(limits), axis=0)
    rows[:, 0] = np.concatenate([limits, np.nextafter(limits, -np.inf), np.nextafter(limits, np.inf)])
    np.testing.assert_array_equal(forests.predict_proba(forest, rows), forest.predict_proba(rows))


def test_a_pipeline_that_ends_with_a_forest_takes_the_short_way(table, asked):
    X, y = pd.DataFrame(table[0]), table[1]
    pipeline = make_pipeline(StandardScaler(), clone(FORESTS["random forest"])).fit(X, y)
    ours = forests.predict_proba(pipeline, X)
    assert not asked
    np.testing.assert_array_equal(ours, pipeline.predict_proba(X))


def test_a_blend_asks_its_forest_in_the_short_way(table, asked):
    members = [("rda", RegularisedDiscriminant()), ("et", clone(FORESTS["extra trees"]))]
    blend = CalibratedBlend([*members, ("lr", LogisticRegression())], folds=3).fit(*table)
    asked.clear()
    ours = blend.predict_proba(table[0])
    assert not asked
    expected = [np.log(np.clip(m.predict_proba(table[0]), 1e-6, 1)) for m in blend.estimators_]
    np.testing.assert_array_equal(ours, _blended(blend, expected))


def _blended(blend: CalibratedBlend, log_odds: list[np.ndarray]) -> np.ndarray:
    from scipy.special import softmax

    mean = np.log(np.clip(blend._mean(log_odds), 1e-6, 1))
    return softmax(mean / blend.temperature_, axis=1)


def test_a_forest_that_is_fitted_again_is_read_again(table):
    X, y = table
    forest = clone(FORESTS["random forest"]).fit(X, y)
    forests.predict_proba(forest, X)
    forest.fit(X[:, ::-1], y)
    np.testing.assert_array_equal(forests.predict_proba(forest, X), forest.predict_proba(X))


def test_scikit_learn_answers_for_other_models_and_missing_values(table, asked):
    X, y = table
    boosting = GradientBoostingClassifier(n_estimators=5, random_state=0).fit(X, y)
    np.testing.assert_array_equal(forests.predict_proba(boosting, X), boosting.predict_proba(X))
    holes = X.copy()
    holes[::3, 0] = np.nan
    forest = clone(FORESTS["random forest"]).fit(holes, y)
    np.testing.assert_array_equal(forests.predict_proba(forest, holes), forest.predict_proba(holes))
    assert asked


@pytest.mark.parametrize("value", [np.inf, 1e300])
def test_what_scikit_learn_refuses_is_refused(table, value):
    forest = clone(FORESTS["random forest"]).fit(*table)
    rows = table[0].copy()
    rows[3, 3] = value
    with pytest.raises(ValueError, match="infinity"):
        forests.predict_proba(forest, rows)
    with pytest.raises(ValueError, match="6 features"):
        forests.predict_proba(forest, table[0][:, :5])
