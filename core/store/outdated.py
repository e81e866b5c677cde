"""Find what an earlier extractor measured and the present one has not: files of libraries, and clips with audio."""

import os

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.store.connection import Store, frame, read
from core.store.schema import clips, features, files


@requires(Action.SCORE_LIBRARY)
def outdated_files(store: Store, extractor: str) -> list[tuple[str, str]]:
    """Return plan and path of the scored files that this extractor has not measured, sorted."""
    query = sa.select(files.c.plan, files.c.path).where(files.c.state == "scored", files.c.extractor != extractor)
    return sorted((str(plan), str(path)) for plan, path in read(store, lambda c: c.execute(query).all()))


@requires(Action.SCORE_CLIP)
def outdated_clips(store: Store, extractor: str) -> pd.DataFrame:
    """Return the clips with stored audio that another extractor has measured and this one has not.

    Columns clip_id, path, start_s, duration_s. Deleted clips and files of libraries are left out.
    """
    measured = sa.exists().where(features.c.clip_id == clips.c.id)
    query = sa.select(clips.c.id.label("clip_id"), clips.c.path, clips.c.start_s, clips.c.duration_s).where(
        clips.c.deleted_at.is_(None),
        clips.c.path.is_not(None),
        measured,
        ~measured.where(features.c.extractor == extractor),
    )
    found = read(store, lambda c: frame(c, query.order_by(clips.c.id)))
    of_library = [os.path.isabs(path) or "://" in path for path in found["path"]]
    return found[[not is_file for is_file in of_library]].reset_index(drop=True)
