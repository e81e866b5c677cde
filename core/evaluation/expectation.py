"""What a model's own probabilities promise on labelled clips: macro-F1 and ECE, and how rare the observed F1 is.

If the probabilities are calibrated, labels drawn from them are as good as the true labels. So the figures of many drawn
sets of labels say what to expect on exactly these clips, however difficult they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.evaluation.metrics import Predictions, as_arrays, bin_errors, divide
from core.schema import EMOTIONS

DRAWS = 4000
_CELLS = 4_000_000  # labels that are drawn together, so that 100,000 clips need 100 MB and not 10 GB
LEAST_LABELLED = 20  # clips; with fewer clips, F1 is too uncertain


@dataclass(frozen=True)
class Expectation:
    """Macro-F1 and ECE of a model on new labelled clips, and what its own probabilities promise for them.

    The queue asks people first about clips on which the model is unsure, so macro-F1 on these clips is low even for a
    good model. The expected value for the same clips is therefore computed from the model's probabilities.

    Attributes
    ----------
    clips : number of clips.
    f1 : macro-F1 on the clips.
    expected : mean macro-F1 if the probabilities are calibrated.
    low : macro-F1 that only a share ``level`` of the samples falls below if the probabilities are calibrated.
    f1_p : chance of a macro-F1 this low or lower if the probabilities are calibrated.
    ece : expected calibration error on the clips.
    ece_expected : mean ECE that a perfectly calibrated model shows at this number of clips.
    """

    clips: int
    f1: float
    expected: float
    low: float
    f1_p: float
    ece: float
    ece_expected: float

    @property
    def drop(self) -> float:
        """Expected macro-F1 minus observed macro-F1."""
        return self.expected - self.f1


def expectation(predictions: pd.DataFrame, *, level: float = 0.025, seed: int = 0) -> Expectation | None:
    """Compare macro-F1 and ECE with what the probabilities promise; None with fewer than ``LEAST_LABELLED`` clips.

    predictions : predictions of one repeat (see `core.evaluation.metrics`). Emotions that are neither labelled nor
    predicted do not count.  level : for the limit.
    """
    if len(predictions) < LEAST_LABELLED:
        return None
    p = as_arrays(predictions)
    proba = p.proba[0]
    guess = proba.argmax(axis=1)
    blocks = [(_macro_f1(labels, guess), bin_errors(proba.max(axis=1), labels == guess)) for labels in _labels(p, seed)]
    f1, ece = (np.concatenate(values) for values in zip(*blocks, strict=True))
    return Expectation(
        clips=len(proba),
        f1=float(f1[0]),
        expected=float(f1[1:].mean()),
        low=float(np.quantile(f1[1:], level)),
        f1_p=float((f1 <= f1[0] + 1e-12).mean()),  # with the observed value itself, so that the p-value is never 0
        ece=float(ece[0]),
        ece_expected=float(ece[1:].mean()),
    )


def _labels(p: Predictions, seed: int) -> Iterator[np.ndarray]:
    """The true labels, then ``DRAWS`` drawn sets of labels: shape (b, clips), in blocks of about ``_CELLS`` labels.

    Many clips thus need no more memory. The blocks draw the same numbers as one large one.
    """
    rng, below = np.random.default_rng(seed), p.proba[0].cumsum(axis=1)[:, :-1].T
    clips, known = below.shape[1], np.atleast_2d(p.y).astype(np.int8)
    most = max(1, _CELLS // clips)
    for first in range(0, DRAWS, most):
        random = rng.random((min(most, DRAWS - first), clips))
        drawn = np.zeros(random.shape, dtype=np.int8)
        for limit in below:
            drawn += random > limit
        yield drawn if first else np.vstack([known, drawn])


def _macro_f1(labels: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Macro-F1 of each row of labels, shape (b,); emotions that are neither labelled nor guessed do not count."""
    emotions = range(len(EMOTIONS))
    support = np.stack([(labels == k).sum(axis=1) for k in emotions], axis=1)
    hits = np.stack([(labels[:, guess == k] == k).sum(axis=1) for k in emotions], axis=1)
    total = support + np.bincount(guess, minlength=len(EMOTIONS))
    return np.asarray(divide(2 * hits, total).sum(axis=1) / (total > 0).sum(axis=1))
