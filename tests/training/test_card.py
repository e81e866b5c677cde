"""The card says what the run found, and what a reader must be warned of."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from core.dataset.published import CITATIONS
from core.evaluation.criteria import check_criteria
from core.evaluation.evaluation_table import measured_line
from core.pvalues import holm
from core.schema import EMOTIONS
from core.training.card import LABELLED, write_card
from core.training.run_evaluation import run_evaluation
from tests.small_training import small_run


@pytest.fixture(scope="module")
def run():
    return small_run()[0]


@pytest.fixture(scope="module")
def evaluation(run):
    line = measured_line("speed", "latency_p95_s", n=20, value=0.4, low=0.3, high=0.5)
    return run_evaluation(run, measured=line)


@pytest.fixture(scope="module")
def text(run, evaluation) -> str:
    return write_card(run, evaluation)


def flat(text: str) -> str:
    return " ".join(text.split())


def section(text: str, title: str) -> str:
    return flat(text.split(f"## {title}\n")[1].split("\n## ")[0])


def test_every_figure_is_that_of_the_evaluation_table(evaluation, text):
    figures = section(text, "Figures")
    for row in ("development", "held_out"):
        for measure in ("macro_f1", "accuracy", "ece", "class_gap", "accepted", "accepted_right"):
            assert evaluation.figure(measure, row=row).text in figures, (row, measure)


def test_headline_all_clips_and_held_out_are_told_apart(run):
    every = run.out_of_fold[run.out_of_fold["model"] == "blend"].drop(columns="model")
    held = run.held_out[run.held_out["model"] == "blend"].drop(columns="model").assign(repeat=0, fold=0)
    whole = replace(run, all_clips=pd.concat([every, held], ignore_index=True))
    text = write_card(whole, run_evaluation(whole))
    assert (
        "| Headline (137 clips, cross-validated) | All clips (161 clips, cross-validated) "
        "| Held out (24 clips, held out) |"
    ) in text


def test_every_emotion_has_its_figures(evaluation, text):
    by_emotion = section(text, "By emotion")
    assert "Headline: 137 clips, cross-validated." in by_emotion
    for emotion in EMOTIONS:
        for measure in ("precision", "recall", "f1", "auc"):
            assert evaluation.figure(measure, emotion=emotion).text in by_emotion


def test_a_changed_figure_changes_the_card(run, evaluation):
    """The card is made from the evaluation table: there is no second place for a figure."""
    lines = evaluation.lines.copy()
    changed = lines["row"].eq("development") & lines["measure"].eq("macro_f1")
    lines.loc[changed, "value"] = 0.123
    assert "0.123 (" in section(write_card(run, replace(evaluation, lines=lines)), "Figures")


def test_licence_citations_and_hash(run, text):
    data = section(text, "Data")
    assert "CC BY 4.0" in data
    assert all(citation in data for citation in CITATIONS)
    assert run.data_hash in data


def test_no_name_in_a_brought_table_is_markdown_on_the_card(run, evaluation):
    hostile = ["![x](https://evil.example/x.png)", "`<img src=x onerror=alert(1)>", "\u202e\r\n# evil", "x" * 1_000_000]
    names = [*hostile, *(f"mine {k}" for k in range(10))]
    labels = pd.DataFrame({"y": "sad", "extractor": names})
    text = write_card(replace(run, tables={**run.tables, LABELLED: labels}), evaluation)
    data = section(text, "Data")
    assert "`![x](https://evil.example/x.png)`" in data
    without_code = re.sub(r"`[^`]*`", "", data)
    for part in ("![", "](", "<img", "# evil", "xxx", "mine"):
        assert part not in without_code, part
    assert "\u202e" not in text
    assert len(text) < 100_000
    assert "and 9 others" in data


def test_use_is_limited(text):
    assert "Not for clinical decisions" in section(text, "Intended use")


def test_the_gap_and_its_price(evaluation, text):
    gap = section(text, "The gap between the emotions")
    assert f"{evaluation.figure('gap_closed').value:.3f}" in gap
    assert f"by {-100 * evaluation.figure('gap_price').value:+.1f} points" in gap


def test_criteria_with_their_verdicts(evaluation, text):
    criteria = section(text, "Criteria")
    for check in check_criteria(evaluation):
        assert f"{check.name} | " in criteria
    assert "0.400 (0.300 to 0.500) | pass" in criteria
    assert "- | not measured" in criteria


def test_every_candidate_is_beside_the_champion(run, text):
    others = section(text, "Comparison with the other candidates (development clips)")
    assert all(f"| {label} |" in others for label in run.labels_of.values())
    assert set(re.findall(r"no evidence of a difference|champion is better|better than the champion", others))


@pytest.mark.parametrize(
    ("p", "words"), [(0.02, "champion is better"), (0.04, "champion is better on clips like these only")]
)
def test_the_correction_is_for_the_comparisons_with_the_champion(run, evaluation, p, words):
    """Two of three pairs have the champion: p = 0.02 becomes 0.04 and not 0.06, p = 0.04 becomes 0.08."""
    pairs = pd.DataFrame({"a": ["blend", "knn", "knn"], "b": ["logistic_regression", "blend", "logistic_regression"]})
    pairs = pairs.assign(difference=[0.1, -0.1, 0.0], low=[0.05, -0.2, -0.1], high=[0.2, -0.05, 0.1], p=[p, p, 0.9])
    pairs["p_holm"] = holm(pairs["p"].to_numpy())
    card = write_card(replace(run, tables=run.tables | {"pairs": pairs}), evaluation)
    others = section(card, "Comparison with the other candidates (development clips)")
    assert others.count(f"| {words} |") == 2


def test_the_reader_is_warned_of_stand_in_and_quick_run(run, evaluation, text):
    assert "synthetic stand-in" in text
    assert "Quick run" in text
    real = write_card(replace(run, synthetic=False, quick=False), evaluation)
    assert "synthetic stand-in" not in real
    assert "Quick run" not in real


def test_no_path_and_no_nan_reaches_the_reader(text):
    assert "nan" not in re.findall(r"\bnan\b", text.lower())
    assert "None" not in text
