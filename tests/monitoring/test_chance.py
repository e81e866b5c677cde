"""The drift alarm rings by chance as rarely as it says, for music whose features are correlated."""

import numpy as np
import pandas as pd
import pytest

from core.dataset import stand_in
from core.evaluation.drift import feature_drift
from core.models.reference import LEVELS, Reference, make_reference
from core.monitoring import chance
from core.schema import COLUMNS, LABEL
from core.training.estimators import FRAGILE


@pytest.fixture(scope="module")
def music() -> pd.DataFrame:
    return stand_in.sample(seed=1, n_per_class=100)


@pytest.fixture(scope="module")
def reference(music) -> Reference:
    return make_reference(music, music[LABEL], range(len(music)), ignore=FRAGILE)


@pytest.mark.parametrize("clips", [25, 60])
def test_the_fast_count_is_that_of_the_rule_itself(reference, clips):
    """Also for features with many equal values."""
    other = stand_in.sample(seed=5, n_per_class=200).sample(clips, random_state=0)[list(COLUMNS)]
    other[reference.used[3]] = np.round(other[reference.used[3]], 1)
    for frame in (other, other * 1.15):
        quantiles = reference.quantiles["all"][[COLUMNS.index(c) for c in reference.used]].T
        batch = frame[list(reference.used)].to_numpy()[None]
        fast = chance.count_drifted(batch, quantiles, known=reference.clips)[0]
        assert fast == feature_drift(frame, reference).features["drifted"].sum()


def test_the_simulated_music_has_the_quantiles_and_correlations_of_the_training_music(reference, music):
    pool = chance._pool(chance._Music(reference))
    for k, column in enumerate(reference.used[:10]):
        there = np.quantile(pool[:, k], [0.25, 0.5, 0.75])
        expected = np.quantile(music[column], [0.25, 0.5, 0.75])
        spread = expected[2] - expected[0]
        assert there == pytest.approx(expected, abs=0.15 * spread)
    wanted = music[list(reference.used)].corr(method="spearman").to_numpy()
    among = pd.DataFrame(pool[:: len(pool) // 2000]).corr(method="spearman").to_numpy()
    assert np.corrcoef(wanted[np.triu_indices(len(wanted), 1)], among[np.triu_indices(len(among), 1)])[0, 1] > 0.9


def test_the_limit_rings_no_more_often_than_asked_on_music_that_the_simulation_does_not_know(reference):
    """Weeks and training music are drawn from the generator of the stand-in, not from the simulation."""
    limit = chance.drift_limit(40, reference, chance=1 / 104)
    assert limit.chance <= 1 / 104
    assert limit.count >= chance.LEAST_COUNT
    population = stand_in.sample(seed=9, n_per_class=1500)[list(reference.used)].to_numpy()
    rng, rings = np.random.default_rng(0), []
    for _ in range(40):
        quantiles = np.quantile(population[rng.integers(0, len(population), reference.clips)], LEVELS, axis=0)
        weeks = population[rng.integers(0, len(population), (25, 40))]
        rings.append(chance.count_drifted(weeks, quantiles, known=reference.clips) >= limit.count)
    assert np.mean(rings) <= 2 / 104  # 1000 weeks: three standard errors above 1/104


def test_independent_features_would_promise_too_much(reference):
    """Correlated features drift together by chance, so a limit of two features is reached more often."""
    drawn = chance.drifted_by_chance(40, reference)
    alone = (drawn > 0).mean()
    assert (drawn >= 2).mean() > 3 * alone**2
    assert chance.drift_limit(40, reference, chance=0.001).count > chance.drift_limit(40, reference, chance=0.05).count


def test_a_single_feature_never_rings(music):
    ignore = list(COLUMNS[1:])
    lone = make_reference(music, music[LABEL], range(len(music)), ignore=ignore)
    limit = chance.drift_limit(40, lone, chance=0.01)
    assert (limit.count, limit.compared) == (chance.LEAST_COUNT, 1)
    assert chance.drifted_by_chance(40, lone).max() < limit.count
