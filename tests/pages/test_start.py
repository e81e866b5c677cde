"""The start of a server: it says when it is ready, and who comes earlier sees what it is doing."""

import threading

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from pages.shared import start
from pages.shared.start import Ready, Start

LONG_S = 60.0


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


def client() -> TestClient:
    home = Route("/", lambda request: PlainTextResponse("home"))
    return TestClient(Starlette(routes=[home], middleware=[Middleware(Ready)]))


def test_the_address_ready_says_what_the_server_is_doing_until_it_is_ready(begun):
    answer = client().get("/ready")
    assert (answer.status_code, answer.text) == (503, "The server loads the model.")
    assert int(answer.headers["Retry-After"]) > 0
    assert client().get("/").text == "home"
    begun()
    assert (client().get("/ready").status_code, client().get("/ready").text) == (200, "ready")


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
