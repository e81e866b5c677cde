"""The statistics of a canary: known intervals, limits, and how often chance alone takes a canary out."""

from math import inf, isnan

import numpy as np
import pytest

from core.canary import comparing
from core.canary.comparing import Finding, Health, Measure, Standing, verdict


def errors(champion, challenger):
    return comparing.compare_shares(Measure.ERRORS, champion, challenger)


def test_the_interval_of_a_difference_is_newcombes():
    found = errors((48, 80), (56, 70))  # the example of Newcombe (1998), with the sides exchanged
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=1e-4), pytest.approx(0.3339, abs=1e-4))
    assert found.change == pytest.approx(0.2)


def test_one_failed_request_takes_nothing_out_and_four_in_a_row_do():
    assert errors((0, 200), (1, 1)).standing is Standing.OPEN
    assert errors((0, 200), (4, 4)).standing is Standing.BAD
    assert errors((0, 20_000), (0, 1_000)).standing is Standing.GOOD
    assert errors((200, 200), (50, 50)).standing is Standing.OPEN  # both fail: the challenger is not to blame


def test_without_requests_nothing_is_said():
    found = errors((0, 200), (0, 0))
    assert isnan(found.change)
    assert found.standing is Standing.OPEN
    assert "nothing to compare yet" in found.sentence


def test_chance_takes_a_canary_out_at_most_once_in_a_hundred():
    """Both models fail 2 % of the requests. The watch looks after each 40 requests of the challenger, 25 times."""
    rng = np.random.default_rng(0)
    repeats, looks, each = 200, 25, 40
    champion = rng.binomial(19 * each, 0.02, size=(repeats, looks)).cumsum(axis=1)
    challenger = rng.binomial(each, 0.02, size=(repeats, looks)).cumsum(axis=1)
    numbers = each * np.arange(1, looks + 1)
    out = sum(
        any(
            errors((int(a), 19 * int(n)), (int(b), int(n))).standing is Standing.BAD
            for a, b, n in zip(*sides, numbers, strict=True)
        )
        for sides in zip(champion, challenger, strict=True)
    )
    assert out <= 0.01 * repeats


def test_times_are_compared_without_a_distribution():
    rng = np.random.default_rng(1)
    champion = rng.lognormal(0, 0.3, 4000)
    slower = comparing.compare_times(champion, 2 * rng.lognormal(0, 0.3, 400))
    assert slower.standing is Standing.BAD
    assert slower.low < 2 < slower.high
    assert comparing.compare_times(champion, rng.lognormal(0, 0.3, 1000)).standing is Standing.GOOD
    few = comparing.compare_times(champion, [9.0] * 3)
    assert (few.high, few.standing) == (inf, Standing.OPEN)


def test_the_interval_of_a_quantile_holds_it_as_often_as_promised():
    rng = np.random.default_rng(2)
    values = np.sort(rng.uniform(size=(2000, 150)), axis=1)
    inside = [low <= 0.95 <= high for low, high in (comparing._quantile_interval(v, 0.95, level=0.9) for v in values)]
    assert np.mean(inside) >= 0.95  # two are used together, so each one holds more often


def test_log_loss_counts_recordings_and_not_clips():
    rng = np.random.default_rng(3)
    good, bad = rng.uniform(0.6, 0.9, 40), rng.uniform(0.1, 0.3, 40)
    each = np.arange(40)
    assert comparing.compare_log_loss(good, bad, each).standing is Standing.BAD
    assert comparing.compare_log_loss(good, good * 0.999, each).standing is Standing.GOOD
    one_recording = comparing.compare_log_loss(good, bad, np.zeros(40, dtype=int))
    assert one_recording.standing is Standing.OPEN
    assert one_recording.counts == (1, 1)


def test_a_clip_with_no_chance_has_a_finite_loss():
    found = comparing.compare_log_loss(np.full(12, 0.5), np.zeros(12), np.arange(12))
    assert found.change == pytest.approx(np.log(0.5) - np.log(comparing.FLOOR))


def test_agreement_is_shown_and_has_no_limit():
    found = comparing.agreement(45, 50)
    assert found.standing is Standing.OPEN
    assert found.sentence == "Clips on which both models agree: 90 % (79 to 96 %) of 50 clips."


def finding(measure, standing):
    far = {Standing.GOOD: (-1.0, -1.0), Standing.BAD: (9.0, 9.0), Standing.OPEN: (9.0, -9.0)}[standing]
    return Finding(measure, 0, 0, 0, 0, far[0], far[1], (9, 9))


@pytest.mark.parametrize(
    ("standings", "health"),
    [
        ((Standing.GOOD, Standing.GOOD, Standing.OPEN), Health.HEALTHY),
        ((Standing.GOOD, Standing.OPEN, Standing.GOOD), Health.UNDECIDED),
        ((Standing.GOOD, Standing.GOOD, Standing.BAD), Health.SICK),
        ((Standing.OPEN, Standing.OPEN, Standing.BAD), Health.SICK),
    ],
)
def test_one_bad_figure_is_enough_and_health_needs_requests(standings, health):
    measures = (Measure.ERRORS, Measure.SLOWNESS, Measure.LOG_LOSS)
    assert verdict([finding(m, s) for m, s in zip(measures, standings, strict=True)]) is health


def test_a_finding_is_a_sentence_with_its_limit():
    assert errors((0, 2000), (3, 100)).sentence == (
        "Requests that failed: champion 0.0 %, challenger 3.0 % (of 2,000 and 100); change +3.0 points (+1.0 to +8.5), "
        "acceptable up to +1.0: open."
    )
