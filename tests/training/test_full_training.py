"""A full training run: its files, its version in the registry, and the gate."""

import errno
from dataclasses import replace

import pytest

from core.dataset import loading
from core.errors import CoreError, TableError
from core.evaluation.stored_evaluation import read_evaluation
from core.models import registry, tracking
from core.models.description import read_description
from core.settings import Settings
from core.training import run as run_module
from core.training import speed
from core.training.full_training import train_models
from tests.small_training import small_run, small_table


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """An installation whose table and whose run are the small ones of the tests."""
    table, run = small_table(), small_run()[0]
    monkeypatch.setattr(loading, "load_table", lambda *_, **__: replace(table, synthetic=False))
    monkeypatch.setattr(run_module, "train_and_compare", lambda *_, **__: run)
    monkeypatch.setattr(speed, "CLIPS", 2)
    monkeypatch.setattr(speed, "SECONDS", 5.0)
    return Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models", mlflow_uri="")


def test_a_run_is_registered_and_promoted_and_published_where_the_gate_lets_it(settings):
    trained = train_models(settings, publish=True)
    assert trained.version == "1"
    assert trained.folder == settings.run_dir(small_run()[0].created_at)
    assert sorted(p.name for p in trained.folder.iterdir()) == ["champion", "comparison"]
    champion = registry.find("champion", settings=settings)
    assert (champion is not None) == trained.verdict.passed == settings.comparison_dir.is_dir()
    history = registry.history(settings=settings)
    assert history["gate"].str.startswith(str(trained.verdict.outcome)).all()


def test_the_published_files_are_those_of_the_run_with_the_same_figures(settings):
    from core.training.publish import copy_published, publish_run

    run = small_run()[0]
    publish_run(run, small_table(), settings.data_dir, speed=True)
    copy_published(run, settings.data_dir, settings.models_dir)
    ours, theirs = (
        {path.name: path.read_bytes() for path in (folder / "champion").iterdir()}
        for folder in (settings.data_dir, settings.models_dir)
    )
    assert ours == theirs
    line = read_evaluation(read_description(settings.champion_dir, "models/champion"), settings).figure(
        "latency_p95_s", row="speed"
    )
    assert line.clips == 2
    assert 0 < line.low <= line.value <= line.high


def test_a_run_is_compared_with_the_committed_model(settings):
    from core.training.publish import publish_run

    run = small_run()[0]
    publish_run(run, small_table(), settings.models_dir)
    checks = train_models(settings).verdict.checks
    assert checks["name"].str.contains("minus the champion's").any()
    assert (checks.loc[checks["name"] == "Macro-F1 minus the champion's", "value"] == 0).all()


def test_a_quick_run_is_a_challenger_and_asks_no_gate(settings):
    trained = train_models(settings, quick=True)
    assert trained.verdict is None
    assert registry.find("challenger", settings=settings).version == "1"
    assert registry.find("champion", settings=settings) is None


def test_on_a_full_disk_a_training_says_so_and_leaves_no_files(settings, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tracking, "write_model_files", full)
    with pytest.raises(CoreError, match=r"^The disk is full: no model was registered.*train again\.$"):
        train_models(settings, quick=True)
    assert not list(settings.runs_dir.iterdir())
    assert registry.history(settings=settings).empty
    assert not [file for file in settings.artifacts_dir.rglob("*") if file.is_file()]


def test_the_stand_in_is_not_trained_on(settings, monkeypatch):
    monkeypatch.setattr(loading, "load_table", lambda *_, **__: small_table())
    with pytest.raises(TableError, match="not trained on synthetic clips"):
        train_models(settings)
    assert not settings.data_dir.exists()
