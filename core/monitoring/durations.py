"""Quantiles of durations from counts in groups of seconds, each with an interval that fits the number of clips."""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd

from core.store.scored_events import SECONDS_EDGES

PROMISED_S = 2.0  # a clip of 30 s is answered within this time
LATE_SHARE = 0.01  # of the clips may take longer
LEAST = 20  # clips; with fewer, a 95 % quantile is only the slowest clip
_LOWER = np.array([0.0, *SECONDS_EDGES])
_UPPER = np.array([*SECONDS_EDGES, SECONDS_EDGES[-1]])


def promise_words(low: float, high: float) -> str:
    """How the promise stands: ``"met"``, ``"not met"``, or too few clips to say.

    low, high : 95 % interval of the share of clips that took longer than ``PROMISED_S``.
    """
    if high <= LATE_SHARE:
        return "met"
    return "not met" if low > LATE_SHARE else "too few clips to say"


class Quantile(NamedTuple):
    """A quantile in seconds with its 95 % interval; NaN without enough durations."""

    value: float
    low: float
    high: float


def counts_by_bucket(table: pd.DataFrame) -> np.ndarray:
    """Return the number of clips in each group of ``SECONDS_EDGES``, and in the one above. table : bucket, n."""
    known = table[table["bucket"] >= 0]
    return np.bincount(known["bucket"].astype(int), weights=known["n"], minlength=len(_UPPER))


def quantile(counts: np.ndarray, q: float) -> Quantile:
    """Return a quantile of durations; between the edges of a group the durations are taken as evenly spread.

    The interval is that of the order statistics: it holds whatever the distribution is. counts : of each group.
    """
    n = counts.sum()
    if n == 0:
        return Quantile(np.nan, np.nan, np.nan)
    if n < LEAST:
        return Quantile(_at(counts, q), np.nan, np.nan)
    half = NormalDist().inv_cdf(0.975) * np.sqrt(q * (1 - q) / n)
    return Quantile(_at(counts, q), _at(counts, max(q - half, 0.0)), _at(counts, min(q + half, 1.0)))


def _at(counts: np.ndarray, q: float) -> float:
    upto = counts.cumsum()
    rank = q * upto[-1]
    k = int(np.searchsorted(upto, max(rank, 1e-9), side="left"))
    part = (rank - (upto[k] - counts[k])) / counts[k]
    return float(_LOWER[k] + part * (_UPPER[k] - _LOWER[k]))


def share_over(counts: np.ndarray, limit_s: float = PROMISED_S) -> tuple[float, float]:
    """Return how many durations are longer than the limit, and of how many. limit_s : one of ``SECONDS_EDGES``."""
    return float(counts[limit_s < _UPPER].sum()), float(counts.sum())
