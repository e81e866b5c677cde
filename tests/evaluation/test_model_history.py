"""The versions of the model over time: two copies of the committed model stand for versions of a registry."""

import json
import shutil

import pandas as pd
import pytest
from bundles import reseal

from core.errors import ModelError
from core.evaluation import model_history
from core.evaluation.stored_evaluation import read_evaluation
from core.file_names import CHALLENGER, CHAMPION, MANIFEST, ROWS
from core.models import registry
from core.models.decisions import Decided
from core.models.description import read_description
from core.settings import ROOT, Settings

COMMITTED = ROOT / "models" / "champion"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Version 1 is the committed model. Version 2 has a clip less, another label, and another library."""
    made = tmp_path_factory.mktemp("versions")
    for version in ("1", "2"):
        shutil.copytree(COMMITTED, made / version)
    rows = pd.read_csv(made / "2" / ROWS)
    trained = rows.index[~rows["held_out"]]
    rows.loc[trained[1], "y"] = "sad" if rows.loc[trained[1], "y"] != "sad" else "relax"
    rows.drop(index=trained[0]).to_csv(made / "2" / ROWS, index=False)
    manifest = json.loads((made / "2" / MANIFEST).read_text())
    libraries = manifest["libraries"] | {"scikit-learn": "99.1"}
    reseal(made / "2", version="blend-second", created_at="2027-01-01T00:00:00+00:00", libraries=libraries)
    return made


@pytest.fixture
def versions(folders, monkeypatch):
    """The registry says: 2 is the challenger, 1 the champion, and 3 has no files."""
    models = {v: read_description(folders / v, v, registered=v) for v in ("1", "2")}

    def describe(version, *, settings, role):
        if version not in models:
            raise ModelError("The files of version 3 are gone.")
        return models[version]

    table = pd.DataFrame(
        {
            "version": ["3", "2", "1"],
            "model_version": ["blend-third", "blend-second", models["1"].version],
            "aliases": ["", CHALLENGER, CHAMPION],
            "created_at": ["2027-02-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00", "2026-11-29T00:00:00+00:00"],
        }
    )
    at = pd.Timestamp("2027-01-02", tz="UTC")
    decisions = pd.DataFrame({"version": ["1"], "at": [at], "kind": [Decided.PROMOTED], "words": ["promoted by Ece"]})
    monkeypatch.setattr(registry, "history", lambda *, settings: table)
    monkeypatch.setattr(registry, "decisions", lambda *, settings: decisions)
    monkeypatch.setattr(model_history, "describe_version", describe)
    return models


def test_every_version_is_listed_oldest_first_with_the_figures_of_its_own_table(versions):
    history = model_history.read_history(Settings())
    assert history.versions["version"].tolist() == ["1", "2", "3"]  # the committed model is version 1
    assert history.versions["role"].tolist() == [CHAMPION, CHALLENGER, ""]
    assert history.versions["problem"].tolist() == ["", "", "The files of version 3 are gone."]
    assert set(history.models) >= {"1", "2"}
    assert (history.of_role(CHAMPION), history.of_role("nobody")) == ("1", None)
    stored = read_evaluation(versions["2"], Settings()).figure("macro_f1")
    line = history.figures.query("version == '2' and row == 'development' and measure == 'macro_f1'").iloc[0]
    assert (line["value"], line["low"], line["high"], line["clips"]) == (
        stored.value,
        stored.low,
        stored.high,
        stored.clips,
    )
    assert history.decisions["words"].tolist() == ["promoted by Ece"]


def test_a_version_whose_figures_cannot_be_read_is_listed_once_with_the_reason(versions, monkeypatch):
    def read(model, settings):
        if model.registered == "2":
            raise ModelError("The evaluation table is damaged.")
        return read_evaluation(model, settings)

    monkeypatch.setattr(model_history, "read_evaluation", read)
    history = model_history.read_history(Settings())
    assert history.versions["version"].tolist() == ["1", "2", "3"]
    assert history.versions["problem"].tolist()[1] == "The evaluation table is damaged."
    assert "2" not in history.models


def test_without_a_registry_the_model_of_the_program_is_the_only_version(tmp_path):
    history = model_history.read_history(Settings(data_dir=tmp_path, mlflow_uri=""))
    assert history.versions["version"].tolist() == [model_history.COMMITTED]
    assert history.of_role(CHAMPION) == model_history.COMMITTED
    assert history.decisions.empty


def test_what_changed_is_named_and_nothing_else(versions):
    facts = model_history.made_differently(versions["1"], versions["2"], Settings())
    changed = facts[facts["changed"]].set_index("what")
    assert changed.loc["scikit-learn", "second"] == "99.1"
    assert changed.loc["training clips, one by one", "second"] == "0 new clips, 1 gone, 1 with another label"
    assert not {"algorithm", "features", "numpy", "published table"} & set(changed.index)
    assert "scikit-learn" in model_history.in_words(facts)
    same = model_history.made_differently(versions["1"], versions["1"], Settings())
    assert not same["changed"].any()
    assert model_history.in_words(same) == "Nothing that is recorded about the training changed."


def test_versions_are_compared_on_the_same_clips_or_not_at_all(versions):
    same = model_history.compare_versions(versions["1"], versions["1"], Settings())
    assert same.problem == ""
    assert same.figures["difference"].abs().max() == 0
    other = model_history.compare_versions(versions["1"], versions["2"], Settings())
    assert other.figures.empty
    assert other.problem
