"""Read and write labels: CSV, JSON, the audit trail and Label Studio's formats."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Any

import pandas as pd

from core.errors import TableError
from core.labelling.agreement import current_answers
from core.labelling.label_columns import Columns, columns_of, highest
from core.labelling.label_studio_export import as_json, records
from core.labelling.label_studio_interface import label_studio_config
from core.labelling.label_studio_reading import (
    ANNOTATION,
    GOLD,
    answer_facts,
    cell,
    csv_cell,
    is_flat,
    is_task,
    task_rows,
    tasks_of,
)
from core.labelling.label_text import MOST_COLUMNS, csv_lines, decoded
from core.labelling.listening import mark_hasty
from core.settings import LEAST_HEARD
from core.spreadsheets import csv_for_people, unescape_formula

__all__ = ["LabelFile", "audit_csv", "label_studio_config", "read_label_file", "read_labels", "to_csv", "to_json"]

LARGEST = 20 << 20  # bytes of a file of labels
MOST_ROWS = 100_000
MOST_BRACKETS = 10 * MOST_ROWS  # of JSON; ours has one a row, Label Studio's about ten
COLUMNS = ("row", "clip", "label", "skip_reason", "rater", "comment", "kind", "undone", "account", "time", "note")
CANCELLED = "cancelled"  # kind of a row that Label Studio calls skipped, without a reason that is known here

_SAID = ("clip_id", "file_name", "label", "skip_reason", "rater", "verified", "kind", "comment")
_SEEN = ("display", "shown_label", "guess", "model_version", "extractor", "created_at")
_HEARD = ("answer_s", "heard_s", "hasty")
_EXPORTED = [*_SAID, *_SEEN, *_HEARD]


def to_csv(feedback: pd.DataFrame, *, comments: str = "", least_heard: float = LEAST_HEARD) -> bytes:
    """Answers that count, as CSV in UTF-8 with a byte order mark, so that spreadsheets show Turkish letters.

    comments : lines before the column names that say what the file is; ``read_labels`` skips them.
    least_heard : share of a clip; an answer of a person who heard less is marked in the column ``hasty``.
    """
    return csv_for_people(_standing(feedback, least_heard), index=False, comments=comments)


def audit_csv(feedback: pd.DataFrame, *, comments: str = "", least_heard: float = LEAST_HEARD) -> bytes:
    """Audit trail as CSV: all answers, undone answers and displayed guesses, oldest first.

    The column ``counts`` says whether the row is one of `current_answers`.

    comments, least_heard : as in `to_csv`.
    """
    counting = feedback["feedback_id"].isin(current_answers(feedback)["feedback_id"])
    return csv_for_people(mark_hasty(feedback, least_heard).assign(counts=counting), index=False, comments=comments)


def to_json(feedback: pd.DataFrame, *, about: dict[str, Any], least_heard: float = LEAST_HEARD) -> bytes:
    """Answers that count, as JSON. about : provenance, such as data hash and model version.

    least_heard : as in `to_csv`.
    """
    return as_json({"about": about, "answers": records(_standing(feedback, least_heard))})


def _standing(feedback: pd.DataFrame, least_heard: float) -> pd.DataFrame:
    return current_answers(mark_hasty(feedback, least_heard))[_EXPORTED]


@dataclass(frozen=True, eq=False)
class LabelFile:
    """A file of labels as it was read.

    rows : see ``read_labels``.  emotions : the columns that hold them.
    unread : columns with content for which there is no place here.
    complete : the format also says what was skipped and what is ground truth; of Label Studio's only JSON does.
    """

    rows: pd.DataFrame
    emotions: tuple[str, ...]
    unread: tuple[str, ...]
    complete: bool = True

    @property
    def accounts(self) -> dict[str, int]:
        """The accounts of Label Studio of which a person has to say who they are, with their numbers of answers."""
        asked = self.rows.loc[self.rows["account"].ne("") & self.rows["kind"].ne(CANCELLED), "account"]
        counts = {str(account): int(n) for account, n in asked.value_counts().items()}
        return dict(sorted(counts.items(), key=lambda item: (len(item[0]), item[0])))  # 9 before 10


def read_labels(data: bytes, *, control: str | None = None) -> pd.DataFrame:
    """The rows of a file of labels as text, one row a label; what is missing is empty.

    data, control : as for ``read_label_file``.
    Columns: row (its number in the file, from 1), clip (hash, file name or address), label, skip_reason, rater,
    comment, kind, undone, account (of Label Studio, where no rater is named), time (when it was given), note (what the
    file says of it beside that).
    """
    return read_label_file(data, control=control).rows


def read_label_file(data: bytes, *, control: str | None = None) -> LabelFile:
    """Read a file of labels.

    data : CSV (comma, semicolon or tab; UTF-8, UTF-16 or Windows-1254) or JSON, as written here, by spreadsheets, or by
    Label Studio (JSON, JSON-MIN, CSV, TSV).
    control : the column or control that holds the emotions, where several may.
    Raises ControlQuestion when a person has to say which; TableError when it is no such file, has no column for the
    clip or the label, is too large, or holds what is no text. No more is read than the limits of this module allow.
    """
    if len(data) > LARGEST:
        raise TableError(f"The file of labels has {len(data) >> 20} MB; at most {LARGEST >> 20} MB are read. Split it.")
    text = decoded(data)
    read = _read_json if text.lstrip()[:1] in ("{", "[") else _read_csv
    return read(text, control)


def _read_csv(text: str, control: str | None) -> LabelFile:
    lines = csv_lines(text)
    header = [name.strip().strip("\ufeff") for name in next(lines, [])]
    if len(header) > MOST_COLUMNS:
        raise TableError(f"The first line has {len(header)} columns; at most {MOST_COLUMNS} are read.")
    if is_flat(header):
        read = csv_cell
    else:
        header = [name.lower() for name in header]

        def read(text: str) -> str:
            return unescape_formula(text.strip())

    cells = ([read(text) for text in line] for line in lines)
    rows = _limited(dict(zip(header, line, strict=False)) for line in cells)
    return _label_file(rows, header, flat=is_flat(header), control=control)


def _read_json(text: str, control: str | None) -> LabelFile:
    if text.count("[") + text.count("{") > MOST_BRACKETS:
        raise TableError(f"The file is too large: it has more than {MOST_BRACKETS} brackets. Split it.")
    controls: set[str] = set()
    try:
        content = tasks_of(json.loads(text))
        items = content["answers"] if isinstance(content, dict) else content
        of_tasks = bool(items) and all(map(is_task, items))
        if of_tasks:
            rows, controls = task_rows(items)
        else:
            rows = [{str(name): cell(value) for name, value in item.items()} for item in items]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise TableError(
            "The file is not a JSON file of labels. Use an export of this program or of Label Studio."
        ) from error
    if not items:
        raise TableError("The file holds no labels.")
    header = list(dict.fromkeys(name for row in _limited(rows) for name in row))
    return _label_file(rows, header, flat=of_tasks or is_flat(header), controls=controls, control=control)


def _limited(rows: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Read rows up to the limit; raise TableError if there are more."""
    read = list(islice(rows, MOST_ROWS + 1))
    if len(read) > MOST_ROWS:
        raise TableError(f"The file holds more than {MOST_ROWS} labels, which is the limit. Split it.")
    return read


def _label_file(
    rows: list[dict[str, str]],
    header: Sequence[str],
    *,
    flat: bool,
    controls: Iterable[str] = (),
    control: str | None = None,
) -> LabelFile:
    """The rows of any format in the columns of ``COLUMNS``.

    flat : from Label Studio, whose tables also have a row for a task that nobody has answered.
    """
    if len(header) > MOST_COLUMNS:
        raise TableError(f"The file has {len(header)} columns; at most {MOST_COLUMNS} are read.")
    numbered = {n: row for n, row in enumerate(rows, 1) if not flat or row.get(ANNOTATION)}
    answered = list(numbered.values())
    if flat and not answered:
        raise TableError("The file holds no labels: nobody has answered its tasks yet.")
    columns = columns_of(answered, header, flat=flat, controls=controls, control=control)
    if not answered:
        raise TableError("The file holds no labels.")
    facts = answer_facts(answered) if flat else repeat({}, len(answered))
    cells = [_cells(row, columns, fact) for row, fact in zip(answered, facts, strict=True)]
    _check_text(numbered, cells)
    table = pd.DataFrame(cells, columns=list(COLUMNS[1:]), dtype="str")
    table.insert(0, "row", list(numbered))
    complete = not flat or GOLD in header
    return LabelFile(table, columns.named["label"] or tuple(columns.ratings), columns.unread, complete)


def _cells(row: dict[str, str], columns: Columns, fact: dict[str, str]) -> list[str]:
    """The cells of a row in the order of ``COLUMNS``.

    A skipped task may hold a draft, which is nobody's answer: of it only our own reason to skip is read.
    fact : what Label Studio says of the annotation, see ``label_studio_reading.answer_facts``.
    """
    found = {kind: columns.first(row, kind) for kind in columns.named} | fact
    if columns.ratings:
        found["label"] = highest(row, columns.ratings)
    if fact.get("skipped"):
        found["label"] = ""
        found["kind"] = found["kind"] if found["skip_reason"] else CANCELLED
    return [found.get(name, "") for name in COLUMNS[1:]]


def _check_text(numbers: Iterable[int], rows: Iterable[Sequence[str]]) -> None:
    """Refuse lone surrogates, which JSON allows but a database cannot store."""
    for number, row in zip(numbers, rows, strict=True):
        try:
            "".join(row).encode()
        except UnicodeEncodeError as error:
            raise TableError(f"Row {number} contains invalid characters. Correct or remove the row.") from error
