"""The newest predictions in memory as columns: read once, then only what is new. The label queue orders clips by them.

Predictions are append-only, as answers are. 100,000 predictions need about 8 MB.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.schema import EMOTIONS
from core.store.connection import Store, read
from core.store.erasures import erasures
from core.store.schema import ROLES, predictions

_AT_ONCE = 50_000  # rows that are fetched together


@dataclass(frozen=True, eq=False)
class PredictionLog:
    """All predictions, oldest first. Do not change the arrays: everybody shares them.

    ids, margin : shape (n,).  role, guess : numbers in ``ROLES`` and ``EMOTIONS``.  clip, model : numbers in
    ``clip_ids`` and ``models``.  proba : shape (n, 4).  key : changes when anything of this changes.
    """

    ids: np.ndarray
    clip: np.ndarray
    role: np.ndarray
    model: np.ndarray
    guess: np.ndarray
    margin: np.ndarray
    proba: np.ndarray
    clip_ids: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    key: tuple[str, ...] = ()

    def newest(self, role: str, version: str | None, *, or_any: bool = False) -> np.ndarray:
        """Row of each clip's newest prediction in this role, -1 without one; see ``newest_prediction``."""
        rows = np.flatnonzero(self.role == ROLES.index(role))
        found = np.full(len(self.clip_ids), -1, dtype=np.int64)
        if version is None or or_any:
            found[self.clip[rows]] = rows  # the last of several assignments stays: the newest
        if version is not None:
            number = self.models.index(version) if version in self.models else -1
            own = rows[self.model[rows] == number]
            found[self.clip[own]] = own
        return found

    def order(self, champion: str | None, challenger: str | None, pair: Collection[str] = ()) -> np.ndarray:
        """The numbers of the scored clips, the most informative first; see ``core.store.clips_to_label``."""
        first, second = self.newest("champion", champion, or_any=True), self.newest("challenger", challenger)
        clip = np.flatnonzero(first >= 0)
        first, second = first[clip], second[clip]
        differs = (second >= 0) & (self.guess[second] != self.guess[first])
        at_random = np.zeros(len(clip), dtype=np.int64)
        differing = np.flatnonzero(differs)
        by_id = np.argsort(np.array([self.clip_ids[k] for k in clip[differing]], dtype=object), kind="stable")
        at_random[differing[by_id]] = np.arange(1, len(differing) + 1)
        beside = np.zeros(len(clip), dtype=bool)
        if pair:
            ours = [EMOTIONS.index(emotion) for emotion in pair]
            others = [k for k in range(len(EMOTIONS)) if k not in ours]
            proba = self.proba[first]
            beside = proba[:, ours].min(axis=1) < proba[:, others].max(axis=1, initial=-np.inf)
        return clip[np.lexsort((self.ids[first], self.margin[first], beside, at_random, ~differs))]


_EMPTY = PredictionLog(
    ids=np.zeros(0, dtype=np.int64),
    clip=np.zeros(0, dtype=np.int32),
    role=np.zeros(0, dtype=np.int8),
    model=np.zeros(0, dtype=np.int32),
    guess=np.zeros(0, dtype=np.int8),
    margin=np.zeros(0),
    proba=np.zeros((0, len(EMOTIONS))),
)


def prediction_log(store: Store) -> PredictionLog:
    """Return the log as it is now. It asks for no right: callers do."""
    with store.memory.lock_of("predictions"):
        before = store.memory.held.get("predictions", _EMPTY)
        log = store.memory.held["predictions"] = read(store, lambda c: _brought_up_to_date(c, store, before))
        return log


@requires(Action.SEE_ANSWERS)
def champion_margins(store: Store) -> pd.Series:
    """Return the margin of each clip's newest prediction by a champion. Index: clip_id."""
    log = prediction_log(store)
    newest = log.newest("champion", None)
    clip = np.flatnonzero(newest >= 0)
    ids = pd.Index([log.clip_ids[k] for k in clip], name="clip_id", dtype="str")
    return pd.Series(log.margin[newest[clip]], index=ids, name="margin")


def _brought_up_to_date(c: sa.Connection, store: Store, before: PredictionLog) -> PredictionLog:
    number, newest, erased = c.execute(
        sa.select(
            sa.select(sa.func.count()).select_from(predictions).scalar_subquery(),
            sa.select(sa.func.max(predictions.c.id)).scalar_subquery(),
            erasures(),
        )
    ).one()
    key = (str(store.reopened), str(erased), str(number), str(newest))
    if before.key == key:
        return before
    log = _extended(c, before, key) if before.key[:2] == key[:2] else None
    if log is None or len(log.ids) != number:  # in PostgreSQL a row can become visible after one with a higher number
        log = _extended(c, _EMPTY, key)
    return log


def _extended(c: sa.Connection, log: PredictionLog, key: tuple[str, ...]) -> PredictionLog:
    """The log with the rows after its last one."""
    columns = ("id", "clip_id", "role", "model_version", "guess", "margin", *(f"p_{e}" for e in EMOTIONS))
    newest = int(log.ids[-1]) if len(log.ids) else 0
    query = sa.select(*(predictions.c[name] for name in columns)).where(predictions.c.id > newest)
    clip = {name: k for k, name in enumerate(log.clip_ids)}
    model = {name: k for k, name in enumerate(log.models)}
    parts = [(log.ids, log.clip, log.role, log.model, log.guess, log.margin, log.proba)]
    result = c.execution_options(yield_per=_AT_ONCE).execute(query.order_by(predictions.c.id))
    for rows in result.partitions():
        number, clip_id, role, version, guess, margin, *p = zip(*rows, strict=True)
        parts.append(
            (
                np.array(number, dtype=np.int64),
                np.array([clip.setdefault(name, len(clip)) for name in clip_id], dtype=np.int32),
                np.array([ROLES.index(name) for name in role], dtype=np.int8),
                np.array([model.setdefault(name, len(model)) for name in version], dtype=np.int32),
                np.array([EMOTIONS.index(name) for name in guess], dtype=np.int8),
                np.array(margin, dtype=float),
                np.array(p, dtype=float).T,
            )
        )
    ids, about, roles, versions, guesses, margins, proba = (np.concatenate(each) for each in zip(*parts, strict=True))
    return PredictionLog(ids, about, roles, versions, guesses, margins, proba, tuple(clip), tuple(model), key)
