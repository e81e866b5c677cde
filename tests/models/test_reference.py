"""Whether a clip is like the training music, and where its values stand, from summaries alone."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import percentileofscore

from core.dataset import stand_in
from core.dataset.near_duplicates import duplicate_groups, unique_rows
from core.errors import ModelError
from core.models.reference import (
    FALSE_ALARMS,
    MOST_MISSING,
    Reference,
    check_outlier,
    make_reference,
    nearest_clips,
    percentile_ranks,
    read_reference,
    reference_json,
    unlike_rows,
)
from core.schema import BY_COLUMN, COLUMNS, EMOTIONS, LABEL, RMS, ROUGHNESS, FeatureVector
from core.training.estimators import FRAGILE

pytestmark = pytest.mark.xdist_group("reference")  # what all of its tests need is made once


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return stand_in.sample()


@pytest.fixture(scope="module")
def reference(table) -> Reference:
    return make_reference(table, table[LABEL], range(len(table)), ignore=FRAGILE)


@pytest.fixture(scope="module")
def real(published) -> pd.DataFrame:
    """Distinct clips of the published table with the number of their recording."""
    groups = pd.Series(duplicate_groups(published), index=published.index)
    return unique_rows(published).assign(group=groups)


@pytest.fixture(scope="module")
def real_reference(real) -> Reference:
    return make_reference(real, real[LABEL], real["group"], ignore=FRAGILE)


def vector(row: pd.Series, **other: float) -> FeatureVector:
    return FeatureVector(
        "clip", "test", pd.Series({**row[list(COLUMNS)], **other})[list(COLUMNS)].to_numpy(dtype=float)
    )


# --- unlike the training music ---------------------------------------------------------------------------------------


def test_false_alarms_on_held_out_clips_of_the_published_table(real, real_reference):
    """The stated rate is measured outside, near the aim; with other folds it is the same within chance."""
    assert 0.02 <= real_reference.false_alarms <= 0.05
    others = [
        make_reference(real, real[LABEL], real["group"], ignore=FRAGILE, seed=seed).false_alarms for seed in (1, 2)
    ]
    assert 0.02 <= np.mean(others) <= 0.05
    on_itself = unlike_rows(real[list(COLUMNS)].to_numpy(dtype=float), real_reference)
    assert on_itself.mean() <= FALSE_ALARMS + 0.01


def test_known_recordings(shared, real_reference):
    """Sounds that are no such music ring; three recordings of ordinary music, far from Turkish ones, do not."""
    clips = pd.read_csv(shared / "reference" / "recordings.csv", index_col="clip")
    flags = {name: check_outlier(vector(row), real_reference) for name, row in clips.iterrows()}
    for name, feature in (
        ("humpback", "Roughness at the usual level"),
        ("speech", "Fluctuation"),
        ("solotrumpet", "Fluctuation"),
    ):
        assert flags[name].flag
        assert flags[name].reasons[0].startswith(f"{feature} is ")
        assert flags[name].percentile > 95
    for name in ("fishin_00", "hungarian_00", "sugarplum_30"):
        assert not flags[name].flag
        assert flags[name].reasons == ()
        assert flags[name].percentile < 75


def test_the_level_changes_no_flag(shared, real, real_reference):
    """Exact laws: RMS energy x g, roughness x g². The flags of version 0.2 change. Every fourth clip is asked."""
    clips = pd.concat([real.iloc[::4], pd.read_csv(shared / "reference" / "recordings.csv")])
    before = [check_outlier(vector(row), real_reference) for _, row in clips.iterrows()]
    old = make_reference(real, real[LABEL], real["group"], ignore=FRAGILE, level_free=False)
    for gain in (0.01, 2.0):
        quiet = clips.assign(**{RMS: clips[RMS] * gain, ROUGHNESS: clips[ROUGHNESS] * gain**2})
        after = [check_outlier(vector(row), real_reference) for _, row in quiet.iterrows()]
        assert [one.flag for one in after] == [one.flag for one in before]
        np.testing.assert_allclose([o.distance for o in after], [o.distance for o in before], rtol=1e-9)
        assert gain > 1 or any(
            check_outlier(vector(now), old).flag != check_outlier(vector(then), old).flag
            for (_, now), (_, then) in zip(quiet.iterrows(), clips.iterrows(), strict=True)
        )


def test_roughness_is_named_at_the_usual_level(table, reference):
    typical = table[list(COLUMNS)].median()
    rough = check_outlier(vector(typical, **{ROUGHNESS: 1e7}), reference)
    assert rough.reasons[0].startswith("Roughness at the usual level is ")
    neighbours = [
        nearest_clips(vector(row), reference, table, count=3).index.tolist()
        for row in (typical, typical * pd.Series({RMS: 0.1, ROUGHNESS: 0.01}).reindex(typical.index, fill_value=1.0))
    ]
    assert neighbours[0] == neighbours[1]


def test_a_reference_of_0_2_compares_as_measured(table, reference, tmp_path):
    import json

    known = json.loads(reference_json(make_reference(table, table[LABEL], range(400), level_free=False)))
    assert known["level"] is None
    del known["level"], known["usual"]
    (tmp_path / "reference.json").write_text(json.dumps(known))
    old = read_reference(tmp_path / "reference.json")
    row = vector(table.iloc[3])
    quiet = vector(table.iloc[3], **{RMS: 1e-4})
    assert check_outlier(quiet, old).distance > check_outlier(row, old).distance
    assert RMS in set(check_outlier(quiet, old).features["feature"])
    assert RMS not in set(check_outlier(quiet, reference).features["feature"])
    features = check_outlier(row, old).features.set_index("feature")
    low, high = table["_Tempo_Mean"].quantile([0.05, 0.95])
    assert features.loc["_Tempo_Mean", ["low", "high"]].tolist() == pytest.approx([low, high], rel=1e-4)


def test_synthetic_sounds_ring(real_reference):
    """Tones, clicks and noise of the golden files: all but none of them sounds like a recording."""
    from tests.conftest import GOLDEN

    clips = pd.concat([pd.read_csv(GOLDEN / f"{name}.csv", index_col="clip") for name in ("made", "short")])
    assert len(clips) == 15
    assert all(check_outlier(vector(row), real_reference).flag for _, row in clips.iterrows())


def test_a_typical_clip_is_not_flagged_and_one_impossible_value_is(table, reference):
    typical = table[list(COLUMNS)].median()
    quiet = check_outlier(vector(typical), reference)
    assert not quiet.flag
    assert quiet.distance < 0.6
    assert quiet.features["off"].sum() == 0
    loud = check_outlier(vector(typical, **{"_Fluctuation_Mean": 80.0}), reference)
    assert loud.flag
    low, high = table["_Fluctuation_Mean"].quantile([0.05, 0.95])
    first = loud.features.iloc[0]
    assert (first["feature"], first["value"], first["off"]) == ("_Fluctuation_Mean", 80.0, np.True_)
    assert (first["low"], first["high"]) == (pytest.approx(low), pytest.approx(high))
    logs = np.log(table["_Fluctuation_Mean"])
    assert first["deviation"] == pytest.approx((np.log(80) - logs.mean()) / logs.std(ddof=0), abs=1e-6)
    assert loud.reasons == (f"Fluctuation is 80 dB, above the usual {first['low']:.3g} to {first['high']:.3g}",)


def test_ordinary_values_in_an_impossible_combination_are_flagged(table, reference):
    """Brightness, rolloff and centroid rise together; here one is high and the others low, none of them off."""
    typical = table[list(COLUMNS)].median()
    quantile = table[list(COLUMNS)].quantile
    mixed = {
        "_Brightness_Mean": quantile(0.97)["_Brightness_Mean"],
        "_Rolloff_Mean": quantile(0.03)["_Rolloff_Mean"],
        "_Spectralcentroid_Mean": quantile(0.03)["_Spectralcentroid_Mean"],
        "_Spectralspread_Mean": quantile(0.97)["_Spectralspread_Mean"],
        "_Zero-crossingrate_Mean": quantile(0.97)["_Zero-crossingrate_Mean"],
    }
    found = check_outlier(vector(typical, **mixed), reference)
    assert not found.features["off"].any()
    assert found.flag
    assert found.reasons[0].startswith("the combination of its features is unusual, mainly ")


def test_features_that_are_ignored_cannot_ring(table, reference):
    typical = table[list(COLUMNS)].median()
    entropy = "_HarmonicChangeDetectionFunction_PeriodEntropy"
    assert entropy in FRAGILE
    assert not check_outlier(vector(typical, **{entropy: 0.1}), reference).flag
    everything = make_reference(table, table[LABEL], range(len(table)))
    assert check_outlier(vector(typical, **{entropy: 0.1}), everything).flag


def test_what_is_not_measured_is_left_out_until_too_much_is_missing(table, reference):
    row = table.iloc[10]
    whole = check_outlier(vector(row), reference)
    some = check_outlier(vector(row, _Tempo_Mean=np.nan, _Spectralcentroid_Mean=np.nan), reference)
    assert some.missing == 2
    assert not some.flag
    assert some.features["deviation"].isna().sum() == 2
    assert abs(some.distance - whole.distance) < 0.1
    gone = dict.fromkeys(COLUMNS[: MOST_MISSING + 1], np.nan)
    many = check_outlier(vector(row, **gone), reference)
    assert many.flag
    assert "11 of the 50 features could not be measured" in many.reasons
    nothing = check_outlier(vector(row, **dict.fromkeys(COLUMNS, np.nan)), reference)
    assert nothing.flag
    assert np.isnan(nothing.distance)


def test_many_rows_get_the_flag_that_one_clip_gets(table, reference):
    values = table[list(COLUMNS)].to_numpy(dtype=float)[:30].copy()
    values[3] = [min(BY_COLUMN[column].high, 1e6) for column in COLUMNS]
    values[4, : MOST_MISSING + 1] = np.nan
    values[5] = np.nan
    one_by_one = [check_outlier(FeatureVector("x", "mirtoolbox", row), reference).flag for row in values]
    assert unlike_rows(values, reference).tolist() == one_by_one
    assert one_by_one[3:6] == [True, True, True]


def test_zero_where_a_logarithm_is_taken_is_far_and_finite(table, reference):
    found = check_outlier(vector(table.iloc[0], **{"_Zero-crossingrate_Mean": 0.0}), reference)
    assert found.flag
    assert found.features["deviation"].abs().max() < 100
    assert "Zero-crossing rate is 0 1/s, below the usual" in found.reasons[0]


# --- the place of a value --------------------------------------------------------------------------------------------


def test_the_place_of_each_value_agrees_with_the_table(table, reference):
    for row in (0, 133, 288):
        got = percentile_ranks(vector(table.iloc[row]), reference).set_index("feature")
        for name in ("all", *EMOTIONS):
            own = table if name == "all" else table[table[LABEL] == name]
            for column in COLUMNS:
                exact = percentileofscore(own[column], table.loc[row, column], kind="mean")
                assert got.loc[column, name] == pytest.approx(exact, abs=4)  # between quantiles 5 % apart


def test_places_beyond_the_table_ties_and_unknown(reference):
    values = dict.fromkeys(COLUMNS, np.nan)
    quantiles = dict(reference.quantiles)
    chroma = COLUMNS.index("_Chromagram_Mean_1")
    quantiles["sad"] = quantiles["sad"].copy()
    quantiles["sad"][chroma] = [0.0] * 9 + [1.0] * 12  # 40 % exact zeros, the rest exact ones
    changed = Reference(**{**reference.__dict__, "quantiles": quantiles})
    got = percentile_ranks(vector(pd.Series(values), _Tempo_Mean=40.0, _Chromagram_Mean_1=0.0), changed).set_index(
        "feature"
    )
    assert got.loc["_Tempo_Mean", "all"] == 0
    assert got.loc["_Chromagram_Mean_1", "sad"] == 20  # middle of the zeros
    assert got.loc["_RMSenergy_Mean", ["all", *EMOTIONS]].isna().all()
    high = percentile_ranks(vector(pd.Series(values), _Tempo_Mean=200.5, _Chromagram_Mean_1=1.0), changed).set_index(
        "feature"
    )
    assert high.loc["_Tempo_Mean", "all"] == 100
    assert high.loc["_Chromagram_Mean_1", "sad"] == 72.5


def test_the_nearest_clips(table, reference):
    found = nearest_clips(vector(table.iloc[37]), reference, table, count=4)
    assert found.index[0] == 37
    assert found["distance"].iloc[0] == 0
    assert found["distance"].is_monotonic_increasing
    assert found.columns.tolist() == ["distance", *table.columns]
    # the same, with a feature that the clip lacks
    assert nearest_clips(vector(table.iloc[37], _Tempo_Mean=np.nan), reference, table, count=1).index[0] == 37


# --- learning and storing --------------------------------------------------------------------------------------------


def test_only_positive_skewed_features_are_logged(reference):
    logged = {c for c, yes in zip(reference.used, reference.logged, strict=True) if yes}
    assert {"_Fluctuation_Mean", "_Roughness_Mean", "_Zero-crossingrate_Mean"} <= logged
    assert all(BY_COLUMN[c].low >= 0 for c in logged)
    assert not any("Chromagram" in c or "MFCC" in c for c in logged)


def test_the_reference_comes_back_from_its_file(reference, table, tmp_path):
    path = tmp_path / "reference.json"
    path.write_bytes(reference_json(reference))
    assert path.stat().st_size < 100_000
    back = read_reference(path)
    for row in range(0, 400, 40):
        a, b = check_outlier(vector(table.iloc[row]), reference), check_outlier(vector(table.iloc[row]), back)
        assert a.flag == b.flag
        assert a.distance == pytest.approx(b.distance, rel=1e-4)
    assert (back.used, back.clips, back.false_alarms) == (reference.used, 400, reference.false_alarms)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"used": ["_Tempo_Mean"]}'])
def test_a_damaged_reference_is_a_sentence(tmp_path, text):
    path = tmp_path / "reference.json"
    path.write_text(text)
    with pytest.raises(ModelError, match="summary of the training music, reference.json"):
        read_reference(path)
    with pytest.raises(ModelError, match="summary of the training music"):
        read_reference(tmp_path / "none.json")


def test_a_reference_of_another_size_is_refused(reference, tmp_path):
    import json

    known = json.loads(reference_json(reference))
    known["used"] = known["used"][:-1]
    (tmp_path / "r.json").write_text(json.dumps(known))
    with pytest.raises(ModelError, match="describes other features"):
        read_reference(tmp_path / "r.json")
