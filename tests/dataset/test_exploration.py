"""Tests, projection, correlations and outliers of a table, held to textbook cases and to scipy and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from core.dataset import exploration, stand_in
from core.dataset.open_tables import grouping, without_copies
from core.errors import TableError
from core.schema import COLUMNS, EMOTIONS, LABEL

TEMPO, RMS = "_Tempo_Mean", "_RMSenergy_Mean"


@pytest.fixture(scope="module")
def made() -> pd.DataFrame:
    return stand_in.sample()


def test_filters_keep_rows_with_the_emotions_and_within_the_ranges(made: pd.DataFrame) -> None:
    low, high = made[TEMPO].quantile([0.25, 0.75])
    kept = exploration.filter_rows(made, shown=["sad", "happy"], ranges={TEMPO: (low, high)})
    assert set(kept[LABEL]) == {"sad", "happy"}
    wanted = [i for i in made.index if made[LABEL][i] in ("sad", "happy") and low <= made[TEMPO][i] <= high]
    assert list(kept.index) == wanted


def test_a_row_without_the_value_does_not_pass_a_range(made: pd.DataFrame) -> None:
    holed = made.copy()
    holed.loc[7, TEMPO] = np.nan
    assert 7 not in exploration.filter_rows(holed, ranges={TEMPO: (-np.inf, np.inf)}).index
    assert 7 in exploration.filter_rows(holed).index


def test_an_empty_filter_leaves_an_empty_table_that_can_be_counted(made: pd.DataFrame) -> None:
    empty = exploration.filter_rows(made, shown=[])
    assert exploration.group_balance(empty)["rows"].sum() == 0
    with pytest.raises(TableError, match="two emotions"):
        exploration.feature_tests(empty)
    with pytest.raises(TableError, match="three rows"):
        exploration.project(empty)
    assert exploration.outliers(empty).empty


def test_kruskal_and_anova_are_scipys_with_the_named_effects(made: pd.DataFrame) -> None:
    parts = [made.loc[made[LABEL] == e, TEMPO] for e in EMOTIONS]
    h, p = stats.kruskal(*parts)
    ranked = exploration.feature_tests(made).set_index("column").loc[TEMPO]
    assert (ranked["statistic"], ranked["p"]) == pytest.approx((h, p))
    assert ranked["effect"] == pytest.approx(h / (len(made) - 1))
    f, p = stats.f_oneway(*parts)
    means = exploration.feature_tests(made, test="anova").set_index("column").loc[TEMPO]
    assert (means["statistic"], means["p"]) == pytest.approx((f, p))
    assert means["effect"] == pytest.approx(3 * f / (3 * f + len(made) - 4))  # eta squared from F and its freedoms


def test_a_feature_that_separates_is_first_and_a_constant_one_last(made: pd.DataFrame) -> None:
    marked = made.copy()
    marked[RMS] = marked[LABEL].map({"angry": 0.9, "happy": 0.6, "relax": 0.1, "sad": 0.3}) + marked[TEMPO] / 1e5
    marked[TEMPO] = 100.0
    tests = exploration.feature_tests(marked)
    assert tests["column"].iloc[0] == RMS
    assert (tests["highest"].iloc[0], tests["lowest"].iloc[0]) == ("angry", "relax")
    assert tests["column"].iloc[-1] == TEMPO
    assert np.isnan(tests["effect"].iloc[-1])
    assert np.isnan(tests["p_corrected"].iloc[-1])


def test_any_groups_can_be_tested_and_summarised(made: pd.DataFrame) -> None:
    makams = grouping(made.assign(makam=["hicaz", "rast", "", "hicaz"] * 100), "makam")
    tests = exploration.feature_tests(made, makams).set_index("column").loc[TEMPO]
    parts = [made.loc[makams == name, TEMPO] for name in ("hicaz", "rast")]
    assert tests["n"] == 300
    assert tests["statistic"] == pytest.approx(stats.kruskal(*parts).statistic)
    assert exploration.group_balance(made, makams).to_dict("list") == {
        "group": ["hicaz", "rast"],
        "rows": [200, 100],
        "share": pytest.approx([2 / 3, 1 / 3]),
    }
    summary = exploration.summarise_feature(made, TEMPO, makams)
    assert summary["group"].tolist() == ["hicaz", "rast"]
    assert summary["median"].tolist() == pytest.approx([part.median() for part in parts])
    with pytest.raises(TableError, match="two groups"):
        exploration.feature_tests(made, grouping(made, ""))


def test_rows_that_no_test_includes_are_named() -> None:
    makams = pd.Series(pd.Categorical(["Rast"] * 5 + ["Hicaz"] * 4 + ["Saba", "Segah", "Segah", None]), name="makam")
    said = exploration.left_out_of_tests(makams)
    assert said == "Not tested: 1 row without makam; 2 groups with fewer than 3 rows: Segah (2), Saba (1)."
    assert exploration.left_out_of_tests(makams[:9].cat.remove_unused_categories()) == ""


def test_groups_without_a_difference_have_the_effect_of_chance() -> None:
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(rng.normal(size=(30, 50)), columns=list(COLUMNS))
    groups = pd.Series(pd.Categorical(list("abcde") * 6), name="makam")
    tests = exploration.feature_tests(frame, groups)
    assert tests["by_chance"].tolist() == pytest.approx([4 / 29] * 50)
    assert tests["effect"].mean() == pytest.approx(4 / 29, abs=0.03)


def test_one_table_has_the_medians_and_effects_of_all_features(made: pd.DataFrame) -> None:
    tests = exploration.feature_tests(made)
    table = exploration.medians_and_effects(made, tests).set_index("feature")
    assert len(table) == 50
    assert list(table.columns[:3]) == ["effect", "p_corrected", "p"]
    assert table["effect"].tolist() == tests["effect"].tolist()
    for emotion in EMOTIONS:
        assert table.loc["Tempo", f"median {emotion}"] == made.loc[made[LABEL] == emotion, TEMPO].median()


@pytest.mark.parametrize("correction", exploration.CORRECTIONS)
def test_corrected_p_on_labels_without_meaning_claims_nothing(made: pd.DataFrame, correction: str) -> None:
    shuffled = made.assign(**{LABEL: np.random.default_rng(5).permutation(made[LABEL])})
    tests = exploration.feature_tests(shuffled, correction=correction)
    assert (tests["p"] < 0.05).any()  # of 50 tests some are always small
    assert (tests["p_corrected"] >= 0.05).all()


def test_corrections_are_the_textbook_ones() -> None:
    p = np.array([0.01, np.nan, 0.04, 0.03])
    assert exploration.corrected(p, "holm") == pytest.approx([0.03, np.nan, 0.06, 0.06], nan_ok=True)
    assert exploration.corrected(p, "bh") == pytest.approx([0.03, np.nan, 0.04, 0.04], nan_ok=True)


def test_projection_is_scikit_learns_up_to_the_fixed_sign(made: pd.DataFrame) -> None:
    seen = exploration.project(made)
    pca = PCA(exploration.COMPONENTS).fit(StandardScaler().fit_transform(made[list(COLUMNS)]))
    assert seen.explained == pytest.approx(pca.explained_variance_ratio_)
    ours = seen.loadings.filter(like="pc").to_numpy()
    assert np.abs(ours) == pytest.approx(np.abs(pca.components_.T), abs=1e-8)
    assert (ours[np.abs(ours).argmax(axis=0), range(exploration.COMPONENTS)] > 0).all()
    assert list(seen.points["row"]) == list(made.index)


def test_projection_survives_missing_and_constant_columns(made: pd.DataFrame) -> None:
    holed = made.copy()
    holed[TEMPO] = np.nan
    holed[RMS] = 0.1
    holed.iloc[::7, 10] = np.nan
    seen = exploration.project(holed)
    assert np.isfinite(seen.points.filter(like="pc").to_numpy()).all()
    assert set(COLUMNS) - set(seen.loadings["column"]) == {TEMPO, RMS}


def test_correlations_name_the_strongest_pair(made: pd.DataFrame) -> None:
    tied = made.assign(**{TEMPO: -3 * made[RMS]})
    pairs = exploration.strongest_pairs(exploration.correlations(tied), n=5)
    assert {pairs["first"][0], pairs["second"][0]} == {"RMS energy", "Tempo"}
    assert pairs["correlation"][0] == pytest.approx(-1)
    assert list(pairs["correlation"].abs()) == sorted(pairs["correlation"].abs(), reverse=True)


def test_outliers_find_the_planted_value_and_no_other_beyond_it(made: pd.DataFrame) -> None:
    planted = made.copy()
    planted.loc[123, "_Roughness_Mean"] = 1e9
    first = exploration.outliers(planted).iloc[0]
    assert (first["row"], first["feature"], first["value"]) == (123, "Roughness", 1e9)
    everything = exploration.outliers(planted, limit=2.5)
    assert len(everything) > len(exploration.outliers(planted, limit=5))
    assert (everything["score"].abs() >= 2.5).all()


def test_the_published_table_shows_what_is_known_of_it(published: pd.DataFrame) -> None:
    tests = exploration.feature_tests(without_copies(published))
    assert tests["n"].iloc[0] == 388  # the twelve copies count once
    assert tests["feature"].head(3).to_list() == [
        "Harmonic change, spread",
        "Harmonic change, regularity",
        "Zero-crossing rate",
    ]
    assert tests["effect"].iloc[0] == pytest.approx(0.61, abs=0.01)
