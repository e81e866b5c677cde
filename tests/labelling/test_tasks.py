"""Tasks: which clips, in which order, for whom; and a rater who works through one."""

import numpy as np
import pandas as pd
import postgres
import pytest
from answers import stored_answers

from core import store
from core.access import AccessError, Person, Role
from core.errors import StoreError
from core.labelling import desk, tasks
from core.labelling.desk import Seat
from core.labelling.tasks import Choice, TaskState
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.records import LibraryEntry, LibraryFile
from core.schema import COLUMNS, EMOTIONS, FEATURES, FeatureVector
from core.store.connection import write
from core.store.schema import clips

ECE = ("Ece", False)


@pytest.fixture(params=postgres.KINDS)
def opened(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'feedback.db'}"
    else:
        url = request.getfixturevalue("postgres_server").new_store()
    db = store.open_store(url)
    yield db
    store.close_store(db)


def put(db, name, *, first=0.6, mood="sad", folder="", origin="library", values=None):
    """A scored clip with audio; values : its features."""
    track = store.add_track(db, artist="", title=name, source="/music/Kaset")
    file = f"{folder}/{name}.wav" if folder else f"{name}.wav"
    store.add_clip(db, name, file_name=file, duration_s=30, sr=44100, path="clips/x", origin=origin, track_id=track)
    said = Prediction(name, "m1", "x 1", {e: first if e == mood else (1 - first) / 3 for e in EMOTIONS})
    store.save_predictions(db, [(said, decide(said, Policy()))], policy=Policy())
    if values is not None:
        store.save_features(db, FeatureVector(name, "x 1", np.asarray(values, dtype=float)))


def make(db, count, *, name="Kaset", raters=(ECE,), seed=1, **choice):
    return tasks.make_task(db, name=name, choice=Choice(count, **choice), raters=raters, seed=seed)


def asked(db, task_id, rater="Ece"):
    found = store.task_items(db, task_id, rater=rater, limit=1000)
    return [(row["clip_id"], int(row["turn"])) for row in found.to_dict("records")]


# the order


@pytest.mark.parametrize(("clips", "twice"), [(1, 0), (3, 0), (4, 1), (20, 1), (40, 2), (100, 5)])
def test_about_one_clip_in_twenty_comes_twice_and_never_soon(clips, twice):
    ids = [f"c{k}" for k in range(clips)]
    for seed in range(30):
        order = tasks.sequence(ids, seed=seed)
        assert sorted(c for c, turn in order if turn == 1) == sorted(ids)
        again = [c for c, turn in order if turn == 2]
        assert len(again) == len(set(again)) == twice
        for clip in again:
            assert order.index((clip, 2)) - order.index((clip, 1)) > min(10, clips // 2)


def test_the_seed_alone_decides_the_order():
    ids = [f"c{k}" for k in range(40)]
    assert tasks.sequence(ids, seed=3) == tasks.sequence(ids, seed=3)
    assert tasks.sequence(ids, seed=3) != tasks.sequence(ids, seed=4)


# different clips


def test_ten_alike_give_one_clip():
    """Five kinds of sound, ten recordings of each, and the scale of a feature does not matter."""
    rng = np.random.default_rng(0)
    kinds = np.repeat(np.eye(5), 10, axis=0) + rng.normal(0, 0.01, (50, 5))
    chosen = tasks.most_different(kinds * [1, 1000, 1, 0.001, 1], 5)
    assert sorted(k // 10 for k in chosen) == [0, 1, 2, 3, 4]


def test_what_was_not_measured_and_what_never_differs_decide_nothing():
    values = np.column_stack([[0.0, 1.0, 2.0, 10.0], np.full(4, 7.0), [np.nan, 5.0, 5.0, 5.0]])
    assert set(tasks.most_different(values, 2)) == {3, 1} or set(tasks.most_different(values, 2)) == {3, 2}
    assert sorted(tasks.most_different(np.ones((3, 2)), 3)) == [0, 1, 2]


def test_the_most_different_clips_of_the_store_are_chosen(opened):
    columns = [k for k, feature in enumerate(FEATURES) if feature.low <= 0 and feature.high >= 1][:3]
    for kind in range(3):
        for copy in range(3):
            values = np.full(len(COLUMNS), np.nan)  # not measurable
            values[columns] = np.eye(3)[kind]
            put(opened, f"{kind}{copy}", values=values)
    put(opened, "unmeasured")
    order = asked(opened, make(opened, 3, order="most different"))
    assert sorted(c[0] for c, _ in order) == ["0", "1", "2"]


# which clips


def test_the_least_certain_clips_that_no_rater_has_answered(opened):
    for name, first in (("a", 0.9), ("b", 0.3), ("c", 0.4), ("d", 0.5)):
        put(opened, name, first=first)
    put(opened, "synthetic", first=0.26, origin="demo")
    store.add_feedback(opened, token=store.new_token(), rater="Can", label="sad", clip_id="b")
    store.add_feedback(opened, token=store.new_token(), rater="Nur", label="sad", clip_id="c")
    assert {c for c, _ in asked(opened, make(opened, 2, raters=(ECE, ("Can", False))))} == {"c", "d"}


def test_mood_and_folder_narrow_the_choice(opened):
    put(opened, "a", mood="relax", folder="A")
    put(opened, "b", mood="relax", folder="AB")
    put(opened, "c", mood="sad", folder="A/inner")
    expected = ["/music/Kaset/A", "/music/Kaset/A/inner", "/music/Kaset/AB"]
    assert tasks.folders(store.clips_for_tasks(opened, raters=())) == expected
    assert tasks.folders(store.files_for_tasks(opened)) == expected
    assert {c for c, _ in asked(opened, make(opened, 2, mood="relax"))} == {"a", "b"}
    assert {c for c, _ in asked(opened, make(opened, 2, folder="/music/Kaset/A"))} == {"a", "c"}
    with pytest.raises(StoreError, match="Only 1 clip can be chosen"):
        make(opened, 2, mood="relax", folder="/music/Kaset/A")
    with pytest.raises(StoreError, match="No clip can be chosen"):
        make(opened, 1, mood="angry")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "  "}, "1 to 80 characters"),
        ({"raters": ()}, "at least one rater"),
        ({"raters": (("", False),)}, "1 to 80 characters"),
        ({"count": 0}, "1 to 1000 clips"),
        ({"order": "by hand"}, "not known"),
        ({"mood": "calm"}, "not known"),
    ],
)
def test_a_task_that_cannot_be_is_refused_and_nothing_is_stored(opened, wrong, message):
    put(opened, "a")
    with pytest.raises(StoreError, match=message):
        make(opened, **{"count": 1, **wrong})
    assert store.tasks_table(opened).empty


def test_a_task_with_an_unknown_clip_stores_nothing(opened):
    put(opened, "a")
    with pytest.raises(StoreError):
        store.add_task(opened, name="x", seed=1, chosen="", items=[("a", 1), ("none", 1)], raters=[ECE])
    assert store.tasks_table(opened).empty


# whose


def test_only_analysts_make_and_see_tasks_and_raters_see_their_own(opened):
    for name in "abcd":
        put(opened, name)
    task = make(opened, 4, raters=(ECE, ("Can", False)))
    rater = opened.asked_by(lambda: Person(Role.RATER, "Ece"))
    assert [t.task_id for t in tasks.tasks_of(rater, rater="Ece", verified=False)] == [task]
    for forbidden in (
        lambda: store.tasks_table(rater),
        lambda: store.tasks_table(rater, rater="Can"),
        lambda: store.end_task(rater, task),
        lambda: make(rater, 1),
    ):
        with pytest.raises(AccessError):
            forbidden()


# a rater at the desk


@pytest.fixture
def seat(clock):
    return Seat(store.Rater(*ECE, "rater"), clock=clock)


def draw(seat, db):
    desk.refresh(seat, db)
    if seat.form is not None:
        desk.mark_drawn(seat, seat.form)
    desk.catch_up(seat, db)


def say(seat, db, label, clock):
    clock.wait()
    outcome = desk.answer(seat, db, seat.form, label=label)
    draw(seat, db)
    return outcome


def test_a_task_comes_before_the_queue_and_its_end_is_said(opened, clock, seat):
    for name in "abcdef":
        put(opened, name)
    task = make(opened, 4)
    order = asked(opened, task)
    assert len(order) == 5
    draw(seat, opened)
    seen = []
    while seat.form is not None:
        seen.append((seat.form.item.clip_id, seat.form.item.turn))
        assert seat.form.before is None
        assert say(seat, opened, "sad", clock).before is None
        assert seat.desk.task is None or seat.desk.task == TaskState(task, "Kaset", 5, len(seen))
    assert seen == order
    assert seat.desk.finished == (TaskState(task, "Kaset", 5, 5),)
    (row,) = store.tasks_table(opened).to_dict("records")
    assert (row["clips"], row["answered"]) == (5, 5)
    desk.go_on_beside(seat, opened)
    assert seat.form.item.clip_id not in {c for c, _ in order}
    assert seat.form.item.task_id is None


def test_the_second_turn_is_no_second_voice(opened, clock, seat):
    for name in "abcd":
        put(opened, name)
    make(opened, 4)
    draw(seat, opened)
    while seat.form is not None:
        say(seat, opened, "angry" if seat.form.item.repeats else "sad", clock)
    table = store.feedback_table(opened)
    assert table["kind"].tolist().count(store.REPEAT) == 1
    assert stored_answers(opened)["label"].tolist() == ["sad"] * 4
    assert store.raters_table(opened)["answers"].tolist() == [4]
    assert seat.desk.progress.answered == 4


def test_an_answer_of_a_task_that_is_taken_back_is_asked_again_in_its_turn(opened, clock, seat):
    for name in "abcd":
        put(opened, name)
    task = make(opened, 4)
    draw(seat, opened)
    last = None
    while seat.form is not None:
        last = seat.form.item
        say(seat, opened, "sad", clock)
    clock.wait()
    assert desk.take_back(seat, opened, seat.undo_token).kind == "taken back"
    assert seat.form.item.same(last)
    assert seat.desk.task == TaskState(task, "Kaset", 5, 4)
    say(seat, opened, "happy", clock)
    assert seat.form is None
    assert store.tasks_table(opened)["answered"].tolist() == [5]


def test_a_deleted_clip_and_an_ended_task_are_not_asked(opened, clock, seat):
    for name in "abcd":
        put(opened, name)
    task = make(opened, 4)
    twice = next(c for c, turn in asked(opened, task) if turn == 2)
    store.delete_clip(opened, twice)
    assert store.tasks_table(opened)["clips"].tolist() == [3]
    draw(seat, opened)
    assert seat.desk.task == TaskState(task, "Kaset", 3, 0)
    store.end_task(opened, task)
    again = Seat(seat.person, clock=clock)
    draw(again, opened)
    assert again.desk.task is None
    assert again.form.item.task_id is None


def test_a_clip_whose_file_was_replaced_or_whose_sound_is_gone_is_neither_offered_nor_asked(opened):
    def read_file(content, plan="excerpt"):
        file = LibraryFile("/music/a.wav", plan, 10, "s", "scored", "", "x 1", content, 30.0, ())
        store.save_files(opened, [LibraryEntry(file, (), {})])

    for name in ("older", "old", "unshared", "heard"):
        put(opened, name)
    for content in ("older", "old"):  # the second reading overwrites the row of the first
        of_file = clips.update().where(clips.c.id == content).values(path="/music/a.wav")
        write(opened, lambda c, of_file=of_file: c.execute(of_file))
    read_file("old")
    task_id = store.add_task(
        opened, name="Kaset", seed=1, chosen="All.", items=[(c, 1) for c in ("older", "old", "unshared", "heard")],
        raters=[ECE],
    )  # fmt: skip
    read_file("new", plan="30.0/30.0")
    gone = clips.update().where(clips.c.id == "unshared").values(path=None)
    write(opened, lambda c: c.execute(gone))
    assert store.clips_for_tasks(opened, raters=[ECE])["clip_id"].tolist() == ["heard"]
    assert asked(opened, task_id) == [("heard", 1)]
    assert store.tasks_table(opened)["clips"].tolist() == [1]


def test_a_task_does_not_take_an_answer_about_another_clip(opened):
    for name in "abcde":
        put(opened, name)
    task = make(opened, 4)
    (other,) = set("abcde") - {c for c, _ in asked(opened, task)}
    with pytest.raises(StoreError, match="does not ask for this clip"):
        store.add_feedback(
            opened, token=store.new_token(), rater="Ece", label="sad", clip_id=other, task_id=task, turn=1
        )
    assert store.feedback_table(opened).empty


def test_a_folder_is_that_of_the_library_and_the_folders_in_it():
    rows = pd.DataFrame({"source": ["/m", "/m", None, ""], "file_name": ["a.wav", "x\\y\\a.wav", "a.wav", "z/a.wav"]})
    assert tasks.folders_of(rows) == ["/m", "/m/x/y", "", "z"]


def test_doubtful_labels_become_a_task_for_raters_who_have_not_heard_the_clips(opened):
    for name in ("a", "b", "c"):
        put(opened, name)
    store.add_answers(opened, [store.Answer(store.new_token(), "Ayşe", label="sad", clip_id="a")])
    with pytest.raises(StoreError, match="1 of 2 clips is not free for this task"):
        tasks.make_check_task(opened, name="Check", clip_ids=["a", "b"], raters=[("Ayşe", False)], seed=1)
    assert store.tasks_table(opened).empty
    tasks.make_check_task(opened, name="Check", clip_ids=["a", "b"], raters=[ECE], seed=1)
    (row,) = store.tasks_table(opened).to_dict("records")
    assert (row["name"], row["rater"], row["clips"]) == ("Check", "Ece", 2)
    assert row["chosen"] == "2 clips whose labels the model contradicts."
    asked = desk.queue.desk(opened, rater="Ece", verified=False)
    assert {item.clip_id for item in asked.items} == {"a", "b"}
    with pytest.raises(StoreError, match="at least one clip and one rater"):
        tasks.make_check_task(opened, name="Check", clip_ids=[], raters=[ECE], seed=1)
    rater = opened.asked_by(lambda: Person(Role.RATER, "Ece"))
    with pytest.raises(AccessError):
        tasks.make_check_task(rater, name="Check", clip_ids=["c"], raters=[ECE], seed=1)
