"""Drift: quiet where nothing changed, loud where something did, and PSI's false alarms as they are."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from core.dataset import stand_in
from core.errors import TableError
from core.evaluation import drift
from core.evaluation.drift import psi, psi_false_alarms
from core.models.reference import LEVELS, Reference, make_reference
from core.pvalues import benjamini_hochberg
from core.schema import COLUMNS, LABEL
from core.training.estimators import FRAGILE


@pytest.fixture(scope="module")
def music() -> pd.DataFrame:
    return stand_in.sample(seed=1, n_per_class=100)


@pytest.fixture(scope="module")
def reference(music) -> Reference:
    return make_reference(music, music[LABEL], range(len(music)), ignore=FRAGILE)


@cache
def kind(seed: int) -> pd.DataFrame:
    return stand_in.sample(seed=seed, n_per_class=200)


def batch(clips: int, seed: int) -> pd.DataFrame:
    """Clips of the same kind as the reference, none of them in it."""
    return kind(seed).sample(clips, random_state=seed)[list(COLUMNS)]


@pytest.mark.parametrize("clips", [20, 50, 200])
def test_the_same_kind_of_music_raises_no_alarm_and_psi_is_that_of_chance(reference, clips):
    found = [drift.feature_drift(batch(clips, seed), reference) for seed in range(10, 30)]
    assert max(d.share for d in found) < drift.ALARM_SHARE
    assert np.mean([d.share for d in found]) < 0.01
    assert np.mean([d.psi_share for d in found]) == pytest.approx(found[0].psi_by_chance, abs=0.06)


def test_psi_by_chance_falls_with_the_batch():
    rates = [psi_false_alarms(n, reference=330) for n in (20, 50, 100, 200)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 0.9
    assert rates[-1] < 0.02
    assert psi_false_alarms(200, reference=50) > psi_false_alarms(200, reference=5000)


def test_a_shifted_feature_is_found_and_named_first(music, reference):
    changed = batch(60, 3)
    column = "_Roughness_Mean"
    changed[column] += 1.5 * music[column].std()
    found = drift.feature_drift(changed, reference)
    first = found.features.iloc[0]
    assert (first["feature"], bool(first["drifted"])) == (column, True)
    assert first["shift"] > 1
    assert found.features["drifted"].sum() <= 2
    assert found.share < drift.ALARM_SHARE


def test_other_music_raises_the_alarm(music, reference):
    one_emotion = stand_in.sample(seed=4).query("Class == 'angry'")[list(COLUMNS)]
    found = drift.feature_drift(one_emotion, reference)
    assert found.share >= drift.ALARM_SHARE
    assert found.share == found.features["drifted"].mean()


def test_the_ks_distance_is_that_of_the_values_themselves(music, reference):
    """The reference is known by 21 quantiles only: the distance is off by less than a step between them."""
    other = batch(80, 5)
    found = drift.feature_drift(other, reference).features.set_index("feature")["ks"]
    exact = pd.Series({c: ks_2samp(other[c], music[c]).statistic for c in found.index})
    assert (found - exact).abs().max() < 0.05
    assert (found - exact).abs().mean() < 0.01


def test_missing_values_are_left_out_and_a_feature_without_values_does_not_drift(reference):
    gaps = batch(40, 6)
    gaps["_Tempo_Mean"] = np.nan
    gaps.iloc[:5, gaps.columns.get_loc("_RMSenergy_Mean")] = np.nan
    found = drift.feature_drift(gaps, reference).features.set_index("feature")
    assert found.loc["_Tempo_Mean", "clips"] == 0
    assert not found.loc["_Tempo_Mean", "drifted"]
    assert found.loc["_RMSenergy_Mean", "clips"] == 35
    assert found.loc["_RMSenergy_Mean", "ks"] > 0


def test_a_trifle_in_many_clips_is_not_drift(music, reference):
    """Significant, because there are thousands; but too small to matter."""
    many = pd.concat([music[list(COLUMNS)]] * 20)
    column = "_RMSenergy_Mean"
    values = np.sort(music[column])
    many[column] = np.interp(many[column].rank(pct=True) + 0.07, np.linspace(0, 1, len(values)), values)
    line = drift.feature_drift(many, replace(reference, clips=5000)).features.set_index("feature").loc[column]
    assert line["q"] < 0.01
    assert line["ks"] < drift.LEAST_EFFECT
    assert not line["drifted"]


def test_few_clips_are_refused(reference):
    with pytest.raises(TableError, match="19 recordings are too few to detect drift. Score at least 20 recordings"):
        drift.feature_drift(batch(19, 0), reference)


def test_psi_by_hand():
    """Twice as many as expected in one half: (0.75 - 0.5) ln(1.5) + (0.25 - 0.5) ln(0.5), the bins of a half alike."""
    quantiles = np.linspace(0, 1, 21)
    values = np.concatenate([np.linspace(0.001, 0.499, 75), np.linspace(0.501, 0.999, 25)])
    assert psi(values, quantiles) == pytest.approx(0.25 * np.log(1.5) - 0.25 * np.log(0.5), abs=1e-12)
    assert psi(np.linspace(0.05, 0.95, 10), quantiles) == pytest.approx(0, abs=1e-12)


def test_psi_where_many_values_are_equal():
    """A third of the training music has the value 1: the same share again is no drift."""
    values = np.concatenate([np.linspace(0, 0.99, 200), np.ones(100)])
    quantiles = np.quantile(values, LEVELS)
    assert psi(values, quantiles) < 0.005
    assert psi(np.where(values == 1, 0.5, values), quantiles) > 1


def test_benjamini_hochberg_as_published():
    """The example of Benjamini & Hochberg (1995): at 0.05, the four smallest of fifteen."""
    p = np.array([0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719]
                 + [0.6528, 0.7590, 1.0000])  # fmt: skip
    assert (benjamini_hochberg(p) <= 0.05).sum() == 4
