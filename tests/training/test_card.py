"""The card says what the run found, and what a reader must be warned of."""

import re
from dataclasses import replace

import pytest

from core.dataset.published import CITATIONS
from core.schema import ALL, EMOTIONS
from core.training.card import write_card
from tests.small_training import small_run


@pytest.fixture(scope="module")
def run():
    return small_run()[0]


@pytest.fixture(scope="module")
def text(run) -> str:
    return write_card(run)


def flat(text: str) -> str:
    return " ".join(text.split())


def section(text: str, title: str) -> str:
    return flat(text.split(f"## {title}\n")[1].split("\n## ")[0])


def shown(line) -> str:
    if line["low"] is None:
        return f"{line['value']:.3f}"
    return f"{line['value']:.3f} ({line['low']:.3f} to {line['high']:.3f})"


def test_every_figure_is_the_one_that_was_measured(run, text):
    figures = section(text, "Figures")
    for source in ("scores", "held_out_scores"):
        for line in run.metrics[source]:
            if line["emotion"] == ALL:
                assert shown(line) in figures, line


def test_headline_development_and_held_out_are_told_apart(run):
    metrics = {**run.metrics, "protocol": {**run.metrics["protocol"], "judged": 161}}
    metrics["development_scores"] = [{**line, "value": 0.777} for line in run.metrics["development_scores"]]
    text = write_card(replace(run, metrics=metrics))
    assert "| Headline (161 clips) | Development (137 clips) | Held out (24 clips) |" in text
    assert "| 0.777 (" in section(text, "Figures")
    assert "by the same protocol on all distinct clips" in section(text, "Evaluation protocol")


def test_every_emotion_has_its_figures(run, text):
    by_emotion = section(text, "By emotion")
    for line in run.metrics["scores"]:
        if line["emotion"] in EMOTIONS and line["measure"] in ("precision", "recall", "f1", "auc"):
            assert shown(line) in by_emotion, line


def test_a_changed_figure_changes_the_card(run):
    """The card is made from the run: there is no second place for a figure."""
    metrics = {**run.metrics, "scores": [dict(line) for line in run.metrics["scores"]]}
    next(line for line in metrics["scores"] if line["measure"] == "macro_f1")["value"] = 0.123
    assert "0.123 (" in section(write_card(replace(run, metrics=metrics)), "Figures")


def test_licence_citations_and_hash(run, text):
    data = section(text, "Data")
    assert "CC BY 4.0" in data
    assert all(citation in data for citation in CITATIONS)
    assert run.data_hash in data


def test_use_is_limited(text):
    assert "Not for clinical decisions" in section(text, "Intended use")


def test_the_gap_and_its_price(run, text):
    before, after = run.metrics["gap_price"]
    gap = section(text, "The gap between the emotions")
    assert f"{after['class_gap']:.3f}" in gap
    assert f"{100 * (before['macro_f1'] - after['macro_f1']):.1f} points" in gap


def test_criteria_with_their_verdicts(run, text):
    criteria = section(text, "Criteria")
    for criterion in run.metrics["acceptance"]:
        assert f"{criterion['criterion']} | {criterion['target']}" in criteria
    assert "- | not measured" in criteria


def test_every_candidate_is_beside_the_champion(run, text):
    others = section(text, "Comparison with the other candidates (development clips)")
    assert all(f"| {label} |" in others for label in run.labels_of.values())
    assert set(re.findall(r"no evidence of a difference|champion is better|better than the champion", others))


def test_the_reader_is_warned_of_stand_in_and_quick_run(run, text):
    assert "synthetic stand-in" in text
    assert "Quick run" in text
    real = write_card(replace(run, synthetic=False, quick=False))
    assert "synthetic stand-in" not in real
    assert "Quick run" not in real


def test_no_path_and_no_nan_reaches_the_reader(text):
    assert "nan" not in re.findall(r"\bnan\b", text.lower())
    assert "None" not in text
