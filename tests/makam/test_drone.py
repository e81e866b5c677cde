"""A drone under a recording."""

import numpy as np

from core.makam.drone import with_drone


def test_silence_with_a_drone_stays_silent():
    quiet = np.zeros(4410)
    assert np.array_equal(with_drone(quiet, 220.0), quiet)


def test_a_drone_makes_nothing_louder():
    y = 0.2 * np.sin(np.arange(44_100) / 20)
    mixed = with_drone(y, 220.0)
    assert np.abs(mixed).max() <= np.abs(y).max() + 1e-12
    assert not np.allclose(mixed, y)
