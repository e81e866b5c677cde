"""Cleaning: every rule, the report, and what is reached on the modified table."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dataset import stand_in
from core.dataset.cleaning import CHOICES, COPIES, RULES, clean, robust_z, validate
from core.dataset.parsing import NULL_TOKENS, parse
from core.errors import TableError
from core.schema import COLUMNS, LABEL
from core.turkish import fold

TEMPO = "_Tempo_Mean"


@pytest.fixture(scope="module")
def base() -> pd.DataFrame:
    """A table that cleaning leaves as it is, as text."""
    return clean(stand_in.sample(n_per_class=40)).table.astype(str)


def with_cell(base: pd.DataFrame, value: object, *, row: int = 0, column: str = TEMPO) -> pd.DataFrame:
    frame = base.astype(object)
    frame.loc[row, column] = value
    return frame


def entries(result) -> list[tuple]:
    """The report as plain tuples with None for what is missing."""
    report = result.report.astype(object)
    return list(report.where(report.notna(), None).itertuples(index=False, name=None))


def test_a_clean_table_stays_as_it_is(base):
    result = clean(base)
    assert result.report.empty
    assert list(result.report.columns) == ["row", "column", "old", "new", "rule"]
    pd.testing.assert_frame_equal(result.table.astype(str), base, check_names=False)
    validate(result.table)


@pytest.mark.parametrize(
    "token", ["error", " ERROR ", "Invalid", "?", "NULL", "n/a", "bad", "UNKNOWN", "NaN", "-", "#N/A"]
)
def test_words_for_nothing_become_missing(base, token):
    result = clean(with_cell(base, token))
    assert np.isnan(result.table.loc[0, TEMPO])
    assert entries(result) == [(0, TEMPO, token, None, "null token")]


@pytest.mark.parametrize("blank", ["", " ", "\t", "\u00a0"])
def test_blank_cells_become_missing(base, blank):
    assert entries(clean(with_cell(base, blank))) == [(0, TEMPO, blank, None, "blank")]


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
def test_a_missing_cell_stays_missing_and_is_no_change(base, missing):
    result = clean(with_cell(base, missing))
    assert np.isnan(result.table.loc[0, TEMPO])
    assert result.report.empty


@pytest.mark.parametrize(
    "text", ["12o", "1,5", "0x10", "1_000", "True", True, "inf", "-Infinity", float("inf"), "1e999"]
)
def test_other_text_and_infinity_are_no_numbers(base, text):
    result = clean(with_cell(base, text))
    assert np.isnan(result.table.loc[0, TEMPO])
    assert entries(result) == [(0, TEMPO, str(text), None, "not a number")]


def test_padding_is_removed_and_upper_case_exponents_are_read(base):
    assert entries(clean(with_cell(base, " 120.5 "))) == [(0, TEMPO, " 120.5 ", "120.5", "padding")]
    result = clean(with_cell(base, " 1.205E2\t"))
    assert result.table.loc[0, TEMPO] == 120.5


@pytest.mark.parametrize(
    ("written", "emotion", "rule"),
    [
        (" SAD ", "sad", "label spelling"),
        ("Happy", "happy", "label spelling"),
        ("RELAXED", "relax", "label synonym"),
        ("kızgın", "angry", "label synonym"),
        ("KIZGIN", "angry", "label synonym"),
        ("Mutlu", "happy", "label synonym"),
        ("ÜZGÜN", "sad", "label synonym"),
        ("rahat", "relax", "label synonym"),
        ("Öfkeli", "angry", "label synonym"),
        ("tranquilo", "relax", "label synonym"),
    ],
)
def test_label_variants_are_read(base, written, emotion, rule):
    result = clean(with_cell(base, written, column=LABEL))
    assert result.table.loc[0, LABEL] == emotion
    assert entries(result) == [(0, LABEL, written, emotion, rule)]


@pytest.mark.parametrize(
    ("written", "rule"),
    [("", "no label"), ("  ", "no label"), ("unknown", "no label"), ("sadd", "unknown label"), (3, "unknown label")],
)
def test_rows_without_a_readable_label_are_set_aside(base, written, rule):
    result = clean(with_cell(base, written, row=7, column=LABEL))
    assert result.unlabelled.index.tolist() == [7]
    assert result.unlabelled.loc[7, LABEL] == written
    assert 7 not in result.table.index
    assert len(result.table) == len(base) - 1
    assert entries(result) == [(7, LABEL, str(written), None, rule)]


def test_a_missing_label_is_set_aside_and_reported(base):
    result = clean(with_cell(base, np.nan, row=7, column=LABEL))
    assert result.unlabelled.index.tolist() == [7]
    assert entries(result) == [(7, LABEL, None, None, "no label")]


def test_values_of_unlabelled_rows_are_cleaned_too(base):
    frame = with_cell(with_cell(base, "", row=7, column=LABEL), "9999", row=7)
    result = clean(frame)
    assert np.isnan(result.unlabelled.loc[7, TEMPO])
    assert (7, TEMPO, "9999", None, "impossible value") in entries(result)


def test_other_columns_stay_as_they_are(base):
    result = clean(base.assign(mixed_type_col="bad", **{"and another": 1}))
    assert tuple(result.table.columns) == (LABEL, *COLUMNS)
    assert tuple(result.frame.columns) == (LABEL, *COLUMNS, "mixed_type_col", "and another")
    assert set(result.frame["mixed_type_col"]) == {"bad"}
    assert result.report.empty


def test_rows_of_this_program_are_no_outliers_and_have_any_number_of_decimals(base):
    strange = with_cell(with_cell(base, "9.9", column="_MFCC_Mean_9"), "100.00000001")
    assert {rule for *_, rule in entries(clean(strange))} == {"outlier", "more than three decimals"}
    measured = clean(strange.assign(extractor="tme-mir 1.0.0"))
    assert measured.report.empty
    assert measured.frame.loc[0, "_MFCC_Mean_9"] == 9.9
    impossible = clean(with_cell(base, "-3").assign(extractor="tme-mir 1.0.0"))
    assert entries(impossible) == [(0, TEMPO, "-3", None, "impossible value")]


@pytest.mark.parametrize("rule", CHOICES)
def test_a_rule_that_is_switched_off_changes_nothing(base, published, rule):
    frame = every_mistake(base, published)
    rules = set(clean(frame, without=[rule]).report["rule"])
    assert rule in set(clean(frame).report["rule"])
    assert rule not in rules


def test_a_table_without_emotions_is_cleaned_with_its_own_words_and_names(base):
    frame = with_cell(base, "error").assign(Class=["hicaz", "rast"] * (len(base) // 2), file="a.wav")
    result = clean(frame, labels_needed=False)
    assert len(result.frame) == len(base)
    assert set(result.frame[LABEL]) == {"hicaz", "rast"}
    assert np.isnan(result.frame.loc[0, TEMPO])
    assert result.table.empty
    assert set(result.changes["rule"]) == {"null token"}
    again = clean(result.frame, labels_needed=False)
    assert again.changes.empty
    pd.testing.assert_frame_equal(again.frame, result.frame)
    plain = clean(frame.drop(columns=LABEL), labels_needed=False)
    assert LABEL not in plain.frame
    assert np.isnan(plain.frame.loc[0, TEMPO])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (TEMPO, "39.8"),
        (TEMPO, "1300.43"),
        ("_RMSenergy_Mean", "-0.01"),
        ("_Chromagram_Mean_3", "1.01"),
        ("_Spectralkurtosis_Mean", "0.9"),
    ],
)
def test_impossible_values_are_removed(base, column, value):
    assert entries(clean(with_cell(base, value, column=column))) == [(0, column, value, None, "impossible value")]


def test_the_ends_of_a_range_are_possible(base):
    frame = with_cell(with_cell(base, "0.0", column="_Pulseclarity_Mean"), "1.0", column="_Lowenergy_Mean")
    assert clean(frame).report.empty


def test_a_longer_number_in_a_table_of_three_decimals_was_altered(base):
    result = clean(with_cell(base, "118.10599999999998"))
    assert entries(result) == [(0, TEMPO, "118.10599999999998", None, "more than three decimals")]


def test_longer_numbers_are_fine_where_they_are_usual():
    exact = stand_in.sample()
    exact[list(COLUMNS)] *= 0.99991
    exact["_Tempo_Mean"] = exact["_Tempo_Mean"].clip(lower=40)
    assert "more than three decimals" not in set(clean(exact).report["rule"])
    mixed = pd.concat([stand_in.sample(), exact.iloc[[0, 150]]], ignore_index=True)
    assert "more than three decimals" not in set(clean(mixed).report["rule"])
    column = stand_in.sample()
    column["_Roughness_Mean"] += 0.0001
    assert "more than three decimals" not in set(clean(column).report["rule"])


def test_outliers_are_judged_on_a_logarithmic_scale_where_there_is_no_upper_limit(base):
    values = base[list(COLUMNS)].astype(float)
    median = values["_Roughness_Mean"].median()
    assert clean(with_cell(base, f"{20 * median:.3f}", column="_Roughness_Mean")).report.empty
    assert entries(clean(with_cell(base, "0.001", column="_Roughness_Mean")))[0][4] == "outlier"
    assert entries(clean(with_cell(base, "9.9", column="_MFCC_Mean_9"))) == [
        (0, "_MFCC_Mean_9", "9.9", None, "outlier")
    ]


def test_a_negative_attack_time_is_rare_and_no_outlier(base):
    assert clean(with_cell(base, "-0.02", column="_AttackTime_Mean")).report.empty
    assert clean(with_cell(base, "0.0", column="_AttackTime_Mean")).report.empty
    assert entries(clean(with_cell(base, "868.03", column="_AttackTime_Mean")))[0][4] == "outlier"


def test_robust_z_of_a_known_column():
    values = np.full((21, 50), np.nan)
    tempo, chroma, few = COLUMNS.index(TEMPO), COLUMNS.index("_Chromagram_Mean_1"), COLUMNS.index("_MFCC_Mean_1")
    values[:, tempo] = np.arange(100, 121)  # median 110, MAD 5
    values[:, chroma] = [*np.linspace(0, 0.01, 20), 1]
    values[:19, few] = [*np.linspace(0, 1, 18), 50]
    z = robust_z(values)
    assert z[20, tempo] == pytest.approx(10 / (5 * 1.4826))
    assert np.isnan(z[:, [chroma, few]]).all()  # confined to [0, 1]; fewer than 20 values
    assert robust_z(values, reference=np.arange(21) < 20)[20, tempo] == pytest.approx(10.5 / (5 * 1.4826))


def test_exact_copies_keep_the_first_row(base):
    frame = pd.concat([base, base.loc[[3]]], ignore_index=True)
    result = clean(frame)
    assert entries(result) == [(len(base), "", "copy of row 3", None, "exact copy")]
    assert len(result.table) == len(base)


def test_copies_with_other_labels_stay(base):
    other = base.loc[[3]].assign(Class="angry" if base.loc[3, LABEL] != "angry" else "sad")
    assert len(clean(pd.concat([base, other], ignore_index=True)).table) == len(base) + 1


def test_a_near_copy_fills_gaps_and_a_contradiction_leaves_none(base):
    frame = pd.concat([base, base.loc[[3]]], ignore_index=True).astype(object)
    last = len(base)
    known = float(base.loc[3, "_Brightness_Mean"])
    frame.loc[3, "_Brightness_Mean"] = "error"
    frame.loc[last, "_Lowenergy_Mean"] = ""
    frame.loc[3, "_Rolloff_Mean"], frame.loc[last, "_Rolloff_Mean"] = "2000.0", "3000.0"
    result = clean(frame)
    assert result.table.loc[3, "_Brightness_Mean"] == known
    assert result.table.loc[3, "_Lowenergy_Mean"] == float(base.loc[3, "_Lowenergy_Mean"])
    assert np.isnan(result.table.loc[3, "_Rolloff_Mean"])
    assert set(entries(result)) == {
        (3, "_Brightness_Mean", "error", None, "null token"),
        (last, "_Lowenergy_Mean", "", None, "blank"),
        (last, "", "copy of row 3", None, "near copy"),
        (3, "_Brightness_Mean", None, str(known), "taken from a copy"),
        (3, "_Rolloff_Mean", "2000.0", None, "copies disagree"),
    }


def test_copies_can_stay(base):
    frame = pd.concat([base, base.loc[[3]]], ignore_index=True)
    result = clean(frame, without=COPIES)
    assert len(result.table) == len(frame)
    assert result.report.empty


def test_row_numbers_are_those_of_the_messy_table(base):
    moved = with_cell(base, "error", row=5).set_axis(range(1000, 1000 + len(base)), axis=0)
    assert entries(clean(moved))[0][0] == 1000 + list(base.index).index(5)
    named = moved.set_axis([f"clip {i}" for i in range(len(base))], axis=0)
    assert entries(clean(named))[0][0] == list(base.index).index(5)


def test_the_input_is_left_alone(base):
    frame = with_cell(base, " error ").assign(extra=1)
    before = frame.copy(deep=True)
    clean(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_what_cannot_be_cleaned_is_refused(base):
    with pytest.raises(TableError, match="lacks the column _Tempo_Mean and 1 more"):
        clean(base.drop(columns=[TEMPO, "_Rolloff_Mean"]))
    with pytest.raises(TableError, match="No row of the table has a readable label"):
        clean(base.drop(columns=LABEL))
    with pytest.raises(TableError, match="_Tempo_Mean twice"):
        clean(pd.concat([base, base[[TEMPO]]], axis=1))
    with pytest.raises(TableError, match="No row of the table has a readable label"):
        clean(base.assign(Class="blue"))
    with pytest.raises(TableError, match="No row of the table has a readable label"):
        clean(base.iloc[:0])


def test_validate_names_the_column_and_the_value(base):
    table = clean(base).table
    for frame, message in (
        (table.assign(**{TEMPO: 999.0}), r"_Tempo_Mean.*999"),
        (table.assign(Class="blue"), "Class.*blue"),
        (table.assign(extra=1.0), "extra"),
        (table.astype({TEMPO: str}), TEMPO),
    ):
        with pytest.raises(TableError, match=message):
            validate(frame)


def every_mistake(base, published) -> pd.DataFrame:
    """A table that every rule changes."""
    known = published.iloc[:3].assign(Class="2")  # rows that say what the code means
    frame = pd.concat([base, base.loc[[3, 4]], known], ignore_index=True).astype(object)
    last = len(base)
    cells = {
        (0, LABEL): " SAD ",
        (1, LABEL): "mutlu",
        (2, LABEL): "",
        (5, LABEL): "blue",
        (6, TEMPO): " 100.0 ",
        (7, TEMPO): "",
        (8, TEMPO): "error",
        (9, TEMPO): "x",
        (10, TEMPO): "-3",
        (11, TEMPO): "100.00000001",
        (12, "_MFCC_Mean_9"): "9.9",
        (last, "_Lowenergy_Mean"): "0.5",
        (3, "_Brightness_Mean"): "",
    }
    for (row, column), value in cells.items():
        frame.loc[row, column] = value
    return frame


def test_every_rule_is_explained_and_every_explained_rule_occurs(base, published):
    assert set(clean(every_mistake(base, published)).report["rule"]) == set(RULES)


SMALL = stand_in.sample(n_per_class=15).astype(object)
MESS = st.sampled_from(
    ["", " ", "error", "N/A", "x", "inf", " 0.5 ", "0.50000001", "-1", "0", "1", "7.3", "9999", "1e9", None, "0.123"]
)


@settings(max_examples=20, deadline=None)
@given(
    cells=st.lists(st.tuples(st.integers(0, 59), st.integers(0, 49), MESS), max_size=60),
    labels=st.lists(st.tuples(st.integers(0, 59), st.sampled_from(["", "SAD", "mutlu", "blue", None])), max_size=5),
    again=st.lists(st.integers(0, 59), max_size=5),
)
def test_cleaning_twice_is_cleaning_once(cells, labels, again):
    frame = pd.concat([SMALL, SMALL.iloc[again]], ignore_index=True)
    for row, column, value in cells:
        frame.iloc[row, column + 1] = value
    for row, value in labels:
        frame.iloc[row, 0] = value
    once = clean(frame)
    twice = clean(once.table)
    pd.testing.assert_frame_equal(twice.table, once.table)
    assert twice.report.empty
    whole = clean(once.frame)
    pd.testing.assert_frame_equal(whole.frame, once.frame)
    assert whole.changes.empty
    validate(once.table)
    removed = once.report[once.report["column"] == ""]
    assert len(once.table) + len(once.unlabelled) + len(removed) == len(frame)


@pytest.fixture(scope="module")
def modified(modified_csv) -> pd.DataFrame:
    return pd.read_csv(modified_csv, dtype=str, keep_default_na=False)


def compare(result, published: pd.DataFrame) -> tuple[int, int, int]:
    """Cells that are silently wrong, cells that are unknown, and cells in all, labelled or not, copies left out."""
    rows = pd.concat([result.table, result.unlabelled])[list(COLUMNS)]
    rows = rows[rows.index < 400]
    truth = published.loc[rows.index, list(COLUMNS)].to_numpy()
    unknown = rows.isna().to_numpy()
    return int(((rows.to_numpy() != truth) & ~unknown).sum()), int(unknown.sum()), rows.size


def test_what_is_reached_on_the_modified_table(modified, published):
    stripped = parse(modified.iloc[:400]).numbers
    truth = published[list(COLUMNS)].to_numpy()
    assert ((stripped != truth) & ~np.isnan(stripped)).sum() == 195  # what stripping and reading alone leave wrong

    wrong, unknown, cells = compare(clean(modified, without=COPIES), published)
    assert (wrong, unknown, cells) == (11, 489, 20_000)
    assert 1 - (wrong + unknown) / cells >= 0.975

    wrong, unknown, cells = compare(clean(modified), published)
    assert (wrong, unknown, cells) == (10, 448, 19_400)
    assert 1 - (wrong + unknown) / cells > 0.976


def test_labels_and_copies_of_the_modified_table(modified, published):
    result = clean(modified)
    assert result.unlabelled.index.tolist() == [311, 314, 318, 366, 370]
    assert (result.table[LABEL] == published.loc[result.table.index, LABEL]).all()
    removed = result.report[result.report["column"] == ""]
    assert set(range(400, 408)) < set(removed["row"])
    assert len(removed) == 20  # the eight, and the twelve exact pairs of the published table
    assert len(result.table) == 383
    counts = result.report["rule"].value_counts()
    assert counts["label spelling"] == 13
    assert counts["no label"] == 5
    assert clean(result.table).report.empty
    assert clean(result.frame).changes.empty


def test_what_the_outlier_rule_costs_on_the_published_table(published):
    report = clean(published, without=COPIES).report
    assert set(report["rule"]) == {"outlier"}
    assert len(report) == 6  # of 20,000 good cells; IQR x 1.5 would take 442


def test_one_report_entry_says_how_to_get_from_old_to_new(modified):
    result = clean(modified)
    report = result.report[result.report["column"].isin(COLUMNS) & result.report["row"].notna()]
    taken = report["rule"] == "taken from a copy"
    for entry in report[~taken].itertuples():
        assert modified.loc[entry.row, entry.column] == entry.old
    for entry in report[taken].itertuples():
        assert result.table.loc[entry.row, entry.column] == float(entry.new)
    assert report.loc[taken, "old"].isna().all()


def test_large_tables_are_cleaned():
    frame = stand_in.sample(n_per_class=2_000).astype(str)
    frame = pd.concat([frame, frame.iloc[:2_000]], ignore_index=True)
    frame.loc[::7, TEMPO] = " error "
    result = clean(frame)
    assert len(result.table) == 8_000
    counts = result.report["rule"].value_counts()
    assert counts["exact copy"] + counts["near copy"] == 2_000


def test_words_for_nothing_are_known_without_case():
    assert all(word == fold(word) for word in NULL_TOKENS)
