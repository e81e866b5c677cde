"""A person's own clips: noted, listed, and erased with all that belongs to them and with nothing else."""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sa

from core import store
from core.access import Person, Role, Setting
from core.errors import StoreError
from core.features import EXTRACTOR
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.records import LibraryEntry, LibraryFile, MeasuredClip, MeasuredFile, Window
from core.schema import COLUMNS, EMOTIONS, FeatureVector
from core.store import schema
from core.store.checks import now
from core.store.connection import read, write

AYSE = Person(Role.VISITOR, "Ayşe", session="a" * 32, setting=Setting.OPEN)
ECE = Person(Role.VISITOR, "Ece", session="e" * 32, setting=Setting.OPEN)
NAMELESS = Person(Role.VISITOR, session="n" * 32, setting=Setting.OPEN)
TABLES = (
    *(schema.clips, schema.features, schema.predictions, schema.feedback, schema.tracks, schema.clip_owners),
    *(schema.karar_words, schema.makam_results, schema.fingerprints, schema.recording_links, schema.recording_words),
)


def asked(opened, person):
    return opened.asked_by(lambda: person)


def add(opened, clip_id, *, by, shared=False, origin="upload", part_of=None):
    """A scored clip with a track, which a person brought."""
    track = store.add_track(opened, artist="", title=f"title of {clip_id}")
    store.add_clip(
        opened, clip_id, file_name=f"{clip_id}.wav", duration_s=3, sr=44100, origin=origin, track_id=track,
        content_hash=part_of or clip_id, path="clips/x.flac" if shared else None,
    )  # fmt: skip
    if part_of:
        where = schema.clips.c.id == clip_id
        write(opened, lambda c: c.execute(schema.clips.update().where(where).values(part_of=part_of)))
    store.save_features(opened, FeatureVector(clip_id, EXTRACTOR, np.full(len(COLUMNS), np.nan)))
    said = Prediction(clip_id, "m1", EXTRACTOR, dict.fromkeys(EMOTIONS, 0.25))
    store.save_predictions(opened, [(said, decide(said, Policy()))], policy=Policy())
    if by is not None:
        store.claim_clip(asked(opened, by), clip_id, shared=shared)


def say(opened, person, clip_id):
    store.add_feedback(
        asked(opened, person), token=f"{person.name} {clip_id}", rater=person.name or person.anonymous, label="sad",
        clip_id=clip_id, source="predict",
    )  # fmt: skip


def measure_makam(opened, content):
    """Store a measured makam, and a karar that a therapist corrected."""
    therapist = opened.asked_by(lambda: replace(ECE, role=Role.THERAPIST))
    store.correct_karar(therapist, content, 200.0, name=f"{content}.wav")
    row = {"content_hash": content, "analyser": "a", "duration_s": 1, "voiced_s": 1, "makam": "", "makam_kind": ""}
    row |= {"details": "{}", "created_at": now()}
    write(opened, lambda c: c.execute(schema.makam_results.insert().values(row)))


def compare_with_others(opened, content):
    """Store a fingerprint, a pair that a search found, and what a therapist said about another pair."""
    store.save_fingerprints(opened, {content: np.zeros(3, dtype=np.uint32)}, maker="m")
    store.replace_links(opened, [store.Link(content, "x", "doubt")])
    store.say_same(opened.asked_by(lambda: replace(ECE, role=Role.THERAPIST)), "a", content, True)


def rows(opened):
    def count(c):
        return {t.name: c.execute(sa.select(sa.func.count()).select_from(t)).scalar() for t in TABLES}

    return read(opened, count)


def test_an_own_clip_is_erased_with_its_windows_and_all_answers(opened):
    add(opened, "other", by=None)
    say(opened, ECE, "other")
    measure_makam(opened, "other")
    before = rows(opened)
    add(opened, "mine", by=AYSE, shared=True)
    measure_makam(opened, "mine")
    compare_with_others(opened, "mine")
    add(opened, "mine@1.000+3", by=None, part_of="mine")
    say(opened, AYSE, "mine")
    say(opened, ECE, "mine")
    store.record_events(
        opened, *(store.Event(store.EventKind.SCORED, clip_id=i) for i in ("mine", "mine@1.000+3", "other"))
    )
    assert store.erase_own_clip(asked(opened, AYSE), "mine")
    assert rows(opened) == before
    named = read(opened, lambda c: c.execute(sa.select(schema.events.c.clip_id)).scalars().all())
    assert set(named) == {"", "other"}  # what happened stays counted, without the clip
    assert not read(opened, lambda c: c.execute(sa.select(schema.erasing)).all())


def test_of_a_clip_that_two_people_brought_only_the_own_answers_go(opened):
    add(opened, "both", by=AYSE)
    store.claim_clip(asked(opened, ECE), "both", shared=True)
    say(opened, AYSE, "both")
    say(opened, ECE, "both")
    assert not store.erase_own_clip(asked(opened, AYSE), "both")  # Ece still shares the sound
    assert store.feedback_table(opened)["rater"].tolist() == ["Ece"]
    assert store.own_clips(asked(opened, AYSE)).empty
    assert store.erase_own_clip(asked(opened, ECE), "both")
    assert store.clips_table(opened).empty


def test_a_clip_of_the_library_stays_in_the_library(opened):
    add(opened, "piece", by=AYSE, origin="library")
    say(opened, AYSE, "piece")
    store.erase_own_clip(asked(opened, AYSE), "piece")
    assert store.clips_table(opened)["clip_id"].tolist() == ["piece"]
    assert store.feedback_table(opened).empty


def test_nobody_erases_or_lists_the_clip_of_another(opened):
    add(opened, "mine", by=AYSE)
    add(opened, "nameless", by=NAMELESS)
    impostor = replace(AYSE, verified=True, setting=Setting.LOGIN, session="x" * 32)  # a login is another person
    for person in (ECE, impostor, replace(NAMELESS, session="m" * 32)):
        assert store.own_clips(asked(opened, person)).empty
        for clip_id in ("mine", "nameless", "unknown"):
            with pytest.raises(StoreError, match="not one of yours"):
                store.erase_own_clip(asked(opened, person), clip_id)
    assert store.own_clips(asked(opened, NAMELESS))["clip_id"].tolist() == ["nameless"]
    assert len(store.clips_table(opened)) == 2


def test_a_clip_that_was_shared_stays_shared_when_its_person_answers(opened):
    add(opened, "mine", by=AYSE, shared=True)
    store.claim_clip(asked(opened, AYSE), "mine", shared=False)
    assert store.own_clips(asked(opened, AYSE))["shared"].tolist() == [True]


def test_answers_of_a_clip_that_nobody_erases_cannot_be_deleted(opened):
    add(opened, "mine", by=AYSE)
    say(opened, AYSE, "mine")
    for table in (schema.feedback, schema.predictions):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            write(opened, lambda c, table=table: c.execute(table.delete()))
    assert rows(opened)["feedback"] == rows(opened)["predictions"] == 1


def measured(clip_id, *, origin="upload"):
    vector = FeatureVector(clip_id, EXTRACTOR, np.full(len(COLUMNS), np.nan))
    part = MeasuredClip(vector, 0.0, 3.0, -14.0, 44_100, 1000, 3.0)
    return MeasuredFile(clips=(part,), content_hash=clip_id, file_name="a.wav", origin=origin)


def put_file(opened, content, path):
    """A file of a library with this content, of which nothing else is stored."""
    file = LibraryFile(path, "excerpt", 10, "s", "scored", "", EXTRACTOR, content, 3.0, (Window(0.0, 3.0, content),))
    store.save_files(opened, [LibraryEntry(file, (), {})])


def test_of_a_clip_that_nobody_claimed_the_answers_of_others_stay(opened):
    """An earlier version stored the clip. Somebody with the same file answers later, and erases it."""
    add(opened, "older", by=None)
    say(opened, ECE, "older")
    store.save_own(asked(opened, AYSE), measured("older"), shared=True)
    say(opened, AYSE, "older")
    assert store.is_shared(asked(opened, AYSE), "older")
    assert store.erase_own_clip(asked(opened, AYSE), "older")  # nobody else shares the sound
    assert not store.is_shared(asked(opened, AYSE), "older")
    assert store.feedback_table(opened)["rater"].tolist() == ["Ece"]
    assert store.clips_table(opened)["clip_id"].tolist() == ["older"]


def test_a_new_clip_has_one_owner_however_often_it_is_stored(opened):
    for _ in range(2):
        store.save_own(asked(opened, AYSE), measured("mine"), shared=False)
    assert rows(opened)["clip_owners"] == 1
    store.erase_own_clip(asked(opened, AYSE), "mine")
    assert store.clips_table(opened).empty


def test_a_clip_that_cannot_be_claimed_is_not_stored(opened, monkeypatch):
    def fail(*_, **__):
        raise StoreError("The disk is full: nothing was stored.")

    monkeypatch.setattr(sys.modules["core.store.own_clips"], "_claim", fail)
    with pytest.raises(StoreError, match="disk is full"):
        store.save_own(asked(opened, AYSE), measured("mine"), shared=True)
    assert store.clips_table(opened).empty


def test_caches_notice_that_an_answer_is_erased(opened):
    add(opened, "mine", by=AYSE)
    say(opened, AYSE, "mine")  # not the newest answer
    add(opened, "other", by=None)
    say(opened, ECE, "other")
    keys = [(store.words_cache_key(opened), store.labels_cache_key(opened))]
    store.erase_own_clip(asked(opened, AYSE), "mine")
    keys.append((store.words_cache_key(opened), store.labels_cache_key(opened)))
    add(opened, "mine", by=AYSE)  # as many clips and answers as before
    say(opened, AYSE, "mine")
    store.erase_own_clip(asked(opened, AYSE), "mine")
    keys.append((store.words_cache_key(opened), store.labels_cache_key(opened)))
    assert [len(set(kind)) for kind in zip(*keys, strict=True)] == [3, 3]


def test_the_numbers_of_erased_rows_are_not_used_again(opened):
    """A page that still shows the erased clip would else answer about the clip of another person."""

    def newest(table):
        return read(opened, lambda c: c.execute(sa.select(sa.func.max(table.c.id))).scalar())

    add(opened, "mine", by=AYSE)
    say(opened, AYSE, "mine")
    before = newest(schema.predictions), newest(schema.feedback)
    store.erase_own_clip(asked(opened, AYSE), "mine")
    add(opened, "hers", by=ECE)
    say(opened, ECE, "hers")
    assert newest(schema.predictions) > before[0]
    assert newest(schema.feedback) > before[1]


def test_a_file_that_was_replaced_is_no_longer_in_the_library(opened):
    add(opened, "mine", by=AYSE)
    put_file(opened, "mine", "/music/a.wav")
    put_file(opened, "other", "/music/a.wav")  # now another file has this path
    store.erase_own_clip(asked(opened, AYSE), "mine")
    assert store.clips_table(opened).empty


def test_the_files_of_sqlite_do_not_hold_what_was_erased(opened):
    if opened.path is None:
        pytest.skip("A server empties its own files.")
    add(opened, "a clip with a rare name", by=AYSE)
    store.erase_own_clip(asked(opened, AYSE), "a clip with a rare name")
    for file in opened.path.parent.glob(f"{opened.path.name}*"):
        assert b"a clip with a rare name" not in file.read_bytes(), file


@pytest.mark.parametrize(
    "act",
    [
        lambda opened: say(opened, ECE, "mine"),
        lambda opened: store.claim_clip(asked(opened, ECE), "mine", shared=True),
        lambda opened: store.erase_own_clip(asked(opened, AYSE), "mine"),
    ],
    ids=["answer", "claim", "erase"],
)
def test_what_comes_while_a_clip_is_erased_waits_and_is_refused(opened, act):
    if opened.path is not None:
        pytest.skip("SQLite has one writer.")
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    add(opened, "mine", by=AYSE, shared=True)
    with ThreadPoolExecutor(1) as pool:
        with opened.engine.begin() as c:
            c.execute(sa.select(schema.clips).with_for_update()).all()
            late = pool.submit(act, opened)
            while not read(opened, lambda other: other.execute(waiting).scalar()) and not late.done():
                pass
            c.execute(schema.erasing.insert().values(clip_id="mine"))
            c.execute(schema.clip_owners.delete())
            sys.modules["core.store.own_clips"]._erase(c, "mine", "mine")
            c.execute(schema.erasing.delete())
        with pytest.raises(StoreError, match="There is no clip|not one of yours"):
            late.result(timeout=60)


@pytest.mark.parametrize(("owner", "left"), [(AYSE, []), (ECE, ["mine@1.000+3", "mine"])])
def test_a_window_belongs_to_the_owner_of_its_clip(opened, owner, left):
    """It served a prediction before, and now names an answer of its own."""
    add(opened, "mine", by=owner)
    add(opened, "mine@1.000+3", by=None, part_of="mine")
    store.save_own(asked(opened, AYSE), measured("mine@1.000+3"), shared=False)
    for clip_id in store.own_clips(asked(opened, AYSE))["clip_id"]:
        store.erase_own_clip(asked(opened, AYSE), clip_id)
    assert sorted(read(opened, lambda c: list(c.execute(sa.select(schema.clips.c.id)).scalars()))) == sorted(left)


def test_the_newest_answer_about_an_own_clip_is_read_by_its_person_only(opened):
    add(opened, "mine", by=AYSE)
    add(opened, "theirs", by=ECE)
    said = Prediction("mine", "m2", EXTRACTOR, {"angry": 0.8, "happy": 0.1, "relax": 0.1, "sad": 0.0})
    (number,) = store.save_predictions(opened, [(said, decide(said, Policy()))], policy=Policy())
    store.save_predictions(opened, [(said, decide(said, Policy()))], policy=Policy(threshold=0.9), role="challenger")
    found = store.own_prediction(asked(opened, AYSE), "mine")
    assert (found.prediction_id, found.guess, found.decision) == (number, "angry", "angry")
    assert (found.proba, found.candidates, found.model_version) == (said.proba, ("angry",), "m2")
    assert found.margin == pytest.approx(0.7)
    assert store.own_prediction(asked(opened, ECE), "mine") is None
    assert store.own_prediction(asked(opened, AYSE), "theirs") is None
    store.erase_own_clip(asked(opened, AYSE), "mine")
    assert store.own_prediction(asked(opened, AYSE), "mine") is None


def test_a_job_is_read_by_the_person_who_started_it(opened):
    job = store.start_job(asked(opened, AYSE), "library", message="at work")
    assert store.own_job(asked(opened, AYSE), job.job_id, "library") == job
    assert store.own_job(asked(opened, AYSE), job.job_id, "rescore") is None
    assert store.own_job(asked(opened, ECE), job.job_id, "library") is None
