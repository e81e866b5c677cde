"""An analyst clicks on a clip of the map of explanations, and its reasons open."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_journeys import settle

pytestmark = pytest.mark.browser


def test_a_click_on_the_map_opens_the_reasons_for_the_clip(server, browser_page):
    page = browser_page
    page.goto(f"{server.url}/explain?view=Map")
    points = page.locator(".scatterlayer .trace").last.locator("path.point")  # the wrong clips are drawn last
    points.first.wait_for()
    settle(page)
    points.first.hover(force=True)
    text = page.locator(".hoverlayer").get_by_text(re.compile(r"row \d+"))
    row = re.search(r"row (\d+)", text.first.text_content() or "")[1]
    points.first.click(force=True)
    expect(page.get_by_text(re.compile(rf"Row {row} is"))).to_be_visible(timeout=60_000)
    expect(page).to_have_url(re.compile(rf"view=One.clip.*row={row}"))
