"""Write a finished training run to files: models/champion and models/comparison, or a bundle for the registry."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from core.atomic import replace_folder
from core.dataset.table import Table
from core.evaluation.policy_outcomes import called_outcomes, policy_by_emotion
from core.evaluation.run_files import DIGITS, write_run
from core.evaluation.stability import Stability
from core.file_names import (
    CARD,
    CHAMPION,
    COMPARISON,
    MANIFEST,
    METRICS,
    OUT_OF_FOLD,
    POLICY,
    REFERENCE,
)
from core.models.bundle import load_bundle, policies_json, save_bundle
from core.models.explanation import make_background
from core.models.manifest import manifest_bytes, read_manifest
from core.models.policy import Policy, conformal_policy
from core.models.prediction import Model
from core.models.reference import make_reference, reference_json
from core.models.training_run import TrainingRun
from core.pipeline.serving import Served
from core.pipeline.stability import level_stability
from core.schema import COLUMNS, PROBA
from core.training.card import stability_section, write_card
from core.training.estimators import FRAGILE


def publish_run(run: TrainingRun, table: Table, models_dir: Path) -> str:
    """Write the champion's bundle and the comparison of all models; return the champion's version.

    table : training table of the run. Existing files in the two folders are replaced.
    """
    version = write_bundle(run, table, models_dir / CHAMPION)
    write_run(run, models_dir / COMPARISON)
    return version


def write_bundle(run: TrainingRun, table: Table, folder: Path, *, files: Mapping[str, bytes] | None = None) -> str:
    """Write the bundle of the run's champion and return its version; replace existing files in the folder.

    Parameters
    ----------
    table : training table of the run. Background, limits and policies are computed from its development clips.
    files : content of additional files, by file name.
    """
    rows = run.rows[~run.rows["held_out"]]
    X, y, groups = table.frame.loc[rows["row"], list(COLUMNS)], rows["y"].tolist(), rows["group"].tolist()
    own = run.out_of_fold[run.out_of_fold["model"] == run.champion]
    policies = {
        "threshold": Policy(),
        "conformal": conformal_policy(own, rows.set_index("row")["y"]),
        "by_emotion": policy_by_emotion(run.with_labels(own)),
    }
    reference = make_reference(X, y, groups, ignore=FRAGILE, seed=run.seed)
    background = make_background(X, y, seed=run.seed)
    pipeline = run.pipelines[run.champion]
    served = Served(
        Model(run.champion, pipeline, tuple(pipeline.classes_), "this training"), reference, background, policies
    )
    run = replace(run, metrics={**run.metrics, **_answers(run, table, served)})
    return save_bundle(
        folder,
        pipeline,
        name=run.champion,
        created_at=run.created_at,
        background=background,
        libraries=run.versions,
        files={
            **champion_files(run),
            POLICY: policies_json(policies),
            REFERENCE: reference_json(reference),
            **(files or {}),
        },
    )


def _answers(run: TrainingRun, table: Table, served: Served) -> dict[str, Any]:
    """Figures on the answers of the finished model for metrics.json: stability, and the price of each policy."""
    held_out = run.rows[run.rows["held_out"]]
    clips = table.frame.loc[held_out["row"], list(COLUMNS)]
    stability = level_stability(clips, held_out["group"].tolist(), served, music="held-out clips of the table")
    judged = run.judged.merge(run.rows[["row", "y", "group"]], on="row")
    called = [
        called_outcomes(judged, served.policies[name]).assign(policy=name) for name in ("threshold", "by_emotion")
    ]
    tables = {"stability": stability.table().drop(columns="model"), "called": pd.concat(called, ignore_index=True)}
    return {name: json.loads(t.to_json(orient="records", double_precision=6)) for name, t in tables.items()}


def champion_files(run: TrainingRun) -> dict[str, bytes]:
    """Files stored with the champion's model: card.md, metrics.json, out_of_fold.csv."""
    csv = run.judged[["row", "repeat", *PROBA]].to_csv(index=False, lineterminator="\n", float_format=f"%.{DIGITS}f")
    return {
        CARD: write_card(run).encode(),
        METRICS: _metrics_json(run.metrics),
        OUT_OF_FOLD: csv.encode(),
    }


def add_stability(folder: Path, measured: Stability) -> None:
    """Add a measurement of stability to the metrics and the card in a model's folder. The model stays as it is.

    An earlier measurement on the same music is replaced. Raises ModelError when the folder has no complete model.
    """
    load_bundle(folder)  # checks all files
    metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    lines = json.loads(measured.table().drop(columns="model").to_json(orient="records", double_precision=6))
    others = [line for line in metrics.get("stability", []) if line["music"] != measured.music]
    before, metrics["stability"] = stability_section(metrics), [*others, *lines]
    card, section = (folder / CARD).read_text(encoding="utf-8"), stability_section(metrics)
    card = card.replace(before, section) if before else f"{card}\n{section}\n"
    contents = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    contents |= {METRICS: _metrics_json(metrics), CARD: card.encode()}
    manifest = read_manifest(folder, folder.name)
    manifest["sha256"] |= {name: hashlib.sha256(contents[name]).hexdigest() for name in (METRICS, CARD)}
    contents[MANIFEST] = manifest_bytes(manifest)
    replace_folder(folder, contents)


def _metrics_json(metrics: Mapping[str, Any]) -> bytes:
    return (json.dumps(metrics, indent=1, ensure_ascii=False) + "\n").encode()
