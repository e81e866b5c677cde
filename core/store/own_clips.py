"""Note who brought a clip, list a person's own clips, and erase one with all that belongs to it."""

import json
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import sqlalchemy as sa

from core.access import Action, Person, requires
from core.errors import StoreError
from core.records import MeasuredFile
from core.schema import EMOTIONS
from core.store.checks import now
from core.store.clips import require_clip
from core.store.connection import Store, empty_log, frame, insert, read, write
from core.store.erasures import note_erasure
from core.store.events import forget_in_events
from core.store.library import places_of
from core.store.measured import insert_measured
from core.store.schema import (
    clip_owners,
    clips,
    erasing,
    features,
    feedback,
    fingerprints,
    karar_words,
    labels,
    makam_results,
    predictions,
    recording_links,
    recording_words,
    task_clips,
    tracks,
)

UNKNOWN = ("", False)  # owner of clips that an earlier version stored, or that nobody claimed
BROUGHT = ("upload", "recording", "demo")  # origins of clips that a person brought


@requires(Action.SCORE_CLIP)
def claim_clip(store: Store, clip_id: str, *, shared: bool) -> None:
    """Note that the person brought this clip. shared : raters may hear it; a clip that was shared stays shared."""
    by = store.by
    owner = (by.name or by.anonymous, bool(by.name) and by.verified)
    write(store, lambda c: _claim(c, clip_id, owner, shared=shared))


@requires(Action.SCORE_CLIP)
def save_own(store: Store, clip: MeasuredFile, *windows: MeasuredFile, shared: bool) -> None:
    """Store a clip that the person brought as ``save_measured`` does, and claim it in the same transaction.

    If the clip was stored before and nobody claimed it, somebody unknown brought it, too. A window that serves the
    prediction of a clip belongs to the owners of that clip.

    Parameters
    ----------
    clip
        The file with the one clip that names the answer.
    windows
        Files with further clips that serve its prediction.
    shared
        Whether raters may hear the clip.
    """
    by = store.by
    owner = (by.name or by.anonymous, bool(by.name) and by.verified)
    (measured,) = clip.clips
    clip_id = measured.vector.clip_id
    of_clip = sa.select(clips.c.path, clips.c.part_of).where(clips.c.id == clip_id).with_for_update()
    claims = sa.select(clip_owners.c.owner)
    claimed = claims.where(clip_owners.c.clip_id == clip_id)
    mine = _owned_by(by, clip_owners.c.owner, clip_owners.c.verified)

    def work(c: sa.Connection) -> None:
        before = c.execute(of_clip).first()
        insert_measured(c, (clip, *windows), bring_back=True)
        whole = claims.where(clip_owners.c.clip_id == (before.part_of if before else None), mine)
        if before is not None and not any(c.execute(query).first() for query in (claimed, whole)):
            _claim(c, clip_id, UNKNOWN, shared=before.path is not None)
        _claim(c, clip_id, owner, shared=shared)

    write(store, work)


def _claim(c: sa.Connection, clip_id: str, owner: tuple[str, bool], *, shared: bool) -> None:
    # In PostgreSQL this row lock lets the claim wait for somebody who erases the clip; SQLite has one writer anyway.
    c.execute(sa.select(clips.c.id).where(clips.c.id == clip_id).with_for_update())
    require_clip(c, clip_id)
    name, verified = owner
    row = {"clip_id": clip_id, "owner": name, "verified": verified, "shared": shared, "created_at": now()}
    new = insert(c, clip_owners).values(row)
    also = sa.or_(clip_owners.c.shared, new.excluded.shared)
    c.execute(new.on_conflict_do_update(index_elements=["clip_id", "owner", "verified"], set_={"shared": also}))


@requires(Action.ERASE_OWN_CLIP)
def is_shared(store: Store, clip_id: str) -> bool:
    """Return whether anybody shares the sound of this clip."""
    query = sa.select(clip_owners.c.owner).where(clip_owners.c.clip_id == clip_id, clip_owners.c.shared)
    return read(store, lambda c: c.execute(query).first() is not None)


@requires(Action.ERASE_OWN_CLIP)
def own_clips(store: Store) -> pd.DataFrame:
    """Return the clips that the person brought: clip_id, file_name, shared, created_at; newest first.

    A person without a name owns the clips of this session.
    """
    query = (
        sa.select(clips.c.id.label("clip_id"), clips.c.file_name, clip_owners.c.shared, clip_owners.c.created_at)
        .join(clip_owners, clip_owners.c.clip_id == clips.c.id)
        .where(_owned_by(store.by, clip_owners.c.owner, clip_owners.c.verified))
        .order_by(clip_owners.c.created_at.desc(), clips.c.id)
    )
    return read(store, lambda c: frame(c, query)).drop_duplicates("clip_id", ignore_index=True)


@dataclass(frozen=True)
class OwnPrediction:
    """The newest stored answer of the model about a clip that the person brought.

    decision : the accepted emotion, or None.  created_at : when the answer was stored.
    """

    clip_id: str
    prediction_id: int
    file_name: str
    guess: str
    proba: dict[str, float]
    margin: float
    decision: str | None
    candidates: tuple[str, ...]
    reason: str
    unlike: str
    policy: str
    model_version: str
    extractor: str
    created_at: datetime


@requires(Action.ERASE_OWN_CLIP)
def own_prediction(store: Store, clip_id: str) -> OwnPrediction | None:
    """Return the newest answer of the model about a clip; None when the person did not bring it, or it is erased."""
    newest = (
        sa.select(predictions, clips.c.file_name)
        .join(clips, clips.c.id == predictions.c.clip_id)
        .join(clip_owners, clip_owners.c.clip_id == clips.c.id)
        .where(predictions.c.clip_id == clip_id, predictions.c.role == "champion", clips.c.deleted_at.is_(None))
        .where(_owned_by(store.by, clip_owners.c.owner, clip_owners.c.verified))
        .order_by(predictions.c.id.desc())
        .limit(1)
    )
    row = read(store, lambda c: c.execute(newest).first())
    if row is None:
        return None
    return OwnPrediction(
        clip_id=clip_id,
        prediction_id=row.id,
        file_name=row.file_name,
        guess=row.guess,
        proba={emotion: float(getattr(row, f"p_{emotion}")) for emotion in EMOTIONS},
        margin=float(row.margin),
        decision=row.decision,
        candidates=tuple(json.loads(row.candidates)),
        reason=row.reason,
        unlike=row.unlike or "",
        policy=row.policy,
        model_version=row.model_version,
        extractor=row.extractor,
        created_at=row.created_at,
    )


@requires(Action.ERASE_OWN_CLIP)
def erase_own_clip(store: Store, clip_id: str) -> bool:
    """Erase a clip that the person brought, with all that belongs to it, in one transaction.

    If nobody else brought the clip and no library has its file, then the clip, its windows, its features, its
    predictions, its track, its karar and all answers about it are erased. Otherwise only the person's own answers and
    corrections of the karar are erased, and the note that they brought the clip. The SQLite file does not hold what
    was erased afterwards.

    Returns
    -------
    bool
        Whether the kept audio of the clip must be removed: nobody else shares it.

    Raises
    ------
    StoreError
        When the person did not bring this clip.
    """
    by = store.by

    def work(c: sa.Connection) -> bool:
        # The lock comes first: claims and answers of others wait, so what is read below stays true.
        held = sa.select(clips.c.content_hash, clips.c.origin).where(clips.c.id == clip_id).with_for_update()
        clip = c.execute(held).first()
        owners = c.execute(sa.select(clip_owners).where(clip_owners.c.clip_id == clip_id)).all()
        others = [row for row in owners if not by.owns(row.owner, row.verified)]
        if clip is None or len(others) == len(owners):
            raise StoreError("This clip is not one of yours, or it was deleted before. Nothing was changed.")
        found = c.execute(places_of([clip.content_hash])).first()
        place = None if found is None else found.path
        note_erasure(c)
        c.execute(erasing.insert().values(clip_id=clip_id))
        mine = _owned_by(by, clip_owners.c.owner, clip_owners.c.verified)
        c.execute(clip_owners.delete().where(clip_owners.c.clip_id == clip_id, mine))
        if by.mark:
            own = (karar_words.c.content_hash == clip.content_hash) & (karar_words.c.said_by == by.mark)
            c.execute(karar_words.delete().where(own))
        if others or place is not None or clip.origin not in BROUGHT:
            mine = _owned_by(by, feedback.c.rater, feedback.c.verified)
            c.execute(feedback.delete().where(feedback.c.clip_id == clip_id, mine))
            unshared = not any(row.shared for row in others)
            if unshared and clip.origin in BROUGHT:
                c.execute(clips.update().where(clips.c.id == clip_id).values(path=place))
        else:
            unshared = True
            _erase(c, clip_id, clip.content_hash)
        c.execute(erasing.delete().where(erasing.c.clip_id == clip_id))
        return unshared

    unshared = write(store, work)
    empty_log(store)
    return unshared


def _erase(c: sa.Connection, clip_id: str, content_hash: str) -> None:
    """Delete all rows of a clip and of the windows that serve its prediction."""
    parts = (clips.c.content_hash == content_hash) & (clips.c.part_of == clip_id)
    windows = list(c.execute(sa.select(clips.c.id).where(parts).order_by(clips.c.id).with_for_update()).scalars())
    answered = sa.exists().where(feedback.c.clip_id == clips.c.id)  # a window that somebody answered by itself
    brought = sa.exists().where(clip_owners.c.clip_id == clips.c.id)
    keep = set(c.execute(sa.select(clips.c.id).where(clips.c.id.in_(windows), answered | brought)).scalars())
    gone = [clip_id, *(window for window in windows if window not in keep)]
    for window in gone[1:]:
        c.execute(erasing.insert().values(clip_id=window))
    named = list(c.execute(sa.select(clips.c.track_id).where(clips.c.id.in_(gone))).scalars())
    for table in (task_clips, feedback, predictions, labels, features):
        c.execute(table.delete().where(table.c.clip_id.in_(gone)))
    c.execute(clips.delete().where(clips.c.id.in_(gone)))
    forget_in_events(c, clip_ids=gone)
    rest = sa.exists().where(clips.c.content_hash == content_hash)  # another clip of the same file
    for about in (karar_words, makam_results, fingerprints):
        c.execute(about.delete().where(about.c.content_hash == content_hash, ~rest))
    for pairs in (recording_links, recording_words):
        named_here = sa.or_(pairs.c.one == content_hash, pairs.c.other == content_hash)
        c.execute(pairs.delete().where(named_here, ~rest))
    unused = ~sa.exists().where(clips.c.track_id == tracks.c.id)
    c.execute(tracks.delete().where(tracks.c.id.in_([name for name in named if name]), unused))
    c.execute(erasing.delete().where(erasing.c.clip_id.in_(gone[1:])))


def _owned_by(by: Person, owner: sa.ColumnElement[str], verified: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return the condition that a row is the person's own, as `Person.owns`."""
    named = sa.and_(owner == by.name, verified == by.verified) if by.name else sa.false()
    nameless = sa.and_(owner == by.anonymous, verified == sa.false()) if by.session else sa.false()
    return sa.or_(named, nameless)
