"""Training status: new labels since the champion's training, drift, triggers, and the pending challenger."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from core import file_names
from core.dataset.table import Table
from core.evaluation.drift import LEAST, Drift, feature_drift
from core.evaluation.expectation import expectation
from core.features import EXTRACTOR
from core.models.description import ModelDescription, describe_alias, describe_model_in_use
from core.pipeline.serving import Served
from core.settings import Settings
from core.store import (
    Store,
    answered_before,
    features_table,
    get_setting,
    newest_recordings,
    set_setting,
)
from core.training import labelled_data
from core.training.labelled_data import NewLabels, TrainingData, predict_clips, seen_clips
from core.training.triggers import SETTING, Limits, Trigger, check_triggers

LEARNED_HASH = "learned_hash"  # setting in the store: content hash of the last training table
RECENT = 200  # newest recordings that are tested for drift


@dataclass(frozen=True, eq=False)
class TrainingStatus:
    """Whether a training is due, and why.

    Attributes
    ----------
    data : training data for a training that would start now.
    new_labels : labels that are new to the champion.
    pending_challenger : version of the challenger that was neither promoted nor discarded; empty if there is none.
    drift : drift of the newest recordings; None if there are too few recordings.
    triggers : the triggers with this installation's limits; labels in the challenger's training do not count again.
    already_trained : the last training used exactly this data, so another training would give the same model.
    """

    data: TrainingData
    new_labels: NewLabels
    pending_challenger: str
    drift: Drift | None
    limits: Limits
    triggers: tuple[Trigger, ...]
    already_trained: bool

    @property
    def training_due(self) -> bool:
        """True if a trigger has reached its limit and the data have changed since the last training."""
        return any(t.due for t in self.triggers) and not self.already_trained


def training_status(store: Store, settings: Settings, published: Table, served: Served) -> TrainingStatus:
    """Current labels, triggers and drift.

    Parameters
    ----------
    published : the published table.
    served : the champion.
    """
    data = labelled_data.current_data(store, published)
    champion, limits = describe_model_in_use(settings), limits_of(store)
    challenger = describe_alias(file_names.CHALLENGER, settings=settings)
    new_labels = _new_labels(data, champion)
    fresh = labelled_data.unseen(data, seen_clips(champion.folder))
    feedback = expectation(predict_clips(fresh, served.model, data)) if len(fresh) else None
    recent = features_of_newest(store)
    drift = feature_drift(recent, served.reference) if len(recent) >= LEAST else None
    triggers = check_triggers(
        limits,
        new_labels=_new_labels(data, challenger) if challenger else new_labels,
        feedback=feedback,
        labelled=len(fresh),
        drift=drift,
        recordings=len(recent),
    )
    already_trained = get_setting(store, LEARNED_HASH) == data.table.content_hash
    pending = challenger.version if challenger else ""
    return TrainingStatus(data, new_labels, pending, drift, limits, tuple(triggers), already_trained)


def _new_labels(data: TrainingData, model: ModelDescription) -> NewLabels:
    return labelled_data.count_new_labels(
        data, seen=seen_clips(model.folder), trained_on=int(model.metrics["protocol"]["development"])
    )


def test_clips(
    store: Store, data: TrainingData, models: Sequence[ModelDescription], *, since: pd.Timestamp | None
) -> pd.Series:
    """Labelled clips for a fair comparison of two models: number of the recording by clip_id.

    Clips in either model's training set are left out. Clips labelled before `since` are left out too: the queue then
    favoured clips on which the champion was unsure, which biases against it. After `since` the queue starts with a
    random sample of the clips on which the models disagree.

    Parameters
    ----------
    models : champion and challenger.
    since : time when the challenger was registered; None: no clip was labelled before.
    """
    known = set().union(*(seen_clips(model.folder) for model in models))
    fresh = labelled_data.unseen(data, known)
    early = data.same.members(answered_before(store, since))
    return fresh[~fresh["clip_id"].isin(early)].set_index("clip_id")["group"]


def features_of_newest(store: Store, *, limit: int = RECENT) -> pd.DataFrame:
    """Features of one clip of each of the newest recordings, without synthetic clips."""
    return features_table(store, EXTRACTOR, clip_ids=newest_recordings(store, limit=limit))


def limits_of(store: Store) -> Limits:
    """Trigger limits of this installation."""
    return Limits.from_json(get_setting(store, SETTING))


def set_limits(store: Store, limits: Limits) -> None:
    """Store the trigger limits of this installation."""
    set_setting(store, SETTING, limits.to_json())
