"""Which rows are the same recording."""

import numpy as np
import pandas as pd
import pytest

from core.dataset import near_duplicates, stand_in
from core.dataset.near_duplicates import NEAR, cell_copies, clip_keys, duplicate_groups, near_pairs, unique_rows
from core.schema import COLUMNS, LABEL

EXACT = [
    *((52, 53), (59, 60), (66, 67), (100, 101), (110, 168), (188, 189)),
    *((191, 192), (268, 269), (271, 297), (340, 341), (359, 360), (381, 382)),
]
# Near-duplicates that are beyond doubt. 43 and 88 differ widely in fluctuation and attack time only.
CLEAR = [(54, 90), (365, 366), (77, 94), (43, 88), (70, 93), (246, 247), (8, 10), (65, 92)]
PROBABLE = [(25, 85), (248, 249)]


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    return stand_in.sample(n_per_class=25)


def pairs_of(frame: pd.DataFrame, **options) -> list[tuple[int, int]]:
    return list(near_pairs(frame, **options)[["first", "second"]].itertuples(index=False, name=None))


def test_the_published_table_has_12_exact_8_clear_and_2_probable_pairs(published):
    assert set(pairs_of(published)) == {*EXACT, *CLEAR, *PROBABLE}
    assert len(unique_rows(published)) == 388


def test_the_margin_of_the_rule_on_the_published_table(published):
    pairs = near_pairs(published, limit=0.2).set_index(["first", "second"])["distance"]
    assert pairs[EXACT].max() == 0
    assert pairs[CLEAR].max() == pytest.approx(0.0325, abs=1e-4)
    assert pairs[PROBABLE].tolist() == pytest.approx([0.0492, 0.0849], abs=1e-4)
    others = pairs.drop([*EXACT, *CLEAR, *PROBABLE])
    assert others.min() == pytest.approx(0.1143, abs=1e-4)
    assert pairs[PROBABLE].max() < NEAR < others.min()


def test_copies_of_the_published_table_have_one_label(published):
    groups = duplicate_groups(published)
    assert pd.Series(published[LABEL].to_numpy()).groupby(groups).nunique().max() == 1
    assert len(set(groups)) == 400 - len(EXACT) - len(CLEAR) - len(PROBABLE)


def test_the_same_groups_with_and_without_exact_copies(published):
    distinct = unique_rows(published)
    whole = duplicate_groups(published)[distinct.index]
    assert (pd.factorize(whole)[0] == duplicate_groups(distinct)).all()


def test_the_stand_in_has_no_copies(sample):
    assert near_pairs(sample).empty
    assert (duplicate_groups(sample) == np.arange(len(sample))).all()


def test_an_altered_copy_is_found_and_a_chain_is_one_group(sample):
    frame = pd.concat([sample, sample.iloc[[3, 3]]], ignore_index=True)
    frame.loc[100, "_Tempo_Mean"] *= 2  # a doubled tempo does not make another recording
    frame.loc[101, "_AttackTime_Mean"] = np.nan
    groups = duplicate_groups(frame)
    assert groups[3] == groups[100] == groups[101]
    assert len(set(groups)) == 100


def test_groups_are_numbered_as_they_appear_and_ignore_the_order_of_rows(sample):
    frame = pd.concat([sample, sample.iloc[:10]], ignore_index=True)
    groups = duplicate_groups(frame)
    assert groups.tolist() == [*range(100), *range(10)]
    shuffled = frame.sample(frac=1, random_state=0)
    back = pd.Series(duplicate_groups(shuffled), index=shuffled.index).sort_index()
    assert (pd.factorize(back)[0] == groups).all()


def test_rows_that_share_few_known_features_are_not_compared(sample):
    frame = sample.iloc[:30].copy()
    frame.loc[1] = frame.loc[0]
    frame.loc[0, list(COLUMNS[:26])] = np.nan
    assert pairs_of(frame) == []
    frame.loc[1, list(COLUMNS[:26])] = np.nan  # now an exact copy, though a sparse one
    assert pairs_of(frame) == []
    assert duplicate_groups(frame)[:2].tolist() == [0, 0]


def test_no_rows_and_one_row_have_no_copies(sample):
    assert duplicate_groups(sample.iloc[:0]).shape == (0,)
    assert duplicate_groups(sample.iloc[:1]).tolist() == [0]
    assert cell_copies(np.empty((0, 50)), np.empty(0, dtype=object)).empty


def test_the_key_of_a_clip_is_that_of_its_values_alone(sample):
    keys = clip_keys(sample)
    assert len(set(keys)) == len(sample)
    other = sample.iloc[::-1].assign(Class="sad")
    other["_Roughness_Slope"] += 1e-13  # a tail of floating point, not another clip
    assert (clip_keys(other)[::-1] == keys).all()
    changed = sample.copy()
    changed.loc[0, "_Tempo_Mean"] += 0.001
    assert (clip_keys(changed) != keys).tolist() == [True] + [False] * 99
    assert not set(keys) & set(clip_keys(sample, salt="held out"))


def test_zero_has_one_sign_and_nan_one_pattern(sample):
    one, other = sample.iloc[[0]].copy(), sample.iloc[[0]].copy()
    one["_MFCC_Mean_5"], other["_MFCC_Mean_5"] = 0.0, -0.0
    one["_Tempo_Mean"], other["_Tempo_Mean"] = np.nan, -np.float64(np.nan)
    assert clip_keys(one) == clip_keys(other)


def copies_of(values: np.ndarray, labels) -> list[tuple[int, int, bool]]:
    found = cell_copies(values, np.asarray(labels, dtype=object))
    return list(found.itertuples(index=False, name=None))


def test_cell_copies_allow_one_cell_in_ten_to_differ(sample):
    values = sample[list(COLUMNS)].to_numpy()[:20].copy()
    labels = ["sad"] * 20
    values[5], values[6], values[7], values[8] = values[2], values[2], values[2], values[2]
    values[6, [0, 10, 20, 30, 40]] += 1  # 45 of 50 agree
    values[7, [1, 11, 21, 31, 41, 46]] += 1  # 44 of 50
    values[8, [0, 1, 2, 3, 4]] = np.nan  # 45 of 45
    assert copies_of(values, labels) == [(2, 5, True), (2, 6, False), (2, 8, False)]


def test_rows_with_different_labels_are_no_copies(sample):
    values = sample[list(COLUMNS)].to_numpy()[[0, 0, 0]]
    assert copies_of(values, ["sad", "happy", "sad"]) == [(0, 2, True)]


def test_a_chain_of_copies_points_to_its_first_row(sample):
    values = sample[list(COLUMNS)].to_numpy()[[0, 0, 0, 0]].copy()
    values[1, :5] += 1  # differs from 0 in 5 cells
    values[2, :5] += 1
    values[2, 20:24] += 1  # differs from 0 in 9, from 1 in 4
    values[3] = values[2]
    assert copies_of(values, ["sad"] * 4) == [(0, 1, False), (0, 2, False), (0, 3, False)]


def test_the_corrupted_copies_of_the_modified_table_share_98_percent(modified_csv):
    frame = pd.read_csv(modified_csv, dtype=str)
    values = frame[list(COLUMNS)].apply(lambda c: pd.to_numeric(c.str.strip(), errors="coerce")).to_numpy()
    both = ~np.isnan(values[:, None, :]) & ~np.isnan(values[None, :, :])
    share = np.triu((values[:, None, :] == values[None, :, :]).sum(axis=2) / both.sum(axis=2), k=1)
    first, second = np.nonzero(share > 0.5)
    true = [*zip((34, 278, 340, 258, 171, 173, 35, 304), range(400, 408), strict=True), *EXACT, (341, 402)]
    assert set(zip(first.tolist(), second.tolist(), strict=True)) == set(true)
    assert share[first, second].min() > 0.9
    assert np.sort(share.ravel())[-len(true) - 1] < 0.3
    found = cell_copies(values, frame["Class"].str.strip().str.lower().fillna("").to_numpy(dtype=object))
    assert set(found["second"]) == {second for _, second in true}


def plain_pairs(frame: pd.DataFrame, limit: float) -> list[tuple[int, int, float]]:
    """The pairs by the plain reading of the rule, nearest first."""
    ranks = frame[list(COLUMNS)].rank(pct=True).to_numpy(dtype=np.float32)
    found = []
    for first in range(len(ranks)):
        for second in range(first + 1, len(ranks)):
            difference = np.abs(ranks[first] - ranks[second])
            known = difference[~np.isnan(difference)]
            if len(known) >= 25 and known.mean(dtype=float) <= limit:
                found.append((first, second, float(known.mean(dtype=float))))
    return sorted(found, key=lambda pair: (pair[2], pair[:2]))


@pytest.mark.parametrize("few", [10**6, 0])
def test_both_ways_of_comparing_find_the_pairs_of_the_rule(monkeypatch, few):
    """Rows beside and across the borders of a block, with missing values; some have too few values to be compared."""
    monkeypatch.setattr(near_duplicates, "_FEW", few)
    monkeypatch.setattr(near_duplicates, "_BLOCK", 37)
    rng = np.random.default_rng(5)
    values = rng.normal(size=(120, len(COLUMNS)))
    for copy, original, noise in ((36, 35, 0.05), (37, 36, 0.05), (90, 3, 0.2), (119, 0, 0.0), (50, 51, 0.3)):
        values[copy] = values[original] + rng.normal(scale=noise, size=len(COLUMNS))
    values[rng.random(values.shape) < 0.05] = np.nan
    values[[90, 119], :24] = np.nan
    values[50, :26] = np.nan
    frame = pd.DataFrame(values, columns=list(COLUMNS))
    expected = plain_pairs(frame, 0.2)
    assert len(expected) >= 4
    found = near_pairs(frame, limit=0.2)
    assert list(found[["first", "second"]].itertuples(index=False, name=None)) == [pair[:2] for pair in expected]
    assert found["distance"].tolist() == pytest.approx([pair[2] for pair in expected], abs=1e-6)


def test_a_table_of_copies_has_more_pairs_than_rows(monkeypatch, sample):
    monkeypatch.setattr(near_duplicates, "_FEW", 0)
    frame = pd.concat([sample.iloc[[0]]] * 30, ignore_index=True)
    assert pairs_of(frame) == [(first, second) for first in range(30) for second in range(first + 1, 30)]
