"""How things stand between the model in use and what people said since: read from the store, told as triggers."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from core import file_names
from core.dataset.table import Table
from core.evaluation.drift import LEAST, Drift, feature_drift
from core.features import EXTRACTOR
from core.models.description import ModelDescription, describe_alias, describe_model_in_use
from core.pipeline.serving import Served
from core.settings import Settings
from core.store import Store, clips_table, features_table, feedback_table, get_setting, set_setting
from core.training import labelled_data
from core.training.labelled_data import NewLabels, TrainingData, labels, predict_clips, seen_clips
from core.training.triggers import SETTING, Limits, Trigger, due_triggers, expectation

LEARNED_HASH = "learned_hash"  # in the store: content hash of what was trained on last
RECENT = 200  # newest recordings in which drift is looked for


@dataclass(frozen=True, eq=False)
class Standing:
    """How things stand between a model and the labels.

    data : what a training would take now.  news : of it, for the model in use.  waits : version of a challenger that
    nobody has decided about.  drift : of the newest recordings; None when they are too few.  triggers : with the limits
    of this installation; labels that the challenger has learned ring no bell again.  learned : the last training was on
    just this data; another one would find the same.
    """

    data: TrainingData
    news: NewLabels
    waits: str
    drift: Drift | None
    limits: Limits
    triggers: tuple[Trigger, ...]
    learned: bool

    @property
    def proposed(self) -> bool:
        """A trigger rings, and there is something to learn since the last training."""
        return any(t.rings for t in self.triggers) and not self.learned


def training_status(store: Store, settings: Settings, published: Table, served: Served) -> Standing:
    """Labels, triggers and drift as they are now. served : the champion.  published : the published table."""
    data = labelled_data.training_data(published, labels(store))
    champion, limits = describe_model_in_use(settings), limits_of(store)
    challenger = describe_alias(file_names.CHALLENGER, settings=settings)
    news = _news(data, champion)
    fresh = labelled_data.unseen(data, seen_clips(champion.folder))
    feedback = expectation(predict_clips(fresh, served.model, data)) if len(fresh) else None
    recent = newest_recordings(store)
    found = feature_drift(recent, served.reference) if len(recent) >= LEAST else None
    rung = due_triggers(
        limits,
        news=_news(data, challenger) if challenger else news,
        feedback=feedback,
        labelled=len(fresh),
        drift=found,
        recordings=len(recent),
    )
    learned = get_setting(store, LEARNED_HASH) == data.table.content_hash
    waits = challenger.version if challenger else ""
    return Standing(data, news, waits, found, limits, tuple(rung), learned)


def _news(data: TrainingData, model: ModelDescription) -> NewLabels:
    return labelled_data.count_new_labels(
        data, seen=seen_clips(model.folder), trained_on=int(model.metrics["protocol"]["development"])
    )


def test_clips(
    store: Store, data: TrainingData, models: Sequence[ModelDescription], *, since: pd.Timestamp
) -> pd.Series:
    """The labelled clips that may tell two models apart: clip_id -> number of its recording.

    models : the two. What they have learned of proves nothing about them.  since : when the second one began to be
    asked. Until then people were asked first where the first one was least sure: on these clips it looks worse than
    it is. From then on the queue begins with a random part of the clips on which the two differ.
    """
    known = set().union(*(seen_clips(model.folder) for model in models))
    fresh = labelled_data.unseen(data, known)
    said = feedback_table(store)
    early = set(said.loc[said["kind"].ne("undo") & (said["created_at"] < since), "clip_id"])
    return fresh[~fresh["clip_id"].isin(early)].set_index("clip_id")["group"]


def newest_recordings(store: Store, *, limit: int = RECENT) -> pd.DataFrame:
    """Features of the newest recordings, one clip each; synthetic clips are left out."""
    clips = clips_table(store)
    clips = clips[clips["origin"] != "demo"].sort_values("created_at", kind="stable")
    clips = clips.assign(track_id=clips["track_id"].fillna(clips["content_hash"]))
    one_each = clips.drop_duplicates("content_hash", keep="last").drop_duplicates("track_id", keep="last")
    return features_table(store, EXTRACTOR, clip_ids=one_each["clip_id"].tail(limit).tolist())


def limits_of(store: Store) -> Limits:
    """The limits of the triggers in this installation."""
    return Limits.of(get_setting(store, SETTING))


def set_limits(store: Store, limits: Limits) -> None:
    """Keep limits for all who use this installation."""
    set_setting(store, SETTING, limits.kept())
