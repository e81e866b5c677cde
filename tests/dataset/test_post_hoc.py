"""Pairs of groups: scipy's test, the effect by its definition, an interval that covers."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from core.dataset import stand_in
from core.dataset.open_tables import grouping
from core.dataset.post_hoc import cliffs_delta, pairs_in_words, pairs_of_groups
from core.pvalues import holm
from core.schema import EMOTIONS, LABEL

TEMPO = "_Tempo_Mean"


def test_pairs_are_scipys_tests_corrected_for_all_pairs() -> None:
    frame = stand_in.sample()
    pairs = pairs_of_groups(frame, TEMPO, grouping(frame))
    assert len(pairs) == 6
    p = [
        stats.mannwhitneyu(frame.loc[frame[LABEL] == a, TEMPO], frame.loc[frame[LABEL] == b, TEMPO]).pvalue
        for a, b in zip(pairs["first"], pairs["second"], strict=True)
    ]
    assert pairs["p"].tolist() == pytest.approx(p)
    assert pairs["p_holm"].tolist() == pytest.approx(holm(np.array(p)).tolist())
    assert set(pairs["first"]) | set(pairs["second"]) == set(EMOTIONS)


def test_a_group_of_two_rows_is_left_out() -> None:
    frame = stand_in.sample(n_per_class=5)
    frame.loc[frame.index[frame[LABEL] == "sad"][:3], TEMPO] = np.nan
    assert len(pairs_of_groups(frame, TEMPO, grouping(frame))) == 3


def test_without_a_difference_between_all_groups_no_pair_is_a_result() -> None:
    pairs = pd.DataFrame({"first": ["Hicaz"], "second": ["Rast"], "p_holm": [0.01]})
    words = {p: pairs_in_words(pairs, feature="Chroma F", groups="makams", overall=p) for p in (0.01, 0.2, np.nan)}
    assert words[0.01] == "**1 of 1 pair differ** in Chroma F: Hicaz and Rast."
    assert words[0.2].startswith(
        "**No difference is shown:** the test of all makams finds none in Chroma F (corrected p 0.2)"
    )
    assert "this can be chance" in words[0.2]
    assert all("differ**" not in words[p] for p in words if not p < 0.05)
    alone = pairs_in_words(pairs.assign(p_holm=0.5), feature="Chroma F", groups="makams", overall=0.2)
    assert "chance" not in alone


def test_the_effect_is_the_difference_of_two_chances() -> None:
    one, other = np.array([1.0, 4, 4, 7]), np.array([2.0, 4, 6])
    by_hand = np.mean([np.sign(a - b) for a, b in product(one, other)])
    delta, low, high = cliffs_delta(one, other)
    assert delta == pytest.approx(by_hand)
    assert -1 <= low < delta < high <= 1
    assert cliffs_delta(other, one) == pytest.approx((-delta, -high, -low))


def test_samples_without_overlap_have_an_interval_that_ends_at_one() -> None:
    delta, low, high = cliffs_delta(np.arange(20.0), np.arange(20.0) + 100)
    assert (delta, low) == (-1, -1)
    assert high == pytest.approx(-(20 - 1.96**2) / (20 + 1.96**2), abs=1e-3)


def test_the_interval_covers_the_true_effect() -> None:
    rng = np.random.default_rng(1)
    truth = 2 * stats.norm.cdf(0.6 / np.sqrt(2)) - 1
    intervals = [cliffs_delta(rng.normal(0.6, 1, 40), rng.normal(0, 1, 30))[1:] for _ in range(400)]
    covered = np.mean([low <= truth <= high for low, high in intervals])
    assert 0.92 <= covered <= 0.98
