"""Triggers that propose a training: enough new labels, macro-F1 below its expected value, drift of the music.

A person decides whether to train. A setting allows a scheduled run to train, but never to promote.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from core.errors import StoreError
from core.evaluation.drift import ALARM_SHARE, LEAST, Drift
from core.evaluation.expectation import LEAST_LABELLED, Expectation
from core.training.labelled_data import NewLabels
from core.wording import counted

SETTING = "learning"  # key in the store
LEAST_LIMIT = 0.01


@dataclass(frozen=True)
class Limits:
    """Limits of the triggers. Raises StoreError when a limit is not a share.

    Attributes
    ----------
    new_labels : new labels as a share of the training clips.
    f1_drop : drop of macro-F1 on feedback below its expected value.
    drifted : share of the features that drifted.
    scheduled : True if ``python -m core retrain --if-triggered`` may train.
    """

    new_labels: float = 0.10
    f1_drop: float = 0.05
    drifted: float = ALARM_SHARE
    scheduled: bool = False

    def __post_init__(self) -> None:
        for name in ("new_labels", "f1_drop", "drifted"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST_LIMIT <= value <= 1:
                raise StoreError(f"The limit {name} must be a share from {LEAST_LIMIT} to 1, not {value!r}.")

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> "Limits":
        """Read stored limits; ignore unknown names from other versions of the program."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in (stored or {}).items() if name in names})

    def changed(self, **given: float | bool) -> "Limits":
        """Copy of the limits with the given values replaced."""
        return replace(self, **given)  # type: ignore[arg-type]

    def to_json(self) -> dict[str, Any]:
        """The limits as a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Trigger:
    """One reason to train again.

    Attributes
    ----------
    value : measured value; NaN if there are too few data.
    limit : value from which a training is due.
    due : True if the value has reached the limit.
    text : the measurement in a sentence.
    """

    name: str
    label: str
    value: float
    limit: float
    due: bool
    text: str


def check_triggers(
    limits: Limits,
    *,
    new_labels: NewLabels,
    feedback: Expectation | None,
    labelled: int,
    drift: Drift | None,
    recordings: int,
) -> list[Trigger]:
    """Evaluate the three triggers.

    Parameters
    ----------
    feedback : macro-F1 on new labelled clips; None if there are too few.
    labelled : number of labelled clips outside the model's training.
    drift : drift of the newest recordings; None if there are too few.
    recordings : number of scored files with different content.
    """
    return [_new_labels(limits, new_labels), _feedback(limits, feedback, labelled), _drift(limits, drift, recordings)]


def _new_labels(limits: Limits, labels: NewLabels) -> Trigger:
    needed = int(np.ceil(limits.new_labels * labels.trained_on - 1e-9))
    changed = f" and {labels.changed} changed labels" if labels.changed else ""
    text = (
        f"{labels.new} new agreed labels{changed} since the training of the champion, which used {labels.trained_on} "
        f"clips. The limit is {needed} labels."
    )
    return Trigger("new_labels", "New labels", labels.share, limits.new_labels, labels.share >= limits.new_labels, text)


def _feedback(limits: Limits, feedback: Expectation | None, labelled: int) -> Trigger:
    name, label = "feedback", "Macro-F1 on feedback"
    if feedback is None:
        text = f"{labelled} agreed labels of clips outside the model's training; at least {LEAST_LABELLED} are needed."
        return Trigger(name, label, np.nan, limits.f1_drop, False, text)
    large, sure = feedback.drop >= limits.f1_drop, feedback.f1 < feedback.low
    text = (
        f"Macro-F1 is {feedback.f1:.2f} on {feedback.clips} clips outside the model's training. The model's own "
        f"probabilities predict {feedback.expected:.2f}, and a value below {feedback.low:.2f} in 2.5 % of cases."
    )
    if large and not sure:
        text += " The drop may be due to chance."
    return Trigger(name, label, feedback.drop, limits.f1_drop, large and sure, text)


def _drift(limits: Limits, drift: Drift | None, recordings: int) -> Trigger:
    name, label = "drift", "Drift of the music"
    if drift is None:
        text = (
            f"{counted(recordings, 'file')} with different content scored; at least {LEAST} are needed. A copy in "
            "another format counts as a file of its own, and synthetic files do not count."
        )
        return Trigger(name, label, np.nan, limits.drifted, False, text)
    count = int(drift.features["drifted"].sum())
    text = (
        f"{count} of {len(drift.features)} features differ from the training music in the newest {drift.clips} "
        f"files (Kolmogorov-Smirnov test, false discovery rate 5 %)."
    )
    return Trigger(name, label, drift.share, limits.drifted, drift.share >= limits.drifted, text)
