"""Score a clip, and see or erase what is stored of an own clip."""

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from core.access import Action
from core.api import answers, bodies, shapes
from core.api.callers import Caller, allowed
from core.api.openapi import audio_body, problems
from core.api.problems import NOT_FOUND, NOT_VALID, ApiError
from core.api.work import how_asked, in_line, room_to_work, service_of
from core.errors import CoreError
from core.pipeline import kept_audio, scoring
from core.pipeline.scoring import ScoredClip
from core.pipeline.work_queue import Way
from core.schema import COLUMNS
from core.store import Scope, own_clips, own_prediction

router = APIRouter(tags=["clips"])
Scoring = Annotated[Caller, Depends(allowed(Action.SCORE_CLIP, Scope.SCORE))]
Owning = Annotated[Caller, Depends(allowed(Action.ERASE_OWN_CLIP, Scope.SCORE))]
ClipId = Annotated[str, Path(pattern=shapes.ID, description="The clip_id of an answer.")]


@router.post(
    "/v1/clips",
    summary="Score a clip",
    responses=problems(415),
    openapi_extra=audio_body(),
    dependencies=[Depends(room_to_work)],
)
async def score_clip(
    request: Request,
    caller: Scoring,
    explain: Annotated[int, Query(ge=0, le=len(COLUMNS), description="Number of strongest reasons.")] = 0,
    store: Annotated[
        bool, Query(description="Store the values of the clip under this key. Its sound never is.")
    ] = True,
    name: Annotated[str, Query(max_length=300, description="Name of the file, if the body is the file.")] = "",
) -> shapes.ClipAnswer:
    """Say which emotion a clip carries, how sure the model is, and why. The answer is the same as on Predict."""
    sent, service = await bodies.one_file(request, name=name), service_of(request)
    started = time.perf_counter()
    asked = how_asked(request, came_s=started)

    def work() -> ScoredClip:
        served = service.served()
        scored, file = scoring.score_own(
            sent.read(),
            sent.name,
            served,
            policy=served.policy,
            store=caller.store,
            origin="upload",
            max_mb=service.settings.max_upload_mb,
            asked=asked,
        )
        return scoring.keep_clip(scored, file, served, caller.store) if store else scored

    scored = await in_line(request, work)
    explanation = None
    if explain:

        def explained() -> shapes.Explanation:
            served = service.served()
            table = scoring.explain(scored, served)
            return answers.explanation(scored, table, served.reference, count=explain)

        explanation = await in_line(request, explained, way=Way.EXPLANATION)
    return answers.clip(scored, explanation=explanation, total_s=time.perf_counter() - started)


def _gone(clip_id: str) -> ApiError:
    return ApiError(NOT_FOUND, f"There is no clip {clip_id[:80]} of this key. Score the file first.")


@router.get("/v1/clips", summary="List the own clips", responses=problems())
def list_clips(
    caller: Owning,
    limit: Annotated[int, Query(ge=1, le=500, description="Clips of a page.")] = 100,
    cursor: Annotated[
        str | None, Query(pattern=shapes.ID, description="From the page before: its last clip_id.")
    ] = None,
) -> shapes.OwnClips:
    """List the clips that are stored under the name of this key, the newest first."""
    mine = own_clips(caller.store)
    first = 0
    if cursor is not None:
        before = mine.index[mine["clip_id"] == cursor]
        if before.empty:
            raise ApiError(NOT_VALID, "The cursor names no clip of this key. Begin again without a cursor.")
        first = int(before[0]) + 1
    page = mine.iloc[first : first + limit]
    found = [
        shapes.OwnClip(clip_id=row["clip_id"], name=row["file_name"], created_at=row["created_at"])
        for row in page.to_dict("records")
    ]
    more = first + limit < len(mine)
    return shapes.OwnClips(total=len(mine), clips=found, next=found[-1].clip_id if more else None)


@router.get("/v1/clips/{clip_id}", summary="Show a stored clip", responses=problems(404))
def read_clip(clip_id: ClipId, caller: Owning) -> shapes.StoredClip:
    """Return the newest stored answer about a clip of this key."""
    known = own_prediction(caller.store, clip_id)
    if known is None:
        raise _gone(clip_id)
    return answers.stored_clip(known)


@router.delete("/v1/clips/{clip_id}", summary="Erase a clip", status_code=204, responses=problems(404))
def erase_clip(clip_id: ClipId, caller: Owning, request: Request) -> Response:
    """Erase a clip of this key with all answers about it. It cannot be undone."""
    if own_prediction(caller.store, clip_id) is None:
        raise _gone(clip_id)
    try:
        kept_audio.erase_clip(caller.store, clip_id, settings=service_of(request).settings)
    except CoreError:
        if own_prediction(caller.store, clip_id) is None:  # another request was faster
            raise _gone(clip_id) from None
        raise
    return Response(status_code=204)
