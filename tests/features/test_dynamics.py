"""RMS energy, low energy, zero-crossing rate."""

import warnings
from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.features import dynamics
from core.schema import SR
from tests.features.clips import AGREEMENT, AWKWARD, REFERENCE, SOME, error, golden, noise, out_of_range, tone, worst


def plain(y: np.ndarray) -> dict[str, float]:
    """The chapter by its definitions."""
    return {
        "_RMSenergy_Mean": dynamics.rms_energy(y),
        "_Lowenergy_Mean": dynamics.low_energy(dynamics.frame_rms(y, SR)),
        "_Zero-crossingrate_Mean": dynamics.zero_crossing_rate(y, SR),
    }


@pytest.mark.parametrize("name", SOME)
def test_definitions_agree_with_mirtoolbox(name):
    assert worst(plain(golden(name)), REFERENCE.loc[name]) < AGREEMENT


@pytest.mark.parametrize("name", REFERENCE.index)
def test_compiled_loops_agree_with_mirtoolbox(name):
    assert worst(dynamics.measure(golden(name), SR), REFERENCE.loc[name]) < AGREEMENT


@pytest.mark.parametrize("name", AWKWARD)
def test_compiled_loops_are_the_definitions_on_awkward_clips(name):
    y = AWKWARD[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measured, defined = dynamics.measure(y, SR), plain(y)
    assert out_of_range(measured) == []
    steady = {"constant", "Nyquist", "full scale"}  # every frame is as loud as the average: rounding decides
    for column in measured:
        if not (name in steady and column == "_Lowenergy_Mean"):
            assert error(measured[column], defined[column]) < 1e-12


def test_a_sine():
    y = tone(441, amplitude=0.5)
    measured = dynamics.measure(y, SR)
    assert measured["_RMSenergy_Mean"] == pytest.approx(0.5 / sqrt(2), rel=1e-4)
    assert measured["_Zero-crossingrate_Mean"] == pytest.approx(441, abs=1)


def test_a_crossing_through_exact_zero_is_none():
    assert dynamics.zero_crossing_rate(np.array([0.5, -0.5, 0.5, -0.5]), 8) == 3 / 4 * 8 / 2
    assert dynamics.zero_crossing_rate(np.array([0.5, 0.0, -0.5, 0.0]), 8) == 0


def test_a_frame_as_loud_as_the_average_is_not_low():
    assert dynamics.low_energy(np.array([1.0, 2.0, 3.0])) == pytest.approx(1 / 3)
    assert dynamics.low_energy(np.array([2.0, 2.0])) == 0


def test_few_loud_moments_make_low_energy_high():
    y = 0.01 * noise(SR)
    y[:2205] = noise(2205)
    assert dynamics.measure(y, SR)["_Lowenergy_Mean"] > 0.9


def test_too_little():
    assert isnan(dynamics.rms_energy(np.array([0.5])))
    assert isnan(dynamics.low_energy(np.empty(0)))
    assert isnan(dynamics.measure(np.full(2204, 0.1), SR)["_Lowenergy_Mean"])


def test_silence_is_measurable():
    assert dynamics.measure(AWKWARD["silence"], SR) == {
        "_RMSenergy_Mean": 0.0,
        "_Lowenergy_Mean": 0.0,
        "_Zero-crossingrate_Mean": 0.0,
    }


@given(power=st.integers(-12, 0), seed=st.integers(0, 3))
def test_gain_scales_rms_alone(power, seed):
    y, gain = noise(8000, seed), 2.0**power
    one, other = dynamics.measure(y, SR), dynamics.measure(gain * y, SR)
    assert other.pop("_RMSenergy_Mean") == pytest.approx(gain * one.pop("_RMSenergy_Mean"), rel=1e-14)
    assert other == one


def test_read_only_and_strided_samples_are_fine():
    y = noise(8820)
    expected = dynamics.measure(y[::2].copy(), SR)
    y.setflags(write=False)
    assert dynamics.measure(y[::2], SR) == expected
