"""What a person hears in a clip or a piece. The same request sent twice is stored once."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from core.access import Action
from core.api import shapes
from core.api.callers import Caller, allowed
from core.api.openapi import problems
from core.api.problems import CONFLICT, NOT_FOUND, NOT_VALID, ApiError
from core.api.work import service_of
from core.errors import SentTwiceError
from core.labelling.hearing import Heard, say
from core.store import Receipt, Scope, add_feedback, own_prediction

router = APIRouter(tags=["feedback"])
NO_PIECE = "There is no such piece in the library, or this key may not see it."
KEY_USED = "This Idempotency-Key was used for another answer before. Send a new one with each answer."


@router.post(
    "/v1/feedback",
    summary="Say what a person hears",
    status_code=201,
    responses={
        200: {"model": shapes.FeedbackAnswer, "description": "The same request was stored before."},
        **problems(404, 409),
    },
)
def give_feedback(
    body: shapes.FeedbackBody,
    request: Request,
    response: Response,
    caller: Annotated[Caller, Depends(allowed(Action.ANSWER, Scope.FEEDBACK))],
    idempotency_key: Annotated[
        str, Header(min_length=8, max_length=128, description="A new text for each answer, such as a UUID.")
    ],
) -> shapes.FeedbackAnswer:
    """Store the emotion that a person hears in a clip of this key, or in a piece of the library."""
    if (body.clip_id is None) == (body.piece_id is None):
        raise ApiError(NOT_VALID, "Give either clip_id or piece_id.")
    token = hashlib.sha256(f"api\n{caller.by.mark}\n{idempotency_key}".encode()).hexdigest()
    try:
        receipt = _about_clip(caller, body, token) if body.clip_id else _about_piece(caller, request, body, token)
    except SentTwiceError as error:
        raise ApiError(CONFLICT, KEY_USED) from error
    response.status_code = 201 if receipt.new else 200
    return shapes.FeedbackAnswer(feedback_id=receipt.feedback_id, new=receipt.new, remark=receipt.remark)


def _about_clip(caller: Caller, body: shapes.FeedbackBody, token: str) -> Receipt:
    known = own_prediction(caller.store, str(body.clip_id))
    if known is None:
        raise ApiError(NOT_FOUND, "There is no such clip of this key. Score the file first, with its values stored.")
    return add_feedback(
        caller.store,
        token=token,
        rater=caller.by.name,
        verified=caller.by.verified,
        label=body.emotion,
        prediction_id=known.prediction_id,
        clip_id=known.clip_id,
        display="shown",
        shown_label=known.guess,
        source="predict",
        comment=body.comment,
    )


def _about_piece(caller: Caller, request: Request, body: shapes.FeedbackBody, token: str) -> Receipt:
    service = service_of(request)
    if not caller.by.may(Action.SEE_LIBRARY):
        raise ApiError(NOT_FOUND, NO_PIECE)
    library = service.library.read(caller.store, service.served(), caller.settings)
    piece_id = str(body.piece_id)
    if library is None or piece_id not in library.every.index:
        raise ApiError(NOT_FOUND, NO_PIECE)
    guess = str(library.every.loc[piece_id, "model_mood"])
    return say(caller.store, Heard(guess, content_hash=piece_id), body.emotion, form=token)
