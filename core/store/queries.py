"""What pages ask of the store: the label queue, what stands, counts, and the library by mood."""

from collections.abc import Collection, Sequence
from math import log1p
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.inference import Policy
from core.letters import fold
from core.schema import EMOTIONS
from core.store.answers import rater_name
from core.store.connection import Store, frame, in_parts, read
from core.store.schema import TRACK, UNDONE, clips, features, feedback, files, jobs, predictions, raters, tracks

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
    "channels",
    "lufs",
    "created_at",
)
TEMPO = "_Tempo_Mean"
_SEARCHED = (clips.c.file_name, *(tracks.c[n] for n in ("title", "artist", "performer", "album", "makam")))


def _newest(
    role: str, model_version: str | None, *, policy: Policy | None = None, or_any: bool = False
) -> tuple[sa.FromClause, sa.ColumnElement[bool]]:
    """Predictions, and the condition that picks a clip's newest in this role, of this model where one is named.

    policy : answers that were decided under it come first, then the newest of the model.
    or_any : where the named model has said nothing of a clip, the newest of any model.
    Looked up clip by clip: the index of predictions begins with the clip.
    """
    said, other = predictions.alias(role), predictions.alias(f"{role}_all")
    newest = sa.func.max(other.c.id)
    wanted = (other.c.clip_id == clips.c.id) & (other.c.role == role)
    of_model = sa.true() if model_version is None else other.c.model_version == model_version
    choices: list[sa.ColumnElement[Any]] = [newest]
    if model_version is not None and or_any:
        choices.insert(0, newest.filter(of_model))
    elif model_version is not None:
        wanted &= of_model
    if policy is not None:
        choices.insert(0, newest.filter(of_model, other.c.policy == policy.to_json()))
    picked = sa.func.coalesce(*choices) if len(choices) > 1 else newest
    return said, said.c.id == sa.select(picked).where(wanted).correlate(clips).scalar_subquery()


def label_queue(
    store: Store,
    *,
    rater: str,
    verified: bool = False,
    limit: int = 20,
    settled: Collection[str] = (),
    champion: str | None = None,
    challenger: str | None = None,
    origins: tuple[str, ...] = ("upload", "recording", "library", "import"),
    with_audio: bool = False,
) -> pd.DataFrame:
    """The clips whose answer by this rater is worth most, best first.

    First those where champion and challenger differ, in the order of their ids, which are hashes: whoever compares
    the two on the clips that were answered so far has a random part of these, and neither model is favoured. Then by
    the champion's margin, smallest first. Left out: clips that this rater has answered, that are settled, that were
    deleted, or that have no prediction.
    settled : clips about which nobody is asked any more (``core.labelling.truth.settled_clips``).
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
    # One rule, which is not SQL, says what is settled: enough rows are fetched to take the settled ones away.
    found = read(store, lambda c: frame(c, query.limit(limit + len(settled))))
    return found[~found["clip_id"].isin(list(settled))].head(limit).reset_index(drop=True)


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


def labels_mark(store: Store) -> tuple[object, ...]:
    """Changes whenever clips, their files, answers or known raters do. Rows of answers are added only, so their number
    tells."""
    query = sa.select(
        sa.select(sa.func.count()).select_from(feedback).scalar_subquery(),
        sa.select(sa.func.count()).select_from(clips).scalar_subquery(),
        sa.select(sa.func.count(clips.c.deleted_at)).scalar_subquery(),
        sa.select(sa.func.max(clips.c.deleted_at)).scalar_subquery(),
        sa.select(sa.func.max(files.c.checked_at)).scalar_subquery(),
        sa.select(sa.func.count()).select_from(raters).scalar_subquery(),
    )
    return tuple(map(str, read(store, lambda c: c.execute(query).one())))


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
    policy: Policy | None = None,
    origins: tuple[str, ...] = ("upload", "recording", "library", "import"),
    search: str = "",
    sort: str = "confidence",
    descending: bool = True,
    limit: int = 1000,
    offset: int = 0,
) -> pd.DataFrame:
    """Scored clips by mood, with the newest prediction of the champion and what is known of the track.

    Clips of a library are listed while a file of it was scored with this content, see ``library_places``.
    model_version : of the model in use; of a clip that it has not scored the newest prediction counts.
    policy : the one in force; where nothing was decided under it the newest decision counts.
    emotions : the model's guess is one of these.  accepted : only clips whose guess the policy accepts.
    min_confidence : probability of the guess, in [0, 1].
    search : words, each of which file name, title, artist, performer, album or makam holds, in any case, with or
    without Turkish letters.
    sort : one of confidence, margin, p_<emotion>, tempo, lufs, file_name, artist, title, album, year, created_at.
    Columns: clip_id, content_hash, file_name, path, origin, start_s, duration_s, file_duration_s (of the whole file),
    channels (of the file, NaN where not known), lufs, created_at, prediction_id, model_version, extractor, guess,
    decision, candidates (JSON), reason, margin, policy (JSON, of the decision), p_*, confidence, tempo (bpm), artist,
    title, source (a library's folder), album, genre, year, makam, usul, performer.
    """
    said, of_clip = _newest("champion", model_version, policy=policy, or_any=True)
    confidence = sa.case(*((said.c.guess == e, said.c[f"p_{e}"]) for e in EMOTIONS), else_=0.0).label("confidence")
    track = [tracks.c[n] for n in TRACK]
    query = (
        sa.select(
            clips.c.id.label("clip_id"),
            *(clips.c[n] for n in _CLIP),
            said.c.id.label("prediction_id"),
            *(said.c[n] for n in ("model_version", "extractor", "guess", "decision", "candidates", "reason", "margin")),
            said.c.policy,
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
        .where(confidence >= min_confidence, sa.or_(clips.c.origin != "library", _scored(clips.c.content_hash)))
    )
    if accepted:
        query = query.where(said.c.decision.is_not(None))
    key = query.selected_columns[sort if sort in _SORTS else "confidence"]
    known = key.is_(None)  # what is not known comes last, in every database
    order = key.desc() if descending else key.asc()
    ordered = query.order_by(known, order, clips.c.id)
    if words := fold(search).split():
        return read(store, lambda c: _found(c, ordered, words, limit, offset))
    return read(store, lambda c: frame(c, ordered.limit(limit).offset(offset)))


def _found(c: sa.Connection, ordered: sa.Select[Any], words: list[str], limit: int, offset: int) -> pd.DataFrame:
    """The rows of which every word is found in a name. No database folds Turkish letters as we do: names come first."""
    names = c.execute(ordered.with_only_columns(clips.c.id, *_SEARCHED))
    texts = ((clip, fold("\n".join(filter(None, said)))) for clip, *said in names)
    ids = [clip for clip, text in texts if all(word in text for word in words)][offset : offset + limit]
    unordered = ordered.order_by(None)
    table = pd.concat([frame(c, unordered.where(clips.c.id.in_(part))) for part in in_parts(ids) or [[]]])
    return table.set_index("clip_id").loc[ids].reset_index()


def _scored(content_hash: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether a file of a library with this content was scored, and not written over since."""
    return sa.exists().where(files.c.content_hash == content_hash, files.c.state == "scored")


def library_places(store: Store, contents: Sequence[str]) -> pd.DataFrame:
    """Where these contents were scored: content_hash, path, size (bytes), of each content the newest place first.

    Nobody has looked whether the files are still there.
    """
    query = sa.select(files.c.content_hash, files.c.path, files.c.size).where(files.c.state == "scored")
    ordered = query.order_by(files.c.checked_at.desc(), files.c.id)
    parts = in_parts(contents) or [[]]
    found = read(store, lambda c: [frame(c, ordered.where(files.c.content_hash.in_(part))) for part in parts])
    return pd.concat(found, ignore_index=True)


def library_mark(store: Store) -> tuple[object, ...]:
    """Changes when ``library_table`` or ``library_places`` may say much else: a job ended, or a clip was deleted.

    Also when there are a fiftieth more clips, so that a library can be looked at while it is scored, and is not read
    anew for every clip that comes. What changes less is seen with the next change.
    """
    query = sa.select(
        sa.select(sa.func.count()).select_from(clips).scalar_subquery(),
        sa.select(sa.func.count()).select_from(clips).where(clips.c.deleted_at.is_not(None)).scalar_subquery(),
        sa.select(sa.func.max(jobs.c.ended_at)).scalar_subquery(),
    )
    known, deleted, ended_at = read(store, lambda c: c.execute(query).one())
    return int(50 * log1p(known)), deleted, str(ended_at)
