"""Changes of a list by hand: what each one does, what it leaves as it is, and what is carried over to a new list."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from core.errors import CoreError
from core.playlists import by_hand, iso_path, one_mood, pins, replacement
from core.playlists.by_hand import Change, Kind, change_list, read_changes, write_changes
from core.playlists.playlist import Playlist, Pool
from core.records import RemarkKind
from core.wording import clock
from tests.mood_library import many

quick = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
REF = by_hand.REF


@cache
def library() -> Pool:
    table = many(120, artists=20)
    return Pool(table, (), pd.Series(table.index, table.index))


@cache
def path() -> Playlist:
    return iso_path.build_iso_path(library(), ("happy", "relax"), 30)


def ids(made: Playlist) -> list[str]:
    return list(made.rows["piece_id"])


def changed(made: Playlist, *changes: Change, pool: Pool | None = None) -> Playlist:
    pool = pool or library()
    for k, change in enumerate(changes):
        made = change_list(made, pool, library().table, change, earlier=changes[:k])
    return made


def other_piece(made: Playlist, place: int = 0) -> str:
    """A piece of the library that is not in the list."""
    return [p for p in library().table.index if p not in ids(made)][place]


# --- the record


@quick
@given(some.text(alphabet="0123456789abcdef.,vetoaskipnupremv%é<\n", max_size=400))
def test_a_record_from_an_address_is_bounded_and_is_read_back(text):
    read = read_changes(text)
    assert len(read) <= by_hand.MOST
    assert all(set(change.piece + change.other) <= set("0123456789abcdef") for change in read)
    assert all(1 <= len(change.piece) <= REF and len(change.other) <= REF for change in read)
    assert read_changes(write_changes(read)) == read


def test_a_record_of_each_kind():
    record = "veto.01ab,skip.01ab,take.01ab.23cd,add.23cd,remove.01ab,up.01ab,down.01ab,pin.01ab,unpin.01ab,pin.01ab.37"
    read = read_changes(record)
    assert [change.kind for change in read] == [*Kind, Kind.PIN]
    assert read[-1].percent == 37
    assert write_changes(read) == record
    assert read_changes("01ab") == (Change(Kind.VETO, "01ab"),)  # as in addresses of version 0.2
    assert read_changes("up.01ab.23cd,take.01ab,pin.01ab.101,pin.01ab.ab,sing.01ab,up.,up.xyz") == ()
    assert len(read_changes(",".join(["up.01ab"] * 300))) == by_hand.MOST


# --- one change


def test_up_and_down_swap_two_neighbours_and_stop_at_the_ends():
    listed = ids(path())
    assert ids(changed(path(), Change(Kind.UP, listed[2]))) == [listed[0], listed[2], listed[1], *listed[3:]]
    assert ids(changed(path(), Change(Kind.UP, listed[2]), Change(Kind.DOWN, listed[2]))) == listed
    assert ids(changed(path(), Change(Kind.UP, listed[0]))) == listed
    assert ids(changed(path(), Change(Kind.DOWN, listed[-1]))) == listed


def test_times_steps_and_reasons_follow_a_change():
    moved = changed(path(), Change(Kind.DOWN, ids(path())[0])).rows
    assert moved["number"].tolist() == list(range(1, len(moved) + 1))
    assert moved["begins_s"].tolist() == pytest.approx([0, *np.cumsum(moved["duration_s"])[:-1]])
    assert moved["step"].is_monotonic_increasing
    assert moved["change"].iloc[1] == path().rows["change"].iloc[1]  # the same two neighbours
    assert moved[["want_happy", "want_relax"]].iloc[0].tolist() == [1.0, 0.0]
    assert moved[["want_happy", "want_relax"]].iloc[-1].tolist() == [0.0, 1.0]


def test_a_removed_piece_leaves_the_others_and_the_last_one_cannot_be_removed():
    listed = ids(path())
    assert ids(changed(path(), Change(Kind.REMOVE, listed[3]))) == listed[:3] + listed[4:]
    one = changed(path(), *(Change(Kind.REMOVE, piece) for piece in listed[1:]))
    assert ids(one) == listed[:1]
    with pytest.raises(CoreError, match="at least one piece"):
        changed(one, Change(Kind.REMOVE, listed[0]))


@pytest.mark.parametrize("mood", ["relax", "happy", "angry"])
def test_an_added_piece_comes_where_it_fits_and_is_pinned(mood):
    table = library().table
    piece = next(p for p in table.index[table["guess"] == mood] if p not in ids(path()))
    made = changed(path(), Change(Kind.ADD, piece[:REF]))
    assert [p for p in ids(made) if p != piece] == ids(path())
    assert made.pinned == {piece}
    moods = [guess for guess in made.rows["guess"] if guess in made.way]
    assert moods == sorted(moods)  # happy, then relax: the mood does not go back
    assert ids(changed(made, Change(Kind.ADD, piece))) == ids(made)  # it is there already


def test_a_chosen_replacement_takes_the_place_and_is_pinned():
    listed, other = ids(path()), other_piece(path())
    made = changed(path(), Change(Kind.TAKE, listed[2], other[:REF]))
    assert ids(made) == [*listed[:2], other, *listed[3:]]
    assert made.pinned == {other}
    pd.testing.assert_series_equal(made.rows.dtypes, path().rows.dtypes)
    assert ids(changed(path(), Change(Kind.TAKE, listed[2], listed[4]))) == listed  # never twice in a list


def test_a_change_of_a_piece_that_is_not_there_does_nothing():
    nowhere = "f" * REF
    assert not any(p.startswith(nowhere) for p in library().table.index)
    for kind in Kind:
        assert ids(changed(path(), Change(kind, nowhere, nowhere if kind is Kind.TAKE else ""))) == ids(path())


def test_the_program_never_chooses_a_refused_piece_again():
    made, changes = one_mood.build_one_mood(library(), "relax", 15), []
    for kind in (Kind.VETO, Kind.REMOVE, Kind.VETO, Kind.VETO, Kind.VETO):
        changes.append(Change(kind, ids(made)[1][:REF]))
        made = changed(one_mood.build_one_mood(library(), "relax", 15), *changes)
        assert not {change.piece for change in changes} & {p[:REF] for p in ids(made)}


def test_another_file_of_a_recording_in_the_list_is_refused():
    listed, other = ids(path()), other_piece(path())
    sounds = library().recordings.copy()
    sounds[other] = listed[1]
    twice = Pool(library().table, (), sounds)
    for change in (Change(Kind.ADD, other), Change(Kind.TAKE, listed[0], other)):
        with pytest.raises(CoreError, match="has this recording already"):
            changed(path(), change, pool=twice)
    made = changed(path(), Change(Kind.TAKE, listed[1], other), pool=twice)  # it replaces that one
    assert other in ids(made)


@quick
@given(some.lists(some.tuples(some.sampled_from(Kind), some.integers(0, 30), some.integers(0, 119)), max_size=12))
def test_after_any_changes_no_recording_is_there_twice_and_the_times_are_right(steps):
    made, done = path(), []
    for kind, place, number in steps:
        piece, other = ids(made)[place % len(made.rows)], library().table.index[number]
        change = Change(kind, (other if kind is Kind.ADD else piece)[:REF], other[:REF] if kind is Kind.TAKE else "")
        try:
            made = change_list(made, library(), library().table, change, earlier=done)
        except CoreError:
            continue
        done.append(change)
    assert len(set(ids(made))) == len(ids(made)) > 0
    assert made.rows["begins_s"].tolist() == pytest.approx([0, *np.cumsum(made.rows["duration_s"])[:-1]])
    assert made.pinned <= set(ids(made))
    assert made.rows["gain_db"].notna().all()


def test_a_list_changed_by_hand_does_not_blame_the_library():
    listed = ids(path())
    made = changed(path(), *(Change(Kind.REMOVE, piece) for piece in listed[2:5]), Change(Kind.UP, listed[-1]))
    text = "\n".join(remark.text for remark in made.remarks)
    kinds = {remark.kind for remark in made.remarks}
    assert f"these pieces last {clock(made.length_s)}." in text
    assert RemarkKind.CHANGED_BY_HAND in kinds
    assert RemarkKind.LIBRARY_TOO_SMALL not in kinds
    assert "No other choice" not in text


# --- candidates


def test_candidates_are_ordered_and_say_why():
    piece = ids(path())[3]
    found = replacement.candidates(path(), library(), piece)
    assert 0 < len(found) <= replacement.FEW
    assert not set(found.index) & set(ids(path()))
    assert replacement.replace_piece(path(), library(), piece).rows["piece_id"].iloc[3] == found.index[0]
    first = found.iloc[0]
    assert f"{100 * first['fit']:.0f} % away from the wished mood" in first["why"]
    assert f"(wished: {first['want_tempo']:.0f})" in first["why"]
    how = "louder" if first["louder"] >= 0 else "softer"
    assert abs(first["louder"]) > 0.5
    assert f"{abs(first['louder']):.1f} LU {how} than the piece before" in first["why"]
    without = replacement.candidates(path(), library(), piece, without=[found.index[0]])
    assert without.index[0] == found.index[1]


def test_candidates_after_moves_by_hand_are_still_found():
    """The order of moods is broken by hand; each place still has candidates."""
    listed = ids(path())
    made = changed(path(), *[Change(Kind.UP, listed[-1])] * (len(listed) - 1))
    assert ids(made)[0] == listed[-1]
    assert all(len(replacement.candidates(made, library(), piece)) for piece in ids(made))


# --- pins in a new list


def test_pins_and_refused_pieces_are_carried_over():
    listed, other = ids(path()), other_piece(path())
    changes = [Change(Kind.PIN, listed[2][:REF]), Change(Kind.VETO, listed[4][:REF]), Change(Kind.UP, listed[1][:REF])]
    changes += [Change(Kind.TAKE, listed[-1][:REF], other[:REF])]
    carried = by_hand.carried_over(changes, changed(path(), *changes))
    middle = round(100 * 2 / (len(listed) - 1))  # piece 1 moved up to place 0, so piece 2 stays at place 2
    assert carried == (
        Change(Kind.PIN, listed[2][:REF], percent=middle),
        Change(Kind.PIN, other[:REF], percent=100),
        Change(Kind.VETO, listed[4][:REF]),
        Change(Kind.SKIP, listed[-1][:REF]),  # not wanted in this list; a veto is for all lists of a client
    )
    assert read_changes(write_changes(carried)) == carried
    assert by_hand.carried_pins(carried) == {listed[2][:REF]: middle / 100, other[:REF]: 1.0}
    assert by_hand.later_changes(carried) == carried[2:]


@settings(quick, max_examples=5)
@given(
    some.dictionaries(some.integers(0, 119), some.integers(0, 100), min_size=1, max_size=5),
    some.sampled_from([("relax",), ("happy", "relax"), ("angry", "sad", "relax")]),
    some.integers(0, 2),
)
def test_pinned_pieces_are_in_each_new_list_near_their_places(chosen, way, seed):
    """Whatever their mood: a person chose them."""
    places = {library().table.index[number]: percent / 100 for number, percent in chosen.items()}
    pinned, remarks = pins.pins_table(library().table, places)
    made = iso_path.build_iso_path(library(), way, 40, seed=seed, pins=pinned)
    check_pins(made, places)
    check_pins(one_mood.build_one_mood(library(), way[-1], 40, seed=seed, pins=pinned), places)
    assert remarks == []
    rest = made.rows[~made.rows["piece_id"].isin(places)]
    stations = [way.index(guess) for guess in rest["guess"]]
    assert stations == sorted(stations)


def check_pins(made: Playlist, places: dict[str, float]) -> None:
    listed = ids(made)
    assert len(set(listed)) == len(listed)
    assert set(places) <= set(listed)
    assert made.pinned == set(places)
    for piece, share in places.items():
        assert abs(listed.index(piece) - share * (len(listed) - 1)) <= len(places)


def test_a_new_list_has_no_other_file_of_a_pinned_recording():
    listed, other = ids(path()), other_piece(path())
    sounds = library().recordings.copy()
    sounds[other] = listed[1]
    pinned, _ = pins.pins_table(library().table, {other: 0.5})
    made = iso_path.build_iso_path(Pool(library().table, (), sounds), ("happy", "relax"), 30, pins=pinned)
    assert other in ids(made)
    assert listed[1] not in ids(made)


def test_many_pins_of_one_mood_leave_places_for_the_way():
    relax = library().table.index[library().table["guess"] == "relax"][:6]
    pinned, _ = pins.pins_table(library().table, {p: k / 5 for k, p in enumerate(relax)})
    made = iso_path.build_iso_path(library(), ("angry", "happy", "relax"), 20, pins=pinned)
    rest = made.rows[~made.rows["piece_id"].isin(relax)]
    assert list(dict.fromkeys(rest["guess"])) == ["angry", "happy", "relax"]


def test_a_pinned_piece_that_is_gone_is_said():
    pinned, remarks = pins.pins_table(library().table, {"f" * REF: 0.5})
    assert pinned is None
    assert [remark.kind for remark in remarks] == [RemarkKind.PIN_GONE]
    assert remarks[0].text.startswith("1 pinned piece cannot be played now")


def test_pins_that_fill_the_time_leave_no_place_for_others():
    relax = library().table.index[library().table["guess"] == "relax"][:4]
    pinned, _ = pins.pins_table(library().table, {p: k / 3 for k, p in enumerate(relax)})
    made = one_mood.build_one_mood(library(), "relax", 5, pins=pinned)
    assert ids(made) == list(relax)
