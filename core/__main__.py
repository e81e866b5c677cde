"""The command line: ``python -m core --help``."""

import csv
import json
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli import labels
from core.errors import CoreError, StoreError
from core.settings import Settings

if TYPE_CHECKING:
    from core.models.policy import Policy
    from core.records import Plan

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Which emotion does a piece of Turkish music carry?")


class Format(StrEnum):
    csv = "csv"
    json = "json"


@app.command()
def warm() -> None:
    """Compile the feature kernels and what draws a clip, so that nobody's first clip waits for a compiler."""
    from core.audio import beats
    from core.features import loudness
    from core.features import warm as compile_kernels

    compile_kernels()
    loudness.warm()
    beats.warm()


@app.command()
def features(
    files: Annotated[list[Path], typer.Argument(help="WAV, FLAC, OGG or MP3 files.")],
    form: Annotated[Format, typer.Option("--format", help="What is printed: a row or an object a file.")] = Format.csv,
) -> None:
    """Print the 50 features of each file, in the order given; exit status 2 when a file was refused."""
    from core.audio.decoding import read
    from core.features import EXTRACTOR, extract
    from core.schema import COLUMNS

    names = ["file", "clip_id", "duration_s", "sr", "extractor", *COLUMNS]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if form is Format.csv:
        writer.writerow(names)
    else:
        sys.stdout.write("[")
    refused = False
    separator = "\n"
    for file in files:
        try:
            recording = read(file, max_mb=Settings().max_upload_mb)
            vector = extract(recording.clip)
        except CoreError as error:
            typer.echo(f"{file}: {error}", err=True)
            refused = True
            continue
        values = [None if v != v else v for v in vector.values.tolist()]  # NaN: an empty cell, null in JSON
        row = [str(file), recording.clip.clip_id, recording.duration_s, recording.sr, EXTRACTOR, *values]
        if form is Format.csv:
            writer.writerow(row)
        else:
            sys.stdout.write(separator + json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False))
            separator = ",\n"
        sys.stdout.flush()
    if form is Format.json:
        sys.stdout.write("\n]\n")
    raise typer.Exit(2 if refused else 0)


@app.command()
def train(
    quick: Annotated[bool, typer.Option(help="One repeat, no searches: seconds instead of minutes.")] = False,
    publish: Annotated[
        bool, typer.Option(help="Replace the models in the models folder, if the gate is passed.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same table and seed give the same figures.")] = 0,
) -> None:
    """Train and compare all models on the published table, track them in MLflow, and promote through the gate."""
    from core.pipeline import jobs
    from core.store import open_store
    from core.training.full_training import train_models
    from core.training.retraining import JOB

    settings = Settings()
    with jobs.at_work(open_store(settings.database), JOB) as work, _bar(work.tell) as tell:
        trained = train_models(settings, quick=quick, publish=publish, seed=seed, progress=tell)
        work.lasts()
        work.message = trained.summary
    typer.echo(trained.summary)


@app.command()
def mlflow(port: Annotated[int, typer.Option(help="Port of the page.")] = 5000) -> None:
    """Open MLflow's own page on the runs and registered models."""
    from core.models.connection import ui_command

    os.execvpe(*ui_command(Settings(), port=port))  # noqa: S606  (no shell; the arguments are ours)


@app.command()
def backup() -> None:
    """Copy the feedback database beside itself, at any size. Up to 64 MB it is also copied once a day, unasked."""
    from core.store import back_up

    path = _database_file()
    if not path.is_file():
        raise StoreError(f"There is no database {path} yet, so there is nothing to copy.")
    try:
        copy = back_up(path)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"The database {path} was not copied: {error}.") from error
    typer.echo(f"The database is copied to {copy}. To go back to it: python -m core restore {copy.name}")


@app.command()
def restore(
    name: Annotated[str, typer.Argument(help="File name of the backup; without it, the backups are listed.")] = "",
) -> None:
    """Put a backup of the feedback database in the place of the present file, which is kept beside it."""
    from core import store
    from core.store import backups

    path = _database_file()
    known = {copy.name: copy for copy in backups(path)}
    if not name:
        typer.echo("\n".join(known) or "There are no backups.")
    elif name not in known:
        raise StoreError(f"There is no backup {name!r}. Without a name, the backups are listed.")
    else:
        aside = store.restore(path, known[name])
        typer.echo(f"{name} is in place" + (f"; the file that it replaced is {aside.name}." if aside.exists() else "."))


@app.command()
def score(
    folder: Annotated[
        str, typer.Argument(help="A folder tree, a file, or an address such as s3://bucket/music (pip install s3fs).")
    ],
    out: Annotated[str, typer.Option(help="Where the table goes; it ends in .parquet or .csv.")],
    window: Annotated[
        float | None, typer.Option(help="Score whole files in windows of so many s, 30 to 60; with --hop.")
    ] = None,
    hop: Annotated[
        float | None, typer.Option(help="A window begins every so many s; with --window. Default: the middle 30 s.")
    ] = None,
    policy: Annotated[
        str,
        typer.Option(help="How decisions are made: threshold, conformal, or one's own as JSON with its kind."),
    ] = "threshold",
    scheduler: Annotated[str, typer.Option(help="A Dask cluster that is there, tcp://host:8786.")] = "",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes on this machine. Default: all cores.")] = None,
    max_mb: Annotated[float | None, typer.Option(help="Largest file that is read, in MB. Default: 200.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Also files that killed their process before.")] = False,
    write_tags: Annotated[
        bool, typer.Option("--write-tags", help="Write what was found into a JSON file beside each scored file.")
    ] = False,
    within: Annotated[str, typer.Option(hidden=True, help="No link is followed out of this folder.")] = "",
    job: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Score all audio below a folder; what is known is not measured again.

    Exit status: 0 all files were scored; 1 some were not, they are listed; 2 a wrong argument, or the run could not be
    done; 130 ended by Ctrl-C, and the same command goes on.
    """
    with _interruptible():
        from core.library import addresses, results, run
        from core.library.progress import RunProgress, bar
        from core.library.run import score_library
        from core.library.workers import Where
        from core.pipeline import jobs, serving
        from core.store import open_store

        settings, plan = Settings(), _plan(window, hop)
        own = _own_policy(policy)
        if max_mb is not None and not (isfinite(max_mb) and max_mb > 0):
            raise CoreError(f"--max-mb {max_mb:g}: the largest file that is read has more than 0 MB.")
        results.check_out(out)
        kept = open_store(settings.database)
        place = addresses.local_path(folder) if addresses.is_local(folder) else addresses.safe(folder)
        about = {"folder": place, "window": window, "hop": hop}  # what it takes to go on when the run ends early
        with jobs.at_work(kept, run.JOB, job_id=job, about=about) as work, bar() as show:
            served = serving.serve(settings)
            given = own or served.policies.get(policy)
            if given is None:
                raise CoreError(f"There is no policy {policy!r}. Choose one of: {', '.join(served.policies)}.")

            def tell(progress: RunProgress) -> None:
                show(progress)
                work.tell(progress.share, progress.text)

            summary = score_library(
                folder,
                out,
                served=served,
                policy=given,
                store=kept,
                plan=plan,
                where=Where(scheduler or settings.scheduler, workers),
                max_mb=max_mb or settings.max_upload_mb,
                retry=retry,
                beside=write_tags,
                within=within,
                tell=tell,
            )
            work.result = summary.to_json()
            work.message = summary.text
    typer.echo(summary.report)
    raise typer.Exit(0 if summary.scored == summary.found else 1)


def _plan(window: float | None, hop: float | None) -> "Plan":
    """Which parts of a file are scored. Raises CoreError for windows that cannot be, or half of what they need."""
    from core.records import Plan

    if window is None and hop is None:
        return Plan()
    if window is None or hop is None:
        raise CoreError("--window and --hop go together: --window 30 --hop 15 scores 30 s, beginning every 15 s.")
    return Plan(window, hop)


def _own_policy(text: str) -> "Policy | None":
    """The policy that is written out as JSON; None for the name of one. Raises CoreError when it is neither."""
    from core.models.policy import Policy

    if not text.strip().startswith("{"):
        return None
    example = Policy(threshold=0.6).to_json()
    try:
        if "kind" not in json.loads(text):
            raise CoreError("it does not say its kind")
        return Policy.from_json(text)
    except (CoreError, ValueError) as error:
        raise CoreError(f"--policy {text[:80]} is no policy ({str(error).rstrip('.')}). Write: {example}") from error


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the block in good order, with a sentence and exit status 130.

    Pressed again, it is not heard: what ends then (workers, the lock of the run) takes a few seconds, and is not left
    half done.
    """

    def pressed(*_: Any) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    ours = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, pressed) if ours else None
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("\nStopped. What was scored is kept; the same command goes on where this one was.", err=True)
        raise typer.Exit(130) from None
    finally:
        if ours:
            signal.signal(signal.SIGINT, before)


@app.command("demo-library")
def demo_library(
    count: Annotated[int, typer.Option(min=1, max=400, help="How many pieces.")] = 24,
    job: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Make a small synthetic library in the data folder and score it, to try moods and playlists with."""
    from core.library import places, run
    from core.library.demo_library import write
    from core.library.workers import Where
    from core.pipeline import jobs, serving
    from core.store import open_store

    settings = Settings()
    store, folder = open_store(settings.database), settings.demo_library_dir
    with jobs.at_work(store, run.JOB, job_id=job) as work:
        served = serving.serve(settings)
        write(folder, count=count, tell=lambda done, of: work.tell(0.8 * done / of, f"Making piece {done + 1} of {of}"))
        summary = run.score_library(
            str(folder),
            str(places.new_results(settings)),
            served=served,
            policy=served.policies["threshold"],
            store=store,
            where=Where(workers=1),
            max_mb=settings.max_upload_mb,
            tell=lambda progress: work.tell(0.8 + 0.2 * progress.share, progress.text),
        )
        work.result, work.message = summary.to_json(), summary.text
    typer.echo(summary.text)


@app.command()
def retrain(
    if_triggered: Annotated[
        bool,
        typer.Option(
            "--if-triggered",
            help="For cron: train only if a trigger has reached its limit and scheduled training is on.",
        ),
    ] = False,
    repeats: Annotated[int | None, typer.Option(min=1, help="Repeats of the folds. Default: as in a full run.")] = None,
    seed: Annotated[int, typer.Option(help="The same labels and seed give the same figures.")] = 0,
    by: Annotated[str, typer.Option(help="Who asks for it; kept with the model.")] = "",
    job: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Train on the published table and the agreed labels. What comes of it is a challenger; nobody is promoted."""
    from core.pipeline import jobs
    from core.store import open_store
    from core.training import retraining as learning
    from core.training import schedule
    from core.training.retraining import train_challenger

    settings = Settings()
    store = open_store(settings.database)
    if if_triggered:
        due, why = schedule.due(store, settings)
        typer.echo(why)
        if not due:
            return
        by = by or "the schedule"
    with jobs.at_work(store, learning.JOB, job_id=job) as work, _bar(work.tell) as tell:
        done = train_challenger(store, settings, progress=tell, seed=seed, repeats=repeats, by=by)
        work.lasts()
        work.message = done.summary
        work.result |= {"version": done.version, "model_version": done.model_version}
    typer.echo(done.summary)
    _score_anew()


@app.command("promote")
def promote_version(
    version: Annotated[str, typer.Argument(help="Version in the registry. Default: the challenger.")] = "",
    by: Annotated[str, typer.Option(help="Who decides; kept with the version.")] = "",
) -> None:
    """Let the challenger take the champion's place, if it passes the gate; exit status 2 if it does not."""
    from core.models.registry import find
    from core.training import promotion

    settings = Settings()
    chosen = find("challenger", settings=settings)
    verdict = promotion.promote(settings, version=version or None, by=by)
    named = version or (chosen.version if chosen else "")
    typer.echo(f"Version {named} {'is the champion now' if verdict.passed else 'stays what it was'}. {verdict.reason}")
    if not verdict.passed:
        raise typer.Exit(2)
    _score_anew()


@app.command()
def rollback(by: Annotated[str, typer.Option(help="Who decides; kept with the version.")] = "") -> None:
    """Give the champion's place back to the model that had it before."""
    from core.models import registry

    typer.echo(f"In use again: {registry.rollback(settings=Settings(), by=by)}.")
    _score_anew()


def _score_anew() -> None:
    """Let the models judge the stored clips; a run that is going on looks after the new models as well."""
    from core.pipeline import jobs
    from core.store import open_store
    from core.training.retraining import RESCORE

    store = open_store(Settings().database)
    if jobs.running(store, RESCORE):
        typer.echo("Stored clips are being scored by a run that is going on.")
    else:
        rescore(job=None)


@app.command()
def rescore(job: Annotated[int | None, typer.Option(hidden=True)] = None) -> None:
    """Let the champion and the challenger say something of every stored clip of which they have not."""
    from core.pipeline import jobs
    from core.store import open_store
    from core.training import retraining as learning
    from core.training.retraining import RESCORE

    settings = Settings()
    store = open_store(settings.database)
    with jobs.at_work(store, RESCORE, job_id=job) as work, _bar(work.tell) as tell:
        count = learning.rescore(store, settings, progress=tell)
        work.message = f"{count} predictions of stored clips added."
    typer.echo(work.message)


@app.command()
def triggers(
    new_labels: Annotated[float | None, typer.Option(help="New labels, as a share of the clips trained on.")] = None,
    f1_drop: Annotated[float | None, typer.Option(help="Drop of macro-F1 on feedback.")] = None,
    drifted: Annotated[float | None, typer.Option(help="Share of the features that drifted.")] = None,
    scheduled: Annotated[bool | None, typer.Option(help="Whether retrain --if-triggered may train.")] = None,
) -> None:
    """Show what would propose a new training, after changing the limits that are given."""
    from core.dataset.loading import load_table
    from core.pipeline import serving
    from core.store import open_store
    from core.training import schedule, status

    settings = Settings()
    store = open_store(settings.database)
    given = {"new_labels": new_labels, "f1_drop": f1_drop, "drifted": drifted, "scheduled": scheduled}
    status.set_limits(store, status.limits_of(store).changed(**{n: v for n, v in given.items() if v is not None}))
    table = load_table(settings, allow_download=True)
    if table.note:
        typer.echo(table.note, err=True)
    typer.echo(schedule.report(status.training_status(store, settings, table, serving.serve(settings))))


app.command("export-labels")(labels.export_labels)
app.command("import-labels")(labels.import_labels)


def _database_file() -> Path:
    """The SQLite file of the store, which need not be sound. Raises StoreError when there is a server instead."""
    from core.store.connection import connect

    path = connect(Settings().database).path
    if path is None:
        raise StoreError("Only a SQLite database is backed up here; PostgreSQL has its own tools (pg_dump).")
    return path


@contextmanager
def _bar(tell: Callable[[float, str], None]) -> Iterator[Callable[[float, str], None]]:
    """A bar in the terminal beside the given way to tell how far the work is. Elsewhere nothing is drawn."""
    from tqdm import tqdm

    with tqdm(total=100, unit="%", bar_format="{l_bar}{bar}| {elapsed}<{remaining}", disable=None) as drawn:

        def told(share: float, text: str) -> None:
            drawn.set_description_str(text)
            drawn.update(round(100 * share) - drawn.n)
            tell(share, text)

        yield told


def main() -> None:
    """Run a command; what a person can be told is a sentence and exit status 2, not a stack trace."""
    try:
        app()
    except CoreError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
