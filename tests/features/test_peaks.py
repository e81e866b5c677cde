"""Peaks that stand out: hand-made curves whose answer is known, and what must hold for any curve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.features.peaks import find_peaks, find_valleys

curves = arrays(np.float64, st.integers(1, 60), elements=st.integers(-20, 20).map(float))
contrasts = st.sampled_from([0.01, 0.05, 0.1, 0.3])


def found(d: list[float], contrast: float = 0.1, **options: object) -> list[int]:
    return find_peaks(np.array(d, float), contrast=contrast, **options).tolist()  # type: ignore[arg-type]


def test_each_hill_is_one_peak() -> None:
    assert found([0, 5, 1, 10, 0]) == [1, 3]


def test_a_plateau_is_its_first_sample() -> None:
    assert found([0, 5, 5, 5, 1, 10, 10, 0]) == [1, 5]


def test_a_plateau_on_the_way_up_is_no_peak() -> None:
    assert found([0, 5, 5, 10, 0]) == [3]


def test_of_two_equal_tops_without_a_notch_the_first_counts() -> None:
    assert found([0, 10, 9.5, 10, 0]) == [1]


def test_a_ripple_belongs_to_its_hill() -> None:
    assert found([0, 8, 7.5, 10, 9.4, 9.8, 0]) == [3]


def test_shallow_notches_add_up_to_one_hill() -> None:
    assert found([0, 10, 9.5, 9.6, 9.2, 9.3, 8.95, 9.1, 0]) == [1]


def test_a_notch_as_deep_as_the_contrast_separates() -> None:
    assert found([0, 8, 4, 8, 0], contrast=0.5) == [1, 3]
    assert found([0, 8, 4.001, 8, 0], contrast=0.5) == [1]


def test_a_peak_as_low_as_the_contrast_counts() -> None:
    """The normalised height of a candidate may equal the contrast."""
    assert found([0, 2, 0, 8, 0], contrast=0.25) == [1, 3]
    assert found([0, 1.999, 0, 8, 0], contrast=0.25) == [3]


def test_a_hill_that_rises_too_little_is_dropped() -> None:
    assert found([10, 5, 5.5, 4, 9, 0], contrast=0.1) == [0, 4]


@pytest.mark.parametrize(("begin", "end", "expected"), [(1, 1, [0, 2, 4]), (0, 1, [2, 4]), (1, 0, [0, 2]), (0, 0, [2])])
def test_the_ends_count_only_when_allowed(begin: int, end: int, expected: list[int]) -> None:
    assert found([9, 0, 10, 0, 9], begin=bool(begin), end=bool(end)) == expected


def test_a_last_peak_that_never_falls_by_the_contrast_needs_an_open_end() -> None:
    assert found([0, 10, 9.5]) == [1]
    assert found([0, 10, 9.5], end=False) == []


def test_the_threshold_is_a_normalised_height() -> None:
    assert found([0, 5, 0, 10, 0], threshold=0.5) == [1, 3]
    assert found([0, 5, 0, 10, 0], threshold=0.51) == [3]


def test_the_range_of_all_frames_scales_one_frame() -> None:
    assert found([0, 1, 0], contrast=0.1) == [1]
    assert found([0, 1, 0], contrast=0.1, low=0, high=10) == [1]
    assert found([0, 1, 0], contrast=0.1, low=0, high=11) == []


@pytest.mark.parametrize("d", [[], [3.0], [2.0, 2.0, 2.0], [0.0, 0.0], [1.0, np.nan, 0.0]])
def test_a_curve_without_a_range_has_no_peaks(d: list[float]) -> None:
    assert found(d) == []
    assert find_valleys(np.array(d), contrast=0.1).size == 0


def test_local_blanks_a_curve_on_the_wrong_side_of_zero() -> None:
    hill = np.array([-3.0, -1.0, -3.0])
    assert find_peaks(hill, contrast=0.1).tolist() == [1]
    assert find_peaks(hill, contrast=0.1, local=True).tolist() == []
    assert find_peaks(hill + 1, contrast=0.1, local=True).tolist() == [1]
    assert find_valleys(hill, contrast=0.1, local=True).tolist() == [0, 2]
    assert find_valleys(-hill, contrast=0.1, local=True).tolist() == []


def test_the_threshold_of_valleys_counts_from_the_bottom() -> None:
    d = np.array([10.0, 6.0, 10.0, 4.0, 10.0, 0.0, 10.0])
    assert find_valleys(d, contrast=0.1).tolist() == [1, 3, 5]
    assert find_valleys(d, contrast=0.1, threshold=0.5).tolist() == [3, 5]


@given(curves, contrasts, st.booleans(), st.booleans())
def test_valleys_are_the_peaks_of_the_mirrored_curve(d: np.ndarray, contrast: float, begin: bool, end: bool) -> None:
    upside_down = find_valleys(d, contrast=contrast, begin=begin, end=end)
    assert upside_down.tolist() == find_peaks(-d, contrast=contrast, begin=begin, end=end).tolist()


@given(curves, contrasts, st.integers(-3, 3), st.integers(-50, 50))
def test_gain_and_offset_change_nothing(d: np.ndarray, contrast: float, octaves: int, offset: int) -> None:
    moved = find_peaks(d * 2.0**octaves + offset * 2.0**octaves, contrast=contrast)
    assert moved.tolist() == find_peaks(d, contrast=contrast).tolist()


@given(curves, contrasts)
def test_between_two_peaks_the_curve_falls_by_the_contrast(d: np.ndarray, contrast: float) -> None:
    at = find_peaks(d, contrast=contrast)
    dn = (d - d.min()) / max(d.max() - d.min(), 1e-300)
    for p, q in zip(at[:-1], at[1:], strict=True):
        notch = dn[p:q].min()
        assert dn[p] - notch >= contrast
        assert dn[q] - notch >= contrast


@given(curves, contrasts)
def test_the_highest_sample_is_a_peak_when_both_ends_are_allowed(d: np.ndarray, contrast: float) -> None:
    if d.max() > d.min():
        assert int(d.argmax()) in find_peaks(d, contrast=contrast)
