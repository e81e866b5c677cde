"""Find the clips whose value of a feature is the highest or the lowest: those that make the music drift."""

from datetime import datetime

import pandas as pd

from core.access import Action, requires
from core.schema import COLUMNS
from core.store.connection import Store, frame, read
from core.store.schema import clips, features
from core.store.weekly import measured_clips


@requires(Action.SEE_MONITORING)
def extreme_clips(
    store: Store, feature: str, since: datetime, until: datetime, *, extractor: str, highest: bool, limit: int = 20
) -> pd.DataFrame:
    """Return the stored clips of a period with the most extreme values of a feature, the most extreme first.

    Parameters
    ----------
    feature
        A column of ``core.schema.COLUMNS``.
    since, until
        Only clips that were stored from the first moment on and before the second one, as ``recordings_between`` does.
    highest
        True for the highest values, False for the lowest.

    Returns
    -------
    pandas.DataFrame
        Columns: clip_id, file_name, path (missing if the sound is not stored), start_s, duration_s, value. Deleted and
        synthetic clips are left out.
    """
    if feature not in COLUMNS:
        raise ValueError(f"{feature!r} is not one of the 50 features.")
    value = features.c[feature]
    query = (
        measured_clips(since, until, extractor)
        .with_only_columns(
            clips.c.id.label("clip_id"),
            *(clips.c[name] for name in ("file_name", "path", "start_s", "duration_s")),
            value.label("value"),
        )
        .where(value.is_not(None))
        .order_by(value.desc() if highest else value.asc(), clips.c.id)
        .limit(limit)
    )
    return read(store, lambda c: frame(c, query))
