"""What more labelled clips are worth: the learning curve, continued by a power law."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.evaluation.metrics import LEVEL, RESAMPLES, figure, resampled, scores
from core.schema import ALL

MORE = 100  # clips
SHARES = 3  # lowest number of points of a curve that can be continued


@dataclass(frozen=True)
class LearningValue:
    """Expected gain from more training clips.

    trained : clips that the model is trained on.  more : additional clips.  gain, low, high : expected rise of macro-F1
    with its 95 % interval.
    """

    trained: int
    more: int
    gain: float
    low: float
    high: float


def value_of_more_clips(
    curve: Mapping[int, pd.DataFrame], *, trained: int, more: int = MORE, resamples: int = RESAMPLES, seed: int = 0
) -> LearningValue | None:
    """Continue a learning curve. None for fewer than ``SHARES`` points.

    The error (1 - macro-F1) falls as a power of the number of clips: a straight line through the logarithms of both.
    The interval is a bootstrap of the test recordings, the same recordings for each point. It does not include the
    choice of the training clips.

    Parameters
    ----------
    curve : number of training clips -> table of predictions (`core.evaluation.metrics`) of the same test clips.
    trained : number of clips from which the curve is continued.
    """
    if len(curve) < SHARES:
        return None
    sizes = np.log(sorted(curve))
    tables = [curve[size] for size in sorted(curve)]
    key = ("macro_f1", ALL)
    measured = np.array([[float(figure(scores(table, resamples=0), "macro_f1")["value"])] for table in tables])
    drawn = np.array([resampled(table, resamples=resamples, seed=seed)[key] for table in tables])
    gain = _gain(sizes, measured, trained, more)[0]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(_gain(sizes, drawn, trained, more), [tail, 1 - tail])
    return LearningValue(trained, more, float(gain), float(low), float(high))


def _gain(sizes: np.ndarray, macro_f1: np.ndarray, trained: int, more: int) -> np.ndarray:
    """Expected rise for each column of macro_f1. sizes : logarithms, shape (k,).  macro_f1 : shape (k, b)."""
    slope, start = np.polyfit(sizes, np.log(np.maximum(1 - macro_f1, 1e-3)), 1)
    now, then = (np.exp(start + slope * np.log(n)) for n in (trained, trained + more))
    return np.asarray(now - then)


def describe_value(value: LearningValue) -> str:
    """The value of more clips as a sentence."""
    points, low, high = (100 * v for v in (value.gain, value.low, value.high))
    if low <= 0 <= high:
        return (
            f"The learning curve does not show yet whether {value.more} more labelled clips help: "
            f"{points:+.1f} points of macro-F1 ({low:+.1f} to {high:+.1f})."
        )
    return (
        f"{value.more} more labelled clips are worth about {points:.1f} points of macro-F1 ({low:.1f} to {high:.1f}), "
        f"in addition to the {value.trained} training clips."
    )
