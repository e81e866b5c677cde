"""What an alarm finds: limits with their chance, and sentences that say what was seen and what to do."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import binom

from core.dataset import stand_in
from core.evaluation.drift import feature_drift
from core.evaluation.expectation import Expectation
from core.models.reference import make_reference
from core.monitoring.findings import (
    Share,
    drift_finding,
    first_judgement,
    labels_finding,
    promise_finding,
    share_finding,
    share_limit,
    waiting_finding,
)
from core.monitoring.rules import (
    RULE_WEEKS,
    STATISTICAL,
    TOGETHER_WEEKS,
    Finding,
    Rule,
    Standing,
    chance_of,
)
from core.monitoring.weeks import WEEK, Span
from core.schema import COLUMNS, LABEL
from core.training.estimators import FRAGILE

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
ONE_WEEK = Span(MONDAY, MONDAY + WEEK, 40)
FOUR_WEEKS = Span(MONDAY, MONDAY + 4 * WEEK, 40)


def test_all_alarms_together_ring_by_chance_at_most_once_in_half_a_year():
    assert TOGETHER_WEEKS >= 26
    assert len(STATISTICAL) * chance_of(1) == pytest.approx(1 / TOGETHER_WEEKS)
    assert chance_of(4) == pytest.approx(4 * chance_of(1))  # four weeks in one look: the same rate


@pytest.fixture(scope="module")
def found() -> tuple[Finding, Finding]:
    """Drift of clips of the same kind, and of clips that are 15 % off."""
    music = stand_in.sample(seed=1, n_per_class=100)
    reference = make_reference(music, music[LABEL], range(len(music)), ignore=FRAGILE)
    same = stand_in.sample(seed=7, n_per_class=200).sample(40, random_state=0)[list(COLUMNS)]
    quiet, loud = (drift_finding(feature_drift(each, reference), reference, ONE_WEEK) for each in (same, same * 1.15))
    return quiet, loud


def test_drift_says_what_was_seen_how_often_it_rings_by_chance_and_what_to_do(found):
    quiet, loud = found
    assert (quiet.standing, loud.standing) == (Standing.QUIET, Standing.RINGS)
    assert loud.value >= loud.limit > quiet.value
    assert loud.weeks >= RULE_WEEKS
    assert "40 recordings of 2 Mar to 8 Mar" in loud.sentence
    assert "standard deviations, distance" in loud.seen
    assert f"At 40 recordings a week this rings by chance at most once in {loud.weeks:.0f} weeks." in loud.sentence
    assert "train again" in loud.sentence
    assert quiet.to_do == ""
    assert "PSI is above 0.2 in" in quiet.sure
    assert len(loud.about["features"]) == len(COLUMNS) - len(FRAGILE)


def test_drift_of_some_of_the_recordings_states_how_many_came():
    music = stand_in.sample(seed=1, n_per_class=100)
    reference = make_reference(music, music[LABEL], range(len(music)), ignore=FRAGILE)
    some = feature_drift(music[list(COLUMNS)].sample(40, random_state=0), reference)
    finding = drift_finding(some, reference, Span(MONDAY, MONDAY + 2 * WEEK, 900))
    assert "in 40 of 900 recordings of 2 Mar to 15 Mar" in finding.seen
    assert "At 450 recordings a week" in finding.by_chance
    assert finding.clips == 40


def test_a_finding_survives_its_storage(found):
    for finding in (*found, labels_finding(None, None, now=MONDAY)):
        again = Finding.from_json(finding.to_json())
        assert again.to_json() == finding.to_json()
        assert again.sentence == finding.sentence


@pytest.mark.parametrize(("usual", "clips"), [(Share(11, 329), 20), (Share(11, 329), 200), (Share(90, 320), 40)])
def test_the_limit_of_a_share_has_doubled_and_is_rare_for_the_usual_share(usual, clips):
    limit, chance = share_limit(usual, clips, chance=0.01)
    assert limit >= 2 * usual.value * clips
    assert binom.sf(limit - 1, clips, usual.value) <= chance <= 0.01
    lower = limit - 1
    too_low = lower < 2 * usual.value * clips
    assert too_low or share_limit(usual, clips, chance=1.0)[0] <= lower  # the chance decided, not the ratio


def test_a_share_that_cannot_double_never_rings():
    finding = share_finding(Rule.UNSURE, Share(30, 30), Share(60, 100), ONE_WEEK)
    assert finding.standing is Standing.QUIET
    assert np.isnan(finding.limit)
    assert "too few" in finding.sure


def test_unsure_answers_are_compared_with_the_weeks_before():
    finding = share_finding(Rule.UNSURE, Share(30, 50), Share(60, 300), ONE_WEEK)
    assert finding.standing is Standing.RINGS
    assert finding.seen == (
        "30 of 50 recordings (60 %) of 2 Mar to 8 Mar got no sure answer. In the weeks before, it was 20 % of 300."
    )
    assert finding.weeks >= RULE_WEEKS
    assert finding.about["usual"] == [60, 300]
    assert share_finding(Rule.UNSURE, Share(12, 50), Share(60, 300), ONE_WEEK).standing is Standing.QUIET


@pytest.mark.parametrize(("p", "standing"), [(0.0005, Standing.RINGS), (0.02, Standing.QUIET)])
def test_f1_rings_below_its_promise_and_shows_ece_beside_a_perfect_model(p, standing):
    measured = Expectation(40, 0.5, 0.7, 0.55, p, 0.2, 0.12)
    finding = promise_finding(measured, ONE_WEEK)
    assert finding.standing is standing
    assert "Macro-F1 is 0.50 on 40 labelled clips" in finding.sentence
    assert "(ECE) is 0.20; a perfect model shows 0.12" in finding.sentence
    assert "less than 0.1 %" in finding.sure or p > 0.001


def test_a_look_at_four_weeks_states_the_labels_of_one_week():
    finding = promise_finding(Expectation(40, 0.5, 0.7, 0.55, 0.02, 0.2, 0.12), FOUR_WEEKS)
    assert finding.standing is Standing.RINGS  # 2 % in a look once in four weeks is rare enough
    assert f"At 10 labels a week this rings by chance at most once in {RULE_WEEKS} weeks." in finding.by_chance


@pytest.mark.parametrize(
    ("last", "first", "standing", "words"),
    [
        (None, None, Standing.UNKNOWN, "No clip was scored yet."),
        (None, 20, Standing.RINGS, "No answer has come yet. The first clip came 20 days ago."),
        (13, 40, Standing.QUIET, "The last answer came 13 days ago."),
        (14, 40, Standing.RINGS, "The last answer came 14 days ago."),
        (-3, 40, Standing.QUIET, "The last answer came 0 days ago."),
    ],
)
def test_silence_is_counted_in_days(last, first, standing, words):
    moments = [None if days is None else MONDAY - timedelta(days=days) for days in (last, first)]
    finding = labels_finding(*moments, now=MONDAY)
    assert (finding.standing, finding.seen) == (standing, words)
    assert np.isnan(finding.weeks)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (19, "Not judged yet: 19 clips came, 20 are needed. 1 clip is missing."),
        (20, "Not judged yet: 20 clips came, 20 are needed. They are judged when their week is over."),
    ],
)
def test_an_alarm_that_was_never_judged_says_how_many_clips_are_missing(found, words):
    assert waiting_finding(Rule.UNLIKE, found, 20, "clip").seen == words


def test_the_first_judgement_names_the_end_of_the_week():
    assert first_judgement(MONDAY).endswith(f"This week ends on {MONDAY + timedelta(days=6):%-d %b}.")
