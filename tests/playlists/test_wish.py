"""The wish for a path: the shapes, the tempo with its octave doubt, and what is said when a wish is not reached."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from core.errors import CoreError
from core.playlists import iso_path, path_costs, playlist, pulse
from core.playlists.playlist import Pool, usable_pieces
from core.playlists.wish import Curve, Shape, Wish, check_wish, mixture_at
from core.records import RemarkKind
from core.schema import PROBA
from tests.mood_library import clip, many, pieces

quick = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
WAY = ("angry", "happy", "relax")


def kinds(made) -> set[RemarkKind]:
    return {remark.kind for remark in made.remarks}


def text(made, kind: RemarkKind) -> str:
    return "\n".join(remark.text for remark in made.remarks if remark.kind == kind)


# --- the curve


def at_times(shape: Shape, *shares: float) -> list[float]:
    curve = Curve(WAY, 1000.0, Wish(shape))
    return curve.progress(np.array(shares) * 900.0, 10).tolist()


def test_the_shapes():
    assert at_times(Shape.LINEAR, 0, 0.25, 1) == pytest.approx([0, 0.25, 1])
    assert at_times(Shape.HOLD, 0, 0.3, 2 / 3, 1) == pytest.approx([0, 0, 0.5, 1])
    assert at_times(Shape.LATE, 0, 0.5, 1) == pytest.approx([0, 0.25, 1])
    assert at_times(Shape.EARLY, 0, 0.5, 1) == pytest.approx([0, 0.75, 1])


def test_minutes_for_each_mood_are_the_times_where_the_mood_changes():
    curve = Curve(WAY, 3600.0, Wish(Shape.MINUTES, mood_minutes=(10.0, 30.0, 20.0)))
    assert curve.progress(np.array([0.0, 600.0, 2400.0, 3600.0]), 15) * 2 == pytest.approx([0, 0.5, 1.5, 2])


@quick
@given(some.sampled_from(list(Shape)), some.integers(4, 60), some.sampled_from([2, 3]), some.integers(0, 99))
def test_the_wished_mood_never_goes_back_and_reaches_the_goal(shape, number, per_step, seed):
    lengths = np.random.default_rng(seed).uniform(60, 400, number)
    minutes = tuple(lengths.sum() / 180 for _ in WAY)
    curve = Curve(WAY, float(lengths.sum()), Wish(shape, mood_minutes=minutes), per_step)
    mood, tempo = curve.planned(np.cumsum(lengths) - lengths)
    for progress in (mood, tempo):
        assert (np.diff(progress) >= -1e-12).all()
        assert progress[0] == 0
        assert progress[-1] == 1
    steps = curve.steps(number)
    assert all(len(set(mood[steps == step])) == 1 for step in steps)


def test_mixtures_of_many_places_at_once():
    found = mixture_at(np.array([0.0, 0.25, 1.0, 1.5, 2.0]), WAY)
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert found[1].tolist() == [0.75, 0.25, 0, 0]
    assert found[3].tolist() == [0, 0.5, 0.5, 0]


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (Wish(end_bpm=20.0), "between 40 and 200 bpm, not 20"),
        (Wish(end_bpm=float("nan")), "between 40 and 200 bpm"),
        (Wish(Shape.MINUTES), "minutes of each mood of the way: angry, happy, relax"),
        (Wish(Shape.MINUTES, mood_minutes=(5.0, 0.0, 5.0)), "Each must be more than 0"),
    ],
)
def test_wishes_that_no_path_can_have(wish, why):
    with pytest.raises(CoreError, match=why):
        check_wish(wish, WAY)


# --- the octave doubt


def counted(tempo: float, wished: float) -> float:
    return float(2 ** pulse.pulse(np.log2([tempo]), np.log2([wished]))[0][0])


def test_a_tempo_is_counted_at_half_or_double_only_where_that_fits_much_better():
    assert counted(120, 60) == pytest.approx(60)
    assert counted(45, 90) == pytest.approx(90)
    assert counted(100, 80) == pytest.approx(100)
    assert counted(170, 180) == pytest.approx(170)
    assert counted(70, 25) == pytest.approx(70)  # 35 bpm is no tempo
    assert np.isnan(counted(float("nan"), 60))
    assert counted(120, float("nan")) == pytest.approx(120)  # nothing is wished


def test_a_true_tempo_is_preferred_to_a_counted_one():
    _, cost = pulse.pulse(np.log2([60.0, 120.0]), np.log2([60.0, 60.0]))
    assert cost.tolist() == pytest.approx([0, pulse.DOUBT])


def test_how_a_tempo_is_counted_in_words():
    assert pulse.counted(120, 60) == "120 bpm, counted as 60"
    assert pulse.counted(90, 90) == "90 bpm"
    assert pulse.counted(float("nan"), float("nan")) == "tempo not known"


# --- paths that calm


def calm_library(slow: bool = True) -> Pool:
    """Happy pieces of 120 to 150 bpm; relax pieces at 130, and slow and soft ones if there are any."""
    rng = np.random.default_rng(0)
    rows = []
    for k in range(40):
        happy = k % 2 == 0
        slow_one = slow and not happy and k % 4 == 1
        rows.append(
            clip(
                f"{k:03d}",
                p=(0.02, 0.86, 0.1, 0.02) if happy else (0.02, 0.1, 0.86, 0.02),
                artist=f"A{k}",
                tempo=float(rng.uniform(60, 75)) if slow_one else float(rng.uniform(120, 150)),
                lufs=-24.0 if slow_one else -12.0,
                file_duration_s=float(rng.uniform(150, 250)),
            )
        )
    return usable_pieces(pieces(rows))


@pytest.mark.parametrize("shape", [Shape.LINEAR, Shape.HOLD, Shape.LATE, Shape.EARLY])
def test_a_path_to_a_calm_goal_falls_in_tempo_and_loudness(shape):
    rows = iso_path.build_iso_path(calm_library(), ("happy", "relax"), 40, wish=Wish(shape)).rows
    third = len(rows) // 3
    assert rows["tempo"].iloc[:third].mean() > 110
    assert rows["tempo"].iloc[-2:].max() < 80
    assert rows["lufs"].iloc[-third:].mean() < rows["lufs"].iloc[:third].mean() - 6


def test_tempo_falls_without_a_rise_in_a_large_library():
    for seed in range(2):
        made = iso_path.build_iso_path(Pool(many(2000, seed=seed, artists=200), ()), WAY, 60)
        falls = made.rows["pulse"].to_numpy()
        assert (falls[1:] / falls[:-1]).max() < 1.05
        assert falls[-1] < 0.65 * falls[0]
        assert not kinds(made) & {RemarkKind.TEMPO_MISSED, RemarkKind.LOUDNESS_MISSED}


def test_a_path_to_a_lively_goal_may_rise():
    made = iso_path.build_iso_path(calm_library(), ("relax", "happy"), 40)
    assert made.rows["pulse"].iloc[-1] >= made.rows["pulse"].iloc[0]
    assert not kinds(made) & {RemarkKind.TEMPO_MISSED, RemarkKind.TEMPO_RISES, RemarkKind.LOUDNESS_MISSED}


def test_the_tempo_at_the_end_can_be_chosen():
    library = Pool(many(1500, artists=200), ())
    for bpm in (60.0, 80.0, 100.0):
        made = iso_path.build_iso_path(library, WAY, 45, wish=Wish(end_bpm=bpm))
        assert made.rows["pulse"].iloc[-1] == pytest.approx(bpm, rel=0.08)
        assert RemarkKind.TEMPO_MISSED not in kinds(made)


def test_a_tempo_that_the_library_does_not_have_is_named():
    made = iso_path.build_iso_path(calm_library(slow=False), ("happy", "relax"), 40, wish=Wish(end_bpm=95.0))
    assert text(made, RemarkKind.TEMPO_MISSED).startswith("You asked for 95 bpm at the end, but the last piece has 1")


def test_a_tempo_is_asked_for_and_none_is_known():
    table = calm_library().table.assign(tempo=np.nan)
    made = iso_path.build_iso_path(Pool(table, ()), ("happy", "relax"), 40, wish=Wish(end_bpm=60.0))
    said = text(made, RemarkKind.TEMPO_MISSED)
    assert said == "You asked for 60 bpm at the end, but the tempo of these pieces is not known."
    table = calm_library().table
    unknown = table.assign(tempo=table["tempo"].where(table["guess"] == "relax"))
    made = iso_path.build_iso_path(Pool(unknown, ()), ("happy", "relax"), 40, wish=Wish(end_bpm=70.0))
    assert made.rows["pulse"].iloc[-1] < 80  # others have 120 to 150 bpm


def test_a_library_that_allows_no_slower_end_says_so():
    table = calm_library(slow=False).table
    tempo = np.where(table["guess"] == "happy", 60.0, 78.0)
    made = iso_path.build_iso_path(Pool(table.assign(tempo=tempo), ()), ("happy", "relax"), 40)
    assert "begins at 60 bpm and ends at 78 bpm" in text(made, RemarkKind.TEMPO_MISSED)
    assert "it rises at piece" in text(made, RemarkKind.TEMPO_RISES)


def test_music_that_becomes_louder_on_the_way_to_a_calm_goal_is_named():
    table = calm_library().table
    lufs = np.where(table["guess"] == "happy", -20.0, -10.0)
    made = iso_path.build_iso_path(Pool(table.assign(lufs=lufs), ()), ("happy", "relax"), 40)
    assert "becomes 10.0 LU louder" in text(made, RemarkKind.LOUDNESS_MISSED)


def test_a_tempo_that_is_counted_at_half_is_named():
    table = calm_library().table
    table = table.assign(tempo=np.where(table["tempo"] < 80, 2 * table["tempo"], table["tempo"]))
    made = iso_path.build_iso_path(Pool(table, ()), ("happy", "relax"), 40, wish=Wish(end_bpm=66.0))
    halves = made.rows[made.rows["pulse"] < 0.6 * made.rows["tempo"]]
    assert len(halves)
    assert all(", counted as " in why for why in halves["why"])
    said = text(made, RemarkKind.TEMPO_COUNTED)
    assert all(str(number) in said for number in halves["number"])


# --- lengths and times


@pytest.mark.parametrize("minutes", [(10.0, 25.0, 15.0), (20.0, 10.0, 20.0)])
def test_the_minutes_of_each_mood_are_reached(minutes):
    wish = Wish(Shape.MINUTES, mood_minutes=minutes)
    made = iso_path.build_iso_path(Pool(many(1500, artists=200), ()), WAY, 5, wish=wish)
    assert made.wanted_s == 3000
    reached = made.rows.groupby("guess")["duration_s"].sum()
    for mood, asked in zip(WAY, minutes, strict=True):
        assert abs(reached[mood] - 60 * asked) < made.rows["duration_s"].max() / 2
    assert RemarkKind.MOOD_TIME_MISSED not in kinds(made)


def test_minutes_that_the_library_does_not_have_are_named():
    table = many(400, artists=40)
    few = table[(table["guess"] != "happy") | (np.cumsum(table["guess"] == "happy") <= 3)]
    wish = Wish(Shape.MINUTES, mood_minutes=(10.0, 40.0, 10.0))
    made = iso_path.build_iso_path(Pool(few, ()), WAY, 60, wish=wish)
    assert "You asked for 40:00 of happy music, but the list has" in text(made, RemarkKind.MOOD_TIME_MISSED)


@pytest.mark.parametrize("limits", [(120, 240), (180, 300), (0, 200)])
def test_each_piece_has_a_length_within_the_limits(limits):
    found = usable_pieces(many(400, seed=limits[1], artists=40), standings=("accepted",), lengths_s=limits)
    rows = iso_path.build_iso_path(found, ("happy", "relax"), 30).rows
    assert rows["duration_s"].between(*limits).all()
    assert not rows["piece_id"].duplicated().any()


def test_pieces_that_the_lengths_leave_out_are_counted():
    rows = [clip("a", file_duration_s=90.0), clip("b", file_duration_s=200.0), clip("c", file_duration_s=500.0)]
    for limits, words in (((120, 300), "2:00 to 5:00"), ((0, 300), "at most 5:00"), ((120, np.inf), "2:00 or more")):
        found = usable_pieces(pieces(rows), lengths_s=limits)
        assert "b" in found.table.index
        (remark,) = [remark for remark in found.remarks if remark.kind == RemarkKind.LENGTHS_ASKED]
        assert f"the length is not {words}, as you asked" in remark.text


def test_an_empty_library_is_a_sentence():
    nothing = Pool(many(3).iloc[:0], ())
    with pytest.raises(CoreError, match="The library has no usable piece for: happy, relax"):
        iso_path.build_iso_path(nothing, ("happy", "relax"), 30)


@pytest.mark.parametrize("wish", [Wish(), Wish(Shape.MINUTES, mood_minutes=(20.0, 10.0, 30.0))])
def test_the_cost_of_each_piece_at_its_own_place_is_that_among_all_places(wish):
    pieces = path_costs.arrays(many(30), WAY, 3)
    curve = path_costs.wished_curve(Curve(WAY, 3600.0, wish, per_step=2), pieces)
    begins = np.cumsum(pieces.length) - pieces.length
    every = path_costs.at_place(pieces, curve, *curve.planned(begins), begins)
    own = path_costs.at_own_place(pieces, curve, *curve.planned(begins), begins)
    for of_all, of_own in zip(every, own, strict=True):
        assert of_own == pytest.approx(np.diag(of_all), nan_ok=True)


# --- the shortlist


def test_the_shortlist_is_small_and_has_pieces_by_other_artists():
    table = many(3000, artists=1)
    table = table.assign(artist=np.where(np.arange(len(table)) % 50 == 0, "Rare", table["artist"]))
    found = path_costs.arrays(table, WAY, 0)
    curve = path_costs.wished_curve(Curve(WAY, 3600.0, per_step=2), found)
    few = path_costs.shortlist(found, curve, 15)
    assert len(few.ids) < len(found.ids) / 2
    assert len(set(few.artist)) == 2
    assert set(few.station) == {0, 1, 2}


def test_the_shortlist_does_not_change_the_path_of_a_small_library(monkeypatch):
    pool = Pool(many(400, artists=60), ())
    with_it = iso_path.build_iso_path(pool, WAY, 40).rows
    monkeypatch.setattr(iso_path, "shortlist", lambda every, *given, **more: every)
    pd.testing.assert_frame_equal(iso_path.build_iso_path(pool, WAY, 40).rows, with_it)


# --- softer towards the end


def test_the_end_is_played_softer_as_the_wish_moves():
    made = iso_path.build_iso_path(calm_library(), ("happy", "relax"), 40)
    softer = playlist.level_playlist(made, -18.0, softer_lu=4.0)
    level = softer.rows["level_lufs"]
    assert level.iloc[0] == -18
    assert level.iloc[-1] == -22
    assert level.is_monotonic_decreasing
    assert (softer.rows["lufs"] + softer.rows["gain_db"]).to_numpy() == pytest.approx(level.to_numpy())
    assert list(softer.rows["piece_id"]) == list(made.rows["piece_id"])
    assert playlist.level_playlist(softer, -20.0).rows["level_lufs"].iloc[-1] == -24  # it stays when the level changes
    quietest = playlist.loudest_without_boost(softer)
    assert (playlist.level_playlist(softer, quietest).rows["gain_db"] <= 0).all()
    assert (playlist.level_playlist(softer, quietest + 1).rows["gain_db"] > 0).any()


def test_probabilities_of_the_wish_sum_to_one():
    made = iso_path.build_iso_path(calm_library(), ("happy", "relax"), 40)
    assert made.rows[[name.replace("p_", "want_") for name in PROBA]].sum(axis=1).to_numpy() == pytest.approx(1.0)
