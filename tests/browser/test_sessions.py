"""A therapist's two days in a browser: a session is made, ended, opened again after the library grew, and printed."""

import re
import secrets

import pytest

from core import store
from tests.mood_library import stored

pytestmark = pytest.mark.browser


def settle(page) -> None:
    """Wait until the script has run and nothing spins; no stack trace may be on the page."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_function("document.querySelectorAll('[data-testid=stSpinner]').length === 0")
    assert page.locator("[data-testid=stException]").count() == 0


def titles(page) -> list[str]:
    """The titles of the listed pieces, in order."""
    lines = page.locator("[data-testid=stMarkdown] strong").all_inner_texts()
    return [line.rsplit(" - ", 1)[1] for line in lines if re.match(r"\d+\. ", line)]


def press(page, name: str, then: str | re.Pattern) -> None:
    """Press a button and wait for a text."""
    page.get_by_role("button", name=name, exact=True).click()
    page.get_by_text(then).first.wait_for()
    settle(page)


@pytest.mark.parametrize("browser_page", [390], indirect=True)
def test_make_end_open_again_and_print_a_session_after_the_library_grew(server, browser_page, tmp_path):
    page, code = browser_page, f"K-{secrets.randbelow(10**6)}"
    opened = store.open_store(f"sqlite:///{server.data_dir / 'feedback.db'}")
    stored(opened, tmp_path / "first", each=6, said_s=120.0)

    page.goto(f"{server.url}/sessions")
    page.get_by_role("textbox", name="Your name").fill(f"Ece {code}")
    page.get_by_role("button", name="Start").click()
    page.get_by_text("New client").click()
    page.get_by_role("textbox", name="Code").fill(code)
    page.get_by_role("textbox", name="Code").press("Enter")
    press(page, "Add the client", "is stored. Make a list for this client")
    page.get_by_role("link", name="Make a list for this client").click()
    page.get_by_role("button", name="Store as a session").wait_for()
    settle(page)
    page.get_by_role("spinbutton", name="Minutes").fill("5")
    page.get_by_role("spinbutton", name="Minutes").press("Enter")
    page.get_by_role("heading", name="Relax, 5 minutes").wait_for()
    settle(page)
    vetoed = [titles(page)[0]]
    page.get_by_role("button", name="Veto 1", exact=True).click()
    page.get_by_text(re.compile("never played for this client")).wait_for()
    settle(page)
    press(page, "Store as a session", "Stored as session")
    page.get_by_role("link", name="Open the stored session").click()
    press(page, "Begin the session", "running")
    listed = titles(page)
    assert vetoed[0] not in listed
    player = page.get_by_role("group", name="Player of the whole list")
    player.get_by_role("button", name="Play all").click()
    player.get_by_role("status").filter(has_text=listed[0]).wait_for()
    player.get_by_role("button", name="Pause").click()
    press(page, "Stopped 2", "Piece 2 stopped at")
    press(page, "End the session", "over")
    address = page.url

    stored(opened, tmp_path / "second", each=9, said_s=120.0)  # the library grew
    page.goto(address)
    page.get_by_role("button", name="Continue the session").wait_for()
    settle(page)
    assert titles(page) == listed
    page.get_by_role("tab", name="Print and copy").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Session sheet to print").click()
    sheet = waiting.value.path().read_text(encoding="utf-8")
    assert re.findall(r"<strong>\d+\. ([^<]+)</strong>", sheet) == listed
    assert f"Stopped: 2. {listed[1]}" in sheet

    press(page, "Copy as the next session", "Copied as session")
    page.get_by_role("tab", name="Pieces").click()
    for _ in range(2):  # what was vetoed does not come back as a replacement
        vetoed.append(titles(page)[0])
        press(page, "Veto 1", f"{vetoed[-1]} is never played")
        assert not set(vetoed) & set(titles(page))
        assert titles(page)[-1] == listed[-1]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    store.close_store(opened)
