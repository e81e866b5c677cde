"""Parse a messy table cell by cell into numbers and emotions, and record why a cell could not be read."""

from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd

from core.dataset.cells import blocks
from core.dataset.label_codes import legend
from core.dataset.published_rows import code_meanings
from core.emotion_words import read_emotion
from core.errors import TableError
from core.schema import COLUMNS, EMOTIONS, LABEL, OWN_EXTRACTOR
from core.turkish import fold

# Words for a missing value, compared without regard to case.
NULL_TOKENS = frozenset(
    ("error", "invalid", "bad", "unknown", "missing", "null", "nil", "none", "nan", "na", "n/a", "n.a.", "?", "??")
    + ("-", "--", ".", "#n/a", "#na", "#value!", "#ref!", "#div/0!", "#num!")
)
EXTRACTOR_COLUMN = "extractor"  # names the program that measured a row
OK, MISSING, PADDED, BLANK, TOKEN, NOT_NUMBER = range(6)


@dataclass(frozen=True, eq=False)
class Parsed:
    """A parsed table, before its values are checked.

    Parameters
    ----------
    rows
        Shape (n,), row numbers.
    text
        Columns Class and the 50 features, with the original cells.
    numbers
        Shape (n, 50), NaN where a cell is not a finite number.
    kinds
        Shape (n, 50), `OK`, `MISSING`, `PADDED`, `BLANK`, `TOKEN` or `NOT_NUMBER`.
    labels
        Shape (n,), one of the emotions, or "" if there is none.
    label_rules
        Shape (n,), the rule that was applied to the label, or "" if the label was written correctly.
    extra
        Names of additional columns, which are not parsed.
    own
        Shape (n,), bool: rows that this program measured, by their column ``extractor``.
    """

    rows: np.ndarray
    text: pd.DataFrame
    numbers: np.ndarray
    kinds: np.ndarray
    labels: np.ndarray
    label_rules: np.ndarray
    extra: tuple[str, ...]
    own: np.ndarray


def parse(messy: pd.DataFrame) -> Parsed:
    """Parse each cell as a number or an emotion. Without the column Class, no row has a label.

    Raises TableError if a feature is missing, or if a column occurs twice.
    """
    missing = [c for c in COLUMNS if c not in messy.columns]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise TableError(
            f"The table lacks the column {missing[0]}{more}. It needs the 50 features. Add the missing columns."
        )
    twice = [c for c in messy.columns[messy.columns.duplicated()] if c in (LABEL, *COLUMNS)]
    if twice:
        raise TableError(f"The table has the column {twice[0]} twice. Remove or rename one of them.")
    if LABEL not in messy.columns:
        messy = messy.assign(**{LABEL: ""})
    countable = messy.index.is_unique and pd.api.types.is_integer_dtype(messy.index)
    rows = messy.index.to_numpy() if countable else np.arange(len(messy))
    text = messy[[LABEL, *COLUMNS]].set_axis(pd.Index(rows), axis=0)
    numbers = np.full((len(messy), len(COLUMNS)), np.nan)
    kinds = np.full(numbers.shape, OK, dtype=np.int8)
    typed = [c for c in COLUMNS if pd.api.types.is_numeric_dtype(text[c])]
    alike = [typed, [c for c in COLUMNS if c not in typed]]
    for names, cells in chain.from_iterable(blocks(text, columns) for columns in alike):
        places = [COLUMNS.index(name) for name in names]
        found, kind = _parse_cells(cells)
        numbers[:, places], kinds[:, places] = (part.reshape(len(names), len(text)).T for part in (found, kind))
    labels, label_rules = _parse_labels(text[LABEL])
    _read_codes(messy, numbers, labels, label_rules)
    extra = tuple(str(c) for c in messy.columns if c not in (LABEL, *COLUMNS))
    return Parsed(rows, text, numbers, kinds, labels, label_rules, extra, own_rows(messy))


def own_rows(messy: pd.DataFrame) -> np.ndarray:
    """Mark the rows whose column ``extractor`` names an extractor of this program."""
    if EXTRACTOR_COLUMN not in messy.columns:
        return np.zeros(len(messy), dtype=bool)
    return messy[EXTRACTOR_COLUMN].astype(str).str.strip().str.startswith(OWN_EXTRACTOR).to_numpy(dtype=bool)


def _parse_cells(cells: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers (NaN if a cell has none) and the kinds of the cells."""
    empty = cells.isna().to_numpy(dtype=bool)
    kinds = np.where(empty, MISSING, OK).astype(np.int8)
    if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
        numbers = cells.to_numpy(dtype=float, na_value=np.nan).copy()
    else:
        written = cells.astype(str)
        stripped = written.str.strip()
        numbers = pd.to_numeric(stripped, errors="coerce").to_numpy(dtype=float, na_value=np.nan).copy()
        kinds[~empty & (written != stripped).to_numpy(dtype=bool)] = PADDED
        no_number = np.flatnonzero(~empty & np.isnan(numbers))
        words = stripped.iloc[no_number].str.casefold()
        kinds[no_number] = np.select([words == "", words.isin(NULL_TOKENS)], [BLANK, TOKEN], NOT_NUMBER)
    numbers[empty] = np.nan
    kinds[np.isinf(numbers)] = NOT_NUMBER
    numbers[np.isinf(numbers)] = np.nan
    return numbers, kinds


def _parse_labels(cells: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the emotion of each cell ("" = none) and the applied rule ("" = written correctly)."""
    codes, written = pd.factorize(cells.astype(object).where(cells.notna(), None))
    readings = [_parse_label(str(w)) for w in written] + [("", "no label")]  # missing cells have code -1, the last one
    labels = np.array([label for label, _ in readings], dtype=object)
    rules = np.array([rule for _, rule in readings], dtype=object)
    return labels[codes], rules[codes]


def _read_codes(messy: pd.DataFrame, numbers: np.ndarray, labels: np.ndarray, rules: np.ndarray) -> None:
    """Replace label codes in place, if rows of the published table or a legend in the table show their meaning."""
    unread = rules == "unknown label"
    if not unread.any():
        return
    codes = messy[LABEL].astype(str).str.strip().where(unread, "").to_numpy(dtype=object)
    others = messy[[c for c in messy.columns if c not in (LABEL, *COLUMNS)]]
    for code, emotion in (legend(codes, others) | code_meanings(numbers, codes.tolist())).items():
        labels[codes == code], rules[codes == code] = emotion, "label code"


def _parse_label(written: str) -> tuple[str, str]:
    """Return (emotion or "", rule or "") of one label."""
    if written in EMOTIONS:
        return written, ""
    word = fold(written.strip())
    emotion = read_emotion(written)
    if emotion is not None:
        return emotion, "label spelling" if word == emotion else "label synonym"
    return "", "no label" if word == "" or word in NULL_TOKENS else "unknown label"
