"""One fit at a time, on all cores: which clips count, what is trained on, what is tested, what comes out."""

import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed, parallel_config
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, StratifiedGroupKFold, StratifiedShuffleSplit

from core.dataset.near_duplicates import duplicate_groups, unique_rows
from core.dataset.split import held_out
from core.dataset.table import Table
from core.errors import TableError
from core.schema import COLUMNS, EMOTIONS, LABEL

FOLDS = 5
LEAST_PER_EMOTION = 10  # clips to train on: two a fold


@dataclass(frozen=True, eq=False)
class Clips:
    """Distinct clips. X : the 50 columns, index = row of the table.  y, group, held_out : shape (n,)."""

    X: pd.DataFrame
    y: np.ndarray
    group: np.ndarray
    held_out: np.ndarray

    def part(self, chosen: np.ndarray) -> "Clips":
        """The clips where ``chosen`` (n,) is true."""
        return Clips(self.X[chosen], self.y[chosen], self.group[chosen], self.held_out[chosen])

    def folds(self, *, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Positions to train on and to test in each of the grouped, stratified folds."""
        splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
        return list(splitter.split(self.X, self.y, self.group))

    def rows(self) -> pd.DataFrame:
        """row, y, group, held_out: all about the clips but their features."""
        return pd.DataFrame({"row": self.X.index, "y": self.y, "group": self.group, "held_out": self.held_out})


def distinct_clips(table: Table) -> Clips:
    """The clips that count: exact copies dropped; groups and held-out part found in the whole table.

    Raises TableError when an emotion has too few clips to train on.
    """
    frame = table.frame
    group, held = duplicate_groups(frame), held_out(frame)
    distinct = unique_rows(frame)
    kept = frame.index.get_indexer(distinct.index)
    return enough(Clips(distinct[list(COLUMNS)], distinct[LABEL].to_numpy(dtype=str), group[kept], held[kept]))


def enough(clips: Clips) -> Clips:
    """The same clips. Raises TableError when an emotion has too few to train on."""
    for emotion in EMOTIONS:
        count = int((clips.y[~clips.held_out] == emotion).sum())
        if count < LEAST_PER_EMOTION:
            raise TableError(
                f"There are {count} clips of {emotion} to train on; {LEAST_PER_EMOTION} are needed. "
                "Add labelled clips of that emotion."
            )
    return clips


@dataclass(frozen=True, eq=False)
class Task:
    """One fit.

    kind : what it is for; ``"final"`` trains on all clips given and tests none.
    noise : relative errors of the features under which the test rows are predicted as well.
    share : of the fold's training rows that are used.
    """

    kind: Literal["fold", "tuned", "ablation", "learning", "final", "judged"]
    name: str
    estimator: BaseEstimator
    repeat: int = 0
    fold: int = 0
    noise: tuple[float, ...] = ()
    share: float = 1.0


@dataclass(frozen=True, eq=False)
class Fit:
    """What a task gave.

    fitted : the estimator of a ``"final"`` task, else None.  settings : found by a search, else empty.
    test : positions.  train : number of clips trained on.  proba : noise -> (n, 4), 0.0 is without noise.
    train_s, predict_s : CPU-seconds of one thread, comparable on a busy machine.
    """

    task: Task
    fitted: Any
    settings: Mapping[str, Any]
    test: np.ndarray
    train: int
    proba: Mapping[float, np.ndarray]
    train_s: float
    predict_s: float


def work(tasks: Iterable[Task], clips: Clips, *, seed: int) -> Iterator[Fit]:
    """The fits on all cores, in the order in which they end; one thread each."""
    with parallel_config(backend="loky", n_jobs=cpu_count(), inner_max_num_threads=1):
        yield from Parallel(return_as="generator_unordered")(delayed(fit)(task, clips, seed=seed) for task in tasks)


def fit(task: Task, clips: Clips, *, seed: int) -> Fit:
    """Fit a fresh copy of the estimator on its training rows and predict its test rows."""
    train, test = _positions(task, clips, seed=seed)
    estimator = clone(task.estimator)
    searches = isinstance(estimator, GridSearchCV | RandomizedSearchCV)
    with warnings.catch_warnings():
        if task.kind == "ablation":  # on unscaled columns some do not converge: that is what is measured
            warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.process_time()
        estimator.fit(clips.X.iloc[train], clips.y[train], **({"groups": clips.group[train]} if searches else {}))
        train_s = time.process_time() - start
    settings = estimator.best_params_ if searches else {}
    if searches:
        estimator = estimator.best_estimator_
    proba, predict_s = {}, np.nan
    if len(test):
        start = time.process_time()
        proba[0.0] = estimator.predict_proba(clips.X.iloc[test])
        predict_s = time.process_time() - start
    for share in task.noise:
        shaken = noisy(clips.X.iloc[test], share=share, seed=seed + 1000 * task.repeat + task.fold)
        proba[share] = estimator.predict_proba(shaken)
    kept = estimator if task.kind == "final" else None
    return Fit(task, kept, settings, test, len(train), proba, train_s, predict_s)


def _positions(task: Task, clips: Clips, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What a task trains on and tests."""
    if task.kind == "final":
        everything = np.arange(len(clips.y))
        return everything, everything[:0]
    train, test = clips.folds(seed=seed + task.repeat)[task.fold]
    if task.share < 1:
        splitter = StratifiedShuffleSplit(1, train_size=task.share, random_state=seed + 1000 * task.repeat + task.fold)
        train = train[next(splitter.split(train, clips.y[train]))[0]]
    return train, test


def noisy(X: pd.DataFrame, *, share: float, seed: int) -> pd.DataFrame:
    """Every feature off by a normal error with a standard deviation of ``share`` of its value."""
    values = X[list(COLUMNS)].to_numpy(dtype=float)
    errors = np.random.default_rng(seed).normal(1, share, values.shape)
    return pd.DataFrame(values * errors, columns=list(COLUMNS), index=X.index)
