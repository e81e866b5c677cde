"""Command ingest: list a source of music, store what is new, and score its sound. Heavy libraries load inside."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.terminal import interruptible, progress_bar
from core.errors import CoreError, JobRunningError
from core.settings import Settings

if TYPE_CHECKING:
    from core.library.progress import Summary
    from core.sources.ingest import Report
    from core.sources.protocol import Source
    from core.store import Store


def ingest(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder, s3://bucket/music, https://server/music/, tracks.csv, musicbrainz:artist/ID, "
            "spotify:album/ID, spotify:search/WORDS or youtube:playlist/ID."
        ),
    ],
    weekly: Annotated[
        bool, typer.Option("--weekly", help="For cron: does nothing if the source was read less than a week ago.")
    ] = False,
    out: Annotated[str, typer.Option(help="Also write what is stored of this source into this CSV file.")] = "",
    max_mb: Annotated[
        float | None, typer.Option(help="Largest file that is read, in MB. Default: TME_MAX_UPLOAD_MB, 200.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of processes that measure. Default: one for each core.")
    ] = None,
) -> None:
    """List a source of music, store what is new or changed, and score its sound. What is known is not measured again.

    Exit status: 0 all was read; 1 a service asked for a pause, or files were not scored; 2 an argument is wrong, or the
    run failed; 130 stopped with Ctrl-C. The same command goes on where the run stopped.
    """
    from core.cli.library import size_limit
    from core.sources.ingest import is_due
    from core.sources.names import find_source
    from core.store import end_source, open_store, source_state

    settings = Settings()
    largest = size_limit(max_mb, settings)
    if out and not out.lower().endswith(".csv"):
        raise CoreError(f"--out {out}: the name of the file must end in .csv.")
    found = find_source(source, settings, max_mb=largest)
    with interruptible():
        store = open_store(settings.database)
        state = source_state(store, found.name)
        if weekly and state is not None and state.ended_at and not is_due(state):
            typer.echo(f"{found.name} was read on {state.ended_at:%d %b, %H:%M} UTC. It is read again after a week.")
            return
        report = _list(found, store)
        typer.echo(report.text)
        summary = _score(found, report, settings, store, max_mb=largest, workers=workers)
        if not report.paused:
            end_source(store, found.name)
        if out:
            _write(found, store, Path(out))
        if summary is not None and summary.measured:
            _look_for_copies(settings)
    scored = summary is None or summary.scored == summary.found
    raise typer.Exit(1 if report.paused or not scored else 0)


def _list(source: "Source", store: "Store") -> "Report":
    from core.pipeline import jobs
    from core.sources import ingest

    with jobs.hold_job(store, ingest.JOB, about={"source": source.name}) as work, progress_bar(work.report) as beat:
        report = ingest.ingest(source, store, beat=beat)
        work.message = report.text
        work.result |= report.to_json()
    return report


def _score(
    source: "Source", report: "Report", settings: Settings, store: "Store", *, max_mb: float, workers: int | None
) -> "Summary | None":
    """Score the sound of the source; None without sound."""
    from core.cli.library import score_folder
    from core.library.places import new_results
    from core.records import Plan
    from core.store import fill_tracks

    if not report.files:
        return None
    summary = score_folder(
        source.place,
        str(new_results(settings, by=store.by)),
        policy="threshold",
        settings=settings,
        job=None,
        plan=Plan(),
        scheduler=settings.scheduler,
        workers=workers,
        max_mb=max_mb,
        makam=False,
        files=report.files,
    )
    typer.echo(summary.report)
    if report.tracks:
        fill_tracks(store, report.tracks)
    return summary


def _look_for_copies(settings: Settings) -> None:
    from core.cli import copies

    try:
        typer.echo(copies.search(settings).report)
    except JobRunningError:
        typer.echo("Another search for copies is running. When it has ended, run: python -m core copies")


def _write(source: "Source", store: "Store", path: Path) -> None:
    from core.atomic import replace_file
    from core.source_note import SourceNote
    from core.sources.ingest import catalogue
    from core.spreadsheets import csv_for_people

    table = catalogue(store, source)
    note = SourceNote(table=source.name, rows=f"{len(table):,} items", cite=f"Licence: {source.licence.name}")
    try:
        replace_file(path, csv_for_people(table, index=False, comments=note.header("items of a source of music")))
    except OSError as error:
        raise CoreError(f"{path} cannot be written: {error.strerror}. Choose another folder.") from error
    typer.echo(f"The items are in {path}.")
