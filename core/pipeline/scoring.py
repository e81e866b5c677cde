"""The only wiring: bytes to a stored prediction and decision, and a person's answer to a stored row.

Upload page, whole tracks, library and command line call these functions, so that they cannot drift apart.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from core.audio.decoding import Recording, Source, inspect
from core.audio.tags import file_tags
from core.errors import AudioError, StoreError
from core.features import EXTRACTOR
from core.models.policy import Decision, Policy, decide
from core.models.prediction import Prediction, predict
from core.models.reference import OutlierCheck, check_outlier
from core.pipeline import timeline
from core.pipeline.kept_audio import keep_audio
from core.pipeline.measure import Measured, Span, measure
from core.pipeline.serving import Served
from core.records import MeasuredFile, Remark, RemarkKind
from core.schema import FeatureVector
from core.store import Store, load_features, save_measured, save_predictions

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Decided:
    """What came of the features of one clip.

    prediction : of the model.  unlike : the comparison with the training music.  decision : under a policy.
    """

    prediction: Prediction
    unlike: OutlierCheck
    decision: Decision


@dataclass(frozen=True, eq=False)
class ScoredClip:
    """One clip from its bytes to the decision.

    policy : under which it was decided.  latency_s : from the bytes to the decision, without storing.
    prediction_id : of the stored row; None when it could not be stored, and then ``problem`` says why.
    """

    measured: Measured
    decided: Decided
    policy: Policy
    latency_s: float
    prediction_id: int | None = None
    problem: str = ""

    @property
    def recording(self) -> Recording:
        return self.measured.recording

    @property
    def vector(self) -> FeatureVector:
        return self.measured.vector

    @property
    def clip_id(self) -> str:
        return self.vector.clip_id

    @property
    def prediction(self) -> Prediction:
        return self.decided.prediction

    @property
    def unlike(self) -> OutlierCheck:
        return self.decided.unlike

    @property
    def decision(self) -> Decision:
        return self.decided.decision


def score_clip(
    data: bytes,
    name: str,
    served: Served,
    *,
    policy: Policy,
    store: Store | None,
    origin: str = "upload",
    audio: Path | None = None,
    max_mb: float = 200,
) -> ScoredClip:
    """Decode, measure, predict, compare with the training music, decide, and store all that.

    store : None keeps nothing.  origin : how the clip came here, one of ``core.store.ORIGINS``.
    audio : folder in which the analysed audio is kept for those who label, see ``core.pipeline.kept_audio``; None
    keeps none.
    Raises AudioError for what is no usable audio; nothing is stored then. A database that fails costs the stored rows
    and not the answer: ``problem`` holds the sentence.
    """
    started = time.perf_counter()
    source = inspect(data, name, max_mb=max_mb)
    scored = _score(source, None, served, policy, store, started)
    return store_scored(scored, source, served, store, origin=origin, audio=audio)


def _score(
    source: Source, span: Span | None, served: Served, policy: Policy, store: Store | None, started: float
) -> ScoredClip:
    """Measure, predict and decide; nothing is stored. started : when the work on the clip began."""
    problem = ""

    def known(clip_id: str) -> FeatureVector | None:
        nonlocal problem
        vector, problem = _known(store, clip_id)
        return vector

    measured = measure(source, span, known=known)
    (decided,) = predict_and_decide([measured.vector], served, policy=policy)
    return ScoredClip(measured, decided, policy, time.perf_counter() - started, problem=problem)


def _known(store: Store | None, clip_id: str) -> tuple[FeatureVector | None, str]:
    """The stored features, and why the store could not be asked."""
    if store is None:
        return None, ""
    try:
        return load_features(store, clip_id, EXTRACTOR), ""
    except StoreError as error:
        return None, str(error)


def predict_and_decide(vectors: Sequence[FeatureVector], served: Served, *, policy: Policy) -> list[Decided]:
    """Predict, compare with the training music and decide for each clip, in the order given.

    Fifty clips at once cost little more than one.
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
    """Store predictions and decisions for stored clips, also those of the challenger, and return the rows' ids.

    decided : of the model in use.  vectors : of the same clips, for the challenger.
    latency_s : from the bytes to the decision, where a person waited for it.
    Raises StoreError when the predictions of the model in use cannot be stored.
    """
    said = [(one.prediction, one.decision) for one in decided]
    ids = save_predictions(store, said, policy=policy, latency_s=latency_s)
    _ask_shadow(vectors, served, policy=policy, store=store)
    return ids


def _ask_shadow(vectors: Sequence[FeatureVector], served: Served, *, policy: Policy, store: Store) -> None:
    """Store what the challenger predicts for stored clips, where there is one. Nothing shows it.

    A failure goes to the log alone: the next scoring of the stored clips makes up for it.
    """
    if served.shadow is None:
        return
    decided = predict_and_decide(vectors, served.shadow, policy=policy)
    try:
        said = [(one.prediction, one.decision) for one in decided]
        save_predictions(store, said, policy=policy, role="challenger")
    except StoreError as error:
        _LOG.warning("What the challenger says was not stored: %s", error)


def store_scored(
    scored: ScoredClip,
    source: Source,
    served: Served,
    store: Store | None,
    *,
    origin: str = "upload",
    audio: Path | None = None,
) -> ScoredClip:
    """Store clip, audio, features, prediction and decision; returns it with the row's id, or with the problem.

    source : the file that the clip is a part of.  origin, audio : as for ``score_clip``.
    """
    if store is None or scored.problem:
        return scored
    try:
        file = MeasuredFile(
            clips=(scored.measured.clip,),
            content_hash=source.digest,
            file_name=source.name,
            origin=origin,
            path=None if audio is None else keep_audio(scored.recording.clip, audio),
            tags=file_tags(source.data, source.name),
        )
        save_measured(store, file, bring_back=True)
    except StoreError as error:
        return replace(scored, problem=str(error))
    return _store_prediction(scored, served, store)


def _store_prediction(scored: ScoredClip, served: Served, store: Store | None) -> ScoredClip:
    """Store the prediction for a clip that is stored. Of two problems the first is shown: it has the cause."""
    if store is None:
        return scored
    try:
        (number,) = store_predictions(
            [scored.decided],
            [scored.vector],
            served,
            policy=scored.policy,
            store=store,
            latency_s=scored.latency_s,
        )
    except StoreError as error:
        return replace(scored, problem=scored.problem or str(error))
    return replace(scored, prediction_id=number, problem="")


def rescore(scored: ScoredClip, served: Served, policy: Policy, store: Store | None) -> ScoredClip:
    """Score the same features by today's model and policy: a stored row of its own where one of them changed.

    The clip itself is left as it is: one that was deleted meanwhile stays deleted.
    """
    model, before = served.model, scored.decided
    if policy == scored.policy and model.version == before.prediction.model_version:
        return scored
    if model.version != before.prediction.model_version:
        (decided,) = predict_and_decide([scored.vector], served, policy=policy)
    else:
        decided = replace(before, decision=decide(before.prediction, policy, unlike=before.unlike.reasons))
    changed = replace(scored, decided=decided, policy=policy, prediction_id=None)
    return _store_prediction(changed, served, store)


def explain(scored: ScoredClip, served: Served) -> pd.DataFrame:
    """Why the model gives the probabilities that are shown; see ``core.models.explanation.explain_clip``."""
    from core.models.explanation import explain_clip

    return explain_clip(served.model, scored.vector, served.background, calibrated=True)


def score_windows(
    source: Source,
    served: Served,
    *,
    spans: Iterable[Span],
    policy: Policy,
    store: Store | None,
    origin: str = "upload",
) -> Iterator[timeline.ScoredWindow]:
    """Score one window of a recording after the other, so that the caller can show progress, and stop.

    spans : start and end of each window in s, as from ``core.windows.spans``.
    A silent window is a row with a remark, not the end of the recording; so is what makes a window unlike the training
    music. Windows are stored as clips are, so that the second time costs little.
    """
    for span in spans:
        start_s, end_s = span
        started = time.perf_counter()
        try:
            scored = _score(source, span, served, policy, store, started)
        except AudioError as error:
            silent = Remark(RemarkKind.NOT_SCORED, str(error))
            yield timeline.ScoredWindow(start_s=start_s, end_s=end_s, proba=None, remark=silent)
            continue
        store_scored(scored, source, served, store, origin=origin)
        remark = _unlike_remark(scored.unlike)
        yield timeline.ScoredWindow(start_s=start_s, end_s=end_s, proba=scored.prediction.proba, remark=remark)


def _unlike_remark(compared: OutlierCheck) -> Remark | None:
    if not compared.flag:
        return None
    return Remark(RemarkKind.UNLIKE, f"unlike the training music: {'; '.join(compared.reasons)}")
