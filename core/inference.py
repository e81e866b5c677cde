"""From a feature vector to probabilities, and from probabilities to a decision.

A prediction belongs to the model; a decision belongs to us. The policy between them is a small value that is stored
with each prediction, so that it can change without retraining and old decisions can still be explained.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import ceil, isfinite
from typing import Any, Literal

import numpy as np
import pandas as pd

from core.errors import ModelError
from core.schema import COLUMNS, EMOTIONS, MIRTOOLBOX, FeatureVector
from core.wording import percent, percent_limit

REASONS_SHOWN = 3  # of those why a clip is unlike the training music
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


@dataclass(frozen=True)
class Policy:
    """When an answer is given, when two are offered, and when a person has to decide.

    kind : ``"threshold"`` looks at the probabilities themselves; ``"conformal"`` keeps every emotion whose probability
        reaches the emotion's floor, so that the right one is kept in the share ``coverage`` of each emotion's clips.
    threshold : probability from which one emotion is accepted.
    pair_threshold : sum of the two best from which these two are offered.
    coverage : share of each emotion's clips whose right emotion the set must hold (conformal).
    floors : lowest probability that puts an emotion into the set, in the order of ``EMOTIONS`` (conformal);
        learned by ``conformal_policy``.
    """

    kind: Literal["threshold", "conformal"] = "threshold"
    threshold: float = 0.75
    pair_threshold: float = 0.75
    coverage: float = 0.90
    floors: tuple[float, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.kind not in ("threshold", "conformal"):
            raise ModelError(f"A policy is 'threshold' or 'conformal', not {self.kind!r}.")
        for name in ("threshold", "pair_threshold", "coverage"):
            if not 0 <= getattr(self, name) <= 1:
                raise ModelError(f"The policy's {name} is a share between 0 and 1, not {getattr(self, name)}.")
        if self.kind == "conformal" and len(self.floors) != len(EMOTIONS):
            raise ModelError("A conformal policy needs one learned floor an emotion: make it with conformal_policy().")
        if not all(0 <= f <= 1 for f in self.floors):
            raise ModelError(f"The floors of a policy are probabilities, not {self.floors}.")

    def to_json(self) -> str:
        """The policy as one line of JSON, stored with each prediction."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Policy":
        """The policy that ``to_json`` wrote. Raises ModelError when the text is no policy."""
        try:
            known = json.loads(text)
            return cls(**{**known, "floors": tuple(known.get("floors", ()))})
        except (ValueError, TypeError, AttributeError) as error:
            raise ModelError(f"This is no stored decision policy: {text[:80]!r}.") from error


@dataclass(frozen=True)
class Decision:
    """What is shown to a person.

    label : the accepted emotion; None = not sure.
    candidates : ``(label,)`` when accepted, two emotions to choose from, or empty when a person has to listen.
    reason : why, as a sentence.
    """

    label: str | None
    candidates: tuple[str, ...]
    reason: str

    def __post_init__(self) -> None:
        if self.label is not None and self.candidates != (self.label,):
            raise ModelError(f"An accepted decision has one candidate, its label; got {self.label}, {self.candidates}.")

    @property
    def action(self) -> Literal["accept", "choose", "review"]:
        """``accept`` one emotion, ``choose`` between two, or ``review`` by ear."""
        if self.label is not None:
            return "accept"
        return "choose" if self.candidates else "review"


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


def decide(prediction: Prediction, policy: Policy, *, unlike: Sequence[str] = ()) -> Decision:
    """What to do with a prediction: accept one emotion, offer two, or ask for review.

    unlike : reasons why the clip is unlike the training music; any of them forces review, because the model's
        probabilities mean nothing there.
    """
    if unlike:
        more = f"; and {len(unlike) - REASONS_SHOWN} more" if len(unlike) > REASONS_SHOWN else ""
        why = "; ".join(unlike[:REASONS_SHOWN]) + more
        return Decision(None, (), f"Needs review: the clip is unlike the training music ({why}).")
    return _by_set(prediction, policy) if policy.kind == "conformal" else _by_threshold(prediction, policy)


def _by_threshold(prediction: Prediction, policy: Policy) -> Decision:
    first, second = prediction.ranked[:2]
    p, pair = prediction.confidence, prediction.proba[first] + prediction.proba[second]
    if p >= policy.threshold:
        return Decision(
            first,
            (first,),
            f"{first.capitalize()}: its probability is {percent(p)}, and {percent_limit(policy.threshold)} is enough.",
        )
    if pair >= policy.pair_threshold:
        return Decision(
            None,
            (first, second),
            f"{first.capitalize()} or {second}: {percent(p)} and {percent(pair - p)}; "
            f"one answer needs {percent_limit(policy.threshold)}.",
        )
    return Decision(
        None,
        (),
        f"Needs review: even the two best, {first} and {second}, have only {percent(pair)} together, "
        f"and {percent_limit(policy.pair_threshold)} is needed.",
    )


def _by_set(prediction: Prediction, policy: Policy) -> Decision:
    floors = dict(zip(EMOTIONS, policy.floors, strict=True))
    kept = tuple(e for e in prediction.ranked if prediction.proba[e] >= floors[e])
    level = f"a set that holds the right emotion for {percent_limit(policy.coverage)} of the clips of each emotion"
    if len(kept) == 1:
        return Decision(kept[0], kept, f"{kept[0].capitalize()}: the only emotion in {level}.")
    if len(kept) == 2:
        return Decision(None, kept, f"{kept[0].capitalize()} or {kept[1]}: both are in {level}.")
    what = f"{len(kept)} emotions ({', '.join(kept)}) are" if kept else "no emotion is"
    return Decision(None, (), f"Needs review: {what} in {level}.")


def conformal_floors(labels: Sequence[str], proba: np.ndarray, *, coverage: float) -> tuple[float, ...]:
    """Lowest probability with which each emotion belongs in the set (class-conditional split conformal).

    labels : shape (n,), the right emotions.  proba : shape (n, 4), order of ``EMOTIONS``, from models that never saw
    the row. coverage : in (0, 1).
    Among the n_k clips of an emotion, the probability of the right answer is at least the floor in
    ceil((n_k + 1) coverage) of them; too few clips for that give 0, the whole set. After Vovk (2012), "Conditional
    validity of inductive conformal predictors". Written here because MAPIE 1.6 offers class-conditional sets only
    through an optimiser (cvxpy, torch) for a model of its own; the tests hold it against MAPIE's "lac" score.
    """
    right, floors = np.asarray(labels), []
    for k, emotion in enumerate(EMOTIONS):
        p = np.sort(proba[right == emotion, k])[::-1]
        wanted = ceil((len(p) + 1) * coverage - 1e-9)  # 1e-9: 0.9 * 10 is 9.000000000000002 in binary
        floors.append(float(p[wanted - 1]) if wanted <= len(p) else 0.0)
    return tuple(floors)


def conformal_policy(out_of_fold: pd.DataFrame, labels: pd.Series, *, coverage: float = 0.90) -> Policy:
    """Conformal policy learned from out-of-fold predictions; the floors are averaged over the repeats.

    out_of_fold : columns row, repeat, p_angry, p_happy, p_relax, p_sad.  labels : emotion, indexed by row.
    """
    columns = [f"p_{e}" for e in EMOTIONS]
    floors = [
        conformal_floors(labels.loc[part["row"]].tolist(), part[columns].to_numpy(), coverage=coverage)
        for _, part in out_of_fold.groupby("repeat")
    ]
    return Policy(kind="conformal", coverage=coverage, floors=tuple(map(float, np.mean(floors, axis=0))))
