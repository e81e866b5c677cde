"""Import labels from a file: plan the action for each row (dry run), then store the rows."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import pandas as pd

from core.emotion_words import read_emotion
from core.errors import CoreError, TableError
from core.labelling.agreement import current_answers
from core.labelling.files import CANCELLED
from core.labelling.label_clips import ClipNames
from core.labelling.label_columns import RATED_ALIKE
from core.labelling.label_people import People
from core.labelling.raters import person
from core.store import (
    REPEAT,
    SKIPS,
    Answer,
    Rater,
    Store,
    add_planned_answers,
    clips_table,
    feedback_table,
    raters_table,
)

AT_ONCE = 5000  # rows in one transaction, for which others wait; well under a second
ACTIONS = ("add", "change", "same", "left out", "refused")
SETTLEMENT = "adjudication"  # kind of a row that settles a clip
COLUMNS = (
    *("row", "clip", "clip_id", "file_name", "word", "label", "skip_reason", "rater", "verified", "comment"),
    *("kind", "account", "given_at", "action", "why", "new_rater", "before"),
)  # of a plan
_READ = ("clip_id", "rater", "verified", "label", "skip_reason", "created_at")  # of an answer

Key = tuple[str, str, bool]  # clip, under whom an answer counts (see `raters.person`), known from a login


def plan_import(
    rows: pd.DataFrame,
    clips: pd.DataFrame,
    feedback: pd.DataFrame,
    raters: pd.DataFrame,
    *,
    importer: Rater,
    accounts: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Plan the import of each row without storing anything.

    rows : from ``read_labels``.  clips, feedback, raters : from the store.
    importer : who imports; rows without a rater, or with their name, are theirs.
    accounts : who the accounts of Label Studio are, see ``People``.
    Columns: ``COLUMNS``. rater, verified : under whom the answer is kept, a known rater in the known spelling.
    given_at : when the answer was given, in UTC; NaT where the file does not say it.
    new_rater : the row adds an answer of somebody who is not known here.
    action : *add*; *change* (replaces the importer's earlier answer); *same* (is there already); *left out* (the file
    says itself that the row no longer counts, or nobody wants it); *refused*.  why : a sentence.
    word : the emotion as the file spells it; label : the emotion that it means.
    before : feedback_id of the newest row of this rater about this clip, or of the clip's newest settlement where the
    row settles it; 0 = none.
    """
    found, people, said = ClipNames(clips), People(raters, importer, accounts), _StoredAnswers(feedback)
    planned = [_planned(row, found, people) for row in rows.to_dict("records")]
    last = _last(planned)
    for plan in planned:
        if plan["action"]:
            continue
        later = last[_place(plan)]
        if later is not plan:
            who = "" if _settles(plan) else ", by the same rater"
            what = f"Row {later['row']} says {_meaning(later)!r} of this clip later{who}"
            plan.update(action="left out", why=f"{what}: the last one counts.")
            continue
        plan["action"], why = _settlement(plan, said, people) if _settles(plan) else _action(plan, said, people)
        plan["why"] = f"{why} {plan['note']}".strip()
        plan["new_rater"] = plan["action"] == "add" and people.is_new(plan["rater"], plan["verified"])
        plan["before"] = said.newest.get(_subject(plan), 0)
    table = pd.DataFrame(planned, columns=list(COLUMNS))
    return table.assign(given_at=pd.to_datetime(table["given_at"], utc=True))


def plan_from_store(
    store: Store, rows: pd.DataFrame, *, importer: Rater, accounts: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Plan the import, see ``plan_import``. Of the stored answers, only those about the named clips are read."""
    clips = clips_table(store)
    feedback = feedback_table(store, clip_ids=sorted(_named(rows, ClipNames(clips))))
    return plan_import(rows, clips, feedback, raters_table(store), importer=importer, accounts=accounts)


def _named(rows: pd.DataFrame, clips: ClipNames) -> set[str]:
    """The clips that the rows name."""
    found = set()
    for name in set(rows["clip"]):
        with suppress(TableError):  # the plan says for each row what is wrong
            found.add(clips.find(name)[0])
    return found


def _planned(row: dict[Any, Any], clips: ClipNames, people: People) -> dict[str, Any]:
    """A row with what it means here; action is empty where that depends on other rows and on what was said."""
    plan = {"kind": "", "account": "", "time": "", "note": ""} | {str(name): cell for name, cell in row.items()}
    plan |= {"clip_id": "", "file_name": "", "verified": False, "action": "", "why": ""}
    plan["word"] = plan["label"].strip()
    plan |= {"new_rater": False, "before": 0, "given_at": _moment(plan["time"])}
    plan["rater"] = plan["rater"] or plan["account"]
    reason = _left_out(plan)
    if reason:
        return {**plan, "action": "left out", "why": reason}
    try:
        _understand(plan, clips, people)
    except CoreError as error:
        plan.update(action="refused", why=str(error))
    return plan


def _left_out(row: dict[str, Any]) -> str:
    """Why the file says itself that a row does not count; empty where it does not say so."""
    if row["kind"] == "undo":
        return "This row takes back an answer."
    if row["kind"] == REPEAT:
        return "This row is the second answer of a task, which never counts."
    if row["kind"] == CANCELLED:
        return "The task was skipped in Label Studio without a known reason."
    return "This answer was taken back later." if row["undone"].lower() in ("true", "1", "yes") else ""


def _moment(text: str) -> datetime | None:
    """A time in ISO 8601, in UTC where it names no zone; None where it is none, or has not come yet."""
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment <= datetime.now(UTC) else None


def _understand(plan: dict[str, Any], clips: ClipNames, people: People) -> None:
    """Resolve clip, label and rater of a row into the plan. Raises CoreError if one of them is not recognised."""
    plan["clip_id"], plan["file_name"] = clips.find(plan["clip"])
    plan["label"], plan["skip_reason"] = _said_in(plan["label"].strip(), plan["skip_reason"].strip().lower())
    named = people.of_account(plan["account"]) if plan["account"] else plan["rater"]
    if plan["account"] and not named:
        plan.update(action="left out", why=f"The answers of the account {plan['account']!r} are not wanted.")
        return
    plan["rater"], plan["verified"] = people.find(named)
    _check(plan["label"], plan["skip_reason"], plan["rater"], plan["comment"])
    if plan["time"] and plan["given_at"] is None:
        said = f"Its time {plan['time']!r} is not understood: the time of the import counts."
        plan["note"] = f"{plan['note']} {said}".strip()


@lru_cache(maxsize=10_000)  # rows are many, and few of them differ in this
def _said_in(label: str, skip: str) -> tuple[str, str]:
    """The emotion that a word means, and the reason to skip, which also may stand in the place of an emotion."""
    emotion = read_emotion(label)
    if emotion is not None:
        return emotion, skip
    if label.lower() in SKIPS and not skip:
        return "", label.lower()
    if label.endswith(RATED_ALIKE):
        raise TableError(
            f"Several emotions have the same rating ({label.removesuffix(RATED_ALIKE)}); an answer is one."
        )
    several = {read_emotion(part) for part in label.split(";")}
    if len(several) > 1 and None not in several:
        raise TableError(f"Several emotions are chosen ({label}), and an answer is one.")
    return (several.pop() or label.lower()) if len(several) == 1 else label.lower(), skip


@lru_cache(maxsize=10_000)
def _check(label: str, skip: str, rater: str, comment: str) -> None:
    """Validate an answer with the checks of `Answer`, to avoid a second set of rules."""
    Answer("a dry run", rater, label or None, skip or None, clip_id="a clip", comment=comment)


def _last(planned: list[dict[str, Any]]) -> dict[Key, dict[str, Any]]:
    """The row of each rater about each clip that counts: the newest, where all of them have a time, else the last."""
    groups: dict[Key, list[dict[str, Any]]] = {}
    for plan in planned:
        if not plan["action"]:
            groups.setdefault(_place(plan), []).append(plan)
    return {place: _newest(group) for place, group in groups.items()}


def _newest(plans: list[dict[str, Any]]) -> dict[str, Any]:
    known = all(plan["given_at"] for plan in plans)
    return max(reversed(plans), key=lambda plan: plan["given_at"]) if known else plans[-1]


class _StoredAnswers:
    """Stored answers and settlements, undone answers, and the newest row of each rater for each clip."""

    def __init__(self, feedback: pd.DataFrame) -> None:
        current = current_answers(feedback)
        standing = current.loc[current["kind"].eq("answer"), list(_READ)].to_dict("records")
        self.stands = {_key(row): _meaning(row) for row in standing}
        self.given_at = {_key(row): row["created_at"] for row in standing}
        settled = current.loc[current["kind"].eq(SETTLEMENT), list(_READ)].to_dict("records")
        self.settled = {row["clip_id"]: _meaning(row) for row in settled}
        undone = feedback[feedback["undone"].astype(bool)]
        gone = undone[undone["kind"].isin(["answer", SETTLEMENT])]
        self.taken_back = {(row["kind"], _key(row), _meaning(row)) for row in gone.to_dict("records")}
        subjects = [_subject(row) for row in feedback[["kind", "clip_id", "rater", "verified"]].to_dict("records")]
        self.newest = dict(zip(subjects, feedback["feedback_id"], strict=True))  # oldest first, so the newest stays


def _key(row: dict[Any, Any]) -> Key:
    verified = bool(row["verified"])
    return row["clip_id"], person(row["rater"], verified), verified


def _place(plan: dict[str, Any]) -> Key:
    """Rows with the same one cannot all count: a rater has one answer about a clip, and a clip one settlement."""
    return (plan["clip_id"], SETTLEMENT, True) if _settles(plan) else _key(plan)


def _subject(row: dict[Any, Any]) -> Key:
    """The clip, and whose rows about it make a plan out of date: the rater's, or anybody's for a settlement."""
    return (row["clip_id"], "", True) if _settles(row) else (row["clip_id"], row["rater"], bool(row["verified"]))


def _settles(plan: dict[Any, Any]) -> bool:
    return bool(plan["kind"] == SETTLEMENT)


def _meaning(row: dict[Any, Any]) -> str:
    label = row["label"]
    return str(row["skip_reason"]) if pd.isna(label) or not label else str(label)


def _action(plan: dict[str, Any], said: _StoredAnswers, people: People) -> tuple[str, str]:
    """What becomes of an answer that is understood and counts, and why."""
    key, meaning, rater = _key(plan), _meaning(plan), plan["rater"]
    stands, own = said.stands.get(key), people.is_importer(rater, plan["verified"])
    back = ("answer", key, meaning) in said.taken_back
    if stands == meaning:
        return "same", "This answer is there already."
    if own and stands is not None and plan["given_at"] and plan["given_at"] < said.given_at[key]:
        return "left out", f"You have answered {stands!r} here since then."
    if own:
        before = " You have taken back just this answer before." if back else ""
        return ("add", f"A new answer.{before}") if stands is None else ("change", f"Replaces {stands!r}.{before}")
    if plan["verified"]:
        return "refused", f"{rater} has a login here, and only they can answer under that name."
    if stands is not None:
        return "refused", f"This rater has answered {stands!r}, and only they can change that."
    if back:
        return "refused", "This rater has taken back just this answer, and only they can give it again."
    return "add", "A new answer."


def _settlement(plan: dict[str, Any], said: _StoredAnswers, people: People) -> tuple[str, str]:
    """What becomes of a settlement, and why. One that stands here is never replaced by a file."""
    meaning, settled, rater = _meaning(plan), said.settled.get(plan["clip_id"]), plan["rater"]
    if settled == meaning:
        return "same", "The clip is settled so already."
    if settled is not None:
        return "refused", f"The clip is settled as {settled!r} here. Settle it anew under Disputes, if that is wrong."
    if (SETTLEMENT, _key(plan), meaning) in said.taken_back:
        return "refused", "This settlement was taken back here."
    if plan["verified"] and not people.is_importer(rater, plan["verified"]):
        return "refused", f"{rater} has a login here, and only they can settle a clip under that name."
    return "add", "Settles the clip."


@dataclass(frozen=True)
class Imported:
    """Result of an import.

    rows : numbers of the rows whose answers are new here.
    overtaken : numbers of the rows that were not stored, because somebody settled the clip or its rater answered it
        after the plan was made.
    """

    rows: tuple[int, ...] = ()
    overtaken: tuple[int, ...] = ()


def apply_import(
    store: Store, plan: pd.DataFrame, *, token: str, progress: Callable[[int, int], None] = lambda done, of: None
) -> Imported:
    """Store the rows of a plan with the action add or change.

    token : of the form; the same plan of the same form, sent twice, stores nothing more.
    progress : told how many rows are done, of how many.
    Each ``AT_ONCE`` rows are stored all or none, and others may answer in between. A row that is out of date by then is
    not stored. An import that was cut off is finished by the same one again, or by a new plan of the same file.
    """
    wanted = plan[plan["action"].isin(["add", "change"])]
    stored, overtaken = [], []
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted.iloc[start : start + AT_ONCE]
        answers = [_answer(row, token) for row in part.to_dict("records")]
        receipts = add_planned_answers(store, answers, [int(number) for number in part["before"]])
        for row, receipt in zip(part["row"], receipts, strict=True):
            if receipt is None:
                overtaken.append(int(row))
            elif receipt.new:
                stored.append(int(row))
        progress(start + len(part), len(wanted))
    return Imported(tuple(stored), tuple(overtaken))


def _answer(row: dict[Any, Any], token: str) -> Answer:
    return Answer(
        token=hashlib.sha256(f"{token}\n{row['row']}\n{row['before']}".encode()).hexdigest(),
        rater=row["rater"],
        verified=bool(row["verified"]),
        label=row["label"] or None,
        skip_reason=row["skip_reason"] or None,
        clip_id=row["clip_id"],
        comment=row["comment"],
        source="import",
        adjudication=row["kind"] == SETTLEMENT,
        given_at=None if pd.isna(row["given_at"]) else row["given_at"].to_pydatetime(),
    )
