"""Select the clips, split them into grouped folds, and run the fits on all cores."""

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
LEAST_PER_EMOTION = 10  # training clips: two per fold


@dataclass(frozen=True, eq=False)
class Clips:
    """Distinct clips.

    Attributes
    ----------
    X : the 50 feature columns; the index is the row of the table.
    y, group, held_out : emotion, number of the recording, and membership of the held-out part, each of shape (n,).
    """

    X: pd.DataFrame
    y: np.ndarray
    group: np.ndarray
    held_out: np.ndarray

    def part(self, chosen: np.ndarray) -> "Clips":
        """The clips where ``chosen`` (n,) is true."""
        return Clips(self.X[chosen], self.y[chosen], self.group[chosen], self.held_out[chosen])

    def folds(self, *, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Positions of the training and test clips of each grouped, stratified fold."""
        splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
        return list(splitter.split(self.X, self.y, self.group))

    def rows(self) -> pd.DataFrame:
        """Table of the clips without their features: row, y, group, held_out."""
        return pd.DataFrame({"row": self.X.index, "y": self.y, "group": self.group, "held_out": self.held_out})


def distinct_clips(table: Table) -> Clips:
    """Clips of a table without exact duplicates; groups and held-out part are computed on the whole table.

    Raises TableError when an emotion has too few clips to train on.
    """
    frame = table.frame
    group, held = duplicate_groups(frame), held_out(frame)
    distinct = unique_rows(frame)
    at = frame.index.get_indexer(distinct.index)
    clips = Clips(distinct[list(COLUMNS)], distinct[LABEL].to_numpy(dtype=str), group[at], held[at])
    return check_enough_clips(clips)


def check_enough_clips(clips: Clips) -> Clips:
    """Return the clips unchanged. Raises TableError when an emotion has too few training clips."""
    for emotion in EMOTIONS:
        count = int((clips.y[~clips.held_out] == emotion).sum())
        if count < LEAST_PER_EMOTION:
            raise TableError(
                f"There are {count} training clips labelled {emotion}; at least {LEAST_PER_EMOTION} are needed. "
                "Add labelled clips of that emotion."
            )
    return clips


@dataclass(frozen=True, eq=False)
class Task:
    """One fit.

    Attributes
    ----------
    kind : purpose of the fit; ``"final"`` trains on all given clips and tests none.
    noise : relative feature errors; the test rows are also predicted under each of them.
    share : share of the fold's training rows to use, in (0, 1].
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
    """Result of a task.

    Attributes
    ----------
    fitted : the fitted estimator of a ``"final"`` task, else None.
    settings : settings chosen by a search, else empty.
    test : positions of the test clips.
    train : number of training clips.
    proba : probabilities of shape (n, 4) by noise level; 0.0 is without noise.
    train_s, predict_s : CPU seconds of one thread, so that they are comparable on a busy machine.
    """

    task: Task
    fitted: Any
    settings: Mapping[str, Any]
    test: np.ndarray
    train: int
    proba: Mapping[float, np.ndarray]
    train_s: float
    predict_s: float


def run_fits(tasks: Iterable[Task], clips: Clips, *, seed: int) -> Iterator[Fit]:
    """Run the tasks on all cores, one thread each; yield each fit when it finishes."""
    with parallel_config(backend="loky", n_jobs=cpu_count(), inner_max_num_threads=1):
        yield from Parallel(return_as="generator_unordered")(delayed(fit)(task, clips, seed=seed) for task in tasks)


def fit(task: Task, clips: Clips, *, seed: int) -> Fit:
    """Fit a fresh copy of the estimator on its training rows and predict its test rows."""
    train, test = _positions(task, clips, seed=seed)
    estimator = clone(task.estimator)
    searches = isinstance(estimator, GridSearchCV | RandomizedSearchCV)
    with warnings.catch_warnings():
        if task.kind == "ablation":  # non-convergence on unscaled columns is part of the effect
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
    fitted = estimator if task.kind == "final" else None
    return Fit(task, fitted, settings, test, len(train), proba, train_s, predict_s)


def _positions(task: Task, clips: Clips, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the training clips and of the test clips of a task."""
    if task.kind == "final":
        everything = np.arange(len(clips.y))
        return everything, everything[:0]
    train, test = clips.folds(seed=seed + task.repeat)[task.fold]
    if task.share < 1:
        splitter = StratifiedShuffleSplit(1, train_size=task.share, random_state=seed + 1000 * task.repeat + task.fold)
        train = train[next(splitter.split(train, clips.y[train]))[0]]
    return train, test


def noisy(X: pd.DataFrame, *, share: float, seed: int) -> pd.DataFrame:
    """Add a normal error to every feature, with a standard deviation of ``share`` times the value."""
    values = X[list(COLUMNS)].to_numpy(dtype=float)
    errors = np.random.default_rng(seed).normal(1, share, values.shape)
    return pd.DataFrame(values * errors, columns=list(COLUMNS), index=X.index)
