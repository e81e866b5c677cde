import numpy as np
import pytest
from makam.sound import SR

from benchmarks.melody import hard_sounds
from benchmarks.pulse import RATE, piece
from core.makam.pulse import NO_PULSE, Pulse, pulse_of
from core.makam.synthesis import VOICES, Score, play


@pytest.mark.parametrize(
    ("usul", "unit_s", "cycle", "units"),
    [
        ("Düyek (8/8)", 0.21, 0, 2),
        ("Aksak (9/8)", 0.19, 9, 1),
        ("Devr-i Hindi (7/8)", 0.21, 7, 1),
        ("Curcuna (10/8)", 0.18, 10, 1),
    ],
)
def test_the_unit_of_a_cycle_is_found_and_an_aksak_cycle_is_counted_in_units(
    usul: str, unit_s: float, cycle: int, units: int
) -> None:
    pulse = pulse_of(piece(usul, unit_s, "plucked", 0.6, seconds=18, seed=5), RATE)
    assert pulse.unit_bpm == pytest.approx(60 / unit_s, rel=0.01)
    assert (pulse.cycle, pulse.units) == (cycle, units)
    assert pulse.bpm == pytest.approx(pulse.unit_bpm / units)


def test_level_and_rate_do_not_matter() -> None:
    y = piece("Aksak (9/8)", 0.19, "plucked", 0.6, seconds=18, seed=5)
    loud, soft = pulse_of(y, RATE), pulse_of(0.01 * y, RATE)
    assert soft.unit_bpm == pytest.approx(loud.unit_bpm)
    assert pulse_of(y, round(RATE * 1.03)).unit_bpm == pytest.approx(1.03 * loud.unit_bpm, rel=0.003)


def test_free_rhythm_noise_and_silence_have_no_pulse() -> None:
    lengths = np.random.default_rng(2).uniform(0.2, 0.9, 36)
    free = Score("Uşşak", 200.0, tuple(np.arange(36) % 5 * 9.0), tuple(lengths))
    sounds = {"free": play(free, VOICES["plucked"], sr=SR), **hard_sounds(6.0, SR)}
    for name in ("free", "silence", "white noise"):
        assert pulse_of(sounds[name], SR) is NO_PULSE, name
    assert pulse_of(np.zeros(10), SR) is NO_PULSE


def test_the_words_name_the_level_and_the_doubles() -> None:
    assert Pulse(120, 240, 2, 0, 0.8).in_words == (
        "120 beats a minute, each of 2 units. Other people may count 60 or 240."
    )
    assert "An aksak cycle of 9 units: it returns 40 times a minute" in Pulse(360, 360, 1, 9, 0.5).in_words
    assert NO_PULSE.in_words == "The recording has no steady pulse."
