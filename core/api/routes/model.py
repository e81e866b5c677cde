"""The model in use: its card, its figures, its criteria and its limits."""

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from core.access import Action
from core.api import shapes
from core.api.answers import number
from core.api.callers import Caller, allowed
from core.api.openapi import problems
from core.api.work import service_of
from core.audio.decoding import EXCERPT_S, SHORTEST_S
from core.audio.formats import ENDINGS
from core.evaluation.criteria import check_criteria
from core.evaluation.stored_evaluation import read_evaluation, stored_policy
from core.features import EXTRACTOR
from core.schema import EMOTIONS
from core.store import Scope

router = APIRouter(tags=["model"])


@router.get("/v1/model", summary="Describe the model in use", responses=problems())
def describe(
    request: Request, caller: Annotated[Caller, Depends(allowed(Action.SEE_RESULTS, Scope.READ))]
) -> shapes.ModelAnswer:
    """Return the card of the model, its figures with intervals, the criteria, and its limits."""
    settings, model = service_of(request).settings, service_of(request).description()
    evaluation = read_evaluation(model, settings)
    figures = [
        shapes.FigureAnswer(
            row=row["row"],
            protocol=row["protocol"],
            clips=int(row["clips"]),
            measure=row["measure"],
            emotion=row["emotion"],
            value=number(row["value"]),
            low=number(row["low"]),
            high=number(row["high"]),
        )
        for row in evaluation.lines.to_dict("records")
    ]
    criteria = [
        shapes.Criterion(
            name=check.name,
            target=check.target,
            clips=check.clips,
            value=number(check.value),
            low=number(check.low),
            high=number(check.high),
            verdict=check.verdict.value,
            note=check.note,
        )
        for check in check_criteria(evaluation)
    ]
    return shapes.ModelAnswer(
        version=model.version,
        source=model.source,
        created_at=model.created_at,
        emotions=list(EMOTIONS),  # type: ignore[arg-type]
        extractor=EXTRACTOR,
        policy=json.loads(stored_policy(model).to_json()),
        card=model.card,
        limits=_chapter(model.card, "Limits"),
        figures=figures,
        criteria=criteria,
        accepts=shapes.Accepts(
            largest_mb=settings.max_upload_mb, formats=list(ENDINGS), shortest_s=SHORTEST_S, window_s=EXCERPT_S
        ),
    )


def _chapter(markdown: str, title: str) -> str:
    """Return the text of a chapter of a document; empty without it."""
    return f"\n{markdown}".partition(f"\n## {title}\n")[2].partition("\n## ")[0].strip()
