"""The rows of the published table, known in any order and spelling."""

import json

import numpy as np
import pandas as pd
import pytest

from core.dataset import stand_in
from core.dataset.cleaning import COPIES, clean
from core.dataset.published import PUBLISHED_HASH
from core.dataset.published_rows import FILE, as_published, code_meanings, fingerprints
from core.dataset.table import content_hash
from core.errors import TableError
from core.schema import COLUMNS, EMOTIONS, LABEL

CODES = {"0 to 3": "0123", "1 to 4": "1234", "letters": "QRST", "as numbers": ("0.0", "1.0", "2.0", "3.0")}


def coded(frame: pd.DataFrame, codes) -> pd.DataFrame:
    return frame.assign(Class=frame[LABEL].map(dict(zip(EMOTIONS, codes, strict=True))))


def test_the_stored_hashes_are_those_of_the_published_table(published):
    stored = json.loads(FILE.read_text())
    assert stored["rows"] == fingerprints(published[list(COLUMNS)].to_numpy())
    assert [label for label, count in stored["labels"] for _ in range(count)] == published[LABEL].to_list()
    assert len(set(stored["rows"])) == 388


def test_a_hash_takes_three_decimals_and_no_gaps():
    row = np.full((1, 50), 0.03)
    assert fingerprints(row) == fingerprints(row + 1e-9)
    assert fingerprints(row) != fingerprints(row + 0.001)
    assert fingerprints(-row * 0) == fingerprints(row * 0)
    row[0, 7] = np.nan
    assert fingerprints(row) == [""]


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f,
        lambda f: f.sample(frac=1, random_state=3),
        lambda f: f.assign(**{c: f[c] * 3 / 3 for c in COLUMNS}),
        lambda f: f.assign(**{c: f[c].astype(np.float32).astype(float) for c in COLUMNS}),
    ],
)
def test_the_same_rows_are_the_published_table(published, change):
    assert content_hash(as_published(change(published))) == PUBLISHED_HASH


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.assign(_Tempo_Mean=f["_Tempo_Mean"] + 0.001),
        lambda f: f.assign(Class=f[LABEL].to_numpy()[::-1]),
        lambda f: f.iloc[:399],
        lambda f: pd.concat([f.iloc[:399], f.iloc[:1]], ignore_index=True),
    ],
)
def test_other_rows_stay_as_they_are(published, change):
    other = change(published)
    pd.testing.assert_frame_equal(as_published(other), other)
    assert content_hash(as_published(other)) != PUBLISHED_HASH


@pytest.mark.parametrize("codes", CODES)
def test_published_rows_say_what_codes_mean(published, codes):
    result = clean(coded(published.iloc[::3], CODES[codes]), without=COPIES)
    assert result.table[LABEL].to_list() == published.loc[result.table.index, LABEL].to_list()
    assert set(result.report["rule"]) <= {"label code", "outlier"}


def test_a_code_means_nothing_where_rows_are_few_or_disagree(published):
    values = published[list(COLUMNS)].to_numpy()
    assert code_meanings(values[:3], ["0"] * 3) == {"0": "relax"}
    assert code_meanings(values[:2], ["0"] * 2) == {}
    assert code_meanings(values[98:103], ["0"] * 5) == {}
    assert code_meanings(values[:3] + 0.001, ["0"] * 3) == {}
    assert code_meanings(values[:3], [""] * 3) == {}


@pytest.mark.parametrize("codes", CODES)
def test_codes_that_nothing_explains_are_refused(codes):
    with pytest.raises(TableError, match=r"labels of mine.csv are codes \(.*which emotion each code means"):
        clean(coded(stand_in.sample(n_per_class=15), CODES[codes]), name="mine.csv")


def test_one_code_that_nothing_explains_refuses_the_table(published):
    frame = coded(published, "0123")
    frame.loc[frame[LABEL] == "3", "_Tempo_Mean"] += 0.001
    with pytest.raises(TableError, match=r"are codes \(3\)"):
        clean(frame)


def test_a_number_among_labels_sets_its_row_aside():
    frame = stand_in.sample(n_per_class=15)
    frame.loc[4, LABEL] = "7"
    assert clean(frame).unlabelled.index.to_list() == [4]


def test_float_tails_of_published_rows_are_no_changes(published):
    tails = published.assign(**{c: published[c] * 3 / 3 for c in COLUMNS})
    assert (tails[list(COLUMNS)] != published[list(COLUMNS)]).to_numpy().sum() > 500
    report = clean(tails, without=COPIES).report
    assert report["rule"].to_list() == ["outlier"] * 6
