"""A list is changed by hand with the keyboard alone, on a telephone."""

import re

import pytest

from core import store
from tests.browser.test_journeys import settle
from tests.mood_library import stored

pytestmark = pytest.mark.browser


def titles(page) -> list[str]:
    """The titles of the list, in order."""
    return [re.sub(r"^\d+\. ", "", text) for text in page.locator("strong").all_inner_texts() if re.match(r"\d", text)]


def press(page, name: str) -> None:
    """Press a button with the keyboard, and wait for the page."""
    button = page.get_by_role("button", name=name, exact=True)
    button.focus()
    page.keyboard.press("Enter")


@pytest.mark.parametrize("browser_page", [390], indirect=True)
def test_a_list_is_changed_with_the_keyboard_on_a_telephone(server, browser_page):
    opened = store.open_store(f"sqlite:///{server.data_dir / 'feedback.db'}")
    stored(opened, server.data_dir / "by hand", each=6, said_s=120.0)
    store.close_store(opened)
    page = browser_page
    page.goto(f"{server.url}/playlists?minutes_mood=5")
    page.get_by_role("button", name="Change 3").wait_for()
    settle(page)
    before = titles(page)
    press(page, "Change 3")
    press(page, "Up")
    page.get_by_role("button", name="Undo the last change (1 so far)").wait_for()
    settle(page)
    page.wait_for_function("document.activeElement.matches('.st-key-hand_up button')")  # it follows the piece
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Undo the last change (2 so far)").wait_for()
    settle(page)
    assert titles(page) == [before[2], before[0], before[1]]
    press(page, "Pin")
    page.get_by_text("pinned").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.reload()  # the address has all changes
    page.get_by_role("button", name="Undo the last change (3 so far)").wait_for()
    settle(page)
    assert titles(page) == [before[2], before[0], before[1]]
