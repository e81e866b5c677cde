"""Shares of a mood by makam, karar height and performer."""

import numpy as np
import pandas as pd
import pytest

from core.errors import CoreError
from core.playlists.mood_shares import mood_shares


def pieces(**groups):
    """Pieces of each makam: how many are relaxed, and how many are not."""
    rows = [(makam, mood) for makam, (relax, other) in groups.items() for mood in ["relax"] * relax + ["happy"] * other]
    return pd.DataFrame(rows, columns=["makam", "mood"])


def test_shares_have_their_numbers_intervals_and_the_share_of_the_others():
    table = mood_shares(pieces(Rast=(2, 18), Saba=(15, 5)), "relax", "makam").set_index("makam")
    assert table.index.tolist() == ["Saba", "Rast"]
    assert table.loc["Saba", ["n", "with_mood", "share", "others"]].tolist() == [20, 15, 0.75, 0.1]
    assert table.loc["Saba", "low"] == pytest.approx(0.531, abs=0.001)  # Wilson
    assert table.loc["Saba", "high"] == pytest.approx(0.888, abs=0.001)
    assert table.loc["Saba", "p_holm"] == pytest.approx(2 * table.loc["Saba", "p"])
    assert table.loc["Saba", "p_holm"] < 0.001


def test_equal_shares_are_no_finding():
    table = mood_shares(pieces(Rast=(10, 10), Saba=(10, 10)), "relax", "makam")
    assert table["p_holm"].tolist() == [1, 1]


def test_small_groups_get_no_test_and_pieces_without_a_makam_are_left_out():
    table = mood_shares(pieces(**{"Rast": (4, 6), "Saba": (2, 1), "": (50, 0)}), "relax", "makam").set_index("makam")
    assert table["n"].to_dict() == {"Rast": 10, "Saba": 3}
    assert table["p"].isna().all()
    assert np.isclose(table.loc["Saba", "others"], 0.4)


def test_one_group_has_nothing_to_be_compared_with():
    assert mood_shares(pieces(Rast=(4, 6)), "relax", "makam")["others"].isna().all()


def test_without_pieces_the_table_is_empty():
    assert mood_shares(pieces(), "relax", "makam").empty


def test_a_column_that_is_not_there_is_refused():
    table = pieces(Rast=(1, 1)).assign(artist="Ece", folder="/music")
    with pytest.raises(CoreError, match="no column 'performer'. It can be grouped by: artist, folder, makam."):
        mood_shares(table, "relax", "performer")
    with pytest.raises(CoreError, match="no column 'mood'"):
        mood_shares(table.drop(columns="mood"), "relax", "artist")
