"""From any messy table to a clean one, with a report of every change.

Nothing is guessed: a cell that cannot be believed becomes NaN, a row without a readable label is set aside. Filling
gaps and scaling are learned from data, so they belong to the model's pipeline and not here.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.dataset.near_duplicates import cell_copies
from core.dataset.number_format import refuse_lost_points
from core.dataset.parsing import BLANK, NOT_NUMBER, PADDED, TOKEN, Parsed, parse
from core.dataset.published_rows import without_tails
from core.errors import TableError
from core.schema import COLUMNS, EMOTIONS, FEATURES, LABEL

# What each rule of the report means, in the order in which the rules are applied.
RULES = {
    "extra column": "The column is none of the 51 of the table and is left out.",
    "label spelling": "The label differs from an emotion only in case or in surrounding spaces.",
    "label synonym": "The label is a Turkish, English or Spanish word for an emotion.",
    "label code": "The label is a code, and rows of the published table in this file show which emotion it means.",
    "no label": "The cell of the label is empty or a word for nothing: the row is set aside.",
    "unknown label": "The label is none of the four emotions: the row is set aside.",
    "padding": "Spaces around a number are removed.",
    "blank": "The cell holds spaces or nothing.",
    "null token": "The cell holds a word for a missing value, such as error, N/A or ?.",
    "not a number": "The cell holds other text, or an infinite number.",
    "impossible value": "The feature cannot have this value by its definition.",
    "more than three decimals": "The table has three decimals; a longer number in such a row and column was altered.",
    "outlier": "The value is more than six robust standard deviations from the median of the column.",
    "exact copy": "An earlier row has the same label and the same 50 cells: the later row is removed.",
    "near copy": "An earlier row has the same label and 90 % of the known values: the later row is removed.",
    "taken from a copy": "The row that stays lacks the value, and the removed copy of the row has it.",
    "copies disagree": "The row that stays and its removed copy differ: one is wrong, and nothing says which.",
}
CODED_SHARE = 0.05  # of rows; below that, a number in the column of labels is a slip in a row
_CODE = r"[+-]?\d{1,3}(?:[.,]0+)?|[A-Za-z]\d?|[A-Za-z]+[ _-]?\d{1,2}"  # 3, 3.0, A, E2, class_1
TOLERANCE = 1e-4  # rounding of a value at the end of its range
# Most numbers of a row and of a column have three decimals when at most that share has more.
TAIL_SHARE = 0.2
ROBUST_Z = 6.0  # IQR x 1.5, the usual rule, would remove 2 % of good cells
ENOUGH = 20  # known values below which a column has no outliers
_MAD_TO_SD = 1.4826  # of a normal distribution
_LOW = np.array([f.low for f in FEATURES])
_HIGH = np.array([f.high for f in FEATURES])
_NAMES = np.array(COLUMNS, dtype=object)
_PARSE_RULES = {PADDED: "padding", BLANK: "blank", TOKEN: "null token", NOT_NUMBER: "not a number"}


@dataclass(frozen=True, eq=False)
class CleanResult:
    """What came out of `clean`.

    table : columns Class and the 50 features (float64, NaN = unknown); index = row number in the messy table.
    unlabelled : the same columns for rows without a readable label; Class holds the cell as it was written.
    report : a row a change: row (nullable integer, missing = the whole column), column ("" = the whole row), old and
        new as text (missing = no value), rule (a key of `RULES`).
    """

    table: pd.DataFrame
    unlabelled: pd.DataFrame
    report: pd.DataFrame


def clean(messy: pd.DataFrame, *, remove_copies: bool = True, name: str = "the table") -> CleanResult:
    """Clean a table of any types by the rules of `RULES`; the input is left as it is.

    name : what to call the table in an error. Cleaning the result again changes nothing: the rules that look at the
    whole table are repeated until none finds anything.
    Raises TableError when a column is missing, no row has a label, the labels are codes that nothing explains, or the
    decimal points are lost.
    """
    parsed = parse(messy)
    refuse_lost_points(parsed.numbers, name=name)
    refuse_codes(parsed, name=name)
    labelled = parsed.labels != ""
    if not labelled.any():
        raise TableError(f"No row of {name} has a label that is one of {', '.join(EMOTIONS)}.")
    changes = [_parse_changes(parsed)]
    values, kept = without_tails(parsed.numbers), labelled.copy()
    while True:
        found = [
            _blank(values, impossible(values), parsed, "impossible value"),
            _blank(values, tails(values, kept), parsed, "more than three decimals"),
            _blank(values, np.abs(robust_z(values, reference=kept)) > ROBUST_Z, parsed, "outlier"),
        ]
        if remove_copies:
            found += _merge_copies(values, parsed, kept)
        changes += found
        if not any(len(f) for f in found):
            break
    report = pd.concat([c for c in changes if len(c)] or changes[:1], ignore_index=True)
    frame = pd.DataFrame(values, index=pd.Index(parsed.rows, name="row"), columns=list(COLUMNS))
    table = frame[kept].copy()
    table.insert(0, LABEL, pd.Series(parsed.labels[kept], index=table.index, dtype="str"))
    unlabelled = frame[~labelled].copy()
    unlabelled.insert(0, LABEL, parsed.text[LABEL].to_numpy()[~labelled])
    return CleanResult(table, unlabelled, report)


def refuse_codes(parsed: Parsed, *, name: str = "the table") -> None:
    """Raise TableError when labels are codes such as 0 to 3, and nothing says which emotions they mean."""
    unread = parsed.text[LABEL][parsed.label_rules == "unknown label"].astype(str).str.strip()
    codes = unread[unread.str.fullmatch(_CODE)]
    if len(codes) > CODED_SHARE * len(parsed.rows):
        shown = ", ".join(sorted(codes.unique())[:6])
        raise TableError(
            f"The labels of {name} are codes ({shown}), and nothing in it shows which emotion each code means. Write "
            f"{', '.join(EMOTIONS[:-1])} or {EMOTIONS[-1]} in the column {LABEL}."
        )


def robust_z(values: np.ndarray, *, reference: np.ndarray | None = None) -> np.ndarray:
    """Distance of each value from its column's median in robust standard deviations (MAD x 1.4826), signed.

    values : shape (n, 50).  reference : shape (n,), bool, rows that median and MAD are taken from (default all).
    Features without an upper limit are judged on a logarithmic scale: log, or arsinh where there is no lower limit
    either. NaN where the value is unknown, the feature is confined to [0, 1] (its range says all), the value is not
    positive though the scale is a log and the feature may be negative, or the column has fewer than 20 known values or
    no spread.
    """
    judged = values.copy()
    logarithmic = np.isfinite(_LOW) & np.isinf(_HIGH)
    judged[:, logarithmic] = np.log(np.maximum(values[:, logarithmic], 0.0005))  # half of the third decimal
    judged[(values <= 0) & logarithmic & (_LOW < 0)] = np.nan
    judged[:, np.isinf(_LOW)] = np.arcsinh(values[:, np.isinf(_LOW)])
    known = pd.DataFrame(judged if reference is None else judged[reference])
    median = known.median().to_numpy()
    spread = (known - median).abs().median().to_numpy() * _MAD_TO_SD
    spread[(known.count().to_numpy() < ENOUGH) | (spread == 0) | ((_LOW == 0) & (_HIGH == 1))] = np.nan
    return (judged - median) / spread


def validate(table: pd.DataFrame) -> None:
    """Check a clean table against the schema: columns and their order, types, labels, ranges.

    Raises TableError that names the first column and value that fail.
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
            f"The table is not clean: {first['column']}, {first['check']}, found {first['failure_case']!r}."
        ) from error


def impossible(values: np.ndarray) -> np.ndarray:
    """Cells outside what the feature can be by its definition."""
    return (values < _LOW - TOLERANCE) | (values > _HIGH + TOLERANCE)


def tails(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Cells with more than three decimals, in rows and columns where few have.

    A sum or a product leaves ``28.105999999999998`` where the table has ``28.106``: as floats they differ.
    """
    long = (values != np.round(values, 3)) & ~np.isnan(values)
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        of_row = long.sum(axis=1) / known.sum(axis=1)
        of_column = long[reference].sum(axis=0) / known[reference].sum(axis=0)
    return long & (of_row <= TAIL_SHARE)[:, None] & (of_column <= TAIL_SHARE)


def _blank(values: np.ndarray, bad: np.ndarray, parsed: Parsed, rule: str) -> pd.DataFrame:
    """Set cells to NaN in place and report them."""
    at, place = np.nonzero(bad)
    values[at, place] = np.nan
    return _cell_changes(parsed, at, place, rule)


def _cell_changes(parsed: Parsed, at: np.ndarray, place: np.ndarray, rule: str) -> pd.DataFrame:
    """Report entries for cells that became NaN; the old value is the cell as it was written."""
    old = np.empty(len(at), dtype=object)
    for column in np.unique(place):
        here = place == column
        old[here] = parsed.text[COLUMNS[column]].iloc[at[here]].astype(str).to_numpy()
    return _changes(parsed.rows[at], _NAMES[place], old=old, new=None, rule=rule)


def _merge_copies(values: np.ndarray, parsed: Parsed, kept: np.ndarray) -> list[pd.DataFrame]:
    """Drop later copies from `kept` and settle the cells of the row that stays, both in place; report all.

    The values of a copy are those of the same recording: taking one over is no guess, and where they differ neither
    can be believed.
    """
    rows = np.flatnonzero(kept)
    pairs = cell_copies(values[rows], parsed.labels[rows])
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
    low, high = by_owner.min().to_numpy(), by_owner.max().to_numpy()  # NaN only where no copy knows the value
    unknown = np.isnan(values[stay])
    at, place = np.nonzero(unknown & (low == high))
    values[stay[at], place] = low[at, place]
    new = pd.Series(low[at, place]).astype(str).to_numpy()
    changes.append(_changes(parsed.rows[stay[at]], _NAMES[place], old=None, new=new, rule="taken from a copy"))
    at, place = np.nonzero(~unknown & (low != high))
    values[stay[at], place] = np.nan
    changes.append(_cell_changes(parsed, stay[at], place, "copies disagree"))
    values[second] = np.nan  # nothing more is said about a row that is gone
    return changes


def _parse_changes(parsed: Parsed) -> pd.DataFrame:
    """Report entries of what reading alone changed."""
    found = [
        _changes(
            np.full(len(parsed.extra), None),
            np.array(parsed.extra, dtype=object),
            old=None,
            new=None,
            rule="extra column",
        )
    ]
    other = np.flatnonzero(parsed.label_rules != "")
    old = parsed.text[LABEL].iloc[other].astype(object).to_numpy()
    new = [label or None for label in parsed.labels[other]]
    found.append(_changes(parsed.rows[other], LABEL, old=old, new=new, rule=parsed.label_rules[other]))
    for kind, rule in _PARSE_RULES.items():
        at, place = np.nonzero(parsed.kinds == kind)
        entries = _cell_changes(parsed, at, place, rule)
        if kind == PADDED:
            entries["new"] = entries["old"].str.strip()
        found.append(entries)
    return pd.concat(found, ignore_index=True)


def _changes(rows: np.ndarray, column: object, *, old: object, new: object, rule: object) -> pd.DataFrame:
    """Report entries, one a row; a single column, value or rule stands for all, and None for no value."""
    text = {"column": column, "old": old, "new": new, "rule": rule}
    entries = pd.DataFrame({name: pd.Series(v, index=range(len(rows)), dtype="str") for name, v in text.items()})
    entries.insert(0, "row", pd.array(rows.tolist(), dtype="Int64"))
    return entries
