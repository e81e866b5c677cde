"""The map of clips by their explanations: groups stay together, directions name what decides, the same again."""

import numpy as np
import pandas as pd
import pytest

from core.errors import ModelError
from core.models.explanation_map import Arrangement, explanation_map
from core.schema import COLUMNS, EMOTIONS


def shap_of(groups: np.ndarray, *, seed: int = 0) -> pd.DataFrame:
    """SHAP values of clips of two groups: the first feature of angry decides the group, all others are noise."""
    rng = np.random.default_rng(seed)
    n = len(groups)
    values = rng.normal(0, 0.002, (n, len(EMOTIONS), len(COLUMNS)))
    values[:, 0, 0] += np.where(groups == 1, 0.4, -0.4)
    index = pd.MultiIndex.from_product([100 + np.arange(n), EMOTIONS, COLUMNS], names=["row", "emotion", "feature"])
    return pd.DataFrame({"shap": values.ravel()}, index=index).reset_index()


GROUPS = np.arange(60) % 2
SHAP = shap_of(GROUPS)


@pytest.mark.parametrize("arrangement", Arrangement)
def test_clips_with_the_same_reasons_are_close_to_each_other(arrangement):
    found = explanation_map(SHAP, arrangement)
    assert found.points["row"].tolist() == list(range(100, 160))
    places = found.points[["x", "y"]].to_numpy()
    distance = np.linalg.norm(places[:, None] - places[None], axis=2) + np.diag(np.full(60, np.inf))
    assert (GROUPS[distance.argmin(axis=1)] == GROUPS).all()
    assert 0 < found.true_neighbours <= 1


def test_the_map_is_the_same_each_time():
    once, again = (explanation_map(SHAP, Arrangement.NEIGHBOURS).points for _ in range(2))
    pd.testing.assert_frame_equal(once, again)


def test_the_first_direction_is_what_decides():
    found = explanation_map(SHAP, Arrangement.DIRECTIONS)
    assert found.shares[0] > 0.9
    emotion, feature, weight = found.telling[0][0]
    assert (emotion, feature) == (EMOTIONS[0], COLUMNS[0])
    assert weight == pytest.approx(1, abs=0.01)
    assert ((found.points["x"] > 0).to_numpy() == (GROUPS == 1)).all()


def test_neighbours_by_all_values_are_all_found_when_two_numbers_say_all():
    flat = SHAP.assign(shap=0.0)
    first = flat["feature"].eq(COLUMNS[0]) & flat["emotion"].isin(EMOTIONS[:2])
    flat.loc[first, "shap"] = np.random.default_rng(1).normal(size=int(first.sum()))
    assert explanation_map(flat, Arrangement.DIRECTIONS).true_neighbours == pytest.approx(1)


def test_equal_explanations_are_one_place_and_too_few_clips_are_a_sentence():
    same = explanation_map(SHAP.assign(shap=0.1), Arrangement.NEIGHBOURS).points
    assert np.ptp(same[["x", "y"]].to_numpy()) == 0
    with pytest.raises(ModelError, match="at least 4 clips"):
        explanation_map(SHAP[SHAP["row"] < 103], Arrangement.NEIGHBOURS)
