"""The library as pages ask for it: whose answer counts, which files are left, and what a search finds."""

import unicodedata
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from core import store
from core.library.results import contents_of
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.records import LibraryEntry, LibraryFile, MeasuredClip, Window
from core.schema import COLUMNS, EMOTIONS, FeatureVector
from core.store.connection import read
from core.store.library import places_of
from pages.views.library import run_pieces
from tests import mood_library
from tests.mood_library import EXTRACTOR

SURE = {"angry": 0.02, "happy": 0.02, "relax": 0.9, "sad": 0.06}
EASY, STRICT = Policy(threshold=0.5), Policy(threshold=0.95, pair_threshold=0.99)


def scored(opened, content: str, path: str = "/music/a.flac", *, plan: str = "excerpt", **tags: str) -> None:
    """A file of a library with one part, named like its content."""
    vector = FeatureVector(content, EXTRACTOR, np.full(len(COLUMNS), np.nan))
    part = MeasuredClip(vector, 0.0, 30.0, -14.0, 44_100, 1000, 200.0)
    windows = (Window(0.0, 30.0, content),)
    file = LibraryFile(path, plan, 10, "s", "scored", "", EXTRACTOR, content, 200.0, windows)
    store.save_files(opened, [LibraryEntry(file, (part,), tags)])


def said(opened, content: str, *, policy: Policy = EASY, model: str = "m1", p: dict[str, float] = SURE) -> None:
    prediction = Prediction(content, model, EXTRACTOR, p)
    store.save_predictions(opened, [(prediction, decide(prediction, policy))], policy=policy)


def listed(opened, **given: object) -> list[str]:
    return store.library_table(opened, sort="file_name", descending=False, **given)["clip_id"].tolist()


# --- whose answer


def test_the_policy_in_force_counts_whichever_came_last(opened):
    scored(opened, "a")
    for policy in (EASY, STRICT, EASY):  # the third says nothing new, so that its row is the older one
        said(opened, "a", policy=policy)
    for policy, decision in ((EASY, "relax"), (STRICT, None)):
        found = store.library_table(opened, policy=policy, model_version="m1").iloc[0]
        assert Policy.from_json(found["policy"]) == policy
        assert (found["decision"] if decision else None) == decision
        assert store.library_table(opened, policy=policy).iloc[0]["policy"] == policy.to_json()
    assert Policy.from_json(store.library_table(opened).iloc[0]["policy"]) == STRICT  # the newest


def test_where_nothing_was_decided_under_the_policy_the_newest_decision_counts(opened):
    scored(opened, "a")
    said(opened, "a", policy=STRICT)
    said(opened, "a", policy=EASY, model="m2")
    other = Policy(threshold=0.8)
    assert store.library_table(opened, policy=other, model_version="m1").iloc[0]["policy"] == STRICT.to_json()
    assert store.library_table(opened, policy=EASY, model_version="m1").iloc[0]["model_version"] == "m1"
    assert store.library_table(opened, policy=STRICT, model_version="m3").iloc[0]["model_version"] == "m2"


# --- which files


def test_content_that_was_written_over_is_no_longer_listed(opened):
    scored(opened, "a")
    said(opened, "a")
    assert listed(opened) == ["a"]
    scored(opened, "b")  # another content at the same path
    said(opened, "b")
    assert listed(opened) == ["b"]
    assert listed(opened, accepted=True, search="a.flac") == ["b"]
    scored(opened, "a", "/music/copy.flac")
    assert listed(opened) == ["b", "a"] or listed(opened) == ["a", "b"]


def test_places_are_those_of_scored_files_the_newest_first(opened, monkeypatch):
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    for k, path in enumerate(("/music/old.flac", "/music/new.flac")):
        monkeypatch.setattr("core.store.checks.now", lambda k=k: moment + timedelta(days=k))
        scored(opened, "a", path)
    store.save_files(opened, [LibraryEntry(LibraryFile("/music/bad.flac", "excerpt", 5, "s", "refused"))])
    places = store.library_places(opened, ["a", "b"])
    assert places["path"].tolist() == ["/music/new.flac", "/music/old.flac"]
    assert places["size"].tolist() == [10, 10]


def test_places_of_more_contents_than_a_query_takes_are_complete(opened, monkeypatch):
    monkeypatch.setattr("core.store.connection.IDS_AT_ONCE", 2)
    contents = [f"c{k}" for k in range(5)]
    for content in contents:
        scored(opened, content, f"/music/{content}.flac")
    scored(opened, "new", "/music/c3.flac")  # replaces c3, whose query does not ask for the new content
    places = store.library_places(opened, contents).set_index("content_hash")["path"].to_dict()
    assert places == {content: f"/music/{content}.flac" for content in contents if content != "c3"}


def test_places_are_found_by_content_and_path_without_reading_all_files(opened):
    """Each part of the contents reads the files of its own paths only. A large library would else take minutes."""
    if opened.path is None:
        pytest.skip("The plan of SQLite can be compared.")
    query = places_of(["a"]).compile(opened.engine, compile_kwargs={"literal_binds": True})
    plan = read(opened, lambda c: c.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all())
    assert not [row for row in plan if row[3].startswith("SCAN files")], plan


def test_the_mark_changes_when_a_run_ends_a_clip_goes_or_the_library_grows(opened):
    marks = [store.library_cache_key(opened)]

    def changed() -> bool:
        marks.append(store.library_cache_key(opened))
        return marks[-1] not in marks[:-1]

    scored(opened, "a")
    assert changed()
    for k in range(60):
        scored(opened, f"b{k}")
    assert changed()
    said(opened, "a")  # one more answer of a model is no reason to read all
    assert not changed()
    store.delete_clip(opened, "a")
    assert changed()
    job = store.start_job(opened, "rescore")
    store.finish_job(opened, job.job_id)
    assert changed()
    assert not changed()


# --- search


@pytest.fixture
def named(opened):
    scored(opened, "a", "/music/01.flac", artist="Müzeyyen Senar", title="Şarkı", album="Işıklar", makam="Hüseynî")
    scored(opened, "b", f"/music/{unicodedata.normalize('NFD', 'Çiğdem')}.flac", performer="Emel", title="100% _x")
    scored(opened, "c", "/music/c.flac")
    for k, content in enumerate("abc"):
        said(opened, content, p=dict(zip(EMOTIONS, (0.1, 0.1, 0.7 - 0.1 * k, 0.1 + 0.1 * k), strict=True)))
    return opened


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("müzeyyen", "a"),
        ("MUZEYYEN", "a"),
        ("ŞARKI", "a"),  # neither SQLite nor Python's small letters make this ş and ı
        ("sarki senar", "a"),  # words of two fields, in any order
        ("isiklar", "a"),
        ("HUSEYNI 01", "a"),
        ("çiğdem", "b"),
        ("cigdem emel", "b"),
        ("100% _", "b"),  # no patterns
        ("%", "b"),
        ("flac", "abc"),
        ("sarki emel", ""),
        ("   ", "abc"),
    ],
)
def test_every_word_is_searched_in_all_names(named, words, found):
    assert sorted(listed(named, search=words)) == list(found)


def test_a_search_keeps_order_limit_and_types(named):
    whole = store.library_table(named)
    assert whole["clip_id"].tolist() == ["a", "b", "c"]
    found = store.library_table(named, search="flac")
    pd.testing.assert_frame_equal(found, whole)
    assert store.library_table(named, search="flac", limit=1, offset=1)["clip_id"].tolist() == ["b"]
    assert store.library_table(named, search="nothing").dtypes.to_dict() == whole.dtypes.to_dict()


def test_a_search_may_find_more_than_a_query_takes_names(named, monkeypatch):
    monkeypatch.setattr("core.store.connection.IDS_AT_ONCE", 2)
    assert listed(named, search="flac", limit=3) == listed(named)


def test_the_tests_of_moods_know_its_columns(opened):
    """What they call a row of this table has no column that it lacks."""
    scored(opened, "a")
    assert set(mood_library.clip("x")) <= set(store.library_table(opened))


# --- a file that was replaced ----------------------------------------------------------------------------------------


def test_of_a_replaced_file_only_the_present_content_is_in_the_library(opened):
    for content, plan in (("old", "30.0/30.0"), ("old", "excerpt"), ("new", "excerpt")):  # the last one replaces it
        scored(opened, content, plan=plan)
        said(opened, content)
    assert listed(opened) == ["new"]
    assert store.library_places(opened, ["old", "new"])["content_hash"].tolist() == ["new"]
    scored(opened, "old", "/music/copy.flac")  # the old content is elsewhere, too
    assert sorted(listed(opened)) == ["new", "old"]
    assert store.library_places(opened, ["old"])["path"].tolist() == ["/music/copy.flac"]


@pytest.mark.parametrize("origin", ["recording", "upload"])
def test_a_clip_of_predict_is_a_piece_only_if_a_library_has_its_file(opened, origin):
    store.add_clip(opened, "c", file_name="c.wav", duration_s=3, sr=44100, origin=origin)
    said(opened, "c")
    assert listed(opened) == []
    scored(opened, "c")
    assert listed(opened) == ["c"]


def test_the_groups_of_a_run_are_files_and_not_clips():
    table = pd.DataFrame(
        [("scored", "a", "speech", "", ""), ("scored", "b", "", "sad", "sad"), ("refused", "c", "", "", ""),
         ("scored", "d", "", "", "")],
        columns=["state", "content_hash", "unlike", "decision", "candidates"],
    )  # fmt: skip
    assert contents_of(table, "unlike") == {"a"}
    assert contents_of(table, "review") == {"a", "d"}
    assert contents_of(table, "") == {"a", "b", "d"}
    heard = table.assign(whose_word=["agreed" if content == "a" else "model" for content in table["content_hash"]])
    assert contents_of(heard, "review") == {"d"}
    assert contents_of(heard, "unlike") == {"a"}
    pieces = pd.DataFrame({"word": ["own", "model", "model"]}, index=["a", "b", "d"])
    assert list(run_pieces.of_group(pieces, table, "review").index) == ["d"]
    assert list(run_pieces.of_group(pieces, table, "unlike").index) == ["a"]
