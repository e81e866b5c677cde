"""Remove training runs that registered no model: the disk was full, or the process was killed.

A finished run stays, and so does a run whose model has a version: the version's files were complete before it was made.
"""

import shutil
import time
from typing import TYPE_CHECKING

from core.atomic import ABANDONED_S
from core.models.artifacts import local_place
from core.models.connection import NAME
from core.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient


def remove_abandoned_runs(client: "MlflowClient", experiment: str, *, settings: Settings) -> None:
    """Remove the unfinished runs of killed processes. Logging a run takes seconds, so these started an hour ago."""
    latest = int(1000 * (time.time() - ABANDONED_S))
    for run in client.search_runs([experiment], f"attributes.status = 'RUNNING' and attributes.start_time < {latest}"):
        if client.search_model_versions(f"run_id = '{run.info.run_id}'"):
            client.set_terminated(run.info.run_id)
        else:
            remove_run(client, experiment, run.info.run_id, settings=settings)


def remove_run(client: "MlflowClient", experiment: str, run_id: str, *, settings: Settings) -> None:
    """Remove a run with its child runs, its logged model and its version. Their files go first, to make room."""
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'")
    runs = [client.get_run(run_id), *children]
    models = client.search_logged_models([experiment], filter_string=f"source_run_id = '{run_id}'")
    for run in runs:
        _remove_files(str(run.info.artifact_uri), run.info.run_id, settings)
    for model in models:
        _remove_files(str(model.artifact_location), model.model_id, settings)
    for version in client.search_model_versions(f"run_id = '{run_id}'"):
        client.delete_model_version(NAME, version.version)
    for model in models:
        client.delete_logged_model(model.model_id)
    for run in reversed(runs):  # the parent last: it finds the others at the next attempt
        client.delete_run(run.info.run_id)


def _remove_files(uri: str, name: str, settings: Settings) -> None:
    """Remove the folder that holds the files of a run or a model, if it is on this machine and has its name."""
    place = local_place(uri, settings)
    if place is not None and place.parent.name == name:
        shutil.rmtree(place.parent, ignore_errors=True)
