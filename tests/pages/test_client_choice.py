"""The choice of a client: vetoes and their undo, and the pieces that are offered for a rule."""

from types import SimpleNamespace

import pandas as pd
import pytest

from core import store
from core.access import Person, Role, Setting
from pages.views.library import client_choice, client_views
from tests.mood_library import many

PIECE, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def client(opened, monkeypatch):
    """A chosen client of Ece, without a page."""
    db = opened.asked_by(lambda: Person(Role.RATER, "Ece", False, "browser-1", Setting.OPEN))
    client = store.add_client(db, "K-1")
    state = {client_choice.CLIENT: client.id}
    monkeypatch.setattr(client_choice, "st", SimpleNamespace(session_state=state))
    monkeypatch.setattr(client_choice.messages, "keep_message", lambda kind, text: state.update({kind: text}))
    monkeypatch.setattr(client_choice.cached, "store", lambda: db)
    monkeypatch.setattr(client_choice, "title_of", lambda piece: f"T {piece[:3]}")

    def rules() -> dict[str, str]:
        return store.client_pieces_table(db, client.id).set_index("piece_id")["rule"].to_dict()

    return SimpleNamespace(id=client.id, store=db, rules=rules, state=state)


def test_an_undo_takes_back_the_rule_of_this_veto(client):
    assert client_choice.note_veto(PIECE)
    assert client.rules() == {PIECE: "never"}
    assert client_choice.undo_veto(PIECE[:10])
    assert client.rules() == {}
    assert "info" not in client.state


def test_an_undo_does_not_delete_an_older_veto_of_the_client(client):
    for piece in (PIECE, OTHER):
        store.set_client_piece(client.store, client.id, piece, title="T", rule="never", origin="veto")
    assert client_choice.undo_veto(PIECE[:10])  # the veto was made before the client was chosen
    assert client_choice.note_veto(OTHER)
    assert client_choice.undo_veto(OTHER[:10])
    assert client.rules() == {PIECE: "never", OTHER: "never"}
    assert "by an older rule" in client.state["info"]


def test_an_undo_brings_the_rule_before_back(client):
    store.set_client_piece(client.store, client.id, PIECE, title="T", rule="must")
    assert client_choice.note_veto(PIECE)
    assert client.rules() == {PIECE: "never"}
    assert client_choice.undo_veto(PIECE[:10])
    assert client.rules() == {PIECE: "must"}


def test_a_large_library_offers_the_first_pieces_and_finds_the_others_by_words(monkeypatch):
    monkeypatch.setattr(client_views, "MOST_NAMES", 10)
    every = many(30)
    text = pd.Series([f"ezgi {k} x" for k in range(30)], every.index)
    assert client_views.offered_pieces(every, text, "") == list(every.index[:10])
    assert client_views.offered_pieces(every, text, "ezgi 17 x") == [every.index[17]]
