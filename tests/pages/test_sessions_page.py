"""The Sessions page: a list is stored, comes back, is played, stopped, copied, printed and deleted."""

from pathlib import Path

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager

from core import store
from core.access import Person, Role, Setting
from core.playlists import one_mood
from core.playlists.pieces import pieces_table
from core.playlists.playlist import usable_pieces
from core.playlists.sessions import new_session
from core.settings import Settings
from core.source_note import without_header
from pages.shared import login
from pages.views.library import list_player
from tests.mood_library import downloads, stored


@pytest.fixture
def hashes(data_dir: Path) -> list[str]:
    """A library of 24 pieces that pass for two minutes each; piece k has the title Ezgi k."""
    opened = store.open_store(Settings().database)
    return stored(opened, data_dir / "müzik", each=6, said_s=120.0)


@pytest.fixture
def opened(data_dir, monkeypatch):
    """The store of the page, as its person: Ece with a typed name."""
    monkeypatch.setattr(login, "session", lambda: "browser-1")
    db = store.open_store(Settings().database)
    yield db.asked_by(lambda: Person(Role.RATER, "Ece", False, "browser-1", Setting.OPEN))
    store.close_store(db)


@pytest.fixture
def as_ece(open_page, opened):
    """Open a page as Ece."""

    def sit_down(page: str, **address: str):
        return open_page(page, as_person="Ece", **address)

    return sit_down


def shown(page) -> str:
    kinds = (page.error, page.warning, page.info, page.success, page.caption, page.markdown, page.header)
    return "\n".join(str(e.value) for kind in kinds for e in kind).replace("\\", "")


def test_without_a_name_it_asks_for_one(open_page, hashes):
    page = open_page("sessions")
    assert not page.exception
    assert "What is your name?" in shown(page)
    playlists = open_page("playlists")
    assert not playlists.exception
    assert "client_choice" not in [box.key for box in playlists.selectbox]


def test_from_a_new_client_to_a_stored_session_and_back(as_ece, opened, hashes, monkeypatch):
    page = as_ece("sessions")
    page.text_input(key="client_new").set_value("Ayşe Yılmaz").run()
    page.button(key="client_add").click().run()
    assert "Do not use a name" in shown(page)
    page.text_input(key="client_new").set_value("K-12").run()
    page.button(key="client_add").click().run()
    assert "Client K-12 is stored" in shown(page)
    (client,) = store.own_clients(opened)

    page = as_ece("playlists", client=str(client.id), minutes_mood="5")
    assert not page.exception
    page.button(key="veto_2").click().run()
    (rule,) = store.client_pieces_table(opened, client.id).to_dict("records")
    assert (rule["rule"], rule["origin"]) == ("never", "veto")
    page.button(key="session_store").click().run()
    assert "Stored as session" in shown(page)
    page.button(key="session_store").click().run()  # pressed twice
    assert "This list was stored before, as session" in shown(page)
    assert "Stored as session" not in shown(page)
    (session,) = store.sessions_of(opened, client.id)
    assert [(one["before"], one["number"]) for one in session.replacements] == [(rule["piece_id"], 2)]
    assert [one["piece_id"] for one in session.vetoes] == [rule["piece_id"]]

    got = downloads(monkeypatch)
    page = as_ece("sessions", session=str(session.id))
    assert not page.exception
    assert page.header[0].value == "Relax, 5 minutes"
    page.button(key="session_begin").click().run()
    page.button(key="session_stop_1").click().run()
    page.text_input(key=f"session_at_{session.id}_1").set_value("9:99").run()
    assert "9:99 is no place in this piece" in shown(page)
    page.text_input(key=f"session_at_{session.id}_1").set_value("1:20").run()
    page.button_group(key=f"session_mood_after_{session.id}").set_value("relax").run()
    page.button_group(key=f"session_valence_after_{session.id}").set_value(2).run()
    page.text_area(key=f"session_remarks_{session.id}").set_value("=sakin").run()
    assert not page.exception
    now = store.read_session(opened, session.id)
    assert (now.pieces[0].stopped_s, now.outcome.mood_after, now.outcome.remarks) == (80.0, "relax", "=sakin")
    assert now.outcome.valence_after == pytest.approx(2 / 3)
    sheet = next(data for name, data in got.items() if name.endswith(".html"))().decode()
    assert "K-12" in sheet
    assert "Stopped: 1. Ezgi" in sheet

    again = as_ece("sessions", session=str(session.id))  # tomorrow, or after a restart of the server
    assert again.text_area(key=f"session_remarks_{session.id}").value == "=sakin"
    assert again.button_group(key=f"session_valence_after_{session.id}").value == 2
    page = as_ece("playlists", client=str(client.id))
    assert "The one session with a mood afterwards ended calm." in shown(page)
    assert "was stopped once at 1:20" in shown(page)


@pytest.fixture
def session(opened, hashes):
    """A stored session of the client K-1 with three pieces."""
    client = store.add_client(opened, "K-1")
    made = one_mood.build_one_mood(usable_pieces(pieces_table(store.library_table(opened))), "relax", 5)
    number = store.add_session(opened, client.id, new_session(made, policy="{}"), token="form-00001")
    return store.read_session(opened, number)


def test_a_veto_in_a_stored_session_holds_in_its_copy_and_in_the_next_list(as_ece, opened, session):
    first = session.pieces[0].piece_id
    page = as_ece("sessions", session=str(session.id))
    page.button(key="session_veto_1").click().run()
    assert not page.exception
    changed = store.read_session(opened, session.id)
    assert [p.piece_id for p in changed.pieces][1:] == [p.piece_id for p in session.pieces][1:]
    assert changed.pieces[0].piece_id != first
    never = changed.pieces[1].piece_id
    store.never_play(store.open_store(Settings().database), "piece", never, name="Ezgi")
    page.button(key="session_copy").click().run()
    assert not page.exception
    copy = store.sessions_of(opened, session.client_id)[0]
    assert copy.id != session.id
    assert not {first, never} & {p.piece_id for p in copy.pieces}
    assert f"Session {copy.id} of K-1" in shown(page)
    playlists = as_ece("playlists", client=str(session.client_id))
    titles = store.client_pieces_table(opened, session.client_id)["title"]
    assert not any(f" - {titles[0]}**" in str(m.value).replace("\\", "") for m in playlists.markdown)


def test_the_vetoes_of_one_client_are_not_those_of_the_next(as_ece, opened, hashes):
    one, other = (store.add_client(opened, code) for code in ("K-1", "K-2"))
    page = as_ece("playlists", minutes_mood="5")
    page.button(key="veto_1").click().run()  # for nobody yet
    page.selectbox(key="client_choice").set_value(one.id).run()
    assert page.query_params["client"] in (str(one.id), [str(one.id)])
    page.button(key="session_store").click().run()
    assert len(store.client_pieces_table(opened, one.id)) == 1
    page.selectbox(key="client_choice").set_value(other.id).run()
    page.button(key="session_store").click().run()
    assert not page.exception
    assert store.client_pieces_table(opened, other.id).empty
    assert store.sessions_of(opened, other.id)[0].vetoes == ()


def test_a_file_that_is_gone_is_named_and_cannot_be_played(as_ece, opened, session, monkeypatch):
    gone, played = session.pieces[1].row, []
    monkeypatch.setattr(list_player, "show_player", lambda made, table, fades, way: played.append((made, table)))
    Path(gone["path"]).unlink()
    page = as_ece("sessions", session=str(session.id))
    assert f"2. {gone['title']}" in shown(page)
    assert "is gone from the disk" in shown(page)
    keys = [b.key for b in page.button]
    assert "session_play_1" in keys
    assert "session_play_2" not in keys
    ((made, table),) = played  # the player of the whole list has the other pieces, in order
    assert list(made.rows["piece_id"]) == [session.pieces[0].piece_id, *(p.piece_id for p in session.pieces[2:])]
    assert list(table.index) == list(made.rows["piece_id"])
    assert store.read_session(opened, session.id) == session


def test_a_client_who_was_deleted_in_another_tab_is_one_sentence(as_ece, opened, session):
    page = as_ece("sessions", session=str(session.id))
    other = as_ece("sessions", client=str(session.client_id))
    assert "1 session with lists" in shown(other)
    assert other.button(key="client_delete").disabled
    other.checkbox(key=f"client_sure_{session.client_id}").check().run()
    other.button(key="client_delete").click().run()
    assert "Deleted: client K-1, 1 session, 0 rules for pieces." in shown(other)
    page.text_area(key=f"session_remarks_{session.id}").set_value("late").run()
    assert not page.exception
    assert [e.value.replace("\\", "") for e in page.error] == [
        "This session is not there any more: it was deleted. Nothing was stored."
    ]
    assert "session_begin" not in [b.key for b in page.button]
    assert store.own_clients(opened) == []


def test_the_session_of_another_person_is_not_shown(open_page, opened, session):
    page = open_page("sessions", session=str(session.id))
    page.session_state["who"] = "Can"
    page.run()
    page.query_params["session"] = str(session.id)
    page.run()
    assert not page.exception
    assert "This session is not there" in shown(page)
    assert "K-1" not in shown(page).replace("K-12", "")


def test_the_new_person_sees_who_handed_a_client_over(as_ece, opened):
    theirs = opened.asked_by(lambda: Person(Role.RATER, "Can", False, "browser-2", Setting.OPEN))
    client = store.add_client(theirs, "K-7")
    boss = opened.asked_by(lambda: Person(Role.ANALYST, "Deniz", False, "browser-3", Setting.OPEN))
    store.hand_over_clients(boss, "Can", False, to="Ece", to_verified=False)
    page = as_ece("sessions", client=str(client.id))
    assert not page.exception
    assert "Deniz handed this client over to you on " in shown(page)


@pytest.mark.parametrize("address", [{"session": "x", "client": "-1"}, {"session": "9" * 30}])
def test_an_address_that_names_nothing_opens(as_ece, opened, address):
    page = as_ece("sessions", **address)
    assert not page.exception
    assert page.title[0].value == "Sessions"


def test_must_play_is_in_the_next_list_also_outside_the_filter(as_ece, opened, hashes):
    client = store.add_client(opened, "K-1")
    page = as_ece("sessions", client=str(client.id))
    page.selectbox(key="client_piece").set_value(hashes[0]).run()  # angry
    page.button(key="client_must").click().run()
    assert not page.exception
    assert "Must be played: 1 piece" in shown(page)
    page = as_ece("playlists", client=str(client.id), minutes_mood="5")
    assert "Ezgi 0**" in shown(page)
    page.button(key="session_store").click().run()
    (session,) = store.sessions_of(opened, client.id)
    assert hashes[0] in [p.piece_id for p in session.pieces]


def test_the_csv_for_the_ward_begins_with_its_source(as_ece, session, monkeypatch):
    files, real = {}, MediaFileManager.add

    def noted(self, data, mimetype, coordinates, file_name=None, **more):
        files[file_name] = data
        return real(self, data, mimetype, coordinates, file_name=file_name, **more)

    monkeypatch.setattr(MediaFileManager, "add", noted)
    as_ece("sessions", session=str(session.id))
    (text,) = (data.decode("utf-8-sig") for name, data in files.items() if name and name.endswith(".csv"))
    assert text.startswith("# Turkish Music Emotion")
    assert f"session={session.id}" in text.partition('\n"')[0]  # the address of the page
    assert len(without_header(text).splitlines()) == 1 + len(session.pieces)
