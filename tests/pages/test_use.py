"""The Use page: empty, with figures, who may see it; and what players and lists note."""

from datetime import UTC, datetime

import pytest

from core.access import Person, Role
from core.monitoring import use
from core.store import Event, EventKind, Way, events_table, record_events
from pages.shared import plays

VIEWS = ["Listening", "Answers", "Sessions", "Agreement"]
NOW = datetime.now(UTC)
SINCE = datetime(2000, 1, 1, tzinfo=UTC)


def texts(page):
    return " ".join(str(e.value) for kind in (page.markdown, page.caption, page.info) for e in kind)


def shown(page):
    return {box.label: box.value for box in page.metric}


@pytest.mark.parametrize("view", VIEWS)
def test_an_empty_product_says_what_will_appear(as_boss, view):
    page = as_boss("use", view=view)
    assert len(page.info) == 1
    assert "as soon as" in page.info[0].value or "There is nothing to show yet" in page.info[0].value
    assert not page.metric


def test_only_an_analyst_sees_the_page(open_page, db):
    page = open_page("use")
    page.session_state["who"] = "Guest"
    page.run()
    assert not page.metric
    assert "analyst" in texts(page)


def test_the_page_says_why_it_asks_for_a_name(open_page, db):
    said = texts(open_page("use"))
    assert "What is your name?" in said
    assert "You answer nothing here" in said


def test_skips_never_stand_alone(as_boss, db):
    kinds = [EventKind.PLAYED] * 3 + [EventKind.FINISHED, EventKind.SKIPPED]
    record_events(db, *(Event(kind, Way.MOODS, session_id="v", at=NOW) for kind in kinds))
    page = as_boss("use", view="Listening", period="4 weeks")
    assert shown(page) == {"Plays": "3", "Finished": "1", "Skips": "1", "Median visit": "0 s"}
    assert "Of 4 sounds, **25 % (5 to 70 %) were skipped**. 33 % of the plays went on to the end." in texts(page)
    assert "Skips alone mislead" in texts(page)
    table = next(d.value for d in page.dataframe if "way" in d.value.columns)
    assert table[["way", "plays", "skips", "finished"]].to_numpy().tolist() == [["Moods", 3, 1, 1]]


def test_answers_per_hundred_shown_clips(as_boss, db):
    record_events(
        db,
        *(Event(EventKind.SHOWN, Way.LABEL, value=1.0, at=NOW) for _ in range(4)),
        *(Event(EventKind.ANSWERED, Way.LABEL, seconds=s, at=NOW) for s in (3.0, 8.0, 90.0)),
        Event(EventKind.ANSWERED, Way.PAGE, at=NOW),  # Predict shows no clip to be answered
    )
    page = as_boss("use", view="Answers")
    assert shown(page) == {"Answers on Label": "3", "Answers per 100 shown": "75", "Median answer": "8 s"}
    assert "95 % interval 30 to 95" in texts(page)


# --- what the script of the players reports


class Session(dict):
    """A session with the state of the script."""

    def __init__(self, *reports):
        super().__init__({plays.KEY: type("State", (), {"reports": list(reports)})()})


@pytest.fixture
def session(monkeypatch, db):
    def of(*reports):
        state = Session(*reports)
        monkeypatch.setattr(plays.st, "session_state", state)
        by = db.asked_by(lambda: Person(Role.THERAPIST, session="abcdef123"))
        monkeypatch.setattr(plays.cached, "store", lambda: by)
        return state

    return of


def noted(db, kind):
    return events_table(db, kind, SINCE)[["way", "clip_id"]].to_numpy().tolist()


def report(player, number, kind="played"):
    return {"id": f"{number} {kind}", "player": player, "kind": kind, "heard_s": 20.0, "length_s": 30.0}


def test_a_report_is_noted_once_and_only_for_a_player_that_the_session_was_shown(session, db):
    state = session()
    key = plays.player_key(Way.MOODS, "clip")
    state[plays.KEY].reports = [report(key, 1), report("heard_0123456789abcdef", 2), "nonsense", report(key, 3)]
    plays._note_reports()
    plays._note_reports()  # the script sends what is not confirmed again
    assert noted(db, EventKind.PLAYED) == [["moods", "clip"]] * 2


def test_a_state_of_the_script_that_is_no_list_is_ignored(session, db):
    state = session()
    state[plays.KEY].reports = {"kind": "played"}
    plays._note_reports()
    assert noted(db, EventKind.PLAYED) == []


def test_a_list_is_shown_once_until_another_one_comes(session, db):
    session()
    for pieces in (["a", "b"], ["a", "b"], ["b"], ["b"]):
        plays.note_list(Way.PLAYLISTS, pieces)
    plays.note_list(Way.SESSIONS, ["b"])
    table = events_table(db, EventKind.SHOWN, SINCE).sort_values("event_id")
    assert table["value"].tolist() == [2, 1, 1]
    assert [bool(name) for name in table["session_id"]] == [True, True, False]  # no visit of a session with a client


def test_a_session_remembers_a_limited_number_of_players(session, monkeypatch):
    state = session()
    monkeypatch.setattr(plays, "MOST", 3)
    keys = [plays.player_key(Way.MOODS, f"clip {k}") for k in range(5)]
    assert list(state[plays._PLAYERS]) == keys[2:]
    assert plays.player_key(Way.LABEL, "clip").endswith("_all")


def test_every_way_of_hearing_has_a_page():
    assert set(use.PAGES) == set(Way) - {Way.API, Way.COMMAND}
