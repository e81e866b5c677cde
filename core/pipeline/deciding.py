"""Predict and decide for measured pieces, and store predictions and decisions, also those of the challenger.

A piece is a file that gets one answer. One window or several windows are measured; the mean of their probabilities
decides.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.errors import StoreError
from core.models.kinds import Kind, kind_of
from core.models.policy import Decision, Policy, decide
from core.models.prediction import Prediction, WindowGuess, mean_prediction, predict
from core.models.reference import OutlierCheck, check_outlier
from core.pipeline.serving import Served
from core.schema import FeatureVector
from core.store import Store, save_predictions
from core.wording import clock

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Part:
    """A measured window of a file.

    Parameters
    ----------
    vector
        Its features.
    start_s, end_s
        Its place in the file.
    """

    vector: FeatureVector
    start_s: float = 0.0
    end_s: float = 0.0


Piece = Sequence[Part]  # the window that names the answer comes first


@dataclass(frozen=True, eq=False)
class Decided:
    """Prediction and decision for one piece.

    Parameters
    ----------
    prediction
        Output of the model.
    unlike
        Comparison with the training music: of the named window, or of the first window that is unlike the training
        music if at least half of the windows are.
    decision
        Decision under a policy.
    """

    prediction: Prediction
    unlike: OutlierCheck
    decision: Decision

    @property
    def kind(self) -> Kind:
        return Kind(self.decision.unlike or Kind.OTHER)


def predict_and_decide(vectors: Sequence[FeatureVector], served: Served, *, policy: Policy) -> list[Decided]:
    """Predict, compare with the training music and decide for each clip by itself, in the order given."""
    return decide_pieces([[Part(vector)] for vector in vectors], served, policy=policy)


def decide_pieces(pieces: Sequence[Piece], served: Served, *, policy: Policy) -> list[Decided]:
    """Predict, compare with the training music and decide for each piece, in the order given.

    Fifty clips in one call take little longer than one clip.
    """
    parts = [part for piece in pieces for part in piece]
    compared = [check_outlier(part.vector, served.reference) for part in parts]
    predicted = predict(served.model, [part.vector for part in parts])
    decided, at = [], 0
    for piece in pieces:
        upto = at + len(piece)
        decided.append(_decide_piece(piece, predicted[at:upto], compared[at:upto], policy))
        at = upto
    return decided


def _decide_piece(
    piece: Piece, predicted: Sequence[Prediction], compared: Sequence[OutlierCheck], policy: Policy
) -> Decided:
    kind = _kind(piece, compared)
    if len(piece) == 1:
        return Decided(predicted[0], compared[0], decide(predicted[0], policy, unlike=compared[0].reasons, kind=kind))
    windows = [
        WindowGuess(one.clip_id, part.start_s, part.end_s, one.proba, unlike=check.flag)
        for part, one, check in zip(piece, predicted, compared, strict=True)
    ]
    prediction = mean_prediction(predicted[0], windows)
    unlike = _unlike(windows, compared)
    return Decided(prediction, unlike, decide(prediction, policy, unlike=unlike.reasons, kind=kind))


def _kind(piece: Piece, compared: Sequence[OutlierCheck]) -> Kind:
    """Return the kind of most windows that are unlike the training music, if they agree."""
    kinds = [kind_of(part.vector) for part, check in zip(piece, compared, strict=True) if check.flag]
    (kind, count), *_ = Counter(kinds).most_common(1) or [(Kind.OTHER, 0)]
    return kind if 2 * count > len(kinds) else Kind.OTHER


def _unlike(windows: Sequence[WindowGuess], compared: Sequence[OutlierCheck]) -> OutlierCheck:
    """Return the comparison that counts for a piece. A piece is unlike if at least half of its windows are."""
    flagged = [k for k, window in enumerate(windows) if window.unlike]
    if 2 * len(flagged) < len(windows):
        return replace(compared[0], flag=False, reasons=())
    first = compared[flagged[0]]
    if flagged[0] == 0:
        return first
    where = f"in the window from {clock(windows[flagged[0]].start_s)} on"
    return replace(first, reasons=tuple(f"{where}, {reason}" for reason in first.reasons))


def store_predictions(
    decided: Sequence[Decided],
    pieces: Sequence[Piece],
    served: Served,
    *,
    policy: Policy,
    store: Store,
    latency_s: float | None = None,
) -> list[int]:
    """Store predictions and decisions for stored pieces, also the challenger's. Returns the ids of the champion's rows.

    Parameters
    ----------
    decided
        Predictions and decisions of the model in use. Clips must be stored.
    pieces
        Measured windows of the same pieces, for the challenger.
    latency_s
        Seconds from bytes to decision, if a person waited for the decision.

    Raises
    ------
    StoreError
        When the predictions of the model in use cannot be stored.
    """
    pairs = [(one.prediction, one.decision) for one in decided]
    ids = save_predictions(store, pairs, policy=policy, latency_s=latency_s)
    _store_challenger(pieces, served, policy=policy, store=store)
    return ids


def _store_challenger(pieces: Sequence[Piece], served: Served, *, policy: Policy, store: Store) -> None:
    """Predict with the challenger, if there is one, and store its predictions, which are not shown (shadow test).

    A failure is only logged: the next scoring of stored clips adds the missing predictions.
    """
    if served.shadow is None:
        return
    decided = decide_pieces(pieces, served.shadow, policy=policy)
    try:
        pairs = [(one.prediction, one.decision) for one in decided]
        save_predictions(store, pairs, policy=policy, role="challenger")
    except StoreError as error:
        _LOG.warning("The challenger's predictions were not stored: %s", error)
