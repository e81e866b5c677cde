"""The results and the evaluation table of a finished training run."""

from typing import TYPE_CHECKING

import pandas as pd

from core.evaluation import evaluation_table as tables
from core.evaluation.evaluation_table import EvaluationTable
from core.evaluation.results import ModelRef, Protocol, Result, make_result
from core.models.policy import Policy
from core.schema import MIRTOOLBOX
from core.training.card import LABELLED

if TYPE_CHECKING:
    from core.models.training_run import TrainingRun


def run_rows(run: "TrainingRun") -> pd.DataFrame:
    """Distinct clips of the run: row, y, group, held_out, clip_id (empty for published rows), extractor."""
    rows = run.rows[["row", "y", "group", "held_out"]].assign(clip_id="", extractor=MIRTOOLBOX)
    labelled = run.tables.get(LABELLED)
    if labelled is None or labelled.empty:
        return rows
    own = labelled.set_index("row")
    for column in ("clip_id", "extractor"):
        rows[column] = rows["row"].map(own[column]).fillna(rows[column])
    return rows


def run_results(run: "TrainingRun", *, published: str = "", version: str = "") -> dict[str, Result]:
    """Results of the run's winner by row of the evaluation table.

    published : content hash of the published table; by default the table of the run.
    """
    rows = run_rows(run)
    labelled = set(rows.loc[rows["clip_id"] != "", "row"])
    own = run.out_of_fold[run.out_of_fold["model"] == run.champion]
    parts = {
        tables.DEVELOPMENT: (own[~own["row"].isin(labelled)], Protocol.CROSS_VALIDATED),
        tables.ALL_CLIPS: (run.all_clips if len(run.all_clips) or not labelled else own, Protocol.CROSS_VALIDATED),
        tables.HELD_OUT: (run.held_out[run.held_out["model"] == run.champion], Protocol.HELD_OUT),
        tables.LABELLED: (own[own["row"].isin(labelled)], Protocol.CROSS_VALIDATED),
    }
    ref, found = ModelRef(version or run.champion), {}
    for row, (predictions, protocol) in parts.items():
        if len(predictions):
            kept = predictions.drop(columns=[c for c in ("model", "fold") if c in predictions])
            table = kept.merge(rows, on="row", validate="many_to_one")
            found[row] = make_result(table, model=ref, protocol=protocol, published=published or run.data_hash)
    return found


def run_evaluation(
    run: "TrainingRun", *, published: str = "", policy: Policy | None = None, measured: pd.DataFrame | None = None
) -> EvaluationTable:
    """Evaluation table of the run's winner.

    policy : the policy that is stored with the model.  measured : lines of figures that are measured on sound.
    """
    results = run_results(run, published=published)
    lines = tables.evaluation_lines(results, seed=run.seed, policy=policy)
    table = EvaluationTable(ModelRef(run.champion), lines)
    return table if measured is None else table.with_lines(measured)
