"""What people say about pairs is never overwritten; fingerprints come back as they were; raters may not decide."""

import numpy as np
import pytest

from core import store
from core.access import AccessError, Person, Role, Setting
from core.errors import StoreError


def by(opened, name, role=Role.THERAPIST):
    return opened.asked_by(lambda: Person(role, name, True, setting=Setting.LOGIN))


def test_the_newest_word_counts_and_each_undo_goes_one_step_back(opened):
    first = store.say_same(by(opened, "ayşe@x.org"), "b", "a", True)
    second = store.say_same(by(opened, "ece@x.org"), "a", "b", False)
    assert not store.same_recordings(opened)
    assert store.undo_same(by(opened, "ece@x.org"), second)
    assert not store.undo_same(by(opened, "ece@x.org"), second)
    assert store.same_recordings(opened).named == {"a": "a", "b": "a"}
    assert store.same_words_table(opened)[["one", "other", "said_by"]].to_numpy().tolist() == [
        ["a", "b", "ayşe@x.org (login)"]
    ]
    assert store.undo_same(by(opened, "ayşe@x.org"), first)
    assert store.same_words_table(opened).empty


def test_fingerprints_come_back_and_another_method_measures_again(opened):
    values = np.array([0, 1, 2**32 - 1], dtype=np.uint32)
    store.save_fingerprints(opened, {"a": values, "b": values[:0]}, maker="m 1")
    found = store.fingerprints_of(opened, ["a", "b", "c"], maker="m 1")
    assert {name: items.tolist() for name, items in found.items()} == {"a": [0, 1, 2**32 - 1], "b": []}
    assert store.without_fingerprint(opened, ["c", "a", "b", "c"], maker="m 1") == ["c"]
    assert store.without_fingerprint(opened, ["a"], maker="m 2") == ["a"]
    store.save_fingerprints(opened, {"a": values[:1]}, maker="m 2")
    assert store.fingerprints_of(opened, ["a"], maker="m 2")["a"].tolist() == [0]


def test_a_search_replaces_the_pairs_of_the_one_before(opened):
    store.replace_links(opened, [store.Link("b", "a", "sure", {"error": 0.1})])
    assert store.same_recordings(opened).name("b") == "a"
    store.replace_links(opened, [store.Link("a", "c", "doubt")])
    assert store.links_table(opened)[["one", "other", "kind"]].to_numpy().tolist() == [["a", "c", "doubt"]]
    assert not store.same_recordings(opened)


@pytest.mark.parametrize("pair", [("a", "a"), ("", "a"), ("a", "x" * 129), ("a", "b\x00")])
def test_what_is_no_pair_is_refused(opened, pair):
    with pytest.raises(StoreError):
        store.say_same(opened, *pair, True)
    assert store.same_words_table(opened).empty


def test_raters_may_neither_see_the_pairs_nor_decide(opened):
    number = store.say_same(opened, "a", "b", True)
    for ask in (
        lambda db: store.say_same(db, "a", "b", False),
        lambda db: store.undo_same(db, number),
        store.links_table,
        store.same_words_table,
    ):
        with pytest.raises(AccessError):
            ask(by(opened, "rater@x.org", Role.RATER))
    assert len(store.same_words_table(opened)) == 1
