"""A canary with two servers of the real API behind a real nginx: real clips, one key for each caller."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import forked
import pytest
from real_nginx import free_port, nginx, still_runs
from registered import discriminant, log, training_run

from core import store
from core.access import Person
from core.canary import proxy, running, steps
from core.canary.running import Canary
from core.dataset import stand_in
from core.models.explanation import make_background
from core.schema import LABEL
from core.settings import Settings
from core.training.promotion import promote

pytestmark = pytest.mark.xdist_group("forked")
ROOT = Path(__file__).resolve().parent.parent.parent
MUSIC = ROOT / "tests" / "golden" / "hicaz_taksim.flac"
OWNER = Person.machine_owner("Ece")
WAIT_S = 300


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    """A registry with a champion and a challenger, and the addresses of two servers."""
    folder = tmp_path_factory.mktemp("real")
    addresses = {f"{role}_address": f"127.0.0.1:{free_port()}" for role in ("champion", "challenger")}
    made = Settings(data_dir=folder / "data", models_dir=folder / "models", mlflow_uri="", database_url="", **addresses)
    table = stand_in.sample(n_per_class=60)
    background = make_background(table, table[LABEL])
    served = {name: (ROOT / "models" / "champion" / f"{name}.json").read_bytes() for name in ("reference", "policy")}
    for seed in (0, 1):
        log(training_run(table, discriminant(pooled=0.8 - 0.1 * seed), seed=seed), background, made, **served)
        if seed == 0:
            assert promote(made, by=OWNER).passed
    return made


@pytest.fixture(scope="module")
def servers(settings, tmp_path_factory) -> Iterator[dict[str, forked.Command]]:
    given = {"TME_DATA_DIR": settings.data_dir, "TME_MODELS_DIR": settings.models_dir, "TME_WORKERS": 1}
    logs, started = tmp_path_factory.mktemp("log"), {}
    for role in ("champion", "challenger"):
        port = getattr(settings, f"{role}_address").rpartition(":")[2]
        command = ["-m", "core", "serve", "--port", port]
        own = {**os.environ, **{name: str(value) for name, value in given.items()}, "TME_SERVES": role}
        started[role] = forked.Command(command, env=own, output=logs / role)
    yield started
    for process in started.values():
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def entry(settings, servers, tmp_path_factory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    proxy.divide(None, settings)
    http, routes = ((ROOT / "deploy" / "api" / f"{name}.conf").read_text("utf-8") for name in ("http", "routes"))
    text = f"{http} server {{ listen 127.0.0.1:{port}; {routes} }}".replace(
        "/data/canary", str(running.folder(settings))
    )
    with nginx(text, folder, port, pid=running.folder(settings) / proxy.PID, workers=True):
        yield port


@pytest.fixture(scope="module")
def keys(settings) -> list[str]:
    db = store.open_store(settings.database)
    made = [store.add_key(db, f"caller {k}", per_minute=10_000)[1] for k in range(60)]
    store.close_store(db)
    return made


def start_when_ready(settings: Settings, servers: dict[str, forked.Command]) -> Canary:
    """Start the canary as soon as both servers are ready."""
    end = time.monotonic() + WAIT_S
    while not all(is_ready(getattr(settings, f"{role}_address")) for role in servers):
        assert time.monotonic() < end, "a server is not ready"
        assert all(still_runs(process) for process in servers.values())
    return steps.start(settings, share=50, by=OWNER)[0]


def is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/ready", timeout=30) as answer:
            return answer.status == 200
    except OSError:  # also 503
        return False


def score(port: int, key: str, clip: Path | None = None) -> tuple[int, str, dict]:
    """Status, role and answer for a clip; without one the description of the model."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "audio/flac"}
    url = f"http://127.0.0.1:{port}/v1/{'clips' if clip else 'model'}"
    request = urllib.request.Request(url, data=clip.read_bytes() if clip else None, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            return answer.status, answer.headers["X-Model-Role"], json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, error.headers["X-Model-Role"], json.loads(error.read())


def test_real_clips_get_the_model_that_the_header_names_and_no_caller_notices_a_lost_server(
    settings, servers, entry, keys
):
    canary = start_when_ready(settings, servers)
    versions = {"champion": canary.champion, "challenger": canary.challenger}
    while all(score(entry, key)[1] == "champion" for key in keys):  # until nginx has read the division
        assert all(still_runs(process) for process in servers.values())
    roles = {score(entry, key)[1]: key for key in keys}
    assert roles.keys() == versions.keys()
    for role, key in roles.items():
        assert score(entry, key)[2]["version"] == versions[role]
        status, answered, answer = score(entry, key, MUSIC)
        assert (status, answered) == (200, role), answer
        assert answer["versions"]["model"] == versions[role]
        assert score(entry, key, Path(__file__))[0] == 415  # no audio: a fault of the caller, not of a model
    servers["challenger"].kill()
    servers["challenger"].wait()
    status, role, answer = score(entry, roles["challenger"], MUSIC)
    assert (status, role, answer["versions"]["model"]) == (200, "champion", canary.champion)
    end = time.monotonic() + WAIT_S
    while not (looked := steps.look(settings, None)).findings[0].challenger:  # nginx writes its line after the answer
        assert time.monotonic() < end
    assert (looked.findings[0].champion, looked.findings[0].challenger > 0) == (0, True)
    done = steps.abort(settings, by=OWNER)
    assert done.findings[0].startswith("Requests that failed: champion 0.0 %")
