"""Plays, skips and finished sounds in a real browser, compared with counts by hand."""

import base64

import numpy as np
import pytest

from core.audio.encoding import wav
from core.monitoring.listening import PLAY_S, PLAY_SHARE
from pages.shared import assets

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
    browser_page.evaluate(SCRIPT, {"code": assets.script("plays"), "rule": rule, "short": short, "long": long})
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
