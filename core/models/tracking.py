"""Log a training run in MLflow and register its model as a new version.

The registered files are the bundle (`core.models.bundle`), a signature and an input example, without an MLflow
flavour. So only our own loader can load the model, with the list of trusted types in the code. MLflow's loader would
read this list from the model file itself.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from core.file_names import BACKGROUND, CHALLENGER, DESCRIPTION, EXAMPLE, HELD_OUT, OUT_OF_FOLD, table_file
from core.models.artifacts import write_model_files, write_run_files
from core.models.connection import NAME, connect, is_server
from core.models.manifest import SEAL, read_manifest
from core.models.unfinished_runs import remove_abandoned_runs, remove_run
from core.schema import COLUMNS, EMOTIONS
from core.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from core.models.training_run import TrainingRun


def log_run(run: "TrainingRun", bundle: Path, *, figures: Mapping[str, Mapping[str, float]], settings: Settings) -> str:
    """Log a training run and register its champion as a new version with the alias ``challenger``.

    The parent run stores the bundle, the tables of results and the held-out predictions. Each candidate has a child
    run with its parameters, cross-validated figures and out-of-fold predictions.

    Parameters
    ----------
    run : the finished training run.
    bundle : folder of the champion's bundle, from `core.models.bundle.save_bundle`.
    figures : candidate -> figures by name; see `core.training.run_tables.candidate_figures`.

    Returns
    -------
    The version number. Only `core.training.promotion.promote` makes the version champion.
    """
    client = connect(settings)
    from mlflow.exceptions import MlflowException

    experiment = _experiment(client, settings)
    remove_abandoned_runs(client, experiment, settings=settings)
    facts = {
        "data_hash": run.data_hash,
        "inputs": json.dumps(dict(run.inputs)),
        "origin": run.origin,
        "synthetic": str(run.synthetic),
        "seed": str(run.seed),
        "quick": str(run.quick),
        "revision": run.revision,
        **{f"version.{library}": version for library, version in run.versions.items()},
    }
    parent = client.create_run(experiment, run_name=f"training {run.created_at}", tags=facts).info.run_id
    try:
        _log_candidates(client, experiment, parent, run, facts=facts, figures=figures, settings=settings)
        version = _register(client, experiment, parent, bundle, settings)
        client.set_terminated(parent)
    except BaseException:
        with suppress(MlflowException):  # no room for this either: the next training after an hour removes the run
            remove_run(client, experiment, parent, settings=settings)
        raise
    return version


def _log_candidates(
    client: "MlflowClient",
    experiment: str,
    parent: str,
    run: "TrainingRun",
    *,
    facts: Mapping[str, str],
    figures: Mapping[str, Mapping[str, float]],
    settings: Settings,
) -> None:
    """Log the figures and tables of the run, and those of each candidate in a child run."""
    _log_figures(client, parent, run, run.champion, figures)
    held_out = run.with_labels(run.held_out[run.held_out["model"] == run.champion])
    tables = {table_file(name): table for name, table in run.tables.items()}
    _log_tables(client, parent, {HELD_OUT: held_out, **tables}, settings)
    for candidate, own in run.out_of_fold.groupby("model"):
        tags = {**facts, "mlflow.parentRunId": parent, "candidate": str(candidate)}
        child = client.create_run(experiment, run_name=str(candidate), tags=tags).info.run_id
        _log_figures(client, child, run, str(candidate), figures)
        _log_tables(client, child, {OUT_OF_FOLD: own.drop(columns="model")}, settings)
        client.set_terminated(child)


def _experiment(client: "MlflowClient", settings: Settings) -> str:
    known = client.get_experiment_by_name(NAME)
    if known is not None:
        return str(known.experiment_id)
    return str(client.create_experiment(NAME, artifact_location=settings.artifacts_dir.as_uri()))


def _log_tables(client: "MlflowClient", run_id: str, tables: dict[str, pd.DataFrame], settings: Settings) -> None:
    """Store tables (file name -> rows) as CSV files of a run."""
    with tempfile.TemporaryDirectory() as name:
        for file, table in tables.items():
            table.to_csv(Path(name) / file, index=False)
        write_run_files(client, run_id, Path(name), settings=settings)


def _log_figures(
    client: "MlflowClient", run_id: str, run: "TrainingRun", candidate: str, figures: Mapping[str, Mapping[str, float]]
) -> None:
    """Log parameters and figures of a candidate."""
    from mlflow.entities import Metric, Param

    now = int(datetime.now(UTC).timestamp() * 1000)
    metrics = [Metric(name, value, now, 0) for name, value in figures.get(candidate, {}).items()]
    params = [Param(key, str(value)[:500]) for key, value in run.parameters.get(candidate, {}).items()]
    client.log_batch(run_id, metrics=metrics, params=params)


def _register(client: "MlflowClient", experiment: str, run_id: str, bundle: Path, settings: Settings) -> str:
    from mlflow.models import Model as Description
    from mlflow.models import infer_signature

    manifest = read_manifest(bundle, bundle.name)
    example = pd.read_csv(bundle / BACKGROUND, nrows=2, dtype=float)
    proba = pd.DataFrame(manifest["check"][:2], columns=list(EMOTIONS))
    logged = client.create_logged_model(experiment, name=manifest["name"], source_run_id=run_id)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        shutil.copytree(bundle, folder)
        described = Description(run_id=run_id, model_id=logged.model_id, signature=infer_signature(example, proba))
        described.save(str(folder / DESCRIPTION))
        columns = {"columns": list(COLUMNS), "data": example.to_numpy().tolist()}
        (folder / EXAMPLE).write_text(json.dumps(columns), encoding="utf-8")
        address = write_model_files(client, logged.model_id, folder, settings=settings)
    client.finalize_logged_model(logged.model_id, "READY")
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME, description="Emotion of Turkish music from 50 features")
    tags = {"model_version": manifest["version"], "candidate": manifest["name"], SEAL: manifest[SEAL]}
    # A database store would look the id up in MLflow's global store, so it gets the URI of the files. A server looks
    # the id up in its own store, and cannot use a path of this machine.
    source = f"models:/{logged.model_id}" if is_server(settings.mlflow) else address
    version = client.create_model_version(NAME, source, run_id=run_id, tags=tags, model_id=logged.model_id).version
    client.set_registered_model_alias(NAME, CHALLENGER, version)
    return str(version)
