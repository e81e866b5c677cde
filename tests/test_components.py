"""Groups of linked things."""

import numpy as np

from core.components import connected_groups


def test_links_join_groups_by_way_of_others_and_numbers_follow_the_first_member():
    assert connected_groups([4, 1], [2, 4], 6).tolist() == [0, 1, 1, 2, 1, 3]


def test_the_order_and_the_direction_of_links_do_not_matter():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 200, (2, 120))
    expected = connected_groups(first, second, 200)
    shuffled = rng.permutation(120)
    np.testing.assert_array_equal(connected_groups(second[shuffled], first[shuffled], 200), expected)
    assert expected.max() + 1 < 200  # some are linked


def test_without_links_each_is_a_group_of_its_own():
    assert connected_groups([], [], 3).tolist() == [0, 1, 2]
    assert connected_groups([], [], 0).tolist() == []
