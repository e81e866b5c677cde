"""Quantiles from counts in groups are those of the durations themselves, within the width of a group."""

import numpy as np
import pandas as pd
import pytest

from core.monitoring.durations import counts_by_bucket, promise_words, quantile, share_over
from core.store.scored_events import SECONDS_EDGES


def counted(seconds: np.ndarray) -> np.ndarray:
    """The counts as the database makes them: upper edges belong to the group."""
    buckets = np.searchsorted(SECONDS_EDGES, seconds, side="left")
    table = pd.Series(buckets).value_counts().rename_axis("bucket").rename("n").reset_index()
    return counts_by_bucket(table)


@pytest.mark.parametrize("q", [0.05, 0.5, 0.95, 0.99])
def test_a_quantile_is_that_of_the_durations_within_its_group(q):
    seconds = np.random.default_rng(0).lognormal(-0.7, 0.8, 5000)
    exact = float(np.quantile(seconds, q))
    width = 0.01 if exact <= 1 else 0.1
    assert quantile(counted(seconds), q).value == pytest.approx(exact, abs=width)


def test_the_interval_holds_the_true_quantile_in_95_of_100_samples():
    rng, true = np.random.default_rng(1), float(np.exp(-0.7 + 0.6 * 1.6448536))
    hits = [low <= true <= high for _, low, high in (
        quantile(counted(rng.lognormal(-0.7, 0.6, 400)), 0.95) for _ in range(300))]  # fmt: skip
    assert 0.90 <= np.mean(hits) <= 0.99


def test_few_durations_have_no_interval_and_none_have_no_quantile():
    few = quantile(counted(np.array([0.3, 0.4, 2.5])), 0.5)
    assert few.value == pytest.approx(0.4, abs=0.011)
    assert np.isnan([few.low, few.high]).all()
    assert np.isnan(quantile(np.zeros(len(SECONDS_EDGES) + 1), 0.5)).all()


def test_durations_of_exactly_the_promise_are_not_too_late():
    assert share_over(counted(np.array([0.5, 2.0, 2.01, 500.0]))) == (2.0, 4.0)


def test_durations_without_end_are_at_least_the_last_edge():
    assert quantile(counted(np.full(50, 900.0)), 0.95).value == SECONDS_EDGES[-1]


def test_clips_without_seconds_do_not_count():
    assert counts_by_bucket(pd.DataFrame({"bucket": [-1, 3], "n": [10, 2]})).sum() == 2


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.0, 0.1, "too few clips to say"),
        (0.0, 0.01, "met"),
        (0.011, 0.03, "not met"),
        (np.nan, np.nan, "too few clips to say"),
    ],
)
def test_the_promise_is_judged_only_where_the_interval_is_on_one_side(low, high, words):
    assert promise_words(low, high) == words
