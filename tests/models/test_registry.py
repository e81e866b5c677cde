"""Runs and versions in MLflow on a SQLite file of each test's own: aliases, the gate, rollback, loading."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bundles import reseal
from owner import OWNER
from registered import PROBA, discriminant, log, training_run
from sklearn.dummy import DummyClassifier

from core.access import Person
from core.dataset import stand_in
from core.errors import ModelError
from core.evaluation import run_files
from core.models import registry
from core.models.bundle import load_bundle, save_bundle
from core.models.connection import NAME, connect
from core.models.decisions import Decided
from core.models.explanation import make_background
from core.models.manifest import SEAL, read_manifest
from core.models.prediction import predict
from core.models.training_run import TrainingRun
from core.schema import COLUMNS, EMOTIONS, LABEL
from core.settings import ROOT, Settings
from core.store import EventKind, events_table, open_store
from core.training.candidates import prepared
from core.training.estimators import RegularisedDiscriminant
from core.training.promotion import promote, roll_back

pytestmark = pytest.mark.xdist_group("registry")  # what all of its tests need is made once


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return stand_in.sample()


@pytest.fixture(scope="module")
def run(table) -> TrainingRun:
    """What a training gave; nobody changes it."""
    return training_run(table, discriminant())


@pytest.fixture(scope="module")
def background(table) -> pd.DataFrame:
    return make_background(table, table[LABEL])


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models", mlflow_uri="")


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory) -> Path:
    """A new registry: MLflow takes seconds to make one, so each test gets a copy."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("registry"), mlflow_uri="")
    connect(settings).search_registered_models()
    return settings.data_dir / "mlflow.db"


@pytest.fixture
def store(settings, empty_store, monkeypatch) -> Iterator[Settings]:
    """Settings with a registry that holds nothing yet, on a machine without a network."""

    def asked(host, *args, **kwargs):
        looked_up.append(host)
        raise OSError("no network here")

    looked_up: list[str] = []
    monkeypatch.setattr(socket, "getaddrinfo", asked)
    settings.data_dir.mkdir()
    shutil.copy(empty_store, settings.data_dir)
    yield settings
    assert looked_up == []


def committed(run: TrainingRun, settings: Settings) -> None:
    """The results of a run as those of the committed model."""
    run_files.write_run(run, settings.comparison_dir)


def test_without_a_registry_the_committed_model_is_used_and_nothing_is_made(table, background, settings):
    run = training_run(table, RegularisedDiscriminant())
    folder = settings.models_dir / "champion"
    save_bundle(
        folder, run.pipelines["rda"], name="rda", created_at="2026-01-02", background=background, libraries={}, files={}
    )
    assert registry.load(settings=settings).model.source == "models/champion"
    with pytest.raises(ModelError, match="no challenger in the registry"):
        registry.load("challenger", settings=settings)
    assert registry.history(settings=settings).empty
    assert not settings.data_dir.exists()


def test_a_life_in_the_registry(table, run, background, store):
    """Registered, refused by the gate, promoted, replaced, rolled back; each step seen by `load` at once."""
    settings = store
    first = log(run, background, settings)
    assert registry.load("challenger", settings=settings).model.source == "registry (challenger, version 1)"
    assert registry.load(settings=settings).model.source == "models/champion"  # not promoted yet

    rows = run.held_out["row"]
    perfect = pd.DataFrame(np.eye(4)[pd.Categorical(table.loc[rows, LABEL]).codes], columns=PROBA)
    perfect = perfect.assign(row=rows.to_numpy(), y=table.loc[rows, LABEL].to_numpy())
    committed(replace(run, held_out=perfect.drop(columns="y").assign(model="rda")), settings)
    assert not promote(settings, version=first, by=OWNER).passed  # the model in use is better
    shutil.rmtree(settings.comparison_dir)
    assert promote(settings, version=first, by=OWNER).passed
    champion = registry.load(settings=settings).model
    assert champion.source == "registry (champion, version 1)"
    with pytest.raises(ModelError, match="no challenger"):
        registry.load("challenger", settings=settings)
    with pytest.raises(ModelError, match="is already the champion"):
        promote(settings, version=first, by=OWNER)

    # what is loaded answers like what was trained
    expected = run.pipelines["rda"].predict_proba(table.iloc[:5])
    got = [[p.proba[e] for e in EMOTIONS] for p in predict(champion, table.iloc[:5])]
    np.testing.assert_allclose(got, expected, atol=1e-12)

    bad = log(training_run(table, DummyClassifier(strategy="prior")), background, settings)
    noted = open_store(settings.database)
    verdict = promote(settings, version=bad, by=OWNER, store=noted)
    assert not verdict.passed
    assert "Macro-F1" in verdict.reason
    assert registry.load(settings=settings).model.version == champion.version
    assert registry.load("challenger", settings=settings).model.source == f"registry (challenger, version {bad})"

    third = log(training_run(table, discriminant(pooled=0.7)), background, settings)
    assert promote(settings, version=third, by=OWNER, store=noted).passed
    newer = registry.load(settings=settings).model.version
    assert newer != champion.version
    assert roll_back(settings, by=OWNER, store=noted) == first
    assert registry.load(settings=settings).model.version == champion.version
    for kind, now, before in (("promoted", newer, champion.version), ("rolled back", champion.version, newer)):
        (event,) = events_table(noted, EventKind(kind), datetime(2000, 1, 1, tzinfo=UTC)).to_dict("records")
        assert (event["model_version"], event["about"]) == (now, {"before": before})
    with pytest.raises(ModelError, match="no earlier champion"):
        registry.rollback(settings=settings, by=OWNER)

    history = registry.history(settings=settings)
    assert history["version"].tolist() == [third, bad, first]
    assert history["aliases"].tolist() == ["challenger", "", "champion"]  # what was rolled back works in the shadow
    assert history["gate"].str.startswith("refused").tolist() == [False, True, False]
    assert history["data_hash"].eq("0123abcd").all()
    assert history["held_out_macro_f1"].gt(0).all()
    assert history["headline_macro_f1"].gt(0).all()

    _runs_hold_what_was_logged(settings)
    _opening_a_page_needs_no_mlflow(settings, champion.version)
    _a_damaged_version_falls_back(settings)


def test_the_way_back_to_the_model_of_the_repository(run, background, store):
    """The first champion of a registry replaced the committed model, and a rollback gives that one back."""
    first = log(run, background, store)
    committed(run, store)
    assert promote(store, version=first, by=Person.machine_owner("Ayşe")).passed
    assert registry.load(settings=store).model.source == f"registry (champion, version {first})"
    assert registry.rollback(settings=store, by=OWNER) == "models/champion"
    assert registry.load(settings=store).model.source == "models/champion"
    with pytest.raises(ModelError, match="no earlier champion"):
        registry.rollback(settings=store, by=OWNER)
    second = log(run, background, store)
    assert registry.discard(settings=store, by=OWNER) == second
    assert registry.find("challenger", settings=store) is None
    with pytest.raises(ModelError, match="There is no challenger"):
        registry.discard(settings=store, by=OWNER)
    assert registry.history(settings=store)["version"].tolist() == [second, first]


def test_what_is_decided_is_what_was_shown(run, background, store):
    """A click on a page that was drawn before somebody else's does nothing."""
    first, second = (log(run, background, store) for _ in range(2))
    with pytest.raises(ModelError, match=f"The challenger is version {second}: it changed after you opened this page"):
        promote(store, version=first, shown=first, by=OWNER)
    with pytest.raises(ModelError, match="The challenger is version 2"):
        registry.discard(settings=store, shown=first, by=OWNER)
    assert registry.find("champion", settings=store) is None
    assert promote(store, version=first, by=OWNER).passed  # by its number
    assert promote(store, version=second, shown=second, by=Person.machine_owner("Ayşe")).passed
    with pytest.raises(ModelError, match="The challenger is gone"):
        promote(store, version=second, shown=second, by=OWNER)
    assert registry.rollback(settings=store, shown=second, by=Person.machine_owner("Can")) == first
    with pytest.raises(ModelError, match="The champion is version 1: it changed"):  # the same click, sent twice
        registry.rollback(settings=store, shown=second, by=Person.machine_owner("Can"))
    history = registry.history(settings=store).set_index("version")
    assert history.loc[second, "promoted_by"] == "Ayşe"
    assert history.loc[second, "rolled_back"].endswith(" Can")
    assert registry.find("challenger", settings=store).version == second
    assert promote(store, version=second, shown=second, by=Person.machine_owner("Ece")).passed
    history = registry.history(settings=store).set_index("version")
    assert [said[17:] for said in history.loc[second, "decisions"].split("; ")] == [
        "promoted by Ayşe",
        "rolled back by Can",
        "promoted by Ece",
    ]
    assert not history.loc[second, "rolled_back"]  # it is in use
    decisions = registry.decisions(settings=store)
    assert [(d.version, d.kind) for d in decisions.itertuples()] == [
        (first, Decided.PROMOTED),
        (second, Decided.PROMOTED),
        (second, Decided.ROLLED_BACK),
        (second, Decided.PROMOTED),
    ]
    assert decisions["at"].is_monotonic_increasing


def test_the_way_back_goes_step_by_step_to_the_first_model_and_never_in_a_circle(run, background, store):
    committed(run, store)
    one, two = (log(run, background, store) for _ in range(2))
    assert promote(store, version=one, by=OWNER).passed
    assert promote(store, version=two, by=OWNER).passed
    assert promote(store, version=one, by=OWNER).passed  # an earlier champion comes back by promotion
    for back, shadow in ((two, one), (one, two), ("models/champion", two)):
        assert registry.rollback(settings=store, by=OWNER) == back
        assert registry.find("challenger", settings=store).version == shadow
    with pytest.raises(ModelError, match="no earlier champion"):
        registry.rollback(settings=store, by=OWNER)
    assert promote(store, version=two, by=OWNER).passed
    assert registry.rollback(settings=store, by=OWNER) == "models/champion"


def test_a_promotion_that_was_cut_short_leaves_one_model_in_one_place(run, background, store):
    one = log(run, background, store)
    client = connect(store)
    client.set_registered_model_alias(NAME, "champion", one)  # killed before the other alias was taken away
    assert registry.find("champion", settings=store).version == one
    assert registry.find("challenger", settings=store) is None
    two = log(run, background, store)
    assert registry.find("challenger", settings=store).version == two
    assert promote(store, version=two, by=OWNER).passed
    assert registry.rollback(settings=store, by=OWNER) == one


def _runs_hold_what_was_logged(settings):
    client = connect(settings)
    experiment = client.get_experiment_by_name(NAME)
    runs = client.search_runs([experiment.experiment_id])
    children = [r for r in runs if "mlflow.parentRunId" in r.data.tags]
    assert len(children) == 3
    assert {r.data.params["pooled"] for r in children} == {"0.8"}
    assert all(r.data.tags["revision"] == "abc1234" and r.data.tags["seed"] == "0" for r in runs)
    files = {f.path for r in runs for f in client.list_artifacts(r.info.run_id)}
    assert files == {"held_out.csv", "folds.csv", "out_of_fold.csv"}
    assert {"macro_f1", "held_out_macro_f1", "held_out_f1_sad"} <= runs[0].data.metrics.keys()
    version = client.get_model_version(NAME, "1")
    folder = registry.find("champion", settings=settings).folder
    assert json.loads((folder / "input_example.json").read_text())["columns"] == list(COLUMNS)
    described = (folder / "MLmodel").read_text()
    assert all(c in described for c in COLUMNS)  # the signature
    assert "flavors: {}" in described  # nothing that MLflow would load by itself
    assert version.tags["candidate"] == "rda"


def _opening_a_page_needs_no_mlflow(settings, version):
    code = (
        "import sys; from pathlib import Path; from core.settings import Settings; from core.models import registry;"
        "s = Settings(data_dir=Path(sys.argv[1]), models_dir=Path(sys.argv[2]), mlflow_uri='');"
        "print(registry.load(settings=s).model.version, 'mlflow' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(settings.data_dir), str(settings.models_dir)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == [version, "False"]


def _a_damaged_version_falls_back(settings):
    folder = registry.find("champion", settings=settings).folder
    model = folder / "model.skops"
    model.write_bytes(model.read_bytes()[:-1])
    source = registry.load(settings=settings).model.source
    assert source.startswith("models/champion, because of the registry: registry (champion, version 1): model.skops")


def test_mlflow_reports_nothing_to_anybody(store):
    """Outside of tests too, where MLflow would otherwise send what is called and when."""
    code = (
        "import sys; from pathlib import Path; from core.settings import Settings;"
        "from core.models.connection import connect; connect(Settings(data_dir=Path(sys.argv[1]), mlflow_uri=''));"
        "from mlflow.telemetry import get_telemetry_client as client; print(client())"
    )
    hints = ("PYTEST", "CI", "GITHUB", "MLFLOW", "DO_NOT_TRACK")  # by these MLflow knows a test
    environment = {k: v for k, v in os.environ.items() if not k.startswith(hints)}
    run = subprocess.run(
        [sys.executable, "-c", code, str(store.data_dir)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert run.stdout.split() == ["None"]


def test_a_file_that_is_no_registry_is_a_sentence(settings):
    settings.data_dir.mkdir()
    Path(settings.mlflow.removeprefix("sqlite:///")).write_bytes(b"no database" * 1000)
    with pytest.raises(ModelError, match="registry .* cannot be read"):
        registry.find("champion", settings=settings)
    with pytest.raises(ModelError, match="registry .* cannot be read"):
        registry.history(settings=settings)


# --- bundles ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(table, background, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "champion"
    pipeline = prepared(RegularisedDiscriminant()).fit(table[list(COLUMNS)], table[LABEL])
    save_bundle(
        folder,
        pipeline,
        name="rda",
        created_at="2026-01-02T03:04:05",
        background=background,
        libraries={"numpy": np.__version__},
        files={"card.md": b"# A card\n"},
    )
    return folder


@pytest.fixture
def copy(saved, tmp_path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "champion"))


def test_a_bundle_comes_back_whole(saved, table, background):
    bundle = load_bundle(saved)
    assert bundle.model.version.startswith("rda-2026-01-02-")
    assert bundle.model.classes == EMOTIONS
    assert (saved / "card.md").read_text() == "# A card\n"
    pd.testing.assert_frame_equal(bundle.background(), background)


def test_saving_again_replaces_the_folder(copy, table, background):
    pipeline = load_bundle(copy).model.pipeline
    version = save_bundle(
        copy, pipeline, name="new", created_at="2026-02-03", background=background, libraries={}, files={}
    )
    assert load_bundle(copy).model.version == version
    assert not (copy / "card.md").exists()
    assert [p.name for p in copy.parent.iterdir()] == ["champion"]


@pytest.mark.parametrize("file", ["model.skops", "background.csv", "card.md"])
def test_an_altered_or_missing_file_is_refused(copy, file):
    content = (copy / file).read_bytes()
    (copy / file).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ModelError, match=f"{file} was changed after the training"):
        load_bundle(copy)
    (copy / file).unlink()
    with pytest.raises(ModelError, match=f"{file} is missing"):
        load_bundle(copy)


@pytest.mark.parametrize("part", range(12))
def test_any_altered_byte_of_the_manifest_is_refused(copy, part):
    path = copy / "manifest.json"
    content = bytearray(path.read_bytes())
    for at in range(part, len(content), 12 * 7):  # every seventh byte, in twelve parts
        changed = content[:]
        changed[at] ^= 1
        path.write_bytes(changed)
        with pytest.raises(ModelError, match="manifest.json"):
            read_manifest(copy, "copy")


def test_a_file_that_is_altered_after_the_loading_is_refused_too(copy):
    bundle = load_bundle(copy)
    with (copy / "background.csv").open("ab") as file:
        file.write(b" ")
    with pytest.raises(ModelError, match="background.csv was changed after the training"):
        bundle.background()


def test_the_committed_champion_is_sealed():
    assert load_bundle(ROOT / "models" / "champion").manifest[SEAL]


def test_a_registered_model_that_was_exchanged_whole_is_not_served(table, background, store):
    version = log(training_run(table, RegularisedDiscriminant()), background, store)
    registry.set_champion(version, settings=store, by=OWNER)
    folder = registry.load(settings=store).folder
    reseal(folder, version="another")  # right in itself, but not what was registered
    connect(store).set_registered_model_tag(NAME, "touch", "1")  # the cached answer is for the registry before
    with pytest.raises(ModelError, match="was changed after the training"):
        load_bundle(folder, seal=registry.find("champion", settings=store).seal)
    served = registry.load(settings=store)
    assert served.folder == store.champion_dir
    assert "because of the registry" in served.model.source
    assert "was changed after the training" in served.model.source


def test_no_model_says_how_to_make_one(tmp_path):
    with pytest.raises(ModelError, match="python -m core train"):
        load_bundle(tmp_path / "champion")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sha256": {"../../etc": "x"}}', "\xff"])
def test_a_damaged_manifest_is_a_sentence(copy, text):
    (copy / "manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(ModelError, match="manifest.json"):
        load_bundle(copy)


def forge(folder: Path, data: bytes) -> None:
    """Put another model file in place, with a manifest that vouches for it."""
    (folder / "model.skops").write_bytes(data)
    reseal(folder)


class Stranger(RegularisedDiscriminant):
    """A type that nobody trusts."""


def test_a_type_that_is_not_trusted_is_neither_saved_nor_loaded(copy, table, background):
    import skops.io as sio

    pipeline = prepared(Stranger()).fit(table[list(COLUMNS)], table[LABEL])
    with pytest.raises(ModelError, match="not trusted: .*Stranger"):
        save_bundle(copy, pipeline, name="x", created_at="2026", background=background, libraries={}, files={})
    forge(copy, sio.dumps(pipeline))
    with pytest.raises(ModelError, match="contains untrusted types and was not loaded"):
        load_bundle(copy)


def test_code_in_a_model_file_is_not_run(copy):
    """A file whose model would call os.system on the first prediction is refused as it is read."""
    import skops.io as sio
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    evil = make_pipeline(FunctionTransformer(os.system), load_bundle(copy).model.pipeline)
    forge(copy, sio.dumps(evil))
    with pytest.raises(ModelError, match="posix.system"):
        load_bundle(copy)


@pytest.mark.parametrize("cut", [0, 1, 100, 5000, -200])
def test_a_broken_model_file_that_the_manifest_vouches_for_is_a_sentence(copy, cut):
    data = (copy / "model.skops").read_bytes()
    forge(copy, data[:cut])
    with pytest.raises(ModelError, match="not a readable model"):
        load_bundle(copy)


def test_other_columns_and_other_probabilities_are_refused(copy):
    manifest = json.loads((copy / "manifest.json").read_text())
    reseal(copy, columns=manifest["columns"][::-1])
    with pytest.raises(ModelError, match="not trained on the 50 features"):
        load_bundle(copy)
    shifted = (np.array(manifest["check"]) * 0.9 + 0.025).tolist()
    reseal(copy, columns=manifest["columns"], check=shifted)
    with pytest.raises(ModelError, match="change the model's probabilities"):
        load_bundle(copy)


def test_a_run_without_held_out_predictions_cannot_be_judged(table, background, store):
    run = training_run(table, RegularisedDiscriminant())
    version = log(replace(run, held_out=run.held_out.iloc[:0]), background, store)
    with pytest.raises(ModelError, match="has no predictions for the held-out clips"):
        promote(store, version=version, by=OWNER)
