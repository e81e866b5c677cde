"""Everything that one training run measured, as one record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """All that a training run found out. Tables are tidy; rows are numbers of the training table from 0.

    champion : name of the served candidate.  labels_of : candidate -> name for people.
    pipelines : candidate -> pipeline fitted on the development clips.
    rows : row, y, group, held_out; one line a distinct clip.
    shap : candidate -> contributions of the features to each clip (`explain.explain_table`); empty after a quick run.
    out_of_fold : model, row, repeat, fold, p_angry, p_happy, p_relax, p_sad; development clips only.
    held_out : model, row, p_*; what the fitted pipelines say about the held-out clips.
    tables : results by name: scores, held_out_scores, folds, timings, pairs, robustness; without ``quick`` also
    tuning, tuned_against_default, ablations, learning_curve.
    metrics : the champion's figures and the run's facts, as in metrics.json.
    parameters : candidate -> its settings.
    versions : library -> version.  revision : of the code, from git; empty when not known.
    all_clips : row, repeat, fold, p_*; the champion's out-of-fold predictions for all distinct clips, held-out ones
    too; empty after a run with ``quick`` or ``only``.
    """

    champion: str
    labels_of: Mapping[str, str]
    pipelines: Mapping[str, Pipeline]
    rows: pd.DataFrame
    out_of_fold: pd.DataFrame
    held_out: pd.DataFrame
    shap: Mapping[str, pd.DataFrame]
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
    all_clips: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def judged(self) -> pd.DataFrame:
        """The champion's out-of-fold predictions that its headline figures stand on: row, repeat, fold, p_*."""
        if len(self.all_clips):
            return self.all_clips
        own = self.out_of_fold[self.out_of_fold["model"] == self.champion]
        return own.drop(columns="model").reset_index(drop=True)

    def with_labels(self, predictions: pd.DataFrame) -> pd.DataFrame:
        """Predictions of one model with the columns y and group of their clips, without the column model."""
        known = self.rows[["row", "y", "group"]]
        return predictions.drop(columns="model").merge(known, on="row", validate="many_to_one")
