"""The sentence on how often accepted answers are right has the figures of the evaluation table."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.accepted_moods import accepted_right_sentence
from core.evaluation.evaluation_table import COLUMNS, EvaluationTable
from core.evaluation.results import ModelRef


@pytest.fixture
def table() -> EvaluationTable:
    def line(row, measure, emotion, *figures):
        return (row, "cross-validated", 100, "a", measure, emotion, *figures)

    lines = [
        line("development", "accepted_right", "sad", 0.8212, 0.6965, 0.9228),
        line("development", "accepted_right", "happy", 0.9985, 0.9946, 1.0),
        line("development", "accepted_right", "relax", np.nan, np.nan, np.nan),  # none was accepted
        line("development", "accepted", "sad", 0.5, 0.4, 0.6),
        line("held_out", "accepted_right", "angry", 0.9, 0.8, 1.0),
    ]
    return EvaluationTable(ModelRef("m"), pd.DataFrame(lines, columns=list(COLUMNS)))


def test_the_sentence_has_the_figure_and_the_page_with_the_limits(table):
    assert accepted_right_sentence(table, ["sad"]) == (
        'On labelled clips, with the policy saved with the model, an accepted "sad" is right in 82 % (70 to 92 %). '
        "The page Decisions offers a limit for each emotion."
    )


def test_each_mood_of_a_path_is_named_once_in_its_order(table):
    text = accepted_right_sentence(table, ["happy", "sad", "happy"])
    assert text.count("an accepted") == 2
    assert text.index('"happy" is right in over 99 % (99 to 100 %)') < text.index('"sad" is right in 82 %')


def test_moods_without_a_figure_in_the_headline_are_left_out(table):
    assert accepted_right_sentence(table, ["relax", "angry"]) == ""
    assert "relax" not in accepted_right_sentence(table, ["relax", "sad"])
