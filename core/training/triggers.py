"""When a new training is worth proposing: enough new labels, a model that does worse than it expects, other music.

A trigger proposes and a person decides; a setting lets a scheduled run train, but never promote.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from core.errors import StoreError
from core.evaluation.drift import ALARM_SHARE, LEAST, Drift
from core.evaluation.metrics import as_arrays, divide
from core.schema import EMOTIONS
from core.training.labelled_data import NewLabels

SETTING = "learning"  # in the store
DRAWS = 2000
LEAST_LIMIT = 0.01
LEAST_LABELLED = 20  # clips; of fewer, F1 says nothing


@dataclass(frozen=True)
class Limits:
    """From when on a trigger rings. Raises StoreError for what is no share.

    new_labels : new labels as a share of the clips trained on.  f1_drop : of macro-F1 on feedback.
    drifted : share of the features.  scheduled : whether ``python -m core retrain --if-triggered`` may train.
    """

    new_labels: float = 0.10
    f1_drop: float = 0.05
    drifted: float = ALARM_SHARE
    scheduled: bool = False

    def __post_init__(self) -> None:
        for name in ("new_labels", "f1_drop", "drifted"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST_LIMIT <= value <= 1:
                raise StoreError(f"The limit {name} is a share from {LEAST_LIMIT} to 1, not {value!r}.")

    @classmethod
    def of(cls, kept: Mapping[str, Any] | None) -> "Limits":
        """The limits as they were kept; names of other versions of the program are left out."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in (kept or {}).items() if name in names})

    def changed(self, **given: float | bool) -> "Limits":
        """These limits with some of them set anew."""
        return replace(self, **given)  # type: ignore[arg-type]

    def kept(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Expectation:
    """How a model does on labelled clips that it was never trained on, beside what it expects by its own words.

    People are asked first about the clips of which a model is least sure, so its F1 on them is low without any fault.
    What a calibrated model expects is therefore computed from its own probabilities for these very clips.
    f1 : macro-F1 on them.  expected : its mean if the probabilities are true.  low : it would be lower in 2.5 % of
    cases.
    """

    clips: int
    f1: float
    expected: float
    low: float

    @property
    def drop(self) -> float:
        """How far below its expectation the model is."""
        return self.expected - self.f1


def expectation(predictions: pd.DataFrame, *, seed: int = 0) -> Expectation | None:
    """Compare a model's macro-F1 with what its probabilities promise; None with fewer than ``LEAST_LABELLED`` clips.

    predictions : a table of predictions of one repeat (see `core.evaluation.metrics`). Emotions that neither occur
    nor are guessed do not count.
    """
    if len(predictions) < LEAST_LABELLED:
        return None
    p = as_arrays(predictions)
    proba = p.proba[0]
    guess = proba.argmax(axis=1)
    rng = np.random.default_rng(seed)
    drawn = (rng.random((DRAWS, len(proba), 1)) > proba.cumsum(axis=1)[:, :-1]).sum(axis=2)
    simulated = np.array([_macro_f1(y, guess) for y in drawn])
    found = _macro_f1(p.y, guess)
    return Expectation(len(proba), found, float(simulated.mean()), float(np.quantile(simulated, 0.025)))


def _macro_f1(y: np.ndarray, guess: np.ndarray) -> float:
    counts = np.bincount(y * len(EMOTIONS) + guess, minlength=16).reshape(4, 4)
    support, called = counts.sum(axis=1), counts.sum(axis=0)
    f1 = divide(2 * np.diagonal(counts), called + support)
    return float(f1[(support + called) > 0].mean())


@dataclass(frozen=True)
class Trigger:
    """One reason to train again.

    value : NaN when it cannot be told yet.  limit : from which on it rings.  text : what was found, a sentence.
    """

    name: str
    label: str
    value: float
    limit: float
    rings: bool
    text: str


def due_triggers(
    limits: Limits,
    *,
    news: NewLabels,
    feedback: Expectation | None,
    labelled: int,
    drift: Drift | None,
    recordings: int,
) -> list[Trigger]:
    """The three triggers.

    news : of the labels.  feedback : None when too few of the ``labelled`` clips, never trained on, have a label.
    drift : None when there are too few ``recordings``.
    """
    return [_new_labels(limits, news), _feedback(limits, feedback, labelled), _drift(limits, drift, recordings)]


def _new_labels(limits: Limits, news: NewLabels) -> Trigger:
    wanted = int(np.ceil(limits.new_labels * news.trained_on - 1e-9))
    changed = f" and {news.changed} changed ones" if news.changed else ""
    text = (
        f"{news.new} new agreed labels{changed} of which the model in use has not learned; it was trained on "
        f"{news.trained_on} clips, and this rings at {wanted}."
    )
    return Trigger("new_labels", "New labels", news.share, limits.new_labels, news.share >= limits.new_labels, text)


def _feedback(limits: Limits, feedback: Expectation | None, labelled: int) -> Trigger:
    name, label = "feedback", "Macro-F1 on feedback"
    if feedback is None:
        text = f"{labelled} agreed labels of clips that the model was not trained on; {LEAST_LABELLED} are needed."
        return Trigger(name, label, np.nan, limits.f1_drop, False, text)
    large, sure = feedback.drop >= limits.f1_drop, feedback.f1 < feedback.low
    text = (
        f"{feedback.f1:.2f} on {feedback.clips} clips that it was not trained on; by its own probabilities it expects "
        f"{feedback.expected:.2f} there, and less than {feedback.low:.2f} only once in forty times."
    )
    if large and not sure:
        text += " So the drop may be chance."
    return Trigger(name, label, feedback.drop, limits.f1_drop, large and sure, text)


def _drift(limits: Limits, drift: Drift | None, recordings: int) -> Trigger:
    name, label = "drift", "Drift of the music"
    if drift is None:
        text = f"{recordings} recordings have been scored; {LEAST} are needed."
        return Trigger(name, label, np.nan, limits.drifted, False, text)
    count = int(drift.features["drifted"].sum())
    text = (
        f"{count} of {len(drift.features)} features differ from the training music in the newest {drift.clips} "
        f"recordings (Kolmogorov-Smirnov, at most one in twenty of them falsely)."
    )
    return Trigger(name, label, drift.share, limits.drifted, drift.share >= limits.drifted, text)
