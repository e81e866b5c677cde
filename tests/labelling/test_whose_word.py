"""Whose word the mood of a piece is: own, agreed, or the model's, for each reader; windows apart from their piece."""

from collections.abc import Iterator
from unittest.mock import patch

import pandas as pd
import pytest

from core import store
from core.access import AccessError, Person, Role, Setting
from core.errors import StoreError
from core.labelling.hearing import Heard, say, take_back
from core.labelling.queue import desk
from core.labelling.settlement import settle
from core.labelling.truth import set_raters_needed, stored_truth
from core.labelling.whose_word import agreed_words, no_words, own_words, winning_moods
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.monitoring.alarm_state import State, save_state
from core.records import Word
from core.schema import EMOTIONS
from core.store import Event, EventKind, event_sums
from core.training.labelled_data import agreed_labels

FILE = "f" * 64
WINDOW = f"{FILE}@30.000+30.000"


@pytest.fixture
def db(url: str) -> Iterator[store.Store]:
    """A store of each kind with one file: its middle, which answers for it, and one window of a whole track."""
    opened = store.open_store(url)
    for clip_id, start_s in ((FILE, 60.0), (WINDOW, 30.0)):
        add(opened, clip_id, start_s)
    yield opened
    store.close_store(opened)


def add(opened: store.Store, clip_id: str, start_s: float = 0.0) -> None:
    content = clip_id.split("@")[0]
    store.add_clip(
        opened, clip_id, file_name="a.wav", duration_s=30.0, sr=44_100, start_s=start_s, content_hash=content,
        file_duration_s=150.0, path="/music/a.wav",
    )  # fmt: skip
    said = Prediction(clip_id, "m1", "x 1", {e: 0.91 if e == "angry" else 0.03 for e in EMOTIONS})
    store.save_predictions(opened, [(said, decide(said, Policy()))], policy=Policy())


def person(db: store.Store, name: str, *, role: Role = Role.THERAPIST, setting: Setting = Setting.LOGIN) -> store.Store:
    known = Person(role, name, setting is Setting.LOGIN and bool(name), f"session {name}", setting)
    return db.asked_by(lambda: known)


def hears(db: store.Store, name: str, label: str, *, window: str = "", content: str = FILE) -> int:
    heard = Heard("angry", "" if window else content, window)
    return say(person(db, name), heard, label, form=store.new_token()).feedback_id


def won(db: store.Store, name: str, subject: str = FILE, *, model_only: bool = False) -> pd.Series:
    asks, model = person(db, name), pd.Series({subject: "angry"})
    return winning_moods(model, agreed_words(asks), own_words(asks), model_only=model_only).loc[subject]


def test_without_answers_the_model_counts(db):
    assert won(db, "Ayşe")[["mood", "word", "skip", "differ"]].tolist() == ["angry", Word.MODEL, "", False]


def test_the_own_newest_answer_wins_and_can_be_taken_back(db):
    first = hears(db, "Ayşe", "sad")
    second = hears(db, "Ayşe", "relax")
    assert won(db, "Ayşe")[["mood", "word", "own_id"]].tolist() == ["relax", Word.OWN, second]
    assert won(db, "Ayşe", model_only=True)[["mood", "word"]].tolist() == ["angry", Word.MODEL]
    assert won(db, "Ece")[["mood", "word"]].tolist() == ["angry", Word.MODEL]  # one voice is no agreement
    assert take_back(person(db, "Ayşe"), second)
    assert not take_back(person(db, "Ayşe"), second)
    assert not take_back(person(db, "Ece"), first)  # of another person
    assert won(db, "Ayşe")["mood"] == "sad"
    assert take_back(person(db, "Ayşe"), first)
    assert won(db, "Ayşe")["word"] == Word.MODEL


def test_one_answer_counts_for_all_files_of_a_recording(db):
    copy, other = "c" * 64, "d" * 64
    for content in (copy, other):
        add(db, content)
    hears(db, "Ayşe", "sad")
    number = hears(db, "Ece", "sad", content=copy)
    assert won(db, "Can")["word"] == Word.MODEL  # one voice about each of two files
    word = store.say_same(db, FILE, copy, True)
    for subject in (FILE, copy):
        assert won(db, "Can", subject)[["mood", "word"]].tolist() == ["sad", Word.AGREED]
        assert won(db, "Ece", subject)[["mood", "word", "own_id"]].tolist() == ["sad", Word.OWN, number]
    assert won(db, "Can", other)["word"] == Word.MODEL
    assert won(db, "Can", WINDOW)["word"] == Word.MODEL
    newest = hears(db, "Ece", "relax")  # a person has one answer about a recording: the newest
    assert won(db, "Ece", copy)[["mood", "own_id"]].tolist() == ["relax", newest]
    assert take_back(person(db, "Ece"), newest)
    assert store.undo_same(db, word)
    assert won(db, "Can", copy)["word"] == Word.MODEL
    assert won(db, "Ece", FILE)["word"] == Word.MODEL


def test_the_queue_asks_once_about_a_recording(db):
    copy = "c" * 64
    add(db, copy)

    def asked(name: str) -> set[str]:
        rater = person(db, name)
        return set(store.clips_to_label(rater, rater=name, verified=True)["clip_id"])

    store.say_same(db, FILE, copy, True)
    assert WINDOW in asked("Ayşe")
    assert len({FILE, copy} & asked("Ayşe")) == 1
    hears(db, "Ayşe", "sad")
    assert asked("Ayşe") == {WINDOW}
    assert len({FILE, copy} & asked("Ece")) == 1
    hears(db, "Ece", "sad", content=copy)
    truth = stored_truth(db)
    assert truth.loc[[FILE, copy], "label"].tolist() == ["sad", "sad"]
    assert {item.clip_id for item in desk(person(db, "Can"), rater="Can", verified=True).items} == {WINDOW}


def test_the_agreed_mood_wins_before_the_models_and_after_the_own(db):
    for name, label in (("Ayşe", "relax"), ("Ece", "relax"), ("Can", "sad")):
        hears(db, name, label)
    assert won(db, "Deniz")[["mood", "word", "differ"]].tolist() == ["relax", Word.AGREED, False]
    assert won(db, "Can")[["mood", "word", "agreed"]].tolist() == ["sad", Word.OWN, "relax"]


def test_people_who_differ_leave_the_mood_to_the_model_and_to_each_reader(db):
    hears(db, "Ayşe", "relax")
    hears(db, "Ece", "sad")
    assert won(db, "Can")[["mood", "word", "differ"]].tolist() == ["angry", Word.MODEL, True]
    assert won(db, "Ayşe")[["mood", "word", "differ"]].tolist() == ["relax", Word.OWN, True]
    assert won(db, "Ece")[["mood", "word", "differ"]].tolist() == ["sad", Word.OWN, True]


def test_one_rater_is_enough_where_the_rule_says_so(db):
    set_raters_needed(db, 1)
    hears(db, "Ayşe", "relax")
    assert won(db, "Ece")[["mood", "word"]].tolist() == ["relax", Word.AGREED]


@pytest.mark.parametrize(("verdict", "mood", "skip"), [("sad", "sad", ""), ("bad audio", "angry", "bad audio")])
def test_a_settlement_is_the_agreed_word(db, verdict, mood, skip):
    analyst = person(db, "Ada", role=Role.ANALYST)
    settle(analyst, store.Rater("Ada", True, "analyst"), FILE, verdict, token=store.new_token(), seen=None)
    assert won(db, "Ece")[["mood", "word", "skip"]].tolist() == [mood, Word.AGREED, skip]


def test_who_hears_none_of_the_four_names_no_mood(db):
    asks = person(db, "Ayşe")
    answer = {"rater": "Ayşe", "verified": True, "clip_id": FILE, "skip_reason": "none of the four"}
    store.add_feedback(asks, token=store.new_token(), **answer)
    assert won(db, "Ayşe")[["mood", "word", "skip"]].tolist() == ["angry", Word.OWN, "none of the four"]


def test_who_skips_for_another_reason_says_nothing_about_the_mood(db):
    for name in ("Ece", "Can"):
        hears(db, name, "relax")
    answer = {"rater": "Ayşe", "verified": True, "clip_id": FILE, "skip_reason": "ambiguous"}
    store.add_feedback(person(db, "Ayşe"), token=store.new_token(), **answer)
    assert won(db, "Ayşe")[["mood", "word", "skip"]].tolist() == ["relax", Word.AGREED, ""]


def test_an_answer_about_a_window_belongs_to_the_window(db):
    hears(db, "Ayşe", "relax", window=WINDOW)
    assert won(db, "Ayşe", WINDOW)[["mood", "word"]].tolist() == ["relax", Word.OWN]
    assert won(db, "Ayşe")["word"] == Word.MODEL


def test_an_answer_about_a_piece_says_nothing_about_its_windows(db):
    hears(db, "Ayşe", "relax")
    assert won(db, "Ayşe")["word"] == Word.OWN
    assert won(db, "Ayşe", WINDOW)["word"] == Word.MODEL


def test_a_piece_that_was_scored_only_in_windows_gets_an_answer_that_trains_no_window(db):
    other = "e" * 64
    for start_s in (0.0, 30.0):
        add(db, f"{other}@{start_s:.3f}+30.000", start_s)
    for name in ("Ayşe", "Ece"):
        hears(db, name, "sad", content=other)
    assert won(db, "Can", other)[["mood", "word"]].tolist() == ["sad", Word.AGREED]
    rows = store.feedback_table(db)
    assert rows["clip_id"].tolist() == [other, other]
    assert rows["shown_label"].tolist() == ["angry", "angry"]
    assert set(store.library_table(db, origins=store.ORIGINS)["clip_id"]) == {
        FILE,
        WINDOW,
        *(f"{other}@{s}.000+30.000" for s in (0, 30)),
    }
    assert store.label_pool(db)["clip_id"].str.startswith(other).sum() == 2  # nobody is asked about the empty clip
    from core.labelling.truth import stored_truth

    features = store.features_table(db, "x 1")
    assert agreed_labels(stored_truth(db), store.clips_table(db), features, extractor="x 1")["clip_id"].tolist() == [
        other
    ]


def test_the_window_that_names_the_answer_of_a_file_is_the_piece(db):
    """The middle of the file is silent, so another window names the answer."""
    other = "d" * 64
    named = f"{other}@10.000+30.000"
    add(db, named, 10.0)
    add(db, f"{other}@20.000+30.000", 20.0)
    with db.engine.begin() as c:
        c.exec_driver_sql(f"UPDATE clips SET part_of = '{named}' WHERE id = '{other}@20.000+30.000'")  # noqa: S608
    hears(db, "Ayşe", "sad", content=other)
    assert store.feedback_table(db)["clip_id"].tolist() == [named]
    assert won(db, "Ayşe", other)["word"] == Word.OWN


def test_a_piece_that_is_gone_gets_no_answer(db):
    with pytest.raises(StoreError, match="no longer in the library"):
        hears(db, "Ayşe", "sad", content="a" * 64)
    assert store.feedback_table(db).empty


def test_a_deleted_piece_gets_no_answer_and_stays_deleted(db):
    store.delete_clip(db, FILE)
    with pytest.raises(StoreError, match="deleted this piece"):
        hears(db, "Ayşe", "sad")
    assert set(store.clips_table(db)["clip_id"]) == {WINDOW}


def test_the_same_form_is_stored_once(db):
    asks, form = person(db, "Ayşe"), store.new_token()
    first, second = (say(asks, Heard("angry", FILE), "sad", form=form) for _ in range(2))
    assert (first.feedback_id, first.new, second.new) == (second.feedback_id, True, False)


def test_a_name_that_comes_later_takes_the_words_of_the_session_along(db):
    session = Person(Role.VISITOR, "", False, "1f3a9c00", Setting.OWN_MACHINE)
    nameless = db.asked_by(lambda: session)
    early = say(nameless, Heard("angry", FILE), "sad", form=store.new_token()).feedback_id
    assert own_words(nameless).loc[FILE, "own"] == "sad"
    assert own_words(person(db, "Ece", setting=Setting.OWN_MACHINE)).empty  # another session
    known = Person(Role.RATER, "Ayşe", False, "1f3a9c00", Setting.OWN_MACHINE)
    named = db.asked_by(lambda: known)
    assert own_words(named).loc[FILE, "own_id"] == early
    say(named, Heard("angry", FILE), "relax", form=store.new_token())
    assert own_words(named).loc[FILE, "own"] == "relax"
    assert store.answers_by_subject(db)["label"].tolist() == ["relax"]


def test_raters_learn_only_their_own_words(db):
    hears(db, "Ayşe", "relax")
    rater = person(db, "Ece", role=Role.RATER)
    with pytest.raises(AccessError):
        agreed_words(rater)
    with pytest.raises(AccessError):
        store.answers_by_subject(person(db, "Ece"))
    assert own_words(rater).empty
    model = pd.Series({FILE: "angry"})
    assert winning_moods(model, no_words(), own_words(rater)).loc[FILE, "word"] == Word.MODEL


def test_the_cache_key_follows_answers_and_rules(db):
    keys = [store.words_cache_key(db)]
    number = hears(db, "Ayşe", "relax")
    keys.append(store.words_cache_key(db))
    take_back(person(db, "Ayşe"), number)
    keys.append(store.words_cache_key(db))
    set_raters_needed(db, 3)
    keys.append(store.words_cache_key(db))
    store.delete_clip(db, FILE)
    keys.append(store.words_cache_key(db))
    assert len(set(keys)) == len(keys)


def test_the_cache_key_does_not_follow_what_the_program_counts(db):
    before = store.words_cache_key(db)
    save_state(db, State())
    with patch.object(event_sums, "_RECENT", 0), patch.object(event_sums, "_LEAST_SLICE", 1):
        store.record_events(db, Event(EventKind.SCORED))
        store.event_totals(db)
    assert store.words_cache_key(db) == before
