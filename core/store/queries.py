"""What pages ask of the store: the label queue, what stands, counts for Home, and the library by mood."""

from typing import Any

import pandas as pd
import sqlalchemy as sa

from core import agreement
from core.schema import EMOTIONS
from core.store.answers import feedback_table, rater_name
from core.store.connection import Store, frame, read
from core.store.schema import TRACK, UNDONE, clips, features, feedback, predictions, raters, tracks

_SORTS = (
    *("confidence", "margin", "tempo", "lufs", "file_name", "artist", "title", "album", "year", "created_at"),
    *(f"p_{e}" for e in EMOTIONS),
)
_CLIP = (
    "content_hash",
    "file_name",
    "path",
    "origin",
    "start_s",
    "duration_s",
    "file_duration_s",
    "lufs",
    "created_at",
)
TEMPO = "_Tempo_Mean"


def _newest(
    role: str, model_version: str | None, *, or_any: bool = False
) -> tuple[sa.FromClause, sa.ColumnElement[bool]]:
    """Predictions, and the condition that picks a clip's newest in this role, of this model where one is named.

    or_any : where the named model has said nothing of a clip, the newest of any model.
    Looked up clip by clip: the index of predictions begins with the clip.
    """
    said, other = predictions.alias(role), predictions.alias(f"{role}_all")
    newest = sa.func.max(other.c.id)
    picked: sa.ColumnElement[Any] = newest
    wanted = (other.c.clip_id == clips.c.id) & (other.c.role == role)
    if model_version is not None and or_any:
        picked = sa.func.coalesce(newest.filter(other.c.model_version == model_version), newest)
    elif model_version is not None:
        wanted &= other.c.model_version == model_version
    return said, said.c.id == sa.select(picked).where(wanted).correlate(clips).scalar_subquery()


def label_queue(
    store: Store,
    *,
    rater: str,
    verified: bool = False,
    limit: int = 20,
    raters_needed: int = agreement.RATERS_NEEDED,
    champion: str | None = None,
    challenger: str | None = None,
    origins: tuple[str, ...] = ("upload", "recording", "library", "import"),
    with_audio: bool = False,
) -> pd.DataFrame:
    """The clips whose answer by this rater is worth most, best first.

    First those where champion and challenger differ, in the order of their ids, which are hashes: whoever compares
    the two on the clips that were answered so far has a random part of these, and neither model is favoured. Then by
    the champion's margin, smallest first. Left out: clips that this rater has answered, that already have a ground
    truth, that were deleted, or that have no prediction.
    champion : version of the model in use; of a clip that it has not scored the newest prediction counts, as for all
    clips with None.  challenger : version; None takes each clip's newest prediction in that role.
    with_audio : only clips whose audio is kept somewhere.
    Columns: clip_id, file_name, path, origin, start_s, duration_s, prediction_id, p_*, guess, decision, margin,
    challenger_guess, differs.
    """
    query, differs, margin = _asked(champion, challenger)
    # A list made once: asked clip by clip, the database may search all of the rater's answers for each clip.
    answered = sa.select(feedback.c.clip_id).where(
        feedback.c.rater == rater_name(rater),
        feedback.c.verified == verified,
        feedback.c.kind != "undo",
        ~UNDONE,
    )
    query = query.where(clips.c.origin.in_(origins), clips.c.id.not_in(answered))
    if with_audio:
        query = query.where(clips.c.path.is_not(None))
    drawn = sa.case((differs, clips.c.id), else_="")
    query = query.order_by(differs.desc(), drawn, margin, sa.literal_column("prediction_id"))
    truth = ground_truth(store, raters_needed=raters_needed)
    settled = truth.index[truth["status"].isin(["agreed", "adjudicated"])]
    # One rule says what is settled, so it is not told again in SQL: enough rows are fetched to take those away.
    found = read(store, lambda c: frame(c, query.limit(limit + len(settled))))
    return found[~found["clip_id"].isin(settled)].head(limit).reset_index(drop=True)


def _asked(champion: str | None, challenger: str | None) -> tuple[sa.Select[Any], sa.Label[Any], sa.ColumnElement[Any]]:
    """Clips with what both models say of them; by what the queue is ordered: do they differ, and the margin."""
    first, of_first = _newest("champion", champion, or_any=True)
    second, of_second = _newest("challenger", challenger)
    differs = sa.func.coalesce(first.c.guess != second.c.guess, sa.false()).label("differs")
    query = (
        sa.select(
            clips.c.id.label("clip_id"),
            *(clips.c[n] for n in ("file_name", "path", "origin", "start_s", "duration_s")),
            first.c.id.label("prediction_id"),
            *(first.c[f"p_{emotion}"] for emotion in EMOTIONS),
            *(first.c[n] for n in ("guess", "decision", "margin")),
            second.c.guess.label("challenger_guess"),
            differs,
        )
        .select_from(clips)
        .join(first, of_first)
        .outerjoin(second, of_second)
        .where(clips.c.deleted_at.is_(None))
    )
    return query, differs, first.c.margin


def queue_item(
    store: Store, clip_id: str, *, champion: str | None = None, challenger: str | None = None
) -> pd.DataFrame:
    """One clip as ``label_queue`` lists it, also when it is settled; no row when it is deleted or never scored."""
    query, _, _ = _asked(champion, challenger)
    return read(store, lambda c: frame(c, query.where(clips.c.id == clip_id)))


def label_pool(store: Store) -> pd.DataFrame:
    """The clips that people can listen to and that were scored: clip_id, origin."""
    said, of_clip = _newest("champion", None)
    query = sa.select(clips.c.id.label("clip_id"), clips.c.origin).select_from(clips).join(said, of_clip)
    return read(store, lambda c: frame(c, query.where(clips.c.deleted_at.is_(None), clips.c.path.is_not(None))))


def current_answers(store: Store) -> pd.DataFrame:
    """The rows of feedback that stand, see ``agreement.current_answers``."""
    return agreement.current_answers(feedback_table(store))


def ground_truth(store: Store, *, raters_needed: int = agreement.RATERS_NEEDED) -> pd.DataFrame:
    """What each answered clip is, see ``agreement.ground_truth``."""
    return agreement.ground_truth(feedback_table(store), raters_needed=raters_needed)


def counts(store: Store) -> dict[str, int]:
    """How much there is: tracks, clips, predictions, answers (that stand), raters (who gave them), labelled clips."""
    stands = sa.and_(feedback.c.kind != "undo", ~UNDONE)
    given = sa.select(feedback.c.rater, feedback.c.verified).where(stands).distinct().subquery()
    numbers: dict[str, Any] = {
        "tracks": sa.select(sa.func.count()).select_from(tracks),
        "clips": sa.select(sa.func.count()).select_from(clips).where(clips.c.deleted_at.is_(None)),
        "predictions": sa.select(sa.func.count()).select_from(predictions),
        "answers": sa.select(sa.func.count()).select_from(feedback).where(stands),
        "raters": sa.select(sa.func.count()).select_from(given),
        "labelled": sa.select(sa.func.count(feedback.c.clip_id.distinct())).where(
            stands, feedback.c.label.is_not(None)
        ),
    }
    query = sa.select(*(number.scalar_subquery().label(name) for name, number in numbers.items()))
    return {name: int(n) for name, n in read(store, lambda c: c.execute(query).one()._asdict()).items()}


def raters_table(store: Store) -> pd.DataFrame:
    """Who has answered or signed in: rater, verified, role, answers and skips that stand, undone, last_at."""
    each = (
        sa.select(
            feedback.c.rater,
            feedback.c.verified,
            feedback.c.label,
            feedback.c.kind,
            UNDONE.label("undone"),
            feedback.c.created_at,
        )
        .where(feedback.c.kind != "undo")
        .subquery()
    )
    stands = sa.not_(each.c.undone)
    number = sa.func.count()
    per = (
        sa.select(
            each.c.rater,
            each.c.verified,
            number.filter(stands, each.c.label.is_not(None)).label("answers"),
            number.filter(stands, each.c.label.is_(None)).label("skips"),
            number.filter(each.c.undone).label("undone"),
            sa.func.max(each.c.created_at, type_=feedback.c.created_at.type).label("last_at"),
        )
        .group_by(each.c.rater, each.c.verified)
        .subquery()
    )
    known = sa.select(raters.c.name.label("rater"), raters.c.verified)
    everyone = sa.union(known, sa.select(per.c.rater, per.c.verified)).subquery()
    query = (
        sa.select(
            everyone.c.rater,
            everyone.c.verified,
            sa.func.coalesce(raters.c.role, "rater").label("role"),
            *(sa.func.coalesce(per.c[n], 0).label(n) for n in ("answers", "skips", "undone")),
            per.c.last_at,
        )
        .outerjoin(raters, sa.and_(raters.c.name == everyone.c.rater, raters.c.verified == everyone.c.verified))
        .outerjoin(per, sa.and_(per.c.rater == everyone.c.rater, per.c.verified == everyone.c.verified))
        .order_by(everyone.c.rater, everyone.c.verified)
    )
    return read(store, lambda c: frame(c, query))


def library_table(
    store: Store,
    *,
    emotions: tuple[str, ...] = EMOTIONS,
    accepted: bool = False,
    min_confidence: float = 0.0,
    model_version: str | None = None,
    origins: tuple[str, ...] = ("upload", "recording", "library", "import"),
    search: str = "",
    sort: str = "confidence",
    descending: bool = True,
    limit: int = 1000,
    offset: int = 0,
) -> pd.DataFrame:
    """Scored clips by mood, with the newest prediction of the champion and what is known of the track.

    model_version : of the model in use; of a clip that it has not scored the newest prediction counts.
    emotions : the model's guess is one of these.  accepted : only clips whose guess the policy accepts.
    min_confidence : probability of the guess, in [0, 1].  search : part of a file's name, artist, title or performer.
    sort : one of confidence, margin, p_<emotion>, tempo, lufs, file_name, artist, title, album, year, created_at.
    Columns: clip_id, content_hash, file_name, path, origin, start_s, duration_s, file_duration_s (of the whole file),
    lufs, created_at, prediction_id, model_version, extractor, guess, decision, candidates (JSON), reason, margin, p_*,
    confidence, tempo (bpm), artist, title, source (a library's folder), album, genre, year, makam, usul, performer.
    """
    said, of_clip = _newest("champion", model_version, or_any=True)
    confidence = sa.case(*((said.c.guess == e, said.c[f"p_{e}"]) for e in EMOTIONS), else_=0.0).label("confidence")
    track = [tracks.c[n] for n in TRACK]
    query = (
        sa.select(
            clips.c.id.label("clip_id"),
            *(clips.c[n] for n in _CLIP),
            said.c.id.label("prediction_id"),
            *(said.c[n] for n in ("model_version", "extractor", "guess", "decision", "candidates", "reason", "margin")),
            *(said.c[f"p_{e}"] for e in EMOTIONS),
            confidence,
            features.c[TEMPO].label("tempo"),
            *track,
        )
        .select_from(clips)
        .join(said, of_clip)
        .outerjoin(features, sa.and_(features.c.clip_id == clips.c.id, features.c.extractor == said.c.extractor))
        .outerjoin(tracks, tracks.c.id == clips.c.track_id)
        .where(clips.c.deleted_at.is_(None), clips.c.origin.in_(origins), said.c.guess.in_(emotions))
        .where(confidence >= min_confidence)
    )
    if accepted:
        query = query.where(said.c.decision.is_not(None))
    if search.strip():
        places = (clips.c.file_name, tracks.c.artist, tracks.c.title, tracks.c.performer)
        query = query.where(sa.or_(*(place.icontains(search.strip(), autoescape=True) for place in places)))
    key = query.selected_columns[sort if sort in _SORTS else "confidence"]
    known = key.is_(None)  # what is not known comes last, in every database
    order = key.desc() if descending else key.asc()
    return read(store, lambda c: frame(c, query.order_by(known, order, clips.c.id).limit(limit).offset(offset)))
