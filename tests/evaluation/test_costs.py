"""What errors and reviews cost: by hand on a few clips, the limits, and what must hold for any prices."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import TableError
from core.evaluation import costs, prices
from core.evaluation.learning_value import LearningValue
from core.evaluation.policy_outcomes import outcomes
from core.evaluation.ways import WayToUse, compare_ways
from core.models.policy import Policy
from core.schema import EMOTIONS, PROBA

PRICES = prices.PRESETS["Therapy"].prices


def table(*clips: tuple[str, tuple[float, ...]]) -> pd.DataFrame:
    """Predictions: the right emotion and the probabilities of angry, happy, relax and sad."""
    return pd.DataFrame([{"row": k, "y": y, **dict(zip(PROBA, p, strict=True))} for k, (y, p) in enumerate(clips)])


FOUR = table(
    ("angry", (0.05, 0.05, 0.85, 0.05)),  # played as relax: 10
    ("angry", (0.9, 0.05, 0.05, 0.0)),  # right
    ("sad", (0.1, 0.1, 0.2, 0.6)),  # right
    ("happy", (0.1, 0.3, 0.5, 0.1)),  # played as relax: 3
)


def random_table(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet([0.5] * 4, n)
    frame = pd.DataFrame(proba, columns=list(PROBA))
    return frame.assign(row=np.arange(n), y=rng.choice(EMOTIONS, n), group=np.arange(n) // 2)


def test_costs_by_hand():
    result = costs.impact(FOUR, PRICES, review=1.0)
    all_accepted, at_75 = result.curve.iloc[0], result.at(0.75)
    assert all_accepted["cost"] == pytest.approx(1000 * (10 + 3) / 4)
    assert all_accepted["reviews"] == 0
    assert at_75["errors"] == pytest.approx(1000 * 10 / 4)
    assert at_75["reviews"] == pytest.approx(1000 * 2 / 4)
    assert at_75["wrong"] == pytest.approx(0.5)
    assert result.best == pytest.approx(0.86)  # just above the dear error; the right one at 0.9 is still accepted
    assert np.isnan(result.curve.iloc[-1]["wrong"])


def test_reviews_pay_up_to_the_mean_price_of_the_errors_that_they_prevent():
    even = costs.break_even_review(FOUR, PRICES, threshold=0.75)
    assert even == pytest.approx(3 / 2)
    accept_all = costs.impact(FOUR, PRICES, review=even).curve.iloc[0]["cost"]
    assert costs.impact(FOUR, PRICES, review=even).at(0.75)["cost"] == pytest.approx(accept_all)
    assert np.isnan(costs.break_even_review(FOUR, PRICES, threshold=0.25))


def test_the_parts_of_the_emotions_add_up_to_the_cost():
    predictions = random_table(80, 1)
    parts = costs.costs_by_emotion(predictions, PRICES, review=0.7, threshold=0.6).set_index("emotion")
    total = costs.impact(predictions, PRICES, review=0.7).at(0.6)
    each = parts.drop(index="all")
    assert each["errors"].sum() == pytest.approx(parts.loc["all", "errors"]) == pytest.approx(total["errors"])
    assert each["reviews"].sum() == pytest.approx(parts.loc["all", "reviews"]) == pytest.approx(total["reviews"])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 5))
def test_the_accepted_clips_are_those_of_the_decision_rule_and_the_cheapest_limit_is_cheapest(seed, review):
    predictions = random_table(30, seed)
    result = costs.impact(predictions, PRICES, review=review, resamples=20)
    done = outcomes(predictions, Policy(threshold=0.7))
    assert result.at(0.7)["accepted"] == pytest.approx((done["action"] == "accept").mean())
    assert result.at(result.best)["cost"] == pytest.approx(result.curve["cost"].min())
    assert (result.curve["low"] <= result.curve["high"]).all()


def test_the_interval_resamples_recordings():
    once = random_table(40, 3)
    twice = pd.concat([once, once.assign(row=once["row"] + 1000)])  # the same recordings again prove nothing more
    width = [(r := costs.impact(t, PRICES, review=1.0).at(0.5))["high"] - r["low"] for t in (once, twice)]
    assert width[0] == pytest.approx(width[1])


def test_a_second_model_is_compared_on_the_same_clips_only():
    before = random_table(60, 4)
    perfect = before.copy()
    perfect[list(PROBA)] = [[float(e == y) for e in EMOTIONS] for y in before["y"]]
    saved, low, high = costs.paired_saving(before, perfect, PRICES, review=1.0, threshold=0.75)
    assert saved == pytest.approx(costs.impact(before, PRICES, review=1.0).at(0.75)["cost"])
    assert low <= saved <= high
    assert costs.paired_saving(before, before, PRICES, review=1.0, threshold=0.75) == (0.0, 0.0, 0.0)
    with pytest.raises(TableError, match="different clips"):
        costs.paired_saving(before, perfect.iloc[1:], PRICES, review=1.0, threshold=0.75)


def test_a_saving_is_the_difference_of_the_costs_also_with_repeats():
    before, after = (pd.concat([random_table(40, seed), random_table(40, seed + 1)]) for seed in (4, 6))
    labels = random_table(40, 4)["y"].to_numpy()
    before, after = (
        t.assign(y=np.tile(labels, 2)).sample(frac=1, random_state=k) for k, t in enumerate((before, after))
    )
    saved, low, high = costs.paired_saving(before, after, PRICES, review=1.0, threshold=0.75)
    a, b = (costs.impact(t, PRICES, review=1.0).at(0.75)["cost"] for t in (before, after))
    assert saved == pytest.approx(a - b)
    assert low <= saved <= high


@pytest.mark.parametrize("bad", [np.nan, -1.0, np.inf])
def test_a_price_that_is_no_price_is_refused(bad):
    wrong = PRICES.copy()
    wrong[0, 1] = bad
    with pytest.raises(TableError, match="not negative"):
        costs.impact(FOUR, wrong, review=1.0)
    with pytest.raises(TableError, match="not negative"):
        costs.impact(FOUR, PRICES, review=bad)


def test_prices_survive_the_table_and_a_right_answer_is_free():
    table = prices.prices_table(PRICES)
    assert (prices.read_prices(table) == PRICES).all()
    table.loc["sad", "sad"] = 7
    assert (prices.read_prices(table) == PRICES).all()


@pytest.mark.parametrize("preset", prices.PRESETS.values(), ids=lambda p: p.name)
def test_presets_are_prices(preset):
    assert (np.diag(preset.prices) == 0).all()
    assert (preset.prices[~np.eye(4, dtype=bool)] > 0).all()
    assert preset.review > 0


def test_use_that_errors_cost():
    assert costs.lost_use(0.1) == pytest.approx((0.10, 0.15))
    assert costs.lost_use(0.0) == (0.0, 0.0)
    assert costs.saving_of_labels(500.0, macro_f1=0.8, gain=0.02) == pytest.approx(50)


def test_the_range_of_lost_use_can_be_another_one_and_no_answer_costs_no_use():
    assert costs.lost_use(0.2, (0.05, 0.1)) == pytest.approx((0.1, 0.2))
    assert costs.lost_use(float("nan")) == (0.0, 0.0)


def test_slices_by_hand_and_their_mean_is_the_cost_of_all():
    names = pd.Series(["slow", "slow", "fast", "fast"], index=FOUR["row"])
    found = costs.costs_by_slice(FOUR, names, PRICES, review=1.0, threshold=0.75).set_index("slice")
    assert found.loc["slow", ["cost", "errors", "reviews"]].tolist() == [5000, 5000, 0]
    assert found.loc["fast", ["cost", "errors", "reviews"]].tolist() == [1000, 0, 1000]
    assert np.isnan(found.loc["fast", "wrong"])
    predictions = random_table(90, 2)
    by_third = costs.thirds(predictions.set_index("row")["p_sad"])
    again = {"review": 0.7, "threshold": 0.6, "other": predictions}
    parts = costs.costs_by_slice(predictions, by_third, PRICES, **again)
    assert (parts[["saved", "saved_low", "saved_high"]] == 0).all(axis=None)
    assert parts["slice"].tolist() == list(by_third.cat.categories)
    whole = np.average(parts["cost"], weights=parts["clips"])
    assert whole == pytest.approx(costs.impact(predictions, PRICES, review=0.7).at(0.6)["cost"])
    assert (parts["low"] <= parts["cost"]).all()
    assert (parts["cost"] <= parts["high"]).all()


def test_thirds_leave_out_what_was_not_measured():
    found = costs.thirds(pd.Series([1.0, 2.0, 3.0, np.nan, 4.0, 5.0, 6.0]))
    assert found.cat.codes.tolist() == [0, 0, 1, -1, 1, 2, 2]
    assert found.cat.categories[0] == "low: to 2.67"


def test_a_limit_that_is_chosen_on_the_same_clips_looks_cheaper_than_it_is():
    """Without any information in the probabilities, choosing a limit gains nothing for other clips."""
    predictions = random_table(60, 8)
    best = costs.impact(predictions, PRICES, review=1.5).curve["cost"].min()
    assert costs.cost_of_choosing(predictions, PRICES, review=1.5) >= best
    clear = predictions.copy()
    clear[list(PROBA)] = [[0.85 if e == y else 0.05 for e in EMOTIONS] for y in clear["y"]]
    assert costs.cost_of_choosing(clear, PRICES, review=1.5) == 0


def test_the_saving_of_another_limit_is_the_difference_of_the_costs():
    predictions = random_table(50, 9)
    curve = costs.impact(predictions, PRICES, review=1.0)
    saved, low, high = costs.paired_saving(
        predictions, predictions, PRICES, review=1.0, threshold=0.75, after_threshold=0.5
    )
    assert saved == pytest.approx(curve.at(0.75)["cost"] - curve.at(0.5)["cost"])
    assert low <= saved <= high


def test_each_way_saves_the_difference_of_the_costs():
    predictions, other = random_table(60, 11), random_table(60, 12)
    other = other.assign(y=predictions["y"])
    result = costs.impact(predictions, PRICES, review=1.0)
    labels = (LearningValue(60, 100, gain=0.02, low=0.01, high=0.03), 0.8)
    challenger = other, costs.impact(other, PRICES, review=1.0)
    given = {"review": 1.0, "threshold": 0.7, "result": result}
    found = compare_ways(predictions, PRICES, **given, challenger=challenger, labels=labels)
    assert list(found) == list(WayToUse)
    now = found[WayToUse.IN_USE]
    for way in found.values():
        assert way.saved == pytest.approx(now.cost - way.cost)
        assert way.saved_low <= way.saved <= way.saved_high
    assert (found[WayToUse.REVIEW_ALL].cost, found[WayToUse.REVIEW_ALL].errors) == (1000, 0)
    assert found[WayToUse.MORE_LABELS].saved == pytest.approx(now.errors * 0.1)
    assert found[WayToUse.CHALLENGER].cost == pytest.approx(challenger[1].at(0.7)["cost"])
    assert list(compare_ways(predictions, PRICES, **given)) == list(WayToUse)[:4]
