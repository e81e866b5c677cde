"""Labels from a file into the store: first a dry run that says what would happen row by row, then the rows at once."""

import hashlib
import unicodedata
from typing import Any

import pandas as pd

from core import store
from core.agreement import current_answers
from core.errors import CoreError, TableError

ACTIONS = ("add", "change", "same", "refused")


def plan_import(rows: pd.DataFrame, clips: pd.DataFrame, feedback: pd.DataFrame, *, importer: str) -> pd.DataFrame:
    """What an import would do, row by row; nothing is stored.

    rows : from ``read_labels``.  clips, feedback : from the store.  importer : who imports; rows without a rater are
    theirs. Columns: row, clip, clip_id, file_name, label, skip_reason, rater, comment; action, one of *add*, *change*
    (replaces the importer's earlier answer), *same* (is there already), *refused*; why, a sentence.
    """
    by_name = _named(clips)
    standing = current_answers(feedback)
    standing = standing[standing["kind"].eq("answer") & ~standing["verified"].astype(bool)]
    said = {(a.clip_id, a.rater): _meaning(a.label, a.skip_reason) for a in standing.itertuples()}
    seen: dict[tuple[str, str], tuple[int, str]] = {}
    planned = []
    for row in rows.to_dict("records"):
        plan: dict[str, Any] = {
            **{str(k): v for k, v in row.items()},
            "clip_id": "",
            "file_name": "",
            "action": "refused",
        }
        try:
            plan.update(_understood(plan, by_name, importer))
        except CoreError as error:
            planned.append({**plan, "why": str(error)})
            continue
        key, meaning = (plan["clip_id"], plan["rater"]), plan["label"] or plan["skip_reason"]
        action, why = _action(meaning, said.get(key), seen.get(key), own=plan["rater"] == store.rater_name(importer))
        seen.setdefault(key, (plan["row"], meaning))
        planned.append({**plan, "action": action, "why": why})
    columns = ["row", "clip", "clip_id", "file_name", "label", "skip_reason", "rater", "comment", "action", "why"]
    return pd.DataFrame(planned, columns=columns)


def _meaning(label: Any, skip_reason: Any) -> str:
    return str(skip_reason) if pd.isna(label) else str(label)


def _named(clips: pd.DataFrame) -> dict[str, list[tuple[str, str]]]:
    """Clips (id, file name) by everything that may name them: id, hash of the content, file name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for clip_id, content, file_name in zip(clips["clip_id"], clips["content_hash"], clips["file_name"], strict=True):
        for name in {clip_id, content, _base(file_name)}:
            found.setdefault(name, []).append((clip_id, file_name))
    return found


def _base(path: str) -> str:
    """A file's name without folders, case, and the two ways to write a Turkish letter; dotless and dotted i are one."""
    name = unicodedata.normalize("NFC", path.replace("\\", "/").rsplit("/", 1)[-1])
    return name.replace("İ", "i").casefold().replace("ı", "i")  # upper case I may be either


def _understood(row: dict[str, Any], by_name: dict[str, list[tuple[str, str]]], importer: str) -> dict[str, str]:
    if row["kind"] == "adjudication":
        raise TableError("An adjudication is not imported: who settles a dispute does so here.")
    clip = row["clip"]
    matches = by_name.get(clip) or by_name.get(_base(clip)) or []
    if not matches:
        raise TableError(f"No clip here is named {clip!r}. Upload or score it first.")
    if len(matches) > 1:
        raise TableError(f"{len(matches)} clips here are named {clip!r}. Give the clip_id instead.")
    label, skip = row["label"].strip().lower(), row["skip_reason"].strip().lower()
    clip_id, file_name = matches[0]
    rater = store.rater_name(row["rater"] or importer)
    # The form of an answer says what is wrong with it better than a second set of checks would.
    store.Answer("a dry run", rater, label or None, skip or None, clip_id=clip_id, comment=row["comment"])
    return {"clip_id": clip_id, "file_name": file_name, "label": label, "skip_reason": skip, "rater": rater}


def _action(meaning: str, said: str | None, seen: tuple[int, str] | None, *, own: bool) -> tuple[str, str]:
    if seen is not None and seen[1] == meaning:
        return "same", f"Repeats row {seen[0]}."
    if seen is not None:
        return "refused", f"Row {seen[0]} says {seen[1]!r} of the same clip by the same rater. Keep one of them."
    if said is None:
        return "add", "A new answer."
    if said == meaning:
        return "same", "This answer is there already."
    if own:
        return "change", f"Replaces your answer {said!r}."
    return "refused", f"This rater has answered {said!r}, and only they can change that."


def apply_import(opened: store.Store, plan: pd.DataFrame, *, token: str) -> int:
    """Store the rows of a plan that add or change, all or none, and return how many were new.

    token : of the form; the same form sent twice stores nothing more. Imported names count as not verified.
    """
    wanted = plan[plan["action"].isin(["add", "change"])]
    answers = [
        store.Answer(
            token=hashlib.sha256(f"{token}\n{row['row']}".encode()).hexdigest(),
            rater=row["rater"],
            label=row["label"] or None,
            skip_reason=row["skip_reason"] or None,
            clip_id=row["clip_id"],
            comment=row["comment"],
            source="import",
        )
        for row in wanted.to_dict("records")
    ]
    return sum(receipt.new for receipt in store.add_answers(opened, answers))
