"""One clip's numbers for people: steps add up, words say what the numbers say, dots are where they belong."""

import numpy as np
import pandas as pd
import pytest

from core.models import explanation_tables
from core.models.reference import ALL, LEVELS, percentile_ranks, read_reference
from core.schema import BY_COLUMN, COLUMNS, EMOTIONS, LABEL, FeatureVector
from core.settings import ROOT


@pytest.fixture(scope="module")
def reference():
    return read_reference(ROOT / "models" / "champion" / "reference.json")


@pytest.fixture(scope="module")
def typical(reference):
    """A clip in the middle of the training music."""
    return FeatureVector("typical", "test", reference.quantiles[ALL][:, len(LEVELS) // 2].copy())


def explanation(shap: np.ndarray, base: float = 0.25) -> pd.DataFrame:
    return pd.DataFrame({"emotion": "sad", "feature": COLUMNS, "value": 1.0, "shap": shap, "base": base})


def test_steps_start_with_the_strongest_and_add_up():
    shap = np.random.default_rng(0).normal(0, 0.05, 50)
    base, steps = explanation_tables.steps(explanation(shap), "sad", top=6)
    assert base == 0.25
    assert len(steps) == 7
    assert steps["shap"].abs().iloc[:6].is_monotonic_decreasing
    assert steps["shap"].sum() == pytest.approx(shap.sum())
    assert steps["name"].iloc[-1] == "44 other features"
    assert steps["name"].iloc[0] == BY_COLUMN[COLUMNS[np.abs(shap).argmax()]].name


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("_Tempo_Mean", 112.4, "112 bpm"),
        ("_Spectralcentroid_Mean", 2512.0, "2,512 Hz"),
        ("_Lowenergy_Mean", 0.5123, "0.512"),
        ("_Roughness_Mean", 2.5e7, "2.5e+07 amplitude²"),
        ("_Tempo_Mean", np.nan, "not measurable"),
    ],
)
def test_values_are_shown_with_their_unit(column, value, expected):
    assert explanation_tables.with_unit(column, value) == expected


def sentence(share: float, shap: float, column: str = "_Roughness_Mean") -> str:
    steps = pd.DataFrame({"feature": [column], "name": ["x"], "shown": ["1"], "shap": [shap]})
    places = pd.DataFrame({"feature": [column], "sad": [share]})
    (said,) = explanation_tables.sentences(steps, places, "sad")
    return said


def test_words_compare_the_clip_with_the_emotions_own_clips():
    raised, lowered = "this raises the probability of sad by 5 points", "this lowers the probability of sad by 5 points"
    assert sentence(92, 0.05) == f"The clip is rougher than 92 % of the sad clips: {raised}."
    assert sentence(8, -0.05) == f"The clip is smoother than 92 % of the sad clips: {lowered}."
    assert sentence(50, 0.05).startswith("The clip is like the usual sad clip in Roughness")
    assert sentence(100, 0.05).startswith("The clip is rougher than almost all sad clips")  # others exist
    assert sentence(np.nan, 0.05).startswith("Roughness could not be measured")
    assert sentence(90, 0.05, "_Chromagram_Mean_3").startswith("The clip is higher in Chroma D than 90 %")


def test_the_table_of_values_has_a_place_for_each(typical, reference):
    table = explanation_tables.feature_table(typical, reference)
    assert table["feature"].tolist() == list(COLUMNS)
    places = percentile_ranks(typical, reference)
    np.testing.assert_array_equal(table["sad"], places["sad"])
    assert (abs(table["all"] - 50) < 6).mean() > 0.9
    sums = np.array([sum(d) for d in table["distribution"]])
    assert (abs(sums - 0.9) < 0.06).mean() > 0.9
    assert all(len(d) == explanation_tables.BARS and min(d) >= 0 for d in table["distribution"])


def test_a_distribution_is_where_the_values_are():
    np.testing.assert_allclose(explanation_tables._histogram(3 + 7 * LEVELS), 0.9 / explanation_tables.BARS, atol=1e-4)
    left = np.quantile(np.random.default_rng(0).exponential(size=20_000), LEVELS)
    bars = explanation_tables._histogram(left)
    assert bars[0] > bars[4] > bars[-1]
    assert explanation_tables._histogram(np.full(len(LEVELS), 3.0)) == [0.0] * explanation_tables.BARS


def shap_table(rows: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    values = pd.DataFrame(rng.normal(size=(rows, 50)), columns=list(COLUMNS))
    parts = [
        pd.DataFrame({"row": range(rows), "emotion": e, "feature": c, "shap": 0.1 * values[c] / (1 + i)})
        for e in EMOTIONS
        for i, c in enumerate(COLUMNS)
    ]
    return pd.concat(parts, ignore_index=True)


def test_dots_of_a_swarm_keep_their_value_and_stay_in_their_line():
    shap = shap_table()
    values = pd.DataFrame(np.random.default_rng(1).normal(size=(30, 50)), columns=list(COLUMNS))
    dots = explanation_tables.beeswarm(shap, "sad", values=values, top=5)
    assert list(dict.fromkeys(dots["feature"])) == list(COLUMNS[:5])  # the strongest first
    assert len(dots) == 5 * 30
    assert dots["offset"].abs().max() <= 0.4
    first = dots[dots["feature"] == COLUMNS[0]]
    assert first["place"].corr(first["shap"], method="spearman") == pytest.approx(1)
    assert explanation_tables.beeswarm(shap, "sad", values=None, top=2)["place"].isna().all()


def test_dependence_joins_each_clip_with_its_own_value_and_label():
    shap = shap_table()
    table = pd.DataFrame(np.random.default_rng(1).normal(size=(30, 50)), columns=list(COLUMNS))
    table.insert(0, LABEL, [EMOTIONS[i % 4] for i in range(30)])
    points = explanation_tables.dependence(shap, "happy", COLUMNS[2], table=table)
    np.testing.assert_allclose(points["shap"], 0.1 * points["value"] / 3)
    assert points["label"].tolist() == table[LABEL].tolist()


def test_one_row_of_the_table_as_steps():
    own = explanation_tables.stored_explanation(shap_table(), 7, values=None)
    base, steps = explanation_tables.steps(own, "sad", top=3)
    assert base == 0
    assert steps["shown"].tolist() == ["", "", "", ""]  # values are not known, which is not "not measurable"
    known = pd.Series(2.0, index=list(COLUMNS))
    _, steps = explanation_tables.steps(
        explanation_tables.stored_explanation(shap_table(), 7, values=known), "sad", top=3
    )
    assert steps["shown"].iloc[0].startswith("2")


def test_curves_are_the_stored_quantiles(reference):
    curves = explanation_tables.quantile_curves(reference, "_Tempo_Mean")
    assert set(curves["emotion"]) == set(EMOTIONS)
    sad = curves[curves["emotion"] == "sad"]["value"].to_numpy()
    np.testing.assert_array_equal(sad, reference.quantiles["sad"][COLUMNS.index("_Tempo_Mean")])
