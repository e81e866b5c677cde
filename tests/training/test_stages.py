"""The stages train, compare and card: from a cleaned table to a card, without a registry."""

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from core.dataset.stages import CLEANED, ORIGIN, split_table
from core.errors import ModelError
from core.evaluation.stored_evaluation import read_evaluation
from core.file_names import CARD, CHAMPION
from core.settings import Settings
from core.training import stages
from core.training.publish import publish_run
from core.training.stages import card_stage, compare_stage, read_training_run, train_stage
from tests.small_training import small_run, small_table


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of the stage train."""
    folder = tmp_path_factory.mktemp("run")
    publish_run(small_run()[0], small_table(), folder)
    return folder


def sections(text):
    return {part.split("\n")[0]: part.strip() for part in text.split("\n## ")}


@pytest.fixture
def in_use(run, tmp_path):
    """An installation whose model in use is that of the run."""
    shutil.copytree(run, tmp_path / "models")
    return Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models")


def test_train_uses_the_clean_table_and_its_parts(monkeypatch, tmp_path):
    table = small_table()
    cleaned, asked = tmp_path / "cleaned", {}
    cleaned.mkdir()
    table.frame.to_csv(cleaned / CLEANED, index=False)
    (cleaned / ORIGIN).write_text(json.dumps({"inputs": {"a.csv": "0" * 32}, "data_hash": table.content_hash}))
    split_table(cleaned, tmp_path / "parts", seed=0)

    def train(given, **options):
        asked.update(options, inputs=given.inputs, hash=given.content_hash)
        return small_run()[0]

    monkeypatch.setattr(stages, "train_and_compare", train)
    version = train_stage(cleaned, tmp_path / "parts", tmp_path / "run", seed=4, quick=True, repeats=2)
    assert (asked["seed"], asked["quick"], asked["repeats"], asked["hash"]) == (4, True, 2, table.content_hash)
    assert asked["inputs"]["a.csv"] == "0" * 32
    assert json.loads((tmp_path / "run" / CHAMPION / "manifest.json").read_text())["version"] == version


@pytest.mark.parametrize(
    ("models", "words"), [(["typo"], "'typo' is no model"), (["knn"], "The model blend is needed")]
)
def test_models_that_do_not_exist_are_refused_before_any_work(models, words, tmp_path):
    with pytest.raises(ModelError, match=words):
        train_stage(tmp_path, tmp_path, tmp_path, models=models)


def test_the_verdict_compares_with_the_model_in_use(run, in_use, tmp_path):
    verdict = compare_stage(run, tmp_path / "compared", in_use)
    assert verdict == json.loads((tmp_path / "compared" / "verdict.json").read_text())
    assert verdict["model"] == verdict["compared_with"]
    assert verdict["outcome"] in ("passed", "undecided", "refused")
    figures = json.loads((tmp_path / "compared" / "metrics.json").read_text())
    assert figures["headline"] == figures["in_use"] != figures["held_out"]
    models = pd.read_csv(tmp_path / "compared" / "models.csv")
    assert models["macro_f1"].is_monotonic_decreasing
    assert "Blend of four" in set(models["model"])
    guesses = pd.read_csv(tmp_path / "compared" / "confusion.csv")
    right = (guesses["actual"] == guesses["predicted"]).mean()
    assert right == pytest.approx(figures["headline"]["accuracy"], abs=1e-6)


def test_a_figure_that_is_not_known_is_left_out_of_the_metrics(run, in_use, tmp_path, monkeypatch):
    def without_ece(model, settings):
        table = read_evaluation(model, settings)
        return replace(
            table, lines=table.lines.assign(value=table.lines["value"].mask(table.lines["measure"] == "ece"))
        )

    monkeypatch.setattr(stages, "read_evaluation", without_ece)
    compare_stage(run, tmp_path, in_use)
    text = (tmp_path / "metrics.json").read_text()
    assert "NaN" not in text
    assert "ece" not in json.loads(text)["headline"]
    assert "accuracy" in json.loads(text)["headline"]


def test_models_of_other_clips_are_not_compared_and_the_verdict_says_why(run, tmp_path):
    verdict = compare_stage(run, tmp_path / "compared", Settings(data_dir=tmp_path))
    assert verdict["outcome"] == "not comparable"
    assert "different clips" in verdict["reason"]


def test_the_card_is_that_of_the_bundle_with_the_verdict(run, in_use, tmp_path):
    verdict = compare_stage(run, tmp_path / "compared", in_use)
    card_stage(run, tmp_path / "compared", tmp_path / "card.md", in_use)
    text = (tmp_path / "card.md").read_text()
    bundle = (run / CHAMPION / CARD).read_text()
    ours, theirs = sections(text), sections(bundle)
    assert verdict["reason"] in ours.pop("Compared with the model in use")
    assert list(ours) == list(theirs)
    figures = {"Figures", "Criteria"}  # the last digit of a stored figure, and the stability that was measured after it
    assert {title for title in ours if ours[title] != theirs[title]} <= figures


def test_a_stored_run_comes_back_with_its_facts(run):
    stored, made = read_training_run(run), small_run()[0]
    for name in ("champion", "labels_of", "data_hash", "seed", "versions", "created_at", "inputs"):
        assert getattr(stored, name) == getattr(made, name), name
    assert stored.metrics["protocol"] == made.metrics["protocol"]
