"""What a person does from end to end, in a real browser against a real server."""

import csv
import io
import re
import secrets
import time

import pandas as pd
import pytest

from core import store
from core.evaluation import metrics, run_files
from core.schema import EMOTIONS, LABEL
from core.settings import ROOT
from core.source_note import without_header

pytestmark = pytest.mark.browser

CLIP = ROOT / "tests" / "golden" / "arpeggio_6s.flac"


def settle(page) -> None:
    """Wait until the script has run and nothing spins; no stack trace may be on the page."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_function("document.querySelectorAll('[data-testid=stSpinner]').length === 0")
    assert page.locator("[data-testid=stException]").count() == 0


def test_upload_prediction_answer_row(server, browser_page):
    page, name = browser_page, f"Zeynep Öztürk {secrets.token_hex(3)}"  # another one where the test is repeated
    page.goto(f"{server.url}/predict")
    page.locator("input[type=file]").set_input_files(CLIP)
    page.get_by_role("heading", name=CLIP.name).wait_for()
    settle(page)
    assert page.locator("audio").count() == 1
    page.get_by_text("In words").wait_for()
    page.get_by_role("textbox", name="Your name").fill(name)
    button = page.get_by_role("button", name=re.compile("^No, ")).first
    said = button.inner_text().split()[-1]
    button.click()
    page.get_by_text("Stored:").wait_for()
    kept = store.open_store(f"sqlite:///{server.data_dir / 'feedback.db'}")
    (row,) = store.feedback_table(kept, rater=name).to_dict("records")
    assert row["label"] == said
    assert row["file_name"] == CLIP.name
    assert row["shown_label"] == row["guess"] != said
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Taken back").wait_for()
    assert store.feedback_table(kept, rater=name)["kind"].tolist() == ["answer", "undo"]
    settle(page)
    page.get_by_role("button", name="Delete this clip").last.click()
    page.get_by_text("also those that you gave on Moods").wait_for()  # it asks first
    assert not store.clips_table(kept).empty
    page.get_by_role("button", name="Delete it for ever").click()
    page.get_by_text("Your clip is deleted.").wait_for()
    settle(page)
    assert page.get_by_role("heading", name=CLIP.name).count() == 0  # it leaves the screen, too
    assert store.feedback_table(kept, rater=name).empty


def test_a_file_that_is_no_audio_gets_a_sentence(server, browser_page):
    page = browser_page
    page.goto(f"{server.url}/predict")
    page.locator("input[type=file]").set_input_files(
        {"name": "song.mp3", "mimeType": "audio/mpeg", "buffer": b"this is a letter, not a song"}
    )
    page.get_by_text("is not audio but a text").wait_for()
    settle(page)
    assert page.locator("audio").count() == 0


def test_a_recording_from_the_microphone_is_scored(server, browser_page):
    """Chromium's made-up microphone beeps once a second."""
    page = browser_page
    page.goto(f"{server.url}/predict")
    page.get_by_role("radio", name="Record").or_(page.get_by_role("button", name="Record", exact=True)).first.click()
    page.get_by_role("button", name=re.compile("^Record")).last.click()
    page.wait_for_timeout(2500)
    page.get_by_role("button", name=re.compile("[Ss]top recording")).click()
    page.get_by_role("heading", name="recording.wav").wait_for()
    settle(page)
    assert "Time from the audio to the decision" in page.locator("body").inner_text()


def test_explore_filter_download(server, browser_page, tmp_path):
    page = browser_page
    page.goto(f"{server.url}/explore?view=Rows&emotions=sad&emotions=angry")
    page.get_by_text(re.compile(r"\d+ of 400 rows are shown \(emotion sad, angry\)")).first.wait_for()
    page.get_by_text("Filter rows").click()
    page.get_by_role("button", name="sad").first.click()  # takes sad out of the filter
    caption = page.get_by_text(re.compile(r"\d+ of 400 rows are shown \(emotion angry\)")).first
    caption.wait_for()
    count = int(caption.inner_text().split()[0])
    settle(page)
    with page.expect_download() as waiting:
        page.locator("[data-testid=stDownloadButton] button").first.click()
    waiting.value.save_as(tmp_path / "rows.csv")
    table = without_header((tmp_path / "rows.csv").read_text(encoding="utf-8-sig"))
    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) == count > 90
    assert {row[LABEL] for row in rows} == {"angry"}
    assert re.search(r"data-[0-9a-f]{8}", waiting.value.suggested_filename)


def test_confusion_cell_to_its_clips(server, browser_page):
    page = browser_page
    page.goto(f"{server.url}/confusion")
    settle(page)
    cells = page.locator(".js-plotly-plot .nsewdrag").first
    box = cells.bounding_box()
    column, row = 2, 3  # from the left, from the top
    page.mouse.click(box["x"] + box["width"] * (column + 0.5) / 4, box["y"] + box["height"] * (row + 0.5) / 4)
    heading = page.get_by_role("heading", name=re.compile("predicted"))
    heading.wait_for()
    settle(page)
    words = [w for w in re.findall(r"[a-z]+", heading.inner_text()) if w in EMOTIONS]
    true, called = words[0], words[-1]
    assert {true, called} == {"sad", "relax"}
    found = run_files.read_run(ROOT / "models" / "comparison")
    expected = metrics.confusion_cell(found.predictions(found.champion), y=true, predicted=called)
    page.get_by_text(re.compile(f"^{len(expected)} clips, the most frequent first")).wait_for()
    assert pd.Index(expected["row"]).is_unique


@pytest.mark.parametrize(("place", "limit", "way_out"), [
    ("predict", 200, "export the file as FLAC or MP3"),
    ("tracks", 200, "export the file as FLAC or MP3"),
    ("explore", 150, "Split the file."),
])  # fmt: skip
def test_a_file_that_is_too_large_gets_a_visible_sentence_and_is_not_sent(
    server, browser_page, tmp_path, place, limit, way_out
):
    page, sent = browser_page, []
    page.on("request", note := lambda request: sent.append(request.url) if "/upload_file/" in request.url else None)
    page.goto(f"{server.url}/{place}")
    if place == "explore":
        page.get_by_text("Add a table").click()
    settle(page)
    sentence = page.get_by_text(f"The limit is {limit} MB, and")
    sentence.wait_for(state="hidden")
    large = tmp_path / ("large.csv" if place == "explore" else "large.wav")
    with large.open("wb") as file:
        file.truncate((limit + 1) << 20)
    page.locator("input[type=file]").set_input_files(large)
    sentence.wait_for()
    assert way_out in sentence.inner_text()
    assert sent == []
    page.get_by_role("button", name=f"Remove {large.name}").click()
    sentence.wait_for(state="hidden")
    page.remove_listener("request", note)


def test_a_download_is_noted_and_the_page_says_that_use_is_noted(server, browser_page):
    page = browser_page
    page.goto(f"{server.url}/compare")
    settle(page)
    page.get_by_text("Use is noted, without names and without sound.").wait_for()
    page.get_by_text("Numbers, pictures, citation").first.click()
    opened = store.open_store(f"sqlite:///{server.data_dir / 'feedback.db'}")
    before = store.event_totals(opened)["exports", "page"]
    for format_name in ("Download CSV", "SVG"):  # the first is made with the page, the second one when it is asked for
        with page.expect_download() as coming:
            page.get_by_role("button", name=format_name).first.click()
        assert coming.value.path().stat().st_size > 0
    end = time.monotonic() + 10  # the server notes a download after it has sent it
    while (noted := store.event_totals(opened)["exports", "page"] - before) < 2 and time.monotonic() < end:
        page.wait_for_timeout(50)
    assert noted == 2
    store.close_store(opened)
