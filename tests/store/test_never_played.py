"""The list of what no playlist uses: put once, taken off once, by people who may."""

import pytest

from core import store
from core.access import AccessError, Person, Role, Setting
from core.errors import StoreError


def by(opened, name, role=Role.THERAPIST):
    return opened.asked_by(lambda: Person(role, name, True, setting=Setting.LOGIN))


def test_an_entry_is_stored_once_and_taken_off_once(opened):
    first = store.never_play(by(opened, "ayşe@x.org"), "piece", "abc", name="Ezgi 1 — Şirin")
    assert store.never_play(by(opened, "ece@x.org"), "piece", "abc") == first
    store.never_play(by(opened, "ece@x.org"), "folder", "/music/Voice memos")
    rows = store.never_table(opened).set_index("kind")
    assert rows.loc["piece", ["value", "name", "put_by"]].tolist() == ["abc", "Ezgi 1 — Şirin", "ayşe@x.org (login)"]
    assert store.play_again(by(opened, "ece@x.org"), first)
    assert not store.play_again(by(opened, "ayşe@x.org"), first)  # somebody was faster
    assert store.never_table(opened)["value"].tolist() == ["/music/Voice memos"]


@pytest.mark.parametrize(
    ("kind", "value"), [("song", "abc"), ("piece", " "), ("folder", "/m\x00"), ("folder", "x" * 4001)]
)
def test_what_is_no_piece_or_folder_is_refused(opened, kind, value):
    with pytest.raises(StoreError):
        store.never_play(opened, kind, value)
    assert store.never_table(opened).empty


def test_raters_may_not_change_the_list(opened):
    entry = store.never_play(opened, "piece", "abc")
    for ask in (
        lambda db: store.never_play(db, "piece", "d"),
        lambda db: store.play_again(db, entry),
        store.never_table,
    ):
        with pytest.raises(AccessError):
            ask(by(opened, "rater@x.org", Role.RATER))
    assert len(store.never_table(opened)) == 1
