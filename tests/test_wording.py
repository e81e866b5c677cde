"""Shares and times are written as people read them."""

import random
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from core import wording
from core.wording import clip_name, moment


@pytest.mark.parametrize(
    ("p", "words"), [(0.7496, "74.9 %"), (0.9997, "99.9 %"), (1.0, "100.0 %"), (0.29, "29.0 %"), (0.0, "0.0 %")]
)
def test_a_probability_never_reads_higher_than_it_is(p, words):
    assert wording.percent(p) == words


@pytest.mark.parametrize(("p", "words"), [(0.75, "75 %"), (0.725, "72.5 %"), (1.0, "100 %")])
def test_a_limit_reads_as_it_was_set(p, words):
    assert wording.percent_limit(p) == words


@pytest.mark.parametrize(("share", "words"), [(0.204, "20 %"), (0.206, "21 %"), (0.0, "0 %")])
def test_a_share_is_a_whole_percent(share, words):
    assert wording.whole_percent(share) == words


@pytest.mark.parametrize(("share", "words"), [(0.875, "87.5 %"), (0.9996, "100.0 %"), (0.0, "0.0 %")])
def test_a_share_with_a_tenth(share, words):
    assert wording.tenth_percent(share) == words


@pytest.mark.parametrize(
    ("share", "low", "high", "words"),
    [
        (0.8212, 0.6965, 0.9228, "82 % (70 to 92 %)"),
        (0.9985, 0.9946, 1.0, "over 99 % (99 to 100 %)"),
        (1.0, 1.0, 1.0, "100 % (100 to 100 %)"),
        (0.875, float("nan"), float("nan"), "88 %"),
    ],
)
def test_a_share_has_its_interval_and_is_100_percent_only_without_an_error(share, low, high, words):
    assert wording.share_with_interval(share, low, high) == words


@pytest.mark.parametrize(("change", "words"), [(0.3, "+30.0"), (-0.0249, "-2.5"), (-0.0001, "0")])
def test_a_change_of_a_probability_has_its_sign_unless_it_is_nothing(change, words):
    assert wording.signed_points(change) == words


@pytest.mark.parametrize(("count", "words"), [(0, "0 windows"), (1, "1 window"), (2000, "2,000 windows")])
def test_one_thing_has_no_plural(count, words):
    assert wording.counted(count, "window") == words


@pytest.mark.parametrize(("change", "words"), [(0.2, "+20 %"), (-0.333, "-33 %"), (0.0, "+0 %")])
def test_a_change_has_its_sign(change, words):
    assert wording.percent_change(change) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0:00"), (59.6, "1:00"), (187, "3:07"), (3600, "1:00:00"), (3727, "1:02:07")]
)
def test_times_as_on_a_clock(seconds, words):
    assert wording.clock(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(12, "12 s"), (89, "89 s"), (91, "2 min"), (5400, "1 h 30 min"), (8100, "2 h 15 min")]
)
def test_a_duration_as_a_person_says_it(seconds, words):
    assert wording.duration(seconds) == words


def test_a_moment_is_that_of_the_readers_clock():
    when = datetime(2026, 11, 29, 22, 30, tzinfo=UTC)
    assert moment(when, ZoneInfo("Europe/Istanbul")) == "30 Nov, 01:30 +03"
    assert moment(when, UTC) == "29 Nov, 22:30 UTC"
    with pytest.raises(ValueError, match="no time zone"):
        moment(datetime(2026, 1, 1), UTC)  # noqa: DTZ001 - the wrong use


def test_a_window_is_named_by_its_times_and_a_file_is_not():
    assert clip_name("a@1.000+3.flac", "0f" * 32) == "a@1.000+3.flac"
    assert clip_name("a.flac", f"{'0f' * 32}@3600.000+30") == "a.flac, 1:00:00 to 1:00:30"


@pytest.mark.parametrize(
    ("proba", "shown"),
    [
        ((0.7496, 0.2496, 0.0004, 0.0004), ("74.9 %", "25.0 %", "0.1 %", "0.0 %")),
        ((0.333, 0.333, 0.333, 0.001), ("33.3 %", "33.3 %", "33.3 %", "0.1 %")),
        ((0.92555, 0.03333, 0.02223, 0.01889), ("92.5 %", "3.4 %", "2.2 %", "1.9 %")),
        ((0.25, 0.25, 0.25, 0.25), ("25.0 %",) * 4),
    ],
)
def test_the_probabilities_of_a_clip_add_up_and_the_highest_crosses_no_limit(proba, shown):
    names = ("angry", "happy", "relax", "sad")
    assert tuple(wording.percents(dict(zip(names, proba, strict=True))).values()) == shown


def test_any_four_probabilities_add_up_and_keep_their_order():
    numbers = random.Random(0)
    for _ in range(2000):
        parts = [numbers.expovariate(1) for _ in range(4)]
        proba = {str(k): part / sum(parts) for k, part in enumerate(parts)}
        shown = {name: float(text.removesuffix(" %")) for name, text in wording.percents(proba).items()}
        top = max(proba, key=lambda name: proba[name])
        assert sum(shown.values()) == pytest.approx(100)
        assert wording.percents(proba)[top] == wording.percent(proba[top])
        assert shown[top] == max(shown.values())
        assert all(abs(shown[name] - 100 * p) < 0.2 for name, p in proba.items())


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((0.678, 0.309, 0.013), ["68 %", "31 %", "1 %"]),
        ((0.335, 0.335, 0.33), ["34 %", "33 %", "33 %"]),
        ((1.0, 0.0, 0.0), ["100 %", "0 %", "0 %"]),
    ],
)
def test_shares_of_a_whole_add_up(values, shown):
    assert list(wording.shares(dict(enumerate(values))).values()) == shown


@pytest.mark.parametrize(("count", "words"), [(1, "1 of 17 pieces is"), (3, "3 of 17 pieces are")])
def test_a_part_has_its_verb(count, words):
    assert wording.part(count, 17, "piece") == words


def test_a_place_in_the_line_is_said_in_words():
    assert wording.place_in_line(3, 2.2) == "Third in the line, about 2 s."
    assert wording.place_in_line(1, 0.1) == "First in the line, about 1 s."
    assert wording.place_in_line(11, 30) == "Number 11 in the line, about 30 s."
    assert wording.place_in_line(0, 0.0) == "At work now, about 1 s."
