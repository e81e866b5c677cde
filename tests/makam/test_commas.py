"""Commas, perdes and SymbTr's numbers."""

import numpy as np
import pytest

from core.makam.commas import CENTS, DUGAH, PERDES, cents_of_hz, commas_over, hz_of_cents, nearest_perde, perde_name


def test_numbers_are_those_of_symbtr():
    assert PERDES["dügâh"] == DUGAH == 305
    assert PERDES["muhayyer"] == 305 + 53
    assert PERDES["çargâh"] == 318  # written Do


@pytest.mark.parametrize(
    ("commas", "karar", "name"),
    [(0, "rast", "rast"), (17, "rast", "segâh"), (22, "rast", "çargâh"), (8, "dügâh", "segâh"), (22, "dügâh", "nevâ"),
     (-5, "rast", "ırak"), (31, "segâh", "eviç"), (53, "rast", "gerdâniye")],
)  # fmt: skip
def test_a_height_over_the_karar_has_the_name_of_the_perde(commas, karar, name):
    assert perde_name(commas, karar) == name


def test_the_deviation_is_the_pitch_minus_the_perde():
    found = nearest_perde(22.4, "dügâh")
    assert found.name == "nevâ"
    assert found.deviation == pytest.approx(0.4)


@pytest.mark.parametrize("octaves", [-3, 3])
def test_a_height_outside_the_named_perdes_has_the_name_of_a_named_octave(octaves):
    assert perde_name(22 + octaves * 53, "dügâh").removeprefix("tiz ") in {"nevâ", "yegâh"}


def test_commas_and_hertz_agree():
    assert commas_over(np.array([cents_of_hz(660.0), np.nan]), 440.0)[0] * CENTS == pytest.approx(701.955, abs=0.001)
    assert np.isnan(commas_over(np.array([np.nan]), 440.0))[0]
    assert hz_of_cents(cents_of_hz(293.7)) == pytest.approx(293.7)
