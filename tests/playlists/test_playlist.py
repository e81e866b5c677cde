"""Playlists and iso paths: what every list keeps to, whatever the library, and what is said when it cannot."""

from functools import cache
from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from core.errors import CoreError
from core.playlists import iso_path, one_mood, path_costs, playlist, replacement
from core.playlists.circle import CIRCLE, neighbours
from core.playlists.path_search import Search
from core.playlists.pieces import ACCEPTED, BETWEEN, REVIEW, STANDINGS
from core.playlists.playlist import PART_ONLY, Playlist, Pool, named_minutes, usable_pieces
from core.playlists.wish import Curve
from core.records import RemarkKind
from core.schema import EMOTIONS, PROBA
from tests.mood_library import clip, many, pieces

quick = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
WAYS = [way for a, b in product(CIRCLE, CIRCLE) for way in iso_path.shortest_ways(a, b)]


@cache
def pool(count: int, *, seed: int = 0, artists: int = 12, sure: float = 0.4) -> Pool:
    return Pool(many(count, seed=seed, artists=artists, sure=sure), ())


def texts(said: Pool | Playlist) -> tuple[str, ...]:
    return tuple(remark.text for remark in said.remarks)


def shuffled(one: Pool) -> Pool:
    return Pool(one.table.sample(frac=1, random_state=3), one.remarks)


# --- which pieces may be played


def test_only_accepted_pieces_unless_more_are_wished():
    table = pieces(
        [
            clip("a"),
            clip("b", p=(0.02, 0.02, 0.5, 0.46)),
            clip("c", decision=None, candidates="[]", p=(0.1, 0.1, 0.6, 0.2)),
        ]
    )
    assert list(usable_pieces(table).table.index) == ["a"]
    assert list(usable_pieces(table, standings=(ACCEPTED, BETWEEN)).table.index) == ["a", "b"]
    assert list(usable_pieces(table, standings=STANDINGS).table.index) == ["a", "b", "c"]
    assert texts(usable_pieces(table)) == (
        "1 of 3 pieces is left out: the model hears two neighbouring moods.",
        "1 of 3 pieces is left out: a person must listen first.",
    )
    assert [remark.kind for remark in usable_pieces(table).remarks] == [RemarkKind.LEFT_OUT, RemarkKind.NEEDS_LISTENING]


def test_pieces_without_a_file_too_short_or_twice_there_are_left_out():
    table = pieces(
        [
            clip("a", artist="Emel", title="Gül", p=(0.02, 0.04, 0.9, 0.04)),
            clip("b", artist="EMEL", title="gül", p=(0.05, 0.05, 0.8, 0.1)),
            clip("c", path=None),
            clip("d", path="clips/ab/abc.flac"),
            clip("e", file_duration_s=3.0),
            clip("f", path="s3://bucket/f.flac"),
            clip("g", path="C:\\Music\\g.flac"),
        ]
    )
    found = usable_pieces(table)
    assert list(found.table.index) == ["a", "b", "f", "g"]  # another recording of the same piece is another piece
    assert texts(found) == (
        f"1 of 7 pieces is left out: {PART_ONLY}.",
        "1 of 7 pieces is left out: the audio is not stored here.",
        "1 of 7 pieces is left out: shorter than 5 s.",
    )


def test_a_piece_whose_file_is_gone_is_left_out_and_counted():
    table = pieces([clip("a"), clip("b"), clip("c", p=(0.02, 0.02, 0.5, 0.46))]).assign(there=[True, False, False])
    found = usable_pieces(table)
    assert list(found.table.index) == ["a"]
    assert texts(found) == ("2 of 3 pieces are left out: the file is missing or was changed.",)


def test_of_one_recording_in_several_files_the_surest_is_played():
    """Names that differ hide it, and the sound shows it. Equal names are no sign of it."""
    rows = [
        clip("a", title="01 Gül", artist="Emel", p=(0.02, 0.04, 0.9, 0.04)),
        clip("b", title="Gül", artist="Emel Sayın", p=(0.02, 0.02, 0.94, 0.02)),
        clip("c", title="Gül", artist="emel sayin", p=(0.02, 0.02, 0.95, 0.01)),
        clip("d", title="Dal", artist="Emel"),
    ]
    heard = pd.Series({"a": "a", "b": "a", "c": "c"})  # d was not measured
    found = usable_pieces(pieces(rows), recordings=heard)
    assert list(found.table.index) == ["b", "c", "d"]
    assert texts(found) == ("1 of 4 pieces is left out: the same recording as another piece, by the sound.",)


def test_each_piece_that_is_left_out_is_counted_once_and_synthetic_ones_can_be_used():
    review = {"decision": None, "candidates": "[]", "p": (0.1, 0.1, 0.6, 0.2)}
    rows = [
        *(clip(f"s{k}", origin="demo", **(review if k else {})) for k in range(3)),
        clip("a"),
        clip("b", **review),
        clip("c", path=None, **review),
    ]
    found = usable_pieces(pieces(rows))
    assert list(found.table.index) == ["a"]
    assert texts(found) == (
        "3 of 6 pieces are left out: synthetic, made by this program.",
        "1 of 6 pieces is left out: the audio is not stored here.",
        "1 of 6 pieces is left out: a person must listen first.",
    )
    found = usable_pieces(pieces(rows), synthetic=True)
    assert list(found.table.index) == ["a", "s0"]
    assert texts(found)[-1] == "3 of 6 pieces are left out: a person must listen first."


def test_two_recordings_with_the_same_artist_and_title_are_two_pieces():
    rows = [clip(name, title="Taksim", artist="Necdet") for name in ("a", "b")]
    for recordings in (None, pd.Series({"a": "a", "b": "b"}), pd.Series({"a": "a"})):
        found = usable_pieces(pieces(rows), recordings=recordings)
        assert list(found.table.index) == ["a", "b"]
        assert found.remarks == ()
    assert list(usable_pieces(pieces(rows), recordings=pd.Series({"a": "a", "b": "a"})).table.index) == ["a"]


# --- no two neighbours by one artist


def together(artists) -> int:
    return sum(a == b for a, b in zip(artists, artists[1:], strict=False))


@quick
@given(some.lists(some.sampled_from("abcde"), max_size=14))
def test_neighbours_by_one_artist_are_as_few_as_can_be(artists):
    order = one_mood.separate_artists(artists)
    assert sorted(order) == list(range(len(artists)))
    assert together([artists[k] for k in order]) == one_mood.fewest_clashes(artists)


def test_as_few_as_can_be_is_what_trying_all_orders_finds():
    for artists in ("aab", "aaab", "aabb", "aaabc", "aaaa", "abcab", "aaabb"):
        assert one_mood.fewest_clashes(artists) == min(together(order) for order in permutations(artists))


def test_an_order_that_is_good_already_is_kept():
    assert one_mood.separate_artists("abcabc") == [0, 1, 2, 3, 4, 5]


# --- playlists of one mood


@quick
@given(some.integers(0, 10**6), some.sampled_from(EMOTIONS), some.sampled_from([10, 25, 60]), some.integers(0, 9))
def test_a_playlist_of_a_mood(seed, mood, minutes, chance):
    library = pool(150, seed=seed % 7, artists=8)
    made = one_mood.build_one_mood(library, mood, minutes, seed=chance)
    rows = made.rows
    assert set(rows["guess"]) == {mood}
    assert not rows["piece_id"].duplicated().any()
    assert together(list(rows["artist"])) == 0
    longest = library.table.loc[library.table["guess"] == mood, "duration_s"].max()
    assert abs(made.length_s - 60 * minutes) <= longest / 2
    assert rows["begins_s"].tolist() == pytest.approx([0, *np.cumsum(rows["duration_s"])[:-1]])
    again = one_mood.build_one_mood(shuffled(library), mood, minutes, seed=chance)
    pd.testing.assert_frame_equal(again.rows, rows)


def test_another_seed_is_another_list_and_the_best_pieces_still_lead():
    library = pool(200)
    lists = [set(one_mood.build_one_mood(library, "relax", 30, seed=s).rows["piece_id"]) for s in range(6)]
    assert len({frozenset(one) for one in lists}) > 1
    mean = library.table.loc[library.table["guess"] == "relax", "p_relax"].mean()
    assert all(library.table.loc[list(one), "p_relax"].mean() > mean for one in lists)


def test_a_piece_that_is_added_does_not_mix_up_the_rest():
    library = pool(120)
    before = one_mood.build_one_mood(library, "sad", 30)
    weak = many(1, seed=99).assign(guess="sad", p_sad=0.26)
    after = one_mood.build_one_mood(Pool(pd.concat([library.table, weak]), ()), "sad", 30)
    assert list(after.rows["piece_id"]) == list(before.rows["piece_id"])


def test_a_small_library_says_so():
    rows = [clip(f"p{k}", artist="Emel", file_duration_s=180.0) for k in range(3)]
    made = one_mood.build_one_mood(usable_pieces(pieces(rows)), "relax", 30)
    assert len(made.rows) == 3
    said = "\n".join(texts(made))
    assert [remark.kind for remark in made.remarks] == [RemarkKind.LIBRARY_TOO_SMALL, RemarkKind.SAME_ARTIST]
    assert "too small for 30:00: the usable pieces that are relax (3) last 9:00 together" in said
    assert "Neighbours by the same artist: 2." in said
    assert made.rows["weak"].tolist() == ["", *["same artist as the previous piece"] * 2]


def test_pieces_without_an_artist_may_be_neighbours_and_it_is_said():
    made = one_mood.build_one_mood(usable_pieces(pieces([clip(f"p{k}") for k in range(4)])), "relax", 12)
    assert set(made.rows["weak"]) == {""}
    assert "Pieces without an artist name: 4." in "\n".join(texts(made))


def test_synthetic_pieces_are_named_and_are_not_played_beside_music():
    rows = [clip("a", genre="synthetic"), clip("b")]
    assert usable_pieces(pieces(rows)).table.index.tolist() == ["b"]
    assert "1 of 2 pieces is left out: synthetic, made by this program." in texts(usable_pieces(pieces(rows)))
    made = one_mood.build_one_mood(usable_pieces(pieces(rows[:1])), "relax", 5)
    assert "Some of these pieces are synthetic" in "\n".join(texts(made))


@pytest.mark.parametrize("minutes", [0, -5, 100_000, float("nan")])
def test_a_time_that_is_none(minutes):
    with pytest.raises(CoreError, match="can last from one minute to 12 hours"):
        one_mood.build_one_mood(pool(10), "sad", minutes)


def test_no_piece_of_the_mood():
    with pytest.raises(CoreError, match="No usable piece of the library is angry"):
        one_mood.build_one_mood(usable_pieces(pieces([clip("a")])), "angry", 30)


# --- ways


def test_the_ways_along_the_circle():
    assert iso_path.shortest_ways("sad", "relax") == [("sad", "relax")]
    assert iso_path.shortest_ways("angry", "sad") == [("angry", "sad")]
    assert iso_path.shortest_ways("sad", "happy") == [("sad", "relax", "happy"), ("sad", "angry", "happy")]
    assert iso_path.shortest_ways("angry", "relax") == [("angry", "happy", "relax"), ("angry", "sad", "relax")]
    assert iso_path.shortest_ways("happy", "happy") == [("happy",)]


@pytest.mark.parametrize("way", WAYS)
def test_no_way_jumps_over_an_emotion(way):
    assert all(neighbours(a, b) for a, b in zip(way, way[1:], strict=False))
    assert len(set(way)) == len(way) <= 3


def test_the_wanted_mixture_moves_evenly_along_the_way():
    way = ("sad", "relax", "happy")
    wants = np.array([iso_path.mixture_at(place, way) for place in np.linspace(0, 2, 9)])
    assert wants.sum(axis=1) == pytest.approx(1.0)
    assert wants[0].tolist() == [0, 0, 0, 1]
    assert wants[4].tolist() == [0, 0, 1, 0]
    assert wants[-1].tolist() == [0, 1, 0, 0]
    assert playlist.mood_distance(wants[1:], wants[:-1]) == pytest.approx(0.25)


# --- iso paths


def stations(made) -> np.ndarray:
    return np.array([made.way.index(g) for g in made.rows["guess"]])


def check(made) -> None:
    """What every path keeps to."""
    rows = made.rows
    at = stations(made)
    assert at[0] == 0
    assert at[-1] == len(made.way) - 1
    assert set(np.diff(at)) <= {0, 1}  # never back, never over an emotion
    assert not rows["piece_id"].duplicated().any()
    assert set(rows.groupby("step").size()) <= {2, 3}
    assert rows["step"].is_monotonic_increasing
    for row in rows.iloc[1:].itertuples():
        small = row.tempo_change != row.tempo_change or 0.8 <= 1 + row.tempo_change <= 1.25
        assert small == ("tempo" not in row.weak)
        assert (row.change > playlist.FAR_STEP) == ("a large step in mood" in row.weak)


@quick
@given(
    some.integers(0, 5),
    some.sampled_from(WAYS),
    some.sampled_from([20, 40, 60]),
    some.sampled_from([2, 3]),
    some.integers(0, 5),
)
def test_an_iso_path(library, way, minutes, per_step, seed):
    one = pool(250, seed=library)
    made = iso_path.build_iso_path(one, way, minutes, per_step=per_step, seed=seed)
    check(made)
    assert abs(made.length_s - 60 * minutes) <= one.table["duration_s"].max() / 2
    assert together(list(made.rows["artist"])) == 0
    again = iso_path.build_iso_path(shuffled(one), way, minutes, per_step=per_step, seed=seed)
    pd.testing.assert_frame_equal(again.rows, made.rows)


def test_a_large_library_makes_small_steps():
    made = iso_path.build_iso_path(pool(1500, sure=0.6), ("sad", "relax", "happy"), 60)
    assert (made.rows["weak"] == "").all()
    assert made.rows["change"].max() < playlist.FAR_STEP
    assert made.rows["tempo_change"].abs().max() < 0.25
    assert made.rows["fit"].max() < 0.2
    assert made.remarks == ()


def test_staying_in_a_mood_is_a_path_too():
    made = iso_path.build_iso_path(pool(200), ("relax",), 30)
    assert set(made.rows["guess"]) == {"relax"}
    check(made)


@pytest.mark.parametrize("way", [("relax",), ("sad", "relax", "happy")])
def test_a_long_path_needs_no_more_than_pieces(way):
    """Also one that stays in a mood: there every place wants the same pieces."""
    made = iso_path.build_iso_path(pool(1500, artists=200), way, 180)
    check(made)
    assert abs(made.length_s - 60 * 180) < 120
    assert (made.rows["weak"] == "").all()


def test_a_long_path_of_short_pieces():
    """Two hours take more than half of the 150 pieces: the beginning must leave enough for the end."""
    table = many(150, artists=40)
    table["duration_s"] = np.random.default_rng(0).uniform(60, 150, len(table))
    made = iso_path.build_iso_path(Pool(table, ()), ("sad", "relax", "happy"), 120)
    check(made)
    assert len(made.rows) > 60
    assert abs(made.length_s - 120 * 60) < 75
    assert together(list(made.rows["artist"])) == 0


def test_neighbours_differ_also_where_one_artist_made_nearly_everything():
    table = pool(400).table
    rare = np.random.default_rng(1).random(len(table)) < 0.1
    table = table.assign(artist=np.where(rare, [f"Rare {k}" for k in range(len(table))], "Everywhere"))
    made = iso_path.build_iso_path(Pool(table, ()), ("sad", "relax"), 60)
    check(made)
    assert together(list(made.rows["artist"])) == 0


def test_one_artist_alone_makes_a_path_and_it_is_said():
    one = Pool(pool(100).table.assign(artist="Emel"), ())
    made = iso_path.build_iso_path(one, ("sad", "relax"), 30)
    check(made)
    assert f"Neighbours by the same artist: {len(made.rows) - 1}." in "\n".join(texts(made))


def test_another_seed_is_another_path():
    one = pool(300)
    paths = [tuple(iso_path.build_iso_path(one, ("sad", "relax"), 40, seed=s).rows["piece_id"]) for s in range(5)]
    assert len(set(paths)) > 1


def test_the_search_finds_what_trying_everything_finds():
    """Eight pieces, four places: the cheapest of all 1680 orders that keep to the rules."""
    for seed in range(4):
        table = many(8, seed=seed, artists=5, sure=1.0)
        table["guess"] = ["sad", "relax"] * 4
        pieces = path_costs.arrays(table, ("sad", "relax"), 0)
        curve = path_costs.wished_curve(Curve(("sad", "relax"), 900.0, per_step=2), pieces)
        for strict in (True, False):
            search = Search(pieces, curve, 4, strict=strict)
            path = search.beam()
            assert path is not None
            found = search.cost(search.exchanged(path))
            orders = [o for o in permutations(range(8), 4) if _may_be(pieces, o, strict=strict)]
            assert found == pytest.approx(min(search.cost(order) for order in orders))


def _may_be(pieces, order, *, strict: bool) -> bool:
    at = pieces.station[list(order)]
    if at[0] != 0 or at[-1] != 1 or not set(np.diff(at)) <= {0, 1}:
        return False
    return not strict or together(list(pieces.artist[list(order)])) == 0


def wrong_steps(made) -> int:
    """Pieces whose emotion is not wanted in their step."""
    return sum(made.rows[f"want_{guess}"].iloc[k] == 0 for k, guess in enumerate(made.rows["guess"]))


def test_a_step_has_only_pieces_of_the_emotions_that_it_wants():
    """With this library, the cheapest path by mood and tempo alone begins with a relax piece in the step of sad."""
    table = many(60, seed=7, artists=12, sure=0.4)
    assert (table["guess"] == "sad").sum() == 7
    made = iso_path.build_iso_path(Pool(table, ()), ("sad", "relax", "happy"), 40, seed=7)
    check(made)
    assert wrong_steps(made) == 0
    for piece in made.rows["piece_id"]:
        assert wrong_steps(replacement.replace_piece(made, Pool(table, ()), piece)) == 0


def test_a_piece_of_another_emotion_is_used_only_where_there_is_no_other_and_is_named():
    table = many(60, seed=7, artists=12, sure=0.4)
    sad = table.index[table["guess"] == "sad"][1:]
    made = iso_path.build_iso_path(Pool(table.drop(index=sad), ()), ("sad", "relax", "happy"), 40, seed=7)
    check(made)
    assert made.rows["guess"].tolist()[:2] == ["sad", "relax"]
    assert wrong_steps(made) == 1
    assert made.rows["weak"].iloc[1].startswith("far from the wanted mood (100 % sad)")


def test_a_small_library_names_its_weak_steps():
    rows = [clip(f"s{k}", p=(0.02, 0.02, 0.06, 0.9), artist=f"A{k}", file_duration_s=180.0) for k in range(3)]
    rows += [
        clip(f"r{k}", p=(0.02, 0.06, 0.9, 0.02), artist=f"B{k}", file_duration_s=180.0, tempo=140.0) for k in range(3)
    ]
    made = iso_path.build_iso_path(usable_pieces(pieces(rows)), ("sad", "relax"), 15)
    check(made)
    jump = made.rows[made.rows["weak"] != ""]
    assert jump["weak"].tolist() == ["a large step in mood; a large step in tempo (+40 %)"]
    said = "\n".join(texts(made))
    assert f"step {jump['step'].iloc[0]} is weak" in said


def test_a_library_too_small_for_the_time_gives_what_it_has():
    one = pool(40, sure=0.3)
    made = iso_path.build_iso_path(one, ("sad", "relax", "happy"), 240)
    check(made)
    assert "too small for 4:00:00" in "\n".join(texts(made))


def test_unknown_tempi_are_no_steps():
    one = Pool(pool(100).table.assign(tempo=np.nan), ())
    made = iso_path.build_iso_path(one, ("sad", "relax"), 30)
    check(made)
    assert "tempo not known" in made.rows["why"].iloc[0]


def test_a_station_without_pieces_is_named():
    table = many(100)
    one = Pool(table[table["guess"] != "relax"], ())
    with pytest.raises(CoreError, match="each of its moods. The library has no usable piece for: relax."):
        iso_path.build_iso_path(one, ("sad", "relax", "happy"), 60)


def test_too_short_a_time_says_how_long_it_takes():
    with pytest.raises(CoreError, match=r"5 minutes are too short for the way .* lasts at least \d+ minutes"):
        iso_path.build_iso_path(pool(200), ("sad", "relax", "happy"), 5)


def test_too_few_pieces():
    one = usable_pieces(pieces([clip("a"), clip("b", p=(0.02, 0.02, 0.06, 0.9))]))
    with pytest.raises(CoreError, match="needs at least 4 pieces, two for each emotion; the library has only 2"):
        iso_path.build_iso_path(one, ("sad", "relax"), 60)


def test_steps_of_other_sizes_are_refused():
    with pytest.raises(CoreError, match="two or three pieces, not 5"):
        iso_path.build_iso_path(pool(50), ("sad", "relax"), 60, per_step=5)


# --- veto


@quick
@given(some.integers(0, 5), some.sampled_from(WAYS), some.integers(0, 99))
def test_a_veto_changes_one_piece_only(library, way, place):
    one = pool(250, seed=library)
    made = iso_path.build_iso_path(one, way, 30)
    place %= len(made.rows)
    vetoed = made.rows["piece_id"].iloc[place]
    other = replacement.replace_piece(made, one, vetoed)
    check(other)
    differ = (other.rows["piece_id"] != made.rows["piece_id"]).to_numpy()
    assert np.flatnonzero(differ).tolist() == [place]
    assert vetoed not in set(other.rows["piece_id"])
    assert other.rows["step"].tolist() == made.rows["step"].tolist()
    assert abs(other.length_s - other.wanted_s) <= 0.1 * other.wanted_s
    again = replacement.replace_piece(made, shuffled(one), vetoed)
    pd.testing.assert_frame_equal(again.rows, other.rows)


def test_a_veto_puts_no_artist_beside_himself_while_another_is_there():
    """Also where his piece would fit the time much better: the rule comes before the costs."""
    swaps = kept = 0
    for seed in range(5):
        table = many(40, seed=seed, artists=3)
        table["duration_s"] = np.random.default_rng(seed).choice([70.0, 900.0], len(table))
        table = table.assign(guess="relax")
        made = one_mood.build_one_mood(Pool(table, ()), "relax", 30)
        listed, artists = list(made.rows["piece_id"]), list(made.rows["artist"])
        for k, piece in enumerate(listed):
            beside = {artists[j] for j in (k - 1, k + 1) if 0 <= j < len(listed)}
            others = table[~table.index.isin(listed) & ~table["artist"].isin(beside)]
            other = replacement.replace_piece(made, Pool(table, ()), piece)
            swaps += 1
            if len(others):
                assert other.rows["artist"].iloc[k] not in beside
                kept += 1
    assert kept > swaps / 2


def test_vetoes_in_a_row_never_bring_a_piece_back():
    one = pool(120)
    made, gone = one_mood.build_one_mood(one, "relax", 20), []
    for _ in range(8):
        vetoed = made.rows["piece_id"].iloc[1]
        made = replacement.replace_piece(made, one, vetoed, without=gone)
        gone.append(vetoed)
        assert not set(gone) & set(made.rows["piece_id"])
    assert set(made.rows["guess"]) == {"relax"}
    assert together(list(made.rows["artist"])) == 0


def test_a_veto_that_nothing_can_replace():
    rows = [clip(f"s{k}", p=(0.02, 0.02, 0.06, 0.9)) for k in range(2)] + [clip(f"r{k}") for k in range(2)]
    one = usable_pieces(pieces(rows))
    made = iso_path.build_iso_path(one, ("sad", "relax"), 14)
    with pytest.raises(CoreError, match="No other piece of the library fits here"):
        replacement.replace_piece(made, one, made.rows["piece_id"].iloc[0])
    with pytest.raises(CoreError, match="not in the playlist"):
        replacement.replace_piece(made, one, "nobody")


# --- loudness


def test_gains_bring_all_pieces_to_the_target():
    made = playlist.level_playlist(one_mood.build_one_mood(pool(100), "sad", 30), -20.0)
    assert (made.rows["lufs"] + made.rows["gain_db"]).to_numpy() == pytest.approx(-20.0)
    quietest = playlist.loudest_without_boost(made)
    assert (playlist.level_playlist(made, quietest).rows["gain_db"] <= 0).all()
    assert (playlist.level_playlist(made, quietest + 1).rows["gain_db"] > 0).any()


def test_one_channel_plays_from_both_sides_and_is_made_softer_for_it():
    """What the same sound in two channels would be measured as: 3.01 LU more."""
    rows = [clip("one", channels=1), clip("two", channels=2), clip("unknown", channels=None)]
    made = one_mood.build_one_mood(usable_pieces(pieces(rows)), "relax", 10)
    gains = made.rows.set_index("piece_id")["gain_db"]
    assert gains["two"] - gains["one"] == pytest.approx(3.0103, abs=1e-4)
    assert gains["unknown"] == gains["two"]


def test_why_a_piece_is_there():
    rows = [clip(f"s{k}", p=(0.02, 0.02, 0.06, 0.9), artist=f"A{k}", file_duration_s=180.0) for k in range(3)]
    rows += [clip(f"r{k}", artist=f"B{k}", file_duration_s=180.0, tempo=140.0) for k in range(3)]
    made = iso_path.build_iso_path(usable_pieces(pieces(rows)), ("sad", "relax"), 15)
    why = made.rows["why"].tolist()
    assert why[0] == "Wanted 100 % sad: the model hears 90.0 % sad (accepted); 100 bpm; fits well."
    assert why[1].endswith("From the previous piece: a small step in mood, tempo +0 %.")
    jump = int(np.flatnonzero(made.rows["guess"] == "relax")[0])
    assert why[jump].endswith("From the previous piece: a large step in mood, tempo +40 %.")
    plain = one_mood.build_one_mood(usable_pieces(pieces(rows)), "relax", 5).rows["why"].iloc[0]
    assert plain == "The model hears 80.0 % relax, 10.0 % sad (accepted); 140 bpm."


def test_a_loudness_that_is_not_known_gives_no_gain():
    made = one_mood.build_one_mood(usable_pieces(pieces([clip("a", lufs=np.nan)])), "relax", 3)
    assert made.rows["gain_db"].isna().all()


def test_words_of_a_mixture():
    row = dict(zip(PROBA, (0.02, 0.08, 0.55, 0.35), strict=True))
    assert playlist.mixture(row) == "55.0 % relax, 35.0 % sad"
    wish = {"want_angry": 0.0, "want_happy": 0.0, "want_relax": 2 / 7, "want_sad": 5 / 7}
    assert playlist.mixture(wish, "want_") == "71 % sad, 29 % relax"
    nearly = dict(zip(PROBA, (0.0, 0.0003, 0.9997, 0.0), strict=True))
    assert playlist.mixture(nearly) == "99.9 % relax"  # not certain is not shown as certain
    assert REVIEW in STANDINGS


@pytest.mark.parametrize(("mood", "onward"), [("relax", -1), ("sad", -1), ("happy", 1), ("angry", 1)])
def test_calm_lists_slow_down_and_strong_ones_speed_up(mood, onward):
    p = [0.85 if e == mood else 0.05 for e in EMOTIONS]
    rows = [clip(f"{t}", p=tuple(p), artist=f"A{t}", tempo=t) for t in (120.0, 80.0, 160.0, 100.0, float("nan"))]
    made = one_mood.build_one_mood(usable_pieces(pieces(rows)), mood, 17)
    known = made.rows["tempo"].dropna().to_numpy()
    assert len(known) == 4
    assert (onward * np.diff(known) > 0).all()
    assert any("large step in tempo" in said for said in made.rows["weak"])  # 120 to 160


def test_a_list_of_one_minute_has_a_name_in_the_singular():
    assert [named_minutes(minutes) for minutes in (1, 1.0, 30, 2.5)] == [
        "1 minute",
        "1 minute",
        "30 minutes",
        "2.5 minutes",
    ]
