"""A musicologist opens a recording on Makam, hears it with a drone, corrects the karar, and takes it back."""

import re

import pytest
import soundfile
from playwright.sync_api import expect

from core import store
from core.makam.synthesis import Score, render
from tests.browser.test_journeys import settle

pytestmark = pytest.mark.browser


def test_a_karar_is_corrected_by_ear_and_taken_back(server, browser_page, tmp_path):
    page = browser_page
    score = Score("Rast", 220.0, (0.0, 9.0, 17.0, 22.0, 17.0, 9.0, 0.0), (1.0,) * 6 + (3.0,))
    soundfile.write(tmp_path / "taksim.flac", render(score, "blown", sr=22050), 22050)
    page.goto(f"{server.url}/makam?view=Karar")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "taksim.flac")
    page.get_by_role("heading", name="taksim.flac").wait_for()
    settle(page)
    page.get_by_text("prove little about the karar").first.wait_for()

    page.get_by_test_id("stCheckbox").get_by_text("With a drone").click()
    page.get_by_text(re.compile(r"drone at \d")).first.wait_for()
    settle(page)
    tried = page.get_by_label("Karar to try (Hz)")
    before = tried.input_value()
    page.get_by_role("button", name="+ comma").click()
    expect(tried).not_to_have_value(before, timeout=60_000)
    settle(page)
    page.get_by_role("button", name="Store this karar").click()
    page.get_by_text(re.compile(r"The karar \d+\.\d Hz is stored")).wait_for()
    settle(page)
    opened = store.open_store(f"sqlite:///{server.data_dir / 'feedback.db'}")
    (row,) = store.karar_words_table(opened).to_dict("records")
    assert row["name"] == ""  # the name of an upload is not stored
    assert row["karar_hz"] / row["measured_hz"] == pytest.approx(2 ** (1 / 53), abs=0.001)
    page.get_by_text(re.compile("corrected by")).first.wait_for()

    page.get_by_role("tab", name="Melody").click()
    page.locator("[data-testid=stPlotlyChart]").first.wait_for()
    page.get_by_text("Zones of rest").wait_for()
    page.get_by_role("tab", name="Karar").click()
    page.get_by_role("button", name="Take the correction back").click()
    page.get_by_text("The correction was taken back.").wait_for()
    assert store.karar_words_table(opened).empty
