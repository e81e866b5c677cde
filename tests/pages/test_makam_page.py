"""The Makam page: a recording becomes a melody, the karar is corrected and undone, files go out and come back."""

import io
import re

import numpy as np
import pytest
import soundfile

from core import store
from core.makam.synthesis import Score, render
from core.schema import SR
from core.settings import Settings

NOTES = (0, 9, 17, 22, 31, 22, 17, 9, 0, 9, 17, 31, 22, 17, 9, 0)


@pytest.fixture(scope="module")
def recording() -> bytes:
    """24 s of a plucked instrument in Rast, which end on the karar of 220 Hz."""
    score = Score("Rast", 220.0, tuple(map(float, NOTES)), (1.5,) * len(NOTES))
    buffer = io.BytesIO()
    soundfile.write(buffer, render(score, "blown"), SR, format="FLAC")
    return buffer.getvalue()


@pytest.fixture
def page(open_page, recording):
    """The page with this recording."""

    def opened(view: str = "Melody", data: bytes | None = None, name: str = "şarkı.flac"):
        app = open_page("makam", view=view)
        return app.file_uploader[0].set_value((name, data or recording, "audio/flac")).run()

    return opened


def shown(app) -> str:
    kinds = (app.error, app.warning, app.info, app.success, app.caption, app.markdown, app.subheader)
    return "\n".join(str(e.value) for kind in kinds for e in kind).replace("\\", "")


def press(app, key: str):
    return app.button(key=key).click().run()


def test_without_a_recording_it_says_what_to_do_and_shows_the_words(open_page):
    app = open_page("makam")
    assert not app.exception
    assert "Choose a whole recording" in shown(app)
    assert any("karar" in e.label for e in app.expander)


def test_every_view_shows_a_recording(page):
    app = page("Melody")
    for view in ("Melody", "Karar", "Commas", "Makam", "Form", "Compare", "Files", "Words"):
        app.query_params["view"] = view
        app.run()
        assert app.session_state["view"] == view
        assert not app.exception, view
        assert not app.error, view
        assert "Karar" in shown(app), view


def test_the_karar_is_corrected_and_taken_back(page, data_dir):
    app = page("Karar")
    note = re.search(r"\*\*Karar\*\* \S+ Hz \((.*?)\)", shown(app))[1]
    assert f"Hz is {note}." in shown(app)  # the same karar has the same note everywhere
    app = app.number_input(key="karar_field").set_value(293.7).run()
    app = press(app, "karar_store")
    assert not app.exception
    assert "The karar 293.7 Hz is stored" in shown(app)
    assert "**Karar** 293.7 Hz (D4 +0 cents)".replace(" +0 cents", "") in shown(app)
    words = store.karar_words_table(store.open_store(Settings().database))
    assert (words["name"].tolist(), words["karar_hz"].tolist()) == (
        [""],
        [293.7],
    )  # the name of an upload is not stored
    assert any(e.label == "All corrected karars (1)" for e in app.expander)
    app = press(app, "karar_undo")
    assert "The correction was taken back" in shown(app)
    assert "corrected by" not in shown(app)


def test_a_clip_has_no_suggestion_of_a_makam_as_a_fact(page):
    app = page("Makam")
    assert "not the whole of a makam" in shown(app)
    assert "no suggestion" in shown(app)


def test_silence_has_no_karar(page):
    quiet = io.BytesIO()
    soundfile.write(quiet, 1e-3 * np.random.default_rng(0).standard_normal(8 * SR), SR, format="FLAC")
    app = page("Karar", quiet.getvalue(), "noise.flac")
    assert not app.exception
    assert "No karar was found" in shown(app)


def test_what_is_no_audio_is_refused(page):
    app = page("Melody", b"not audio", "a.flac")
    assert not app.exception
    assert app.error
