"""Notes about tags in both databases: which later contents are the same piece, and what can be taken back."""

from core import store

EDITS = "e"


def note(opened, was, now, *, piece="first", path="/m/a.flac", before=(), after="relax"):
    return store.note_tag(opened, piece, path, was_hash=was, now_hash=now, before=before, after=after, edits=EDITS)


def test_later_contents_are_the_piece_of_the_first_one(opened):
    note(opened, "first", "second")
    note(opened, "second", "third", before=("relax",), after="happy")
    assert store.first_content(opened, "third") == "first"
    assert store.first_content(opened, "other") == "other"
    assert store.first_contents(opened, ["second", "other", "first"]) == {"second": "first"}
    assert store.later_contents(opened, ["first", "other"]) == {"second", "third"}
    assert store.later_contents(opened, []) == set()


def test_the_notes_are_listed_newest_first_until_they_are_undone(opened):
    one, two = note(opened, "first", "second"), note(opened, "second", "third", after="happy")
    assert list(store.tag_notes(opened)["id"]) == [two, one]
    assert list(store.tag_notes(opened)["edits"]) == [EDITS, EDITS]
    store.file_rewritten(opened, "first", ["/m/a.flac"], size=3, stamp="x", undone=two)
    assert list(store.tag_notes(opened)["id"]) == [one]
    assert store.first_content(opened, "third") == "first"  # a copy of the file may still have this content
    store.drop_note(opened, one)
    assert store.tag_notes(opened).empty
