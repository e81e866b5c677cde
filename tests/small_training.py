"""A small training run on the stand-in, made once a test run: two cheap candidates and the blend."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from unittest.mock import patch

import once
import pandas as pd

from core.dataset.stand_in import sample
from core.dataset.table import Table, as_table
from core.models.training_run import TrainingRun
from core.training import candidates, folds, speed
from core.training import run as run_module
from core.training.run import train_and_compare

TREES = 10  # enough for what the tests ask
NAMES = ("logistic_regression", "knn", "blend")


def few_candidates(seed: int) -> dict[str, candidates.Candidate]:
    made = candidates.all_candidates(seed)
    return {name: made[name] for name in (*NAMES, "stacking")}


@cache
def small_table() -> Table:
    """40 clips an emotion; row 160 is an exact copy and row 161 a near copy of row 0."""
    frame = sample(seed=5, n_per_class=40)
    copies = frame.iloc[[0, 0]].copy()
    copies.iloc[1, 1:] = copies.iloc[1, 1:].astype(float).round(2)
    return as_table(pd.concat([frame, copies], ignore_index=True), origin="synthetic", synthetic=True)


@contextmanager
def in_one_process() -> Iterator[None]:
    """Fit the models in this process: new ones take longer to start than a small training takes."""
    with patch.object(folds, "cpu_count", lambda: 1), patch.object(run_module, "cpu_count", lambda: 1):
        yield


@contextmanager
def small_recipe() -> Iterator[None]:
    """Train the champion with its two quickest members and one point of a learning curve, timed on two short clips."""
    members = candidates.blend_members
    with (
        patch.object(candidates, "blend_members", lambda seed: members(seed)[:2]),
        patch.object(run_module, "LEARNING_SHARES", (0.5,)),
        patch.object(run_module, "NOISE", (0.05,)),
        patch.object(speed, "CLIPS", 2),
        patch.object(speed, "SECONDS", 5.0),
        in_one_process(),
    ):
        yield


@cache
def small_run() -> tuple[TrainingRun, list[tuple[float, str]]]:
    """The run and what it told about its progress. It is fitted on all cores, as a user's training is."""
    return once.value("small-training", _small_run)


def _small_run() -> tuple[TrainingRun, list[tuple[float, str]]]:
    told: list[tuple[float, str]] = []
    with patch.object(run_module, "all_candidates", few_candidates), patch.object(candidates, "TREES", TREES):
        run = train_and_compare(
            small_table(), seed=0, quick=True, progress=lambda share, text: told.append((share, text))
        )
    return run, told
