"""A therapist corrects a piece on Moods, and the playlists change: now, at the next visit, and back after an undo."""

import re
import secrets

import pytest

from core import store
from core.wording import with_sign
from tests.browser.test_journeys import settle
from tests.mood_library import stored

pytestmark = pytest.mark.browser

PIECE = "Şirin 1 - Ezgi 4"  # the model is sure of angry


def open_playlist(page, server, mood: str) -> None:
    page.goto(f"{server.url}/playlists?mood={with_sign(mood)}")
    page.get_by_role("heading", name=f"{mood.capitalize()}, 30 minutes").wait_for()
    settle(page)


def answers(page, *, of: str):
    """The four moods that a person can say they hear in a piece."""
    return page.locator("[data-testid=stButtonGroup]").filter(has_text=f"I hear in {of}")


def test_a_corrected_piece_leaves_the_playlist_of_the_models_mood(server, browser_page):
    page, name = browser_page, f"Deniz {secrets.token_hex(3)}"
    opened = store.open_store(f"sqlite:///{server.data_dir / 'feedback.db'}")
    stored(opened, server.data_dir / "müzik", each=4, said_s=120.0)
    open_playlist(page, server, "angry")
    answers(page, of=PIECE).wait_for()

    page.goto(f"{server.url}/moods")
    page.get_by_role("textbox", name="Your name").fill(name)
    page.get_by_role("textbox", name="Your name").press("Enter")
    page.get_by_role("button", name=re.compile(name)).wait_for()
    page.get_by_role("combobox", name="Piece to hear").fill("Ezgi 4")
    page.get_by_role("option", name="Ezgi 4").click()
    settle(page)
    answers(page, of="Ezgi 4").get_by_text("relax").click()
    page.get_by_text(f"Stored: {with_sign('relax')} for Ezgi 4").first.wait_for()
    page.get_by_text("your word; the model: angry 88.0 %").first.wait_for()
    (row,) = store.feedback_table(opened, rater=name).to_dict("records")
    assert (row["label"], row["shown_label"], row["display"]) == ("relax", "angry", "shown")

    open_playlist(page, server, "angry")
    assert answers(page, of=PIECE).count() == 0
    open_playlist(page, server, "relax")
    page.get_by_text("relax, your word; the model: angry 88.0 %, accepted").wait_for()
    page.goto(f"{server.url}/playlists?mood={with_sign('angry')}&model_only=true")
    page.get_by_text("Only the model's moods are shown and used.").wait_for()
    settle(page)
    answers(page, of=PIECE).wait_for()

    open_playlist(page, server, "relax")
    answers(page, of=PIECE).get_by_text("relax").click()  # once more: takes it back
    page.get_by_text(f"Taken back: your answer for {PIECE}.").first.wait_for()
    open_playlist(page, server, "angry")
    answers(page, of=PIECE).wait_for()
