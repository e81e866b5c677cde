"""Command that brings stored answers up to date after the model or the extractor changed."""

import typer

from core.cli.library import score_folder
from core.cli.terminal import interruptible, progress_bar
from core.cli.training import rescore
from core.settings import Settings


def backfill() -> None:
    """Score everything that is stored with the present model. Old answers, measurements and tables stay.

    Clips and files are measured again only where the extractor changed. Each run over a library is then repeated as it
    was and writes a new table.
    """
    from core.features import EXTRACTOR
    from core.library import places
    from core.library.backfill import measure_clips, runs_to_repeat
    from core.library.run import JOB
    from core.store import done_jobs, open_store, outdated_files
    from core.wording import counted

    settings = Settings()
    store = open_store(settings.database)
    with interruptible():
        with progress_bar() as report:
            measured, lost = measure_clips(store, settings, progress=report)
        typer.echo(f"{counted(measured, 'stored clip')} measured again.")
        if lost:
            typer.echo(f"The audio of {counted(lost, 'clip')} is not there any more: their old answers stay.")
        rescore(job=None)
        runs, left = runs_to_repeat(done_jobs(store, JOB, limit=10_000), outdated_files(store, EXTRACTOR))
        for run in runs:
            out = str(places.new_results(settings, by=store.by))
            summary = score_folder(
                run.folder,
                out,
                policy=run.policy,
                settings=settings,
                job=None,
                plan=run.plan,
                scheduler=settings.scheduler,
                workers=None,
                max_mb=settings.max_upload_mb,
                makam=run.makam,
            )
            typer.echo(f"{run.folder}: {summary.report}")
    if left:
        typer.echo(
            f"{counted(left, 'file')} of an earlier extractor are in no folder that a run has scored. Run "
            "'python -m core score FOLDER --out FILE' on their folder; until then their old answers stay."
        )
