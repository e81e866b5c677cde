"""How things stand between the model in use and what people said since: read from the store, told as triggers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core import learning, registry
from core import store as db
from core.dataset import Table
from core.drift import LEAST, Drift, drift
from core.errors import ModelError
from core.evaluate import PROBA
from core.features import EXTRACTOR
from core.file_names import ROWS
from core.in_use import InUse, in_use, read
from core.inference import Model, probabilities
from core.labelling.truth import stored_truth
from core.learning import News, TrainingData
from core.pipeline import Served
from core.queueing import raters_needed
from core.schema import COLUMNS
from core.settings import Settings
from core.store import Store
from core.triggers import SETTING, Limits, Trigger, expectation, triggers

LEARNED_HASH = "learned_hash"  # in the store: content hash of what was trained on last
RECENT = 200  # newest recordings in which drift is looked for


def labels(store: Store) -> pd.DataFrame:
    """The clips with a ground truth; see `core.learning.agreed`."""
    truth = stored_truth(store, raters_needed=raters_needed(store))
    features = db.features_table(store, EXTRACTOR, clip_ids=truth.index.tolist())
    return learning.agreed(truth, db.clips_table(store), features, extractor=EXTRACTOR)


def trained_rows(folder: Path) -> pd.DataFrame:
    """What a model was trained on, row by row: row, y, group, held_out, clip_id, extractor; empty for a model of the
    published table alone, whose rows are those of the table."""
    path = folder / ROWS
    columns = ["row", "y", "group", "held_out", "clip_id", "extractor"]
    if not path.is_file():
        return pd.DataFrame(columns=columns)
    return pd.read_csv(path, keep_default_na=False, dtype={"clip_id": str})


def seen(folder: Path) -> dict[str, str]:
    """The labels that a model was trained on, by clip_id."""
    rows = trained_rows(folder)
    rows = rows[rows["clip_id"] != ""]
    return dict(zip(rows["clip_id"], rows["y"], strict=True))


def described(alias: str, *, settings: Settings) -> InUse | None:
    """The model under an alias as its folder describes it; None when there is none."""
    if alias == registry.CHAMPION:
        try:
            return in_use(settings)
        except ModelError:
            return None
    found = registry.find(alias, settings=settings)
    return None if found is None else read(found.folder, f"registry ({alias}, version {found.version})")


@dataclass(frozen=True, eq=False)
class Standing:
    """How things stand between a model and the labels.

    data : what a training would take now.  news : of it, for the model in use.  waits : version of a challenger that
    nobody has decided about.  drift : of the newest recordings; None when they are too few.  triggers : with the limits
    of this installation; labels that the challenger has learned ring no bell again.  learned : the last training was on
    just this data; another one would find the same.
    """

    data: TrainingData
    news: News
    waits: str
    drift: Drift | None
    limits: Limits
    triggers: tuple[Trigger, ...]
    learned: bool

    @property
    def proposed(self) -> bool:
        """A trigger rings, and there is something to learn since the last training."""
        return any(t.rings for t in self.triggers) and not self.learned


def standing(store: Store, settings: Settings, published: Table, served: Served) -> Standing:
    """Labels, triggers and drift as they are now. served : the champion.  published : the published table."""
    data = learning.training_data(published, labels(store))
    champion, limits = in_use(settings), limits_of(store)
    challenger = described(registry.CHALLENGER, settings=settings)
    news = _news(data, champion)
    fresh = learning.unseen(data, seen(champion.folder))
    feedback = expectation(asked(fresh, served.model, data)) if len(fresh) else None
    recent = newest_recordings(store)
    found = drift(recent, served.reference) if len(recent) >= LEAST else None
    rung = triggers(
        limits,
        news=_news(data, challenger) if challenger else news,
        feedback=feedback,
        labelled=len(fresh),
        drift=found,
        recordings=len(recent),
    )
    learned = db.get_setting(store, LEARNED_HASH) == data.table.content_hash
    waits = challenger.version if challenger else ""
    return Standing(data, news, waits, found, limits, tuple(rung), learned)


def _news(data: TrainingData, model: InUse) -> News:
    return learning.news(data, seen=seen(model.folder), trained_on=int(model.metrics["protocol"]["development"]))


def proof(store: Store, data: TrainingData, models: Sequence[InUse], *, since: pd.Timestamp) -> pd.Series:
    """The labelled clips that may tell two models apart: clip_id -> number of its recording.

    models : the two. What they have learned of proves nothing about them.  since : when the second one began to be
    asked. Until then people were asked first where the first one was least sure: on these clips it looks worse than
    it is. From then on the queue begins with a random part of the clips on which the two differ.
    """
    known = set().union(*(seen(model.folder) for model in models))
    fresh = learning.unseen(data, known)
    said = db.feedback_table(store)
    early = set(said.loc[said["kind"].ne("undo") & (said["created_at"] < since), "clip_id"])
    return fresh[~fresh["clip_id"].isin(early)].set_index("clip_id")["group"]


def asked(rows: pd.DataFrame, model: Model, data: TrainingData) -> pd.DataFrame:
    """What a model says of rows of the training table: a table of predictions."""
    proba = probabilities(model, data.table.frame.loc[rows["row"], list(COLUMNS)]) if len(rows) else np.empty((0, 4))
    said = pd.DataFrame(proba, columns=list(PROBA), index=rows.index)
    return pd.concat([rows[["row", "y", "group"]], said], axis=1).reset_index(drop=True)


def newest_recordings(store: Store, *, limit: int = RECENT) -> pd.DataFrame:
    """Features of the newest recordings, one clip each; synthetic clips are left out."""
    clips = db.clips_table(store)
    clips = clips[clips["origin"] != "demo"].sort_values("created_at", kind="stable")
    clips = clips.assign(track_id=clips["track_id"].fillna(clips["content_hash"]))
    one_each = clips.drop_duplicates("content_hash", keep="last").drop_duplicates("track_id", keep="last")
    return db.features_table(store, EXTRACTOR, clip_ids=one_each["clip_id"].tail(limit).tolist())


def limits_of(store: Store) -> Limits:
    """The limits of the triggers in this installation."""
    return Limits.of(db.get_setting(store, SETTING))


def set_limits(store: Store, limits: Limits) -> None:
    """Keep limits for all who use this installation."""
    db.set_setting(store, SETTING, limits.kept())
