"""Store and read the 50 features of clips."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.schema import COLUMNS, FeatureVector
from core.store.checks import now
from core.store.clips import require_clip
from core.store.connection import Store, by_clip, frame, insert, read, write
from core.store.schema import clips, features

SAME_S = 0.01  # parts of a file whose start and length differ by less are the same part


@requires(Action.SCORE_CLIP)
def save_features(store: Store, *vectors: FeatureVector) -> None:
    """Store feature vectors, all or none; existing ones are not overwritten. NaN is stored as NULL."""

    def work(c: sa.Connection) -> None:
        for vector in vectors:
            require_clip(c, vector.clip_id)
        insert_features(c, vectors)

    write(store, work)


def insert_features(c: sa.Connection, vectors: Iterable[FeatureVector]) -> None:
    """Insert features as ``save_features`` does, within a transaction that has stored their clips."""
    rows = [
        {
            "clip_id": vector.clip_id,
            "extractor": vector.extractor,
            "created_at": now(),
            **{n: None if np.isnan(x) else x for n, x in zip(COLUMNS, vector.values.tolist(), strict=True)},
        }
        for vector in vectors
    ]
    if rows:
        c.execute(insert(c, features).on_conflict_do_nothing(), rows)


@requires(Action.SCORE_CLIP)
def load_features(
    store: Store, clip_id: str, extractor: str, *, part: tuple[float, float] | None = None
) -> FeatureVector | None:
    """Return the stored features of a clip; None when this extractor has not measured the clip.

    part : start and length in s of the part of the file that the features must be of; None takes any.
    """
    query = sa.select(*(features.c[n] for n in COLUMNS)).where(
        features.c.clip_id == clip_id, features.c.extractor == extractor
    )
    if part is not None:
        query = query.join(clips, clips.c.id == features.c.clip_id).where(same_part(*part))
    row = read(store, lambda c: c.execute(query).first())
    return None if row is None else FeatureVector(clip_id, extractor, np.array(row, dtype=float))


def same_part(start_s: float, duration_s: float) -> sa.ColumnElement[bool]:
    """Return the condition that a stored clip is this part of its file. An earlier version counted other lengths."""
    return sa.and_(
        sa.func.abs(clips.c.start_s - start_s) < SAME_S, sa.func.abs(clips.c.duration_s - duration_s) < SAME_S
    )


@requires(Action.SEE_LIBRARY)
def features_table(store: Store, extractor: str, *, clip_ids: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the features of clips that are not deleted: 50 columns in schema order, sorted index clip_id.

    clip_ids : restrict the table to these clips.
    """
    query = (
        features_query(extractor)
        .join(clips, clips.c.id == features.c.clip_id)
        .where(clips.c.deleted_at.is_(None))
        .order_by(features.c.clip_id)
    )
    if clip_ids is None:
        return read(store, lambda c: frame(c, query)).set_index("clip_id")
    return by_clip(store, query, features.c.clip_id, sorted(clip_ids))


@requires(Action.SEE_LIBRARY)
def features_of(store: Store, clip_ids: Sequence[str], *, extractor: str) -> pd.DataFrame:
    """Return the features of these clips, deleted or not: 50 columns in schema order, unsorted index clip_id.

    Clips that this extractor has not measured are left out.
    """
    return by_clip(store, features_query(extractor), features.c.clip_id, clip_ids)


def features_query(extractor: str) -> sa.Select[Any]:
    """Return a query for clip_id and the 50 features that this extractor has measured."""
    return sa.select(features.c.clip_id, *(features.c[n] for n in COLUMNS)).where(features.c.extractor == extractor)
