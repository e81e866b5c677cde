"""Mean, spread, trend and periodicity of a series."""

from math import isnan, log, sqrt

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.features.statistics import mirstat, trend

SERIES = arrays(float, st.integers(2, 60), elements=st.floats(0, 1000).map(lambda v: round(v, 3)))


def every(step_s: float, n: int) -> np.ndarray:
    return step_s * np.arange(n)


def test_a_ramp():
    n = 5
    values = np.arange(1.0, n + 1)
    found = trend(values)
    assert found.mean == 3
    assert found.std == pytest.approx(sqrt(2.5))
    # z = (-2..2) / sqrt(2.5), t = 0, 1/4, .. 1: sum z t = 2.5 / sqrt(2.5), sum t^2 = 30 / 16
    assert found.slope == pytest.approx(sqrt(2.5) * 16 / 30)
    assert trend(values[::-1]).slope == pytest.approx(-found.slope)


def test_missing_values_keep_their_place_on_the_time_axis():
    found = trend(np.array([1.0, np.nan, 3.0]))
    assert (found.mean, found.std) == (2.0, pytest.approx(sqrt(2)))
    assert found.slope == pytest.approx((1 / sqrt(2)) / 1)  # t = 0 and 1, z = -+ 1 / sqrt(2)


@pytest.mark.parametrize("values", [[], [np.nan], [np.nan, np.nan]])
def test_nothing_known(values):
    found = mirstat(np.array(values), every(0.1, len(values)))
    assert all(isnan(v) for v in vars(found).values())


def test_a_single_value_has_a_mean_only():
    found = mirstat(np.array([2.0, np.nan]), every(0.1, 2))
    assert found.mean == 2
    assert all(isnan(v) for name, v in vars(found).items() if name != "mean")


def test_a_constant_has_no_slope_and_no_period():
    found = mirstat(np.full(8, 2.0), every(0.1, 8))
    assert (found.mean, found.std) == (2, 0)
    assert isnan(found.slope)
    assert isnan(found.period_freq)  # its autocorrelation only falls: (8 - k) / 8
    shares = np.arange(8, 0, -1) / 36
    assert found.period_entropy == pytest.approx(-(shares * np.log(shares)).sum() / log(8))


def test_zeros_have_no_autocorrelation():
    found = mirstat(np.zeros(8), every(0.1, 8))
    assert (found.mean, found.std) == (0, 0)
    assert isnan(found.period_entropy)


def test_the_period_of_pulses():
    values = np.zeros(20)
    values[::5] = 1.0  # four pulses half a second apart
    found = mirstat(values, every(0.1, 20))
    assert found.period_freq == pytest.approx(2.0)
    assert found.period_amp == pytest.approx(3 / 4)
    shares = np.array([4, 3, 2, 1]) / 10
    assert found.period_entropy == pytest.approx(-(shares * np.log(shares)).sum() / log(20))


def test_irregular_frames_have_no_rate():
    values = np.zeros(20)
    values[::5] = 1.0
    starts = every(0.1, 20)
    starts[7] += 0.6e-3
    found = mirstat(values, starts)
    assert isnan(found.period_freq)
    assert found.period_amp == pytest.approx(3 / 4)
    starts[7] -= 0.5e-3  # rounding a start to a sample leaves frames regular
    assert mirstat(values, starts).period_freq == pytest.approx(2.0)


def test_the_rate_counts_from_the_first_two_starts():
    values = np.zeros(20)
    values[::5] = 1.0
    starts = (np.arange(20) * 3276.63).astype(int)
    assert mirstat(values, starts[0:] / 44100).period_freq == pytest.approx(44100 / 3276 / 5)


@given(SERIES)
def test_ranges(values):
    assume(values.std() > 1e-9 * values.max())
    found = mirstat(values, every(0.1, len(values)))
    assert abs(found.slope) < sqrt(3)
    assert -1e-9 <= found.period_entropy <= 1  # rounding
    assert isnan(found.period_amp) or 0 < found.period_amp <= 1


@given(SERIES, st.integers(-8, 8))
def test_the_unit_of_the_series_matters_to_mean_and_std_only(values, power):
    gain = 2.0**power  # exact, so that no decision can flip
    one, other = mirstat(values, every(0.1, len(values))), mirstat(gain * values, every(0.1, len(values)))
    assert (other.mean, other.std) == pytest.approx((gain * one.mean, gain * one.std), nan_ok=True)
    for name in ("slope", "period_freq", "period_amp", "period_entropy"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), nan_ok=True)
