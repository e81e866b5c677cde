"""Compare the intonation of two recordings, or of two groups of recordings (performers, periods, emotions).

Values that follow one another in time are not independent. So two recordings are compared by their passages of 10 s,
and two groups by their recordings: a group of three recordings has three values, however long they are. The tests
permute these values, and Holm's correction covers all degrees of one comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import CoreError
from core.features.frames import FloatArray
from core.makam.commas import commas_over, perde_name
from core.makam.melody import Melody
from core.makam.notes import steady_notes
from core.makam.profile import FEWEST, REACH, CommaProfile, apart, peaks_of, smooth_curve
from core.makam.theory import Makam
from core.pvalues import holm

PASSAGE_S = 10.0
PERMUTATIONS = 4999
COLUMNS = ["commas", "perde", "a", "b", "difference", "low", "high", "n_a", "n_b", "p", "p_holm"]


@dataclass(frozen=True)
class Side:
    """One recording of a comparison: its melody and its karar."""

    melody: Melody
    karar_hz: float


def compare_recordings(a: Side, b: Side, *, makam: Makam | None = None, seed: int = 0) -> pd.DataFrame:
    """Compare where two recordings play each degree.

    Returns one row for each degree: commas and perde; a, b (mean height minus the degree, in commas); difference
    (a minus b) with its 95 % interval low and high; n_a, n_b (passages); p and p_holm. The test says something about
    these two recordings, and nothing about other recordings of the same performers.
    """
    degrees = _degrees_of(makam, [smooth_curve(_voiced(side)) for side in (a, b)])
    return _table(
        degrees, _karar_perde(makam), [_passages(a, d) for d in degrees], [_passages(b, d) for d in degrees], seed
    )


def compare_groups(
    a: Sequence[CommaProfile], b: Sequence[CommaProfile], *, makam: Makam | None = None, seed: int = 0
) -> pd.DataFrame:
    """Compare where two groups of recordings play each degree; the columns are those of `compare_recordings`.

    n_a and n_b are recordings that use the degree. Raises CoreError if a group has no recording.
    """
    if not a or not b:
        raise CoreError("A comparison needs at least one recording in each of the two groups.")
    degrees = _degrees_of(makam, [np.mean([p.curve for p in group], axis=0) for group in (a, b)])
    values_a, values_b = ([_of_recordings(group, degree) for degree in degrees] for group in (a, b))
    return _table(degrees, _karar_perde(makam), values_a, values_b, seed)


def p_of_curves(a: Sequence[CommaProfile], b: Sequence[CommaProfile], *, seed: int = 0) -> float:
    """Test whether two groups use the heights over the karar differently: p of a permutation of the recordings.

    The measure is the area between the mean curves. NaN if the groups have fewer than 5 recordings together, or one of
    them has fewer than 2.
    """
    if len(a) + len(b) < FEWEST or min(len(a), len(b)) < 2:
        return float("nan")
    curves = np.array([profile.curve for profile in [*a, *b]])
    random = np.random.default_rng(seed)
    first = np.arange(len(curves)) < len(a)

    def area(chosen: np.ndarray) -> float:
        return float(np.abs(curves[chosen].mean(axis=0) - curves[~chosen].mean(axis=0)).sum())

    seen = area(first)
    as_large = sum(area(random.permutation(first)) >= seen - 1e-12 for _ in range(PERMUTATIONS))
    return (1 + as_large) / (1 + PERMUTATIONS)


def _voiced(side: Side) -> FloatArray:
    return commas_over(side.melody.cents[side.melody.voiced], side.karar_hz)


def _karar_perde(makam: Makam | None) -> str | None:
    return makam.karar if makam else None


def _degrees_of(makam: Makam | None, curves: Sequence[FloatArray]) -> list[float]:
    """The degrees of the makam; without one the peaks of the mean curve."""
    if makam is not None:
        return [float(d) for d in makam.degrees]
    return sorted(peaks_of(np.mean(curves, axis=0)))


def _passages(side: Side, degree: float) -> FloatArray:
    """Mean distance of the notes from a degree in each passage that has such notes, in commas."""
    notes = steady_notes(side.melody)
    away = apart(commas_over(notes.cents, side.karar_hz), degree)
    near = np.abs(away) <= REACH
    passage = (notes.starts_s[near] // PASSAGE_S).astype(int)
    seconds = np.bincount(passage, notes.seconds[near])
    moments = np.bincount(passage, away[near] * notes.seconds[near])
    return moments[seconds > 0] / seconds[seconds > 0]


def _of_recordings(group: Sequence[CommaProfile], degree: float) -> FloatArray:
    """Distance of each recording's nearest peak from a degree; recordings without a near peak are left out."""
    nearest = [min((float(apart(d.commas, degree)) for d in p.degrees), key=abs, default=np.inf) for p in group]
    return np.array([away for away in nearest if abs(away) <= REACH])


def _table(
    degrees: Sequence[float], karar: str | None, a: Sequence[FloatArray], b: Sequence[FloatArray], seed: int
) -> pd.DataFrame:
    rows = [
        (degree, perde_name(degree, karar), _mean(x), _mean(y), *_difference(x, y, seed))
        for degree, x, y in zip(degrees, a, b, strict=True)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    tested = table["p"].notna()
    table["p_holm"] = np.nan
    table.loc[tested, "p_holm"] = holm(table.loc[tested, "p"].to_numpy(dtype=float))
    return table


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else float("nan")


def _difference(x: FloatArray, y: FloatArray, seed: int) -> tuple[float, float, float, int, int, float]:
    """Difference of the means, its interval, both numbers, and p; NaN where there are too few values."""
    nothing = float("nan")
    difference = _mean(x) - _mean(y)
    if min(x.size, y.size) < 2 or x.size + y.size < FEWEST:
        return difference, nothing, nothing, x.size, y.size, nothing
    random = np.random.default_rng(seed)
    drawn = [v[random.integers(0, v.size, (PERMUTATIONS, v.size))].mean(axis=1) for v in (x, y)]
    low, high = np.quantile(drawn[0] - drawn[1], [0.025, 0.975])
    both = np.concatenate([x, y])
    mixed = random.permuted(np.tile(both, (PERMUTATIONS, 1)), axis=1)
    by_chance = np.abs(mixed[:, : x.size].mean(axis=1) - mixed[:, x.size :].mean(axis=1))
    p = (1 + int((by_chance >= abs(difference) - 1e-12).sum())) / (1 + PERMUTATIONS)
    return difference, float(low), float(high), x.size, y.size, p
