"""Clients, their rules for pieces, their sessions: stored at once, seen by one person, deleted with all traces."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core import store
from core.access import AccessError, Person, Role
from core.errors import StoreError
from core.store import ClientGoneError, NewSession
from core.store.clients import client_code
from tests.store.test_of_0_2 import restored

ROWS = [{"piece_id": f"hash{k}", "title": f"Ezgi {k}", "gain_db": float("nan") if k else -1.5} for k in range(3)]
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


def new(**more):
    return NewSession("Relax, 10 minutes", {"way": ["relax"]}, ROWS, "{}", "program 1", **more)


def of(opened, name, role=Role.THERAPIST, *, verified=True):
    return opened.asked_by(lambda: Person(role, name, verified, "abcdef123"))


@pytest.fixture
def ece(opened):
    return of(opened, "ece@example.org")


@pytest.fixture
def client(ece):
    return store.add_client(ece, "K-12")


@pytest.fixture
def session_id(ece, client):
    return store.add_session(ece, client.id, new(goal="rest"), token="form-00001")


@pytest.mark.parametrize("text", ["Ayşe", "Ayşe Yılmaz 3", "", "K 12", "1" * 21, "K\x0012", "İ-"])
def test_what_could_be_a_name_is_no_code(text):
    with pytest.raises(StoreError, match="Do not use a name|control characters"):
        client_code(text)
    assert client_code(" Ş-12/b ") == "Ş-12/b"


def test_a_code_is_used_once_by_each_person(opened, ece, client):
    with pytest.raises(StoreError, match="already have a client with the code K-12"):
        store.add_client(ece, "k-12")
    assert store.add_client(of(opened, "can@example.org"), "k-12").id != client.id


def test_a_session_comes_back_as_it_was_stored(ece, client, session_id):
    stored = store.read_session(ece, session_id)
    assert (stored.code, stored.name, stored.program, stored.outcome.goal) == (
        "K-12",
        "Relax, 10 minutes",
        "program 1",
        "rest",
    )
    assert [p.row["title"] for p in stored.pieces] == ["Ezgi 0", "Ezgi 1", "Ezgi 2"]
    assert json.dumps([dict(p.row) for p in stored.pieces]) == json.dumps(ROWS)  # NaN too
    assert store.client_pieces_table(ece, client.id).empty
    again = new(vetoes=[{"piece_id": "a", "title": "A"}])
    assert store.add_session(ece, client.id, again, token="form-00001") == session_id  # pressed twice
    assert store.client_pieces_table(ece, client.id).empty
    assert len(store.sessions_of(ece, client.id)) == 1
    assert store.own_clients(ece)[0].sessions == 1


def test_each_entry_is_stored_at_once_and_the_others_stay(ece, session_id):
    store.note_outcome(ece, session_id, mood_before="sad", valence_before=-1 / 3, arousal_before=-1)
    store.note_outcome(ece, session_id, began_at=NOON, rating=4, remarks="sakin")
    second = store.read_session(ece, session_id).pieces[1]
    store.note_stop(ece, session_id, second, stopped_at=NOON, stopped_s=80.0)
    again = store.read_session(ece, session_id)
    assert again.outcome.mood_before == "sad"
    assert (again.outcome.valence_before, again.outcome.arousal_before) == (pytest.approx(-1 / 3), -1)
    assert (again.outcome.began_at, again.outcome.rating, again.outcome.remarks) == (NOON, 4, "sakin")
    assert [(p.stopped_at, p.stopped_s) for p in again.pieces] == [(None, None), (NOON, 80.0), (None, None)]
    store.note_stop(ece, session_id, second, stopped_at=None)
    assert store.read_session(ece, session_id).pieces[1].stopped_at is None


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"mood_after": "calm"}, "not a known mood"),
        ({"valence_after": 1.5}, "from -1 to 1"),
        ({"rating": 6}, "from 1 to 5"),
        ({"remarks": "x" * 2001}, "the limit is 2000"),
    ],
)
def test_a_wrong_entry_is_refused_and_nothing_is_stored(ece, session_id, entry, sentence):
    before = store.read_session(ece, session_id)
    with pytest.raises(StoreError, match=sentence):
        store.note_outcome(ece, session_id, goal="other", **entry)
    with pytest.raises(StoreError, match="changed in another tab"):
        store.note_stop(ece, session_id, replace(before.pieces[0], piece_id="hash2"), stopped_at=NOON)
    assert store.read_session(ece, session_id) == before


def test_a_replacement_and_its_veto_are_stored_together_or_not_at_all(ece, client, session_id):
    changed = [ROWS[0], {"piece_id": "hash9", "title": "Ezgi 9", "gain_db": 0.0}, ROWS[2]]
    given = {
        "before": ["hash0", "hash1", "hash2"],
        "replacement": {"number": 2, "before": "hash1", "after": "hash9"},
        "veto": {"piece_id": "hash1", "title": "Ezgi 1"},
    }
    for piece in store.read_session(ece, session_id).pieces[1:]:
        store.note_stop(ece, session_id, piece, stopped_at=NOON)
    store.change_list(ece, session_id, changed, **given)
    stored = store.read_session(ece, session_id)
    assert [p.piece_id for p in stored.pieces] == ["hash0", "hash9", "hash2"]
    assert [p.stopped_at for p in stored.pieces] == [None, None, NOON]  # the second one is another piece
    assert (len(stored.replacements), stored.vetoes[0]["title"]) == (1, "Ezgi 1")
    (rule,) = store.client_pieces_table(ece, client.id).to_dict("records")
    assert (rule["piece_id"], rule["rule"], rule["origin"]) == ("hash1", "never", "veto")
    with pytest.raises(StoreError, match="changed in another tab"):
        store.change_list(ece, session_id, ROWS, **given | {"veto": {"piece_id": "hash0", "title": "x"}})
    store.note_outcome(ece, session_id, ended_at=NOON)
    with pytest.raises(StoreError, match="session is over"):
        store.change_list(ece, session_id, ROWS, **given | {"before": ["hash0", "hash9", "hash2"]})
    assert store.read_session(ece, session_id).pieces == stored.pieces
    assert len(store.client_pieces_table(ece, client.id)) == 1


def test_the_vetoes_of_a_new_session_are_rules_of_its_client(ece, client):
    store.add_session(ece, client.id, new(vetoes=[{"piece_id": "a", "title": "A"}]), token="form-00001")
    (rule,) = store.client_pieces_table(ece, client.id).to_dict("records")
    assert (rule["piece_id"], rule["rule"], rule["origin"], rule["title"]) == ("a", "never", "veto", "A")


def test_a_piece_has_one_rule_for_a_client(ece, client):
    store.set_client_piece(ece, client.id, "a", title="A", rule="must")
    store.set_client_piece(ece, client.id, "a", title="A", rule="never", origin="veto")
    store.set_client_piece(ece, client.id, "b", title="B", rule="must")
    rules = store.client_pieces_table(ece, client.id).set_index("piece_id")["rule"].to_dict()
    assert rules == {"a": "never", "b": "must"}
    store.set_client_piece(ece, client.id, "a", title="A", rule=None)
    assert list(store.client_pieces_table(ece, client.id)["piece_id"]) == ["b"]


@pytest.mark.parametrize("role", [Role.THERAPIST, Role.ANALYST])
def test_another_person_neither_sees_nor_changes_a_client(opened, ece, client, session_id, role):
    can = of(opened, "can@example.org", role)
    assert store.own_clients(can) == []
    assert store.sessions_of(can, client.id) == []
    assert store.client_pieces_table(can, client.id).empty
    for attempt in (
        lambda: store.read_session(can, session_id),
        lambda: store.note_outcome(can, session_id, remarks="x"),
        lambda: store.delete_session(can, session_id),
        lambda: store.delete_client(can, client.id),
        lambda: store.add_session(can, client.id, new(), token="form-00001"),
        lambda: store.set_client_piece(can, client.id, "a", title="A", rule="must"),
    ):
        with pytest.raises(ClientGoneError):
            attempt()
    typed = of(opened, "ece@example.org", verified=False)  # the same name without the login
    assert store.own_clients(typed) == []
    assert store.read_session(ece, session_id).outcome.remarks == ""


def test_who_may_not_run_sessions_is_refused(opened):
    with pytest.raises(AccessError, match="You may not do this"):
        store.own_clients(of(opened, "rater@example.org", Role.RATER))


def test_after_a_client_was_deleted_nothing_is_written_back(ece, client, session_id):
    store.set_client_piece(ece, client.id, "a", title="A", rule="must")
    piece = store.read_session(ece, session_id).pieces[0]
    deleted = store.delete_client(ece, client.id)
    assert (deleted.code, deleted.sessions, deleted.pieces) == ("K-12", 1, 1)
    for late in (
        lambda: store.note_outcome(ece, session_id, remarks="late"),
        lambda: store.note_stop(ece, session_id, piece, stopped_at=NOON),
        lambda: store.change_list(ece, session_id, ROWS, before=[], replacement={}),
        lambda: store.add_session(ece, client.id, new(), token="form-00002"),
        lambda: store.set_client_piece(ece, client.id, "a", title="A", rule="never"),
    ):
        with pytest.raises(ClientGoneError, match="not there any more.*Nothing was stored"):
            late()
    from core.store.connection import read
    from core.store.schema import client_pieces, client_sessions, clients, session_pieces

    for table in (clients, client_pieces, client_sessions, session_pieces):
        assert read(ece, lambda c, t=table: c.execute(t.select()).all()) == []


def test_the_sqlite_file_does_not_hold_what_was_deleted(tmp_path, migrated):
    path = tmp_path / "feedback.db"
    path.write_bytes(migrated.read_bytes())
    opened = store.open_store(f"sqlite:///{path}")
    client = store.add_client(opened, "ZEYTIN-7")
    session = store.add_session(opened, client.id, new(notes="first-note"), token="form-00001")
    store.note_outcome(opened, session, notes="second-note")
    held = {word for word in (b"ZEYTIN-7", b"second-note") for file in files(path) if word in file.read_bytes()}
    assert held == {b"ZEYTIN-7", b"second-note"}
    store.delete_client(opened, client.id)
    for word in (b"ZEYTIN-7", b"first-note", b"second-note", b"Ezgi 2"):
        assert not [file.name for file in files(path) if word in file.read_bytes()]
    store.close_store(opened)


def files(path: Path) -> list[Path]:
    return [file for file in path.parent.iterdir() if file.name in (path.name, f"{path.name}-wal")]


def test_one_session_is_deleted_alone(ece, client, session_id):
    other = store.add_session(ece, client.id, new(), token="form-00002")
    store.delete_session(ece, session_id)
    assert [s.id for s in store.sessions_of(ece, client.id)] == [other]
    assert len(store.read_session(ece, other).pieces) == 3


def test_analysts_see_numbers_and_hand_clients_over(opened, ece, client, session_id):
    boss = of(opened, "boss@example.org", Role.ANALYST)
    (row,) = store.client_counts(boss).to_dict("records")
    assert row == {"owner": "ece@example.org", "owner_verified": True, "clients": 1, "sessions": 1}
    store.add_client(of(opened, "can@example.org"), "K-12")
    with pytest.raises(StoreError, match="same client codes"):
        store.hand_over_clients(boss, "ece@example.org", True, to="can@example.org", to_verified=True)
    deniz = of(opened, "deniz@example.org")
    assert store.hand_over_clients(boss, "ece@example.org", True, to="deniz@example.org", to_verified=True) == 1
    assert store.own_clients(ece) == []
    assert store.read_session(deniz, session_id).code == "K-12"
    (given,) = store.own_clients(deniz)
    assert (given.handed_by, given.handed_at is None) == (boss.by.mark, False)
    with pytest.raises(AccessError):
        store.client_counts(ece)
    with pytest.raises(StoreError, match="no clients"):
        store.hand_over_clients(boss, "ece@example.org", True, to="deniz@example.org", to_verified=True)


def test_nobody_hands_the_clients_of_others_over_to_themselves(opened, ece, client):
    boss = of(opened, "boss@example.org", Role.ANALYST)
    with pytest.raises(StoreError, match="Ask another analyst"):
        store.hand_over_clients(boss, "ece@example.org", True, to="boss@example.org", to_verified=True)
    assert [(mine.code, mine.handed_by) for mine in store.own_clients(ece)] == [(client.code, "")]


def test_a_database_of_0_2_gets_the_tables_and_what_it_holds_stays(tmp_path):
    opened = store.open_store(f"sqlite:///{restored(tmp_path / 'feedback.db')}")
    clips = len(store.clips_table(opened))
    client = store.add_client(opened, "K-1")
    session = store.add_session(opened, client.id, new(), token="form-00001")
    store.close_store(opened)
    again = store.open_store(f"sqlite:///{tmp_path / 'feedback.db'}")  # as after a restart
    assert len(store.read_session(again, session).pieces) == 3
    assert len(store.clips_table(again)) == clips == 7
    store.close_store(again)
