"""The figures of the product, for Prometheus."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from core.access import Action
from core.api.callers import Caller, allowed
from core.api.openapi import problems
from core.api.problems import AGAIN_S, NO_STORE, ApiError
from core.api.work import service_of
from core.monitoring.collector import MEDIA_TYPE
from core.store import Scope

ANSWERS_WITHIN_S = 8.0  # Prometheus gives up after 10 s
SLOW = "The database does not answer in time. Prometheus asks again by itself."
router = APIRouter(tags=["health"])
TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Figures for Prometheus."}
}


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response, responses={**problems(), **TEXT})
async def metrics(
    request: Request, caller: Annotated[Caller, Depends(allowed(Action.SEE_RESULTS, Scope.METRICS))]
) -> Response:
    """Return the figures of the product in the text format of Prometheus, computed from the database.

    While the database does not answer, or is being upgraded, the answer is 503 and a sentence.
    """
    figures = service_of(request).figures
    try:
        text = await asyncio.wait_for(asyncio.to_thread(figures.text), ANSWERS_WITHIN_S)
    except TimeoutError as error:
        raise ApiError(NO_STORE, SLOW, retry_after_s=AGAIN_S) from error
    return Response(text, media_type=MEDIA_TYPE)
