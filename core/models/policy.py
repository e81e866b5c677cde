"""The decision rule: accept a prediction, name the two best emotions, or ask for a review."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Literal

import numpy as np
import pandas as pd

from core.errors import ModelError
from core.models.prediction import Prediction
from core.schema import EMOTIONS
from core.wording import percent, percent_limit

REASONS_SHOWN = 3  # of those why a clip is unlike the training music


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
