"""Rules of therapy sessions: a stored list stays as it was, and what may never be played is never chosen again."""

import html
from dataclasses import asdict, replace
from datetime import UTC, datetime

import pandas as pd
import pytest

from core import store
from core.errors import CoreError
from core.playlists import iso_path, one_mood, replacement, session_history, session_sheet, sessions
from core.playlists.client_lists import ClientRules, add_must_play, client_rules, missing_must_play
from core.playlists.playlist import Pool, finish_playlist, usable_pieces
from core.playlists.selection import Filter, filter_pieces
from core.playlists.sessions import PieceState
from core.records import RemarkKind
from core.store.sessions import Outcome, SessionPiece, StoredSession
from core.wording import seconds_of, times
from tests.mood_library import clip, many, pieces

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
LIBRARY = many(120)
POOL = Pool(LIBRARY, ())


@pytest.fixture(scope="module")
def path():
    return iso_path.build_iso_path(POOL, ("sad", "relax"), 25)


def stored(playlist, *, number=1, stopped=None, **outcome) -> StoredSession:
    """A session as the store would return it. stopped : number of a piece -> place in it."""
    new, stopped = sessions.new_session(playlist, policy="{}"), stopped or {}
    listed = [
        SessionPiece(k, row["piece_id"], row, NOON if k in stopped else None, stopped.get(k))
        for k, row in enumerate(new.rows, start=1)
    ]
    replaced = tuple(new.replacements)
    about = (new.name, new.plan, new.policy, new.program)
    return StoredSession(number, 1, "K-1", *about, (), replaced, NOON, Outcome(**outcome), tuple(listed))


def entries(**rules: str) -> pd.DataFrame:
    rows = [
        {"piece_id": piece, "rule": rule, "origin": "list", "title": f"T {piece}", "created_at": k}
        for k, (piece, rule) in enumerate(rules.items())
    ]
    return pd.DataFrame(rows, columns=["piece_id", "rule", "origin", "title", "created_at"])


# --- a stored list


def test_a_list_comes_back_from_the_store_cell_by_cell(path, opened):
    client = store.add_client(opened, "K-1")
    known = path.rows.assign(lufs=path.rows["lufs"].where(path.rows.index != 1))  # a loudness that is not known
    made = replacement.replace_piece(replace(path, rows=known), POOL, path.rows["piece_id"][2])
    number = store.add_session(opened, client.id, sessions.new_session(made, policy="{}"), token="form-00001")
    back = sessions.playlist_of(store.read_session(opened, number))
    pd.testing.assert_frame_equal(back.rows, made.rows, check_dtype=False)
    for name in ("name", "way", "wanted_s", "seed", "path", "remarks", "target_lufs", "replaced"):
        assert getattr(back, name) == getattr(made, name), name
    assert back.replaced[0].before == path.rows["piece_id"][2]


def test_the_list_says_which_files_are_gone_changed_or_moved(path, tmp_path):
    ids, files = list(path.rows["piece_id"]), []
    for name in ("stays.flac", "changed.flac", "gone.flac", "moved.flac"):
        files.append(tmp_path / name)
        if name != "gone.flac":
            files[-1].write_bytes(b"x" * (10 + (name == "changed.flac")))
    places = pd.DataFrame({"content_hash": ids[:4], "path": map(str, files), "size": 10})
    four = replace(path, rows=path.rows.head(4))
    now, states = sessions.locate_pieces(four, places)
    assert list(states.values()) == [PieceState.THERE, PieceState.CHANGED, PieceState.GONE, PieceState.THERE]
    assert now.rows["path"][3] == str(files[3])
    assert now.rows["path"][2] == path.rows["path"][2]
    remark = now.remarks[-1]
    assert remark.kind is RemarkKind.FILE_MISSING
    assert [f"{k}. " in remark.text for k in (1, 2, 3, 4)] == [False, True, True, False]
    everything_else = [c for c in path.rows.columns if c != "path"]
    pd.testing.assert_frame_equal(now.rows[everything_else], four.rows[everything_else])


def test_a_list_whose_files_are_all_there_has_no_remark_more(path, tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    places = pd.DataFrame({"content_hash": path.rows["piece_id"], "path": str(tmp_path / "a"), "size": 1})
    assert sessions.locate_pieces(path, places)[0].remarks == path.remarks


def test_own_words_are_a_persons_words_in_a_stored_list(path):
    rows = path.rows.assign(word=["own", *path.rows["word"][1:]], model_mood="angry")
    spoken = finish_playlist(replace(path, rows=rows), POOL)
    assert "your word" in spoken.rows["why"][0]
    session = stored(spoken)
    back = sessions.playlist_of(session)
    assert "a person's word; the model: angry" in back.rows["why"][0]
    assert session_history.session_table(session)["whose_word"].tolist()[:2] == ["person", "model"]
    sheet = html.unescape(session_sheet.session_html(back, session_sheet.Session()).decode())
    assert '"A person\'s word" is the word of the person who made this list' in sheet
    assert "your word" not in sheet.lower()


# --- never and must


@pytest.mark.parametrize("way", [("relax",), ("sad", "relax")])
def test_what_is_never_played_is_not_chosen_as_a_replacement(way):
    """Vetoed one after the other, no piece comes back, and neither does a copy of its recording."""
    recordings = pd.Series(LIBRARY.index, LIBRARY.index)
    twin = LIBRARY.index[LIBRARY["guess"] == "relax"][:2]
    recordings[twin[1]] = twin[0]
    made = one_mood.build_one_mood(POOL, "relax", 20) if len(way) == 1 else iso_path.build_iso_path(POOL, way, 20)
    never = {str(twin[0]): "never"}
    for _ in range(6):
        rules = client_rules(entries(**never), recordings=recordings)
        pool = sessions.replacement_pool(made, LIBRARY, rules, recordings=recordings)
        vetoed = made.rows["piece_id"][1]
        made = replacement.replace_piece(made, pool, vetoed)
        chosen = made.rows["piece_id"][1]
        assert chosen not in {*never, vetoed, *twin}
        never[vetoed] = "never"


def test_a_copy_of_a_recording_that_may_not_be_played_is_left_out_too():
    recordings = pd.Series({"a": "a", "copy": "a", "b": "b"})
    assert client_rules(entries(a="never"), recordings=recordings).never == ("a", "copy")
    assert client_rules(entries(a="never")).never == ("a",)
    both = client_rules(entries(a="never", copy="must"), recordings=recordings)
    assert both == ClientRules((), ("a", "copy"))


def test_a_veto_of_now_is_replaced_in_the_list_and_not_excluded_before():
    recordings = pd.Series({"abc": "abc", "copy": "abc"})
    rules = client_rules(entries(abc="never", old="never"), recordings=recordings, vetoed_now=["ab"])
    assert rules.never == ("old",)


def test_rules_hold_whatever_the_filter_says():
    narrow = Filter(emotions=("sad",))
    sad = list(filter_pieces(LIBRARY, narrow).index)
    other = next(p for p in LIBRARY.index if p not in sad)
    found = filter_pieces(LIBRARY, replace(narrow, must=(other,), never=(sad[0],)))
    assert set(found.index) == {other, *sad[1:]}


def test_a_piece_that_must_be_played_takes_the_best_place_and_the_others_stay(path):
    listed = list(path.rows["piece_id"])
    sad = next(p for p in LIBRARY.index[LIBRARY["guess"] == "sad"] if p not in listed)
    made = add_must_play(path, POOL, LIBRARY, [sad])
    now = list(made.rows["piece_id"])
    assert sad in now
    assert len(now) == len(listed)
    assert sum(a != b for a, b in zip(now, listed, strict=True)) == 1
    want = made.rows.loc[made.rows["piece_id"] == sad, "want_sad"].item()
    assert want >= 0.5  # at the sad end of the path
    assert made.rows["begins_s"].tolist() == (made.rows["duration_s"].cumsum() - made.rows["duration_s"]).tolist()
    again = add_must_play(made, POOL, LIBRARY, [sad])
    assert list(again.rows["piece_id"]) == now


def test_more_pieces_that_must_be_played_than_places_make_a_longer_list():
    made = one_mood.build_one_mood(POOL, "relax", 8)
    must = [p for p in LIBRARY.index if p not in set(made.rows["piece_id"])][: len(made.rows) + 2]
    longer = add_must_play(made, POOL, LIBRARY, must)
    assert list(longer.rows["number"]) == list(range(1, len(must) + 1))
    assert set(longer.rows["piece_id"]) == set(must)


def test_a_piece_that_must_be_played_and_is_missing_is_named(path):
    gone = LIBRARY.assign(there=LIBRARY.index != LIBRARY.index[0])
    must = [LIBRARY.index[0], "unknown"]
    made = add_must_play(path, POOL, gone, must)
    assert made is path or list(made.rows["piece_id"]) == list(path.rows["piece_id"])
    listed = entries(**dict.fromkeys(must, "must"))
    expected = [f"T {p}" for p in must if p not in set(path.rows["piece_id"])]
    assert missing_must_play(listed, made) == expected


# --- the next list


def test_a_copy_has_the_same_pieces_except_those_that_may_not_or_cannot_be_played(path):
    listed = list(path.rows["piece_id"])
    rules = ClientRules((), (listed[0],))
    pool = sessions.replacement_pool(path, LIBRARY, rules)
    made = sessions.next_list(path, pool, LIBRARY, rules, absent=[listed[3]])
    now = list(made.rows["piece_id"])
    assert [a == b for a, b in zip(now, listed, strict=True)] == [k not in (0, 3) for k in range(len(listed))]
    assert not {listed[0], listed[3]} & set(now)
    assert [one.before for one in made.replaced] == [listed[0], listed[3]]


def test_a_copy_has_no_piece_that_no_playlist_uses_now_and_none_comes_in(path):
    listed = list(path.rows["piece_id"])
    usual = sessions.replacement_pool(path, LIBRARY, ClientRules())
    would_come = sessions.next_list(path, usual, LIBRARY, ClientRules((), (listed[2],))).replaced[0].after
    recordings = pd.Series(LIBRARY.index, LIBRARY.index)
    recordings[listed[5]] = listed[4]  # a copy of a piece that no playlist uses
    library = LIBRARY.assign(never=LIBRARY.index.isin([listed[2], listed[4], would_come]))
    pool = sessions.replacement_pool(path, library, ClientRules(), recordings=recordings)
    made = sessions.next_list(path, pool, library, ClientRules())
    assert not {listed[2], listed[4], listed[5], would_come} & set(made.rows["piece_id"])
    assert {one.before for one in made.replaced} == {listed[2], listed[4], listed[5]}


def test_a_copy_does_not_overwrite_a_piece_that_a_person_chose(path):
    sad = next(p for p in LIBRARY.index[LIBRARY["guess"] == "sad"] if p not in set(path.rows["piece_id"]))
    usual = add_must_play(path, POOL, LIBRARY, [sad])
    place = list(usual.rows["piece_id"]).index(sad)
    chosen = path.rows["piece_id"][place]  # the piece that would go
    copied = sessions.playlist_of(stored(replace(path, pinned=frozenset({chosen}), edited=True)))
    assert copied.pinned == {chosen}
    assert copied.edited
    made = sessions.next_list(copied, POOL, LIBRARY, ClientRules((sad,), ()))
    assert {chosen, sad} <= set(made.rows["piece_id"])


def test_without_another_piece_a_copy_leaves_it_out_and_says_so():
    table = pieces([clip("a", title="A"), clip("b", title="B")])
    made = one_mood.build_one_mood(usable_pieces(table), "relax", 7)
    rules = ClientRules((), ("a",))
    done = sessions.next_list(made, sessions.replacement_pool(made, table, rules), table, rules)
    assert list(done.rows["piece_id"]) == ["b"]
    assert done.rows["number"].tolist() == [1]
    assert [(one.before_title, one.after) for one in done.replaced] == [("A", "")]
    assert list(sessions.leave_out_never(made, {"a", "unknown"}).rows["piece_id"]) == ["b"]
    rules = ClientRules((), ("a", "b"))
    with pytest.raises(CoreError, match="No piece of this list may be played now"):
        sessions.next_list(made, sessions.replacement_pool(made, table, rules), table, rules)


def test_a_larger_library_changes_no_stored_list(path):
    session = stored(path)
    before = sessions.playlist_of(session)
    grown = pd.concat([LIBRARY, many(40, seed=9)])
    rules = ClientRules()
    same = sessions.next_list(before, sessions.replacement_pool(before, grown, rules), grown, rules)
    pd.testing.assert_frame_equal(same.rows, path.rows, check_dtype=False)


# --- what happened before


def test_how_sessions_ended(path):
    ended = [{"mood_after": "relax"}, {"mood_after": "happy"}, {"mood_after": "relax"}, {"mood_after": "sad"}, {}]
    listed_before = [stored(path, number=k, **outcome) for k, outcome in enumerate(ended)]
    assert session_history.how_sessions_ended(listed_before) == "3 of 4 sessions ended calm (relax 2, sad 1)."
    assert session_history.how_sessions_ended([listed_before[4]]) == ""
    by_place = [stored(path, arousal_after=-1 / 3), stored(path, arousal_after=1.0), stored(path, arousal_after=0.0)]
    assert session_history.how_sessions_ended(by_place) == "1 of 2 sessions ended calm."
    assert (
        session_history.how_sessions_ended([listed_before[1]])
        == "The one session with a mood afterwards did not end calm."
    )


def test_which_pieces_were_stopped(path):
    title = path.rows["title"]
    listed_before = [stored(path, stopped={1: 80.0}), stored(path, stopped={1: None, 2: 5.0})]  # newest first
    assert session_history.stopped_before(listed_before) == [
        f"{title[0]} was stopped twice, the last time at 1:20.",
        f"{title[1]} was stopped once at 0:05.",
    ]
    assert session_history.stopped_before(listed_before, ["other", path.rows["piece_id"][1]]) == [
        f"{title[1]} was stopped once at 0:05."
    ]


def test_the_tables_for_the_ward(path):
    one = stored(path, stopped={2: 61.0}, mood_before="sad", valence_before=-2 / 3, rating=4, began_at=NOON, notes="n")
    third = path.rows["piece_id"][2]
    done = (  # the last one was removed, and the others have moved since
        sessions.Replaced(1, "x", "Old", "y", "New"),
        sessions.Replaced(1, "y", "New", third, "Now"),
        sessions.Replaced(2, "z", "Removed"),
    )
    changed = replace(one, replacements=tuple(map(asdict, done)))
    table = session_history.session_table(changed)
    assert len(table) == len(path.rows)
    assert table["stopped_s"].tolist()[1] == 61.0
    assert table["stopped_at"].tolist()[:2] == ["", "2026-03-12T12:00:00+00:00"]
    assert table["replaces"].tolist()[:3] == ["", "", "Old; New"]
    assert set(table["client"]) == {"K-1"}
    (row,) = session_history.sessions_table([one]).to_dict("records")
    assert (row["mood_before"], row["rating"], row["stopped"]) == ("sad", 4, path.rows["title"][1])
    assert session_history.outcome_lines(one) == [
        "Mood before: sad, pleasant -2",
        f"Stopped: 2. {path.rows['title'][1]} at 1:01",
        "Rating: 4 of 5",
    ]


@pytest.mark.parametrize("step", [-3, -2, -1, 0, 1, 2, 3, None])
def test_a_step_on_the_circle_comes_back_from_its_place(step):
    assert session_history.step_of(session_history.place_of(step)) == step


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1:20", 80), (" 0:05 ", 5), ("1:02:07", 3727), ("80", None), ("1:60", None), ("-1:20", None), ("1:2:x", None),
     ("", None), ("1:75:00", None), ("٣:٢٠", None)],
)  # fmt: skip
def test_a_place_in_music_is_read(text, seconds):
    assert seconds_of(text) == seconds


def test_how_often():
    assert [times(n) for n in (1, 2, 3)] == ["once", "twice", "3 times"]
