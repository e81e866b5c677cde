"""The start of a server: it says when it is ready, and who comes earlier sees what it is doing."""

import asyncio
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import mood_library
import pytest
from starlette.responses import PlainTextResponse
from streamlit.testing.v1 import AppTest

from core import store
from core.labelling.whose_word import agreed_words
from core.models.policy import Policy
from core.playlists import kept_pieces
from core.settings import Settings
from core.store import answer_log, large, prediction_log
from pages.shared import first_library, start
from pages.shared.start import Ready, Start
from pages.views.library import piece_filter, pieces, ready

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


def test_a_start_that_ends_between_two_looks_still_has_a_whole_sentence(begun, monkeypatch):
    wait = start.START.wait

    def ends_after_the_look(seconds: float | None = None) -> bool:
        over = wait(seconds)
        start.START.wait = wait
        begun()
        return over

    monkeypatch.setattr(start.START, "wait", ends_after_the_look)
    assert ask("/ready")[:2] == (503, "The server loads the model.")


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
    assert (settled, later) == ([1], [])
    assert "opens the database" in caplog.text
    assert "the disk is gone" in caplog.text


def test_all_steps_are_done_in_their_order(monkeypatch):
    monkeypatch.setattr(start, "settle", lambda: None)
    own, done = Start(), []
    own.begin({name: lambda name=name: done.append((name, own.doing)) for name in ("one", "two")})
    assert own.wait(LONG_S)
    assert done == [("one", "one"), ("two", "two")]


# --- a large store ---------------------------------------------------------------------------------------------------


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A store with a library and answers, and a model in use; the yielded function counts how often each is read."""
    opened = store.open_store(f"sqlite:///{tmp_path / 'feedback.db'}")
    for k, clip in enumerate(mood_library.stored(opened, tmp_path / "müzik", each=2)):
        store.add_feedback(opened, token=f"token {k:04d}", rater="Ayşe", clip_id=clip, label="sad")
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path))
    served = SimpleNamespace(model=SimpleNamespace(version="model-1"), policies={"threshold": Policy()})
    monkeypatch.setattr(first_library.cached, "open_database", lambda: opened)
    monkeypatch.setattr(first_library.cached, "model_in_use", lambda: served)
    read: Counter[str] = Counter()
    for module, name in ((answer_log, "_extended"), (prediction_log, "_extended"), (kept_pieces, "_from_store")):
        real = getattr(module, name)

        def counted(*given, real=real, what=module.__name__.rpartition(".")[2], **named):
            read[what] += 1
            return real(*given, **named)

        monkeypatch.setattr(module, name, counted)
    yield opened, read
    store.close_store(opened)


def visit(opened) -> None:
    """Ask for what Moods and Label need first."""
    assert len(kept_pieces.library_pieces(opened, Settings(), model_version="model-1", policy=Policy()).pieces) == 8
    assert len(agreed_words(opened)) == 8
    assert len(store.clips_to_label(opened, rater="Can")) == 8


def test_a_large_store_is_read_while_the_server_starts_and_the_first_visitor_reads_nothing_again(library, monkeypatch):
    opened, read = library
    monkeypatch.setattr(large, "FEWEST", 16)  # 8 predictions and 8 answers
    first_library.read_large_store()
    assert read == {"answer_log": 1, "prediction_log": 1, "kept_pieces": 1}
    visit(opened)
    first_library.read_large_store()
    assert read == {"answer_log": 1, "prediction_log": 1, "kept_pieces": 1}


def test_the_library_of_a_large_store_is_ready_for_the_first_visitor(library, monkeypatch):
    opened, _ = library
    read = pieces.library_pieces
    monkeypatch.setattr(pieces, "library_pieces", None)
    ready.prepare_library()  # a small store is not read ahead
    monkeypatch.setattr(pieces, "library_pieces", read)
    monkeypatch.setattr(large, "FEWEST", 16)
    ready.prepare_library()
    monkeypatch.setattr(pieces, "library_pieces", None)
    monkeypatch.setattr(piece_filter, "alike_by_sound", None)
    found = pieces.library_of(opened, "model-1", Policy())
    assert len(found.pieces) == 8
    assert len(piece_filter.recordings_in(opened, found, piece_filter.reference())) == 8


@pytest.mark.parametrize(("fewest", "most"), [(17, 5_000_000), (1, 15)])
def test_a_small_store_and_one_that_would_hold_up_the_start_are_read_by_the_first_visitor(
    library, monkeypatch, fewest, most
):
    opened, read = library
    monkeypatch.setattr(large, "FEWEST", fewest)
    monkeypatch.setattr(large, "MOST", most)
    first_library.read_large_store()
    assert read == {}
    visit(opened)
    assert read == {"answer_log": 1, "prediction_log": 1, "kept_pieces": 1}


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
