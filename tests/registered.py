"""Small training runs, and versions of them in a registry."""

import json
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import once
import pandas as pd

from core.evaluation.evaluation_table import to_csv
from core.models.bundle import save_bundle
from core.models.tracking import log_run
from core.models.training_run import TrainingRun
from core.schema import EMOTIONS, LABEL
from core.settings import Settings
from core.training.candidates import calibrated, prepared
from core.training.estimators import RegularisedDiscriminant
from core.training.run_evaluation import run_evaluation, run_rows
from core.training.run_tables import candidate_figures

PROBA = [f"p_{e}" for e in EMOTIONS]
FACTS = {"data_hash": "0123abcd", "origin": "synthetic", "synthetic": True, "revision": "abc1234", "versions": {}}


def discriminant(**settings):
    """A small model whose probabilities can be believed."""
    return calibrated(RegularisedDiscriminant(**settings), seed=0)


def predictions(pipeline, rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    proba = pipeline.predict_proba(table.loc[rows["row"]])
    return pd.DataFrame(proba, columns=PROBA).assign(model="rda", row=rows["row"].to_numpy())


def training_run(table: pd.DataFrame, model, *, seed: int = 0) -> TrainingRun:
    """A small run: one candidate, one repeat, the held-out part is every seventh clip."""
    rows = pd.DataFrame(
        {"row": table.index, "y": table[LABEL], "group": table.index, "held_out": np.arange(len(table)) % 7 == 0}
    )
    development = rows[~rows["held_out"]]
    pipeline = prepared(model).fit(table.loc[development["row"]], development["y"].to_numpy())
    return TrainingRun(
        champion="rda",
        labels_of={"rda": "Regularised discriminant"},
        pipelines={"rda": pipeline},
        rows=rows,
        out_of_fold=predictions(pipeline, development, table).assign(repeat=0, fold=0),
        held_out=predictions(pipeline, rows[rows["held_out"]], table),
        shap={},
        tables={"folds": pd.DataFrame({"model": ["rda"], "macro_f1": [0.8]})},
        metrics={"run": FACTS | {"seed": seed}, "protocol": {"development": len(development)}},
        parameters={"rda": {"pooled": 0.8}},
        data_hash="0123abcd",
        origin="synthetic",
        synthetic=True,
        seed=seed,
        quick=True,
        versions={"scikit-learn": "1.9"},
        revision="abc1234",
        created_at="2026-01-02T03:04:05+00:00",
    )


def log(run: TrainingRun, background: pd.DataFrame, settings: Settings, **more: bytes) -> str:
    """Register the run as version 0.3 does: with its evaluation table, and the clips and predictions behind it.

    more : further files of the bundle; the name is that of the file without ``.json``.
    """
    made = bundles(run, Background(background), tuple(more.items()))
    shutil.copytree(made / "committed", settings.models_dir / "champion", dirs_exist_ok=True)
    return log_run(run, made / "bundle", figures=candidate_figures(run), settings=settings)


class Background:
    """A background that a cache can hold: the same object is the same background."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table

    def __hash__(self) -> int:
        return id(self.table)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Background) and self.table is other.table


@cache
def bundles(run: TrainingRun, background: Background, more: tuple[tuple[str, bytes], ...]) -> Path:
    """A folder with the bundle of the run and with that of the committed model, which has no figures."""
    folder = Path(tempfile.mkdtemp(dir=os.environ.get(once.FOLDER)))
    parts = {"name": "rda", "created_at": run.created_at, "background": background.table, "libraries": {}}
    files = {
        "metrics.json": json.dumps(run.metrics).encode(),
        "evaluation.csv": to_csv(run_evaluation(run).lines),
        "rows.csv": run_rows(run).to_csv(index=False).encode(),
        "out_of_fold.csv": run.out_of_fold[["row", "repeat", *PROBA]].to_csv(index=False).encode(),
        "held_out.csv": run.held_out[["row", *PROBA]].to_csv(index=False).encode(),
    }
    files |= {f"{name}.json": content for name, content in more}
    save_bundle(folder / "bundle", run.pipelines["rda"], **parts, files=files)
    save_bundle(folder / "committed", run.pipelines["rda"], **parts, files={})
    return folder
