"""Fingerprints are compared with what the music itself changes from one value to the next."""

import numpy as np
import pytest

from core.audio.matching import Verdict, compare, lengths_agree, likely_pairs, with_a_partner

N = 300


def music(seed, *, held=1):
    """A fingerprint. held : how many values in a row are alike."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 2**32, N // held + 1, dtype=np.uint32).repeat(held)[:N]
    return noisy(values, 0.01, seed + 1000)


def noisy(values, share, seed):
    """The values with a share of their bits turned over."""
    rng = np.random.default_rng(seed)
    turned = (rng.random((values.size, 32)) < share) @ (1 << np.arange(32, dtype=np.uint64))
    return values ^ turned.astype(np.uint32)


def test_a_copy_is_the_same_also_when_it_begins_later():
    one = music(1)
    found = compare(one, noisy(one, 0.03, 2)[40:])
    assert found.verdict is Verdict.SAME
    assert found.offset_s == pytest.approx(-40 * 1365 / 11_025)
    assert found.error == pytest.approx(0.03, abs=0.005)
    assert compare(noisy(one, 0.03, 2)[40:], one).offset_s == pytest.approx(40 * 1365 / 11_025)


def test_few_different_bits_are_not_enough_where_the_music_changes_little():
    slow = music(3, held=6)  # changes by 0.09 from one value to the next, on average
    assert compare(slow, noisy(slow, 0.02, 4)).verdict is Verdict.SAME
    assert compare(slow, noisy(slow, 0.11, 4)).verdict is Verdict.DOUBT


def test_other_music_is_other_and_a_drone_says_nothing():
    assert compare(music(5), music(6)).verdict is Verdict.OTHER
    drone = np.full(N, 7, dtype=np.uint32)
    assert compare(drone, drone).verdict is Verdict.NOTHING
    assert compare(music(5), np.zeros(0, dtype=np.uint32)).verdict is Verdict.NOTHING


def test_lengths_agree_within_7_s_or_5_percent():
    assert lengths_agree(np.array([60.0, 60.0, 600.0, 600.0]), np.array([67.0, 68.0, 570.0, 569.0])).tolist() == [
        *(True, False, True, False),
    ]
    assert with_a_partner(np.array([10.0, 400.0, 100.0, 12.0, 390.0])).tolist() == [True, True, False, True, True]
    assert with_a_partner(np.array([5.0])).tolist() == [False]


def test_the_index_finds_copies_among_many():
    prints = [music(seed) for seed in range(10, 110)]
    prints += [noisy(prints[7], 0.05, 1)[30:], noisy(prints[30], 0.02, 2), prints[30].copy()]
    lengths = np.full(len(prints), 200.0)
    assert likely_pairs(prints, lengths).tolist() == [[7, 100], [30, 101], [30, 102], [101, 102]]
    lengths[100] = 60.0  # another length: not compared
    assert likely_pairs(prints, lengths).tolist() == [[30, 101], [30, 102], [101, 102]]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_index_of_few(count):
    prints = [np.zeros(0, dtype=np.uint32)] * count
    assert likely_pairs(prints, np.full(count, 100.0)).shape == (0, 2)
