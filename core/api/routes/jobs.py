"""Runs over many files: start one, follow it, cancel it, read its results."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as InPath
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse

from core.access import Action
from core.api import bodies, shapes
from core.api.callers import Caller, allowed
from core.api.openapi import audio_body, problems
from core.api.problems import CONFLICT, NOT_FOUND, NOT_VALID, ApiError, first_mistake
from core.api.work import room_to_work, service_of
from core.library import launching, places, run
from core.library.launching import Windows
from core.locations import present_path
from core.pipeline import jobs
from core.records import Plan
from core.settings import Settings
from core.source_note import SourceNote
from core.spreadsheets import csv_for_people
from core.store import Job, Scope, cancel_job, own_job

router = APIRouter(tags=["jobs"])
Running = Annotated[Caller, Depends(allowed(Action.SCORE_LIBRARY, Scope.SCORE))]
JobId = Annotated[int, InPath(ge=1, le=2**31, description="The id of a job of this key.")]
PARQUET = "application/vnd.apache.parquet"


class ResultsForm(StrEnum):
    json = "json"
    csv = "csv"
    parquet = "parquet"


class Results(BaseModel):
    """The table of results: a row for each part of a file, and for each file without a result."""

    rows: list[dict[str, Any]]


BODY = audio_body("files", many=True)
BODY["requestBody"]["content"]["application/json"] = {"schema": {"$ref": "#/components/schemas/JobBody"}}
TABLES = {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("text/csv", PARQUET)}}


@router.post(
    "/v1/jobs",
    summary="Score many files",
    status_code=202,
    responses={202: {"headers": {"Location": {"schema": {"type": "string"}}}}, **problems(409, 415)},
    openapi_extra=BODY,
    dependencies=[Depends(room_to_work)],
)
async def start_job(
    request: Request,
    response: Response,
    caller: Running,
    window_s: Annotated[float | None, Query(description="Whole files, in windows of 30 to 60 s.")] = None,
    hop_s: Annotated[float | None, Query(description="Seconds between the starts of two windows.")] = None,
) -> shapes.JobAnswer:
    """Score the files of a form, or a folder of the server, in the background. One run goes on at a time.

    The sound of sent files stays on the server until `DELETE /v1/jobs/{job_id}?files=true`, or until an analyst removes
    it, and all who may see the library find its pieces.
    """
    windows = _windows(window_s, hop_s)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        folder = _folder(await request.body())
        job = await run_in_threadpool(_start_folder, request, caller, folder, windows)
    else:
        files = await bodies.many_files(request)
        job = await run_in_threadpool(_start_files, request, caller, files, windows)
    response.headers["Location"] = f"{_root(request)}/v1/jobs/{job.job_id}"
    return _answer(job, request)


def _windows(window_s: float | None, hop_s: float | None) -> Windows | None:
    if window_s is None or hop_s is None:
        if window_s is not hop_s:
            raise ApiError(NOT_VALID, "window_s and hop_s go together. Give both, or none.")
        return None
    Plan(window_s, hop_s)  # raises CoreError if the lengths are not allowed
    return window_s, hop_s


def _folder(body: bytes) -> str:
    try:
        return shapes.JobBody.model_validate_json(body).folder
    except ValidationError as error:
        raise ApiError(NOT_VALID, first_mistake(error.errors())) from error


def _start_folder(request: Request, caller: Caller, folder: str, windows: Windows | None) -> Job:
    place = launching.place_to_score(folder, caller.store, caller.settings)
    policy = service_of(request).served().policy
    return launching.launch_run(caller.store, place, policy, windows=windows, settings=caller.settings)


def _start_files(request: Request, caller: Caller, files: list[bodies.SentFile], windows: Windows | None) -> Job:
    if jobs.running(caller.store, run.JOB) is not None:  # said before anything is written
        raise ApiError(CONFLICT, "Another run is going on. Wait until it ends, then send the files again.")
    for file in files:  # nothing is written of a request with a file that will not be read
        places.require_audio(file.name, file.read())
    sent = ((file.name, file.read()) for file in files)
    folder = places.save_uploads(sent, caller.settings, by=caller.by)
    policy = service_of(request).served().policy
    return launching.launch_uploaded(caller.store, folder, policy, windows=windows, settings=caller.settings)


@router.get("/v1/jobs/{job_id}", summary="Follow a job", responses=problems(404))
def read_job(job_id: JobId, caller: Running, request: Request) -> shapes.JobAnswer:
    """Return the state and the progress of a job of this key."""
    jobs.mark_killed(caller.store, run.JOB)
    return _answer(_own(caller, job_id), request)


@router.delete("/v1/jobs/{job_id}", summary="Cancel a job", status_code=202, responses=problems(404, 409))
def stop_job(
    job_id: JobId,
    caller: Running,
    request: Request,
    files: Annotated[
        bool, Query(description="Also remove the files that were sent for this job. It must have ended.")
    ] = False,
) -> shapes.JobAnswer:
    """Ask a job to stop. What is scored so far stays stored. With `files`, remove the sound that was sent for it."""
    job = _own(caller, job_id)
    cancel_job(caller.store, job_id)
    if files:
        going = jobs.running(caller.store, run.JOB)  # another run may score the same files again
        if going is not None and (going.job_id == job_id or going.result.get("folder") == job.result.get("folder")):
            raise ApiError(CONFLICT, "A run still reads these files. Wait until it has ended, then ask again.")
        places.remove_sent(_own(caller, job_id), service_of(request).settings, by=caller.by)
    return _answer(_own(caller, job_id), request)


@router.get(
    "/v1/jobs/{job_id}/results",
    summary="Read the results of a job",
    response_model=Results,
    responses={200: TABLES, **problems(404, 409)},
)
def read_results(
    job_id: JobId,
    caller: Running,
    request: Request,
    form: Annotated[ResultsForm, Query(alias="format", description="The form of the table.")] = ResultsForm.json,
) -> Results | Response:
    """Return the table of results, the same that the page Library offers."""
    job, settings = _own(caller, job_id), service_of(request).settings
    path = _results(job, settings)
    if path is None:
        raise ApiError(CONFLICT, "This job has no results yet. Ask for its state: it must be done.")
    if form is ResultsForm.parquet:
        return FileResponse(path, media_type=PARQUET, filename=path.name)
    table = pd.read_parquet(path)
    if form is ResultsForm.csv:
        note = SourceNote(table=f"job {job_id}", model=str(job.result["model_version"]))
        comments = note.header("results of a library")
        return Response(csv_for_people(table, index=False, comments=comments), media_type="text/csv")
    rows: list[Any] = table.astype(object).where(table.notna(), None).to_dict("records")
    return Results(rows=rows)


def _own(caller: Caller, job_id: int) -> Job:
    job = own_job(caller.store, job_id, run.JOB)
    if job is None:
        raise ApiError(NOT_FOUND, f"There is no job {job_id} of this key.")
    return job


def _results(job: Job, settings: Settings) -> Path | None:
    stored = job.result.get("out")
    if job.state != "done" or not isinstance(stored, str):
        return None
    path = Path(present_path(stored, settings))
    return path if path.is_file() else None


def _answer(job: Job, request: Request) -> shapes.JobAnswer:
    settings = service_of(request).settings
    ready, sent = _results(job, settings) is not None, places.sent_folder(job, settings)
    return shapes.JobAnswer(
        id=job.job_id,
        state="lost" if job.silent() else job.state,  # type: ignore[arg-type]
        progress=job.progress,
        message=job.message,
        cancelling=job.cancel and job.state == "running",
        started_at=job.started_at,
        ended_at=job.ended_at,
        found=job.result.get("found"),
        scored=job.result.get("scored"),
        sent_files=None if sent is None else places.count_files(sent)[0],
        results=f"{_root(request)}/v1/jobs/{job.job_id}/results" if ready else None,
    )


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/")
