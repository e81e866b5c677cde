"""The compiled kernels against plain versions."""

import numpy as np
import pytest

from core.makam.kernels import best_path, drop_short, peak_near, refined, saliences, strongest


def test_saliences_are_weighted_sums_up_to_the_first_missing_place() -> None:
    rng = np.random.default_rng(0)
    flat, weights = rng.random(50).astype(np.float32), rng.normal(size=(7, 6))
    places = rng.integers(0, 50, (7, 6)).astype(np.int32)
    places[3, 4:] = -1
    found = np.empty(7)
    saliences(flat, places, weights, found)
    np.testing.assert_allclose(found, (flat[places] * np.where(places < 0, 0, weights)).sum(axis=1), rtol=1e-6)


def test_the_strongest_maxima_come_first() -> None:
    curve = np.array([9, 1, 5, 1, 7, 7, 2, -3, -1, -2, 6, 0], dtype=float)
    values, where = np.zeros(2), np.zeros(2, np.int64)
    assert strongest(curve, values, where) == 2
    assert values.tolist() == [7, 6]
    assert where.tolist() == [5, 10]


def test_a_peak_is_found_between_bins() -> None:
    x = np.arange(40)
    parabola = np.exp(-0.3 * (x - 17.3) ** 2).astype(np.float32)
    assert peak_near(parabola, 17.0) == pytest.approx(17.3, abs=1e-4)
    assert peak_near(np.zeros(40, np.float32), 17.0) == -1
    assert peak_near(parabola, 80.0) == -1


def test_a_harmonic_that_is_off_does_not_move_the_pitch() -> None:
    x = np.arange(200)
    places = [10.2, 20.4, 30.6, 40.8, 52.0, 61.2]  # the fifth should be at 51
    spectrum = np.sum([np.exp(-0.5 * (x - p) ** 2) for p in places], axis=0).astype(np.float32)
    assert refined(spectrum, 10.1, 1.0, 6) == pytest.approx(10.2, abs=0.005)


def test_the_best_path_is_that_of_all_paths() -> None:
    rng = np.random.default_rng(3)
    hz, score = 200 * 2 ** rng.random((5, 2)), rng.random((5, 2))
    hz[2, 1] = 0.0
    silence, per_octave, dearest, on_off = 0.45, 0.9, 0.5, 0.2

    def worth(path: tuple[int, ...]) -> float:
        total = 0.0
        for t, j in enumerate(path):
            if j < 2 and hz[t, j] == 0:
                return -np.inf
            total += silence if j == 2 else score[t, j]
            if t and (path[t - 1] == 2) != (j == 2):
                total -= on_off
            elif t and j < 2:
                total -= min(dearest, per_octave * abs(np.log2(hz[t, j] / hz[t - 1, path[t - 1]])))
        return total

    every = [tuple(int(c) for c in np.unravel_index(i, (3,) * 5)) for i in range(3**5)]
    assert tuple(best_path(hz, score, silence, per_octave, dearest, on_off)) == max(every, key=worth)


def test_short_runs_are_dropped() -> None:
    voiced = np.array([1, 1, 0, 1, 1, 1, 0, 0, 1], dtype=bool)
    drop_short(voiced, 3)
    assert voiced.tolist() == [False, False, False, True, True, True, False, False, False]
