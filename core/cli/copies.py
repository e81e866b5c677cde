"""Command copies: find files of the same recording in the library. Heavy libraries load inside the function."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.terminal import interruptible
from core.settings import Settings

if TYPE_CHECKING:
    from core.library.copies import Search


def copies(job: Annotated[int | None, typer.Option(hidden=True)] = None) -> None:
    """Find files of the library that hold the same recording: by length, fingerprint and features.

    No file is changed. Pairs that may be one recording wait on the page Same recordings for a person. Stored
    fingerprints are not measured again, so the same command continues a search that was stopped.
    """
    with interruptible():
        found = search(Settings(), job=job)
    typer.echo(found.report)


def search(settings: Settings, *, job: int | None = None) -> "Search":
    """Search the library as a job.  job : whose lock this process holds; None takes the lock."""
    from core.library.copies import JOB, find_copies
    from core.pipeline import jobs, serving
    from core.store import open_store

    store = open_store(settings.database)
    with jobs.hold_job(store, JOB, job_id=job) as work:
        reference = serving.serve(settings).reference
        found = find_copies(store, settings, reference, max_mb=settings.max_upload_mb, beat=work.report)
        work.message = found.report
        work.result |= asdict(found)
    return found
