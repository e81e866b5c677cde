"""Two installations in one process: neither disturbs the other, in turn or at the same time."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import mlflow
import pytest
from owner import OWNER
from registered import discriminant, log, training_run

from core.access import Person
from core.dataset import stand_in
from core.models import registry
from core.models.connection import NAME, connect
from core.models.explanation import make_background
from core.schema import LABEL
from core.settings import Settings
from core.training.promotion import promote

pytestmark = pytest.mark.xdist_group("registry settings")  # what its tests need is made once


@pytest.fixture(scope="module")
def table():
    return stand_in.sample(n_per_class=60)


@pytest.fixture(scope="module")
def background(table):
    return make_background(table, table[LABEL])


@pytest.fixture(scope="module")
def run(table):
    return training_run(table, discriminant())


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Two installations, while MLflow's own default store is one that cannot be opened."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.setenv(name, f"sqlite:///{tmp_path / 'nowhere' / 'other.db'}")
    return [
        Settings(data_dir=tmp_path / name / "data", models_dir=tmp_path / name / "models", mlflow_uri="")
        for name in ("one", "two")
    ]


def content(settings: Settings) -> tuple[list[str], set[str]]:
    """Aliases of all versions, and the folders that files are in."""
    folders = {registry.find(alias, settings=settings).folder for alias in ("champion", "challenger")}
    assert all(folder.is_relative_to(settings.artifacts_dir) for folder in folders)
    return registry.history(settings=settings)["aliases"].tolist(), {str(folder) for folder in folders}


def test_used_in_turn_each_has_its_own_versions_and_nothing_global_changes(places, run, background):
    connect(places[0])  # imports MLflow
    before = dict(os.environ), mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    for _ in range(2):
        for settings in places:
            log(run, background, settings)
            if registry.find("champion", settings=settings) is None:
                assert promote(settings, by=Person.machine_owner(settings.data_dir.parent.name)).passed
    (one, in_one), (two, in_two) = map(content, places)
    assert one == two == ["challenger", "champion"]
    assert not in_one & in_two
    assert [registry.history(settings=s)["promoted_by"].dropna().tolist() for s in places] == [["one"], ["two"]]
    assert (dict(os.environ), mlflow.get_tracking_uri(), mlflow.get_registry_uri()) == before


def test_used_at_the_same_time_each_has_its_own_versions(places, run, background):
    together = threading.Barrier(2, timeout=300)

    def live(settings: Settings) -> None:
        try:
            together.wait()  # both make their store
            connect(settings)
            for _ in range(2):
                together.wait()
                log(run, background, settings)
                together.wait()
                if registry.find("champion", settings=settings) is None:
                    assert promote(settings, by=OWNER).passed
        except BaseException:
            together.abort()  # so that the other one does not wait
            raise

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(live, settings) for settings in places]:
            done.result()
    for settings in places:
        assert content(settings)[0] == ["challenger", "champion"]
        client = connect(settings)
        experiment = client.get_experiment_by_name(NAME)
        assert len(client.search_runs([experiment.experiment_id])) == 4
