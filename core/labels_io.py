"""Labels as files: CSV, JSON, Label Studio's JSON and the audit trail. Tables in, bytes out; bytes in, tables out."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import pandas as pd

from core.agreement import current_answers
from core.errors import TableError
from core.schema import EMOTIONS
from core.spreadsheets import marked, unmarked
from core.store import SKIPS

LARGEST = 20 << 20  # bytes of a file of labels
MOST_ROWS = 100_000
MOST_COLUMNS = 200
MOST_BRACKETS = 10 * MOST_ROWS  # of JSON; ours has one a row, Label Studio's about ten
COLUMNS = ("row", "clip", "label", "skip_reason", "rater", "comment", "kind", "undone")  # of what read_labels returns
CANCELLED = "cancelled"  # kind of a row that Label Studio calls skipped, without a reason that is known here

_SAID = ("clip_id", "file_name", "label", "skip_reason", "rater", "verified", "kind", "comment")
_SEEN = ("display", "shown_label", "guess", "model_version", "extractor", "created_at")
_EXPORTED = [*_SAID, *_SEEN]
_UPLOADER = "user"  # names the rater where no other column does: beside one, it may be who sent the file
_NAMES = {  # what other programs call the columns
    "clip": ("clip_id", "content_hash", "hash", "sha256", "file_name", "filename", "file", "path", "audio", "clip"),
    "label": ("label", "emotion", "class", "answer", "mood"),
    "skip_reason": ("skip_reason", "skip"),
    "rater": ("rater", "annotator", "labeler", _UPLOADER),  # not "name": beside a clip that is a song's
    "comment": ("comment", "note", "remark"),
    "kind": ("kind",),
    "undone": ("undone",),
}


def to_csv(feedback: pd.DataFrame) -> bytes:
    """The answers that stand as CSV: UTF-8 with a byte order mark, so that spreadsheets show Turkish letters."""
    return _csv(_standing(feedback))


def audit_csv(feedback: pd.DataFrame) -> bytes:
    """Everything that was ever said, also what was taken back and what the model showed, in the order of time."""
    return _csv(feedback)


def to_json(feedback: pd.DataFrame, *, about: dict[str, Any]) -> bytes:
    """The answers that stand as JSON. about : what to cite them with, such as data hash and model version."""
    return _json({"about": about, "answers": _records(_standing(feedback))})


def to_label_studio(feedback: pd.DataFrame) -> bytes:
    """The answers that stand as tasks of Label Studio, one a clip; its project takes ``label_studio_config()``.

    Raters are in ``rater`` beside each annotation: ``completed_by`` must name an account of that installation.
    After https://labelstud.io/guide/task_format.
    """
    by_clip: dict[str, list[dict[str, Any]]] = {}
    for row in _records(_standing(feedback)):
        by_clip.setdefault(row["clip_id"], []).append(row)
    tasks = []
    for number, (clip_id, rows) in enumerate(by_clip.items(), 1):
        said = {row["model_version"]: row["guess"] for row in rows if row["guess"] is not None}
        task = {
            "id": number,
            "data": {"audio": rows[0]["file_name"], "clip_id": clip_id},
            "annotations": [_annotation(row) for row in rows],
            "predictions": [{"model_version": v, "result": [_choice("emotion", guess)]} for v, guess in said.items()],
        }
        tasks.append(task)
    return _json(tasks)


def label_studio_config() -> str:
    """The labelling interface that fits ``to_label_studio``."""
    choices = "".join(f'<Choice value="{emotion}"/>' for emotion in EMOTIONS)
    skips = "".join(f'<Choice value="{reason}"/>' for reason in SKIPS)
    return (
        '<View><Audio name="audio" value="$audio"/>'
        f'<Choices name="emotion" toName="audio" choice="single">{choices}</Choices>'
        f'<Choices name="skip_reason" toName="audio" choice="single">{skips}</Choices>'
        '<TextArea name="comment" toName="audio"/></View>'
    )


def _annotation(row: dict[str, Any]) -> dict[str, Any]:
    name = "emotion" if row["label"] is not None else "skip_reason"
    result = [_choice(name, row["label"] or row["skip_reason"])]
    if row["comment"]:
        text = {"from_name": "comment", "to_name": "audio", "type": "textarea", "value": {"text": [row["comment"]]}}
        result.append(text)
    return {
        "rater": row["rater"],
        "created_at": row["created_at"],
        "ground_truth": row["kind"] == "adjudication",
        "was_cancelled": row["label"] is None,
        "result": result,
    }


def _choice(name: str, value: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": "audio", "type": "choices", "value": {"choices": [value]}}


def _standing(feedback: pd.DataFrame) -> pd.DataFrame:
    return current_answers(feedback)[_EXPORTED]


def _csv(table: pd.DataFrame) -> bytes:
    text = table.select_dtypes(include=["str"]).columns
    safe = table.assign(**{column: table[column].map(marked, na_action="ignore") for column in text})
    return safe.to_csv(index=False).encode("utf-8-sig")


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON takes them: missing is None, a time is ISO 8601."""
    times = table["created_at"].map(lambda moment: moment.isoformat())
    rows = table.assign(created_at=times).astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def read_labels(data: bytes) -> pd.DataFrame:
    """A file of labels as text, one row a label: row (its number in the file, from 1), clip (hash or file name), label,
    skip_reason, rater, comment, kind, undone; what is missing is empty.

    data : CSV (comma, semicolon or tab; UTF-8, UTF-16 or Windows-1254), or JSON as written here or by Label Studio.
    Raises TableError when it is neither, has no column for the clip or the label, is too large, or holds what is no
    text. No more is read than the limits of this module allow.
    """
    if len(data) > LARGEST:
        raise TableError(f"The file of labels has {len(data) >> 20} MB; at most {LARGEST >> 20} MB are read. Split it.")
    text = _decoded(data)
    rows = list(islice(_json_rows(text) if text.lstrip()[:1] in ("{", "[") else _csv_rows(text), MOST_ROWS + 1))
    if not rows:
        raise TableError("The file holds no labels.")
    if len(rows) > MOST_ROWS:
        raise TableError(f"The file holds more than {MOST_ROWS} labels, and no more are read at once. Split it.")
    _check_text(rows)
    table = pd.DataFrame(rows, columns=list(COLUMNS[1:]), dtype="str")
    table.insert(0, "row", range(1, len(table) + 1))
    return table


def _check_text(rows: Iterable[Sequence[str]]) -> None:
    """Refuse halves of characters, which JSON can name and no database can hold."""
    for number, row in enumerate(rows, 1):
        try:
            "".join(row).encode()
        except UnicodeEncodeError as error:
            raise TableError(f"Row {number} holds characters that are no text. Mend it, or take it out.") from error


def _decoded(data: bytes) -> str:
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1254")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TableError("The file is no text that can be read. Save it as CSV in UTF-8.")


def _csv_rows(text: str) -> Iterator[list[str]]:
    """The rows in the order of ``COLUMNS``, without the number; what stands before the first line with text is passed
    over."""
    first = next((line for line in io.StringIO(text) if line.strip()), "").rstrip("\r\n")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    try:
        header = next((line for line in lines if any(map(str.strip, line))), [])
        columns = _columns([name.strip().lower() for name in header], first)
        for line in lines:
            if line:
                yield [_first(line, places) for places in columns]
    except csv.Error as error:
        raise TableError(f"The file cannot be read as CSV: {error}.") from error


def _columns(header: list[str], first: str) -> list[list[int]]:
    """Where each of ``COLUMNS`` stands. A clip may be named twice, by hash and by file: the more exact one is first.

    header : small letters.  first : the line that it was read from.
    """
    if len(header) > MOST_COLUMNS:
        raise TableError(f"The first line has {len(header)} columns; at most {MOST_COLUMNS} are read.")
    known = [name for names in _NAMES.values() for name in names]
    twice = next((name for name in known if header.count(name) > 1), None)
    if twice is not None:
        raise TableError(f"Two columns of the file are called {twice!r}. Keep one of them.")
    places = {ours: [header.index(name) for name in names if name in header] for ours, names in _NAMES.items()}
    if len(places["rater"]) > 1 and _UPLOADER in header:
        places["rater"].remove(header.index(_UPLOADER))
    if not places["clip"] or not (places["label"] or places["skip_reason"]):
        raise TableError(
            "The file needs a column 'clip_id' or 'file_name' and a column 'label'; "
            f"its first line reads {first[:80]!r}."
        )
    return [places[ours] for ours in COLUMNS[1:]]


def _first(line: list[str], places: Sequence[int]) -> str:
    """The first cell with content, without the mark that keeps a spreadsheet from running it."""
    cells = (line[place].strip() for place in places if place < len(line))
    return unmarked(next((cell for cell in cells if cell), ""))


def _json_rows(text: str) -> Iterator[list[str]]:
    """The rows in the order of ``COLUMNS``, without the number."""
    if text.count("[") + text.count("{") > MOST_BRACKETS:
        raise TableError(f"The file is too large: it has more than {MOST_BRACKETS} brackets. Split it.")
    try:
        content = json.loads(text)
        if isinstance(content, dict):
            rows: Iterator[dict[str, str]] = map(_plain_row, content["answers"])
        else:
            rows = (row for task in content for row in _task_rows(task))
        for row in rows:
            yield [row.get(name, "") for name in COLUMNS[1:]]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise TableError(
            "The file is no JSON of labels: neither as exported here nor as Label Studio writes it."
        ) from error


def _plain_row(row: dict[str, Any]) -> dict[str, str]:
    cells = {name: str(row.get(name) or "") for name in COLUMNS[2:]}
    return {"clip": str(row.get("clip_id") or row["file_name"]), **cells}


def _task_rows(task: dict[str, Any]) -> list[dict[str, str]]:
    clip = str(task["data"].get("clip_id") or task["data"]["audio"])
    return [{"clip": clip, **_annotation_row(annotation)} for annotation in task.get("annotations", [])]


def _annotation_row(annotation: dict[str, Any]) -> dict[str, str]:
    """A task that was skipped may hold a draft, which nobody has said: of it only our own reason to skip is read."""
    row = {"label": "", "skip_reason": "", "comment": "", "rater": _annotator(annotation), "kind": _kind(annotation)}
    for part in annotation["result"]:
        value = part["value"].get("choices") or part["value"].get("text") or []
        name = {"skip_reason": "skip_reason", "comment": "comment"}.get(part["from_name"], "label")
        row[name] = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    if annotation.get("was_cancelled"):
        row |= {"label": ""} if row["skip_reason"] else {"label": "", "kind": CANCELLED}
    return row


def _kind(annotation: dict[str, Any]) -> str:
    return "adjudication" if annotation.get("ground_truth") and "rater" in annotation else "answer"


def _annotator(annotation: dict[str, Any]) -> str:
    who = annotation.get("rater") or annotation.get("completed_by") or ""
    return str(who.get("email") or who["id"]) if isinstance(who, dict) else str(who)
