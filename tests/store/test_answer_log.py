"""The log of answers in memory: it follows the stored rows, whatever happens to the database meanwhile."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from core import store
from core.schema import EMOTIONS
from core.store import answer_log, label_queue, schema
from core.store.connection import read, remembered, write
from tests.store.test_own_clips import AYSE, add, asked, say


def answer(opened, clip_id, label):
    store.add_feedback(
        asked(opened, AYSE),
        token=f"answer {clip_id} {label}",
        rater="Ayşe",
        label=label,
        clip_id=clip_id,
        source="predict",
    )


def said(opened):
    table = store.answers_by_subject(opened)
    return list(zip(table["clip_id"].astype(str), table["label"].astype(str), strict=True))


def stored(opened):
    columns = (schema.feedback.c.clip_id, schema.feedback.c.label)
    query = sa.select(*columns).order_by(schema.feedback.c.id)
    return read(opened, lambda c: [tuple(row) for row in c.execute(query)])


def two_clips(opened):
    add(opened, "A", by=AYSE)
    add(opened, "B", by=AYSE)


def test_an_answer_that_becomes_visible_late_leaves_each_answer_with_its_clip(opened):
    if opened.path is not None:
        pytest.skip("SQLite has one writer.")
    two_clips(opened)
    waits, may_end = threading.Event(), threading.Event()
    row = {"kind": "answer", "clip_id": "B", "rater": "Ece", "verified": False, "label": "angry", "token": "slow"}
    row |= {"source": "predict", "display": "none", "comment": "", "created_at": time_of_clips(opened)}

    def slow(c):
        c.execute(schema.feedback.insert().values(**row))
        waits.set()
        assert may_end.wait(60)

    thread = threading.Thread(target=lambda: write(opened, slow))
    thread.start()
    assert waits.wait(60)
    answer(opened, "A", "happy")
    answer(opened, "B", "sad")
    assert said(opened) == [("A", "happy"), ("B", "sad")]
    may_end.set()
    thread.join()
    assert said(opened) == stored(opened) == [("B", "angry"), ("A", "happy"), ("B", "sad")]


def time_of_clips(opened):
    """A time of the database's own kind."""
    return read(opened, lambda c: c.execute(sa.select(sa.func.max(schema.clips.c.created_at))).scalar())


@pytest.fixture
def exchanged(tmp_path):
    """An open file with two answers, and a copy of it from before them."""
    path = tmp_path / "a.db"
    opened = store.open_store(f"sqlite:///{path}")
    two_clips(opened)
    copy = store.back_up(path, why="test")
    answer(opened, "A", "happy")
    answer(opened, "B", "sad")
    yield opened, copy
    store.close_store(opened)


def test_a_replaced_file_with_as_many_answers_changes_all_keys(exchanged):
    opened, copy = exchanged
    keys = (store.answers_key, store.labels_cache_key, label_queue._clips_key, store.library_state)
    assert said(opened) == [("A", "happy"), ("B", "sad")]
    before = [key(opened) for key in keys]
    store.close_store(opened)
    shutil.copyfile(copy, opened.path)
    answer(opened, "B", "angry")
    answer(opened, "A", "relax")
    assert said(opened) == [("B", "angry"), ("A", "relax")]
    assert [key(opened) == old for key, old in zip(keys, before, strict=True)] == [False] * len(keys)


def test_a_reading_that_failed_leaves_no_mixture(exchanged, monkeypatch):
    opened, copy = exchanged
    assert said(opened) == [("A", "happy"), ("B", "sad")]
    store.close_store(opened)
    shutil.copyfile(copy, opened.path)
    answer(opened, "B", "angry")
    answer(opened, "A", "relax")
    with monkeypatch.context() as patch:
        patch.setattr(answer_log, "_facts", lambda c, ids: {}[ids[0]])
        with pytest.raises(KeyError):
            said(opened)
    assert said(opened) == [("B", "angry"), ("A", "relax")]


def test_a_clip_that_is_erased_while_the_log_is_read_does_no_harm(opened, monkeypatch):
    if opened.path is not None:
        pytest.skip("The reading connection of SQLite sees one state.")
    add(opened, "mine", by=AYSE)
    say(opened, AYSE, "mine")
    facts = answer_log._facts

    def later(c, ids):
        thread = threading.Thread(target=lambda: store.erase_own_clip(asked(opened, AYSE), "mine"))
        thread.start()
        thread.join()
        return facts(c, ids)

    monkeypatch.setattr(answer_log, "_facts", later)
    assert len(answer_log.current_log(opened)) == 1
    assert len(answer_log.current_log(opened)) == 0


def test_a_retried_read_of_the_queue_skips_no_clip(opened, monkeypatch):
    for k in range(12):
        add(opened, f"c{k:02}", by=None, shared=True)

    def first_clips():
        return store.clips_to_label(opened, rater="Ayşe", limit=3, champion="m1")["clip_id"].tolist()

    expected, frame, calls = first_clips(), label_queue.frame, []

    class ServerStops(Exception):
        sqlstate = "57P01"

    def fails_once(c, query):
        calls.append(query)
        if len(calls) == 1:  # the first clips were taken from the line for this query
            raise sa.exc.OperationalError("select", {}, ServerStops())
        return frame(c, query)

    monkeypatch.setattr(label_queue, "frame", fails_once)
    assert first_clips() == expected
    assert len(calls) == 2


def test_what_takes_long_under_one_name_lets_other_names_go_on(opened):
    add(opened, "A", by=AYSE)
    answer(opened, "A", EMOTIONS[0])
    begins, may_end = threading.Event(), threading.Event()

    def slow():
        begins.set()
        assert may_end.wait(60)
        return "made"

    thread = threading.Thread(target=lambda: remembered(opened, "slow", (1,), slow))
    thread.start()
    assert begins.wait(60)
    with ThreadPoolExecutor(1) as pool:
        try:
            assert len(pool.submit(answer_log.current_log, opened).result(timeout=30)) == 1
        finally:
            may_end.set()
    thread.join()
