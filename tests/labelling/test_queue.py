"""The desk of a person: what comes next, what is shown, how far the work is; and synthetic clips for practice."""

import pandas as pd
import pytest
from owner import OWNER

from core import store
from core.errors import StoreError
from core.labelling import agreement, disputes, queue
from core.labelling.practice import SYNTHETIC, add_demo, demo_recipes
from core.labelling.queue import Models, Progress, Undone, display, models, newest_undo
from core.labelling.truth import raters_needed, set_raters_needed, stored_truth
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.pipeline import kept_audio
from core.schema import EMOTIONS, GENRE
from core.settings import Settings
from core.store.schema import clips


@pytest.fixture
def settings(tmp_path, monkeypatch, url):
    """An installation with each kind of database: the order of the queue is SQL."""
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TME_DATABASE_URL", url)
    return Settings()


@pytest.fixture
def opened(settings):
    db = store.open_store(settings.database)
    yield db
    store.close_store(db)


def scored(db, name, *, first=0.6, role="champion", version="m1", path="clips/x", origin="upload", best="sad"):
    store.add_clip(db, name, file_name=f"{name}.wav", duration_s=30, sr=44100, path=path, origin=origin)
    rest = (1 - first) / 3
    said = Prediction(name, version, "x 1", {e: first if e == best else rest for e in EMOTIONS})
    return store.save_predictions(db, [(said, decide(said, Policy()))], policy=Policy(), role=role)[0]


def answer(db, clip_id, rater="Ece", label="sad", **more):
    return store.add_feedback(db, token=store.new_token(), rater=rater, label=label, clip_id=clip_id, **more)


def desk(db, rater="Ece", **more):
    return queue.desk(db, rater=rater, verified=False, **more)


def names(found):
    return [item.clip_id for item in found.items]


def test_clips_between_a_pair_come_first_if_asked_for_but_after_clips_on_which_the_models_differ(opened):
    def put(name, **p):
        store.add_clip(opened, name, file_name=f"{name}.wav", duration_s=30, sr=44100, path="clips/x", origin="upload")
        said = Prediction(name, "m1", "x 1", dict.fromkeys(EMOTIONS, 0.05) | p)
        store.save_predictions(opened, [(said, decide(said, Policy()))], policy=Policy())
        return said

    put("between", sad=0.55, relax=0.35)
    put("close", relax=0.46, sad=0.44)
    put("other", angry=0.46, happy=0.44)
    put("differs", happy=0.8, sad=0.1)
    said = Prediction("differs", "m2", "x 1", dict.fromkeys(EMOTIONS, 0.05) | {"angry": 0.85})
    store.save_predictions(opened, [(said, decide(said, Policy()))], policy=Policy(), role="challenger")
    both = Models("m1", "m2")
    assert names(desk(opened, models=both, pair=("relax", "sad"))) == ["differs", "close", "between", "other"]
    assert set(names(desk(opened, models=both))[1:3]) == {"close", "other"}
    assert names(desk(opened, models=both, pair=("angry", "happy")))[1] == "other"


def test_the_desk_holds_what_can_be_heard_the_least_sure_first(opened):
    scored(opened, "sure", first=0.9)
    scored(opened, "torn", first=0.4)
    scored(opened, "silent", first=0.3, path=None)
    scored(opened, "practice", first=0.5, origin="demo")
    store.add_clip(opened, "unscored", file_name="u.wav", duration_s=30, sr=44100, path="clips/u")
    found = desk(opened)
    assert names(found) == ["torn", "practice", "sure"]
    assert [item.synthetic for item in found.items] == [False, True, False]
    assert found.items[0].guess == "sad"
    assert found.items[0].confidence == pytest.approx(0.4)
    assert found.progress == Progress(answered=0, left=3, settled=0, clips=3)


def test_where_two_models_differ_comes_first_but_only_of_the_challenger_that_is_there(opened):
    for name, first in (("torn", 0.4), ("differ", 0.9)):
        scored(opened, name, first=first)
    scored(opened, "differ", role="challenger", version="m2", best="angry")
    both = Models("m1", "m2")
    assert names(desk(opened, models=both)) == ["differ", "torn"]
    assert desk(opened, models=both).items[0].differs
    assert queue.item(opened, "differ", models=both).differs
    assert names(desk(opened)) == ["torn", "differ"]
    assert not queue.item(opened, "differ").differs


def test_the_desk_goes_by_the_model_in_use_also_after_another_one_was_tried(opened):
    for name, first in (("a", 0.4), ("b", 0.9)):
        scored(opened, name, first=first)
        scored(opened, name, first=1.3 - first, version="m2", best="happy")  # for a while another model was in use
    scored(opened, "only m2", first=0.7, version="m2")
    back = Models("m1")
    assert [(i.clip_id, i.guess) for i in desk(opened, models=back).items] == [
        ("a", "sad"), ("only m2", "sad"), ("b", "sad")
    ]  # fmt: skip
    assert [(i.clip_id, i.guess) for i in desk(opened, models=Models("m2")).items] == [
        ("b", "happy"), ("only m2", "sad"), ("a", "happy")
    ]  # fmt: skip
    assert queue.item(opened, "a", models=back).guess == "sad"


def test_progress_counts_a_person_and_everybody(opened):
    for name in "abcd":
        scored(opened, name)
    for rater in ("Ece", "Can"):
        answer(opened, "a", rater)
    answer(opened, "b", "Ece")
    answer(opened, "c", "Can")
    assert desk(opened, "Ece").progress == Progress(answered=2, left=2, settled=1, clips=4)
    assert desk(opened, "Can").progress == Progress(answered=2, left=2, settled=1, clips=4)
    assert desk(opened, "Ali").progress == Progress(answered=0, left=3, settled=1, clips=4)
    set_raters_needed(opened, 1)
    assert desk(opened, "Ali").progress == Progress(answered=0, left=1, settled=3, clips=4)
    assert names(desk(opened, "Ali")) == ["d"]


def test_files_of_one_recording_are_one_clip_that_waits(opened):
    for name, first in (("a", 0.4), ("b", 0.5), ("c", 0.6)):
        scored(opened, name, first=first)
    scored(opened, "unheard", first=0.3, path=None)
    for other in ("b", "unheard"):
        store.say_same(opened, "a", other, True)
    before = desk(opened)
    assert names(before) == ["a", "c"]  # not "unheard", which cannot be heard
    assert before.progress == Progress(answered=0, left=2, settled=0, clips=3)
    answer(opened, "a")
    assert (names(desk(opened)), desk(opened).progress) == (["c"], before.progress.after_one())


def test_the_count_in_between_is_what_a_new_count_would_say(opened):
    for name in "abc":
        scored(opened, name)
    before = desk(opened).progress
    answer(opened, "a")
    assert before.after_one() == desk(opened).progress
    store.undo(opened, token=store.new_token(), rater="Ece")
    assert before.after_one().after_one(done=-1) == desk(opened).progress == before


@pytest.mark.parametrize("number", [0, -1, 10])
def test_a_number_of_raters_that_is_none_is_refused(opened, number):
    with pytest.raises(StoreError, match="between 1 and 9"):
        set_raters_needed(opened, number)
    assert raters_needed(opened) == 2


def test_a_clip_that_was_deleted_is_gone_from_the_desk(opened):
    scored(opened, "a")
    assert queue.item(opened, "a").clip_id == "a"
    store.delete_clip(opened, "a")
    assert queue.item(opened, "a") is None
    assert names(desk(opened)) == []


def test_a_clip_can_be_put_on_the_desk_again_after_it_was_answered(opened):
    scored(opened, "a")
    answer(opened, "a")
    assert names(desk(opened)) == []
    assert queue.item(opened, "a").guess == "sad"


def test_the_guess_is_hidden_at_random_the_same_after_a_reload(opened):
    scored(opened, "a")
    item = queue.item(opened, "a")
    shows = {rater: display(item, rater=rater, wanted=True) for rater in map(str, range(400))}
    assert shows == {rater: display(item, rater=rater, wanted=True) for rater in map(str, range(400))}
    hidden = sum(how == "hidden at random" for how in shows.values())
    assert set(shows.values()) == {"shown", "hidden at random"}
    assert 40 <= hidden <= 80  # 60 expected, standard deviation 7
    assert {display(item, rater=rater, wanted=False) for rater in shows} == {"hidden by choice"}


def test_the_newest_undo_names_its_clip(opened):
    for name in "ab":
        scored(opened, name)
        answer(opened, name)
    assert newest_undo(opened, rater="Ece", verified=False) is None
    for name in "ba":
        store.undo(opened, token=store.new_token(), rater="Ece")
        assert newest_undo(opened, rater="Ece", verified=False) == Undone(name)


def test_without_a_registry_the_committed_model_is_in_use_and_there_is_no_challenger(settings, tmp_path):
    found = models(settings)
    assert found.champion.startswith("blend-")
    assert found.challenger == ""
    assert models(settings.model_copy(update={"models_dir": tmp_path})) == Models()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # the music is the same with each database
def test_synthetic_clips_say_so_tell_no_character_and_can_be_heard(opened, settings):
    from core.pipeline import serving

    served = serving.serve(settings)
    recipe = demo_recipes()[3]
    scored = add_demo(recipe, opened, served, policy=Policy(), settings=settings)
    add_demo(recipe, opened, served, policy=Policy(), settings=settings)
    (row,) = store.clips_table(opened).to_dict("records")
    assert (row["origin"], row["source"]) == ("demo", SYNTHETIC)
    assert row["file_name"].startswith("Synthetic clip")
    assert not [e for e in EMOTIONS if e in row["file_name"].lower()]
    (item,) = desk(opened).items
    assert item.synthetic
    heard = kept_audio.load_audio(
        item.clip_id,
        item.path,
        start_s=item.start_s,
        duration_s=item.duration_s,
        settings=settings,
        by=OWNER,
    )
    assert heard.clip.duration_s == pytest.approx(scored.recording.clip.duration_s)
    answer(opened, item.clip_id)
    assert agreement.of_music(store.feedback_table(opened)).empty


def test_a_piece_of_the_demo_library_is_practice_for_every_reader(opened):
    number = scored(opened, "piece", origin="library")
    made = store.add_track(opened, artist="A", title="B", source="s", genre=GENRE)
    with opened.engine.begin() as c:
        c.execute(clips.update().where(clips.c.id == "piece").values(track_id=made))
    scored(opened, "music", origin="library")
    by_id = {item.clip_id: item for item in desk(opened).items}
    assert (by_id["piece"].synthetic, by_id["music"].synthetic) == (True, False)
    for clip_id in ("piece", "music"):
        answer(opened, clip_id)
    for answers in (store.feedback_table(opened), store.answers_table(opened)):
        assert agreement.of_music(answers)["clip_id"].tolist() == ["music"]
    assert desk(opened).progress.practice == 1
    assert store.newest_recordings(opened, limit=9) == ["music"]
    said = store.predictions_table(opened).set_index("prediction_id")["origin"]
    assert said[number] == "demo"
    assert said.nunique() == 2
    assert [row["clip_id"] for row in store.clips_for_tasks(opened, raters=()).to_dict("records")] == ["music"]


def test_the_recipes_for_practice_are_three_of_each_character_all_different():
    recipes = demo_recipes()
    assert pd.Series([r.character for r in recipes]).value_counts().to_dict() == dict.fromkeys(EMOTIONS, 3)
    assert len(set(recipes)) == 12


# what the Agreement page lists


def test_coverage_counts_every_clip_once(opened):
    for name in ("agreed", "open", "disputed", "skipped", "untouched", "settled"):
        scored(opened, name)
    answer(opened, "agreed")
    answer(opened, "agreed", "Can")
    answer(opened, "open")
    answer(opened, "skipped", label=None, skip_reason="bad audio")
    for clip in ("disputed", "settled"):
        answer(opened, clip, "Ece", "sad")
        answer(opened, clip, "Can", "relax")
    answer(opened, "settled", "Ali", "relax", adjudication=True)
    truth = stored_truth(opened)
    table = disputes.coverage(truth, store.label_pool(opened)).set_index("status")
    assert table["clips"].to_dict() == {
        "agreed": 1, "adjudicated": 1, "disputed": 1, "open": 1, "skipped": 1, "untouched": 1
    }  # fmt: skip
    assert table["share"].sum() == pytest.approx(1)
    assert disputes.labels(truth).set_index("emotion")["clips"].to_dict() == {
        "angry": 0, "happy": 0, "relax": 1, "sad": 1
    }  # fmt: skip


def test_a_dispute_says_who_said_what(opened):
    number = scored(opened, "a")
    answer(opened, "a", "Ece", "sad", prediction_id=number)
    answer(opened, "a", "Can", "relax", prediction_id=number)
    answer(opened, "a", "Ali", "relax", prediction_id=number)
    answer(opened, "a", "Ali", "sad", prediction_id=number)
    answer(opened, "a", "Naz", "relax", prediction_id=number, verified=True)
    said = store.feedback_table(opened)
    (row,) = disputes.list_disputes(said, stored_truth(opened)).to_dict("records")
    assert row["said"] == "relax: Can, Naz (login); sad: Ali, Ece"
    assert (row["votes"], row["guess"]) == (4, "sad")
    answer(opened, "a", "Boss", "sad", adjudication=True)
    said, truth = store.feedback_table(opened), stored_truth(opened)
    assert disputes.list_disputes(said, truth).empty
    (row,) = disputes.list_disputes(said, truth, status="adjudicated").to_dict("records")
    assert row["said"] == "relax: Can, Naz (login); sad: Ali, Ece; sad (settled): Boss"
    assert row["votes"] == 4


def test_nothing_said_is_an_empty_list_with_its_columns(opened):
    table = disputes.list_disputes(store.feedback_table(opened), stored_truth(opened))
    assert list(table.columns) == ["clip_id", "file_name", "votes", "said", "guess", "last_at"]
    assert disputes.coverage(stored_truth(opened), store.label_pool(opened))["clips"].sum() == 0
