"""The state of a pair: a word of a person, else what the program is sure of, unless a word keeps both apart."""

import json

import pytest

from core import store
from core.library.copy_pairs import State, evidence, stored_pairs


@pytest.fixture
def opened(tmp_path):
    return store.open_store(f"sqlite:///{tmp_path / 'store.db'}")


def states(opened):
    table = stored_pairs(opened)
    return {f"{row.one}{row.other}": State(row.state) for row in table.itertuples()}


def test_states_of_pairs(opened):
    links = [("a", "b", "sure"), ("b", "c", "sure"), ("d", "e", "doubt"), ("f", "g", "apart"), ("h", "i", "apart")]
    store.replace_links(opened, [store.Link(*link) for link in links])
    assert states(opened) == {"ab": State.ONE, "bc": State.ONE, "de": State.OPEN}
    store.say_same(opened, "c", "a", False)
    store.say_same(opened, "f", "g", True)
    assert states(opened) == {
        **{"ab": State.ONE, "bc": State.TWO, "ac": State.TWO, "de": State.OPEN, "fg": State.ONE},
    }
    assert stored_pairs(opened)["number"].tolist()[:2] == [2, 1]  # the newest word first
    assert store.same_words_table(opened)["one"].tolist() == ["f", "a"]


def test_a_doubt_that_other_words_have_settled_is_not_asked(opened):
    store.replace_links(opened, [store.Link("a", "b", "doubt")])
    store.say_same(opened, "a", "c", True)
    store.say_same(opened, "b", "c", True)
    assert states(opened)["ab"] is State.ONE


def test_two_recordings_with_several_files_are_asked_about_once(opened):
    doubts = [store.Link(a, "x", "doubt", {"by": "chromaprint", "error": e}) for a, e in (("a", 0.2), ("b", 0.1))]
    store.replace_links(opened, [store.Link("a", "b", "sure"), *doubts])
    assert states(opened) == {"ab": State.ONE, "bx": State.OPEN}
    store.say_same(opened, "b", "x", False)
    assert states(opened) == {"ab": State.ONE, "bx": State.TWO}


def test_what_was_found_is_a_sentence():
    found = {"by": "chromaprint", "error": 0.0213, "common_s": 17.6, "offset_s": -1.5}
    assert evidence(json.dumps(found)) == (
        "In 18 s that both have, 2.1 % of the fingerprint differs. The music begins 1.5 s later in the first file."
    )
    assert "Fingerprints are missing or say nothing." in evidence('{"by": "features"}')
    assert evidence("") == "No comparison of these files is stored."
