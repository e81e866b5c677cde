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
from core.agreement import current_answers
from core.audio import Recording, Source, excerpt, file_of, inspect
from core.clips import keep_audio
from core.errors import AudioError, ModelError, StoreError, TableError
from core.features import EXTRACTOR, extract
from core.inference import Decision, Model, Policy, Prediction, decide, predict
from core.monitor import Reference, Unlike, unlike
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
class Scored:
    """One clip from its bytes to the decision.

    prediction_id : of the stored row; None when it could not be stored, and then ``problem`` says why.
    latency_s : from the bytes to the decision, without storing.
    """

    recording: Recording
    vector: FeatureVector
    prediction: Prediction
    unlike: Unlike
    policy: Policy
    decision: Decision
    latency_s: float
    prediction_id: int | None = None
    problem: str = ""

    @property
    def clip_id(self) -> str:
        return self.recording.clip.clip_id


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
) -> Scored:
    """Decode, measure, predict, compare with the training music, decide, and store all that.

    store : None keeps nothing.  origin : how the clip came here, one of ``core.store.ORIGINS``.
    audio : folder in which the analysed audio is kept for those who label, see ``core.clips``; None keeps none.
    Raises AudioError for what is no usable audio; nothing is stored then. A database that fails costs the stored rows
    and not the answer: ``problem`` holds the sentence.
    """
    started = time.perf_counter()
    recording = excerpt(inspect(data, name, max_mb=max_mb))
    return _score(recording, served, policy, store, origin, len(data), started, audio)


def _score(
    recording: Recording,
    served: Served,
    policy: Policy,
    store: Store | None,
    origin: str,
    size: int,
    started: float,
    audio: Path | None = None,
) -> Scored:
    """size : bytes of the whole file.  started : when the work on the clip began."""
    vector, problem = _known(store, recording.clip.clip_id)
    if vector is None:
        vector = extract(recording.clip)
    ((prediction, compared, decision),) = judge([vector], served, policy=policy)
    scored = Scored(
        recording, vector, prediction, compared, policy, decision, time.perf_counter() - started, problem=problem
    )
    kept = keep(scored, store, origin=origin, bitrate=round(8 * size / recording.duration_s), audio=audio)
    _ask_shadow(kept, served, store)
    return kept


def judge(
    vectors: Sequence[FeatureVector], served: Served, *, policy: Policy
) -> list[tuple[Prediction, Unlike, Decision]]:
    """What the model says of each clip, how it stands beside the training music, and the decision, in the order given.

    Fifty clips at once cost little more than one.
    """
    compared = [unlike(vector, served.reference) for vector in vectors]
    return [
        (prediction, beside, decide(prediction, policy, unlike=beside.reasons))
        for prediction, beside in zip(predict(served.model, vectors), compared, strict=True)
    ]


def ask_shadow(vectors: Sequence[FeatureVector], served: Served, *, policy: Policy, store: Store) -> None:
    """Store what the challenger says of stored clips, where there is one. Nobody waits for it, and nothing shows it.

    What could not be stored is told to the log alone: the next scoring of the stored clips makes up for it.
    """
    if served.shadow is None:
        return
    said = [(prediction, decision) for prediction, _, decision in judge(vectors, served.shadow, policy=policy)]
    try:
        db.save_predictions(store, said, policy=policy, role="challenger")
    except StoreError as error:
        _LOG.warning("What the challenger says was not stored: %s", error)


def _ask_shadow(scored: Scored, served: Served, store: Store | None) -> None:
    if store is not None and scored.prediction_id is not None:
        ask_shadow([scored.vector], served, policy=scored.policy, store=store)


def _known(store: Store | None, clip_id: str) -> tuple[FeatureVector | None, str]:
    """The cached features, and why the cache could not be asked."""
    if store is None:
        return None, ""
    try:
        return db.load_features(store, clip_id, EXTRACTOR), ""
    except StoreError as error:
        return None, str(error)


def keep(
    scored: Scored,
    store: Store | None,
    *,
    origin: str = "upload",
    bitrate: int | None = None,
    audio: Path | None = None,
) -> Scored:
    """Store clip, audio, features, prediction and decision; returns it with the row's id, or with the problem."""
    if store is None or scored.problem:
        return scored
    recording, clip = scored.recording, scored.recording.clip
    try:
        db.add_clip(
            store,
            clip.clip_id,
            file_name=recording.name,
            duration_s=clip.duration_s,
            sr=recording.sr,
            start_s=recording.start_s,
            origin=origin,
            content_hash=file_of(clip.clip_id),
            bitrate=bitrate,
            path=None if audio is None else keep_audio(clip, audio),
        )
        db.save_features(store, scored.vector)
    except StoreError as error:
        return replace(scored, problem=str(error))
    return _keep_prediction(scored, store)


def _keep_prediction(scored: Scored, store: Store | None) -> Scored:
    """Store what the model said of a clip that is stored. Of two problems the first is told: it has the cause."""
    if store is None:
        return scored
    try:
        number = db.save_prediction(
            store, scored.prediction, policy=scored.policy, decision=scored.decision, latency_s=scored.latency_s
        )
    except StoreError as error:
        return replace(scored, problem=scored.problem or str(error))
    return replace(scored, prediction_id=number, problem="")


def again(scored: Scored, served: Served, policy: Policy, store: Store | None) -> Scored:
    """The same features by the model and the policy of today: stored as a row of its own where one of them changed.

    The clip itself is left as it is: one that was deleted meanwhile stays deleted.
    """
    model = served.model
    if policy == scored.policy and model.version == scored.prediction.model_version:
        return scored
    prediction, compared = scored.prediction, scored.unlike
    if model.version != prediction.model_version:
        (prediction,) = predict(model, [scored.vector])
        compared = unlike(scored.vector, served.reference)
    decision = decide(prediction, policy, unlike=compared.reasons)
    changed = replace(
        scored,
        prediction=prediction,
        unlike=compared,
        policy=policy,
        decision=decision,
        prediction_id=None,
    )
    kept = _keep_prediction(changed, store)
    _ask_shadow(kept, served, store)
    return kept


def explain(scored: Scored, served: Served) -> pd.DataFrame:
    """Why the model gives the probabilities that are shown; see ``core.explain.explain_clip``."""
    from core.explain import explain_clip

    return explain_clip(served.model, scored.vector, served.background, calibrated=True)


def warm_up(served: Served) -> None:
    """Load what the first clip needs (compiled kernels, the explainer), before anybody waits for it."""
    from core import features
    from core.explain import explain_clip

    features.warm()
    typical = FeatureVector("warm", "warm", served.background.iloc[0].to_numpy(dtype=float))
    explain_clip(served.model, typical, served.background, calibrated=True)


def record_feedback(
    scored: Scored,
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


def take_back(scored: Scored, store: Store, *, feedback_id: int, rater: str, verified: bool = False) -> str | None:
    """Take back this one answer of the rater's. Sent again, it changes nothing.

    Returns the rater's answer about the clip that counts afterwards, an emotion or a reason to skip; None for none.
    """
    db.undo(store, token=db.new_token(), rater=rater, verified=verified, feedback_id=feedback_id)
    said = db.feedback_table(store, rater=rater, verified=verified, clip_id=scored.clip_id)
    left = current_answers(said[said["kind"].ne("adjudication")])
    return None if left.empty else str(left["label"].fillna(left["skip_reason"]).iloc[-1])


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
    spans: Iterable[tuple[float, float]],
    policy: Policy,
    store: Store | None,
    origin: str = "upload",
) -> Iterator[tracks.Scored]:
    """Score one window of a recording after the other, so that the caller can show progress, and stop.

    spans : start and end of each window in s, as from ``core.tracks.spans``.
    A silent window is a row with a remark, not the end of the recording; so is what makes a window unlike the training
    music. Windows are stored as clips are, so that the second time costs little.
    """
    for start_s, end_s in spans:
        started = time.perf_counter()
        try:
            recording = excerpt(source, start_s=start_s, length_s=end_s - start_s)
        except AudioError as error:
            yield start_s, end_s, None, str(error)
            continue
        scored = _score(recording, served, policy, store, origin, len(source.data), started)
        remark = f"unlike the training music: {'; '.join(scored.unlike.reasons)}" if scored.unlike.flag else ""
        yield start_s, end_s, scored.prediction.proba, remark


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
    from core import registry
    from core.comparison import read
    from core.dataset import load_table
    from core.publish import publish as write
    from core.split import write_split
    from core.train import CHAMPION, run

    table = load_table(settings, allow_download=True)
    if table.synthetic:
        raise TableError(
            f"The published table is not at hand, and models are not trained on made-up clips. {table.note}"
        )
    settings.processed_dir.mkdir(parents=True, exist_ok=True)
    write_split(table, settings.processed_dir, seed=seed)
    found = run(table, seed=seed, quick=quick, progress=progress)
    folder = settings.data_dir / "runs" / found.created_at.replace(":", "")
    name = write(found, table, folder)
    version = registry.log_run(found, folder / "champion", settings=settings)
    if quick:
        return Trained(
            version,
            None,
            folder,
            f"{name} is version {version}, a challenger: quick runs are not promoted. {table.note}".strip(),
        )
    in_use = None
    if registry.find(registry.CHAMPION, settings=settings) is None and (settings.models_dir / "comparison").is_dir():
        in_use = read(settings.models_dir / "comparison").predictions(CHAMPION, held_out=True)
    verdict = registry.promote(version, settings=settings, against=in_use)
    if publish and verdict.passed:
        write(found, table, settings.models_dir)
    outcome = "is the champion now" if verdict.passed else "stays a challenger"
    summary = f"{name} (version {version}) {outcome}: {verdict.reason} {table.note}".strip()
    return Trained(version, verdict, folder, summary)
