"""Write a finished training run to files: models/champion and models/comparison, or a bundle for the registry."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from core.atomic import replace_folder
from core.dataset.table import Table
from core.evaluation.evaluation_table import EvaluationTable, to_csv
from core.evaluation.policy_outcomes import called_outcomes, policy_by_emotion
from core.evaluation.run_files import DIGITS, write_run
from core.evaluation.stability import TABLE_ROWS, Stability
from core.file_names import (
    ALL_CLIPS,
    CARD,
    CHAMPION,
    COMPARISON,
    EVALUATION,
    HELD_OUT,
    MANIFEST,
    METRICS,
    OUT_OF_FOLD,
    POLICY,
    REFERENCE,
    ROWS,
)
from core.models.bundle import load_bundle, policies_json, save_bundle
from core.models.explanation import make_background
from core.models.manifest import manifest_bytes, read_manifest
from core.models.policy import Policy, conformal_policy
from core.models.prediction import Model
from core.models.reference import Reference, make_reference, reference_json
from core.models.training_run import TrainingRun
from core.pipeline.serving import Served
from core.pipeline.stability import level_stability
from core.schema import COLUMNS, PROBA
from core.training.card import stability_section, write_card
from core.training.estimators import FRAGILE
from core.training.run_evaluation import run_evaluation, run_rows


def publish_run(run: TrainingRun, table: Table, models_dir: Path, *, speed: bool = False) -> str:
    """Write the champion's bundle and the comparison of all models; return the champion's version.

    table : training table of the run. Existing files in the two folders are replaced.  speed : as in `write_bundle`.
    """
    version = write_bundle(run, table, models_dir / CHAMPION, speed=speed)
    write_run(run, models_dir / COMPARISON)
    return version


def copy_published(run: TrainingRun, source: Path, models_dir: Path) -> None:
    """Copy the files that `publish_run` wrote to another folder, so that both have the same figures."""
    contents = {path.name: path.read_bytes() for path in (source / CHAMPION).iterdir()}
    replace_folder(models_dir / CHAMPION, contents)
    write_run(run, models_dir / COMPARISON)


@dataclass(frozen=True, eq=False)
class Parts:
    """What is stored beside the pipeline: typical clips, reference of the training music, policies by name."""

    background: pd.DataFrame
    reference: Reference
    policies: Mapping[str, Policy]


def make_parts(run: TrainingRun, table: Table) -> Parts:
    """Compute background, reference and policies from the development clips of the run."""
    rows = run.rows[~run.rows["held_out"]]
    X, y, groups = table.frame.loc[rows["row"], list(COLUMNS)], rows["y"].tolist(), rows["group"].tolist()
    own = run.out_of_fold[run.out_of_fold["model"] == run.champion]
    conformal = conformal_policy(own, rows.set_index("row")["y"])
    reference = make_reference(X, y, groups, ignore=FRAGILE, seed=run.seed)
    policies = {
        "threshold": Policy(),
        "conformal": conformal,
        "by_emotion": policy_by_emotion(run.with_labels(own)),
    }
    return Parts(make_background(X, y, seed=run.seed), reference, policies)


def write_bundle(
    run: TrainingRun,
    table: Table,
    folder: Path,
    *,
    files: Mapping[str, bytes] | None = None,
    published: str = "",
    speed: bool = False,
) -> str:
    """Write the bundle of the run's champion and return its version; replace existing files in the folder.

    Parameters
    ----------
    table : training table of the run. Background, limits and policies are computed from its development clips.
    files : content of additional files, by file name.
    published : content hash of the published table, if the training table also has labelled clips.
    speed : measure the time from upload to answer with this model, and record it in the evaluation table.
    """
    parts = make_parts(run, table)
    served = _served(run, parts)
    run = replace(run, metrics={**run.metrics, **_answers(run, table, served)})
    measured = _measure_speed(run, parts) if speed else None
    policy = parts.policies["threshold"]
    evaluation = run_evaluation(run, published=published, policy=policy, measured=measured)
    return save_bundle(
        folder,
        run.pipelines[run.champion],
        name=run.champion,
        created_at=run.created_at,
        background=parts.background,
        libraries=run.versions,
        files={
            **champion_files(run, evaluation),
            POLICY: policies_json(parts.policies),
            REFERENCE: reference_json(parts.reference),
            **(files or {}),
        },
    )


def _measure_speed(run: TrainingRun, parts: Parts) -> pd.DataFrame:
    from core.training.speed import measure_speed

    return measure_speed(
        run.pipelines[run.champion],
        reference=parts.reference,
        background=parts.background,
        policies=parts.policies,
        seed=run.seed,
    )


def champion_files(run: TrainingRun, evaluation: EvaluationTable) -> dict[str, bytes]:
    """Files stored with the champion's model: card, metrics, evaluation table, and the clips and predictions for it."""
    own, held = (t[t["model"] == run.champion] for t in (run.out_of_fold, run.held_out))
    files = {
        CARD: write_card(run, evaluation).encode(),
        METRICS: _metrics_json(run.metrics),
        EVALUATION: to_csv(evaluation.lines),
        ROWS: run_rows(run).to_csv(index=False, lineterminator="\n").encode(),
        OUT_OF_FOLD: _csv(own[["row", "repeat", *PROBA]]),
        HELD_OUT: _csv(held[["row", *PROBA]]),
    }
    if len(run.all_clips):
        files[ALL_CLIPS] = _csv(run.all_clips[["row", "repeat", *PROBA]])
    return files


def _csv(predictions: pd.DataFrame) -> bytes:
    return predictions.to_csv(index=False, lineterminator="\n", float_format=f"%.{DIGITS}f").encode()


def _served(run: TrainingRun, parts: Parts) -> Served:
    pipeline = run.pipelines[run.champion]
    model = Model(run.champion, pipeline, tuple(pipeline.classes_), "this training")
    return Served(model, parts.reference, parts.background, parts.policies)


def _answers(run: TrainingRun, table: Table, served: Served) -> dict[str, Any]:
    """Figures on the answers of the finished model for metrics.json: stability, and the price of each policy."""
    held_out = run.rows[run.rows["held_out"]]
    clips = table.frame.loc[held_out["row"], list(COLUMNS)]
    stability = level_stability(clips, held_out["group"].tolist(), served, music=TABLE_ROWS)
    judged = run.with_labels(run.out_of_fold[run.out_of_fold["model"] == run.champion])
    called = [
        called_outcomes(judged, served.policies[name]).assign(policy=name) for name in ("threshold", "by_emotion")
    ]
    tables = {"stability": stability.table().drop(columns="model"), "called": pd.concat(called, ignore_index=True)}
    return {name: json.loads(t.to_json(orient="records", double_precision=6)) for name, t in tables.items()}


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
