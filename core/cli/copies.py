"""Command copies: find files of the same recording in the library. Heavy libraries load inside the function."""

from dataclasses import asdict
from typing import Annotated

import typer

from core.cli.terminal import interruptible
from core.settings import Settings


def copies(job: Annotated[int | None, typer.Option(hidden=True)] = None) -> None:
    """Find files of the library that hold the same recording: by length, fingerprint and features.

    No file is changed. Pairs that may be one recording wait on the page Same recordings for a person. Stored
    fingerprints are not measured again, so the same command continues a search that was stopped.
    """
    from core.library.copies import JOB, find_copies
    from core.pipeline import jobs, serving
    from core.store import open_store

    with interruptible():
        settings = Settings()
        store = open_store(settings.database)
        with jobs.hold_job(store, JOB, job_id=job) as work:
            reference = serving.serve(settings).reference
            found = find_copies(store, settings, reference, max_mb=settings.max_upload_mb, beat=work.report)
            work.message = found.report
            work.result |= asdict(found)
    typer.echo(found.report)
