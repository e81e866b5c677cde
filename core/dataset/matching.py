"""Find the rows of a table that clips belong to, by their features, and compare the values.

The distance of a clip from a row is the mean difference of the features in robust standard deviations of the table
(interquartile range / 1.349), each difference clipped to 1, so that a few wrong features cannot hide the right row.
Measured on the published table: rows of different recordings are at least 0.36 apart; the same recording as MP3 of
about 128 or 64 kbit/s, or one second later, is 0.02 to 0.09 away.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from core.dataset.near_duplicates import clip_keys, duplicate_groups
from core.schema import COLUMNS

NEAR = 0.2  # largest distance of a clip from its row
MARGIN = 0.1  # the nearest row of another recording must be this much further away
ROUNDING = 0.000501  # half a unit of the third decimal; tables may round 0.0005 up or down
IQR_SD = 1.349  # interquartile range of a normal distribution, in standard deviations

State = Literal["found", "ambiguous", "no row"]
Agreement = Literal["rounding", "MP3", "off"]


@dataclass(frozen=True)
class Match:
    """The row of a clip.

    Attributes
    ----------
    state : "found", "ambiguous" (rows of two recordings are nearly as close), or "no row" (all rows are too far away).
    row : index of the nearest row in the table.
    same : indices of further rows of the same recording; the table has the recording more than once.
    key : hash of the values of the nearest row, see ``core.dataset.near_duplicates.clip_keys``.
    distance, margin : distance from the row, and how much further the nearest row of another recording is.
    """

    state: State
    row: int
    same: tuple[int, ...]
    key: str
    distance: float
    margin: float


class RowFinder:
    """Finds the rows of clips in a table.

    frame : a table with the 50 features (other columns are ignored); the index is the row number.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._rows = frame.index.to_numpy()
        self._values = frame[list(COLUMNS)].to_numpy(dtype=float)
        low, middle, high = np.nanquantile(self._values, [0.25, 0.5, 0.75], axis=0)
        self._middle, scale = middle, (high - low) / IQR_SD
        self.scale = np.where(scale > 0, scale, 1.0)
        self._z = (self._values - middle) / self.scale
        self._groups, self._keys = duplicate_groups(frame), clip_keys(frame)

    def find(self, values: np.ndarray) -> Match:
        """Find the row of a clip. values : shape (50,), NaN = not measurable."""
        difference = np.minimum(np.abs((values - self._middle) / self.scale - self._z), 1.0)
        difference[:, np.isnan(values)] = 1.0  # a value that the table has and the clip lacks
        distance = np.where(np.isnan(difference), 1.0, difference).mean(axis=1)
        best = int(np.argmin(distance))
        own = self._groups == self._groups[best]
        margin = float(distance[~own].min() - distance[best]) if not own.all() else 1.0
        state: State = "found"
        if distance[best] > NEAR:
            state = "no row"
        elif margin < MARGIN:
            state = "ambiguous"
        same = tuple(int(row) for row in self._rows[own] if row != self._rows[best])
        return Match(state, int(self._rows[best]), same, str(self._keys[best]), float(distance[best]), margin)

    def values(self, row: int) -> np.ndarray:
        """Values of a row, shape (50,)."""
        return np.asarray(self._values[int(np.flatnonzero(self._rows == row)[0])])


def agreement(values: np.ndarray, changed: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Say for each feature of each clip how well it agrees with the row: "rounding", "MP3" or "off".

    "MP3" means: the difference is not larger than the change that an MP3 round trip makes to this clip, or to the
    median clip.

    Parameters
    ----------
    values, changed : shape (n, 50), features of the clips, and after an MP3 round trip.
    wanted : shape (n, 50), values of their rows, with three decimals.
    """
    difference = np.abs(values - wanted)
    change = np.nan_to_num(np.abs(changed - values))
    allowed = np.maximum(change, np.median(change, axis=0)) + ROUNDING
    both_unknown = np.isnan(values) & np.isnan(wanted)
    equal = (difference <= ROUNDING) | both_unknown
    return np.where(equal, "rounding", np.where(difference <= allowed, "MP3", "off"))
