"""A learning curve that follows a power law is continued by it."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.learning_value import LearningValue, describe_value, value_of_more_clips
from core.schema import EMOTIONS, PROBA

CLIPS = 4000


def predictions(error: float) -> pd.DataFrame:
    """Predictions of which this share of each emotion is wrong, each taken for the next emotion."""
    y = np.arange(CLIPS) % 4
    wrong = np.arange(CLIPS) // 4 < error * CLIPS / 4
    proba = np.eye(4)[(y + wrong) % 4] * 0.8 + 0.05
    return pd.DataFrame(proba / proba.sum(axis=1, keepdims=True), columns=list(PROBA)).assign(
        row=np.arange(CLIPS), y=np.array(EMOTIONS)[y]
    )


def test_a_power_law_is_found_again():
    curve = {n: predictions(2 * n**-0.5) for n in (50, 100, 200, 400)}
    value = value_of_more_clips(curve, trained=400, more=100, resamples=200)
    assert value.gain == pytest.approx(2 * (400**-0.5 - 500**-0.5), abs=1e-3)
    assert value.low <= value.gain <= value.high


def test_a_flat_curve_gives_nothing():
    value = value_of_more_clips({n: predictions(0.2) for n in (50, 100, 200)}, trained=200, resamples=200)
    assert value.gain == pytest.approx(0, abs=1e-9)
    assert "does not show yet" in describe_value(value)


def test_two_points_are_too_few():
    assert value_of_more_clips({n: predictions(0.2) for n in (50, 100)}, trained=100) is None


def test_the_sentence():
    text = describe_value(LearningValue(trained=329, more=100, gain=0.012, low=0.006, high=0.019))
    assert text == (
        "100 more labelled clips are worth about 1.2 points of macro-F1 (0.6 to 1.9), in addition to the 329 training "
        "clips."
    )
