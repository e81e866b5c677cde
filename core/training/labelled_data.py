"""Join agreed labels and published rows into one training table, without duplicates and without leakage.

The held-out part contains published clips only and never changes. A copy of a published clip adds no information, and
a copy of a held-out clip would leak the test data into the training, so both are excluded. Each row records its
extractor: MIRtoolbox for published rows, this program's extractor for labelled clips.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.access import Action, requires
from core.audio.decoding import file_of
from core.components import connected_groups
from core.dataset.near_duplicates import clip_keys, duplicate_groups, unique_rows
from core.dataset.split import held_out
from core.dataset.table import Table, as_table
from core.features import EXTRACTOR
from core.file_names import ROWS
from core.labelling.agreement import current_answers, of_music
from core.labelling.truth import is_settled, raters_needed, stored_truth
from core.models.prediction import Model, probabilities
from core.models.reference import MOST_MISSING
from core.same_recording import SameRecordings
from core.schema import COLUMNS, EMOTIONS, LABEL, MIRTOOLBOX, PROBA, SYNTHETIC
from core.store import (
    Store,
    answers_table,
    check_own,
    clip_names,
    clips_table,
    features_table,
    labels_cache_key,
    library_state,
    remembered,
    same_recordings,
)

if TYPE_CHECKING:  # scikit-learn takes a second to import, and a page that only counts labels does not need it
    from core.training.folds import Clips

LABELS_FILE = "labels.csv"  # name of the agreed labels among the inputs of a training
OF_A_TABLE = "@table"  # end of the clip_id of a row that comes from a table and not from the store
SAME_MUSIC = ("content_hash", "track_id", "recording")  # clips that share one of these are in one group


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The published rows and the agreed labels as one table.

    Attributes
    ----------
    table : the published rows with their row numbers, then the labelled clips.
    rows : one row per distinct clip: row, y, group, held_out, clip_id (empty for published rows), extractor.
    left_out : agreed labels that are excluded from the training: clip_id, y, reason.
    published : number of published rows.
    published_hash : content hash of the published rows.
    same : files that are one recording.
    """

    table: Table
    rows: pd.DataFrame
    left_out: pd.DataFrame
    published: int
    published_hash: str
    same: SameRecordings = SameRecordings()

    @property
    def labelled(self) -> pd.DataFrame:
        """Rows of the clips that people labelled."""
        return self.rows[self.rows["clip_id"] != ""]

    def clips(self) -> "Clips":
        """Distinct clips for a training run. Raises TableError when an emotion has too few training clips."""
        from core.training.folds import Clips, check_enough_clips

        X = self.table.frame.loc[self.rows["row"], list(COLUMNS)]
        y = self.rows["y"].to_numpy(dtype=str)
        return check_enough_clips(Clips(X, y, self.rows["group"].to_numpy(), self.rows["held_out"].to_numpy()))


def agreed_labels(
    truth: pd.DataFrame,
    clips: pd.DataFrame,
    features: pd.DataFrame,
    *,
    extractor: str,
    same: SameRecordings = SameRecordings(),
) -> pd.DataFrame:
    """Clips with a ground truth, their labels and their features, sorted by clip_id.

    Parameters
    ----------
    truth : from ``agreement.ground_truth``.
    clips : from ``store.clips_table``.
    features : from ``store.features_table``, measured by this extractor.
    same : files that are one recording.

    Returns
    -------
    Columns: clip_id, y, votes, content_hash, track_id, origin, recording, extractor, and the 50 features. All
    features are NaN when the extractor has not measured the clip.
    """
    settled = truth[is_settled(truth) & truth["label"].isin(EMOTIONS)]
    known = clips.assign(track_id=_recordings(clips)).set_index("clip_id")[["content_hash", "track_id", "origin"]]
    table = settled[["label", "votes"]].rename(columns={"label": "y"}).join(known, how="inner").join(features)
    table["recording"] = [same.name(str(content)) for content in table["content_hash"]]
    return table.assign(extractor=extractor).sort_index().rename_axis("clip_id").reset_index()


def _recordings(clips: pd.DataFrame) -> pd.Series:
    """Identifier of each clip's recording: artist, title and source if they are known, else the track.

    One recording may be stored in two formats. Two recordings with the same names are therefore treated as one: this
    loses few clips, whereas a training clip of a held-out recording would be leakage.
    """
    if not {"artist", "title", "source"} <= set(clips.columns):
        return clips["track_id"]
    names = clips[["artist", "title", "source"]].astype(object).fillna("")
    named = names["artist"].ne("") & names["title"].ne("")
    return clips["track_id"].mask(named, names["artist"] + "\n" + names["title"] + "\n" + names["source"])


def training_data(published: Table, labels: pd.DataFrame, same: SameRecordings = SameRecordings()) -> TrainingData:
    """Join the published rows and the agreed labels.

    Parameters
    ----------
    labels : from `agreed_labels`. Excluded labels get a reason: synthetic clips, clips with missing or too few
        features, copies of a published row, recordings of a held-out row, and copies of another labelled clip (the
        first copy is used if all labels agree, none if they differ). Of a recording with several files, one file is
        used.
    same : files that are one recording.
    """
    reasons = _reasons(published, labels)
    used = labels[reasons == ""]
    frame = pd.concat([published.frame, used.rename(columns={"y": LABEL})[[LABEL, *COLUMNS]]], ignore_index=True)
    n = len(published.frame)
    held = np.append(held_out(published.frame), np.zeros(len(used), dtype=bool))
    group = _groups(frame, published.frame, used)  # of all files of a recording, so that one that is held out is found
    leaks = np.isin(group[n:], group[held])
    others = _of_other_files(used, ~leaks)
    if leaks.any() or others.any():
        reasons.loc[used.index[leaks]] = "another clip of this recording is held out"
        reasons.loc[used.index[others]] = "another file of this recording is used"
        used = labels[reasons == ""]
        stays = np.append(np.ones(n, dtype=bool), ~leaks & ~others)
        frame, group, held = frame[stays].reset_index(drop=True), group[stays], held[stays]
    origin = published.origin + (" and agreed labels" if len(used) else "")
    table = as_table(frame, origin=origin, synthetic=published.synthetic)
    rows = pd.DataFrame({"row": frame.index, "y": frame[LABEL].astype(str), "group": group, "held_out": held})
    rows["clip_id"] = [""] * len(published.frame) + used["clip_id"].tolist()
    rows["extractor"] = [MIRTOOLBOX] * len(published.frame) + used["extractor"].tolist()
    rows = rows[rows["row"].isin(unique_rows(frame).index)].reset_index(drop=True)
    left_out = labels.assign(reason=reasons).loc[reasons != "", ["clip_id", "y", "reason"]].reset_index(drop=True)
    return TrainingData(table, rows, left_out, len(published.frame), published.content_hash, same)


def _reasons(published: Table, labels: pd.DataFrame) -> pd.Series:
    """Reason for excluding each label by itself or by an equal clip; empty for the others."""
    if labels.empty:
        return pd.Series("", index=labels.index, dtype=object)
    known = labels[list(COLUMNS)].notna().sum(axis=1).to_numpy()
    keys = pd.Series(clip_keys(labels), index=labels.index)
    rows = dict(zip(clip_keys(published.frame)[::-1], published.frame.index[::-1], strict=True))  # the first copy
    # A later reason replaces an earlier one: clips without features look like copies, but are only not measured yet.
    reasons = [
        (keys.duplicated().to_numpy(), "a copy of another labelled clip"),
        ((labels.groupby(keys)["y"].transform("nunique") > 1).to_numpy(), "copies of one clip with different labels"),
        *(
            (keys.eq(key).to_numpy(), f"a copy of row {rows[key]} of the published table")
            for key in set(keys) & set(rows)
        ),
        (known < len(COLUMNS) - MOST_MISSING, f"more than {MOST_MISSING} of its features could not be measured"),
        (known == 0, "not measured by the present extractor"),
        (labels["origin"].eq(SYNTHETIC).to_numpy(), "a synthetic clip"),
    ]
    why = np.full(len(labels), "", dtype=object)
    for these, reason in reasons:
        why[these] = reason
    return pd.Series(why, index=labels.index, dtype=object)


def _of_other_files(labels: pd.DataFrame, usable: np.ndarray) -> np.ndarray:
    """Mask of usable labels whose recording has another file with more usable labels, or one that comes first."""
    if "recording" not in labels:
        return np.zeros(len(labels), dtype=bool)
    files = labels.loc[usable].groupby(["recording", "content_hash"]).size().rename("clips").reset_index()
    files = files.sort_values(["clips", "content_hash"], ascending=[False, True], kind="stable")
    others = set(files.loc[files["recording"].duplicated(), "content_hash"])
    return usable & labels["content_hash"].isin(others).to_numpy()


def _groups(frame: pd.DataFrame, published: pd.DataFrame, used: pd.DataFrame) -> np.ndarray:
    """Number of the recording of each row; copies and clips of one file or one track have the same number.

    Duplicates found in the published table alone stay duplicates: the comparison uses ranks, which change with each
    added row.
    """
    group = duplicate_groups(frame)
    n, first = len(published), len(group)
    codes = [duplicate_groups(published)]
    known = [column for column in SAME_MUSIC if column in used]
    codes += [pd.factorize(used[column].replace("", None))[0] for column in known]  # -1: not known
    ends = []
    for part, own in zip((group[:n], *[group[n:]] * len(known)), codes, strict=True):
        ends.append(np.column_stack([part[own >= 0], first + own[own >= 0]]))
        first += int(own.max(initial=-1)) + 1
    pairs = np.concatenate(ends).astype(np.int64)
    component = connected_groups(pairs[:, 0], pairs[:, 1], first)
    return pd.factorize(component[group])[0].astype(np.int64)


@dataclass(frozen=True)
class NewLabels:
    """Numbers of labels that a retraining would add, change or drop for a model.

    Attributes
    ----------
    trained_on : the model's training clips, without held-out clips.
    known : labels from the model's training that have not changed.
    new : agreed labels of clips outside the model's training.
    changed : training clips that now have another label.
    gone : training clips that no longer have a label. Rows of a person's table are not among them.
    """

    trained_on: int
    known: int
    new: int
    changed: int
    gone: int

    @property
    def share(self) -> float:
        """New and changed labels as a share of the training clips."""
        return (self.new + self.changed) / self.trained_on if self.trained_on else float("nan")


def count_new_labels(data: TrainingData, *, seen: Mapping[str, str], trained_on: int) -> NewLabels:
    """Count the labels that are new to a model.

    Parameters
    ----------
    seen : labels in the model's training, by clip_id.
    trained_on : number of the model's training clips.
    """
    labels = dict(zip(data.labelled["clip_id"], data.labelled["y"], strict=True))
    both = labels.keys() & seen.keys()
    changed = sum(labels[clip] != seen[clip] for clip in both)
    gone = [clip for clip in seen.keys() - labels.keys() if not clip.endswith(OF_A_TABLE)]
    return NewLabels(trained_on, len(both) - changed, len(labels.keys() - both), changed, len(gone))


def unseen(data: TrainingData, seen: Collection[str]) -> pd.DataFrame:
    """Labelled clips of recordings that the models were not trained on: rows of ``data.labelled``.

    Excludes every clip of a recording that the models have seen any clip of (no leakage between clips of one
    recording), including recordings in the published table.

    seen : clip_ids of the labelled clips in the models' training.
    """
    files = data.same.members({file_of(clip) for clip in seen})
    known = (data.rows["clip_id"] == "") | data.rows["clip_id"].map(file_of).isin(files)
    labelled = data.labelled
    return labelled[~labelled["group"].isin(set(data.rows.loc[known, "group"]))]


def labels_by_emotion(data: TrainingData) -> pd.DataFrame:
    """Numbers of training clips per emotion: emotion, published, labelled, held_out."""
    rows, people = data.rows, data.rows["clip_id"] != ""
    parts = {"published": ~people & ~rows["held_out"], "labelled": people, "held_out": rows["held_out"]}
    counts = {name: rows[part].groupby("y").size().reindex(EMOTIONS, fill_value=0) for name, part in parts.items()}
    return pd.DataFrame(counts).rename_axis("emotion").reset_index()


def rater_against_truth(
    feedback: pd.DataFrame, truth: pd.DataFrame, each: pd.DataFrame, *, rater: str, verified: bool
) -> pd.DataFrame:
    """Compare one person's labels with the ground truth, newest first.

    Parameters
    ----------
    feedback : from ``store.feedback_table``.
    truth : from ``agreement.ground_truth``.
    each : predictions of two models for each labelled clip (`core.evaluation.before_after.label_changes`).

    Returns
    -------
    Columns: clip_id, file_name, you (the person's label), label (the ground truth, NaN if none), before, after,
    after_p, change (from ``each``), and state: *in training*, *agreed* (not yet used in a training), *outvoted*,
    *disputed*, or *waiting* for more raters.
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


@requires(Action.LABEL)
def own_labels(store: Store, changes: pd.DataFrame, *, rater: str, verified: bool) -> pd.DataFrame:
    """Compare one person's own labels with the ground truth; see `rater_against_truth`.

    changes : ``each`` of `rater_against_truth`.
    """
    check_own(store.by, rater, verified)
    every = store.for_program()  # the person sees only what the others agreed on about the own clips
    truth = stored_truth(every, raters_needed=raters_needed(every))
    mine = answers_table(every, rater=rater, verified=verified)
    mine = mine.assign(clip_id=mine["clip_id"].astype("str"))
    named = mine.assign(file_name=mine["clip_id"].map(clip_names(every, mine["clip_id"].unique())))
    return rater_against_truth(of_music(named), truth, changes, rater=rater, verified=verified)


def current_data(store: Store, published: Table) -> TrainingData:
    """Training data for a training that would start now: the published rows and the agreed labels as they are now.

    All people who use the store share it until a label, a clip or a feature changes: do not change it.
    """
    key = (published.content_hash, raters_needed(store), *labels_cache_key(store), *library_state(store))
    return remembered(
        store, "training data", key, lambda: training_data(published, labels(store), same_recordings(store))
    )


def labels(store: Store) -> pd.DataFrame:
    """Clips in the store with a ground truth; see `agreed_labels`."""
    truth = stored_truth(store, raters_needed=raters_needed(store))
    truth = truth[is_settled(truth) & truth["label"].isin(EMOTIONS)]
    ids = truth.index.tolist()
    features = features_table(store, EXTRACTOR, clip_ids=ids)
    known = clips_table(store, clip_ids=ids)
    return agreed_labels(truth, known, features, extractor=EXTRACTOR, same=same_recordings(store))


def labels_csv(labels: pd.DataFrame) -> bytes:
    """The agreed labels as a CSV file. The same labels give the same bytes."""
    return labels.to_csv(index=False, lineterminator="\n").encode()


def trained_rows(folder: Path) -> pd.DataFrame:
    """Training rows of a model: row, y, group, held_out, clip_id, extractor.

    The table is empty for a model trained on the published table alone.
    """
    path = folder / ROWS
    columns = ["row", "y", "group", "held_out", "clip_id", "extractor"]
    if not path.is_file():
        return pd.DataFrame(columns=columns)
    return pd.read_csv(path, keep_default_na=False, dtype={"clip_id": str})


def seen_clips(folder: Path) -> dict[str, str]:
    """Labels in the training of a model, by clip_id."""
    rows = trained_rows(folder)
    rows = rows[rows["clip_id"] != ""]
    return dict(zip(rows["clip_id"], rows["y"], strict=True))


def predict_clips(rows: pd.DataFrame, model: Model, data: TrainingData) -> pd.DataFrame:
    """Table of a model's predictions for rows of the training table."""
    proba = probabilities(model, data.table.frame.loc[rows["row"], list(COLUMNS)]) if len(rows) else np.empty((0, 4))
    predicted = pd.DataFrame(proba, columns=list(PROBA), index=rows.index)
    return pd.concat([rows[["row", "y", "group"]], predicted], axis=1).reset_index(drop=True)
