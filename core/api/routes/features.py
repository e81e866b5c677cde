"""The 50 features of a file."""

from enum import StrEnum
from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Depends, Query, Request, Response

from core.access import Action
from core.api import answers, bodies, shapes
from core.api.callers import Caller, allowed
from core.api.openapi import audio_body, problems
from core.api.work import in_line, room_to_work, service_of
from core.audio.decoding import inspect
from core.pipeline.measure import Measured, measure
from core.schema import COLUMNS
from core.source_note import SourceNote
from core.spreadsheets import csv_for_people
from core.store import Scope

router = APIRouter(tags=["features"])
CSV = {"content": {"text/csv": {"schema": {"type": "string"}}}}


class FeaturesForm(StrEnum):
    json = "json"
    csv = "csv"


@router.post(
    "/v1/features",
    summary="Measure the 50 features",
    response_model=shapes.FeaturesAnswer,
    responses={200: CSV, **problems(415)},
    openapi_extra=audio_body(),
    dependencies=[Depends(room_to_work)],
)
async def measure_features(
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Action.SCORE_CLIP, Scope.SCORE))],
    form: Annotated[FeaturesForm, Query(alias="format", description="The form of the answer.")] = FeaturesForm.json,
    name: Annotated[str, Query(max_length=300, description="Name of the file, if the body is the file.")] = "",
) -> shapes.FeaturesAnswer | Response:
    """Measure the 50 features of the middle 30 s. Nothing is stored."""
    sent, settings = await bodies.one_file(request, name=name), service_of(request).settings

    def work() -> Measured:
        return measure(inspect(sent.read(), sent.name, max_mb=settings.max_upload_mb))

    measured = await in_line(request, work)
    return answers.features(measured) if form is FeaturesForm.json else Response(_csv(measured), media_type="text/csv")


def _csv(measured: Measured) -> bytes:
    vector, clip = measured.vector, measured.clip
    about = {"clip_id": vector.clip_id, "start_s": clip.start_s, "duration_s": clip.duration_s, "sr": clip.sr}
    table = pd.DataFrame([about | {"extractor": vector.extractor} | dict(zip(COLUMNS, vector.values, strict=True))])
    note = SourceNote(table=measured.recording.name, data=vector.clip_id, extractor=vector.extractor)
    return csv_for_people(table, index=False, comments=note.header("the 50 features of a clip"))
