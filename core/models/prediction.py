"""Predict the probabilities of the four emotions from feature vectors.

A prediction is the output of the model. A policy (`core.models.policy`) turns the prediction into a decision. The
policy is stored with each prediction: it can change without retraining, and old decisions can still be explained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from core.errors import ModelError
from core.models import forests
from core.schema import COLUMNS, EMOTIONS, MIRTOOLBOX, FeatureVector

LARGEST = 1e30  # of a feature, also below zero: trees compare float32 numbers, which end at 3.4e38
SUM_TOLERANCE = 1e-6  # accepted difference between 1 and the sum of a clip's probabilities


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model and its origin.

    version : name of this exact model, stored with every prediction.
    pipeline : scikit-learn classifier over the 50 columns of the schema, NaN allowed.
    classes : the four emotions in the order of the pipeline's ``predict_proba`` columns.
    source : origin as text: ``"registry (champion, version 3)"`` or ``"models/champion"``.
    """

    version: str
    pipeline: Any
    classes: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        if sorted(self.classes) != sorted(EMOTIONS):
            raise ModelError(
                f"The model {self.version} predicts the classes {', '.join(map(str, self.classes))}; "
                f"it must predict {', '.join(EMOTIONS)}."
            )


@dataclass(frozen=True)
class WindowGuess:
    """The probabilities of one window of a file.

    proba : emotion -> probability.  unlike : whether the window is unlike the training music.
    """

    clip_id: str
    start_s: float
    end_s: float
    proba: Mapping[str, float]
    unlike: bool = False

    @property
    def guess(self) -> str:
        """The most probable emotion; ties in the order of the schema."""
        return max(EMOTIONS, key=lambda e: self.proba[e])


@dataclass(frozen=True)
class Prediction:
    """The probabilities of one clip, or of a file by several windows.

    proba : emotion -> probability in [0, 1]; the four must sum to 1, otherwise ModelError is raised.
    windows : the windows whose mean ``proba`` is, the named window ``clip_id`` first; empty for one window.
    """

    clip_id: str
    model_version: str
    extractor: str
    proba: Mapping[str, float]
    windows: tuple[WindowGuess, ...] = ()

    def __post_init__(self) -> None:
        p = list(self.proba.values())
        if set(self.proba) != set(EMOTIONS) or not all(isfinite(x) and 0 <= x <= 1 for x in p):
            raise ModelError(
                f"A prediction must have a probability for each of {', '.join(EMOTIONS)}; got {dict(self.proba)}."
            )
        if abs(sum(p) - 1) > SUM_TOLERANCE:
            raise ModelError(f"The probabilities of a prediction must sum to 1; these sum to {sum(p):.6f}.")

    @property
    def ranked(self) -> tuple[str, ...]:
        """The four emotions, most probable first; ties in the order of the schema."""
        return tuple(sorted(EMOTIONS, key=lambda e: -self.proba[e]))

    @property
    def confidence(self) -> float:
        """Probability of the most probable emotion."""
        return max(self.proba.values())

    @property
    def votes(self) -> tuple[int, int]:
        """Number of windows, and number of windows with the same guess as the mean."""
        if not self.windows:
            return 1, 1
        return len(self.windows), sum(window.guess == self.ranked[0] for window in self.windows)


def mean_prediction(named: Prediction, windows: Sequence[WindowGuess]) -> Prediction:
    """Combine the windows of a file: the mean of their probabilities.

    named : prediction of the window that names the file.  windows : all windows, the named one first; at least two.
    """
    mean = {e: sum(window.proba[e] for window in windows) / len(windows) for e in EMOTIONS}
    return replace(named, proba=mean, windows=tuple(windows))


def votes_text(guess: str, windows: int, agreeing: int) -> str:
    """Return a phrase such as ``"sad in 3 of 3 windows"``; ``"one window"`` for one."""
    return "one window" if windows == 1 else f"{guess} in {agreeing} of {windows} windows"


def predict(
    model: Model, vectors: Sequence[FeatureVector] | pd.DataFrame, *, extractor: str = MIRTOOLBOX
) -> list[Prediction]:
    """Predict the probabilities of clips, in the given order.

    Parameters
    ----------
    vectors : feature vectors, or a table with the 50 columns (other columns are ignored) and the clip ids as index.
    extractor : extractor of the features, when ``vectors`` is a table.

    Raises
    ------
    ModelError
        A column is missing, or a value is infinite or not a number.
    """
    if isinstance(vectors, pd.DataFrame):
        frame, extractors = vectors, [extractor] * len(vectors)
    else:
        values = np.array([v.values for v in vectors], dtype=float).reshape(-1, len(COLUMNS))
        ids = [v.clip_id for v in vectors]
        frame, extractors = pd.DataFrame(values, columns=list(COLUMNS), index=ids), [v.extractor for v in vectors]
    if frame.empty:
        return []
    proba = probabilities(model, frame)
    return [
        Prediction(str(clip), model.version, name, dict(zip(EMOTIONS, map(float, row), strict=True)))
        for clip, name, row in zip(frame.index, extractors, proba, strict=True)
    ]


def probabilities(model: Model, frame: pd.DataFrame) -> np.ndarray:
    """Predicted probabilities, shape (n, 4), columns in the order of ``EMOTIONS``; each row sums to 1.

    frame : table with the 50 columns, NaN = not measurable.
    """
    missing = [c for c in COLUMNS if c not in frame.columns]
    if missing:
        raise ModelError(f"The table lacks {len(missing)} of the 50 feature columns, first {missing[0]!r}.")
    try:
        X = frame[list(COLUMNS)].astype(float)
    except (ValueError, TypeError) as error:
        raise ModelError(f"A feature is not a number: {error}. Correct the table first.") from error
    if (np.abs(X.to_numpy()) > LARGEST).any():
        raise ModelError(
            f"A feature is infinite or beyond {LARGEST:g}. Correct the table first: leave values that were not "
            "measured empty."
        )
    proba = forests.predict_proba(model.pipeline, X)
    proba = proba[:, [model.classes.index(e) for e in EMOTIONS]]
    return np.clip(proba / proba.sum(axis=1, keepdims=True), 0, 1)  # sums are off by 1e-7 when a member uses float32
