"""What is known of the model in use without loading it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bundles import reseal

from core.errors import ModelError
from core.evaluation.leaderboard import download_name
from core.evaluation.run_files import read_run
from core.evaluation.stored_evaluation import headline_result, is_winner, model_id, read_evaluation
from core.models.description import describe_model_in_use, training_words
from core.schema import PROBA
from core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A copy of the committed models, and no registry."""
    for name in ("champion", "comparison"):
        shutil.copytree(ROOT / "models" / name, tmp_path / "models" / name)
    return Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models", mlflow_uri="")


def test_version_and_source_are_those_of_the_files(settings: Settings) -> None:
    model = describe_model_in_use(settings)
    manifest = json.loads((settings.models_dir / "champion" / "manifest.json").read_text())
    assert (model.version, model.source, model.role) == (manifest["version"], "models/champion", "champion")
    assert model.registered == ""
    development = model.metrics["protocol"]["development"]
    assert training_words(model) == f"{development} published clips"


def test_figures_have_row_protocol_clips_and_interval(settings: Settings) -> None:
    table = read_evaluation(describe_model_in_use(settings), settings)
    one = table.figure("macro_f1")
    assert one.low < one.value < one.high
    assert one.origin == f"Headline: {one.clips} clips, cross-validated"
    with pytest.raises(ModelError, match="has no luck in the row Headline: not recorded"):
        table.figure("luck")


def test_what_is_accepted_is_counted_by_hand(settings: Settings) -> None:
    model = describe_model_in_use(settings)
    table, stored = read_evaluation(model, settings), headline_result(model, settings).predictions
    proba = stored[list(PROBA)].to_numpy()
    sure = proba.max(axis=1) >= 0.75
    said = np.array([c.removeprefix("p_") for c in PROBA])[proba.argmax(axis=1)]
    assert table.figure("accepted").value == pytest.approx(sure.mean(), abs=1e-5)
    right = (said == stored["y"].to_numpy())[sure].mean()
    assert table.figure("accepted_right").value == pytest.approx(right, abs=1e-5)


def test_results_of_another_training_are_not_used(settings: Settings) -> None:
    """A comparison of the same data and another day is not this model's."""
    model = describe_model_in_use(settings)
    about = settings.models_dir / "comparison" / "about.json"
    known = json.loads(about.read_text())
    assert is_winner(model, known)
    assert not is_winner(model, known | {"created_at": "2020-01-01T00:00:00+00:00"})
    assert not is_winner(model, known | {"data_hash": "other"})


def test_a_model_in_use_has_one_name_and_the_others_that_of_their_run(settings: Settings) -> None:
    model, run = describe_model_in_use(settings), read_run(settings.models_dir / "comparison")
    assert model_id(run, run.champion, model) == model.version
    other = next(name for name in run.labels_of if name != run.champion)
    assert model_id(run, other, model) == download_name(run, other)
    assert model_id(run, run.champion, replace(model, created_at="2020-01-01T00:00:00+00:00")) != model.version
    assert model_id(run, run.champion, None) == download_name(run, run.champion)


def test_a_model_of_0_2_without_its_comparison_has_figures_that_were_not_recorded(settings: Settings) -> None:
    model = describe_model_in_use(settings)
    old = settings.models_dir / "champion"
    new = ("evaluation.csv", "rows.csv", "held_out.csv", "all_clips.csv")
    reseal(old, sha256=dict.fromkeys([f for f in model.manifest["sha256"] if f not in new], ""))
    model = describe_model_in_use(settings)
    shutil.rmtree(settings.models_dir / "comparison")
    old_metrics = {**model.metrics, "scores": [line("macro_f1", 0.83)], "held_out_scores": [line("macro_f1", 0.85)]}
    metrics = {**old_metrics, "development_scores": [line("macro_f1", 0.82)]}
    table = read_evaluation(replace(model, metrics=metrics), settings)
    judged = [row for row in table.rows if row not in ("speed", "stability")]
    assert {row: table.figure("macro_f1", row=row).value for row in judged} == {
        "development": 0.82, "all_clips": 0.83, "held_out": 0.85,
    }  # fmt: skip
    assert table.clips("development").short == "not recorded"
    assert table.find("accepted") is None
    with pytest.raises(ModelError, match="were not recorded for model"):
        headline_result(model, settings)


def line(measure: str, value: float) -> dict[str, object]:
    return {"measure": measure, "emotion": "all", "value": value, "low": value - 0.03, "high": value + 0.03}


def test_missing_and_damaged_models_are_refused_in_words(settings: Settings) -> None:
    champion = settings.models_dir / "champion"
    (champion / "metrics.json").write_text("{")
    with pytest.raises(ModelError, match=r"metrics.json was changed after the training"):
        describe_model_in_use(settings)
    reseal(champion)
    with pytest.raises(ModelError, match="cannot be read"):
        describe_model_in_use(settings)
    shutil.rmtree(champion)
    with pytest.raises(ModelError, match="core train"):
        describe_model_in_use(settings)


def test_damaged_predictions_are_refused_in_words(settings: Settings) -> None:
    champion = settings.models_dir / "champion"
    (champion / "out_of_fold.csv").write_text("row,repeat\n1,0\n")
    with pytest.raises(ModelError, match="out_of_fold.csv was changed after the training"):
        headline_result(describe_model_in_use(settings), settings)
    reseal(champion)
    with pytest.raises(ModelError, match="out-of-fold"):
        headline_result(describe_model_in_use(settings), settings)
