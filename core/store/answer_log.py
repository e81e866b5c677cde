"""All answers in memory as columns of small numbers: read once, then only what is new.

Answers are append-only, so a second look reads the rows after the last known number. The columns of 1,000,000 answers
need about 60 MB. The log belongs to one open database and is shared by all people who use it. Who may see which
answers is decided by the functions that read the log.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from core.access import Action, decides, require, requires
from core.schema import EMOTIONS
from core.store.connection import Store, in_parts, read
from core.store.erasures import erasures
from core.store.prediction_log import prediction_log
from core.store.schema import (
    DISPLAYS,
    KINDS,
    ORIGINS,
    REPEAT,
    SKIPS,
    SOURCES,
    TURNS,
    VERIFIED_ONLY,
    clips,
    feedback,
    settings,
)
from core.store.synthetic import origin_of_music

_AT_ONCE = 50_000  # rows that are fetched together
_KINDS = (*KINDS, REPEAT)
_NUMBER: dict[str, dict[Any, int]] = {  # column -> the number of each of its values; -1 is NULL
    "kind": {name: k for k, name in enumerate(_KINDS)},
    "label": {None: -1, **{name: k for k, name in enumerate(EMOTIONS)}},
    "skip_reason": {None: -1, **{name: k for k, name in enumerate(SKIPS)}},
    "display": {name: k for k, name in enumerate(DISPLAYS)},
    "source": {name: k for k, name in enumerate(SOURCES)},
    "shown_label": {None: -1, **{name: k for k, name in enumerate(EMOTIONS)}},
}
_VALUES = {"kind": _KINDS, "label": EMOTIONS, "skip_reason": SKIPS, "display": DISPLAYS, "source": SOURCES}
_LINKS = ("target_id", "prediction_id", "task_id", "turn")  # numbers; 0 is NULL
_TYPES: dict[str, Any] = {"id": np.int64, **dict.fromkeys(_LINKS, np.int64), "turn": np.int8, "clip": np.int32}
_TYPES |= {"answer_s": float, "heard_s": float, "person": np.int32, **dict.fromkeys(_NUMBER, np.int8)}


@dataclass(frozen=True, eq=False)
class AnswerLog:
    """All rows of feedback, oldest first. Do not change the arrays: everybody shares them.

    Attributes
    ----------
    columns : id, target_id, prediction_id, task_id, turn (0 = none), answer_s, heard_s (NaN = not measured), clip and
        person (numbers), kind, label, skip_reason, display, source, shown_label (numbers of the values).
    clip_ids, people : what the numbers of clip and person mean: the clip's id; the name and whether it comes from a
        login.
    origin, content, length_s, deleted : of each clip: its origin, the hash of its content, its length, and whether it
        is deleted.
    newest : of each person, the number of the answer or settlement with the latest time, and this time as the driver
        gives it.
    only_verified : only answers of people who logged in count.
    key : changes when anything of this changes.
    """

    columns: dict[str, np.ndarray]
    clip_ids: tuple[str, ...] = ()
    people: tuple[tuple[str, bool], ...] = ()
    origin: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int8))
    content: tuple[str, ...] = ()
    length_s: np.ndarray = field(default_factory=lambda: np.zeros(0))
    deleted: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    newest: Mapping[int, tuple[Any, int]] = field(default_factory=dict)
    only_verified: bool = False
    key: tuple[object, ...] = ()

    def __len__(self) -> int:
        return len(self.columns["id"])

    @cached_property
    def undone(self) -> np.ndarray:
        """Whether a later row takes each row back."""
        targets = self.columns["target_id"]
        return np.isin(self.columns["id"], targets[targets > 0])

    def is_kind(self, kind: str) -> np.ndarray:
        """Whether each row is of this kind."""
        return np.asarray(self.columns["kind"] == _KINDS.index(kind))

    def table(self, rows: np.ndarray | None = None) -> pd.DataFrame:
        """Return the columns of ``store.feedback_table`` that need no prediction and no text; texts are categories.

        Columns: feedback_id, kind, undone, clip_id, origin, clip_s, deleted, display, label, skip_reason, rater,
        verified, counts, source, answer_s, heard_s, target_id, task_id, turn.

        rows : mask of the wanted rows; all rows without it.
        """
        undone = self.undone
        some = self.columns if rows is None else {name: values[rows] for name, values in self.columns.items()}
        undone = undone if rows is None else undone[rows]
        verified = np.array([login for _, login in self.people], dtype=bool)[some["person"]]
        names, codes = _distinct([name for name, _ in self.people])
        texts = {name: category(some[name], values) for name, values in _VALUES.items()}
        return pd.DataFrame(
            {
                "feedback_id": some["id"],
                "kind": texts["kind"],
                "undone": undone,
                "clip_id": category(some["clip"], self.clip_ids),
                "origin": category(self.origin[some["clip"]], ORIGINS),
                "clip_s": self.length_s[some["clip"]],
                "deleted": self.deleted[some["clip"]],
                "display": texts["display"],
                "label": texts["label"],
                "skip_reason": texts["skip_reason"],
                "rater": category(codes[some["person"]], names),
                "verified": verified,
                "counts": verified | (not self.only_verified),
                "source": texts["source"],
                "answer_s": some["answer_s"],
                "heard_s": some["heard_s"],
                **{name: _or_missing(some[name]) for name in ("target_id", "task_id", "turn")},
            }
        )


def category(numbers: np.ndarray, values: Sequence[str] | pd.Index) -> pd.Categorical:
    """The text of each number; -1 is missing."""
    made: pd.Categorical = pd.Categorical.from_codes(numbers, categories=pd.Index(values, dtype=object))
    return made


def _distinct(names: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The distinct names, and the number of each name among them."""
    number = {name: k for k, name in enumerate(dict.fromkeys(names))}
    return list(number), np.array([number[name] for name in names], dtype=np.int32)


def _or_missing(values: np.ndarray) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(values.astype(np.int64), values == 0)


_EMPTY = AnswerLog({name: np.zeros(0, dtype=kind) for name, kind in _TYPES.items()})


def current_log(store: Store) -> AnswerLog:
    """Return the log as it is now. It asks for no right: callers do."""
    with store.memory.lock_of("answers"):
        before = store.memory.held.get("answers", _EMPTY)
        log = store.memory.held["answers"] = read(store, lambda c: _brought_up_to_date(c, store, before))
        return log


def _state(c: sa.Connection, store: Store) -> tuple[str, ...]:
    """What the log depends on: the file, erasures, the rule for answers, the deleted clips, and the stored rows."""
    deleted = clips.c.deleted_at.is_not(None)
    found = c.execute(
        sa.select(
            erasures(),
            sa.select(settings.c.value).where(settings.c.key == VERIFIED_ONLY).scalar_subquery(),
            sa.select(sa.func.count(clips.c.deleted_at)).where(deleted).scalar_subquery(),
            sa.select(sa.func.max(clips.c.deleted_at)).where(deleted).scalar_subquery(),
            sa.select(sa.func.count()).select_from(feedback).scalar_subquery(),
            sa.select(sa.func.max(feedback.c.id)).scalar_subquery(),
        )
    ).one()
    return tuple(map(str, (store.reopened, *found)))


def _brought_up_to_date(c: sa.Connection, store: Store, before: AnswerLog) -> AnswerLog:
    state = _state(c, store)
    _, _, rule, *deleted_clips, number, _ = state
    if before.key == state:
        return before
    if before.key[:2] == state[:2]:
        log = _extended(c, before)
        if len(log) == int(number):  # in PostgreSQL a row can become visible after one with a higher number
            deleted = log.deleted if before.key[3:5] == tuple(deleted_clips) else _deleted(c, log)
            return replace(log, deleted=deleted, only_verified=rule == "true", key=state)
    return replace(_extended(c, _EMPTY), only_verified=rule == "true", key=state)


def _deleted(c: sa.Connection, log: AnswerLog) -> np.ndarray:
    query = sa.select(clips.c.id).where(clips.c.deleted_at.is_not(None))
    gone = set(c.execute(query).scalars())
    return np.array([clip_id in gone for clip_id in log.clip_ids], dtype=bool)


def _extended(c: sa.Connection, log: AnswerLog) -> AnswerLog:
    """The log with the rows after its last one."""
    newest = int(log.columns["id"][-1]) if len(log) else 0
    names = ("id", *_LINKS, "answer_s", "heard_s", "clip_id", "rater", "verified", *_NUMBER, "created_at")
    query = sa.select(*(feedback.c[name] for name in names)).where(feedback.c.id > newest).order_by(feedback.c.id)
    clip = {clip_id: k for k, clip_id in enumerate(log.clip_ids)}
    person = {who: k for k, who in enumerate(log.people)}
    parts, latest = [log.columns], dict(log.newest)
    cursor = c.execute(query).cursor  # rows of the driver itself: SQLAlchemy's rows cost as much again
    while rows := cursor.fetchmany(_AT_ONCE):
        parts.append(_numbers(clip, person, rows))
        _note_newest(latest, parts[-1], [row[-1] for row in rows])
    if len(parts) == 1:
        return log
    columns = {name: np.concatenate([part[name] for part in parts]) for name in _TYPES}
    new = list(clip)[len(log.clip_ids) :]
    facts = _facts(c, new)
    return replace(
        log,
        columns=columns,
        clip_ids=(*log.clip_ids, *new),
        people=tuple(person),
        newest=latest,
        origin=np.concatenate([log.origin, np.array([ORIGINS.index(facts[i][0]) for i in new], dtype=np.int8)]),
        content=(*log.content, *(facts[i][1] for i in new)),
        length_s=np.concatenate([log.length_s, np.array([facts[i][3] for i in new], dtype=float)]),
        deleted=np.concatenate([log.deleted, np.array([facts[i][2] for i in new], dtype=bool)]),
    )


def _numbers(clip: dict[str, int], person: dict[tuple[str, bool], int], rows: Iterable[Any]) -> dict[str, np.ndarray]:
    """The rows as columns of numbers. clip, person : number of each; new clips and people get the next number."""
    ids, targets, guesses, tasks, turns, answer_s, heard_s, about, raters, logins, *texts, _ = zip(*rows, strict=True)
    found: dict[str, Any] = {
        "id": ids,
        "answer_s": answer_s,  # None becomes NaN
        "heard_s": heard_s,
        **{
            name: [number or 0 for number in numbers]
            for name, numbers in zip(_LINKS, (targets, guesses, tasks, turns), strict=True)
        },
        "clip": [clip.setdefault(clip_id, len(clip)) for clip_id in about],
        "person": [person.setdefault(who, len(person)) for who in zip(raters, map(bool, logins), strict=True)],
    }
    found |= {
        name: [number[value] for value in values] for (name, number), values in zip(_NUMBER.items(), texts, strict=True)
    }
    columns = {name: np.array(found[name], dtype=kind) for name, kind in _TYPES.items()}
    repeats = (columns["kind"] == _KINDS.index("answer")) & (columns["turn"] == TURNS[1])
    columns["kind"][repeats] = _KINDS.index(REPEAT)
    return columns


def _note_newest(newest: dict[int, tuple[Any, int]], columns: dict[str, np.ndarray], moments: Sequence[Any]) -> None:
    """Note the latest answer or settlement of each person; a second turn of a task is none. moments : of the rows."""
    kinds = (columns["kind"] != _KINDS.index("undo")) & (columns["kind"] != _KINDS.index(REPEAT))
    known = zip(columns["person"].tolist(), moments, columns["id"].tolist(), kinds.tolist(), strict=True)
    for who, moment, number, counts in known:
        if counts and (who not in newest or moment > newest[who][0]):
            newest[who] = (moment, number)


def _facts(c: sa.Connection, clip_ids: Sequence[str]) -> dict[str, tuple[str, str, bool, float]]:
    """Origin, hash of the content, whether it is deleted, and length, of each clip."""
    query = sa.select(
        clips.c.id, origin_of_music(), clips.c.content_hash, clips.c.deleted_at.is_not(None), clips.c.duration_s
    )
    rows = [row for part in in_parts(clip_ids) for row in c.execute(query.where(clips.c.id.in_(part)))]
    return {row[0]: (row[1], row[2], bool(row[3]), row[4]) for row in rows}


@decides(Action.ANSWER, Action.SEE_ANSWERS)
def answers_table(store: Store, *, rater: str | None = None, verified: bool | None = None) -> pd.DataFrame:
    """Return all answers, undos and adjudications, oldest first, without predictions; see ``AnswerLog.table``.

    It costs far less than ``store.feedback_table`` and gives the functions of ``core.labelling.agreement`` all that
    they need.

    A person may read the own answers, with rater and verified. All other answers need a right of their own.
    """
    by = store.by
    own = rater is not None and verified is not None and by.owns(rater, verified)
    require(by, Action.ANSWER if own else Action.SEE_ANSWERS)
    log = current_log(store)
    if rater is None and verified is None:
        return log.table()
    wanted = np.array([rater in (None, name) and verified in (None, login) for name, login in log.people], dtype=bool)
    return log.table(wanted[log.columns["person"]])


@requires(Action.SEE_ANSWERS)
def answers_about_guesses(store: Store) -> pd.DataFrame:
    """Return the answers of the Label page whose guess was shown, or was hidden at random, oldest first.

    Columns: those of ``answers_table``, shown_label (the emotion that the person saw) and guess (of the model; missing
    where the answer belongs to no prediction).
    """
    log, predicted = current_log(store), prediction_log(store)
    columns = log.columns
    displays = [_NUMBER["display"][name] for name in ("shown", "hidden at random")]
    rows = np.isin(columns["display"], displays) & (columns["source"] == _NUMBER["source"]["label"])
    rows &= log.is_kind("answer")
    place = np.searchsorted(predicted.ids, columns["prediction_id"][rows])
    found = np.append(predicted.ids, 0)[place] == columns["prediction_id"][rows]
    guess = np.where(found, np.append(predicted.guess, -1)[place], -1)
    shown = category(columns["shown_label"][rows], EMOTIONS)
    return log.table(rows).assign(shown_label=shown, guess=category(guess, EMOTIONS))


@requires(Action.ANSWER)
def answers_key(store: Store) -> tuple[object, ...]:
    """Return a cache key that changes whenever an answer, a deleted or erased clip or the rule for answers changes."""
    return (store.url, *current_log(store).key)
