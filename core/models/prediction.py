"""From a feature vector to probabilities, and from probabilities to a decision.

A prediction belongs to the model; a decision belongs to us. The policy between them is a small value that is stored
with each prediction, so that it can change without retraining and old decisions can still be explained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from core.errors import ModelError
from core.schema import COLUMNS, EMOTIONS, MIRTOOLBOX, FeatureVector

SUM_TOLERANCE = 1e-6  # probabilities of one clip sum to 1 within this


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model and where it came from.

    version : names the exact model; stored with every prediction.
    pipeline : scikit-learn classifier over the 50 columns of the schema, NaN allowed.
    classes : the four emotions in the order of the pipeline's ``predict_proba`` columns.
    source : where it was loaded from, in words: ``"registry (champion, version 3)"`` or ``"models/champion"``.
    """

    version: str
    pipeline: Any
    classes: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        if sorted(self.classes) != sorted(EMOTIONS):
            raise ModelError(
                f"The model {self.version} knows the classes {', '.join(map(str, self.classes))}; "
                f"it must know {', '.join(EMOTIONS)}."
            )


@dataclass(frozen=True)
class Prediction:
    """What the model says about one clip.

    proba : emotion -> probability in [0, 1]; the four sum to 1.
    Raises ModelError when they are no such probabilities.
    """

    clip_id: str
    model_version: str
    extractor: str
    proba: Mapping[str, float]

    def __post_init__(self) -> None:
        p = list(self.proba.values())
        if set(self.proba) != set(EMOTIONS) or not all(isfinite(x) and 0 <= x <= 1 for x in p):
            raise ModelError(f"A prediction gives each of {', '.join(EMOTIONS)} a probability; got {dict(self.proba)}.")
        if abs(sum(p) - 1) > SUM_TOLERANCE:
            raise ModelError(f"The probabilities of a prediction sum to 1; these sum to {sum(p):.6f}.")

    @property
    def ranked(self) -> tuple[str, ...]:
        """The four emotions, most probable first; ties in the order of the schema."""
        return tuple(sorted(EMOTIONS, key=lambda e: -self.proba[e]))

    @property
    def confidence(self) -> float:
        """Probability of the most probable emotion."""
        return max(self.proba.values())


def predict(
    model: Model, vectors: Sequence[FeatureVector] | pd.DataFrame, *, extractor: str = MIRTOOLBOX
) -> list[Prediction]:
    """Probabilities for each clip, in the order given.

    vectors : feature vectors; or a table with the 50 columns (more are ignored) whose index names the clips and whose
        rows all come from ``extractor``.
    Raises ModelError when a column is missing or a value is infinite or no number.
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
    """The model's probabilities, shape (n, 4), columns in the order of ``EMOTIONS``; rows sum to 1.

    frame : table with the 50 columns, NaN = not measurable.
    """
    missing = [c for c in COLUMNS if c not in frame.columns]
    if missing:
        raise ModelError(f"The table lacks {len(missing)} of the 50 feature columns, first {missing[0]!r}.")
    try:
        X = frame[list(COLUMNS)].astype(float)
    except (ValueError, TypeError) as error:
        raise ModelError(f"A feature is no number: {error}. Clean the table first.") from error
    if np.isinf(X.to_numpy()).any():
        raise ModelError("A feature is infinite. Clean the table first: what cannot be measured is left empty.")
    proba = np.asarray(model.pipeline.predict_proba(X), dtype=float)
    proba = proba[:, [model.classes.index(e) for e in EMOTIONS]]
    return np.clip(proba / proba.sum(axis=1, keepdims=True), 0, 1)  # float32 members leave sums 1e-7 off
