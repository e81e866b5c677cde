"""The player of a playlist in a real browser: levels of the rendered sound, and one piece after the other by itself."""

import base64

import numpy as np
import pytest

from core import store
from core.audio.encoding import wav
from pages.shared import assets
from tests.mood_library import stored

pytestmark = pytest.mark.browser

LENGTH_S = 6.0
RENDER = """
async ({ code, pieces, fades, length }) => {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const { scheduleFades, endsOf } = await import(url);
  const rate = 8000, levels = [];
  for (const [index, { db, at }] of pieces.entries()) {
    const context = new OfflineAudioContext(1, rate * (length - at), rate);
    const source = context.createConstantSource(), gain = context.createGain();
    source.connect(gain).connect(context.destination);
    source.start();
    scheduleFades(gain.gain, { now: 0, at, length, db, ...endsOf(fades, index, pieces.length) });
    levels.push([...(await context.startRendering()).getChannelData(0)]);
  }
  return levels;
}
"""
CATCH_GAINS = """
  window.gains = [];
  const make = AudioContext.prototype.createGain;
  AudioContext.prototype.createGain = function () {
    const node = make.call(this);
    window.gains.push(node.gain);
    return node;
  };
"""


def rendered(page, gains_db, at=(0.0, 0.0, 0.0), **fades):
    """Samples of three constant pieces as the player plays them, from some moment of each on."""
    given = {"in_s": 0, "out_s": 0, "gap_s": 0, "crossfade_s": 0} | fades
    pieces = [{"db": db, "at": start} for db, start in zip(gains_db, at, strict=True)]
    what = {"code": assets.script("list_player"), "pieces": pieces, "fades": given, "length": LENGTH_S}
    return [np.array(samples) for samples in page.evaluate(RENDER, what)]


def test_the_rendered_sound_of_three_pieces_has_their_gains_and_fades(browser_page):
    for db, y in zip((-6.0, 0.0, 3.0), rendered(browser_page, (-6.0, 0.0, 3.0), in_s=1, out_s=2), strict=True):
        loud = 10 ** (db / 20)
        t = np.arange(len(y)) / 8000
        wanted = loud * np.sin(np.pi / 2 * np.clip(t, 0, 1)) * np.sin(np.pi / 2 * np.clip((LENGTH_S - t) / 2, 0, 1))
        assert y == pytest.approx(wanted, abs=0.01 * loud)


def test_a_crossfade_replaces_the_fades_inside_the_list(browser_page):
    first, middle, last = rendered(browser_page, (0, 0, 0), in_s=1, out_s=1, crossfade_s=3)
    both = first[-3 * 8000 :] ** 2 + middle[: 3 * 8000] ** 2
    assert both == pytest.approx(np.ones(len(both)), abs=0.02)
    assert first[4000] == pytest.approx(np.sin(np.pi / 4), abs=0.01)  # half of the fade-in of the first piece
    assert last[-4000] == pytest.approx(np.sin(np.pi / 4), abs=0.01)


def test_a_piece_that_goes_on_in_the_middle_of_a_fade_has_the_level_of_that_moment(browser_page):
    y, _, z = rendered(browser_page, (0, 0, 0), at=(0.5, 0, 5.0), in_s=1, out_s=2)
    assert y[0] == pytest.approx(np.sin(np.pi / 4), abs=0.01)
    assert y[8000] == pytest.approx(1, abs=0.01)
    assert z[0] == pytest.approx(np.sin(np.pi / 4), abs=0.01)
    assert z[-8] < 0.01


PLAYER = """
async ({ code, html, wav }) => {
  const { default: draw } = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const bytes = Uint8Array.from(atob(wav), (c) => c.charCodeAt(0));
  window.url = URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
  window.root = document.createElement("div");
  root.innerHTML = html;
  const other = document.createElement("audio");
  other.src = url;
  other.loop = true;
  document.body.append(root, other);
  window.sent = [];
  window.fetched = 0;
  const get = window.fetch;
  window.fetch = (...what) => { fetched += 1; return get(...what); };
  window.show = (gains, ready = null) => {
    const pieces = gains.map((gain_db, k) => ({ id: `p${k}`, title: `P ${k}`, gain_db }));
    const fades = { in_s: 0, out_s: 0, gap_s: 0, crossfade_s: 0 };
    const setStateValue = (_, wanted) => sent.push(wanted.piece);
    window.end = draw({ parentElement: root, data: { pieces, fades, ready }, setStateValue });
  };
}
"""


@pytest.fixture
def drawn(browser_page):
    """The player alone, without a server; the test gives the answers of the page."""
    sound = base64.b64encode(wav(np.full(20 * 44_100, 0.01))).decode()
    browser_page.evaluate(f"() => {{{CATCH_GAINS}}}")
    what = {"code": assets.script("list_player"), "html": assets.component("list_player")["html"], "wav": sound}
    browser_page.evaluate(PLAYER, what)
    return browser_page


def answered(page, number, gains, gain_db):
    """Draw the player with the address and the gain of a piece, after it asked for this piece."""
    page.wait_for_function(f"sent.at(-1) === 'p{number}'")
    page.evaluate(f"show({gains}, {{ id: 'p{number}', url, gain_db: {gain_db} }})")


def test_a_new_level_holds_for_the_piece_that_plays_and_for_the_next_one(drawn):
    page, status = drawn, drawn.locator("[data-part=status]")
    page.evaluate("show([-6, -6, -6])")
    page.get_by_role("button", name="Play all").click()
    answered(page, 0, [-6, -6, -6], -6)
    answered(page, 1, [-6, -6, -6], -6)
    page.wait_for_function("gains.length == 2")
    page.evaluate("show([3, 3, 3])")  # the level of the list was changed
    answered(page, 0, [3, 3, 3], 2.5)  # its peaks limit the new gain
    page.wait_for_function(f"Math.abs(gains[0].value - {10 ** (2.5 / 20)}) < 0.01")
    assert "gain +2.5 dB" in status.inner_text()
    answered(page, 1, [3, 3, 3], 3)
    page.wait_for_function("gains.length == 3")
    page.get_by_role("button", name="Next").click()
    page.wait_for_function(f"Math.abs(gains[2].value - {10 ** (3 / 20)}) < 0.01")
    assert "gain +3.0 dB" in status.inner_text()
    assert page.evaluate("fetched") == 3  # the piece that plays was not fetched again


def test_a_piece_is_fetched_once_although_the_page_is_drawn_again(drawn):
    page = drawn
    page.evaluate("show([0])")
    page.get_by_role("button", name="Play all").click()
    page.wait_for_function("sent.length == 1")
    page.evaluate("for (let k = 0; k < 3; k += 1) show([0], { id: 'p0', url, gain_db: 0 })")
    page.wait_for_function("gains.length == 1")
    assert page.evaluate("fetched") == 1


def test_one_sound_at_a_time_and_nothing_is_left_at_the_end(drawn):
    page = drawn
    page.evaluate("show([0])")
    page.evaluate("document.querySelector('audio').play()")
    page.get_by_role("button", name="Play all").click()
    answered(page, 0, [0], 0)
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_function("document.querySelector('audio').paused")
    page.evaluate("document.querySelector('audio').play()")
    page.get_by_role("button", name="Play", exact=True).wait_for()
    page.evaluate("end()")
    assert page.evaluate("navigator.mediaSession.metadata") is None


@pytest.mark.parametrize("browser_page", [390], indirect=True)
def test_the_next_piece_begins_by_itself_with_its_gain(server, browser_page, tmp_path):
    stored(store.open_store(f"sqlite:///{server.data_dir / 'feedback.db'}"), tmp_path / "music", each=4, said_s=60.0)
    page = browser_page
    page.goto(f"{server.url}/playlists?minutes_mood=5&fade_in=0.5&fade_out=0.5&between=Crossfade&crossfade=1")
    page.evaluate(f"() => {{{CATCH_GAINS}}}")
    page.get_by_role("button", name="Play all").click()
    status, seek = page.locator("[data-part=status]"), page.locator("[data-part=seek]")
    page.wait_for_function("gains.length == 2")  # the piece that plays, and the next one
    said = status.inner_text()
    assert said.startswith("1 of ")
    loud = 10 ** (float(said.rpartition("gain ")[2].partition(" dB")[0]) / 20)
    page.wait_for_function(f"Math.abs(gains[0].value - {loud}) < {0.01 * loud}")
    seek.press("End")
    page.wait_for_function("gains.length == 3")  # the third piece is fetched when the second one plays
    assert status.inner_text().startswith("2 of ")
    before = float(seek.input_value())
    seek.press("ArrowRight")
    assert float(seek.input_value()) >= before + 4.9
    page.get_by_role("button", name="Pause").click()
    assert page.get_by_role("button", name="Play", exact=True).is_visible()
