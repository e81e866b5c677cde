"""A feature that decides is important, one that is never looked at is not, and one whose copy stays is neither."""

import numpy as np
import pandas as pd
import pytest

from core.models.permutation import permutation_importance
from core.models.prediction import Model
from core.schema import COLUMNS, EMOTIONS


class Rule:
    """Angry above 0 of the mean of some columns, sad below, sure to 90 %."""

    def __init__(self, *columns: str) -> None:
        self.columns = list(columns)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        angry = np.where(X[self.columns].mean(axis=1) > 0, 0.9, 0.04)
        return np.column_stack([angry, np.full(len(X), 0.03), np.full(len(X), 0.03), 0.94 - angry])


def clips(n: int = 200) -> pd.DataFrame:
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(n, 50)), columns=list(COLUMNS))
    return X.assign(**{COLUMNS[7]: X[COLUMNS[3]]})


def test_only_the_feature_that_decides_counts():
    X = clips()
    y = np.where(X[COLUMNS[3]] > 0, "angry", "sad")
    table = permutation_importance(Model("rule", Rule(COLUMNS[3]), EMOTIONS, "test"), X, y)
    assert table["feature"].iloc[0] == COLUMNS[3]
    # Half of the clips get the wrong half: log(0.9 / 0.04) is what each of them costs.
    assert table["importance"].iloc[0] == pytest.approx(0.5 * np.log(0.9 / 0.04), abs=5 * table["error"].iloc[0] + 0.02)
    np.testing.assert_allclose(table["importance"].iloc[1:], 0, atol=1e-12)


def test_features_that_share_their_news_share_the_importance():
    X = clips()
    y = np.where(X[COLUMNS[3]] > 0, "angry", "sad")
    one = permutation_importance(Model("rule", Rule(COLUMNS[3]), EMOTIONS, "test"), X, y)
    two = permutation_importance(Model("rule", Rule(COLUMNS[3], COLUMNS[7]), EMOTIONS, "test"), X, y)
    assert set(two["feature"].iloc[:2]) == {COLUMNS[3], COLUMNS[7]}
    assert 0 < two["importance"].iloc[0] < 0.7 * one["importance"].iloc[0]


def test_the_same_seed_gives_the_same_figures():
    X = clips(30)
    y = ["sad"] * 30
    model = Model("rule", Rule(COLUMNS[0]), EMOTIONS, "test")
    pd.testing.assert_frame_equal(permutation_importance(model, X, y), permutation_importance(model, X, y))
