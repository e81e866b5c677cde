"""What a model's probabilities promise: true for calibrated models, broken by wrong labels."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from core.evaluation import expectation as module
from core.evaluation.expectation import LEAST_LABELLED, expectation
from core.evaluation.metrics import scores
from core.schema import EMOTIONS, PROBA


def labelled(clips: int, *, seed: int, right: bool = True) -> pd.DataFrame:
    """Predictions whose labels are drawn from the probabilities, or from all emotions alike."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(4, 0.4), size=clips)
    y = [rng.choice(EMOTIONS, p=p if right else None) for p in proba]
    return pd.DataFrame(proba, columns=list(PROBA)).assign(row=range(clips), y=y)


def test_the_figures_are_those_of_the_clips():
    table = labelled(60, seed=1)
    found = expectation(table)
    guess = [EMOTIONS[k] for k in table[list(PROBA)].to_numpy().argmax(axis=1)]
    assert found.f1 == pytest.approx(f1_score(table["y"], guess, average="macro"))
    ece = scores(table, resamples=0).set_index(["measure", "emotion"]).loc[("ece", "all"), "value"]
    assert found.ece == pytest.approx(ece)


def test_a_calibrated_model_falls_below_its_limit_as_often_as_the_level_says():
    found = [expectation(labelled(40, seed=seed), level=0.1) for seed in range(1, 301)]
    below = np.mean([one.f1 < one.low for one in found])
    assert 0.048 < below < 0.152  # three standard errors around a tenth
    assert np.mean([one.f1_p for one in found]) == pytest.approx(0.5, abs=0.05)
    assert np.mean([one.ece - one.ece_expected for one in found]) == pytest.approx(0, abs=0.02)


def test_wrong_labels_are_rarer_than_chance_allows():
    found = expectation(labelled(60, seed=3, right=False))
    assert found.f1 < found.low < found.expected
    assert 0 < found.f1_p < 0.001
    assert found.ece > found.ece_expected + 0.1


def test_too_few_clips_promise_nothing():
    assert expectation(labelled(LEAST_LABELLED - 1, seed=0)) is None


def test_many_clips_are_drawn_in_blocks_with_the_same_result(monkeypatch):
    table = labelled(40, seed=2)
    whole = asdict(expectation(table))
    monkeypatch.setattr(module, "_CELLS", 40 * 300)
    assert asdict(expectation(table)) == pytest.approx(whole, rel=1e-12)
