"""The only wiring: bytes to a stored prediction and decision, and a person's answer to a stored row.

Upload page, whole tracks, library and command line call these functions, so that they cannot drift apart.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from core import names, tracks
from core import store as db
from core.audio import Recording, Source, inspect
from core.clips import keep_audio
from core.errors import AudioError, ModelError, StoreError, TableError
from core.features import EXTRACTOR
from core.inference import Decision, Model, Policy, Prediction, decide, predict
from core.labelling.truth import latest_answer
from core.library_tags import file_tags
from core.measure import Measured, Span, measure
from core.monitor import Reference, Unlike, unlike
from core.records import MeasuredFile, Remark, RemarkKind
from core.schema import FeatureVector
from core.settings import Settings
from core.store import Receipt, Store

if TYPE_CHECKING:
    from core.gate import Verdict

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Served:
    """What a prediction needs: the model, and what was learned and stored with it.

    reference : summary of the training music.  background : typical clips, for explanations.
    policies : decision policies by name, "threshold" and "conformal".
    shadow : the challenger, which is asked about every clip as well; what it says is stored and not shown.
    """

    model: Model
    reference: Reference
    background: pd.DataFrame
    policies: Mapping[str, Policy]
    shadow: "Served | None" = None


def serve(settings: Settings, *, alias: str = "champion") -> Served:
    """The model under an alias with all that a prediction needs. Raises ModelError when there is none.

    The champion comes with the challenger, where there is one; one that cannot be loaded costs no answer.
    """
    from core import registry

    bundle = registry.load(alias, settings=settings)
    shadow = None
    if alias == registry.CHAMPION:
        try:
            if registry.find(registry.CHALLENGER, settings=settings) is not None:
                shadow = serve(settings, alias=registry.CHALLENGER)
        except ModelError as error:
            _LOG.warning("The challenger is not asked: %s", error)
    return Served(bundle.model, bundle.reference(), bundle.background(), bundle.policies(), shadow)


@dataclass(frozen=True, eq=False)
class Decided:
    """What came of the features of one clip.

    prediction : of the model.  unlike : the comparison with the training music.  decision : under a policy.
    """

    prediction: Prediction
    unlike: Unlike
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
    def unlike(self) -> Unlike:
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
    audio : folder in which the analysed audio is kept for those who label, see ``core.clips``; None keeps none.
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
        return db.load_features(store, clip_id, EXTRACTOR), ""
    except StoreError as error:
        return None, str(error)


def predict_and_decide(vectors: Sequence[FeatureVector], served: Served, *, policy: Policy) -> list[Decided]:
    """Predict, compare with the training music and decide for each clip, in the order given.

    Fifty clips at once cost little more than one.
    """
    compared = [unlike(vector, served.reference) for vector in vectors]
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
    ids = db.save_predictions(store, said, policy=policy, latency_s=latency_s)
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
        db.save_predictions(store, said, policy=policy, role="challenger")
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
        db.save_measured(store, file, bring_back=True)
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
    """Why the model gives the probabilities that are shown; see ``core.explain.explain_clip``."""
    from core.explain import explain_clip

    return explain_clip(served.model, scored.vector, served.background, calibrated=True)


def warm_up(served: Served) -> None:
    """Load what the first clip needs (compiled kernels, the explainer), before anybody waits for it."""
    from core import features, loudness
    from core.explain import explain_clip

    features.warm()
    loudness.warm()
    typical = FeatureVector("warm", "warm", served.background.iloc[0].to_numpy(dtype=float))
    explain_clip(served.model, typical, served.background, calibrated=True)


def record_feedback(
    scored: ScoredClip,
    store: Store,
    *,
    label: str,
    rater: str,
    verified: bool = False,
    comment: str = "",
    form: str,
) -> Receipt:
    """Store what a person says of a prediction on the screen. The same answer to the same form is stored once.

    label : the emotion heard.  rater : a name; see ``rater_of`` for people without one.
    verified : the name comes from a login.
    form : names the form as it is shown; a new one after every stored answer.
    Raises StoreError when the prediction was not stored, or the answer cannot be.
    """
    if scored.prediction_id is None:
        raise StoreError("This prediction was not stored, so an answer has nothing to belong to. Score the clip again.")
    token = hashlib.sha256(f"{form}\n{scored.prediction_id}\n{rater}\n{label}".encode()).hexdigest()
    return db.add_feedback(
        store,
        token=token,
        rater=rater,
        verified=verified,
        label=label,
        prediction_id=scored.prediction_id,
        display="shown",
        shown_label=scored.prediction.ranked[0],
        source="predict",
        comment=comment,
    )


def take_back(scored: ScoredClip, store: Store, *, feedback_id: int, rater: str, verified: bool = False) -> str | None:
    """Take back this one answer of the rater's. Sent again, it changes nothing.

    Returns the rater's answer about the clip that counts afterwards, an emotion or a reason to skip; None for none.
    """
    db.undo(store, token=db.new_token(), rater=rater, verified=verified, feedback_id=feedback_id)
    said = db.feedback_table(store, rater=rater, verified=verified, clip_id=scored.clip_id)
    return latest_answer(said)


def rater_of(name: str, session: str) -> str:
    """The name to store: the given one, or one that keeps people without a name apart, ``"anonymous 1f3a9c"``.

    Apart in the audit trail, that is: they count as one person, and whoever calls themself anonymous is one of them.
    session : random name of the person's session.
    """
    given = bool(name.strip()) and not names.nameless(name)
    return db.rater_name(name) if given else f"{names.ANONYMOUS} {session[:6]}"


def score_windows(
    source: Source,
    served: Served,
    *,
    spans: Iterable[Span],
    policy: Policy,
    store: Store | None,
    origin: str = "upload",
) -> Iterator[tracks.ScoredWindow]:
    """Score one window of a recording after the other, so that the caller can show progress, and stop.

    spans : start and end of each window in s, as from ``core.tracks.spans``.
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
            yield tracks.ScoredWindow(start_s=start_s, end_s=end_s, proba=None, remark=silent)
            continue
        store_scored(scored, source, served, store, origin=origin)
        remark = _unlike_remark(scored.unlike)
        yield tracks.ScoredWindow(start_s=start_s, end_s=end_s, proba=scored.prediction.proba, remark=remark)


def _unlike_remark(compared: Unlike) -> Remark | None:
    if not compared.flag:
        return None
    return Remark(RemarkKind.UNLIKE, f"unlike the training music: {'; '.join(compared.reasons)}")


# --- training --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """What came of a training run. version : in the registry.  verdict : of the gate, None where it was not
    asked.  folder : of its files.
    """

    version: str
    verdict: "Verdict | None"
    folder: Path
    summary: str


def train_models(
    settings: Settings,
    *,
    quick: bool = False,
    publish: bool = False,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Trained:
    """Train and compare all models on the published table, track them, and promote the best recipe through the gate.

    publish : also replace the models in ``settings.models_dir``, where the gate is passed.
    Raises TableError when only the synthetic stand-in is at hand: a model of it would be a model of nothing.
    """
    from core.dataset import load_table
    from core.file_names import CHAMPION
    from core.models.tracking import log_run
    from core.publish import publish as write
    from core.split import write_split
    from core.train import run
    from core.training.promotion import promote

    table = load_table(settings, allow_download=True)
    if table.synthetic:
        raise TableError(
            f"The published table is not at hand, and models are not trained on made-up clips. {table.note}"
        )
    settings.processed_dir.mkdir(parents=True, exist_ok=True)
    write_split(table, settings.processed_dir, seed=seed)
    found = run(table, seed=seed, quick=quick, progress=progress)
    folder = settings.run_dir(found.created_at)
    name = write(found, table, folder)
    version = log_run(found, folder / CHAMPION, settings=settings)
    if quick:
        return Trained(
            version,
            None,
            folder,
            f"{name} is version {version}, a challenger: quick runs are not promoted. {table.note}".strip(),
        )
    verdict = promote(settings, version=version)
    if publish and verdict.passed:
        write(found, table, settings.models_dir)
    outcome = "is the champion now" if verdict.passed else "stays a challenger"
    summary = f"{name} (version {version}) {outcome}: {verdict.reason} {table.note}".strip()
    return Trained(version, verdict, folder, summary)
