"""What each way to use the model costs: as now, with another threshold, with another model, with more labels."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd

from core.evaluation.costs import PER, THRESHOLDS, Impact, paired_saving, saving_of_labels
from core.evaluation.learning_value import LearningValue

_OF_CURVE = ("threshold", "cost", "low", "high", "errors", "reviews", "wrong")
_SAVED = ("saved", "saved_low", "saved_high")


class WayToUse(StrEnum):
    """A way to use the model."""

    IN_USE = "in use"
    CHEAPEST = "cheapest"
    ACCEPT_ALL = "accept all"
    REVIEW_ALL = "review all"
    CHALLENGER = "challenger"
    CHALLENGER_CHEAPEST = "challenger, its cheapest"
    MORE_LABELS = "more labels"


@dataclass(frozen=True)
class WayCost:
    """What ``PER`` clips cost in one way.

    Attributes
    ----------
    threshold : an answer is accepted from here; NaN: no clip is accepted.
    cost, low, high : with the 95 % interval; NaN for an interval that is not known.
    errors, reviews : the two parts of the cost.
    wrong : share of the accepted answers that are wrong; NaN without one, and where it is not known.
    saved, saved_low, saved_high : what the clips cost less than in use, with the 95 % interval.
    """

    threshold: float
    cost: float
    low: float
    high: float
    errors: float
    reviews: float
    wrong: float
    saved: float = 0.0
    saved_low: float = 0.0
    saved_high: float = 0.0


def compare_ways(
    predictions: pd.DataFrame,
    prices: np.ndarray,
    *,
    review: float,
    threshold: float,
    result: Impact,
    challenger: tuple[pd.DataFrame, Impact] | None = None,
    labels: tuple[LearningValue, float] | None = None,
) -> dict[WayToUse, WayCost]:
    """Compare the ways to use the model, the one in use first.

    Parameters
    ----------
    result : from ``impact``, for the same predictions and prices.
    challenger : predictions of the challenger for the same clips, and their ``impact``.
    labels : value of more labelled clips, and macro-F1 of the model now.

    Raises
    ------
    TableError
        The challenger was measured on other clips.
    """

    def from_curve(table: pd.DataFrame, curve: Impact, limit: float) -> WayCost:
        saved = paired_saving(predictions, table, prices, review=review, threshold=threshold, after_threshold=limit)
        at = curve.at(limit)
        return WayCost(**{name: float(at[name]) for name in _OF_CURVE}, **dict(zip(_SAVED, saved, strict=True)))

    now = from_curve(predictions, result, threshold)
    ways = {
        WayToUse.IN_USE: now,
        WayToUse.CHEAPEST: from_curve(predictions, result, result.best),
        WayToUse.ACCEPT_ALL: from_curve(predictions, result, float(THRESHOLDS[0])),
        WayToUse.REVIEW_ALL: _review_all(now, PER * review),
    }
    if challenger is not None:
        ways[WayToUse.CHALLENGER] = from_curve(*challenger, threshold)
        ways[WayToUse.CHALLENGER_CHEAPEST] = from_curve(*challenger, challenger[1].best)
    if labels is not None:
        ways[WayToUse.MORE_LABELS] = _more_labels(now, *labels)
    return ways


def _review_all(now: WayCost, cost: float) -> WayCost:
    return WayCost(np.nan, cost, cost, cost, 0.0, cost, np.nan, now.cost - cost, now.low - cost, now.high - cost)


def _more_labels(now: WayCost, value: LearningValue, macro_f1: float) -> WayCost:
    """Only the saving is estimated, so the cost has no interval of its own."""
    saved, low, high = (
        saving_of_labels(now.errors, macro_f1=macro_f1, gain=gain) for gain in (value.gain, value.low, value.high)
    )
    less = {"cost": now.cost - saved, "errors": now.errors - saved, "low": np.nan, "high": np.nan, "wrong": np.nan}
    return replace(now, **less, saved=saved, saved_low=low, saved_high=high)
