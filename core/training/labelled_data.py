"""What people's answers teach: agreed labels beside the published rows, without leaks and without copies.

The held-out clips stay what they were, and nobody's clip joins them. A clip that is a copy of a published one adds
nothing; a copy of a held-out one would tell what the test asks, so it is left out. The mark of who measured a row, the
published MIRtoolbox or this program's extractor, travels with it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.audio.decoding import file_of
from core.components import connected_groups
from core.dataset.near_duplicates import clip_keys, duplicate_groups, unique_rows
from core.dataset.split import held_out
from core.dataset.table import Table, as_table
from core.features import EXTRACTOR
from core.file_names import ROWS
from core.labelling.agreement import current_answers
from core.labelling.truth import is_settled, raters_needed, stored_truth
from core.models.prediction import Model, probabilities
from core.models.reference import MOST_MISSING
from core.schema import COLUMNS, EMOTIONS, LABEL, MIRTOOLBOX, PROBA
from core.store import Store, clips_table, features_table

if TYPE_CHECKING:  # scikit-learn takes a second to import, and a page that counts labels has no need of it
    from core.training.folds import Clips

SAME_MUSIC = ("content_hash", "track_id")  # clips that share one of these are in one group


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The published rows and the agreed labels as one table.

    table : the published rows first, with their numbers, then the labels.
    rows : one line a distinct clip: row, y, group, held_out, clip_id (empty for published rows), extractor.
    left_out : clip_id, y, reason; agreed labels that train nothing.
    published : number of published rows.  published_hash : content hash of these.
    """

    table: Table
    rows: pd.DataFrame
    left_out: pd.DataFrame
    published: int
    published_hash: str

    @property
    def labelled(self) -> pd.DataFrame:
        """The lines of ``rows`` that people labelled."""
        return self.rows[self.rows["clip_id"] != ""]

    def clips(self) -> "Clips":
        """The distinct clips as a training run takes them. Raises TableError when an emotion has too few."""
        from core.training.folds import Clips, enough

        X = self.table.frame.loc[self.rows["row"], list(COLUMNS)]
        y = self.rows["y"].to_numpy(dtype=str)
        return enough(Clips(X, y, self.rows["group"].to_numpy(), self.rows["held_out"].to_numpy()))


def agreed_labels(truth: pd.DataFrame, clips: pd.DataFrame, features: pd.DataFrame, *, extractor: str) -> pd.DataFrame:
    """The clips with a ground truth, and all that is known of them, in the order of their ids.

    truth : from ``store.ground_truth``.  clips : from ``store.clips_table``.  features : from ``store.features_table``
    of this extractor. Columns: clip_id, y, votes, content_hash, track_id, origin, extractor, and the 50 features, NaN
    in all of them where the extractor has not measured the clip.
    """
    settled = truth[is_settled(truth) & truth["label"].isin(EMOTIONS)]
    known = clips.assign(track_id=_recordings(clips)).set_index("clip_id")[["content_hash", "track_id", "origin"]]
    table = settled[["label", "votes"]].rename(columns={"label": "y"}).join(known, how="inner").join(features)
    return table.assign(extractor=extractor).sort_index().rename_axis("clip_id").reset_index()


def _recordings(clips: pd.DataFrame) -> pd.Series:
    """What tells recordings apart: artist, title and source where they are known, else the track.

    A recording may be there twice, in two formats. Two recordings that are named alike count as one here: that costs
    little, while a clip in training whose recording is held out would make the model look better than it is.
    """
    if not {"artist", "title", "source"} <= set(clips.columns):
        return clips["track_id"]
    names = clips[["artist", "title", "source"]].astype(object).fillna("")
    named = names["artist"].ne("") & names["title"].ne("")
    return clips["track_id"].mask(named, names["artist"] + "\n" + names["title"] + "\n" + names["source"])


def training_data(published: Table, labels: pd.DataFrame) -> TrainingData:
    """Join the published rows and the agreed labels.

    labels : from ``agreed``. Left out of them, each with its reason: synthetic clips, clips that the extractor has not
    measured or in which it measured too little, copies of a published row, recordings of a held-out row, and copies of
    each other (the first stays where their labels agree, none where they differ).
    """
    reasons = _reasons(published, labels)
    used = labels[reasons == ""]
    frame = pd.concat([published.frame, used.rename(columns={"y": LABEL})[[LABEL, *COLUMNS]]], ignore_index=True)
    held = np.append(held_out(published.frame), np.zeros(len(used), dtype=bool))
    group = _groups(frame, published.frame, used)
    leaks = np.isin(group, group[held]) & ~held & (np.arange(len(frame)) >= len(published.frame))
    if leaks.any():
        at = np.flatnonzero(leaks) - len(published.frame)
        reasons.loc[used.index[at]] = "a recording of which a clip is held out"
        used = labels[reasons == ""]
        frame, group, held = frame[~leaks].reset_index(drop=True), group[~leaks], held[~leaks]
    origin = published.origin + (" and agreed labels" if len(used) else "")
    table = as_table(frame, origin=origin, synthetic=published.synthetic)
    rows = pd.DataFrame({"row": frame.index, "y": frame[LABEL].astype(str), "group": group, "held_out": held})
    rows["clip_id"] = [""] * len(published.frame) + used["clip_id"].tolist()
    rows["extractor"] = [MIRTOOLBOX] * len(published.frame) + used["extractor"].tolist()
    rows = rows[rows["row"].isin(unique_rows(frame).index)].reset_index(drop=True)
    left_out = labels.assign(reason=reasons).loc[reasons != "", ["clip_id", "y", "reason"]].reset_index(drop=True)
    return TrainingData(table, rows, left_out, len(published.frame), published.content_hash)


def _reasons(published: Table, labels: pd.DataFrame) -> pd.Series:
    """Why each label trains nothing; empty where it may."""
    if labels.empty:
        return pd.Series("", index=labels.index, dtype=object)
    known = labels[list(COLUMNS)].notna().sum(axis=1).to_numpy()
    keys = pd.Series(clip_keys(labels), index=labels.index)
    rows = dict(zip(clip_keys(published.frame)[::-1], published.frame.index[::-1], strict=True))  # the first of copies
    # The later of two reasons counts. Clips without features seem to be copies of each other, but are not judged yet.
    reasons = [
        (keys.duplicated().to_numpy(), "a copy of another labelled clip"),
        ((labels.groupby(keys)["y"].transform("nunique") > 1).to_numpy(), "copies of one clip with different labels"),
        *(
            (keys.eq(key).to_numpy(), f"a copy of row {rows[key]} of the published table")
            for key in set(keys) & set(rows)
        ),
        (known < len(COLUMNS) - MOST_MISSING, f"more than {MOST_MISSING} of its features could not be measured"),
        (known == 0, "not measured by the present extractor"),
        (labels["origin"].eq("demo").to_numpy(), "a synthetic clip"),
    ]
    why = np.full(len(labels), "", dtype=object)
    for these, reason in reasons:
        why[these] = reason
    return pd.Series(why, index=labels.index, dtype=object)


def _groups(frame: pd.DataFrame, published: pd.DataFrame, used: pd.DataFrame) -> np.ndarray:
    """Number of the recording of each row: copies share one, and so do clips of one file or one track.

    What are copies in the published table alone stays so: ranks, which say what is alike, move with every row.
    """
    group = duplicate_groups(frame)
    n, first = len(published), len(group)
    codes = [duplicate_groups(published)]
    codes += [pd.factorize(used[column].replace("", None))[0] for column in SAME_MUSIC]  # -1: not known
    ends = []
    for part, own in zip((group[:n], group[n:], group[n:]), codes, strict=True):
        ends.append(np.column_stack([part[own >= 0], first + own[own >= 0]]))
        first += int(own.max(initial=-1)) + 1
    pairs = np.concatenate(ends).astype(np.int64)
    component = connected_groups(pairs[:, 0], pairs[:, 1], first)
    return pd.factorize(component[group])[0].astype(np.int64)


@dataclass(frozen=True)
class NewLabels:
    """What a retraining would add to what a model was trained on.

    trained_on : clips of the model's training, held-out ones not counted.  known : labels that it was trained on.
    new : agreed labels of clips that it was not trained on.  changed : clips that it was trained on with another label.
    gone : clips that it was trained on and that have no label any more.
    """

    trained_on: int
    known: int
    new: int
    changed: int
    gone: int

    @property
    def share(self) -> float:
        """New and changed labels as a share of the clips trained on."""
        return (self.new + self.changed) / self.trained_on if self.trained_on else float("nan")


def count_new_labels(data: TrainingData, *, seen: Mapping[str, str], trained_on: int) -> NewLabels:
    """What is new to a model. seen : the labels in its training, by clip_id.  trained_on : see `News`."""
    labels = dict(zip(data.labelled["clip_id"], data.labelled["y"], strict=True))
    both = labels.keys() & seen.keys()
    changed = sum(labels[clip] != seen[clip] for clip in both)
    return NewLabels(
        trained_on, len(both) - changed, len(labels.keys() - both), changed, len(seen.keys() - labels.keys())
    )


def unseen(data: TrainingData, seen: Collection[str]) -> pd.DataFrame:
    """The labelled clips of recordings of which models have learned nothing: lines of ``data.labelled``.

    seen : ids of the labelled clips in their training. Left out are all clips of a recording of which one is among
    these, or is in the published table: a model that knows one of them is no stranger to the others.
    """
    files = {file_of(clip) for clip in seen}
    known = (data.rows["clip_id"] == "") | data.rows["clip_id"].map(file_of).isin(files)
    labelled = data.labelled
    return labelled[~labelled["group"].isin(set(data.rows.loc[known, "group"]))]


def labels_by_emotion(data: TrainingData) -> pd.DataFrame:
    """What would be trained on: one row an emotion: emotion, published, labelled, held_out (numbers of clips)."""
    rows, people = data.rows, data.rows["clip_id"] != ""
    parts = {"published": ~people & ~rows["held_out"], "labelled": people, "held_out": rows["held_out"]}
    counts = {name: rows[part].groupby("y").size().reindex(EMOTIONS, fill_value=0) for name, part in parts.items()}
    return pd.DataFrame(counts).rename_axis("emotion").reset_index()


def rater_against_truth(
    feedback: pd.DataFrame, truth: pd.DataFrame, each: pd.DataFrame, *, rater: str, verified: bool
) -> pd.DataFrame:
    """What became of one person's labels, the newest first.

    feedback : from ``store.feedback_table``.  truth : from ``store.ground_truth``.  each : what two models say of each
    labelled clip (`core.evaluation.before_after.label_changes`). Columns: clip_id, file_name, you, label (that counts,
    NaN = none),
    state: *in training* (then before, after, after_p and change are those of ``each``), *agreed* but not yet learned,
    *outvoted*, *disputed*, or *waiting* for more raters.
    """
    answers = current_answers(feedback[feedback["rater"].eq(rater) & feedback["verified"].eq(verified)])
    mine = answers[answers["kind"].eq("answer") & answers["label"].notna()]
    mine = mine.sort_values("feedback_id", ascending=False)[["clip_id", "file_name", "label"]]
    table = mine.rename(columns={"label": "you"}).merge(truth[["label", "status"]].reset_index(), on="clip_id")
    table = table.merge(each[["clip_id", "before", "after", "after_p", "change"]], on="clip_id", how="left")
    settled = is_settled(table)
    same = table["you"] == table["label"]
    table["state"] = np.select(
        [settled & same & table["change"].notna(), settled & same, settled, table["status"].eq("disputed")],
        ["in training", "agreed", "outvoted", "disputed"],
        "waiting",
    )
    return table.drop(columns="status").reset_index(drop=True)


def labels(store: Store) -> pd.DataFrame:
    """The clips with a ground truth; see `core.training.labelled_data.agreed_labels`."""
    truth = stored_truth(store, raters_needed=raters_needed(store))
    features = features_table(store, EXTRACTOR, clip_ids=truth.index.tolist())
    return agreed_labels(truth, clips_table(store), features, extractor=EXTRACTOR)


def trained_rows(folder: Path) -> pd.DataFrame:
    """What a model was trained on, row by row: row, y, group, held_out, clip_id, extractor; empty for a model of the
    published table alone, whose rows are those of the table."""
    path = folder / ROWS
    columns = ["row", "y", "group", "held_out", "clip_id", "extractor"]
    if not path.is_file():
        return pd.DataFrame(columns=columns)
    return pd.read_csv(path, keep_default_na=False, dtype={"clip_id": str})


def seen_clips(folder: Path) -> dict[str, str]:
    """The labels that a model was trained on, by clip_id."""
    rows = trained_rows(folder)
    rows = rows[rows["clip_id"] != ""]
    return dict(zip(rows["clip_id"], rows["y"], strict=True))


def predict_clips(rows: pd.DataFrame, model: Model, data: TrainingData) -> pd.DataFrame:
    """What a model says of rows of the training table: a table of predictions."""
    proba = probabilities(model, data.table.frame.loc[rows["row"], list(COLUMNS)]) if len(rows) else np.empty((0, 4))
    said = pd.DataFrame(proba, columns=list(PROBA), index=rows.index)
    return pd.concat([rows[["row", "y", "group"]], said], axis=1).reset_index(drop=True)
