"""From a labelled table to compared, calibrated and documented models."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """All that a training run found out. Tables are tidy; rows are numbers of the training table from 0.

    champion : name of the served candidate.  labels_of : candidate -> name for people.
    pipelines : candidate -> pipeline fitted on the development rows.
    rows : row, y, group, held_out; one line a distinct clip.
    out_of_fold : model, row, repeat, fold, p_angry, p_happy, p_relax, p_sad; development rows only.
    held_out : model, row, p_*; what the fitted pipelines say about the held-out rows.
    tables : the results by name (``leaderboard``, ``folds``, ``ablations``, ...; see `core.comparison`).
    metrics : the champion's figures and the run's facts, as in metrics.json.
    parameters : candidate -> its settings.
    versions : library -> version.  revision : of the code, git; empty when not known.
    """

    champion: str
    labels_of: Mapping[str, str]
    pipelines: Mapping[str, Pipeline]
    rows: pd.DataFrame
    out_of_fold: pd.DataFrame
    held_out: pd.DataFrame
    tables: Mapping[str, pd.DataFrame]
    metrics: Mapping[str, Any]
    parameters: Mapping[str, Mapping[str, Any]]
    data_hash: str
    origin: str
    synthetic: bool
    seed: int
    quick: bool
    versions: Mapping[str, str]
    revision: str
    created_at: str
