"""Clean a table and report every change.

No value is guessed: an implausible cell becomes NaN, and a row without a readable label is separated from the table.
Imputation and scaling are learned from data, so they are part of the model pipeline and not of this module.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.dataset.near_duplicates import cell_copies
from core.dataset.number_format import refuse_lost_points
from core.dataset.parsing import BLANK, NOT_NUMBER, PADDED, TOKEN, Parsed, parse
from core.dataset.published_rows import without_tails
from core.errors import TableError
from core.schema import COLUMNS, EMOTIONS, FEATURES, LABEL

# Explanation of each rule of the report, in the order in which the rules are applied.
RULES = {
    "label spelling": "The label differs from an emotion only in case or in surrounding spaces.",
    "label synonym": "The label is a Turkish, English or Spanish word for an emotion.",
    "label code": "The label is a code. The file shows which emotion it means, by published rows or a legend.",
    "no label": "The label is empty or a word such as none. A training leaves the row out.",
    "unknown label": "The label is not one of the four emotions. A training leaves the row out.",
    "padding": "Spaces around a number are removed.",
    "blank": "The cell is empty or contains only spaces.",
    "null token": "The cell contains a word for a missing value, such as error, N/A or ?.",
    "not a number": "The cell contains other text, or an infinite number.",
    "impossible value": "The value is outside the possible range of the feature.",
    "more than three decimals": "The table has three decimals. A value with more decimals was changed by someone.",
    "outlier": "The value is more than six robust standard deviations from the median of the column.",
    "exact copy": "An earlier row has the same label and the same 50 cells. The later row is removed.",
    "near copy": "An earlier row has the same label and 90 % of the known values. The later row is removed.",
    "taken from a copy": "The value was missing in this row and is filled from the removed copy of the row.",
    "copies disagree": "This row and its removed copy have different values. It is unknown which value is right.",
}
# Rules that can be switched off. The other rules only read a cell: a word for a missing value can never be a number.
CHOICES = (
    *("label spelling", "label synonym", "label code", "impossible value", "more than three decimals", "outlier"),
    *("exact copy", "near copy", "taken from a copy", "copies disagree"),
)
COPIES = ("exact copy", "near copy")  # rules that remove rows
SET_ASIDE = ("no label", "unknown label")  # the row stays in the table; only the training leaves it out
CODED_SHARE = 0.05  # share of rows; a lower share of numbers in the label column counts as typing errors
_CODE = r"[+-]?\d{1,3}(?:[.,]0+)?|[A-Za-z]\d?|[A-Za-z]+[ _-]?\d{1,2}"  # 3, 3.0, A, E2, class_1
TOLERANCE = 1e-4  # allows for rounding at the ends of a range
TAIL_SHARE = 0.2  # a row or column has three decimals if at most this share of its values has more
ROBUST_Z = 6.0  # the usual rule, IQR x 1.5, would remove 2 % of the correct cells
ENOUGH = 20  # known values that a column needs before outliers are searched
_MAD_TO_SD = 1.4826  # standard deviation / MAD of a normal distribution
_LOW = np.array([f.low for f in FEATURES])
_HIGH = np.array([f.high for f in FEATURES])
_NAMES = np.array(COLUMNS, dtype=object)
_PARSE_RULES = {PADDED: "padding", BLANK: "blank", TOKEN: "null token", NOT_NUMBER: "not a number"}


@dataclass(frozen=True, eq=False)
class CleanResult:
    """Result of `clean`.

    Parameters
    ----------
    frame
        All rows that are not removed, with or without a label, and all columns of the messy table in its order. The
        features are numbers; a label without a meaning, and every other column, such as a file name, stay as they are.
    table
        Columns Class and the 50 features (float64, NaN = unknown); index = row number in the messy table.
    unlabelled
        The same columns for rows without a readable label; Class contains the original text.
    report
        One row per change: row (nullable integer), column ("" = the whole row), old and
        new as text (missing = no value), rule (a key of `RULES`).
    """

    frame: pd.DataFrame
    table: pd.DataFrame
    unlabelled: pd.DataFrame
    report: pd.DataFrame

    @property
    def changes(self) -> pd.DataFrame:
        """Entries of the report that change `frame`; a second run of `clean` finds none."""
        return self.report[~self.report["rule"].isin(SET_ASIDE)]


def clean(
    messy: pd.DataFrame, *, without: Collection[str] = (), labels_needed: bool = True, name: str = "the table"
) -> CleanResult:
    """Clean a table with the rules in `RULES`; the input does not change.

    Cleaning is idempotent: the rules that use the whole table are repeated until none of them finds anything. Rows that
    this program measured are no outliers and have any number of decimals: their values were computed, not typed.

    Parameters
    ----------
    messy
        A table whose columns may have any type.
    without
        Rules of `CHOICES` that are switched off.
    labels_needed
        Whether a table without a readable label is an error.
    name
        Name of the table in error messages.

    Raises
    ------
    TableError
        If a feature is missing, no row has a label, the labels are unexplained codes, or the decimal points are lost.
    """
    parsed = _unread_labels(parse(messy), without)
    refuse_lost_points(parsed.numbers, name=name)
    labelled = parsed.labels != ""
    if labels_needed:
        refuse_codes(parsed, name=name)
    if labels_needed and not labelled.any():
        raise TableError(
            f"No row of {name} has a readable label. Write one of {', '.join(EMOTIONS)} in the column {LABEL}."
        )
    changes = [_parse_changes(parsed)]
    values = parsed.numbers.copy()
    if "more than three decimals" not in without:
        values = without_tails(values)
    kept = np.ones(len(values), dtype=bool)
    # Rows without a label do not decide what is usual, unless no row has one.
    reference = labelled if labelled.any() else kept
    typed = ~parsed.own[:, None]
    while True:
        searches: dict[str, Callable[[np.ndarray], np.ndarray]] = {
            "impossible value": impossible,
            "more than three decimals": lambda v: typed & tails(v, reference & kept),
            "outlier": lambda v: typed & (np.abs(robust_z(v, reference=reference & kept)) > ROBUST_Z),
        }
        new_changes = [
            _blank(values, search(values), parsed, rule) for rule, search in searches.items() if rule not in without
        ]
        new_changes += _merge_copies(values, parsed, kept & reference, kept, without)
        changes += new_changes
        if not any(len(c) for c in new_changes):
            break
    report = pd.concat([c for c in changes if len(c)] or changes[:1], ignore_index=True)
    frame = pd.DataFrame(values, index=pd.Index(parsed.rows, name="row"), columns=list(COLUMNS))
    table = frame[kept & labelled].copy()
    table.insert(0, LABEL, pd.Series(parsed.labels[kept & labelled], index=table.index, dtype="str"))
    unlabelled = frame[kept & ~labelled].copy()
    unlabelled.insert(0, LABEL, parsed.text[LABEL].to_numpy()[kept & ~labelled])
    return CleanResult(_with_other_columns(messy, frame, parsed)[kept], table, unlabelled, report)


def _unread_labels(parsed: Parsed, without: Collection[str]) -> Parsed:
    """Take back the readings of labels by rules that are switched off."""
    off = np.isin(parsed.label_rules, list(without))
    if not off.any():
        return parsed
    labels, rules = parsed.labels.copy(), parsed.label_rules.copy()
    labels[off], rules[off] = "", "unknown label"
    return replace(parsed, labels=labels, label_rules=rules)


def _with_other_columns(messy: pd.DataFrame, numbers: pd.DataFrame, parsed: Parsed) -> pd.DataFrame:
    """Return the messy table with its features as numbers and its labels as they were read."""
    whole = messy.set_axis(numbers.index, axis=0).assign(**{c: numbers[c] for c in COLUMNS})
    if LABEL in messy.columns:
        written = whole[LABEL].astype(object)
        whole[LABEL] = written.where(parsed.labels == "", parsed.labels)
    return whole


def refuse_codes(parsed: Parsed, *, name: str = "the table") -> None:
    """Raise TableError if the labels are codes, such as 0 to 3, whose meaning is unknown."""
    unread = parsed.text[LABEL][parsed.label_rules == "unknown label"].astype(str).str.strip()
    codes = unread[unread.str.fullmatch(_CODE)]
    if len(codes) > CODED_SHARE * len(parsed.rows):
        shown = ", ".join(sorted(codes.unique())[:6])
        raise TableError(
            f"The labels of {name} are codes ({shown}), and the table does not show which emotion each code means. "
            f"Write {', '.join(EMOTIONS[:-1])} or {EMOTIONS[-1]} in the column {LABEL}."
        )


def robust_z(values: np.ndarray, *, reference: np.ndarray | None = None) -> np.ndarray:
    """Signed robust z-score of each value: distance from the column's median in units of MAD x 1.4826.

    Features without an upper limit are transformed first: log, or arsinh if there is no lower limit either. The
    result is NaN for unknown values; for features limited to [0, 1]; for values <= 0 on a log scale, if the feature
    can be negative; and for columns with fewer than 20 known values or no spread.

    Parameters
    ----------
    values
        Shape (n, 50).
    reference
        Shape (n,), bool. The rows from which median and MAD are computed; by default all rows.

    Returns
    -------
    np.ndarray
        Shape (n, 50).
    """
    scaled = values.copy()
    logarithmic = np.isfinite(_LOW) & np.isinf(_HIGH)
    scaled[:, logarithmic] = np.log(np.maximum(values[:, logarithmic], 0.0005))  # half of the third decimal
    scaled[(values <= 0) & logarithmic & (_LOW < 0)] = np.nan
    scaled[:, np.isinf(_LOW)] = np.arcsinh(values[:, np.isinf(_LOW)])
    known = pd.DataFrame(scaled if reference is None else scaled[reference])
    median = known.median().to_numpy()
    spread = (known - median).abs().median().to_numpy() * _MAD_TO_SD
    spread[(known.count().to_numpy() < ENOUGH) | (spread == 0) | ((_LOW == 0) & (_HIGH == 1))] = np.nan
    return (scaled - median) / spread


def validate(table: pd.DataFrame) -> None:
    """Check a clean table against the schema: columns and their order, types, labels, ranges.

    Raises
    ------
    TableError
        If a check fails; the message names the first wrong column and value.
    """
    import pandera.pandas as pa

    limits = {
        f.column: pa.Column(float, pa.Check.in_range(f.low - TOLERANCE, f.high + TOLERANCE), nullable=True)
        for f in FEATURES
    }
    schema = pa.DataFrameSchema({LABEL: pa.Column(str, pa.Check.isin(EMOTIONS)), **limits}, strict=True, ordered=True)
    try:
        schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        first = error.failure_cases.iloc[0]
        raise TableError(
            f"The table is not clean: {first['column']} contains {first['failure_case']!r} ({first['check']})."
        ) from error


def impossible(values: np.ndarray) -> np.ndarray:
    """Mark cells outside the possible range of their feature."""
    return (values < _LOW - TOLERANCE) | (values > _HIGH + TOLERANCE)


def tails(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Mark cells with more than three decimals in rows and columns where most values have three.

    A calculation in another program can turn ``28.106`` into ``28.105999999999998``, which is a different float.
    """
    long = (values != np.round(values, 3)) & ~np.isnan(values)
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        of_row = long.sum(axis=1) / known.sum(axis=1)
        of_column = long[reference].sum(axis=0) / known[reference].sum(axis=0)
    return long & (of_row <= TAIL_SHARE)[:, None] & (of_column <= TAIL_SHARE)


def _blank(values: np.ndarray, bad: np.ndarray, parsed: Parsed, rule: str) -> pd.DataFrame:
    """Set the bad cells to NaN in place and return their report entries."""
    if not bad.any():
        return _NO_CHANGES
    at, place = np.nonzero(bad)
    values[at, place] = np.nan
    return _cell_changes(parsed, at, place, rule)


def _cell_changes(parsed: Parsed, at: np.ndarray, place: np.ndarray, rule: str) -> pd.DataFrame:
    """Return report entries for cells that became NaN; the old value is the original text."""
    old = np.empty(len(at), dtype=object)
    for column in np.unique(place):
        here = place == column
        old[here] = parsed.text[COLUMNS[column]].iloc[at[here]].astype(str).to_numpy()
    return _changes(parsed.rows[at], _NAMES[place], old=old, new=None, rule=rule)


def _merge_copies(
    values: np.ndarray, parsed: Parsed, searched: np.ndarray, kept: np.ndarray, without: Collection[str]
) -> list[pd.DataFrame]:
    """Remove later copies from `kept` and merge their values into the first row, both in place; return the changes.

    A copy describes the same recording, so its values may fill gaps. Where two copies differ, the cell becomes NaN.
    """
    rows = np.flatnonzero(searched)
    pairs = cell_copies(values[rows], parsed.labels[rows])
    pairs = pairs[~np.where(pairs["exact"], "exact copy" in without, "near copy" in without)]
    if pairs.empty:
        return []
    first, second = rows[pairs["first"]], rows[pairs["second"]]
    kept[second] = False
    origin = np.array([f"copy of row {row}" for row in parsed.rows[first]], dtype=object)
    rules = np.where(pairs["exact"], "exact copy", "near copy")
    changes = [_changes(parsed.rows[second], "", old=origin, new=None, rule=rules)]

    stay = np.unique(first)
    owner = np.concatenate([stay, first])
    by_owner = pd.DataFrame(values[np.concatenate([stay, second])]).groupby(owner)
    low, high = by_owner.min().to_numpy(), by_owner.max().to_numpy()  # NaN only if the value is unknown in all copies
    unknown = np.isnan(values[stay])
    at, place = np.nonzero(unknown & (low == high) & ("taken from a copy" not in without))
    values[stay[at], place] = low[at, place]
    new = pd.Series(low[at, place]).astype(str).to_numpy()
    changes.append(_changes(parsed.rows[stay[at]], _NAMES[place], old=None, new=new, rule="taken from a copy"))
    at, place = np.nonzero(~unknown & (low != high) & ("copies disagree" not in without))
    values[stay[at], place] = np.nan
    changes.append(_cell_changes(parsed, stay[at], place, "copies disagree"))
    values[second] = np.nan  # removed rows get no further report entries
    return changes


def _parse_changes(parsed: Parsed) -> pd.DataFrame:
    """Return report entries for changes made by the parser."""
    changed = np.flatnonzero(parsed.label_rules != "")
    old = parsed.text[LABEL].iloc[changed].astype(object).to_numpy()
    new = [label or None for label in parsed.labels[changed]]
    changes = [_changes(parsed.rows[changed], LABEL, old=old, new=new, rule=parsed.label_rules[changed])]
    for kind, rule in _PARSE_RULES.items():
        at, place = np.nonzero(parsed.kinds == kind)
        if not len(at):
            continue
        entries = _cell_changes(parsed, at, place, rule)
        if kind == PADDED:
            entries["new"] = entries["old"].str.strip()
        changes.append(entries)
    return pd.concat(changes, ignore_index=True)


def _changes(rows: np.ndarray, column: object, *, old: object, new: object, rule: object) -> pd.DataFrame:
    """Build report entries, one per row. A single column, value or rule applies to all rows; None = no value."""
    text = {"column": column, "old": old, "new": new, "rule": rule}
    entries = pd.DataFrame({name: pd.Series(v, index=range(len(rows)), dtype="str") for name, v in text.items()})
    entries.insert(0, "row", pd.array(rows.tolist(), dtype="Int64"))
    return entries


_NO_CHANGES = _changes(np.empty(0, dtype=int), "", old=None, new=None, rule="")
