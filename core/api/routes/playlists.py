"""Playlists of one mood, and paths from one mood to another."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from core.access import Action
from core.api import answers, shapes
from core.api.callers import Caller, allowed
from core.api.openapi import problems
from core.api.pieces_of_library import same_recordings
from core.api.problems import NOT_VALID, ApiError
from core.api.work import in_line, room_to_work, service_of
from core.errors import CoreError
from core.pipeline.work_queue import Way
from core.playlists import files, iso_path, one_mood, playlist
from core.playlists.pieces import ACCEPTED, BETWEEN
from core.playlists.playlist import Playlist, Pool
from core.records import RemarkKind
from core.schema import EMOTIONS
from core.store import Scope

router = APIRouter(tags=["playlists"])
NO_LIBRARY = "No library was scored yet. Score a folder first, with a job or on the page Library."


class PlaylistForm(StrEnum):
    json = "json"
    m3u8 = "m3u8"
    xspf = "xspf"
    csv = "csv"


MEDIA = {
    PlaylistForm.m3u8: "application/vnd.apple.mpegurl",
    PlaylistForm.xspf: "application/xspf+xml",
    PlaylistForm.csv: "text/csv",
}
WRITERS: dict[PlaylistForm, Callable[[Playlist], bytes]] = {
    PlaylistForm.m3u8: files.m3u8,
    PlaylistForm.xspf: files.xspf,
    PlaylistForm.csv: files.csv_file,
}
FILES = {"content": {kind: {"schema": {"type": "string"}} for kind in MEDIA.values()}}


@router.post(
    "/v1/playlists",
    summary="Make a playlist or a path",
    response_model=shapes.PlaylistAnswer,
    responses={200: FILES, **problems()},
    dependencies=[Depends(room_to_work)],
)
async def make_playlist(
    body: shapes.PlaylistBody,
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Action.MAKE_PLAYLIST, Scope.READ))],
    form: Annotated[PlaylistForm, Query(alias="format", description="The form of the list.")] = PlaylistForm.json,
) -> shapes.PlaylistAnswer | Response:
    """Make a list of one mood (`mood`), or a path from one mood to another (`start`, `goal`). Nothing is stored."""
    way = _way(body)
    service = service_of(request)

    def work() -> Playlist:
        served = service.served()
        library = service.library.read(caller.store, served, caller.settings)
        if library is None:
            raise CoreError(NO_LIBRARY)
        pool = playlist.usable_pieces(
            library.present,
            standings=(ACCEPTED, BETWEEN) if body.between else (ACCEPTED,),
            recordings=same_recordings(library, served, caller.store),
        )
        try:
            return _build(body, way, pool)
        except CoreError as error:
            raise CoreError(_with_ways_out(str(error), pool, between=body.between)) from error

    made = await in_line(request, work, way=Way.EXPLANATION)
    if form is PlaylistForm.json:
        return _answer(made)
    return Response(WRITERS[form](made), media_type=MEDIA[form])


def _way(body: shapes.PlaylistBody) -> tuple[str, ...]:
    """Return the moods of the list in their order."""
    if body.mood is not None and body.start is None and body.goal is None and body.over is None:
        return (body.mood,)
    if body.mood is not None or body.start is None or body.goal is None:
        raise ApiError(NOT_VALID, "Give either mood, or start and goal.")
    ways = iso_path.shortest_ways(body.start, body.goal)
    fitting = [way for way in ways if body.over is None or body.over in way[1:-1]]
    if not fitting:
        between = " or ".join(sorted({mood for way in ways for mood in way[1:-1]})) or "no mood"
        raise ApiError(NOT_VALID, f"Between {body.start} and {body.goal} lies {between}, not {body.over}.")
    return fitting[0]


def _build(body: shapes.PlaylistBody, way: tuple[str, ...], pool: Pool) -> Playlist:
    if len(way) == 1 and body.mood is not None:
        return one_mood.build_one_mood(pool, way[0], body.minutes, seed=body.seed)
    return iso_path.build_iso_path(pool, way, body.minutes, per_step=body.per_step, seed=body.seed)


def _with_ways_out(sentence: str, pool: Pool, *, between: bool) -> str:
    """Add which pieces were left out and why, and which field of the request or address lets them in."""
    parts = [sentence, *(remark.text for remark in pool.remarks)]
    if any(remark.kind is RemarkKind.NEEDS_LISTENING for remark in pool.remarks):
        parts.append("A piece that needs review is used after a person said what it is: POST /v1/feedback.")
    if not between:
        parts.append('The field "between": true also allows pieces between two neighbouring moods.')
    return " ".join(parts)


def _answer(made: Playlist) -> shapes.PlaylistAnswer:
    return shapes.PlaylistAnswer(
        name=made.name,
        way=list(made.way),  # type: ignore[arg-type]
        length_s=made.length_s,
        seed=made.seed,
        pieces=[
            shapes.PlaylistPiece(
                number=row["number"],
                begins_s=row["begins_s"],
                id=row["piece_id"],
                title=row["title"],
                artist=row["artist"],
                duration_s=row["duration_s"],
                mood=row["guess"],
                probabilities=answers.probabilities({e: row[f"p_{e}"] for e in EMOTIONS}),
                tempo_bpm=answers.number(row["tempo"]),
                gain_db=answers.number(row["gain_db"]),
                why=row["why"],
                weak=row["weak"],
            )
            for row in files.row_dicts(made)
        ],
        remarks=answers.remarks(made.remarks),
    )
