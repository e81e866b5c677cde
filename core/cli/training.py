"""Commands that train models and decide which one is in use. Heavy libraries load inside the functions."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.access import Person
from core.cli.terminal import progress_bar
from core.settings import Settings

if TYPE_CHECKING:
    from core.training.table_labels import TrainingTable


def train(
    quick: Annotated[
        bool, typer.Option(help="One repeat and no tuning: one minute instead of many. Does not promote.")
    ] = False,
    publish: Annotated[
        bool, typer.Option(help="If the model passes the gate, also replace the models in the models folder.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Random seed. The same table and seed give the same figures.")] = 0,
) -> None:
    """Train and compare all models on the published table, record them in MLflow, and promote the best if it passes."""
    from core.pipeline import jobs
    from core.store import open_store
    from core.training.full_training import train_models
    from core.training.retraining import JOB

    settings = Settings()
    store = open_store(settings.database)
    with jobs.hold_job(store, JOB) as work, progress_bar(work.report) as report:
        trained = train_models(settings, quick=quick, publish=publish, seed=seed, progress=report, store=store)
        work.ignore_cancel()
        work.message = trained.summary
    typer.echo(trained.summary)


def retrain(
    if_triggered: Annotated[
        bool,
        typer.Option("--if-triggered", help="For cron: train only if a trigger is active and scheduling is on."),
    ] = False,
    repeats: Annotated[
        int | None, typer.Option(min=1, help="Repeats of the cross-validation. Default: as in a full run.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed. The same labels and seed give the same figures.")] = 0,
    by: Annotated[str, typer.Option(help="Your name; stored with the model.")] = "",
    table: Annotated[
        Path | None, typer.Option(help="A labelled table with the 50 features (CSV or Parquet), which trains too.")
    ] = None,
    clean: Annotated[
        bool, typer.Option("--clean", help="Clean the table first. Without it, a table that is not clean is refused.")
    ] = False,
    without: Annotated[
        list[str] | None, typer.Option(help="Switch off a rule of cleaning, for example: outlier. Can be repeated.")
    ] = None,
    job: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Train on the published table and the agreed labels. Registers the result as challenger; does not promote it."""
    from core.pipeline import jobs
    from core.store import open_store
    from core.training import retraining, schedule

    settings = Settings()
    store = open_store(settings.database)
    if if_triggered:
        due, why = schedule.due(store, settings)
        typer.echo(why)
        if not due:
            return
        by = by or "the schedule"
    own = _training_table(table, cleaning=clean, without=without or []) if table else None
    with jobs.hold_job(store, retraining.JOB, job_id=job) as work, progress_bar(work.report) as report:
        trained = retraining.train_challenger(
            store, settings, progress=report, seed=seed, repeats=repeats, by=by, table=own
        )
        work.ignore_cancel()
        work.message = trained.summary
        work.result |= {"version": trained.version, "model_version": trained.model_version}
    typer.echo(trained.summary)
    _rescore_clips()


def _training_table(path: Path, *, cleaning: bool, without: list[str]) -> "TrainingTable":
    """Read the table and say what cleaning changed."""
    from core.dataset.user_tables import read_bytes
    from core.training.table_labels import read_training_table

    own = read_training_table(read_bytes(path), path.name, cleaning=cleaning, without=without)
    typer.echo(f"{own.about['name']}: {own.about['labelled']} of {own.about['rows']} rows have a label.", err=True)
    for rule, count in own.about["changes"].items():
        typer.echo(f"  cleaned: {rule} {count}", err=True)
    return own


def promote(
    version: Annotated[str, typer.Argument(help="Version in the model registry. Default: the challenger.")] = "",
    by: Annotated[str, typer.Option(help="Your name; stored with the decision.")] = "",
    reason: Annotated[
        str, typer.Option(help="Why you promote it although the gate is undecided; stored with the decision.")
    ] = "",
) -> None:
    """Make the challenger the champion if the gate lets it, or with a reason. Exit status: 2 if not promoted."""
    from core.models.registry import find
    from core.store import open_store
    from core.training import promotion

    settings = Settings()
    chosen = find("challenger", settings=settings)
    result = promotion.promote(
        settings,
        version=version or None,
        by=Person.machine_owner(by),
        reason=reason,
        store=open_store(settings.database),
    )
    name = version or (chosen.version if chosen else "")
    if not promotion.is_promoted(result, reason):
        typer.echo(f"Version {name} was not promoted. {result.reason}")
        if result.needs_reason:
            typer.echo('To promote it all the same: python -m core promote --by "YOUR NAME" --reason "WHY"')
        raise typer.Exit(2)
    typer.echo(f"Version {name} is the champion now. {result.reason}")
    _rescore_clips()


def rollback(by: Annotated[str, typer.Option(help="Your name; stored with the decision.")] = "") -> None:
    """Make the previous champion the champion again."""
    from core.store import open_store
    from core.training import promotion

    settings = Settings()
    store = open_store(settings.database)
    typer.echo(f"In use again: {promotion.roll_back(settings, by=Person.machine_owner(by), store=store)}.")
    _rescore_clips()


def rescore(job: Annotated[int | None, typer.Option(hidden=True)] = None) -> None:
    """Predict with the champion and the challenger every stored clip that they have not predicted yet."""
    from core.pipeline import jobs
    from core.store import open_store
    from core.training import retraining

    settings = Settings()
    store = open_store(settings.database)
    with jobs.hold_job(store, retraining.RESCORE, job_id=job) as work, progress_bar(work.report) as report:
        count = retraining.rescore(store, settings, progress=report)
        work.message = f"{count} predictions of stored clips added."
    typer.echo(work.message)


def triggers(
    new_labels: Annotated[
        float | None, typer.Option(help="Limit for new labels, as a share of the training clips (0 to 1).")
    ] = None,
    f1_drop: Annotated[float | None, typer.Option(help="Limit for the drop of macro-F1 on feedback (0 to 1).")] = None,
    drifted: Annotated[
        float | None, typer.Option(help="Limit for the share of features that drifted (0 to 1).")
    ] = None,
    scheduled: Annotated[bool | None, typer.Option(help="Allow retrain --if-triggered to train.")] = None,
) -> None:
    """Show the triggers that propose a new training. With options: change their limits first."""
    from core.dataset.loading import load_table
    from core.pipeline import serving
    from core.store import open_store
    from core.training import schedule, status

    settings = Settings()
    store = open_store(settings.database)
    limits = {"new_labels": new_labels, "f1_drop": f1_drop, "drifted": drifted, "scheduled": scheduled}
    status.set_limits(store, status.limits_of(store).changed(**{n: v for n, v in limits.items() if v is not None}))
    table = load_table(settings, allow_download=True)
    if table.note:
        typer.echo(table.note, err=True)
    typer.echo(schedule.report(status.training_status(store, settings, table, serving.serve(settings))))


def mlflow(port: Annotated[int, typer.Option(help="Port of the web page.")] = 5000) -> None:
    """Start MLflow's own web page with the runs and registered models."""
    from core.models.connection import ui_command

    os.execvpe(*ui_command(Settings(), port=port))  # noqa: S606  (no shell; the arguments are ours)


def _rescore_clips() -> None:
    """Rescore the stored clips, unless a run is active: it takes up new models by itself."""
    from core.pipeline import jobs
    from core.store import open_store
    from core.training.retraining import RESCORE

    store = open_store(Settings().database)
    if jobs.running(store, RESCORE):
        typer.echo("An active run is already scoring the stored clips.")
    else:
        rescore(job=None)
