"""Figures draw what their tables say, and tell emotions and models apart without colour."""

import numpy as np
import pandas as pd
import pytest

from core import wording
from core.dataset import exploration, stand_in
from core.dataset.open_tables import grouping
from core.schema import EMOTIONS, LABEL
from core.wording import whole_percent
from pages.figures import dataset, models, style


@pytest.fixture(scope="module")
def made() -> pd.DataFrame:
    return stand_in.sample()


def test_every_emotion_has_its_own_colour_symbol_and_sign() -> None:
    for signs in (style.COLOURS, style.SYMBOLS, wording.SIGNS):
        assert set(signs) == set(EMOTIONS)
        assert len(set(signs.values())) == len(EMOTIONS)


def test_drawing_changes_no_table(made: pd.DataFrame) -> None:
    tests, found = exploration.feature_tests(made), exploration.outliers(made)
    kept = tests.copy(), found.copy(), made.copy()
    dataset.effects(tests, name="test")
    dataset.outlier_map(found, limit=3.5)
    style.by_group(made, "_Tempo_Mean", grouping(made))
    for before, after in zip(kept, (tests, found, made), strict=True):
        pd.testing.assert_frame_equal(before, after)


def test_a_picture_of_effects_says_what_chance_gives_and_what_pale_means(made: pd.DataFrame) -> None:
    tests = exploration.feature_tests(made)
    figure = dataset.effects(tests, name="test")
    assert f"{tests['by_chance'].median():.2g} by chance" in figure.layout.xaxis.title.text
    assert "pale: corrected p of 0.05 or more" in figure.layout.xaxis.title.text
    assert figure.layout.shapes[0].x0 == tests["by_chance"].median()


def test_small_groups_are_drawn_with_their_points(made: pd.DataFrame) -> None:
    few = made.groupby(LABEL).head(6)
    assert {trace.points for trace in style.by_group(few, "_Tempo_Mean", grouping(few)).data} == {"all"}
    many = pd.concat([few] * 5, ignore_index=True)
    assert {trace.points for trace in style.by_group(many, "_Tempo_Mean", grouping(many)).data} == {"outliers"}


def test_a_projection_draws_each_clip_once_with_its_emotions_symbol(made: pd.DataFrame) -> None:
    seen = exploration.project(made)
    figure = dataset.projection(seen.points, x="pc1", y="pc2", shares=seen.explained[:2])
    assert sorted(row for trace in figure.data for row in trace.customdata) == list(made.index)
    assert {trace.name: trace.marker.symbol for trace in figure.data} == style.SYMBOLS
    assert whole_percent(seen.explained[0]) in figure.layout.xaxis.title.text


def matrix() -> pd.DataFrame:
    cells = [(y, x) for y in EMOTIONS for x in EMOTIONS]
    table = pd.DataFrame(cells, columns=["y", "predicted"]).assign(count=np.arange(16.0))
    return table.assign(share=table["count"] / table.groupby("y")["count"].transform("sum"))


def test_a_click_on_the_matrix_answers_with_true_and_called() -> None:
    figure = models.confusion(matrix(), shares=False, chosen=("sad", "relax"))
    clickable = figure.data[1]
    for x, y, text, data in zip(clickable.x, clickable.y, clickable.text, clickable.customdata, strict=True):
        assert (wording.with_sign(data[0]), wording.with_sign(data[1])) == (y, x)
        count = matrix().set_index(["y", "predicted"])["count"][data[0], data[1]]
        assert float(text) == count
    outline = figure.layout.shapes[0]
    assert (outline.x0, outline.y0) == (EMOTIONS.index("relax") - 0.5, EMOTIONS.index("sad") - 0.5)


def test_shares_are_written_in_percent() -> None:
    assert models.confusion(matrix(), shares=True).data[1].text[1] == "17 %"  # 1 of 0 + 1 + 2 + 3


def test_error_bars_reach_from_low_to_high_and_the_best_stands_on_top() -> None:
    table = pd.DataFrame(
        {"model": ["First", "Second"], "name": ["a", "b"], "settings": ["as given", "tuned"]}
        | {"value": [0.8, 0.7], "low": [0.75, 0.6], "high": [0.9, 0.75]}
    )
    figure = models.ranking(table, name="Macro-F1", champion="a")
    champion, tuned = figure.data
    assert (champion.marker.symbol, tuned.marker.symbol) == ("star", "diamond")
    assert champion.x[0] + champion.error_x.array[0] == pytest.approx(0.9)
    assert tuned.x[0] - tuned.error_x.arrayminus[0] == pytest.approx(0.6)
    assert list(figure.layout.yaxis.categoryarray) == ["Second", "First"]  # plotly counts from below


def test_established_differences_are_filled_and_long_labels_wrapped() -> None:
    table = pd.DataFrame(
        {"label": ["short", "a label that is much too long for one line of a phone"], "difference": [0.1, 0.0]}
        | {"low": [0.05, -0.1], "high": [0.15, 0.1], "finding": ["established", "no evidence of a difference"]}
    )
    figure = models.differences(table, title="t", axis="x")
    assert {trace.name: trace.marker.symbol for trace in figure.data} == {
        "established": "circle",
        "no evidence of a difference": "circle-open",
    }
    assert max(len(line) for line in figure.data[1].y[0].split("<br>")) <= 26
