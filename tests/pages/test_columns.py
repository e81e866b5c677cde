"""Headings of tables: words with a meaning, and no identifier of the program."""

import pandas as pd
import pytest

from core.dataset.own_and_published import compare_features
from core.dataset.stand_in import sample
from core.evaluation.leaderboard import MEASURES
from core.schema import COLUMNS
from pages.shared import columns
from pages.views.data.explore_own import COMPARED


@pytest.mark.parametrize(
    ("column", "heading"),
    [
        ("macro_f1", MEASURES["macro_f1"].label),
        ("p_holm", "p, corrected"),
        ("p_sad", "● sad"),
        ("f1_angry", "F1 ▲ angry"),
        ("_Tempo_Mean", "Tempo (bpm)"),
        ("pc1", "PC1"),
        ("tempo_change", "tempo change"),
    ],
)
def test_a_heading_in_words(column, heading):
    assert columns.words(column)[0] == heading


def test_cells_with_names_of_figures_and_features_are_words_too():
    table = pd.DataFrame({"measure": ["macro_f1", "held"], "feature": ["_Tempo_Mean", "Tempo"], "n": [1, 2]})
    shown = columns.in_words(table)
    assert shown["measure"].tolist() == ["Macro-F1", "held"]
    assert shown["feature"].tolist() == ["Tempo (bpm)", "Tempo"]


def test_every_column_of_own_and_published_has_a_heading():
    table = compare_features(sample()[list(COLUMNS)].head(5), sample())
    for column in table.columns:
        heading = COMPARED.get(column, {}).get("label") or column
        assert "_" not in heading
