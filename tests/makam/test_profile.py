"""The comma profile, and the comparison of intonation."""

import numpy as np
import pytest
from composed import KARAR_HZ, held, melody_of_cents

from core.errors import CoreError
from core.makam.comparison import Side, compare_groups, compare_recordings, p_of_curves
from core.makam.notes import steady_notes
from core.makam.profile import comma_profile, karar_drift
from core.makam.theory import makam_named

NAN = float("nan")


def rast(segah=17.0, karar=0.0, *, times=8, spread=0.0, seed=0):
    """A melody in Rast whose segâh is at a chosen height."""
    random = np.random.default_rng(seed)
    notes = []
    for _ in range(times):
        for degree in (karar, 9, segah, 22, 31):
            notes += [(degree + random.normal(0, spread), 0.5), (NAN, 0.1)]
    return held(*notes)


def test_steady_notes_are_found_with_their_times_and_a_glide_is_none():
    melody = held((0, 1.0), (NAN, 0.4), (31, 0.5))
    notes = steady_notes(melody)
    assert notes.starts_s.tolist() == pytest.approx([0.0, 1.4])
    assert notes.seconds.tolist() == pytest.approx([1.0, 0.5])
    assert len(steady_notes(melody_of_cents(np.linspace(0, 4000, 100)))) == 0


def test_the_profile_shows_where_the_notes_are_and_how_far_from_the_theory():
    profile = comma_profile(rast(segah=16.2), KARAR_HZ, makam=makam_named("Rast"))
    assert [d.perde for d in profile.degrees] == ["rast", "dügâh", "segâh", "çargâh", "nevâ"]
    assert [d.theory for d in profile.degrees] == [0, 9, 17, 22, 31]
    assert [round(d.deviation, 1) for d in profile.degrees] == [0, 0, -0.8, 0, 0]
    assert all(d.n == 8 for d in profile.degrees)
    assert profile.shares.sum() == pytest.approx(1)
    assert profile.curve.sum() == pytest.approx(1)
    assert set(profile.table().query("share > 0.1")["comma"]) == {0, 9, 16, 22, 31}


def test_a_karar_that_is_a_little_low_stays_near_0():
    degree = comma_profile(rast(karar=-0.4), KARAR_HZ, makam=makam_named("Rast")).degrees[0]
    assert degree.commas == pytest.approx(-0.4, abs=0.1)
    assert degree.perde == "rast"


def test_an_interval_contains_the_mean_and_needs_five_notes():
    many = comma_profile(rast(spread=0.3), KARAR_HZ, makam=makam_named("Rast")).degrees[2]
    assert many.low < many.commas < many.high
    assert many.high - many.low == pytest.approx(2 * 1.96 * 0.3 / np.sqrt(8), rel=0.7)
    few = comma_profile(rast(times=3), KARAR_HZ).degrees[2]
    assert np.isnan(few.low)
    assert np.isnan(few.theory)


def test_the_profile_does_not_change_with_the_octave_of_the_karar():
    low, high = (comma_profile(rast(), hz) for hz in (KARAR_HZ / 2, KARAR_HZ * 2))
    np.testing.assert_allclose(low.curve, high.curve, atol=1e-9)


@pytest.mark.parametrize("hz", [0.0, -1.0, NAN, np.inf])
def test_a_karar_that_is_no_frequency_is_refused(hz):
    with pytest.raises(CoreError, match="is not a frequency"):
        comma_profile(rast(), hz)


def test_a_recording_without_melody_is_refused():
    with pytest.raises(CoreError, match="no pitch was found"):
        comma_profile(melody_of_cents(np.full(50, np.nan)), KARAR_HZ)


def test_the_drift_of_the_karar_is_measured():
    notes = [(step, 0.5) for k in range(60) for step in (k / 60, 31, 22)]
    drift = karar_drift(held(*notes), KARAR_HZ)
    assert drift["time_s"].tolist() == [15, 45, 75]
    assert drift["deviation"].tolist() == pytest.approx([0.16, 0.49, 0.82], abs=0.06)
    assert (drift["low"] < drift["deviation"]).all()


def test_a_window_without_the_karar_has_no_deviation():
    drift = karar_drift(held((31, 20), (22, 10), (0, 20)), KARAR_HZ)
    assert np.isnan(drift["deviation"][0])
    assert drift["n"].tolist() == [0, 1]


def test_two_recordings_with_another_segah_differ_in_this_degree_only():
    a = Side(rast(16.2, times=40, spread=0.2, seed=1), KARAR_HZ)
    b = Side(rast(17.0, times=40, spread=0.2, seed=2), KARAR_HZ)
    table = compare_recordings(a, b, makam=makam_named("Rast")).set_index("perde")
    assert table.loc["segâh", "difference"] == pytest.approx(-0.8, abs=0.1)
    assert table.loc["segâh", "high"] < 0
    assert table.loc["segâh", "p_holm"] < 0.01
    assert (table.drop("segâh")["p_holm"].dropna() > 0.05).all()


def test_a_recording_does_not_differ_from_itself():
    side = Side(rast(times=30, spread=0.3), KARAR_HZ)
    assert (compare_recordings(side, side)["p"].dropna() == 1).all()


def test_the_unit_of_a_group_is_the_recording():
    low = [comma_profile(rast(16.2 + 0.05 * k, times=4), KARAR_HZ) for k in range(4)]
    high = [comma_profile(rast(17.0 + 0.05 * k, times=4), KARAR_HZ) for k in range(4)]
    row = compare_groups(low, high, makam=makam_named("Rast")).set_index("perde").loc["segâh"]
    assert (row["n_a"], row["n_b"]) == (4, 4)
    assert row["difference"] == pytest.approx(-0.8, abs=0.05)
    assert row["p"] == pytest.approx(2 / 70, abs=0.015)  # of 70 divisions two are as far apart
    assert p_of_curves(low, high) == pytest.approx(2 / 70, abs=0.015)


def test_groups_that_are_too_small_get_no_p():
    one = [comma_profile(rast(), KARAR_HZ)]
    assert compare_groups(one, one)["p"].isna().all()
    assert np.isnan(p_of_curves(one, one))
    with pytest.raises(CoreError, match="at least one recording in each"):
        compare_groups(one, [])


@pytest.mark.parametrize(("height", "perde"), [(14.9, "çargâh"), (15.4, "nim hicaz")])
def test_each_degree_in_theory_belongs_to_one_peak(height, perde):
    melody = held(*[(step, 0.5) for _ in range(8) for step in (0, 12.3, 22, height, 22)])
    degrees = comma_profile(melody, KARAR_HZ, makam=makam_named("Uşşak")).degrees
    assert [d.perde for d in degrees] == ["dügâh", "çargâh", perde, "nevâ"]
    assert [d.theory for d in degrees][1] == 13
    assert np.isnan(degrees[2].theory)
    assert np.isnan(degrees[2].deviation)


def test_without_a_makam_no_degree_has_a_perde():
    assert {d.perde for d in comma_profile(rast(), KARAR_HZ).degrees} == {""}
    side = Side(rast(), KARAR_HZ)
    assert set(compare_recordings(side, side)["perde"]) == {""}
