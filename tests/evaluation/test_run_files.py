"""Results as files: what is written is read again, and what is committed can be recomputed by anyone."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.dataset.near_duplicates import duplicate_groups, unique_rows
from core.dataset.split import held_out
from core.dataset.table import as_table
from core.errors import ModelError
from core.evaluation import run_files
from core.evaluation.evaluation_table import EvaluationTable
from core.evaluation.metrics import scores
from core.evaluation.stored_evaluation import read_evaluation, stored_results
from core.models.bundle import load_bundle
from core.models.description import ModelDescription, read_description
from core.schema import COLUMNS, EMOTIONS, LABEL, PROBA
from core.settings import ROOT, Settings
from core.training.publish import publish_run
from tests.small_training import small_run, small_table

CHAMPION, COMPARISON = ROOT / "models" / "champion", ROOT / "models" / "comparison"


@pytest.fixture(scope="module")
def run():
    return small_run()[0]


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    publish_run(run, small_table(), models)
    return models


def test_what_is_written_is_read(run, folder):
    found = run_files.read_run(folder / "comparison")
    assert found.champion == run.champion
    assert found.labels_of == run.labels_of
    assert set(found.tables) == set(run.tables)
    pd.testing.assert_frame_equal(found.out_of_fold, run.out_of_fold, check_dtype=False)
    pd.testing.assert_frame_equal(found.held_out, run.held_out, check_dtype=False)
    pd.testing.assert_frame_equal(found.rows, run.rows, check_dtype=False)
    for name, table in run.tables.items():
        pd.testing.assert_frame_equal(found.tables[name], table, check_dtype=False, rtol=1e-5)


def test_predictions_read_give_the_figures_written(run, folder):
    found = run_files.read_run(folder / "comparison")
    for held, source in ((False, "scores"), (True, "held_out_scores")):
        for model in run.labels_of:
            again = scores(found.predictions(model, held_out=held), resamples=0)
            written = found.tables[source].query("model == @model")
            assert again["value"].tolist() == pytest.approx(written["value"].tolist(), abs=1e-5)


def test_the_champion_loads_and_predicts_as_it_was_trained(run, folder):
    bundle = load_bundle(folder / "champion")
    X = small_table().frame[list(COLUMNS)]
    ours, theirs = (p.predict_proba(X) for p in (bundle.model.pipeline, run.pipelines[run.champion]))
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    assert {"threshold", "conformal", "by_emotion"} == set(bundle.policies())
    assert bundle.reference().clips == run.metrics["protocol"]["development"]
    assert json.loads((folder / "champion" / "metrics.json").read_text())["run"]["seed"] == run.seed


def test_no_features_value_of_the_table_is_written(folder):
    """Labels and probabilities only: no file of the comparison holds a column of features."""
    for path in (folder / "comparison").rglob("*.*"):
        if path.suffix in (".csv", ".parquet"):
            table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
            assert not set(table.columns) & set(COLUMNS), path.name


def test_an_earlier_runs_tables_do_not_stay(run, tmp_path):
    run_files.write_run(replace(run, tables={**run.tables, "ablations": pd.DataFrame({"name": ["x"]})}), tmp_path)
    assert "ablations" in run_files.read_run(tmp_path).tables
    run_files.write_run(run, tmp_path)
    assert "ablations" not in run_files.read_run(tmp_path).tables


def test_missing_or_damaged_results_are_refused(run, tmp_path):
    with pytest.raises(ModelError, match="no comparison of models"):
        run_files.read_run(tmp_path)
    run_files.write_run(run, tmp_path)
    (tmp_path / "out_of_fold.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(ModelError, match="cannot be read"):
        run_files.read_run(tmp_path)


# --- what is committed -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def committed() -> dict:
    return json.loads((CHAMPION / "metrics.json").read_text())


@pytest.fixture(scope="module")
def model() -> ModelDescription:
    return read_description(CHAMPION, "models/champion", role="champion")


@pytest.fixture(scope="module")
def table(model) -> EvaluationTable:
    return read_evaluation(model, Settings())


def test_every_figure_of_the_committed_model_can_be_computed_again(model, table, committed):
    """From its probabilities and the labels alone, row by row."""
    results = stored_results(model, Settings())
    assert {"development", "all_clips", "held_out"} <= set(results)
    for row, result in results.items():
        again = scores(result.predictions, seed=committed["run"]["seed"])
        for line in again.to_dict("records"):
            found = table.figure(line["measure"], emotion=line["emotion"], row=row)
            assert found.value == pytest.approx(line["value"], abs=1e-5, nan_ok=True), (row, line)
            assert found.low == pytest.approx(line["low"], abs=1e-5, nan_ok=True), (row, line)
        assert table.clips(row) == result.clips
        assert found.protocol == result.protocol


def test_the_rows_of_the_committed_model_are_on_their_clips(model):
    rows = pd.read_csv(COMPARISON / "rows.csv")
    results = stored_results(model, Settings())
    parts = {"development": rows[~rows["held_out"]], "held_out": rows[rows["held_out"]], "all_clips": rows}
    for row, part in parts.items():
        assert results[row].clips.n == len(part)
        assert set(results[row].predictions["row"]) == set(part["row"])


def test_the_committed_champion_is_what_was_asked_for(table, committed):
    for row in ("development", "all_clips"):
        assert table.figure("macro_f1", row=row).value >= 0.81
        assert table.figure("accuracy", row=row).value >= 0.81
    assert table.figure("top2").value >= 0.95
    assert table.figure("ece").value <= table.figure("ece_perfect").high
    shaken = next(x for x in committed["robustness"] if (x["noise"], x["measure"]) == (0.05, "macro_f1"))
    assert shaken["value"] >= 0.80
    assert not committed["run"]["synthetic"]


def test_the_committed_comparison_is_of_the_development_clips_and_of_the_same_run(committed):
    found = run_files.read_run(COMPARISON)
    rows = found.rows.set_index("row")
    assert not rows.loc[found.out_of_fold["row"], "held_out"].any()
    assert rows.loc[found.held_out["row"], "held_out"].all()
    assert found.about["created_at"] == committed["run"]["created_at"]
    assert {"random_forest", "xgboost", "gradient_boosting", "svm_rbf", "lightgbm"} < set(found.labels_of)
    assert {"logistic_regression", "mlp", "knn", "soft_vote", "stacking", "blend"} < set(found.labels_of)


def test_the_committed_rows_are_those_of_the_published_table(published):
    frame = as_table(published, origin="environment").frame
    rows = pd.read_csv(COMPARISON / "rows.csv").set_index("row")
    assert list(rows.index) == list(unique_rows(frame).index)
    assert rows["y"].tolist() == frame.loc[rows.index, LABEL].tolist()
    np.testing.assert_array_equal(rows["held_out"], held_out(frame)[rows.index])
    np.testing.assert_array_equal(rows["group"], duplicate_groups(frame)[rows.index])


def test_the_committed_model_gives_the_committed_held_out_probabilities(published):
    found = run_files.read_run(COMPARISON)
    own = found.predictions(found.champion, held_out=True).set_index("row")
    model = load_bundle(CHAMPION).model
    proba = model.pipeline.predict_proba(published.loc[own.index, list(COLUMNS)])
    assert model.classes == EMOTIONS
    np.testing.assert_allclose(proba, own[list(PROBA)], atol=1e-3)
