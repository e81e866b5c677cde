"""What is known of the model in use without loading it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bundles import reseal

from core.errors import ModelError
from core.evaluation.policy_outcomes import coverage_and_accuracy
from core.models.description import describe_model_in_use
from core.schema import PROBA
from core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A copy of the committed models, and no registry."""
    for name in ("champion", "comparison"):
        shutil.copytree(ROOT / "models" / name, tmp_path / "models" / name)
    return Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models", mlflow_uri="")


def test_version_source_and_figures_are_those_of_the_files(settings: Settings) -> None:
    model = describe_model_in_use(settings)
    manifest = json.loads((settings.models_dir / "champion" / "manifest.json").read_text())
    assert (model.version, model.source) == (manifest["version"], "models/champion")
    value, low, high = model.figure("macro_f1")
    assert low < value < high
    assert set(model.table("acceptance")["verdict"]) <= {"pass", "fail", "undecided", "not measured"}
    with pytest.raises(ModelError, match="no luck"):
        model.figure("luck")


def test_what_is_accepted_is_counted_by_hand(settings: Settings) -> None:
    model = describe_model_in_use(settings)
    stored = pd.read_csv(settings.models_dir / "champion" / "out_of_fold.csv")
    rows = pd.read_csv(settings.models_dir / "comparison" / "rows.csv").set_index("row")["y"]
    proba = stored[list(PROBA)].to_numpy()
    sure = proba.max(axis=1) >= 0.6
    said = np.array([c.removeprefix("p_") for c in PROBA])[proba.argmax(axis=1)]
    coverage, right = coverage_and_accuracy(model, settings, threshold=0.6)
    assert coverage == pytest.approx(sure.mean())
    assert right == pytest.approx((said == rows.loc[stored["row"]].to_numpy())[sure].mean())


def test_labels_of_other_data_are_not_used(settings: Settings) -> None:
    model = describe_model_in_use(settings)
    about = settings.models_dir / "comparison" / "about.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"data_hash": "other"}))
    coverage, right = coverage_and_accuracy(model, settings, threshold=0.75)
    assert 0 < coverage < 1
    assert np.isnan(right)


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
    model = describe_model_in_use(settings)
    (settings.models_dir / "champion" / "out_of_fold.csv").write_text("row,repeat\n1,0\n")
    with pytest.raises(ModelError, match="out-of-fold"):
        coverage_and_accuracy(model, settings, threshold=0.75)
