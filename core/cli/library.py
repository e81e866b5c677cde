"""Commands for libraries: score and demo-library. Heavy libraries load inside the functions."""

import json
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.terminal import interruptible
from core.errors import CoreError, ModelError
from core.settings import Settings

if TYPE_CHECKING:
    from core.library.progress import Summary
    from core.models.policy import Policy
    from core.records import Plan


def score(
    folder: Annotated[
        str,
        typer.Argument(
            help="A folder with its subfolders, a file, or an address: s3://bucket/music (pip install s3fs)."
        ),
    ],
    out: Annotated[str, typer.Option(help="Path of the table of results; it ends in .parquet, .csv or .jsonl.")],
    window: Annotated[
        float | None,
        typer.Option(
            help="Score whole files in windows of 30 to 60 s. Default: one answer for each file, from the windows "
            "around its middle that the policy asks for."
        ),
    ] = None,
    hop: Annotated[
        float | None,
        typer.Option(help="Seconds between the starts of two windows. Needs --window."),
    ] = None,
    policy: Annotated[
        str,
        typer.Option(help="Decision rule: threshold, conformal, or a rule of your own as JSON with the key kind."),
    ] = "threshold",
    scheduler: Annotated[str, typer.Option(help="Address of a running Dask scheduler, tcp://host:8786.")] = "",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of processes on this machine. Default: one for each core.")
    ] = None,
    max_mb: Annotated[
        float | None, typer.Option(help="Largest file that is read, in MB. Default: TME_MAX_UPLOAD_MB, 200.")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try files again that crashed a worker before.")] = False,
    write_tags: Annotated[
        bool, typer.Option("--write-tags", help="Write the results of each file into a JSON sidecar file next to it.")
    ] = False,
    makam: Annotated[
        bool,
        typer.Option("--makam", help="Also measure karar and makam of each whole file: 2 s for 5 minutes."),
    ] = False,
    within: Annotated[str, typer.Option(hidden=True, help="Links that lead out of this folder are not followed.")] = "",
    job: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Score all audio files in a folder and its subfolders. Files that were measured before are not measured again.

    Exit status: 0 all files were scored; 1 some were not scored, the report lists them; 2 an argument is wrong, or the
    run failed; 130 stopped with Ctrl-C, the same command continues the run.
    """
    with interruptible():
        settings, plan = Settings(), _plan(window, hop)
        own = _policy_from_json(policy)
        summary = score_folder(
            folder,
            out,
            policy=own or policy,
            settings=settings,
            job=job,
            plan=plan,
            scheduler=scheduler or settings.scheduler,
            workers=workers,
            max_mb=size_limit(max_mb, settings),
            retry=retry,
            sidecars=write_tags,
            makam=makam,
            within=within,
        )
    typer.echo(summary.report)
    raise typer.Exit(0 if summary.scored == summary.found else 1)


def score_folder(
    folder: str,
    out: str,
    *,
    policy: "Policy | str",
    settings: Settings,
    job: int | None,
    plan: "Plan",
    scheduler: str,
    workers: int | None,
    **options: Any,
) -> "Summary":
    """Score the folder as a job, with a progress bar. policy : a policy or its name.  options : of score_library."""
    from core.allowed_places import name_place
    from core.library import addresses, results, run
    from core.library.progress import RunProgress, Summary, progress_bar
    from core.library.workers import Where
    from core.models.policy import Policy
    from core.pipeline import jobs, serving
    from core.playlists.kept_pieces import prepare_pieces
    from core.store import open_store

    results.check_out(out)
    store = open_store(settings.database)
    address = addresses.local_path(folder) if addresses.is_local(folder) else addresses.safe(folder)
    if job is None:  # typed on this machine: its owner names the place
        name_place(address, settings)
    window = None if plan.hop_s is None else plan.window_s
    # A run that ended early is continued with these.
    about = {"folder": address, "window": window, "hop": plan.hop_s, "makam": options["makam"]}
    with jobs.hold_job(store, run.JOB, job_id=job, about=about) as work, progress_bar() as draw:

        def report(progress: RunProgress) -> None:
            draw(progress)
            work.report(progress.share, progress.text)

        def scored(served: serving.Served) -> Summary:
            chosen = served.policies.get(policy) if isinstance(policy, str) else policy
            if chosen is None:
                raise CoreError(f"There is no policy {policy!r}. Choose one of: {', '.join(served.policies)}.")
            return run.score_library(
                folder,
                out,
                served=served,
                policy=chosen,
                store=store,
                plan=plan,
                where=Where(scheduler, workers),
                on_progress=report,
                **options,
            )

        try:
            summary = scored(serving.serve(settings, on_demand=True))  # a run without a new file needs no model
        except ModelError:  # the registry's champion does not load: its replacement scores, as on the pages
            summary = scored(serving.serve(settings))
        # The pages need it next. In a run without a change it is there already.
        prepare_pieces(store, settings, model_version=summary.model_version, policy=Policy.from_json(summary.policy))
        work.result, work.message = {**about, **summary.to_json()}, summary.text
    return summary


def demo_library(
    count: Annotated[int, typer.Option(min=1, max=400, help="Number of pieces.")] = 24,
    job: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Make a small synthetic library in the data folder and score it, so that you can try moods and playlists."""
    from core.library import places, run
    from core.library.demo_library import write
    from core.library.workers import Where
    from core.pipeline import jobs, serving
    from core.store import open_store

    settings = Settings()
    store, folder = open_store(settings.database), settings.demo_library_dir
    with jobs.hold_job(store, run.JOB, job_id=job) as work:
        served = serving.serve(settings)
        write(
            folder,
            count=count,
            on_progress=lambda done, of: work.report(0.8 * done / of, f"Making piece {done + 1} of {of}"),
        )
        summary = run.score_library(
            str(folder),
            str(places.new_results(settings, by=store.by)),
            served=served,
            policy=served.policies["threshold"],
            store=store,
            where=Where(workers=1),
            max_mb=settings.max_upload_mb,
            on_progress=lambda progress: work.report(0.8 + 0.2 * progress.share, progress.text),
        )
        work.result, work.message = summary.to_json(), summary.text
    typer.echo(summary.text)


def size_limit(max_mb: float | None, settings: Settings) -> float:
    """The largest file that is read, in MB. Raises CoreError for a limit that no file keeps."""
    if max_mb is None:
        return settings.max_upload_mb
    if not (isfinite(max_mb) and max_mb > 0):
        raise CoreError(f"--max-mb {max_mb:g}: the size limit must be more than 0 MB.")
    return max_mb


def _plan(window: float | None, hop: float | None) -> "Plan":
    """The parts of each file to score. Raises CoreError for impossible windows, or when only one option is given."""
    from core.records import Plan

    if window is None and hop is None:
        return Plan()
    if window is None or hop is None:
        raise CoreError("--window and --hop go together: --window 30 --hop 15 scores 30 s every 15 s.")
    return Plan(window, hop)


def _policy_from_json(text: str) -> "Policy | None":
    """The policy that the text holds as JSON; None for the name of a policy. Raises CoreError for bad JSON."""
    from core.models.policy import Policy

    if not text.strip().startswith("{"):
        return None
    example = Policy(threshold=0.6).to_json()
    try:
        if "kind" not in json.loads(text):
            raise CoreError("the key kind is missing")
        return Policy.from_json(text)
    except (CoreError, ValueError) as error:
        raise CoreError(
            f"--policy {text[:80]} is not a valid policy ({str(error).rstrip('.')}). Example: {example}"
        ) from error
