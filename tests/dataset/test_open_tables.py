"""Tables that are open on the Explore page: their groups, their hash, rows that are copies."""

import numpy as np
import pandas as pd
import pytest

from core.dataset import stand_in
from core.dataset.open_tables import (
    as_numbers,
    group_columns,
    group_names,
    grouping,
    open_rows,
    open_table,
    without_copies,
)
from core.dataset.table import as_table
from core.dataset.user_tables import read_user_table
from core.errors import TableError
from core.schema import COLUMNS, EMOTIONS, LABEL


@pytest.fixture(scope="module")
def own() -> pd.DataFrame:
    """The columns of the command ``features``, with a makam and a year and without a label."""
    frame = stand_in.sample(n_per_class=10).drop(columns=LABEL)
    frame.insert(0, "file", [f"{i}.wav" for i in range(40)])
    return frame.assign(makam=["hicaz", "rast", "", "uşşak"] * 10, year=range(1960, 2000))


def test_the_emotions_have_their_usual_order_and_other_words_that_of_their_size() -> None:
    assert list(grouping(pd.DataFrame({LABEL: ["sad", "happy", "sad"]})).cat.categories) == list(EMOTIONS)
    words = grouping(pd.DataFrame({"makam": ["b", "c", " c", "", None, "a"]}), "makam")
    assert list(words.cat.categories) == ["c", "a", "b"]
    assert words.isna().tolist() == [False, False, False, True, True, False]


def test_several_groups_have_their_plural() -> None:
    assert [group_names(by) for by in (LABEL, "guess", "makam")] == ["emotions", "guesses", "makams"]


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        (["1988,0", "", "1990,5"], [1988, np.nan, 1990.5]),
        (["-14,12", "-9", "-20,125"], [-14.12, -9, -20.125]),
        (["1,234", "2,500"], None),  # thousands or decimals: nobody can say
        (["3,1", "Rast, 4"], None),
        (["1,2,3", "4"], None),
    ],
)
def test_decimal_commas_are_numbers_where_they_can_be_nothing_else(written: list[str], numbers) -> None:
    found = as_numbers(pd.Series(written))
    if numbers is None:
        assert found.tolist() == written
    else:
        np.testing.assert_array_equal(found, numbers)


def test_a_table_with_decimal_commas_offers_the_groups_of_one_with_points(own: pd.DataFrame) -> None:
    data = own.assign(lufs=np.linspace(-20, -10, 40).round(2), year=own["year"].astype(float))
    files = (data.to_csv(index=False), data.to_csv(index=False, sep=";", decimal=","))
    point, comma = (read_user_table(text.encode(), "mine.csv").rows.frame for text in files)
    assert group_columns(comma) == group_columns(point) == ["makam", "year", "lufs"]


def test_the_smallest_groups_are_joined_and_no_row_is_lost() -> None:
    texts = [f"singer {i:02d}" for i in range(30) for _ in range(30 - i)]
    groups = grouping(pd.DataFrame({"singer": texts}), "singer")
    assert groups.cat.categories.tolist()[:2] == ["singer 00", "singer 01"]
    assert groups.cat.categories.tolist()[-1] == "other (21 groups)"
    assert len(groups.cat.categories) == 10
    assert groups.notna().all()


def test_many_numbers_become_four_ranges_with_equally_many_rows(own: pd.DataFrame) -> None:
    ranges = grouping(own, "year")
    assert ranges.value_counts().tolist() == [10] * 4
    assert ranges.iloc[0] == "1960 to 1969.75"
    few = grouping(pd.DataFrame({"take": [2.0, 10.0, 2.0, np.nan]}), "take")
    assert list(few.cat.categories) == ["2", "10"]


def test_columns_that_name_each_row_are_no_groups(own: pd.DataFrame) -> None:
    assert group_columns(own) == ["makam", "year"]
    assert group_columns(own.assign(**{LABEL: ["x", "y"] * 20}))[0] == LABEL


def test_a_features_file_opens_as_it_is_with_its_names_and_groups(own: pd.DataFrame) -> None:
    strange = own.assign(extractor="tme-mir 1.0.0")
    strange.loc[3, "_Roughness_Mean"] = 1e6
    one = read_user_table(strange.to_csv(index=False).encode(), "mine.csv")
    assert len(one.rows.frame) == 40
    assert one.rows.frame["file"].tolist() == own["file"].tolist()
    assert one.rows.frame.loc[3, "_Roughness_Mean"] == 1e6
    assert one.cleaned.changes.empty
    assert one.table.frame.empty
    assert pd.api.types.is_numeric_dtype(one.rows.frame["year"])


def test_results_of_a_library_open_as_parquet_and_a_damaged_file_is_refused(own: pd.DataFrame, tmp_path) -> None:
    path = tmp_path / "results.parquet"
    own.to_parquet(path)
    one = read_user_table(path.read_bytes(), path.name)
    np.testing.assert_array_equal(one.rows.frame[list(COLUMNS)], own[list(COLUMNS)])
    assert one.rows.frame["makam"].tolist() == own["makam"].tolist()
    with pytest.raises(TableError, match=r"results.parquet is damaged"):
        read_user_table(path.read_bytes()[:2000], path.name)
    own.drop(columns=COLUMNS[0]).to_parquet(path)
    with pytest.raises(TableError, match="lacks 1 of the 50 features"):
        read_user_table(path.read_bytes(), path.name)


def test_labels_in_other_words_are_groups_and_known_words_are_emotions() -> None:
    frame = stand_in.sample(n_per_class=5)
    makams = read_user_table(frame.assign(**{LABEL: "hicaz"}).to_csv(index=False).encode(), "makams.csv")
    assert set(makams.rows.frame[LABEL]) == {"hicaz"}
    spelt = read_user_table(frame.assign(**{LABEL: " Mutlu"}).to_csv(index=False).encode(), "spelt.csv")
    assert set(spelt.rows.frame[LABEL]) == {"happy"}


def test_the_hash_is_that_of_the_table_and_names_other_columns(own: pd.DataFrame) -> None:
    frame = stand_in.sample()
    table = as_table(frame, origin="synthetic")
    assert open_rows(frame).content_hash == open_table(table).content_hash == table.content_hash
    first = open_rows(own).content_hash
    assert open_rows(own.copy()).content_hash == first
    assert open_rows(own.assign(makam="rast")).content_hash != first


def test_copies_are_rows_with_the_same_label_and_values(own: pd.DataFrame) -> None:
    frame = stand_in.sample()
    doubled = pd.concat([frame, frame.iloc[:7], frame.iloc[[0]].assign(**{LABEL: "other"})], ignore_index=True)
    assert without_copies(doubled).index.tolist() == [*range(400), 407]
    assert len(without_copies(pd.concat([own, own.assign(file="copy.wav")]))) == 40
