"""The Impact page: its figures are those of core for the prices on screen."""

import pytest

from core.evaluation import costs
from core.evaluation.stored_evaluation import headline_result
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
    for name, preset in costs.PRESETS.items():
        page.button_group(key="preset").set_value(name).run()
        assert not page.exception
        table = next(d.value for d in page.dataframe if "limit" in d.value.columns).set_index("limit")
        result = costs.impact(predictions, preset.prices, review=preset.review)
        assert table.loc["in use (75 %)", "cost"] == round(result.at(0.75)["cost"])
        assert table.loc[f"cheapest ({percent_limit(result.best)})", "cost"] == round(result.at(result.best)["cost"])
        assert table.loc["review all", "cost"] == round(1000 * preset.review)


@pytest.mark.parametrize(("view", "words"), [("Each emotion", "limit in use"), ("What an improvement is worth", "100")])
def test_every_view_opens(open_page, view, words):
    page = open_page("impact", view=view)
    assert not page.exception
    assert words in " ".join(str(e.value) for kind in (page.caption, page.markdown, page.info) for e in kind)


def test_a_model_that_costs_more_is_a_sentence_with_its_own_interval():
    assert impact_views._saving_in_words(1200.4, -30.0, 2500.0) == (
        "would save 1,200 price units a year (95 % interval: -30 to 2,500)"
    )
    assert impact_views._saving_in_words(-12.0, -40.0, 0.0) == (
        "would cost 12 price units a year more (95 % interval: 0 to 40)"
    )
