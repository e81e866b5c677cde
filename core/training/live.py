"""Live feedback: how a model did on clips that people labelled after its training."""

import pandas as pd

from core.dataset.loading import load_table
from core.evaluation.evaluation_table import LIVE, EvaluationTable, evaluation_lines
from core.evaluation.expectation import LEAST_LABELLED
from core.evaluation.results import ModelRef, Protocol, Result, make_result
from core.evaluation.stored_evaluation import read_evaluation, stored_policy
from core.models.description import ModelDescription
from core.schema import PROBA
from core.settings import Settings
from core.store import Store, predictions_table
from core.training.labelled_data import TrainingData, current_data, seen_clips, unseen


def live_result(
    store: Store, model: ModelDescription, data: TrainingData, *, least: int = LEAST_LABELLED
) -> Result | None:
    """Stored predictions of a model for labelled clips of recordings outside its training.

    None with fewer than ``least`` clips, because their figures would mean nothing.
    """
    fresh = unseen(data, seen_clips(model.folder))
    stored = predictions_table(store, model_version=model.version, clip_ids=fresh["clip_id"].tolist())
    newest = stored.sort_values("prediction_id").drop_duplicates("clip_id", keep="last")
    table = fresh[["row", "y", "group", "clip_id"]].merge(newest[["clip_id", *PROBA]], on="clip_id")
    if len(table) < least:
        return None
    ref = ModelRef(model.version, model.role)
    return make_result(table, model=ref, protocol=Protocol.LIVE, published=data.published_hash)


def live_lines(store: Store, model: ModelDescription, data: TrainingData) -> pd.DataFrame:
    """The row of live feedback for the evaluation table of a model; no lines with too few labelled clips."""
    found = live_result(store, model, data)
    return evaluation_lines({LIVE: found} if found else {}, policy=stored_policy(model))


def evaluation_with_live(
    store: Store, model: ModelDescription, data: TrainingData, settings: Settings
) -> EvaluationTable:
    """The evaluation table of a model, with the row of live feedback if there are enough labelled clips."""
    return read_evaluation(model, settings).with_lines(live_lines(store, model, data))


def live_lines_at_hand(store: Store, model: ModelDescription, settings: Settings) -> pd.DataFrame:
    """The row of live feedback, from the table on this machine; no lines without the table."""
    table = load_table(settings, allow_download=False)
    if table.synthetic:
        return evaluation_lines({})
    return live_lines(store, model, current_data(store, table))
