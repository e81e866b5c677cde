"""Demo clips: octaves close in 53 commas, recipes repeat themselves, and nothing clips."""

import numpy as np
import pytest

from core import audio, demo


def test_every_makam_spans_an_octave_of_53_commas():
    assert {name: sum(steps) for name, steps in demo.MAKAMS.items()} == dict.fromkeys(demo.MAKAMS, demo.COMMAS)


def test_scale_degrees_in_hz():
    hz = demo.scale_hz("Rast", 220.0, np.array([-7, 0, 2, 4, 7]))
    np.testing.assert_allclose(hz, 220 * 2.0 ** (np.array([-53, 0, 17, 31, 53]) / 53))


def test_usul_cycles_have_their_length():
    assert {name: len(cycle) for name, cycle in demo.USULS.items() if "/8" in name} == {
        "Düyek (8/8)": 8,
        "Aksak (9/8)": 9,
        "Devr-i Hindi (7/8)": 7,
        "Curcuna (10/8)": 10,
    }


@pytest.mark.parametrize("character", demo.DEMOS)
def test_a_demo_is_sound_repeats_itself_and_says_that_it_is_synthetic(character):
    recipe = demo.DEMOS[character]
    y = demo.render(recipe, seconds=3)
    np.testing.assert_array_equal(y, demo.render(recipe, seconds=3))
    assert np.abs(y).max() == pytest.approx(recipe.gain)
    assert "synthetic" in recipe.title
    assert audio.decode(demo.wav(y), "demo.wav").clip.duration_s == pytest.approx(3)


def test_variations_differ_by_seed_and_repeat_for_the_same_seed():
    assert demo.variation("happy", 1) == demo.variation("happy", 1)
    assert demo.variation("happy", 1) != demo.variation("happy", 2)
