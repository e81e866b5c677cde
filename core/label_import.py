"""Labels from a file into the store: first a dry run that says what would happen row by row, then the rows."""

import hashlib
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import pandas as pd

from core import names, store
from core.agreement import current_answers
from core.errors import CoreError, TableError
from core.labels_io import CANCELLED
from core.letters import fold

AT_ONCE = 5000  # rows in one transaction, for which others wait; well under a second
ACTIONS = ("add", "change", "same", "left out", "refused")
COLUMNS = (
    *("row", "clip", "clip_id", "file_name", "label", "skip_reason", "rater", "verified", "comment"),
    *("action", "why", "new_rater", "before"),
)  # of a plan
_READ = ("clip_id", "rater", "verified", "label", "skip_reason")  # of an answer

Key = tuple[str, str, bool]  # clip, under whom an answer counts (see `names.person`), known from a login


def plan_import(
    rows: pd.DataFrame, clips: pd.DataFrame, feedback: pd.DataFrame, raters: pd.DataFrame, *, importer: store.Rater
) -> pd.DataFrame:
    """What an import would do, row by row; nothing is stored.

    rows : from ``read_labels``.  clips, feedback, raters : from the store.
    importer : who imports; rows without a rater, or with their name, are theirs.
    Columns: ``COLUMNS``. rater, verified : under whom the answer is kept, a known rater in the known spelling.
    new_rater : the row adds an answer of somebody who is not known here.
    action : *add*; *change* (replaces the importer's earlier answer); *same* (is there already); *left out* (the file
    says itself that the row no longer counts); *refused*.  why : a sentence.
    before : feedback_id of the newest row of this rater about this clip, 0 = none.
    """
    found, people, said = _Clips(clips), _People(raters, importer), _Said(feedback)
    planned = [_planned(row, found, people) for row in rows.to_dict("records")]
    last = {_key(plan): plan for plan in planned if not plan["action"]}
    for plan in planned:
        if plan["action"]:
            continue
        later = last[_key(plan)]
        if later is not plan:
            what = f"Row {later['row']} says {_meaning(later)!r} of this clip later"
            plan.update(action="left out", why=f"{what}, by the same rater: the last one counts.")
            continue
        plan["action"], plan["why"] = _action(plan, said, people)
        plan["new_rater"] = plan["action"] == "add" and people.is_new(plan["rater"], plan["verified"])
        plan["before"] = said.newest.get((plan["clip_id"], plan["rater"], plan["verified"]), 0)
    return pd.DataFrame(planned, columns=list(COLUMNS))


def _planned(row: dict[Any, Any], clips: "_Clips", people: "_People") -> dict[str, Any]:
    """A row with what it means here; action is empty where that depends on other rows and on what was said."""
    plan = {str(name): cell for name, cell in row.items()}
    plan |= {"clip_id": "", "file_name": "", "verified": False, "action": "", "why": ""}
    plan |= {"new_rater": False, "before": 0}
    reason = _left_out(plan)
    if reason:
        return {**plan, "action": "left out", "why": reason}
    try:
        return {**plan, **_understood(plan, clips, people)}
    except CoreError as error:
        return {**plan, "action": "refused", "why": str(error)}


def _left_out(row: dict[str, Any]) -> str:
    """Why the file says itself that a row does not count; empty where it does not say so."""
    if row["kind"] == "undo":
        return "It takes an answer back."
    if row["kind"] == CANCELLED:
        return "The task was skipped there, with no reason that is known here."
    return "It was taken back later." if row["undone"].lower() in ("true", "1", "yes") else ""


def _file(path: str) -> str:
    """A file's name without its folders, however its letters are made."""
    return unicodedata.normalize("NFC", path.replace("\\", "/").rsplit("/", 1)[-1])


def _any_case(path: str) -> str:
    return fold(_file(path), marks=True)


class _Clips:
    """The clips of the store by what may name them: their id, else the hash of their content, else their file, else
    their file in any case and with either i."""

    KINDS: tuple[Callable[[str], str], ...] = (str, str, _file, _any_case)

    def __init__(self, clips: pd.DataFrame) -> None:
        self.by: tuple[dict[str, list[str]], ...] = tuple({} for _ in self.KINDS)
        self.files = dict(zip(clips["clip_id"], clips["file_name"], strict=True))
        for clip_id, content, file in zip(clips["clip_id"], clips["content_hash"], clips["file_name"], strict=True):
            for by, kind, name in zip(self.by, self.KINDS, (clip_id, content, file, file), strict=True):
                by.setdefault(kind(name), []).append(clip_id)

    def find(self, clip: str) -> tuple[str, str]:
        """Id and file name of the clip. Raises TableError unless there is exactly one of the most exact kind."""
        kinds = zip(self.by, self.KINDS, strict=True)
        matches = next((by[name] for by, kind in kinds if (name := kind(clip)) in by), [])
        if not matches:
            raise TableError(f"No clip here is named {clip!r}. Upload or score it first.")
        if len(matches) > 1:
            raise TableError(f"{len(matches)} clips here are named {clip!r}. Give the clip_id instead.")
        return matches[0], self.files[matches[0]]


class _People:
    """Who is meant by a name in a file: the importer, somebody with a login here, a known rater, or somebody new."""

    def __init__(self, raters: pd.DataFrame, importer: store.Rater) -> None:
        login = raters["verified"].astype(bool)
        others = raters[~login].sort_values("answers", ascending=False, kind="stable")["rater"]
        self.importer = importer
        self.logins = {fold(name): name for name in raters.loc[login, "rater"]}
        self.logins |= {name: name for name in raters.loc[login, "rater"]}
        self.spellings = set(others)
        self.known: dict[str, str] = {}
        for name in others:
            self.known.setdefault(fold(name), name)
        if importer.verified:
            self.logins[fold(importer.name)] = importer.name
        else:
            self.known[fold(importer.name)] = importer.name
        self.here = {names.person(name, False) for name in self.known.values()}
        self.find = cache(self._find)  # a file names few people many times

    def _find(self, given: str) -> tuple[str, bool]:
        """The name as it is kept, and whether it is that of a login. Raises StoreError for what is no name."""
        name = store.rater_name(given) if given else self.importer.name
        folded = fold(name)
        if name == self.importer.name:
            return name, self.importer.verified
        if name in self.logins or folded in self.logins:
            return self.logins.get(name) or self.logins[folded], True
        if name in self.spellings or names.nameless(name):
            return name, False
        return self.known.setdefault(folded, name), False

    def is_new(self, rater: str, verified: bool) -> bool:
        """Whether nobody of this name has a login here or has answered."""
        return not verified and names.person(rater, verified) not in self.here

    def is_importer(self, rater: str, verified: bool) -> bool:
        return (rater, verified) == (self.importer.name, self.importer.verified)


class _Said:
    """What stands in the store, what was taken back there, and the newest row of each rater about each clip."""

    def __init__(self, feedback: pd.DataFrame) -> None:
        standing = current_answers(feedback)
        standing = standing.loc[standing["kind"].eq("answer"), list(_READ)]
        self.stands = {_key(row): _meaning(row) for row in standing.to_dict("records")}
        gone = feedback.loc[feedback["kind"].eq("answer") & feedback["undone"].astype(bool), list(_READ)]
        self.taken_back = {(_key(row), _meaning(row)) for row in gone.to_dict("records")}
        self.newest = feedback.groupby(["clip_id", "rater", "verified"])["feedback_id"].max().to_dict()


def _key(row: dict[Any, Any]) -> Key:
    verified = bool(row["verified"])
    return row["clip_id"], names.person(row["rater"], verified), verified


def _meaning(row: dict[Any, Any]) -> str:
    label = row["label"]
    return str(row["skip_reason"]) if pd.isna(label) or not label else str(label)


def _understood(row: dict[str, Any], clips: _Clips, people: _People) -> dict[str, Any]:
    if row["kind"] == "adjudication":
        raise TableError("An adjudication is not imported: who settles a dispute does so here.")
    clip_id, file_name = clips.find(row["clip"])
    label, skip = row["label"].strip().lower(), row["skip_reason"].strip().lower()
    rater, verified = people.find(row["rater"])
    _check(label, skip, rater, row["comment"])
    given = {"clip_id": clip_id, "file_name": file_name, "label": label, "skip_reason": skip}
    return {**given, "rater": rater, "verified": verified}


@lru_cache(maxsize=10_000)  # rows are many, and few of them differ in this
def _check(label: str, skip: str, rater: str, comment: str) -> None:
    """The form of an answer says what is wrong with it better than a second set of checks would."""
    store.Answer("a dry run", rater, label or None, skip or None, clip_id="a clip", comment=comment)


def _action(plan: dict[str, Any], said: _Said, people: _People) -> tuple[str, str]:
    """What becomes of a row that is understood and counts, and why."""
    key, meaning, rater = _key(plan), _meaning(plan), plan["rater"]
    stands, own = said.stands.get(key), people.is_importer(rater, plan["verified"])
    back = (key, meaning) in said.taken_back
    if stands == meaning:
        return "same", "This answer is there already."
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


def apply_import(
    opened: store.Store, plan: pd.DataFrame, *, token: str, progress: Callable[[int, int], None] = lambda done, of: None
) -> int:
    """Store the rows of a plan that add or change, and return how many were new.

    token : of the form; the same plan of the same form, sent twice, stores nothing more.
    progress : told how many rows are stored, of how many.
    Each ``AT_ONCE`` rows are stored all or none, and others may answer in between. An import that was cut off is
    finished by the same one again, or by a new plan of the same file.
    """
    wanted = plan[plan["action"].isin(["add", "change"])]
    new = 0
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted.iloc[start : start + AT_ONCE]
        answers = [_answer(row, token) for row in part.to_dict("records")]
        new += sum(receipt.new for receipt in store.add_answers(opened, answers))
        progress(start + len(part), len(wanted))
    return new


def _answer(row: dict[Any, Any], token: str) -> store.Answer:
    return store.Answer(
        token=hashlib.sha256(f"{token}\n{row['row']}\n{row['before']}".encode()).hexdigest(),
        rater=row["rater"],
        verified=bool(row["verified"]),
        label=row["label"] or None,
        skip_reason=row["skip_reason"] or None,
        clip_id=row["clip_id"],
        comment=row["comment"],
        source="import",
    )
