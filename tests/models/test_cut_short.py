"""What SIGKILL and a full disk leave of a registration and of a promotion: see tests/cut_short.py for the kills."""

import errno
import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import cut_short
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from owner import OWNER
from small_disk import nearly_full, small_disk

from core.errors import CoreError
from core.full_disk import full_disk_means, is_full_disk
from core.models import registry, unfinished_runs
from core.models.connection import NAME, connect
from core.settings import Settings
from core.training.promotion import promote

KILLED = 2  # children of each kind, at the first and the last step; more take steps between, about 2 s each

pytestmark = pytest.mark.xdist_group("cut short")  # what all of its tests need is made once


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory) -> Path:
    """An installation whose version 1 is the champion and version 2 the challenger."""
    folder = tmp_path_factory.mktemp("installation")
    settings = cut_short.installation(folder)
    cut_short.train(settings)
    assert promote(settings, by=OWNER).passed
    cut_short.train(settings)
    return folder


@pytest.fixture(scope="module")
def steps(two_versions) -> dict[str, list[str]]:
    """Kill trainings and promotions on copies of the installation; returns the step of each death, by kind."""
    command = [sys.executable, cut_short.__file__, str(two_versions), str(KILLED)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(said.stdout.splitlines()[-1])


def files_of_runs(client: MlflowClient, settings: Settings) -> tuple[set[str], set[str]]:
    """Names of the folders with files of runs and models, and names that the registry knows."""
    experiment = client.get_experiment_by_name(NAME).experiment_id
    known = {run.info.run_id for run in client.search_runs([experiment])}
    known |= {model.model_id for model in client.search_logged_models([experiment])}
    folders = [*settings.artifacts_dir.glob("*"), *settings.artifacts_dir.glob("models/*")]
    return {folder.name for folder in folders} - {"models"}, known


def test_killed_at_the_first_or_last_step_of_a_training_the_champion_stays_and_the_next_training_tidies_up(
    two_versions, steps, monkeypatch
):
    monkeypatch.setattr(unfinished_runs, "ABANDONED_S", 0.0)
    for k, step in enumerate(steps["train"]):
        settings = cut_short.installation(two_versions / f"train {k}")
        assert registry.load(settings=settings).model.source == "registry (champion, version 1)", step
        challenger = registry.find("challenger", settings=settings)
        assert registry.load("challenger", settings=settings).model.version, step  # whole, whichever it is
        client = connect(settings)
        versions = {str(found.version) for found in client.search_model_versions(f"name = '{NAME}'")}
        assert challenger.version in versions
        again = cut_short.train(settings)
        assert registry.find("challenger", settings=settings).version == again, step
        there, known = files_of_runs(client, settings)
        assert there == known, step
        experiment = client.get_experiment_by_name(NAME).experiment_id
        assert client.search_runs([experiment], "attributes.status = 'RUNNING'") == [], step


def test_killed_at_the_first_or_last_step_of_a_promotion_the_old_or_the_new_champion_is_in_use(two_versions, steps):
    champions = []
    for k, step in enumerate(steps["promote"]):
        settings = cut_short.installation(two_versions / f"promote {k}")
        champions.append(registry.find("champion", settings=settings).version)
        assert registry.load(settings=settings).model.source == f"registry (champion, version {champions[-1]})", step
        if champions[-1] == "1":
            assert promote(settings, by=OWNER).passed, step
        assert registry.find("champion", settings=settings).version == "2"
        assert registry.find("challenger", settings=settings) is None
        assert registry.rollback(settings=settings, by=OWNER) == "1"  # nothing is in the history twice
    assert champions == sorted(champions)  # the old one until the moment of the change, the new one after it
    assert set(champions) == {"1", "2"}


@pytest.fixture
def small(two_versions, tmp_path):
    """The installation on a small disk."""
    with small_disk(tmp_path / "disk", "32m") as disk:
        shutil.copytree(two_versions / "data", disk / "data")
        yield Settings(data_dir=disk / "data", models_dir=tmp_path / "models", mlflow_uri="")


def test_on_a_full_disk_no_model_is_registered_and_nothing_stays(small):
    """The disk has room for nothing, for a few rows, or for a part of the files."""
    disk = small.data_dir.parent
    before = files_of_runs(connect(small), small)[0]
    for left in (0, 30_000, 200_000):
        ballast = nearly_full(disk, left=left)
        with pytest.raises((MlflowException, OSError)) as caught:
            cut_short.train(small)
        assert is_full_disk(caught.value)
        assert registry.find("challenger", settings=small).version == "2"
        assert registry.load(settings=small).model.source == "registry (champion, version 1)"
        assert files_of_runs(connect(small), small)[0] == before
        ballast.unlink()
    again = cut_short.train(small)
    assert registry.find("challenger", settings=small).version == again
    assert len(files_of_runs(connect(small), small)[0]) == len(before) + 3  # a run, its candidate and its model


def test_on_a_full_disk_a_promotion_is_refused_in_a_sentence_until_there_is_room(small):
    ballast = nearly_full(small.data_dir.parent, left=0)
    with pytest.raises(CoreError, match=r"^The disk is full: version 2 was not promoted\. The champion is the same"):
        promote(small, by=OWNER)
    for other in (registry.rollback, registry.discard):
        assert registry.find("champion", settings=small).version == "1"
        assert registry.find("challenger", settings=small).version == "2"
        with pytest.raises(CoreError, match="^The disk is full|no earlier champion"):
            other(settings=small, by=OWNER)
    ballast.unlink()
    assert promote(small, by=OWNER).passed
    assert registry.find("champion", settings=small).version == "2"


def test_a_full_disk_after_the_change_of_the_champion_is_no_failed_promotion(two_versions, tmp_path, monkeypatch):
    shutil.copytree(two_versions / "data", tmp_path / "data")
    settings = cut_short.installation(tmp_path)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(MlflowClient, "delete_registered_model_alias", full)
    with pytest.raises(CoreError, match="The disk is full: version 2 is the champion now.*core rescore"):
        promote(settings, by=OWNER)
    assert registry.find("champion", settings=settings).version == "2"
    assert registry.find("challenger", settings=settings) is None


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'")]), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (shutil.Error([("a", "b", "[Errno 13] Permission denied: 'b'")]), False),
        (sqlite3.OperationalError("database is locked"), False),
    ],
)
def test_only_a_full_disk_is_called_full(error, full):
    wrapped = RuntimeError("of a library")
    wrapped.__cause__ = error
    assert is_full_disk(wrapped) is full
    with pytest.raises(CoreError if full else RuntimeError), full_disk_means("nothing was written."):
        raise wrapped
