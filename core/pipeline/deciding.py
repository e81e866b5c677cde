"""Predict and decide for measured clips, and store predictions and decisions, also those of the challenger."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import StoreError
from core.models.policy import Decision, Policy, decide
from core.models.prediction import Prediction, predict
from core.models.reference import OutlierCheck, check_outlier
from core.pipeline.serving import Served
from core.schema import FeatureVector
from core.store import Store, save_predictions

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Decided:
    """Prediction and decision for one clip.

    Parameters
    ----------
    prediction
        Output of the model.
    unlike
        Comparison of the clip with the training music.
    decision
        Decision under a policy.
    """

    prediction: Prediction
    unlike: OutlierCheck
    decision: Decision


def predict_and_decide(vectors: Sequence[FeatureVector], served: Served, *, policy: Policy) -> list[Decided]:
    """Predict, compare with the training music and decide for each clip, in the order given.

    Fifty clips in one call take little longer than one clip.
    """
    compared = [check_outlier(vector, served.reference) for vector in vectors]
    return [
        Decided(prediction, comparison, decide(prediction, policy, unlike=comparison.reasons))
        for prediction, comparison in zip(predict(served.model, vectors), compared, strict=True)
    ]


def store_predictions(
    decided: Sequence[Decided],
    vectors: Sequence[FeatureVector],
    served: Served,
    *,
    policy: Policy,
    store: Store,
    latency_s: float | None = None,
) -> list[int]:
    """Store predictions and decisions for stored clips, also the challenger's. Returns the ids of the champion's rows.

    Parameters
    ----------
    decided
        Predictions and decisions of the model in use.
    vectors
        Features of the same clips, for the challenger.
    latency_s
        Seconds from bytes to decision, if a person waited for the decision.

    Raises
    ------
    StoreError
        When the predictions of the model in use cannot be stored.
    """
    pairs = [(one.prediction, one.decision) for one in decided]
    ids = save_predictions(store, pairs, policy=policy, latency_s=latency_s)
    _store_challenger(vectors, served, policy=policy, store=store)
    return ids


def _store_challenger(vectors: Sequence[FeatureVector], served: Served, *, policy: Policy, store: Store) -> None:
    """Predict with the challenger, if there is one, and store its predictions, which are not shown (shadow test).

    A failure is only logged: the next scoring of stored clips adds the missing predictions.
    """
    if served.shadow is None:
        return
    decided = predict_and_decide(vectors, served.shadow, policy=policy)
    try:
        pairs = [(one.prediction, one.decision) for one in decided]
        save_predictions(store, pairs, policy=policy, role="challenger")
    except StoreError as error:
        _LOG.warning("The challenger's predictions were not stored: %s", error)
