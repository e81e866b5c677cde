"""What each way to use the model costs: as now, with another threshold, with another model, with more labels."""

from enum import StrEnum

import numpy as np
import pandas as pd

from core.evaluation.costs import PER, Impact, impact, paired_saving, saving_of_labels
from core.evaluation.learning_value import LearningValue

_COLUMNS = ["way", "threshold", "cost", "low", "high", "errors", "reviews", "wrong", "saved", "saved_low", "saved_high"]
_FROM_CURVE = _COLUMNS[1:8]


class Way(StrEnum):
    """A way to use the model."""

    IN_USE = "in use"
    CHEAPEST = "cheapest"
    ACCEPT_ALL = "accept all"
    REVIEW_ALL = "review all"
    CHALLENGER = "challenger"
    CHALLENGER_CHEAPEST = "challenger, its cheapest"
    MORE_LABELS = "more labels"


def compare_ways(
    predictions: pd.DataFrame,
    prices: np.ndarray,
    *,
    review: float,
    threshold: float,
    result: Impact,
    challenger: pd.DataFrame | None = None,
    labels: tuple[LearningValue, float] | None = None,
) -> pd.DataFrame:
    """Compare the ways to use the model, the one in use first.

    Parameters
    ----------
    result : from ``impact``, for the same predictions and prices.
    challenger : predictions of the challenger for the same clips.
    labels : value of more labelled clips, and macro-F1 of the model now.

    Returns
    -------
    Columns way (`Way`), threshold (NaN: no clip is accepted), cost, low, high, errors, reviews, wrong as in `Impact`;
    saved, saved_low, saved_high: what ``PER`` clips cost less than in use, with the 95 % interval. The cost of more
    labels has no interval of its own, because only the saving is estimated.

    Raises
    ------
    TableError
        The challenger was measured on other clips.
    """
    now = result.at(threshold)
    lines = [_line(Way.IN_USE, now, (0.0, 0.0, 0.0))]
    options = {"review": review, "threshold": threshold}

    def add(way: Way, table: pd.DataFrame, curve: Impact, limit: float) -> None:
        saved = paired_saving(predictions, table, prices, **options, after_threshold=limit)
        lines.append(_line(way, curve.at(limit), saved))

    add(Way.CHEAPEST, predictions, result, result.best)
    add(Way.ACCEPT_ALL, predictions, result, float(result.curve["threshold"].iloc[0]))
    cost = PER * review
    none = {"threshold": np.nan, "cost": cost, "low": cost, "high": cost, "errors": 0.0, "reviews": cost, "wrong": np.nan}
    lines.append(_line(Way.REVIEW_ALL, pd.Series(none), tuple(now[c] - cost for c in ("cost", "low", "high"))))
    if challenger is not None:
        other = impact(challenger, prices, review=review)
        add(Way.CHALLENGER, challenger, other, threshold)
        add(Way.CHALLENGER_CHEAPEST, challenger, other, other.best)
    if labels is not None:
        value, macro_f1 = labels
        saved = tuple(
            saving_of_labels(float(now["errors"]), macro_f1=macro_f1, gain=gain)
            for gain in (value.gain, value.low, value.high)
        )
        less = now["errors"] - saved[0]
        known = {"cost": now["cost"] - saved[0], "errors": less, "low": np.nan, "high": np.nan, "wrong": np.nan}
        lines.append(_line(Way.MORE_LABELS, pd.Series({**now.to_dict(), **known}), saved))
    return pd.DataFrame(lines, columns=_COLUMNS)


def _line(way: Way, costs: pd.Series, saved: tuple[float, ...]) -> tuple[object, ...]:
    return (way, *(float(costs[name]) for name in _FROM_CURVE), *map(float, saved))
