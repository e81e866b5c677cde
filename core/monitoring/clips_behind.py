"""The clips that pull a feature away from the training music, so that a person can hear what changed."""

import pandas as pd

from core.features import EXTRACTOR
from core.monitoring.alarm_state import DriftNow
from core.store import Store
from core.store.drifted_clips import extreme_clips


def clips_behind(store: Store, drift: DriftNow, feature: str, *, limit: int = 20) -> pd.DataFrame:
    """Return the clips of the measured weeks with the highest values of a feature, or the lowest if it fell.

    Columns as in ``core.store.drifted_clips.extreme_clips``.
    """
    fell = shift_of(drift, feature) < 0
    return extreme_clips(store, feature, drift.since, drift.at, extractor=EXTRACTOR, highest=not fell, limit=limit)


def shift_of(drift: DriftNow, feature: str) -> float:
    """Return how far the middle of a feature moved, in standard deviations of the training music."""
    return float(drift.features.set_index("feature")["shift"][feature])
