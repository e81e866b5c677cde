"""Which row of a table a clip belongs to, by its features."""

import numpy as np
import pytest

from core.dataset import stand_in
from core.dataset.matching import RowFinder, agreement
from core.schema import COLUMNS


@pytest.fixture(scope="module")
def frame():
    return stand_in.sample(n_per_class=25)


@pytest.fixture(scope="module")
def finder(frame):
    return RowFinder(frame)


def values_of(frame, row):
    return frame.loc[row, list(COLUMNS)].to_numpy(dtype=float)


@pytest.mark.parametrize("row", [0, 37, 99])
def test_a_row_is_found_by_noisy_values_with_a_few_wrong_ones(frame, finder, row):
    rng = np.random.default_rng(row)
    values = values_of(frame, row) + 0.03 * finder.scale * rng.standard_normal(50)
    values[[3, 20, 49]] = 1e6  # a doubled tempo, a value of another release
    values[30] = np.nan
    match = finder.find(values)
    assert (match.state, match.row, match.same) == ("found", row, ())
    assert match.distance == pytest.approx((4 + 46 * 0.03 * 0.8) / 50, abs=0.01)


def test_a_clip_between_two_rows_is_ambiguous(frame):
    with_neighbour, moved = frame.copy(), list(COLUMNS[:18])
    with_neighbour.loc[50, list(COLUMNS)] = frame.loc[0, list(COLUMNS)]
    finder = RowFinder(with_neighbour)
    scale = dict(zip(COLUMNS, finder.scale, strict=True))
    for column in moved:  # another recording, 18 / 50 away
        with_neighbour.loc[50, column] += 1.2 * scale[column]
    finder = RowFinder(with_neighbour)
    between = with_neighbour.loc[0, list(COLUMNS)].copy()
    between[moved[:9]] = with_neighbour.loc[50, moved[:9]]
    match = finder.find(between.to_numpy(dtype=float))
    assert match.state == "ambiguous"
    assert match.row in (0, 50)
    assert match.margin < 0.01
    between[moved[3:9]] = with_neighbour.loc[0, moved[3:9]]
    assert finder.find(between.to_numpy(dtype=float)).row == 0
    assert finder.find(between.to_numpy(dtype=float)).state == "found"


def test_music_that_is_not_in_the_table_has_no_row(frame, finder):
    held_out = stand_in.sample(seed=5, n_per_class=5)
    assert {finder.find(values_of(held_out, row)).state for row in held_out.index} == {"no row"}


def test_copies_in_the_table_are_named(frame):
    doubled = frame.copy()
    doubled.loc[80] = doubled.loc[11]
    near = doubled.loc[12].copy()
    near["_Tempo_Mean"] *= 2
    doubled.loc[60] = near
    finder = RowFinder(doubled)
    assert (finder.find(values_of(doubled, 80)).row, finder.find(values_of(doubled, 80)).same) == (11, (80,))
    match = finder.find(values_of(doubled, 60))
    assert (match.state, match.row, match.same) == ("found", 60, (12,))


def test_agreement_has_three_degrees():
    wanted = np.zeros((3, 50))
    values, changed = wanted.copy(), wanted.copy()
    values[:, 0] = 0.0004
    values[:, 1] = 0.02
    changed[:, 1] = 0.05
    values[:, 2] = [0.02, 0.3, 0.02]
    changed[:, 2] = [0.05, 0.31, 0.05]
    values[:, 3] = changed[:, 3] = np.nan
    found = agreement(values, changed, wanted)
    assert set(found[:, 0]) == {"rounding"}
    assert set(found[:, 1]) == {"MP3"}
    assert found[:, 2].tolist() == ["MP3", "off", "MP3"]
    assert set(found[:, 3]) == {"off"}  # the clip lacks a value that the row has
