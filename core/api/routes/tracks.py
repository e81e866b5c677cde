"""The mood over time of a whole recording."""

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from core.access import Action
from core.api import answers, bodies, shapes
from core.api.callers import Caller, allowed
from core.api.openapi import audio_body, problems
from core.api.work import how_asked, in_line, room_to_work, service_of
from core.audio.decoding import Source, inspect
from core.features import EXTRACTOR
from core.pipeline import timeline
from core.pipeline.serving import Served
from core.pipeline.timeline import ScoredWindow
from core.pipeline.window_scoring import score_windows
from core.schema import EMOTIONS
from core.store import Scope
from core.windows import HOP_S, LENGTH_S, LONGEST_S, SHORTEST_S, spans

router = APIRouter(tags=["tracks"])
AT_ONCE = 4  # windows of one recording that are scored before others have their turn


@router.post(
    "/v1/tracks",
    summary="Score a whole recording",
    responses=problems(415),
    openapi_extra=audio_body(),
    dependencies=[Depends(room_to_work)],
)
async def score_track(
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Action.SCORE_CLIP, Scope.SCORE))],
    window_s: Annotated[float, Query(ge=SHORTEST_S, le=LONGEST_S, description="Length of a window.")] = LENGTH_S,
    hop_s: Annotated[float, Query(ge=1, le=LONGEST_S, description="From one start to the next.")] = HOP_S,
    name: Annotated[str, Query(max_length=300, description="Name of the file, if the body is the file.")] = "",
) -> shapes.TrackAnswer:
    """Score a recording window by window: its mood over time and as a whole. Nothing is stored."""
    sent, service = await bodies.one_file(request, name=name), service_of(request)

    def opened() -> tuple[Source, Served]:
        return inspect(sent.read(), sent.name, max_mb=service.settings.max_upload_mb), service.served()

    source, served = await in_line(request, opened)
    planned = spans(source.duration_s, length_s=window_s, hop_s=hop_s)
    coming = score_windows(
        source, served, spans=planned, policy=served.policy, store=caller.store, asked=how_asked(request)
    )
    windows: list[ScoredWindow] = []
    while len(windows) < len(planned):
        windows += await in_line(request, lambda: list(islice(coming, AT_ONCE)))
    return _answer(windows, source, served, window_s, hop_s)


def _answer(
    windows: list[ScoredWindow], source: Source, served: Served, window_s: float, hop_s: float
) -> shapes.TrackAnswer:
    table = timeline.timeline_table(windows)
    mood = timeline.overall(table)
    steadiest = [(emotion, timeline.steadiest(table, emotion)) for emotion in EMOTIONS]
    return shapes.TrackAnswer(
        duration_s=source.duration_s,
        window_s=window_s,
        hop_s=hop_s,
        windows=[
            shapes.WindowAnswer(
                start_s=window.start_s,
                end_s=window.end_s,
                probabilities=answers.probabilities(window.proba) if window.proba else None,
                remark=answers.remarks([window.remark])[0] if window.remark else None,
            )
            for window in windows
        ],
        mood=shapes.MoodAnswer(
            guess=mood.label,  # type: ignore[arg-type]
            probabilities=answers.probabilities(mood.mean),
            windows=mood.windows,
            decision=answers.decision(timeline.decide_overall(table, mood, served.policy)),
        ),
        steadiest=[
            shapes.Steadiest(
                emotion=emotion,  # type: ignore[arg-type]
                start_s=stretch.start_s,
                end_s=stretch.end_s,
                lowest=stretch.lowest,
                mean=stretch.mean,
                fits=stretch.fits,
            )
            for emotion, stretch in steadiest
            if stretch is not None
        ],
        warnings=timeline.warnings(windows),
        versions=answers.versions(served.model.version, EXTRACTOR, served.policy),
    )
