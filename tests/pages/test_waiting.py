"""The line of the server on a page: the place is shown, a rerun goes on with it, and a closed page gives it back."""

import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner import StopException
from streamlit.testing.v1 import AppTest

from core.errors import AudioError
from core.models.policy import Policy
from core.pipeline.stability import Firmness
from core.pipeline.work_queue import WorkQueue
from pages.shared import waiting
from pages.views.clips import decision

LONG_S = 60.0


@pytest.fixture
def line(monkeypatch):
    """A queue with one thread, that is busy until ``line.free()``. line.seen : what the page showed while it waited."""
    queue, go_on = WorkQueue(workers=1, most=2), threading.Event()
    first = queue.submit(lambda: go_on.wait(LONG_S), way="decision")
    seen: list[str] = []
    monkeypatch.setattr(waiting, "shared_queue", lambda settings: queue)
    monkeypatch.setattr(waiting, "STEPS_S", (0.001, 0.001))

    def free() -> None:
        go_on.set()
        first.result(LONG_S)

    yield SimpleNamespace(queue=queue, free=free, seen=seen)
    free()


@pytest.fixture
def shown(monkeypatch, line) -> Callable[[Callable[[str], None]], None]:
    """``shown(function)`` calls the function with each text about the place."""

    def use(function: Callable[[str], None]) -> None:
        show = st.delta_generator.DeltaGenerator.markdown

        def markdown(self: st.delta_generator.DeltaGenerator, text: str, **how: object) -> object:
            if "in the line" in text:
                line.seen.append(text)
                function(text)
            return show(self, text, **how)

        monkeypatch.setattr(st.delta_generator.DeltaGenerator, "markdown", markdown)

    return use


def page() -> None:
    import streamlit as st

    from core.pipeline.work_queue import Way
    from pages.shared import waiting

    def away() -> None:
        waiting.leave("clip")
        st.session_state["away"] = True

    if not st.session_state.get("away"):
        st.write(
            waiting.result(
                st.session_state["task"], way=Way.DECISION, name="clip", what="a.flac", doing="Work", on_leave=away
            )
        )


def opened(task: Callable[[], object]) -> AppTest:
    app = AppTest.from_function(page, default_timeout=LONG_S)
    app.session_state["task"] = task
    return app


def test_the_place_is_shown_until_the_result_is_there(line, shown):
    shown(lambda text: line.free())
    app = opened(lambda: "sad").run()
    assert [m.value for m in app.markdown] == ["sad"]
    assert line.seen[0].startswith(":material/hourglass: First in the line, about ")
    assert not app.session_state["places_in_line"]


def test_a_closed_page_gives_its_place_back_and_its_task_is_not_done(line, shown):
    done = []

    def close(text: str) -> None:
        raise StopException

    shown(close)
    opened(lambda: done.append(1)).run()
    assert line.queue.waiting() == 0
    line.free()
    assert line.queue.submit(lambda: "next", way="decision").result(LONG_S) == "next"
    assert not done


def test_a_page_that_runs_again_goes_on_with_its_place(line, shown):
    app, calls = opened(lambda: calls.append(1) or "sad"), []
    shown(lambda text: st.rerun() if len(line.seen) == 1 else line.free())
    app.run()
    assert [m.value for m in app.markdown] == ["sad"]
    assert len(line.seen) > 1
    assert calls == [1]


def test_another_file_gives_up_the_place_of_the_first(line):
    app = AppTest.from_function(two_files).run()
    assert not app.exception
    assert line.queue.waiting() == 1


def two_files() -> None:
    from core.pipeline.work_queue import Way
    from pages.shared import waiting

    first = waiting._ticket(lambda: 1, Way.DECISION, "clip", "a.flac")
    assert waiting._ticket(lambda: 1, Way.DECISION, "clip", "a.flac") is first
    assert waiting._ticket(lambda: 2, Way.DECISION, "clip", "b.flac") is not first


def test_the_person_leaves_the_line_with_a_button(line, shown):
    app = opened(lambda: "sad")

    def stop(text: str) -> None:
        raise StopException

    shown(stop)
    app.run()
    button = app.button(key="line_leave_clip")
    assert button.label == "Leave the line"
    button.click().run()
    assert app.session_state["away"]
    assert line.queue.waiting() == 0


def test_a_full_line_and_an_error_of_the_task_reach_the_page(line):
    for _ in range(2):
        line.queue.submit(lambda: 1, way="decision")
    app = opened(lambda: 1).run()
    assert app.exception[0].message.startswith("Many people use this server")
    line.free()

    def silent() -> None:
        raise AudioError("This file is silent.")

    app = opened(silent).run()
    assert app.exception[0].message == "This file is silent."


def test_a_failed_task_is_done_again_at_the_next_run(line):
    line.free()
    results = [AudioError("This file is silent."), "sad"]

    def task() -> str:
        found = results.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    app = opened(task).run()
    assert app.exception[0].message == "This file is silent."
    app.run()
    assert not app.exception
    assert [m.value for m in app.markdown] == ["sad"]


def firmness_page() -> None:
    import streamlit as st

    from pages.views.clips import decision

    decision.show_firmness(st.session_state["clip"], st.session_state["served"])


def test_the_question_how_firm_waits_in_the_line_until_it_is_answered_or_left(line, shown, monkeypatch):
    monkeypatch.setattr(decision, "firmness", lambda *_, **__: Firmness(20, 20, {}))
    prediction = SimpleNamespace(model_version="v")
    scored = SimpleNamespace(clip_id="a", prediction=prediction, policy=Policy(), others=(), decided=None)
    scored.recording = SimpleNamespace(clip=None)
    app = AppTest.from_function(firmness_page, default_timeout=LONG_S)
    app.session_state["clip"] = clip = SimpleNamespace(scored=scored, firmness=None)
    app.session_state["served"] = SimpleNamespace(model=SimpleNamespace(version="v"))

    def close_then_free(text: str) -> None:
        if len(line.seen) == 1:
            raise StopException
        line.free()

    shown(close_then_free)
    app.run()
    assert line.queue.waiting() == 0
    app.button(key="how_firm").click().run()
    assert line.seen[0].startswith(":material/hourglass: First in the line, about 10 s")
    app.button(key="line_leave_firmness").click().run()
    assert clip.firmness is None
    assert line.queue.waiting() == 0
    app.button(key="how_firm").click().run()
    assert not app.exception
    assert "**Firm: 20 of 20** small changes" in app.markdown[0].value
    assert not app.button
