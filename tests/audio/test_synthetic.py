"""Demo clips: octaves close in 53 commas, recipes repeat themselves, and nothing clips."""

import numpy as np
import pytest

from core import makams
from core.audio import decoding, encoding, synthetic


def test_every_makam_spans_an_octave_of_53_commas():
    assert {name: sum(steps) for name, steps in makams.MAKAMS.items()} == dict.fromkeys(makams.MAKAMS, makams.COMMAS)


def test_scale_degrees_in_hz():
    hz = makams.scale_hz("Rast", 220.0, np.array([-7, 0, 2, 4, 7]))
    np.testing.assert_allclose(hz, 220 * 2.0 ** (np.array([-53, 0, 17, 31, 53]) / 53))


def test_usul_cycles_have_their_length():
    assert {name: len(cycle) for name, cycle in makams.USULS.items() if "/8" in name} == {
        "Düyek (8/8)": 8,
        "Aksak (9/8)": 9,
        "Devr-i Hindi (7/8)": 7,
        "Curcuna (10/8)": 10,
    }


@pytest.mark.parametrize("character", synthetic.DEMOS)
def test_a_demo_is_sound_repeats_itself_and_says_that_it_is_synthetic(character):
    recipe = synthetic.DEMOS[character]
    y = synthetic.render(recipe, seconds=3)
    np.testing.assert_array_equal(y, synthetic.render(recipe, seconds=3))
    assert np.abs(y).max() == pytest.approx(recipe.gain)
    assert "synthetic" in recipe.title
    assert decoding.decode(encoding.wav(y), "demo.wav").clip.duration_s == pytest.approx(3)


def test_variations_differ_by_seed_and_repeat_for_the_same_seed():
    assert synthetic.variation("happy", 1) == synthetic.variation("happy", 1)
    assert synthetic.variation("happy", 1) != synthetic.variation("happy", 2)
