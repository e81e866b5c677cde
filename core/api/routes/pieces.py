"""The pieces of the library by mood and words, page by page."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Depends, Query, Request

from core.access import Action
from core.api import answers, shapes
from core.api.callers import Caller, allowed
from core.api.openapi import problems
from core.api.problems import NOT_VALID, ApiError
from core.api.work import service_of
from core.playlists.selection import Filter, filter_pieces
from core.schema import EMOTIONS
from core.store import Scope

router = APIRouter(tags=["pieces"])
LONGEST_WORDS = 200


@router.get("/v1/pieces", summary="List the pieces of the library", responses=problems())
def list_pieces(
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Action.SEE_LIBRARY, Scope.READ))],
    mood: Annotated[shapes.Emotion | None, Query(description="Only pieces of this mood.")] = None,
    q: Annotated[str, Query(max_length=LONGEST_WORDS, description="Words in title, artist, album, makam, file.")] = "",
    cursor: Annotated[str, Query(max_length=400, description="From the answer before.")] = "",
    limit: Annotated[int, Query(ge=1, le=500, description="Pieces in one answer.")] = 50,
) -> shapes.Pieces:
    """Return the pieces that match, the most probable first. A cursor stays valid when the library changes."""
    after = _place(cursor) if cursor else None
    service = service_of(request)
    library = service.library.read(caller.store, service.served(), caller.settings)
    if library is None:
        return shapes.Pieces(total=0, pieces=[], next=None)
    wanted = Filter(emotions=(mood,) if mood else EMOTIONS, search=q)
    found = filter_pieces(library.present, wanted)
    ordered = found.rename_axis("piece_id").reset_index()
    ordered = ordered.sort_values(["confidence", "piece_id"], ascending=[False, True], ignore_index=True)
    rest = ordered if after is None else ordered[_is_after(ordered, *after)]
    page = rest.iloc[:limit]
    end = page.iloc[-1] if len(rest) > limit else None
    cut = None if end is None else _cursor(float(end["confidence"]), str(end["piece_id"]))
    return shapes.Pieces(total=len(found), pieces=[_piece(row) for row in page.to_dict("records")], next=cut)


def _is_after(table: pd.DataFrame, confidence: float, piece_id: str) -> pd.Series:
    less = table["confidence"] < confidence
    return less | (table["confidence"].eq(confidence) & (table["piece_id"] > piece_id))


def _cursor(confidence: float, piece_id: str) -> str:
    return base64.urlsafe_b64encode(f"{confidence.hex()} {piece_id}".encode()).decode()


def _place(cursor: str) -> tuple[float, str]:
    """Return confidence and id of the last piece of the page before."""
    try:
        confidence, _, piece_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return float.fromhex(confidence), piece_id
    except (ValueError, OverflowError, binascii.Error) as error:
        raise ApiError(
            NOT_VALID, "This cursor is not from an answer of this server. Begin without a cursor."
        ) from error


def _piece(row: Mapping[Any, Any]) -> shapes.Piece:
    return shapes.Piece(
        id=row["piece_id"],
        title=row["title"],
        artist=row["artist"],
        album=row["album"],
        makam=row["makam"],
        duration_s=answers.number(row["duration_s"]),
        mood=row["guess"],
        word=str(row["word"]),  # type: ignore[arg-type]
        confidence=row["confidence"],
        standing=row["standing"],
        probabilities=answers.probabilities({e: row[f"p_{e}"] for e in EMOTIONS}),
        tempo_bpm=answers.number(row["tempo"]),
        loudness_lufs=answers.number(row["lufs"]),
        model_version=row["model_version"],
    )
