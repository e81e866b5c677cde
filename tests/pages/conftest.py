"""A page as a person meets it, without a browser: the whole app, a store of its own, the committed model."""

import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import pytest
from streamlit import config
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest, local_script_runner

from core import settings
from core.audio.decoding import Clip
from core.dataset import loading
from core.models import explanation
from core.models.prediction import Model
from core.pipeline import measure
from core.schema import FeatureVector
from core.store import Store, close_store, connection, open_store, set_role
from pages.shared import doors, login

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session", autouse=True)
def components_looked_for_once() -> Iterator[None]:
    """Let Streamlit look for components once a process. For each page it would read about all installed packages."""
    with patch.object(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests)):
        yield


@pytest.fixture(scope="session", autouse=True)
def scripts_compiled_once() -> Iterator[None]:
    """Compile each page once a process, and wait for the end of its run without looking a thousand times a second."""
    compiled = ScriptCache()

    def wait(runner: local_script_runner.LocalScriptRunner, timeout: float) -> None:
        assert runner._script_thread is not None
        runner._script_thread.join(timeout)
        assert runner.script_stopped(), f"The page needs more than {timeout} s."

    with (
        patch.object(local_script_runner, "ScriptCache", lambda: compiled),
        patch.object(local_script_runner, "require_widgets_deltas", wait),
    ):
        yield


_TABLES: dict[tuple[bytes, str], pd.DataFrame] = {}
_VECTORS: dict[str, FeatureVector] = {}
_REASONS: dict[tuple[str, str, str, bytes], pd.DataFrame] = {}


@pytest.fixture(autouse=True)
def tables_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read each published table once a process. Pages read it once for each folder of data, so for each test."""
    read = loading.read_published

    def once(data: bytes, name: str) -> pd.DataFrame:
        key = hashlib.sha256(data).digest(), name
        if key not in _TABLES:
            _TABLES[key] = read(data, name)
        return _TABLES[key].copy()

    monkeypatch.setattr(loading, "read_published", once)


@pytest.fixture(autouse=True)
def clips_measured_and_explained_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure each clip once a process, and explain it once for each model: both depend on nothing else."""
    extract, explain = measure.extract, explanation.explain_clip

    def vector(clip: Clip) -> FeatureVector:
        if clip.clip_id not in _VECTORS:
            _VECTORS[clip.clip_id] = extract(clip)
        return _VECTORS[clip.clip_id]

    def explained(model: Model, vector: FeatureVector, *rest: object, **given: object) -> pd.DataFrame:
        key = model.version, model.source, vector.clip_id, vector.values.tobytes()
        if key not in _REASONS:
            _REASONS[key] = explain(model, vector, *rest, **given)
        return _REASONS[key].copy()

    monkeypatch.setattr(measure, "extract", vector)
    monkeypatch.setattr(explanation, "explain_clip", explained)


@pytest.fixture(autouse=True)
def pages_run_through_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run pages as the server does, through app.py. ``AppTest`` forgets this for each run."""
    start = PagesManager.__init__

    def through_app(self: PagesManager, *args: object, **kwargs: object) -> None:
        doors.only_through_app()
        start(self, *args, **kwargs)

    monkeypatch.setattr(PagesManager, "__init__", through_app)


@pytest.fixture(autouse=True)
def reach_noted_for_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget after each test that other people could reach its server, and that it had a login."""
    monkeypatch.setitem(settings._reached, "by others", False)
    monkeypatch.setitem(login._noted, "login", False)


@pytest.fixture(scope="session", autouse=True)
def causes_shown() -> None:
    """Show the cause of an unexpected error on the page, as in development: tests look for exceptions."""
    config.set_option("client.showErrorDetails", "full")


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's databases live. Nothing is downloaded or backed up; only the committed model is there."""
    monkeypatch.setattr(connection, "daily_backup", lambda path: None)  # see tests/store/test_clock.py
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TME_DOWNLOAD_URL", "http://127.0.0.1:9/none.zip")
    for name in ("TME_DATABASE_URL", "TME_MLFLOW_URI", "TME_MODELS_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def open_page(data_dir: Path) -> Callable[..., AppTest]:
    """``open_page("predict", threshold="0.6")``: the page after its first run, with the fields of its address.

    as_person : name of the person who uses it, as if typed on another page before.
    """

    def opened(page: str, *, as_person: str = "", **address: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
        if as_person:
            app.session_state["who"] = as_person
        for key, value in address.items():
            app.query_params[key] = value
        return app.switch_page(f"pages/{page}.py").run()

    return opened


@pytest.fixture
def db(data_dir: Path) -> Iterator[Store]:
    """The store of the pages, in which Boss is an analyst."""
    opened = open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    set_role(opened, "Boss", "analyst")
    yield opened
    close_store(opened)


@pytest.fixture
def as_boss(open_page: Callable[..., AppTest], db: Store) -> Callable[..., AppTest]:
    """``as_boss("use", view="Answers")``: the page for an analyst, without an error."""

    def opened(page: str, **address: str) -> AppTest:
        app = open_page(page, as_person="Boss", **address)
        assert not app.exception
        assert not app.error
        return app

    return opened
