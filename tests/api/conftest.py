"""The API in this process, with the committed model, a store of its own, and keys of all roles."""

import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from starlette.testclient import TestClient

from core import store
from core.access import Role
from core.api.app import create
from core.api.callers import person_of
from core.api.service import Service
from core.audio import encoding, synthetic
from core.settings import Settings
from core.store import ApiKey, Scope

LOOPBACK = ("127.0.0.1", 50_000)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all tests that share the loaded model in one process."""
    for item in items:
        if "made_client" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("api"))


@dataclass(eq=False)
class Api:
    """The API and its store."""

    client: TestClient
    service: Service
    opened: store.Store
    _keys: dict[tuple[object, ...], tuple[ApiKey, str]] = field(default_factory=dict)

    def key(self, name: str = "ward", role: Role = Role.ANALYST, scopes: tuple[Scope, ...] = tuple(Scope)) -> str:
        """A key, made once for each combination."""
        return self._made(name, role, scopes)[1]

    def headers(self, *given: object, **named: object) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key(*given, **named)}"}

    def store_of(self, *given: object, **named: object) -> store.Store:
        """The store as the caller with this key sees it."""
        self.key(*given, **named)
        person = person_of(self._keys[_combination(*given, **named)][0])
        return self.opened.asked_by(lambda: person)

    def _made(self, name: str, role: Role, scopes: tuple[Scope, ...]) -> tuple[ApiKey, str]:
        combination = _combination(name, role, scopes)
        if combination not in self._keys:
            self._keys[combination] = store.add_key(self.opened, name, role=role, scopes=scopes, per_minute=10_000)
        return self._keys[combination]


def _combination(
    name: str = "ward", role: Role = Role.ANALYST, scopes: tuple[Scope, ...] = tuple(Scope)
) -> tuple[object, ...]:
    return name, role, scopes


@pytest.fixture(scope="package")
def made_client(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[TestClient]:
    """The API with its model loaded, once for all tests of this folder."""
    data = tmp_path_factory.mktemp("api")
    shutil.copy(migrated, data / "feedback.db")
    settings = Settings(
        data_dir=data, max_upload_mb=20, max_held_mb=60, library_dir=data / "music", download_url="http://127.0.0.1:9/x"
    )
    (data / "music").mkdir()
    app = create(settings)
    with TestClient(app, base_url="http://127.0.0.1", client=LOOPBACK) as client:
        for thread in threading.enumerate():
            if thread.name == "start of the API":
                thread.join()
        assert app.state.service.ready, app.state.service.fault
        yield client


@pytest.fixture(scope="package")
def api(made_client: TestClient) -> Api:
    service = made_client.app.state.service  # type: ignore[attr-defined]
    return Api(made_client, service, service.store())


@pytest.fixture(scope="package")
def port(api: Api) -> Iterator[int]:
    """The port of a real server over the API of these tests."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    config = uvicorn.Config(api.client.app, port=number, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    started = threading.Event()
    config.callback_notify, config.timeout_notify = None, 1
    startup = server.startup

    async def and_say_so(sockets=None):
        await startup(sockets)
        started.set()

    server.startup = and_say_so
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert started.wait(30)
    yield number
    server.should_exit = server.force_exit = True  # also while a caller of a test still waits
    thread.join(30)


@pytest.fixture(scope="session")
def wav() -> bytes:
    """A synthetic clip of 15 s that the model accepts."""
    return encoding.wav(synthetic.render(next(iter(synthetic.EXAMPLES.values()))))
