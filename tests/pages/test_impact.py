"""The Impact page: its figures are those of core for the prices on screen."""

import pytest

from core.evaluation import costs, prices
from core.evaluation.stored_evaluation import headline_result
from core.evaluation.ways import WayCost, WayToUse
from core.models.description import read_description
from core.settings import ROOT, Settings
from core.wording import percent_limit
from pages.views.models import impact_views


@pytest.fixture(scope="module")
def predictions():
    model = read_description(ROOT / "models" / "champion", "models/champion")
    return headline_result(model, Settings()).predictions


def test_presets_change_the_costs(open_page, predictions):
    page = open_page("impact")
    assert not page.exception
    for name, preset in prices.PRESETS.items():
        page.button_group(key="preset").set_value(name).run()
        assert not page.exception
        table = next(d.value for d in page.dataframe if "limit" in d.value.columns).set_index("limit")
        result = costs.impact(predictions, preset.prices, review=preset.review)
        assert table.loc["in use (75 %)", "cost"] == round(result.at(0.75)["cost"])
        assert table.loc[f"cheapest ({percent_limit(result.best)})", "cost"] == round(result.at(result.best)["cost"])
        assert table.loc["review all", "cost"] == round(1000 * preset.review)


def test_more_labels_and_lost_use_are_in_the_same_table(open_page, predictions):
    page = open_page("impact")
    table = next(d.value for d in page.dataframe if "limit" in d.value.columns).set_index("limit")
    recommender = prices.PRESETS["Recommender"]
    wrong = costs.impact(predictions, recommender.prices, review=recommender.review).at(0.75)["wrong"]
    assert table.loc["in use (75 %)", "use lost"] == f"{100 * wrong:.1f} to {150 * wrong:.1f} %"
    assert table.loc["more labels (75 %)", "saved in a year"] > 0
    page = page.slider(key="lost_use").set_range(20, 30).run()
    table = next(d.value for d in page.dataframe if "limit" in d.value.columns).set_index("limit")
    assert table.loc["in use (75 %)", "use lost"] == f"{200 * wrong:.1f} to {300 * wrong:.1f} %"


def test_slices_by_a_feature_need_the_table(open_page, table_path, monkeypatch):
    monkeypatch.delenv("TME_TABLE", raising=False)
    page = open_page("impact", view="Slices")
    assert not page.exception
    assert page.selectbox(key="slices").options == ["emotion of the label"]
    monkeypatch.setenv("TME_TABLE", str(table_path))
    page = open_page("impact", view="Slices")
    page.selectbox(key="slices").set_value("_Tempo_Mean").run()
    assert not page.exception
    slices = next(d.value for d in page.dataframe if "slice" in d.value.columns)
    assert slices["slice"].str.split(":").str[0].tolist() == ["low", "middle", "high"]


def test_the_emotions_have_their_costs(open_page):
    page = open_page("impact", view="Each emotion")
    assert not page.exception
    assert any("dearest accepted emotion" in d.value.columns for d in page.dataframe)


@pytest.mark.parametrize(
    ("saved", "low", "high", "words"),
    [
        (1200.4, -30.0, 2500.0, "would save 1,200 price units a year (95 % interval: -30 to 2,500)"),
        (-12.0, -40.0, 0.0, "would cost 12 price units a year more (95 % interval: 0 to 40)"),
    ],
)
def test_a_model_that_costs_more_is_a_sentence_with_its_own_interval(saved, low, high, words):
    way = WayCost(0.75, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, saved, low, high)
    assert impact_views._with_interval(way, 1.0) == words


def two_ways(threshold: float = 0.49) -> dict[WayToUse, WayCost]:
    now = WayCost(0.75, 400.0, 380.0, 420.0, 100.0, 300.0, 0.1)
    best = WayCost(threshold, 350.0, 330.0, 370.0, 200.0, 150.0, 0.25, 50.0, 20.0, 80.0)
    return {WayToUse.IN_USE: now, WayToUse.CHEAPEST: best}


@pytest.mark.parametrize(
    ("elsewhere", "words"),
    [
        (370.0, "**A cheaper limit would save 300 price units a year**"),
        (410.0, "**No limit is shown to be cheaper than the one in use**"),
    ],
)
def test_the_saving_on_other_recordings_is_the_headline(elsewhere, words):
    text = impact_views.best_limit_in_words(two_ways(), 10.0, elsewhere)
    assert text.startswith(words)
    assert text.count("**") == 2  # the figure that is too good is not bold
    assert text.endswith("would save 500 price units a year (95 % interval: 200 to 800), which is too good.")


def test_therapy_has_a_caution_when_the_cheapest_limit_is_lower():
    caution = prices.PRESETS["Therapy"].caution
    text = impact_views.caution_in_words(two_ways(), caution)
    assert "At 49 %, 25.0 % of the accepted answers are wrong; at the limit in use, 10.0 %." in text
    assert impact_views.caution_in_words(two_ways(0.9), caution) == ""
    assert impact_views.caution_in_words(two_ways(), prices.PRESETS["Recommender"].caution) == ""
