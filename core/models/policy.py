"""The decision rule: accept a prediction, name the two best emotions, or ask for a review."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Literal

import numpy as np
import pandas as pd

from core.errors import ModelError
from core.models.kinds import PHRASES, Kind
from core.models.prediction import Prediction
from core.schema import EMOTIONS
from core.windows import LENGTH_S, PIECE_APART_S, PIECE_WINDOWS
from core.wording import percent, percent_limit, percents

WINDOW_COUNTS = (1, 3, 5, 7, 9)  # the middle window, and as many before it as after it
REASONS_SHOWN = 3  # reasons listed in the sentence why a clip is unlike the training music


@dataclass(frozen=True)
class Policy:
    """The rule that accepts one emotion, offers two, or asks for a review.

    Attributes
    ----------
    kind : ``"threshold"`` compares the probabilities with fixed thresholds. ``"conformal"`` makes a set of all
        emotions whose probability reaches the floor of the emotion.
    threshold : lowest probability at which one emotion is accepted.
    pair_threshold : lowest sum of the two best probabilities at which two emotions are offered.
    coverage : share of each emotion's clips whose set must contain the right emotion (conformal).
    thresholds : lowest probability at which each emotion is accepted, in the order of ``EMOTIONS``; empty when
        ``threshold`` holds for all emotions.
    floors : lowest probability that puts an emotion into the set, in the order of ``EMOTIONS`` (conformal);
        learned by ``conformal_policy``.
    windows : number of windows around the middle of a file whose mean probabilities decide; 1, 3, 5, 7 or 9.
    apart_s : seconds from the start of one window to the start of the next.
    """

    kind: Literal["threshold", "conformal"] = "threshold"
    threshold: float = 0.75
    pair_threshold: float = 0.75
    coverage: float = 0.90
    floors: tuple[float, ...] = field(default=())
    thresholds: tuple[float, ...] = field(default=())
    windows: int = PIECE_WINDOWS
    apart_s: float = PIECE_APART_S

    def __post_init__(self) -> None:
        if self.kind not in ("threshold", "conformal"):
            raise ModelError(f"The kind of a policy must be 'threshold' or 'conformal', not {self.kind!r}.")
        for name in ("threshold", "pair_threshold", "coverage"):
            if not 0 <= getattr(self, name) <= 1:
                raise ModelError(f"The policy's {name} must be between 0 and 1, not {getattr(self, name)}.")
        if self.kind == "conformal" and len(self.floors) != len(EMOTIONS):
            raise ModelError("A conformal policy needs one floor for each emotion. Make it with conformal_policy().")
        if self.windows not in WINDOW_COUNTS:
            raise ModelError(f"A policy asks 1, 3, 5, 7 or 9 windows of a file, not {self.windows}.")
        if not 0 < self.apart_s <= LENGTH_S:
            raise ModelError(f"The windows of a policy must start 0 to {LENGTH_S:g} s apart, not {self.apart_s} s.")
        if self.thresholds and len(self.thresholds) != len(EMOTIONS):
            raise ModelError("A policy by emotion needs one threshold for each of the four emotions.")
        if not all(0 <= t <= 1 for t in self.thresholds):
            raise ModelError(f"The thresholds of a policy must be between 0 and 1, not {self.thresholds}.")
        if not all(0 <= f <= 1 for f in self.floors):
            raise ModelError(f"The floors of a policy must be probabilities between 0 and 1, not {self.floors}.")

    def limit(self, emotion: str) -> float:
        """Lowest probability at which this emotion is accepted."""
        return self.thresholds[EMOTIONS.index(emotion)] if self.thresholds else self.threshold

    def to_json(self) -> str:
        """Policy as one line of JSON, as stored with each prediction.

        Empty thresholds are left out, and the windows when a policy asks one window, so that the text is the same as in
        version 0.2.
        """
        known = asdict(self)
        if not self.thresholds:
            del known["thresholds"]
        if self.windows == 1:
            del known["windows"], known["apart_s"]
        return json.dumps(known, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Policy":
        """Read a policy from the text of ``to_json``. Raises ModelError when the text is not a policy."""
        try:
            known = {"windows": 1, **json.loads(text)}
            lists = {name: tuple(known.get(name, ())) for name in ("floors", "thresholds")}
            return cls(**{**known, **lists})
        except (ValueError, TypeError, AttributeError) as error:
            raise ModelError(f"This text is not a stored decision policy: {text[:80]!r}.") from error


@dataclass(frozen=True)
class Decision:
    """The outcome of a policy for one clip.

    label : the accepted emotion, or None.
    candidates : ``(label,)`` when accepted, two emotions when a person must choose, empty when a person must listen.
    reason : a sentence that explains the decision.
    unlike : the kind (`core.models.kinds.Kind`) of a clip that is unlike the training music; empty for other clips.
    """

    label: str | None
    candidates: tuple[str, ...]
    reason: str
    unlike: str = ""

    def __post_init__(self) -> None:
        if self.label is not None and self.candidates != (self.label,):
            raise ModelError(
                f"An accepted decision must have its label as the only candidate, not {self.label}, {self.candidates}."
            )

    @property
    def action(self) -> Literal["accept", "choose", "review"]:
        """``accept`` one emotion, ``choose`` between two, or ``review`` by ear."""
        if self.label is not None:
            return "accept"
        return "choose" if self.candidates else "review"


def decide(prediction: Prediction, policy: Policy, *, unlike: Sequence[str] = (), kind: Kind = Kind.OTHER) -> Decision:
    """Apply a policy to a prediction: accept one emotion, offer two, or ask for a review.

    unlike : reasons why the clip is unlike the training music. Any reason forces a review, because the model's
        probabilities are not reliable for such clips.
    kind : what an unlike clip sounds like.
    """
    if unlike:
        more = f"; and {len(unlike) - REASONS_SHOWN} more" if len(unlike) > REASONS_SHOWN else ""
        named = [PHRASES[kind]] if kind in PHRASES else []
        why = "; ".join([*named, *unlike[:REASONS_SHOWN]]) + more
        return Decision(None, (), f"Needs review: the clip is unlike the training music ({why}).", kind)
    return _by_set(prediction, policy) if policy.kind == "conformal" else _by_threshold(prediction, policy)


def _by_threshold(prediction: Prediction, policy: Policy) -> Decision:
    first, second = prediction.ranked[:2]
    p, pair = prediction.confidence, prediction.proba[first] + prediction.proba[second]
    limit, shown = policy.limit(first), percents(prediction.proba)
    if p >= limit:
        return Decision(
            first,
            (first,),
            f"{first.capitalize()}: its probability is {percent(p)}, and {percent_limit(limit)} is enough.",
        )
    if pair >= policy.pair_threshold:
        return Decision(
            None,
            (first, second),
            f"{first.capitalize()} or {second}: {shown[first]} and {shown[second]}; "
            f"one answer needs {percent_limit(limit)}.",
        )
    return Decision(
        None,
        (),
        f"Needs review: even the two best, {first} and {second}, have only {percent(pair)} together, "
        f"and {percent_limit(policy.pair_threshold)} is needed.",
    )


def _by_set(prediction: Prediction, policy: Policy) -> Decision:
    floors = dict(zip(EMOTIONS, policy.floors, strict=True))
    emotions = tuple(e for e in prediction.ranked if prediction.proba[e] >= floors[e])
    level = f"a set that holds the right emotion for {percent_limit(policy.coverage)} of the clips of each emotion"
    if len(emotions) == 1:
        return Decision(emotions[0], emotions, f"{emotions[0].capitalize()}: the only emotion in {level}.")
    if len(emotions) == 2:
        return Decision(None, emotions, f"{emotions[0].capitalize()} or {emotions[1]}: both are in {level}.")
    what = f"{len(emotions)} emotions ({', '.join(emotions)}) are" if emotions else "no emotion is"
    return Decision(None, (), f"Needs review: {what} in {level}.")


def conformal_floors(labels: Sequence[str], proba: np.ndarray, *, coverage: float) -> tuple[float, ...]:
    """Lowest probability that puts each emotion into the set (class-conditional split conformal prediction).

    Of the n_k clips of an emotion, ceil((n_k + 1) coverage) have a probability of the right emotion at or above the
    floor. With too few clips the floor is 0: the emotion is always in the set. After Vovk (2012), "Conditional validity
    of inductive conformal predictors". MAPIE 1.6 has class-conditional sets only with an optimiser (cvxpy, torch) and
    its own model, so the function is written here; the tests compare it with MAPIE's "lac" score.

    Parameters
    ----------
    labels : shape (n,), the right emotions.
    proba : shape (n, 4), held-out or out-of-fold probabilities in the order of ``EMOTIONS``.
    coverage : in (0, 1).
    """
    right, floors = np.asarray(labels), []
    for k, emotion in enumerate(EMOTIONS):
        p = np.sort(proba[right == emotion, k])[::-1]
        wanted = ceil((len(p) + 1) * coverage - 1e-9)  # 1e-9: 0.9 * 10 is 9.000000000000002 in binary
        floors.append(float(p[wanted - 1]) if wanted <= len(p) else 0.0)
    return tuple(floors)


def conformal_policy(out_of_fold: pd.DataFrame, labels: pd.Series, *, coverage: float = 0.90) -> Policy:
    """Learn a conformal policy from out-of-fold predictions. The floors are means over the repeats.

    Parameters
    ----------
    out_of_fold : columns row, repeat, p_angry, p_happy, p_relax, p_sad.
    labels : emotion of each clip, index row.
    """
    columns = [f"p_{e}" for e in EMOTIONS]
    floors = [
        conformal_floors(labels.loc[part["row"]].tolist(), part[columns].to_numpy(), coverage=coverage)
        for _, part in out_of_fold.groupby("repeat")
    ]
    return Policy(kind="conformal", coverage=coverage, floors=tuple(map(float, np.mean(floors, axis=0))))
