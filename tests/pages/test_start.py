"""The start of a server: it says when it is ready, and who comes earlier sees what it is doing."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from streamlit.testing.v1 import AppTest

from pages.shared import start
from pages.shared.start import Ready, Start

LONG_S = 60.0
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def begun(monkeypatch):
    """A start that stands at its first step; the yielded function lets it end."""
    own, go_on = Start(), threading.Event()
    monkeypatch.setattr(start, "START", own)
    monkeypatch.setattr(start, "settle", lambda: None)
    own.begin({"loads the model": lambda: go_on.wait(LONG_S) and None})
    yield lambda: (go_on.set(), own.wait(LONG_S))
    go_on.set()
    assert own.wait(LONG_S)


def ask(path: str) -> tuple[int, str, dict[bytes, bytes]]:
    """Status, text and headers of an answer."""
    sent: list[dict] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    asyncio.run(Ready(PlainTextResponse("home"))(scope, receive, send))
    return sent[0]["status"], sent[1]["body"].decode(), dict(sent[0]["headers"])


def test_the_address_ready_says_what_the_server_is_doing_until_it_is_ready(begun):
    status, text, headers = ask("/ready")
    assert (status, text) == (503, "The server loads the model.")
    assert int(headers[b"retry-after"]) > 0
    assert ask("/")[:2] == (200, "home")
    begun()
    assert ask("/ready")[:2] == (200, "ready")


def test_a_page_that_comes_earlier_says_what_is_being_waited_for(begun, monkeypatch):
    monkeypatch.setattr(start, "LOOK_S", 0.001)
    said = []
    monkeypatch.setattr(start.st.delta_generator.DeltaGenerator, "info", lambda self, text, **how: heard(text))

    def heard(text: str) -> None:
        said.append(text)
        begun()

    def page() -> None:
        import streamlit as st

        from pages.shared import start

        start.wait()
        st.write("drawn")

    drawn = AppTest.from_function(page).run()
    assert not drawn.exception
    assert said == ["The server has just started. It loads the model …"]
    assert drawn.markdown[0].value == "drawn"


def test_a_step_that_fails_ends_the_start_and_is_logged(monkeypatch, caplog):
    settled = []
    monkeypatch.setattr(start, "settle", lambda: settled.append(1))

    def fail() -> None:
        raise OSError("the disk is gone")

    later: list[int] = []
    own = Start()
    own.begin({"opens the database": fail, "draws": lambda: later.append(1)})
    assert own.wait(LONG_S)
    assert (settled, later, own.doing) == ([1], [], "")
    assert "opens the database" in caplog.text
    assert "the disk is gone" in caplog.text


def test_all_steps_are_done_in_their_order(monkeypatch):
    monkeypatch.setattr(start, "settle", lambda: None)
    own, done = Start(), []
    own.begin({name: lambda name=name: done.append((name, own.doing)) for name in ("one", "two")})
    assert own.wait(LONG_S)
    assert done == [("one", "one"), ("two", "two")]


FIRST_CLIP = """
import sys
from streamlit.testing.v1 import AppTest
from pages.shared import start

root, clip = sys.argv[1:]
for step in start.steps().values():
    step()
known = set(sys.modules)
app = AppTest.from_file(f"{root}/app.py", default_timeout=300).switch_page("pages/predict.py").run()
with open(clip, "rb") as file:
    app.file_uploader[0].set_value(("a.flac", file.read(), "audio/flac")).run()
assert not app.exception and any("In words" in m.value for m in app.markdown)
print("new:", *sorted({name.split(".")[0] for name in set(sys.modules) - known}))
"""
HEAVY = {
    *("sklearn", "scipy", "skops", "shap", "numba", "llvmlite", "lightgbm", "xgboost", "joblib", "pyarrow", "numpy"),
    *("sqlalchemy", "alembic", "soundfile", "soxr", "librosa", "mlflow"),
}


def test_after_the_start_the_first_clip_loads_no_large_package(data_dir):
    clip = ROOT / "tests" / "golden" / "arpeggio_6s.flac"
    done = subprocess.run(
        [sys.executable, "-c", FIRST_CLIP, str(ROOT), str(clip)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    new = set(done.stdout.rsplit("new:", 1)[-1].split())
    assert "core" in new
    assert not new & HEAVY
