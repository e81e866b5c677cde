"""A registry and a model file that version 0.2 wrote: they open, load, and everything goes on."""

import json
import shutil
import sqlite3
import zipfile
from contextlib import closing

import numpy as np
import pytest
from owner import OWNER
from registered import log, training_run

from core.access import Person
from core.dataset import stand_in
from core.models import registry
from core.models.bundle import TRUSTED, load_bundle
from core.models.explanation import make_background
from core.schema import COLUMNS, LABEL
from core.settings import ROOT, Settings
from core.training import estimators
from core.training.estimators import RegularisedDiscriminant
from core.training.promotion import promote

OLD = ROOT / "tests" / "golden" / "registry_0.2"
OLD_CHAMPION = ROOT / "tests" / "golden" / "champion_0.2"  # the model that version 0.2 came with
OLD_HOME, NEW_HOME = (".".join(("core", *parts, "estimators")) for parts in ((), ("training",)))
OURS = ("CalibratedBlend", "ClipScores", "EncodedLabels", "FeatureColumns", "RegularisedDiscriminant")


def types_in(model_file) -> set[str]:
    """Modules and names of all types in a skops file."""

    def walk(node):
        if isinstance(node, dict):
            if "__module__" in node:
                yield f"{node['__module__']}.{node['__class__']}"
            for child in node.values():
                yield from walk(child)
        elif isinstance(node, list):
            for child in node:
                yield from walk(child)

    with zipfile.ZipFile(model_file) as archive:
        return set(walk(json.loads(archive.read("schema.json"))))


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A data folder of version 0.2, which has been moved here."""
    settings = Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models", mlflow_uri="")
    settings.data_dir.mkdir()
    with closing(sqlite3.connect(settings.data_dir / "mlflow.db")) as opened:
        opened.executescript((OLD / "mlflow.sql").read_text(encoding="utf-8"))
        versions = opened.execute("SELECT run_id, storage_location FROM model_versions").fetchall()
    for run_id, address in versions:
        below = address.partition("/mlartifacts/")[2]
        shutil.copytree(OLD / "model", settings.artifacts_dir / below)
        run = settings.artifacts_dir / run_id / "artifacts"
        run.mkdir(parents=True)
        shutil.copy(OLD / "held_out.csv", run)
    return settings


def test_the_model_files_are_those_of_0_2():
    """Else the tests here would prove nothing."""
    for file in (OLD / "model" / "model.skops", OLD_CHAMPION / "model.skops"):
        ours = {name for name in types_in(file) if name.startswith("core.")}
        assert ours
        assert all(name.startswith(f"{OLD_HOME}.") for name in ours)


def test_its_champion_loads_and_answers_as_it_did(settings):
    bundle = registry.load(settings=settings)
    assert bundle.model.source == "registry (champion, version 1)"
    assert bundle.folder.is_relative_to(settings.artifacts_dir)
    assert isinstance(bundle.model.pipeline[-1].estimator, RegularisedDiscriminant)
    answers = bundle.model.pipeline.predict_proba(bundle.background()[list(COLUMNS)])
    np.testing.assert_allclose(answers, bundle.manifest["check"], atol=1e-5)


def test_its_history_is_read(settings):
    history = registry.history(settings=settings).set_index("version")
    assert history["aliases"].to_dict() == {"2": "challenger", "1": "champion"}
    assert history.loc["1", "promoted_by"] == "Ayşe"
    assert history.loc["1", "decisions"].endswith("promoted by Ayşe")
    assert history["headline_macro_f1"].isna().all()  # version 0.2 did not record this row


def test_its_versions_are_promoted_and_rolled_back_and_new_ones_join_them(settings):
    assert promote(settings, by=Person.machine_owner("Can")).passed
    assert registry.find("champion", settings=settings).version == "2"
    assert registry.rollback(settings=settings, by=OWNER) == "1"
    table = stand_in.sample(n_per_class=30)
    run = training_run(table, RegularisedDiscriminant())
    assert log(run, make_background(table, table[LABEL]), settings) == "3"
    assert registry.load("challenger", settings=settings).folder.is_relative_to(settings.artifacts_dir)


@pytest.mark.parametrize("folder", [OLD_CHAMPION, ROOT / "models" / "champion"], ids=["0.2", "now"])
def test_the_committed_champions_load_and_answer_as_they_did(folder):
    bundle = load_bundle(folder)
    assert (bundle.reference().level is None) == (folder == OLD_CHAMPION)
    assert bundle.policies()["threshold"].threshold == 0.75
    answers = bundle.model.pipeline.predict_proba(bundle.background()[list(COLUMNS)])
    np.testing.assert_allclose(answers, bundle.manifest["check"], atol=1e-5)


@pytest.mark.parametrize("name", OURS)
def test_our_estimators_are_trusted_where_0_2_had_them_and_where_they_are_now(name):
    kind = getattr(estimators, name)
    assert {f"{OLD_HOME}.{name}", f"{NEW_HOME}.{name}"} <= set(TRUSTED)
    assert f"{kind.__module__}.{name}" in TRUSTED


def test_a_name_that_is_no_estimator_of_ours_is_not_trusted():
    assert {t for t in TRUSTED if t.startswith("core.")} == {
        f"{home}.{name}" for home in (OLD_HOME, NEW_HOME) for name in OURS
    }
