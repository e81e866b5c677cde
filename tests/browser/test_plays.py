"""Plays, skips and finished sounds in a real browser, compared with counts by hand."""

import base64
import re
import time

import numpy as np
import pandas as pd
import pytest

from core import store
from core.audio.encoding import wav
from core.monitoring.play_rule import PLAY_S, PLAY_SHARE
from core.store import EventKind
from core.store.checks import now
from pages.shared import assets
from tests.mood_library import stored

pytestmark = pytest.mark.browser

SHORT_S, LONG_S = 1.0, 20.0
SCRIPT = """
async ({ code, rule, short, long }) => {
  const { default: draw } = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const address = (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
  };
  window.sounds = { short: address(short), long: address(long) };
  window.reports = [];
  const known = (one) => reports.some(({ id }) => id === one.id);
  const setStateValue = (_, sent) => reports.push(...sent.filter((one) => !known(one)));
  window.connect = (seen) => draw({ data: { ...rule, seen }, setStateValue });
  connect([]);
  window.put = (name, sound, { key = `heard_${name}`, loop = false } = {}) => {
    const box = document.createElement("div");
    box.className = `stVerticalBlock st-key-${key} other`;
    const audio = document.createElement("audio");
    audio.id = name;
    audio.loop = loop;
    audio.src = sounds[sound];
    box.append(audio);
    document.body.append(box);
    return audio.play();
  };
  window.get = (name) => document.getElementById(name);
}
"""


def counted(page) -> list[tuple[str, str]]:
    return [(one["player"], one["kind"]) for one in page.evaluate("reports")]


@pytest.fixture
def alone(browser_page):
    """The script alone, without a server."""
    short, long = (base64.b64encode(wav(np.full(int(s * 44_100), 0.01))).decode() for s in (SHORT_S, LONG_S))
    rule = {"play_share": PLAY_SHARE, "play_s": PLAY_S}
    browser_page.evaluate(
        SCRIPT, {"code": assets.script("heard_parts", "plays"), "rule": rule, "short": short, "long": long}
    )
    return browser_page


def heard_a_little(page, name: str) -> None:
    page.wait_for_function(f"get('{name}').currentTime > 0.6")


def ends(page, name: str) -> None:
    page.wait_for_function(f"get('{name}').ended")


def test_each_sound_counts_once_by_the_rule(alone):
    page = alone
    page.evaluate("put('a1', 'short')")  # to its end: a play, and finished
    ends(page, "a1")
    page.evaluate("put('a2', 'long')")
    heard_a_little(page, "a2")
    page.evaluate("get('a2').pause()")  # a pause alone is nothing
    page.evaluate("get('a2').play()")
    page.evaluate("get('a2').pause()")
    assert counted(page) == [("heard_a1", "played"), ("heard_a1", "finished")]
    page.evaluate("put('a3', 'long')")  # another player starts: the paused one was skipped
    page.wait_for_function("reports.length == 3")
    heard_a_little(page, "a3")
    page.evaluate("get('a3').src = sounds.short")  # another sound comes into the player
    page.wait_for_function("reports.length == 4")
    page.evaluate("put('a4', 'long')")
    heard_a_little(page, "a4")
    page.evaluate("get('a4').parentElement.remove()")  # the page shows something else
    page.wait_for_function("reports.length == 5")
    page.evaluate("put('a5', 'long')")
    heard_a_little(page, "a5")
    page.evaluate("get('a5').currentTime = 19.8")  # moved to its end without hearing it
    ends(page, "a5")
    page.evaluate("put('plain', 'short', { key: 'no_player' })")  # a sound that is not counted
    ends(page, "plain")
    page.evaluate("get('a1').play()")  # once more from its begin: another play
    page.wait_for_function("reports.length == 8")
    assert counted(page)[2:] == [
        ("heard_a2", "skipped"),
        ("heard_a3", "skipped"),
        ("heard_a4", "skipped"),
        ("heard_a5", "skipped"),
        ("heard_a1", "played"),
        ("heard_a1", "finished"),
    ]
    by_player = {one["player"]: one for one in page.evaluate("reports")}
    assert by_player["heard_a1"]["heard_s"] == pytest.approx(SHORT_S, abs=0.1)
    assert 0.5 < by_player["heard_a5"]["heard_s"] < 5
    assert by_player["heard_a5"]["length_s"] == LONG_S


def test_a_loop_and_a_passage_count_once_and_lost_reports_are_sent_again(alone):
    page = alone
    page.evaluate("put('b1', 'short', { loop: true })")
    page.wait_for_function("reports.length == 2")
    page.wait_for_function("get('b1').currentTime < 0.4")
    page.wait_for_function("get('b1').currentTime > 0.7")  # the second time
    page.evaluate("get('b1').pause()")
    page.evaluate("put('b2', 'long', { key: 'heard_b2_10' })")  # a passage of 1 s, at whose end the page pauses
    page.wait_for_function("get('b2').currentTime > 1")
    page.evaluate("get('b2').pause()")
    page.wait_for_function("reports.length == 4")
    kinds = ["played", "finished"]
    assert counted(page) == [(key, kind) for key in ("heard_b1", "heard_b2_10") for kind in kinds]
    assert page.evaluate("tmePlays.waiting.length") == 4
    page.evaluate("connect(reports.slice(0, 3).map(({ id }) => id))")
    assert page.evaluate("tmePlays.waiting.map(({ id }) => id)") == [page.evaluate("reports[3].id")]


FAST = """
  window.rate = 1;
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () { this.playbackRate = window.rate; return play.call(this); };
"""


def noted(opened, since) -> list[tuple[str, str, str]]:
    kinds = (EventKind.PLAYED, EventKind.SKIPPED, EventKind.FINISHED)
    table = pd.concat([store.events_table(opened, kind, since) for kind in kinds])
    rows = table.sort_values("event_id")[["way", "kind", "clip_id"]]
    return [tuple(map(str, row)) for row in rows.to_numpy()]


def grows_to(opened, since, number: int) -> list[tuple[str, str, str]]:
    end = time.monotonic() + 20
    while len(noted(opened, since)) < number and time.monotonic() < end:
        time.sleep(0.1)
    return noted(opened, since)


def test_a_walk_through_moods_and_playlists_is_counted_as_by_hand(server, browser_page, tmp_path):
    expect = pytest.importorskip("playwright.sync_api").expect
    opened = store.open_store(f"sqlite:///{server.data_dir / 'feedback.db'}")
    pieces = stored(opened, tmp_path / "music", each=6, said_s=60.0)
    since, page = now(), browser_page
    page.goto(f"{server.url}/moods?hear={pieces[0]}")
    page.locator("audio").wait_for()
    page.evaluate(f"() => {{{FAST}}}")
    page.evaluate("window.rate = 8; document.querySelector('audio').play()")
    page.wait_for_function("document.querySelector('audio').ended")
    box = page.get_by_role("combobox", name="Piece to hear")
    box.fill("Ezgi 1")
    box.press("Enter")
    page.get_by_text("Ezgi 1", exact=False).first.wait_for()
    page.wait_for_function("!document.querySelector('audio').ended && document.querySelector('audio').readyState > 3")
    page.evaluate("window.rate = 1; document.querySelector('audio').play()")
    page.wait_for_function("document.querySelector('audio').currentTime > 0.6")
    page.get_by_role("link", name="Playlists").click()
    page.get_by_role("button", name="Play all").wait_for()
    assert grows_to(opened, since, 3) == [
        ("moods", "played", pieces[0]),
        ("moods", "finished", pieces[0]),
        ("moods", "skipped", pieces[1]),
    ]
    status, seek = page.locator("[data-part=status]"), page.locator("[data-part=seek]")
    page.evaluate("window.rate = 8")
    page.get_by_role("button", name="Play all").click()  # the first piece ends by itself, the second one is skipped
    expect(status).to_contain_text("1 of ", timeout=20_000)
    expect(seek).not_to_have_value("0", timeout=20_000)
    page.evaluate("window.rate = 1")  # of the second piece
    expect(status).to_contain_text("2 of ", timeout=20_000)
    expect(seek).to_have_value(re.compile("^[1-5]([.]|$)"), timeout=20_000)
    page.get_by_role("button", name="Next", exact=True).click()
    found = grows_to(opened, since, 6)[3:]
    assert [row[:2] for row in found] == [("playlists", "played"), ("playlists", "finished"), ("playlists", "skipped")]
    assert found[0][2] == found[1][2] != found[2][2]
    shown = store.events_table(opened, EventKind.SHOWN, since)
    assert {"moods", "playlists"} == set(shown["way"])
    assert shown.loc[shown["way"].eq("moods"), "value"].tolist() == [24]
