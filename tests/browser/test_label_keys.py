"""Labelling with the keyboard alone and on a telephone, in a real browser."""

import secrets
import time
from urllib.parse import quote

import numpy as np
import pytest

from core import store
from core.audio.decoding import Clip, content_hash
from core.labelling import tasks
from core.labelling.tasks import Choice
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.pipeline import kept_audio
from core.schema import EMOTIONS, SR
from core.settings import Settings
from pages.shared.who import COOKIE

pytestmark = pytest.mark.browser

CLIPS = 6
SECONDS = 15  # longer than a busy machine takes to look whether it plays
LISTEN_MS = 1300  # longer than `core.labelling.desk.TOO_FAST_S`
SOUND = ".st-key-player audio"  # the clip on the desk; another audio element loads the next clip


@pytest.fixture
def queue(server):
    """The server's store with clips in the queue that come before all others; for each test new ones."""
    opened = store.open_store(f"sqlite:///{server.data_dir / 'feedback.db'}")
    for _ in range(CLIPS):
        y = np.random.default_rng().uniform(-0.2, 0.2, SECONDS * SR)
        clip = Clip(content_hash(y.tobytes()), y, SR)
        path = kept_audio.keep_audio(clip, Settings(data_dir=server.data_dir).clips_dir)
        store.add_clip(opened, clip.clip_id, file_name="noise.wav", duration_s=SECONDS, sr=SR, path=path)
        said = Prediction(clip.clip_id, "test", "x 1", dict.fromkeys(EMOTIONS, 0.25))
        store.save_predictions(opened, [(said, decide(said, Policy()))], policy=Policy())
    yield opened
    store.close_store(opened)


def once(name):
    """A name that nobody has answered under, also when a test is repeated: the page would ask whether that is them."""
    return f"{name} {secrets.token_hex(3)}"


def said(opened, rater):
    table = store.feedback_table(opened, rater=rater)
    return [k if k == "undo" else label if label in EMOTIONS else skip for k, label, skip in
            zip(table["kind"], table["label"], table["skip_reason"], strict=True)]  # fmt: skip


def comes(what, seconds=10):
    """Whether it becomes true in time."""
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.05)
    return what()


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.05)
    assert what()


def idle(page):
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    assert page.locator("[data-testid=stException]").count() == 0


def tab_to(page, role, name):
    """Move the focus with the Tab key alone."""
    wanted = page.get_by_role(role, name=name).first
    wanted.wait_for()
    for _ in range(120):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the Tab key does not lead to {name}")


def give_name(page, server, name):
    """Open the page and give the name, without a mouse."""
    page.goto(f"{server.url}/label")
    page.get_by_text("What is your name?").wait_for()
    idle(page)
    tab_to(page, "textbox", "Your name")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    clip_comes(page)


def come_back(page, server, name, query=""):
    """Open the page with a name that the browser knows."""
    page.context.add_cookies([{"name": COOKIE, "value": quote(name), "url": server.url}])
    page.goto(f"{server.url}/label{query}")
    clip_comes(page)


def clip_comes(page):
    """Wait for a clip, and until it was heard long enough for an answer."""
    page.get_by_role("button", name="● sad").wait_for()
    idle(page)
    page.wait_for_timeout(LISTEN_MS)


def next_is_heard(page, before):
    """Wait until a sound other than ``before`` was heard long enough for an answer; returns its address."""
    heard = f"before => (a => a && a.src !== before && a.currentTime > 1)(document.querySelector('{SOUND}'))"
    page.wait_for_function(heard, arg=before)
    idle(page)
    page.wait_for_timeout(LISTEN_MS)
    return page.evaluate(f"document.querySelector('{SOUND}').src")


@pytest.mark.parametrize("browser_page", [390], indirect=True)
def test_a_session_with_the_keyboard_alone(server, queue, browser_page):
    """On a telephone, and after two answers on a desk."""
    page, name = browser_page, once("Keys")
    give_name(page, server, name)
    for key, emotion in zip("1234", EMOTIONS, strict=True):
        if key == "3":
            page.set_viewport_size({"width": 1280, "height": 900})
        before = said(queue, name)
        page.keyboard.press(key)
        if not comes(lambda expected=[*before, emotion]: said(queue, name) == expected):
            page.keyboard.press(key)  # on a busy machine the clip came so late that the first press was too soon
        wait_for(lambda expected=[*before, emotion]: said(queue, name) == expected)
        page.wait_for_timeout(LISTEN_MS)
        assert page.locator(SOUND).count() == 1
    page.keyboard.press("s")
    page.keyboard.press("a")  # at once, before the reasons are drawn
    wait_for(lambda: said(queue, name)[4:] == ["ambiguous"])
    page.wait_for_timeout(LISTEN_MS)
    page.keyboard.press("z")
    page.get_by_text("Taken back").wait_for()
    assert said(queue, name)[5:] == ["undo"]
    page.set_viewport_size({"width": 390, "height": 900})
    page.reload()
    page.get_by_role("button", name="● sad").wait_for()  # the name was kept by the browser
    idle(page)
    page.get_by_text("4 answered").wait_for()
    page.keyboard.press("z")
    page.get_by_text("Taken back").wait_for()
    assert said(queue, name)[6:] == ["undo"]
    page.get_by_text("3 answered").wait_for()


@pytest.mark.parametrize("browser_page", [390], indirect=True)
def test_on_a_telephone_all_is_in_sight_together_and_nothing_lies_over_it(server, queue, browser_page):
    page = browser_page
    come_back(page, server, once("Telephone"), query="?guesses=true")
    answers = [page.get_by_role("button", name=e) for e in ("▲ angry", "★ happy", "■ relax", "● sad")]
    others = [page.locator(SOUND), page.get_by_role("button", name="Comment"), page.locator(".st-key-about_clip")]
    for height in (844, 650):
        page.set_viewport_size({"width": 390, "height": height})
        page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        for element in answers + others:
            box = element.bounding_box()
            assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
            assert 0 <= box["y"] <= box["y"] + box["height"] <= height
            on_top = "e => { const b = e.getBoundingClientRect();"
            on_top += " return e.contains(document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2)) }"
            assert element.evaluate(on_top)
        before = [button.bounding_box() for button in answers]
        assert min(box["height"] for box in before) >= 44  # a thumb's width
        page.mouse.wheel(0, 2000)
        page.wait_for_timeout(300)
        for button, box in zip(answers, before, strict=True):
            assert button.bounding_box()["y"] == pytest.approx(box["y"], abs=2)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.mouse.wheel(0, -2000)
        page.wait_for_timeout(300)


@pytest.mark.parametrize("browser_page", [390], indirect=True)
def test_a_task_on_a_telephone(server, queue, browser_page):
    page, name = browser_page, once("Tasked")
    page.set_viewport_size({"width": 390, "height": 844})
    tasks.make_task(queue, name="Four clips", choice=Choice(4), raters=[(name, False)], seed=1)
    give_name(page, server, name)
    before = ""
    for number in range(5):  # one of the four comes twice
        page.get_by_text(f"{number} of 5 answered").wait_for()
        before = next_is_heard(page, before)
        page.get_by_role("button", name="● sad").click()
        wait_for(lambda expected=number + 1: len(said(queue, name)) == expected)
    page.get_by_text("You have given all 5 answers of your task “Four clips”").wait_for()
    assert page.get_by_role("button", name="synthetic").count() == 0
    table = store.feedback_table(queue, rater=name)
    assert sorted(table["kind"]) == ["answer"] * 4 + [store.REPEAT]
    assert table["display"].tolist() == ["hidden by choice"] * 5
    assert (table["heard_s"] > 0.9).all()
    assert (table["answer_s"] >= table["heard_s"] - 0.2).all()


def test_keys_in_a_comment_are_no_answers_and_the_comment_is_stored(server, queue, browser_page):
    """With the Tab key to a button; then with the keys that open a comment and the list of keys."""
    page, name = browser_page, once("Scribe")
    give_name(page, server, name)
    tab_to(page, "button", "Comment")
    page.keyboard.press("Enter")
    tab_to(page, "textbox", "Comment (optional)")
    page.keyboard.type("4 beats, 1 saz, sz")
    page.keyboard.press("Enter")  # which gives the keys back
    idle(page)
    page.wait_for_timeout(500)
    assert said(queue, name) == []
    page.keyboard.press("2")
    wait_for(lambda: said(queue, name) == ["happy"])
    assert store.feedback_table(queue, rater=name)["comment"].tolist() == ["4 beats, 1 saz, sz"]

    page.get_by_text("1 answered").wait_for()
    clip_comes(page)
    page.keyboard.press("?")
    page.get_by_text("take back the newest answer").wait_for()
    page.keyboard.press("?")
    page.get_by_text("take back the newest answer").wait_for(state="hidden")
    page.keyboard.press("w")
    page.wait_for_function("document.activeElement.tagName === 'INPUT'")
    page.keyboard.type("4 beats?")
    page.keyboard.press("Enter")
    page.get_by_role("textbox", name="Comment (optional)").wait_for(state="hidden")
    page.get_by_role("button", name="Comment: 4 beats?").click()
    page.keyboard.press("1")  # at once, before the field is drawn
    page.wait_for_function("document.activeElement.tagName === 'INPUT'")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("End")
    page.keyboard.type(" 2")
    page.keyboard.press("Enter")
    page.get_by_role("textbox", name="Comment (optional)").wait_for(state="hidden")
    assert said(queue, name) == ["happy"]
    page.keyboard.press("3")
    wait_for(lambda: said(queue, name) == ["happy", "relax"])
    _, comment = store.feedback_table(queue, rater=name)["comment"]
    assert sorted(comment.replace("1", "")) == sorted("4 beats? 2")  # the browser chooses where the caret stands


def test_a_second_press_while_the_page_is_slow_or_a_key_that_is_held_down_is_one_answer(server, queue, browser_page):
    page, name = browser_page, once("Impatient")
    come_back(page, server, name)
    for wait in (150, 600):
        before = said(queue, name)
        page.keyboard.press("2")
        page.wait_for_timeout(wait)
        page.keyboard.press("2")
        wait_for(lambda before=before: len(said(queue, name)) > len(before))
        idle(page)
        page.wait_for_timeout(LISTEN_MS)
        assert said(queue, name) == [*before, "happy"]
    for _ in range(60):
        page.keyboard.down("3")
        page.wait_for_timeout(33)
    page.keyboard.up("3")
    idle(page)
    page.wait_for_timeout(LISTEN_MS)
    assert said(queue, name) == ["happy", "happy", "relax"]


def seek(page, share):
    """Click on the time bar of the player, which the browser draws."""
    bar = page.context.new_cdp_session(page)
    root = bar.send("DOM.getDocument", {"depth": -1, "pierce": True})["root"]

    def within(node):
        children = node.get("children", []) + node.get("shadowRoots", [])
        return [node, *(found for child in children for found in within(child))]

    audio = next(n for n in within(root) if n["nodeName"] == "AUDIO" and not n.get("hidden"))
    slider = next(n for n in within(audio) if "-webkit-media-controls-timeline" in n.get("attributes", []))
    x0, y0, x1, *_, y3 = bar.send("DOM.getBoxModel", {"nodeId": slider["nodeId"]})["model"]["content"][:8]
    page.mouse.click(x0 + share * (x1 - x0), (y0 + y3) / 2)


def test_no_click_takes_the_keys_away(server, queue, browser_page):
    page, name = browser_page, once("Switcher")
    come_back(page, server, name)
    page.get_by_role("button", name="Options").click()
    page.get_by_text("Guesses of the model").click()
    page.wait_for_url("**guesses=true**")  # it stays on after a reload
    page.get_by_role("button", name="Options").click()
    page.wait_for_timeout(300)
    page.keyboard.press("4")
    wait_for(lambda: said(queue, name) == ["sad"])
    idle(page)
    page.wait_for_function(f"document.querySelector('{SOUND}').currentTime > 0")

    def options():
        page.get_by_role("button", name="Options").click()
        page.get_by_text("Spectrogram").wait_for()
        page.keyboard.press("Escape")  # which gives the focus back to the button
        page.get_by_text("Spectrogram").wait_for(state="hidden")

    tab = page.get_by_role("tab", name="Next clip")
    for click in (tab.click, page.locator(SOUND).click, lambda: seek(page, 0.7), options):
        click()
        page.wait_for_timeout(100)
        page.evaluate(f"document.querySelector('{SOUND}').play()")
        page.keyboard.press(" ")
        page.wait_for_function(f"document.querySelector('{SOUND}').paused")
        start = page.evaluate(f"document.querySelector('{SOUND}').currentTime = 1")
        page.keyboard.press("ArrowRight")
        page.wait_for_function(f"document.querySelector('{SOUND}').currentTime === {start + 5}")
        page.keyboard.press("ArrowLeft")
        page.wait_for_function(f"document.querySelector('{SOUND}').currentTime === {start}")
        page.keyboard.press(" ")
        page.wait_for_function(f"!document.querySelector('{SOUND}').paused")
    seek(page, 0.5)
    page.wait_for_timeout(100)
    page.keyboard.press("3")
    wait_for(lambda: said(queue, name) == ["sad", "relax"])


def test_from_an_empty_desk_undo_brings_the_clip_back_also_after_a_reload(server, queue, browser_page):
    page, name = browser_page, once("Finisher")
    come_back(page, server, name)
    for clip in store.clips_to_label(queue, rater=name, limit=1000, origins=store.ORIGINS, with_audio=True)["clip_id"]:
        store.add_feedback(queue, token=store.new_token(), rater=name, label="sad", clip_id=clip, source="label")
    page.reload()
    page.get_by_text("You are done").wait_for()
    idle(page)
    page.keyboard.press("z")
    page.get_by_role("button", name="● sad").wait_for()
    idle(page)
    page.wait_for_timeout(LISTEN_MS)
    page.keyboard.press("1")
    wait_for(lambda: said(queue, name)[-2:] == ["undo", "angry"])
    page.get_by_text("You are done").wait_for()


def test_the_next_clip_is_loaded_ahead_and_plays_by_itself_and_only_that(server, queue, browser_page):
    """One answer after the other, each when the clip was heard."""
    page, name = browser_page, once("Listener")
    give_name(page, server, name)
    sound = "[...document.querySelectorAll('audio')].map(a => [a.src, a.paused])"
    page.wait_for_function(f"document.querySelector('{SOUND}').currentTime > 0")
    page.wait_for_function("document.querySelector('.st-key-next_clip audio').readyState === 4")  # it could play
    (first, paused), (ahead, waits) = page.evaluate(sound)
    assert (paused, waits) == (False, True)
    page.keyboard.press("1")
    page.wait_for_function(f"before => document.querySelector('{SOUND}').src !== before", arg=first)
    page.wait_for_function(f"document.querySelector('{SOUND}').currentTime > 0")
    (second, paused), *_ = page.evaluate(sound)
    assert second == ahead
    assert not paused
    before = first
    for number in range(2, 5):
        before = next_is_heard(page, before)
        page.keyboard.press("1")
        page.get_by_text(f"{number} answered").wait_for()
    assert said(queue, name) == ["angry"] * 4
