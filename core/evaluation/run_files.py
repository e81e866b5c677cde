"""Files with the results of a training run: written after the training, read by the pages without the training table.

``about.json``          champion, displayed names, hyperparameters, data hash, seed, library versions, revision
``rows.csv``            row, y, group, held_out: labels without features
``out_of_fold.parquet`` model, row, repeat, fold, p_*; development clips
``held_out.parquet``    model, row, p_*; held-out clips, predicted once by each finished model
``<table>.csv``         the tables of `core.models.training_run.TrainingRun`
``shap/<model>.parquet`` SHAP values (`core.models.explanation`)
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.atomic import replace_file
from core.errors import ModelError
from core.file_names import (
    ABOUT,
    ALL_HELD_OUT,
    ALL_OUT_OF_FOLD,
    ROWS,
    shap_file,
    table_file,
)
from core.schema import PROBA

if TYPE_CHECKING:
    from core.models.training_run import TrainingRun

DIGITS = 5  # decimals of a stored probability; all figures are computed from the stored values
TABLES = (
    *("scores", "held_out_scores", "folds", "timings", "pairs", "robustness"),
    *("tuning", "tuned_against_default", "ablations", "learning_curve"),
)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Stored results of a training run for all models; see `core.models.training_run.TrainingRun` for the tables.

    about : champion, labels_of, parameters, data_hash, inputs, origin, synthetic, seed, quick, versions, revision,
        created_at. Runs before version 0.3 have no inputs.
    tables : tables by name; a quick run has fewer tables.
    """

    about: Mapping[str, Any]
    rows: pd.DataFrame
    out_of_fold: pd.DataFrame
    held_out: pd.DataFrame
    tables: Mapping[str, pd.DataFrame]

    @property
    def champion(self) -> str:
        """Name of the candidate that is used."""
        return str(self.about["champion"])

    @property
    def labels_of(self) -> dict[str, str]:
        """Displayed name of each candidate, in the order of the run."""
        return dict(self.about["labels_of"])

    def predictions(self, model: str, *, held_out: bool = False) -> pd.DataFrame:
        """Table of predictions of a model for `core.evaluation.metrics`."""
        source = self.held_out if held_out else self.out_of_fold
        part = source[source["model"] == model]
        return part.merge(self.rows[["row", "y", "group"]], on="row", how="left")


def write_run(run: "TrainingRun", folder: Path) -> None:
    """Write the results of a run. Replaces or removes all results of an earlier run in the folder."""
    from core.models.explanation import write_shap

    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "champion": run.champion,
        "labels_of": dict(run.labels_of),
        "parameters": run.parameters,
        "data_hash": run.data_hash,
        "inputs": dict(run.inputs),
        "origin": run.origin,
        "synthetic": run.synthetic,
        "seed": run.seed,
        "quick": run.quick,
        "versions": dict(run.versions),
        "revision": run.revision,
        "created_at": run.created_at,
    }
    for old in (*folder.glob(shap_file("*")), *(folder / table_file(name) for name in TABLES)):
        old.unlink(missing_ok=True)
    for model, shap in run.shap.items():
        write_shap(shap, folder / shap_file(model))
    for file, table in {ROWS: run.rows, **{table_file(name): table for name, table in run.tables.items()}}.items():
        text = table.to_csv(index=False, lineterminator="\n", float_format="%.6g")
        replace_file(folder / file, text.encode())
    for file, table in ((ALL_OUT_OF_FOLD, run.out_of_fold), (ALL_HELD_OUT, run.held_out)):
        replace_file(folder / file, _parquet(table))
    replace_file(folder / ABOUT, (json.dumps(about, indent=1, ensure_ascii=False) + "\n").encode())


def _parquet(predictions: pd.DataFrame) -> bytes:
    """Predictions as a small Parquet file: probabilities as integers (multiples of 10^-DIGITS), names as categories."""
    small = predictions.astype({"model": "category", **{c: "int16" for c in ("repeat", "fold") if c in predictions}})
    small[list(PROBA)] = (predictions[list(PROBA)] * 10**DIGITS).round().astype(np.int32)
    buffer = io.BytesIO()
    small.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def _predictions(path: Path) -> pd.DataFrame:
    table = pd.read_parquet(path)
    table["model"] = table["model"].astype(str)
    table[list(PROBA)] = table[list(PROBA)] / 10**DIGITS
    return table


def read_run(folder: Path) -> Comparison:
    """Read the results that ``write_run`` stored. Raises ModelError when they are missing or damaged."""
    if not (folder / ABOUT).is_file():
        raise ModelError("There is no comparison of models. Train the models with: python -m core train")
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        files = {name: folder / table_file(name) for name in TABLES}
        tables = {name: pd.read_csv(file) for name, file in files.items() if file.is_file()}
        rows = pd.read_csv(folder / ROWS)
        stored = [_predictions(folder / file) for file in (ALL_OUT_OF_FOLD, ALL_HELD_OUT)]
        return Comparison(about, rows, stored[0], stored[1], tables)
    except (OSError, ValueError, KeyError) as error:  # pyarrow's and json's errors are ValueErrors
        raise ModelError(
            f"The comparison of models in {folder.name} cannot be read ({error}). Restore the files, or train again."
        ) from error
