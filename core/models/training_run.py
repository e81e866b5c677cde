"""The record of one training run: models, predictions and tables of results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """All results of a training run. Tables are tidy; ``row`` is the row number in the training table, from 0.

    Attributes
    ----------
    champion : name of the candidate that will be used.
    labels_of : candidate -> displayed name.
    pipelines : candidate -> pipeline fitted on the development clips.
    rows : columns row, y, group, held_out; one row for each distinct clip.
    out_of_fold : columns model, row, repeat, fold, p_angry, p_happy, p_relax, p_sad; development clips only.
    held_out : columns model, row, p_*; predictions of the fitted pipelines for the held-out clips.
    shap : candidate -> SHAP values of each clip (`core.models.explanation.explain_table`); empty after a quick run.
    tables : results by name: scores, held_out_scores, folds, timings, pairs, robustness; unless ``quick``, also
        tuning, tuned_against_default, ablations, learning_curve.
    metrics : facts of the run, and the champion's figures with errors in the features, as in metrics.json.
    parameters : candidate -> hyperparameters.
    versions : library -> version.
    revision : git revision of the code; empty when not known.
    inputs : MD5 of each file that the training rows come from, by file name.
    all_clips : columns row, repeat, fold, p_*; out-of-fold predictions of the champion for all distinct clips,
        including the held-out clips; empty after a run with ``quick`` or ``only``.
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
    inputs: Mapping[str, str] = field(default_factory=dict)

    def with_labels(self, predictions: pd.DataFrame) -> pd.DataFrame:
        """Add the columns y and group to the predictions of one model, and drop the column model."""
        known = self.rows[["row", "y", "group"]]
        return predictions.drop(columns="model").merge(known, on="row", validate="many_to_one")
