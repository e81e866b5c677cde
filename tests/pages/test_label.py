"""The Label page without a browser: who, what comes next, answers stored at once, undo, deletion, and empty desks."""

from urllib.parse import quote

import numpy as np
import pytest
from answers import stored_answers

from core import store
from core.audio.decoding import Clip, content_hash
from core.errors import StoreError
from core.labelling import desk, practice, tasks
from core.labelling.desk import Outcome
from core.labelling.practice import demo_recipes
from core.labelling.queue import agreement
from core.labelling.tasks import Choice
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.pipeline import kept_audio
from core.schema import EMOTIONS, SR
from core.settings import Settings
from pages.shared import login, show, who
from pages.views.label import desk_actions
from pages.views.label.desk_actions import SEAT
from pages.views.label.player import load_audio


@pytest.fixture
def opened(data_dir):
    db = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    yield db
    store.close_store(db)


@pytest.fixture(autouse=True)
def no_wait(monkeypatch):
    """A test answers faster than anybody listens."""
    monkeypatch.setattr(desk, "TOO_FAST_S", 0.0)


def put(db, number=1, *, first=0.6, audio=True, origin="upload", best="sad"):
    """A clip in the queue: a tone of half a second; its id."""
    y = 0.5 * np.sin(2 * np.pi * 110 * number * np.arange(SR // 2) / SR)
    clip = Clip(content_hash(y.tobytes()), y, SR)
    path = kept_audio.keep_audio(clip, kept_audio.folder(Settings())) if audio else None
    store.add_clip(db, clip.clip_id, file_name=f"tone {number}.wav", duration_s=0.5, sr=SR, path=path, origin=origin)
    said = Prediction(clip.clip_id, "m1", "x 1", {e: first if e == best else (1 - first) / 3 for e in EMOTIONS})
    store.save_predictions(db, [(said, decide(said, Policy()))], policy=Policy())
    return clip.clip_id


def enter(page, name="Ece"):
    page.text_input(key="who_name").input(name)
    return press(page, "Start")


def press(page, label):
    return next(b for b in page.button if b.label.startswith(label)).click().run()


def say(page, emotion):
    return button(page, f"say_{emotion}").click().run()


def button(page, name):
    """The button of the clip on the desk whose key begins so."""
    return next(b for b in page.button if b.key and b.key.startswith(f"{name}_"))


def shown(page):
    kinds = (page.error, page.warning, page.info, page.success, page.markdown, page.caption, page.header)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def labels(page):
    return [b.label for b in page.button]


def progress(page):
    return page.main.get("progress")[0].proto.text.replace("\\", "")


def rows(db, *columns, **which):
    table = store.feedback_table(db, **which)
    return [tuple(None if v != v else v for v in row) for row in table[list(columns)].itertuples(index=False)]


def visible_clip(page):
    """Which clip lies on the desk."""
    return page.session_state[SEAT].form.item.clip_id


def open_desk(open_page, name="Ece", **address):
    """The desk of a person who typed the name on another page."""
    return open_page("label", as_person=name, **address)


# who


def test_a_name_is_asked_once_and_kept_for_the_session(open_page, opened):
    put(opened)
    page = open_page("label")
    assert "What is your name?" in shown(page)
    assert not [b for b in labels(page) if "sad" in b]
    page = enter(page, "  Ayşe   Çelik ")
    assert not page.exception
    assert "not verified" in page.main.get("popover")[0].proto.popover.label
    assert store.raters_table(opened)["rater"].tolist() == ["Ayşe Çelik"]
    page = page.switch_page("pages/home.py").run().switch_page("pages/label.py").run()
    assert not page.text_input(key=f"comment_{page.session_state[SEAT].form.token}").value
    assert page.session_state[who.KEY] == "Ayşe Çelik"


def test_clips_between_sad_and_relax_come_first_from_the_next_clip_on(open_page, opened):
    unsure = [put(opened, number, first=first, best="angry") for number, first in ((1, 0.4), (2, 0.5))]
    between = put(opened, 3, first=0.9)
    page = open_desk(open_page)
    assert visible_clip(page) == unsure[0]
    page.toggle(key="sad_or_relax").set_value(True).run()
    assert visible_clip(page) == unsure[0]
    page = say(page, "angry")
    assert visible_clip(page) == between
    assert not page.exception


def test_a_link_proposes_a_name_and_a_name_that_is_none_gets_a_sentence(open_page, opened):
    put(opened)
    page = open_page("label", rater="Bob")
    assert page.text_input(key="who_name").value == "Bob"
    page = enter(page, "   ")
    assert "1 to 80 characters" in page.error[0].value.replace("\\", "")
    page = enter(page, "Anonymous")
    assert "for people without a name" in page.error[0].value
    assert store.raters_table(opened).empty


def test_somebody_of_that_name_has_answered_before(open_page, opened):
    clip = put(opened)
    store.add_feedback(opened, token=store.new_token(), rater="Ece", label="sad", clip_id=clip)
    page = enter(open_page("label"), "ECE")
    assert "has answered here before, once" in page.warning[0].value
    other = press(page, "No, use another")
    assert "What is your name?" in shown(other)
    page = press(enter(open_page("label"), "ece"), "Yes, I am")
    assert page.session_state[who.KEY] == "Ece"
    assert "1 answered" in progress(page)


def test_somebody_else_can_sit_down(open_page, opened):
    put(opened)
    page = open_desk(open_page)
    page = page.button(key="who_leave").click().run()
    assert "What is your name?" in shown(page)
    say(enter(page, "Can"), "sad")
    assert rows(opened, "rater", "label") == [("Can", "sad")]


class LoggedIn:
    """What the pages ask of Streamlit about a login, and of secrets.toml."""

    def __init__(self, roles, **claims):
        self.user, self.secrets, self.claims = self, {"roles": roles}, claims

    def to_dict(self):
        return {"sub": "7", "iss": "https://id", **self.claims}


@pytest.fixture
def logged_in(monkeypatch):
    """A login is configured, and the person of this session has logged in."""
    monkeypatch.setattr(login, "login_configured", lambda: True)
    monkeypatch.setattr(login, "is_logged_in", lambda: True)


@pytest.mark.usefixtures("logged_in")
def test_whom_the_operator_lists_is_an_analyst_as_long_as_they_are_listed(opened, monkeypatch):
    boss = {"email": "Boss@example.org", "email_verified": True}
    monkeypatch.setattr(who, "st", LoggedIn({"analysts": ["boss@Example.org"]}, **boss))
    assert who._identify(opened) == store.Rater("boss@example.org", True, "analyst")
    assert store.raters_table(opened)["role"].tolist() == ["rater"]
    monkeypatch.setattr(who, "st", LoggedIn({"analysts": []}, **boss))
    assert who._identify(opened).role == "rater"
    store.set_role(opened, "boss@example.org", "analyst", verified=True)  # given by another analyst: stays
    assert who._identify(opened).role == "analyst"


@pytest.mark.usefixtures("logged_in")
def test_trust_in_addresses_is_a_word_of_the_operator(opened, monkeypatch):
    for roles, name in (({}, "7 of https://id"), ({"trust_unverified_addresses": True}, "ece@example.org")):
        monkeypatch.setattr(who, "st", LoggedIn(roles, email="ece@example.org"))
        assert who._identify(opened).name == name


# answers


def test_an_answer_is_stored_at_once_and_the_next_clip_comes(open_page, opened):
    torn, sure = put(opened, 1, first=0.4), put(opened, 2, first=0.9)
    page = open_desk(open_page)
    assert visible_clip(page) == torn
    assert progress(page) == "**You:** 0 answered, 2 to go · **All:** 0 of 2 clips settled"
    token = page.session_state[SEAT].form.token
    page.text_input(key=f"comment_{token}").input("a fine ney")
    page = say(page, "relax")
    (row,) = store.feedback_table(opened).to_dict("records")
    wanted = {"clip_id": torn, "label": "relax", "rater": "Ece", "verified": False, "source": "label"}
    assert wanted.items() <= row.items()
    assert row["comment"] == "a fine ney"
    assert visible_clip(page) == sure
    assert progress(page) == "**You:** 1 answered, 1 to go · **All:** 0 of 2 clips settled"
    assert not page.exception


def test_there_is_one_player_and_it_plays_the_clip_on_the_desk(open_page, opened):
    put(opened, 1), put(opened, 2)
    page = open_desk(open_page)
    playing, ahead = [a.proto.url for a in page.main.get("audio")]
    assert page.main.get("audio")[1].proto.autoplay is False
    page = say(page, "sad")
    assert [a.proto.url for a in page.main.get("audio")] == [ahead]  # it was loaded before its turn
    assert playing != ahead
    assert ahead.endswith(".flac")


def test_what_the_person_saw_is_stored(open_page, opened, monkeypatch):
    for number in (1, 2, 3):
        put(opened, number)
    monkeypatch.setattr("core.labelling.agreement.hides_guess", lambda clip_id, rater, **_: False)
    page = open_desk(open_page, guesses="true")
    assert "The model's guess is **● sad** (60.0 %)" in shown(page)
    page = say(page, "happy")
    monkeypatch.setattr("core.labelling.agreement.hides_guess", lambda clip_id, rater, **_: True)
    page = page.run()
    page = say(page, "happy")  # it was shown before the coin changed: what was seen counts
    assert "The guess is hidden for this clip" in shown(page)
    assert "The model's guess" not in shown(page)
    say(page, "happy")
    assert rows(opened, "display", "shown_label") == [
        ("shown", "sad"),
        ("shown", "sad"),
        ("hidden at random", None),
    ]


def test_guesses_are_hidden_until_one_asks_and_cannot_be_unseen(open_page, opened, monkeypatch):
    monkeypatch.setattr("core.labelling.agreement.hides_guess", lambda clip_id, rater, **_: False)
    for number in (1, 2, 3):
        put(opened, number)
    page = open_desk(open_page)
    assert "The model's guess" not in shown(page)
    page = say(page, "happy")
    page = page.toggle(key="guesses").set_value(True).run()
    assert "The model's guess" in shown(page)
    page = page.toggle(key="guesses").set_value(False).run()
    assert "The model's guess" not in shown(page)
    page = say(page, "happy")
    say(page, "happy")
    assert [d for (d,) in rows(opened, "display")] == ["hidden by choice", "shown", "hidden by choice"]


def test_a_clip_is_skipped_with_a_reason(open_page, opened):
    for number in (1, 2, 3, 4):
        put(opened, number)
    page = open_desk(open_page)
    for key in "BAN":
        page = button(page, f"skip_{key}").click().run()
    assert [r for (r,) in rows(opened, "skip_reason")] == ["bad audio", "ambiguous", "none of the four"]
    assert "3 answered, 1 to go" in progress(page)


def test_every_key_has_its_button_and_the_spectrogram_is_drawn_when_one_asks_for_it(open_page, opened):
    put(opened)
    page = open_desk(open_page)
    assert "tone" not in shown(page)  # the file's name would say the title, and with it what one is supposed to hear
    token = page.session_state[SEAT].form.token[:8]
    keys = {b.key.removesuffix(f"_{token}"): b.proto.shortcut.lower() for b in page.button if b.proto.shortcut}
    assert keys == {
        **{f"say_{e}": k for e, k in zip(EMOTIONS, "1234", strict=True)},
        **{"skip_B": "b", "skip_A": "a", "skip_N": "n", "undo": "z"},
    }
    assert len(page.main.get("plotly_chart")) == 1  # the waveform
    page = page.toggle(key="spectrogram").set_value(True).run()
    assert len(page.main.get("plotly_chart")) == 2
    assert not page.exception


def test_a_press_that_comes_too_soon_does_not_count(open_page, opened, monkeypatch):
    monkeypatch.setattr(desk, "TOO_FAST_S", 3600.0)
    clip = put(opened)
    page = say(open_desk(open_page), "sad")
    assert "pressed too soon" in shown(page)
    assert rows(opened, "label") == []
    assert visible_clip(page) == clip


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        (Outcome("stored", answer="sad"), "Stored: sad. Undo takes it back."),
        (Outcome("stored", answer="bad audio", remark="It was already stored."), "It was already stored."),
        (
            Outcome("stored", answer="sad", before="relax"),
            "Stored: sad. It replaces your earlier answer from another page, relax. Undo restores the earlier answer.",
        ),
        (Outcome("too soon"), "You pressed too soon, so the answer does not count. Listen first, then press again."),
        (Outcome("taken back"), "Taken back. Here is the clip again."),
        (Outcome("taken back", answer="relax"), "Taken back. Your earlier answer counts again: ■ relax."),
        (
            Outcome("taken back, clip is gone"),
            "Taken back. That clip was deleted, or its audio was not stored.",
        ),
        (Outcome("held down"), "One answer was taken back. Press again to take back the answer before it."),
        (Outcome("nothing to take back"), "There is nothing to take back. Undo works for your last 20 answers."),
        (Outcome("clip is gone"), "That clip was deleted, or its audio was not stored."),
        (Outcome("clip was deleted"), "Your clip was deleted meanwhile. Here is the next clip."),
        (Outcome("failed", remark="The disk is full."), "The disk is full."),
    ],
)
def test_every_outcome_of_a_press_has_its_sentence(outcome, sentence):
    assert desk_actions.sentence(outcome) == sentence


# undo


def test_undo_takes_back_one_answer_after_the_other_also_after_a_reload(open_page, opened):
    order = [put(opened, n, first=0.3 + n / 10) for n in (1, 2, 3)]
    page = open_desk(open_page)
    for emotion in ("sad", "relax"):
        page = say(page, emotion)
    assert visible_clip(page) == order[2]
    page = page.button(key="undo").click().run()
    assert "Taken back" in shown(page)
    assert visible_clip(page) == order[1]
    assert "1 answered, 2 to go" in progress(page)
    again = open_desk(open_page)
    again = again.button(key="undo").click().run()
    assert visible_clip(again) == order[0]
    assert "0 answered, 3 to go" in progress(again)
    again = again.button(key="undo").click().run()
    assert "There is nothing to take back. Undo works for your last 20 answers" in shown(again)
    assert rows(opened, "kind") == [("answer",), ("answer",), ("undo",), ("undo",)]


def test_undo_that_is_held_down_takes_back_one_answer(open_page, opened, monkeypatch):
    for n in (1, 2, 3):
        put(opened, n)
    page = open_desk(open_page)
    for _ in range(2):
        page = say(page, "sad")
    monkeypatch.setattr(desk, "TOO_FAST_S", 3600.0)
    page = page.button(key="undo").click().run().button(key="undo").click().run()
    assert "One answer was taken back. Press again" in shown(page)
    assert [kind for (kind,) in rows(opened, "kind")] == ["answer", "answer", "undo"]


def test_an_earlier_answer_can_be_heard_and_changed(open_page, opened):
    clip = put(opened)
    put(opened, 2)
    page = say(open_desk(open_page), "sad")
    desk_actions.open_clip(page.session_state[SEAT], opened, clip)
    page = page.run()
    assert "Your earlier answer is **● sad**" in shown(page)
    left = page.button(key="leave").click().run()
    assert visible_clip(left) != clip
    desk_actions.open_clip(page.session_state[SEAT], opened, clip)
    say(page.run(), "angry")
    assert stored_answers(opened)[["clip_id", "label"]].to_numpy().tolist() == [[clip, "angry"]]


def test_a_comment_stays_with_its_clip_when_the_answer_is_changed(open_page, opened):
    clip = put(opened)
    page = open_desk(open_page)
    page.text_input(key=f"comment_{page.session_state[SEAT].form.token}").input("a fine ney")
    page = say(page, "sad")
    page = page.button(key="undo").click().run()
    say(page, "relax")
    (row,) = stored_answers(opened).to_dict("records")
    assert (row["clip_id"], row["label"], row["comment"]) == (clip, "relax", "a fine ney")


def test_my_answers_lists_them_and_not_what_others_said(open_page, opened):
    clip = put(opened)
    store.add_feedback(opened, token=store.new_token(), rater="Can", label="angry", clip_id=clip)
    page = say(open_desk(open_page), "relax")
    page.session_state["view"] = "My answers"
    page = page.run()
    (table,) = [d.value for d in page.dataframe]
    assert table["you heard"].tolist() == ["■ relax"]
    assert "angry" not in shown(page) + table.to_string()


# clips that go away, and audio that cannot be heard


def test_a_clip_deleted_while_it_lies_there_gives_way_to_the_next(open_page, opened):
    first, second = put(opened, 1, first=0.4), put(opened, 2)
    page = open_desk(open_page)
    kept_audio.delete_clip(opened, first, settings=Settings())
    page = page.toggle(key="guesses").set_value(True).run()
    assert "was deleted meanwhile. Here is the next clip." in shown(page).replace("\\", "")
    assert visible_clip(page) == second


def test_audio_that_is_gone_can_only_be_skipped(open_page, opened, data_dir):
    put(opened)
    for file in (data_dir / "clips").rglob("*.flac"):
        file.unlink()
    load_audio.clear()
    page = open_desk(open_page)
    assert "no longer there" in page.error[0].value
    assert all(button(page, f"say_{e}").disabled for e in EMOTIONS)
    page = button(page, "skip_B").click().run()
    assert rows(opened, "skip_reason") == [("bad audio",)]
    assert "You are done" in shown(page)


def test_a_database_that_fails_is_a_sentence_and_the_clip_stays(open_page, opened, monkeypatch):
    clip = put(opened)
    page = open_desk(open_page)

    def full(*_args, **_more):
        raise StoreError("The disk is full: nothing was stored.")

    monkeypatch.setattr(desk, "add_feedback", full)
    page = say(page, "sad")
    assert "The disk is full" in page.error[0].value
    assert visible_clip(page) == clip


# nothing there


def test_an_empty_desk_leads_to_clips_and_offers_practice(open_page, opened):
    put(opened, audio=False)  # scored, but nobody can hear it
    page = open_desk(open_page)
    assert "There are no clips to label yet" in shown(page)
    assert [b for b in labels(page) if b.startswith("Add 12 synthetic clips")]
    assert "undo" not in {b.key for b in page.button}
    assert not page.exception


def test_synthetic_clips_fill_the_desk_marked_as_such(open_page, opened, monkeypatch):
    recipes = demo_recipes()[:2]
    monkeypatch.setattr(practice, "demo_recipes", lambda: recipes)
    page = press(open_desk(open_page), "Add 2 synthetic clips")
    page = page.run()
    assert "synthetic, for practice" in shown(page)
    assert "0 answered, 2 to go" in progress(page)
    assert store.clips_table(opened)["origin"].tolist() == ["demo", "demo"]
    assert not page.exception


def test_when_everything_is_answered_it_says_so_and_undo_still_works(open_page, opened):
    clip = put(opened)
    page = say(open_desk(open_page), "sad")
    assert "You have answered 1 of 1 clips" in shown(page)
    assert not [b for b in labels(page) if "synthetic" in b]
    page = page.button(key="undo").click().run()
    assert visible_clip(page) == clip


def test_a_task_has_its_own_progress_and_end(open_page, opened):
    for number in range(1, 4):
        put(opened, number)
    tasks.make_task(opened, name="Part *1*", choice=Choice(2), raters=[("Ece", False)], seed=1)
    page = open_desk(open_page)
    assert progress(page) == "**Task “Part *1*”:** 0 of 2 answered"
    page = say(say(page, "sad"), "sad")
    assert "You have given all 2 answers of your task “Part *1*”" in shown(page)
    assert not [b for b in labels(page) if "synthetic" in b]
    page = page.button(key="beside").click().run()
    assert progress(page) == "**You:** 2 answered, 1 to go · **All:** 0 of 3 clips settled"
    assert visible_clip(page)
    assert not page.exception


def test_new_clips_appear_when_one_looks_again(open_page, opened):
    put(opened)
    page = say(open_desk(open_page), "sad")
    new = put(opened, 2)
    assert visible_clip(press(page, "Look for new clips")) == new


def test_the_cookie_is_the_name_and_nothing_else(open_page, opened, monkeypatch):
    """What the browser sends back is checked like anything that comes from outside."""
    put(opened)
    for sent, name in ((quote("Ayşe Çelik"), "Ayşe Çelik"), ("%00evil", ""), ("x" * 200, ""), ("", "")):
        monkeypatch.setattr(who, "_cookie", lambda sent=sent: sent)
        page = open_page("label")
        assert ("What is your name?" in shown(page)) == (not name)
        if name:
            assert page.session_state[who.KEY] == name


# what became of the labels


def test_at_work_counts_labels_of_music_and_not_of_practice(open_page, opened):
    music, practice = put(opened, 1), put(opened, 2, origin="demo")
    for clip in (music, practice):
        store.add_feedback(opened, token=store.new_token(), rater="Ece", label="sad", clip_id=clip)
    page = open_desk(open_page, view="At work")
    assert {m.label: m.value for m in page.metric}["Waiting for another rater"] == "1"
    store.add_feedback(opened, token=store.new_token(), rater="Can", label="sad", clip_id=music)
    page = page.run()
    assert {m.label: m.value for m in page.metric}["Agreed, next in training"] == "1"
    assert not page.exception


def test_a_guess_that_was_seen_on_the_predict_page_counts_as_shown(open_page, opened, monkeypatch):
    monkeypatch.setattr(agreement, "hides_guess", lambda clip_id, rater: True)
    seen, unseen = put(opened, 1), put(opened, 2)
    page = open_page("label")
    page.session_state[show.SEEN] = {seen}
    page = enter(page)
    page = page.toggle(key="guesses").set_value(True).run()
    page = say(page, "sad")
    say(page, "sad")
    assert dict(rows(opened, "clip_id", "display")) == {seen: "shown", unseen: "hidden at random"}
    assert dict(rows(opened, "clip_id", "shown_label")) == {seen: "sad", unseen: None}
