"""Own recordings against the published table: ranges, distances, one map."""

import numpy as np
import pandas as pd
import pytest

from core.dataset import exploration, stand_in
from core.dataset.own_and_published import OWN, PUBLISHED, compare_features, compare_rows, map_of_both
from core.errors import TableError
from core.schema import COLUMNS, LABEL

TEMPO, CHROMA = "_Tempo_Mean", "_Chromagram_Mean_1"


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return stand_in.sample()


@pytest.fixture(scope="module")
def own(published: pd.DataFrame) -> pd.DataFrame:
    own = published.drop(columns=LABEL).iloc[:20].reset_index(drop=True)
    own.loc[4, TEMPO] = published[TEMPO].max() + 50
    own.loc[5, CHROMA] = np.nan
    return own


def test_a_feature_is_compared_with_the_published_range(own: pd.DataFrame, published: pd.DataFrame) -> None:
    table = compare_features(own, published).set_index("feature")
    tempo = table.loc["Tempo"]
    assert (tempo["low"], tempo["high"]) == (published[TEMPO].min(), published[TEMPO].max())
    assert tempo["out"] == 1 / 20
    assert tempo["median_own"] == own[TEMPO].median()
    assert tempo["percentile"] == (published[TEMPO] < own[TEMPO].median()).mean()
    spread = 1.4826 * (published[TEMPO] - published[TEMPO].median()).abs().median()
    assert tempo["farthest"] == pytest.approx(50 / spread, rel=0.01)
    assert table.loc["Chroma C", "n_own"] == 19
    assert (table["out"].drop("Tempo") == 0).all()


def test_values_without_a_logarithm_are_outside_too(own: pd.DataFrame, published: pd.DataFrame) -> None:
    """A range can end at zero or below: such a value has no place on the logarithmic scale of its feature."""
    attack = "_AttackTime_Mean"
    changed = own.copy()
    changed.loc[2, attack] = -0.000193
    tiny = published[attack].clip(lower=0.0004)
    table = compare_features(changed, published.assign(**{attack: tiny})).set_index("feature")
    assert table.loc["Attack time", "out"] == 1 / 20
    assert table.loc["Attack time", "farthest"] > 0
    assert compare_rows(changed, published).loc[2, ["out", "feature"]].tolist() == [1, "Attack time"]
    changed.loc[2, attack] = 0.0001
    tiny.iloc[0] = 0.0003  # below half of the third decimal, so the logarithm of both is that of 0.0005
    table = compare_features(changed, published.assign(**{attack: tiny})).set_index("feature")
    assert table.loc["Attack time", "out"] == 1 / 20


def test_rows_out_of_range_are_first_with_the_feature_that_is_farthest(own: pd.DataFrame, published) -> None:
    rows = compare_rows(own, published)
    assert rows.index[0] == 4
    assert rows.loc[4, ["out", "feature"]].tolist() == [1, "Tempo"]
    assert rows["out"].sum() == 1
    assert (rows.loc[rows["out"] == 0, "feature"] == "").all()


def test_the_published_rows_have_the_same_place_on_the_common_map(own: pd.DataFrame, published: pd.DataFrame) -> None:
    both, alone = map_of_both(own, published), exploration.project(published)
    theirs = both.points[both.points["group"] == PUBLISHED]
    assert theirs["pc1"].to_numpy() == pytest.approx(alone.points["pc1"].to_numpy())
    mine = both.points[both.points["group"] == OWN]
    assert mine["row"].tolist() == own.index.tolist()
    assert mine["pc1"].iloc[0] == pytest.approx(alone.points["pc1"].iloc[0])
    assert set(both.loadings["column"]) == set(COLUMNS)


def test_without_published_rows_there_is_nothing_to_compare(own: pd.DataFrame, published: pd.DataFrame) -> None:
    with pytest.raises(TableError, match="no published rows"):
        compare_features(own, published.iloc[:0])
