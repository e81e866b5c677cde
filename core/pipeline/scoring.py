"""Score clips: from bytes to a stored prediction and decision.

The upload page, libraries and the command line all call these functions, so their results agree.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from core.access import Action, require
from core.audio.decoding import Recording, Source, inspect
from core.audio.packed import PackedClip
from core.audio.tags import file_tags
from core.errors import StoreError
from core.features import EXTRACTOR
from core.models.policy import Decision, Policy, decide
from core.models.prediction import Prediction
from core.models.reference import OutlierCheck
from core.pipeline.deciding import Decided, Part, decide_pieces, store_predictions
from core.pipeline.kept_audio import keeping_audio
from core.pipeline.measure import Measured, Span, measure, measure_piece
from core.pipeline.noting import Asked, noted
from core.pipeline.serving import Served
from core.records import MeasuredFile
from core.schema import FeatureVector
from core.stages import Stage, stage
from core.store import Store, load_features, save_measured, save_own


@dataclass(frozen=True, eq=False)
class ScoredClip:
    """A measured clip, or a file measured in several windows, with its prediction and decision.

    Parameters
    ----------
    measured
        The window that names the answer: its samples and its 50 values are shown.
    others
        The further windows of the file.
    policy
        Policy of the decision.
    latency_s
        Seconds from bytes to decision, without storing.
    prediction_id
        Id of the stored row; None when it could not be stored.
    problem
        Why the row could not be stored, as a sentence.
    """

    measured: Measured
    decided: Decided
    policy: Policy
    latency_s: float
    prediction_id: int | None = None
    problem: str = ""
    others: tuple[Measured, ...] = ()

    @property
    def recording(self) -> Recording:
        return self.measured.recording

    @property
    def vector(self) -> FeatureVector:
        return self.measured.vector

    @property
    def piece(self) -> tuple[Part, ...]:
        """All windows, the one that names the answer first."""
        return _piece((self.measured, *self.others))

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
    asked: Asked = Asked(),
) -> ScoredClip:
    """Decode, measure, predict, compare with the training music, decide, and store the results.

    The policy says how many windows of a longer file are measured.

    When the database fails, the result is returned without stored rows, and ``problem`` gives the reason.

    Parameters
    ----------
    data, name
        Content and name of the file.
    store
        Open store; None stores nothing.
    origin
        How the clip came here, one of ``core.store.ORIGINS``.
    audio
        Folder for the analysed audio, which raters can then hear, see ``core.pipeline.kept_audio``; None stores none.
    asked
        How the clip came, for the events.

    Raises
    ------
    AudioError
        When the file holds no usable audio; nothing is stored then.
    """
    source, scored = _scored_file(data, name, served, policy=policy, store=store, max_mb=max_mb, asked=asked)
    return store_scored(scored, source, served, store, origin=origin, audio=audio)


def score_own(
    data: bytes,
    name: str,
    served: Served,
    *,
    policy: Policy,
    store: Store | None,
    origin: str,
    max_mb: float,
    asked: Asked = Asked(),
) -> tuple[ScoredClip, MeasuredFile]:
    """Score a clip that a person brings, as ``score_clip`` does, without storing anything of it.

    Returns the scored clip and what ``keep_clip`` stores of its file if the person wants that.

    store : open store; features that it has already need not be computed again.
    """
    source, scored = _scored_file(data, name, served, policy=policy, store=store, max_mb=max_mb, asked=asked)
    return scored, measured_file(scored, source, origin)


def _scored_file(
    data: bytes, name: str, served: Served, *, policy: Policy, store: Store | None, max_mb: float, asked: Asked
) -> tuple[Source, ScoredClip]:
    """Check and score a file, and note how it ended."""
    started = time.perf_counter()
    with noted(store, asked) as seen:
        with stage(Stage.DECODE):
            source = inspect(data, name, max_mb=max_mb)
        scored = score_source(source, served, policy=policy, store=store, started=started)
        seen.decided = scored.decided
    return source, scored


def keep_clip(
    scored: ScoredClip, file: MeasuredFile, served: Served, store: Store, *, audio: Path | None = None
) -> ScoredClip:
    """Store a clip that a person brought, and note that it is theirs, because they answer about it or share it.

    All rows but the prediction are stored in one transaction. When it fails, no sound of the clip stays either.

    Returns the clip with the id of its prediction, or with the problem.

    file : from ``score_own``.  audio : folder for the sound if raters may hear it; None stores no sound.
    """
    return _store_file(scored, file, served, store, audio, own=True)


def score_source(
    source: Source,
    served: Served,
    *,
    policy: Policy,
    store: Store | None,
    started: float,
    span: Span | None = None,
    measured: Mapping[str, FeatureVector] | None = None,
) -> ScoredClip:
    """Measure, predict and decide without storing.

    Parameters
    ----------
    started
        ``perf_counter`` when work on the clip began, in s.
    span
        Part of the file that gets an answer of its own; None answers for the whole file.
    measured
        Features that need not be computed again, by clip id.
    """
    problem = ""

    def known(clip_id: str, start_s: float, duration_s: float) -> FeatureVector | None:
        nonlocal problem
        if measured and clip_id in measured:
            return measured[clip_id]
        vector, fault = _known(store, clip_id, (start_s, duration_s))
        problem = problem or fault
        return vector

    if span is not None:
        parts: tuple[Measured, ...] = (measure(source, span, known=known),)
    else:
        parts = measure_piece(source, count=policy.windows, apart_s=policy.apart_s, known=known)
    with stage(Stage.MODEL):
        (decided,) = decide_pieces([_piece(parts)], served, policy=policy)
    return ScoredClip(parts[0], decided, policy, time.perf_counter() - started, problem=problem, others=parts[1:])


def _piece(parts: Iterable[Measured]) -> tuple[Part, ...]:
    return tuple(Part(part.vector, part.clip.start_s, part.clip.start_s + part.clip.duration_s) for part in parts)


def _known(store: Store | None, clip_id: str, part: tuple[float, float]) -> tuple[FeatureVector | None, str]:
    """Return the stored features, and why the store could not be read."""
    if store is None:
        return None, ""
    try:
        return load_features(store, clip_id, EXTRACTOR, part=part), ""
    except StoreError as error:
        return None, str(error)


def store_scored(
    scored: ScoredClip,
    source: Source,
    served: Served,
    store: Store | None,
    *,
    origin: str = "upload",
    audio: Path | None = None,
) -> ScoredClip:
    """Store clip, audio, features, prediction and decision. Returns the clip with the row's id, or with the problem.

    source : the file that contains the clip.  origin, audio : as in ``score_clip``.
    """
    if store is None or scored.problem:
        return scored
    return _store_file(scored, measured_file(scored, source, origin), served, store, audio)


def measured_file(scored: ScoredClip, source: Source, origin: str) -> MeasuredFile:
    """Return what is stored of a file: its measured windows, the one that names the answer first, and its tags."""
    return MeasuredFile(
        clips=tuple(part.clip for part in (scored.measured, *scored.others)),
        content_hash=source.digest,
        file_name=source.name,
        origin=origin,
        tags=file_tags(source.data, source.name),
    )


def _store_file(
    scored: ScoredClip, file: MeasuredFile, served: Served, store: Store, audio: Path | None, *, own: bool = False
) -> ScoredClip:
    if audio is not None:
        require(store.by, Action.KEEP_AUDIO)
    try:
        with keeping_audio(scored.recording.clip, audio) as path:
            first = replace(file, clips=file.clips[:1], path=path)
            others = replace(file, clips=file.clips[1:])  # their audio is not kept
            if own:
                save_own(store, first, others, shared=audio is not None)
            else:
                save_measured(store, first, others, bring_back=True)
    except StoreError as error:
        return replace(scored, problem=str(error))
    return _store_prediction(scored, served, store)


def _store_prediction(scored: ScoredClip, served: Served, store: Store | None) -> ScoredClip:
    """Store the prediction of a stored clip. An earlier problem is kept, because it is the cause."""
    if store is None:
        return scored
    try:
        (number,) = store_predictions(
            [scored.decided],
            [scored.piece],
            served,
            policy=scored.policy,
            store=store,
            latency_s=scored.latency_s,
        )
    except StoreError as error:
        return replace(scored, problem=scored.problem or str(error))
    return replace(scored, prediction_id=number, problem="")


def packed(scored: ScoredClip) -> ScoredClip:
    """Return a scored clip whose samples need little memory, for a session; see ``core.audio.packed``."""
    return replace(scored, measured=_packed(scored.measured), others=tuple(_packed(part) for part in scored.others))


def _packed(measured: Measured) -> Measured:
    recording = measured.recording
    return replace(measured, recording=replace(recording, clip=PackedClip(recording.clip)))


def rescore(scored: ScoredClip, served: Served, policy: Policy, store: Store | None) -> ScoredClip:
    """Score the same features with the current model and policy; stores a new row if one of them has changed.

    The clip's own row is not changed: a clip that was deleted meanwhile stays deleted. Its windows stay, so the stored
    policy names the windows that were measured.
    """
    policy = replace(policy, windows=scored.policy.windows, apart_s=scored.policy.apart_s)
    model, before = served.model, scored.decided
    if policy == scored.policy and model.version == before.prediction.model_version:
        return scored
    if model.version != before.prediction.model_version:
        (decided,) = decide_pieces([scored.piece], served, policy=policy)
    else:
        decided = replace(
            before, decision=decide(before.prediction, policy, unlike=before.unlike.reasons, kind=before.kind)
        )
    changed = replace(scored, decided=decided, policy=policy, prediction_id=None)
    return _store_prediction(changed, served, store)


def explain(scored: ScoredClip, served: Served) -> pd.DataFrame:
    """Explain the probabilities of a scored clip; see ``core.models.explanation.explain_clip``."""
    from core.models.explanation import explain_clip

    return explain_clip(served.model, scored.vector, served.background, calibrated=True)
