"""Read exports of Label Studio as rows of plain text: tasks (JSON), or one row per annotation (JSON-MIN, CSV, TSV).

Tested with version 1.23. The formats differ in order and names. CSV writes several choices as JSON in one cell. Only
JSON contains which tasks were skipped and which annotations are ground truth.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from core.labelling.label_studio_interface import COMMENT, KIND, KINDS, RATER, TIME

TASK = "id"
ANNOTATION, ACCOUNT, MADE_AT, CHANGED_AT = "annotation_id", "annotator", "created_at", "updated_at"
GOLD, CANCELLED = "ground_truth", "was_cancelled"  # only in JSON
META = (TASK, ANNOTATION, ACCOUNT, MADE_AT, CHANGED_AT, "lead_time", "agreement", "history", GOLD, CANCELLED)
COLLISION = "_data_"  # prefix of a task's column that has the name of a control
_STARRED = "Label Studio marks it as ground truth. If that is right, settle the clip under Disputes."
_CHANGED = "It was changed in Label Studio after the export. Ask its rater."
_DIRECT = "_direct"  # the rater is from a file of this program that was never in Label Studio
NO_ACCOUNT = "(none)"  # account of annotations that were synchronised from a storage
_CONTENT = ("choices", "text", "labels", "taxonomy", "rating", "number", "datetime", "pairwise")

_PERSON = ("email", "username", "id")  # of an account that is written as an object

Row = dict[str, str]


def is_task(item: Any) -> bool:
    """Return whether an item of a JSON list is a task with its annotations."""
    return isinstance(item, dict) and isinstance(item.get("data"), dict)


def tasks_of(content: Any) -> Any:
    """Return the tasks in a JSON file of Label Studio. A file in a target storage is one annotation with its task."""
    if isinstance(content, dict) and isinstance(content.get("task"), dict) and "result" in content:
        return [{**content["task"], "annotations": [content]}]
    return [content] if is_task(content) else content


def is_flat(header: Iterable[str]) -> bool:
    """Return whether these are the columns of a JSON-MIN, CSV or TSV export."""
    return {ANNOTATION, ACCOUNT} <= set(header)


def task_rows(tasks: Iterable[Mapping[str, Any]]) -> tuple[list[Row], set[str]]:
    """Return one row per annotation, with the columns of the CSV export, and the names of the controls.

    Predictions and drafts are not answers and give no row.
    """
    annotated = [(task, note) for task in tasks for note in task.get("annotations", task.get("completions")) or []]
    controls = {part["from_name"] for _, note in annotated for part in _parts(note)}
    return [_task_row(task, note, controls, n) for n, (task, note) in enumerate(annotated, 1)], controls


def _parts(annotation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the parts of an annotation that belong to a control; relations between regions do not."""
    parts = [part for part in annotation.get("result") or [] if "from_name" in part]
    return [{**part, "from_name": str(part["from_name"])} for part in parts]


def _task_row(task: Mapping[str, Any], annotation: Mapping[str, Any], controls: set[str], number: int) -> Row:
    row = {COLLISION + name if name in controls else name: cell(value) for name, value in task["data"].items()}
    row |= {"file_upload": cell(task.get("file_upload")), TASK: cell(task.get("id"))}
    held: dict[str, list[str]] = {}
    for part in _parts(annotation):
        held.setdefault(part["from_name"], []).append(cell(part.get("value")))
    row |= {name: _joined(name, values) for name, values in held.items()}
    if RATER in annotation:  # exports of version 0.2 have these keys outside the result
        row |= {RATER: cell(annotation[RATER]), TIME: cell(annotation.get(MADE_AT)), _DIRECT: "true"}
        row[KIND] = KINDS[bool(annotation.get(GOLD))]
    row |= {ANNOTATION: cell(annotation.get("id") or number), ACCOUNT: _account(annotation.get("completed_by"))}
    row[CANCELLED] = cell(annotation.get(CANCELLED) or annotation.get("skipped"))  # the name in old versions
    return row | {name: cell(annotation.get(name)) for name in (MADE_AT, CHANGED_AT, GOLD)}


def _joined(name: str, values: Iterable[str]) -> str:
    return ("\n" if name == COMMENT else "; ").join(dict.fromkeys(filter(None, values)))


def _account(who: Any) -> str:
    """Return the e-mail address of an account, else its user name or number."""
    return next((text for name in _PERSON if (text := cell(who.get(name)))), "") if isinstance(who, dict) else cell(who)


def cell(value: Any) -> str:
    """Return the content of a control or column as text; several values are joined by semicolons."""
    if value is None:
        return ""
    if isinstance(value, dict):
        name = next((name for name in _CONTENT if name in value), "")
        if not name:
            return _account(value)
        held = value[name]
        if name == "taxonomy" and isinstance(held, list):  # of "Mood > Happy" the last word is the answer
            held = [path[-1] for path in held if isinstance(path, list) and path]
        return "\n".join(map(cell, held)) if name == "text" and isinstance(held, list) else cell(held)
    if isinstance(value, list):
        return "; ".join(dict.fromkeys(filter(None, map(cell, value))))
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def csv_cell(text: str) -> str:
    """Read a cell of CSV or TSV. Everything except a single choice or text is JSON; a text can also look like JSON."""
    if not text.startswith(("[", "{")):
        return text.strip()
    try:
        held = json.loads(text)
        parts = held if isinstance(held, list) else [held]
        known = all(isinstance(part, dict) and any(name in part for name in _CONTENT) for part in parts)
        return cell(held) if known else text.strip()
    except (ValueError, RecursionError):
        return text.strip()


def answer_facts(rows: list[Row]) -> Iterator[Row]:
    """Yield rater, account, time, kind, note and skipped for each row.

    Answers from this program have rater, time and kind in hidden fields. A person who copies such an annotation in
    Label Studio also copies the fields. So they count once in a task, for the oldest annotation that has them.
    """
    taken: dict[tuple[str, ...], str] = {}
    for row in sorted(rows, key=lambda row: (len(row.get(ANNOTATION, "")), row.get(ANNOTATION, ""))):  # 9 before 10
        taken.setdefault(_origin(row), row.get(ANNOTATION, ""))
    for row in rows:
        first = taken[_origin(row)] == row.get(ANNOTATION, "")
        skipped, gold = (row.get(name, "").lower() == "true" for name in (CANCELLED, GOLD))
        if row.get(_DIRECT) or (row.get(RATER) and row.get(TIME) and first):
            facts = {"rater": row[RATER], "account": "", "time": row[TIME], "kind": row.get(KIND) or KINDS[0]}
            facts["note"] = _STARRED if gold and facts["kind"] == KINDS[0] else _CHANGED if _is_changed(row) else ""
        else:
            account = row.get(ACCOUNT, "")
            account = NO_ACCOUNT if account in ("", "None") else account
            facts = {"rater": "", "account": account, "time": row.get(MADE_AT, ""), "kind": KINDS[gold]}
        yield facts | {"skipped": "true" if skipped else ""}


def _origin(row: Row) -> tuple[str, ...]:
    return row.get(TASK, ""), row.get(RATER, ""), row.get(TIME, "")


def _is_changed(row: Row) -> bool:
    """Return whether an imported annotation was saved again; the import sets both times."""
    try:
        made, changed = (datetime.fromisoformat(row.get(name, "")) for name in (MADE_AT, CHANGED_AT))
        return changed - made > timedelta(seconds=1)
    except (ValueError, TypeError):  # a time is missing, or only one of them has a time zone
        return False
