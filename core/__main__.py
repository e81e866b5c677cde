"""The command line: ``python -m core --help``."""

import csv
import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from core.errors import CoreError, StoreError
from core.settings import Settings

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Which emotion does a piece of Turkish music carry?")


class Format(StrEnum):
    csv = "csv"
    json = "json"


@app.command()
def warm() -> None:
    """Compile the feature kernels, so that nobody's first clip waits for a compiler."""
    from core.features import warm as compile_kernels

    compile_kernels()


@app.command()
def features(
    files: Annotated[list[Path], typer.Argument(help="WAV, FLAC, OGG or MP3 files.")],
    form: Annotated[Format, typer.Option("--format", help="What is printed: a row or an object a file.")] = Format.csv,
) -> None:
    """Print the 50 features of each file, in the order given; exit status 2 when a file was refused."""
    from core.audio import read
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
    from tqdm import tqdm

    from core.pipeline import train_models

    with tqdm(total=100, unit="%", bar_format="{l_bar}{bar}| {elapsed}<{remaining}") as bar:

        def progress(share: float, text: str) -> None:
            bar.set_description_str(text)
            bar.update(round(100 * share) - bar.n)

        trained = train_models(Settings(), quick=quick, publish=publish, seed=seed, progress=progress)
    typer.echo(trained.summary)


@app.command()
def mlflow(port: Annotated[int, typer.Option(help="Port of the page.")] = 5000) -> None:
    """Open MLflow's own page on the runs and registered models."""
    from core.registry import ui_command

    os.execvpe(*ui_command(Settings(), port=port))  # noqa: S606  (no shell; the arguments are ours)


@app.command()
def restore(
    name: Annotated[str, typer.Argument(help="File name of the backup; without it, the backups are listed.")] = "",
) -> None:
    """Put a backup of the feedback database in the place of the present file, which is kept beside it."""
    from core import store
    from core.store.connection import connect

    path = connect(Settings().database).path
    if path is None:
        raise StoreError("Only a SQLite database is backed up here; PostgreSQL has its own tools (pg_dump).")
    known = {copy.name: copy for copy in store.backups(path)}
    if not name:
        typer.echo("\n".join(known) or "There are no backups.")
    elif name not in known:
        raise StoreError(f"There is no backup {name!r}. Without a name, the backups are listed.")
    else:
        typer.echo(f"{name} is in place; the file that it replaced is {store.restore(path, known[name]).name}.")


@app.command()
def score(
    folder: Annotated[str, typer.Argument(help="A folder tree, a file, or an address such as s3://bucket/music.")],
    out: Annotated[str, typer.Option(help="Where the table goes; it ends in .parquet or .csv.")],
    window: Annotated[float, typer.Option(help="Length of a window in s, 30 to 60; only with --hop.")] = 30.0,
    hop: Annotated[
        float | None, typer.Option(help="Score whole files, a window every so many s. Default: the middle 30 s.")
    ] = None,
    policy: Annotated[str, typer.Option(help="How decisions are made: threshold or conformal.")] = "threshold",
    scheduler: Annotated[str, typer.Option(help="A Dask cluster that is there, tcp://host:8786.")] = "",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes on this machine. Default: all cores.")] = None,
    max_mb: Annotated[float | None, typer.Option(min=0, help="Largest file that is read.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Also files that killed their process before.")] = False,
    write_tags: Annotated[
        bool, typer.Option("--write-tags", help="Write what was found into a JSON file beside each scored file.")
    ] = False,
    job: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Score all audio below a folder; what is known is not measured again. Exit status 2 when a file was not scored."""
    from core import jobs, library, pipeline
    from core.library_cluster import Where
    from core.library_types import Plan
    from core.store import open_store

    settings = Settings()
    with jobs.at_work(open_store(settings.database), library.JOB, job_id=job) as work, library.bar() as show:
        served = pipeline.serve(settings)
        if policy not in served.policies:
            raise CoreError(f"There is no policy {policy!r}. Choose one of: {', '.join(served.policies)}.")

        def tell(progress: library.Progress) -> None:
            show(progress)
            work.tell(progress.share, progress.text)

        summary = library.score_library(
            folder,
            out,
            served=served,
            policy=served.policies[policy],
            store=open_store(settings.database),
            plan=Plan(window, hop),
            where=Where(scheduler or settings.scheduler, workers),
            max_mb=max_mb or settings.max_upload_mb,
            retry=retry,
            beside=write_tags,
            tell=tell,
        )
        work.result = summary.to_json()
        work.message = summary.text
    typer.echo(summary.report)
    raise typer.Exit(0 if summary.scored == summary.found else 2)


def main() -> None:
    """Run a command; what a person can be told is a sentence and exit status 2, not a stack trace."""
    try:
        app()
    except CoreError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
