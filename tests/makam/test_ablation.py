"""The ablation finds a gain where the comma features carry the emotion, and none where they are noise."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.makam_ablation import COMMA_FEATURES, ablation
from core.schema import COLUMNS, EMOTIONS


@pytest.fixture(scope="module")
def clips():
    """80 labelled clips, two of each recording, with features that say nothing."""
    random = np.random.default_rng(0)
    labels = pd.DataFrame(
        {
            "file": [f"{k}.wav" for k in range(80)],
            "emotion": np.repeat(EMOTIONS, 20),
            "recording": [str(k // 2) for k in range(80)],
        }
    )
    names = [*COLUMNS, *COMMA_FEATURES]
    return labels, pd.DataFrame(random.normal(size=(80, len(names))), columns=names)


def test_comma_features_that_carry_the_emotion_are_a_gain(clips):
    labels, features = clips
    number = labels["emotion"].map({name: k for k, name in enumerate(EMOTIONS)})
    helpful = features.assign(fifth=features["fifth"] + 4 * number, fourth=features["fourth"] + 4 * (number % 2))
    found = ablation(labels, helpful, repeats=2)
    assert found["commas"] > found["features"] + 0.3
    assert found["difference"] > 0.1
    assert found["p"] < 0.05


def test_noise_is_no_gain(clips):
    found = ablation(*clips, repeats=2)
    assert abs(found["difference"]) < 0.15
    assert found["p"] > 0.05
