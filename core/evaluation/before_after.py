"""Compare the model before and after a retraining on the same clips, with intervals and without leakage.

Each part compares two results of the same protocol. The *held-out* clips are in no training set, and each model
predicts them itself. On the *development* clips and on the *labelled* clips, both models have cross-validated
predictions. A labelled clip that only the new model was trained on is not compared: the old model would predict it
itself, the new model by cross-validation. The shadow test (`core.evaluation.shadow_test`) compares both models on
labelled clips that neither was trained on.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from core.evaluation.evaluation_table import DEVELOPMENT, HELD_OUT, LABELLED
from core.evaluation.metrics import RESAMPLES, figure, interval, resampled, scores
from core.evaluation.results import Result, require_comparable
from core.evaluation.significance import NO_DIFFERENCE
from core.file_names import CHANGES as CHANGES_FILE
from core.models.description import ModelDescription
from core.schema import ALL, EMOTIONS, PROBA

PARTS = {HELD_OUT: "Held-out clips", DEVELOPMENT: "Development clips", LABELLED: "Labelled clips"}
MEASURES = ("macro_f1", "accuracy", "macro_auc", "log_loss", "ece")
BETTER, WORSE = "the new model is better", "the new model is worse"
MIN_CLIPS = 8  # of a part; a bootstrap of fewer clips is meaningless
CHANGES = ("now right", "now wrong", "still right", "still wrong")
_SIDES = [f"{side}{end}" for side in ("before", "after") for end in ("", "_low", "_high")]
COLUMNS = ["part", "protocol", "measure", "emotion", "clips", *_SIDES, "difference", "low", "high"]


def paired_figures(before: Result, after: Result, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Figures of two models on the same clips, and the interval of their difference (paired bootstrap).

    Returns
    -------
    One row for each of ``MEASURES`` and for F1 of each emotion: measure, emotion, clips, before, before_low,
    before_high, after, after_low, after_high, difference (after minus before), low, high; NaN when an emotion has too
    few clips.

    Raises
    ------
    ModelError
        The protocols or the clips of the two results differ.
    """
    differences = paired_differences(before, after, resamples=resamples, seed=seed)
    tables = [scores(result.predictions, resamples=resamples, seed=seed) for result in (before, after)]
    lines = []
    for measure, emotion in zip(differences["measure"], differences["emotion"], strict=True):
        one, two = (figure(t, measure, emotion)[["value", "low", "high"]].astype(float) for t in tables)
        lines.append((*one, *two))
    sides = pd.DataFrame(lines, columns=_SIDES)
    table = pd.concat([differences[["measure", "emotion"]], sides, differences[["difference", "low", "high"]]], axis=1)
    table.insert(2, "clips", before.clips.n)
    return table


def paired_differences(before: Result, after: Result, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """The differences of `paired_figures` alone: measure, emotion, difference, low, high."""
    require_comparable(before, after)
    one, two = before.predictions, same_groups(after.predictions, before.predictions)
    one = same_groups(one, one)
    values = [scores(t, resamples=0).set_index(["measure", "emotion"])["value"] for t in (one, two)]
    drawn = [resampled(t, resamples=resamples, seed=seed) for t in (one, two)]
    lines = []
    for key in [*((m, ALL) for m in MEASURES), *(("f1", e) for e in EMOTIONS)]:
        difference = float(values[1][key] - values[0][key])
        between = drawn[1][key] - drawn[0][key]
        low, high = interval(difference, between) if np.isfinite(difference) else (np.nan, np.nan)
        lines.append((*key, difference, low, high))
    return pd.DataFrame(lines, columns=["measure", "emotion", "difference", "low", "high"])


def same_groups(predictions: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Number rows and recordings as in the reference, so that both models draw the same clips in each resample."""
    known = reference.drop_duplicates("clip").set_index("clip")
    group = known["group"] if "group" in known else known["row"]
    columns = {"row": predictions["clip"].map(known["row"]), "group": predictions["clip"].map(group)}
    return predictions.assign(**columns)


def verdict(low: float, high: float) -> str:
    """Verdict from the interval of a difference, for a figure with higher values for better models."""
    return BETTER if low > 0 else WORSE if high < 0 else NO_DIFFERENCE


def describe_changes(changes: pd.DataFrame) -> list[str]:
    """Verdict on macro-F1, one sentence for each part with enough clips. changes : from `compare_results`."""
    sentences = []
    for line in changes[changes["measure"] == "macro_f1"].to_dict("records"):
        low, high = 100 * line["low"], 100 * line["high"]
        points = f"{100 * line['difference']:+.1f} points of macro-F1 ({low:+.1f} to {high:+.1f})"
        bias = " These clips are less reliable: the queue chose many of them because a model was unsure."
        bias = bias if line["part"] == LABELLED else ""
        sentences.append(f"{PARTS[line['part']]} ({line['clips']}): {points}, {verdict(low, high)}.{bias}")
    return sentences


def compare_results(before: Mapping[str, Result], after: Mapping[str, Result], *, seed: int = 0) -> pd.DataFrame:
    """Compare two models on each part with at least ``MIN_CLIPS`` clips that both models have by the same protocol.

    before, after : results by row of the evaluation table.  Returns the columns ``COLUMNS``.

    Raises
    ------
    ModelError
        The held-out or the development clips of the two models differ.
    """
    tables = []
    for part in PARTS:
        if part not in before or part not in after:
            continue
        one, two = before[part], after[part]
        if part == LABELLED:  # each training has other labels
            both = _same_labels(one, two)
            if not both:
                continue
            one, two = one.part(both), two.part(both)
        if one.clips.n >= MIN_CLIPS:
            facts = {"part": part, "protocol": str(one.protocol)}
            tables.append(paired_figures(one, two, seed=seed).assign(**facts))
    return pd.concat(tables, ignore_index=True)[COLUMNS] if tables else pd.DataFrame(columns=COLUMNS)


def _same_labels(one: Result, two: Result) -> set[str]:
    labels = [result.predictions.drop_duplicates("clip").set_index("clip")["y"] for result in (one, two)]
    return {clip for clip in labels[0].index.intersection(labels[1].index) if labels[0][clip] == labels[1][clip]}


def label_changes(labelled: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Guesses of both models for each labelled clip, and the change between them. No figure is computed from it.

    Parameters
    ----------
    labelled : clip_id, y.
    before, after : clip_id and p_* of one model, one or more rows for each clip, by a model that was not fitted on
        the clip; the mean counts.

    Returns
    -------
    clip_id, y, before, before_p, after, after_p (guess, and probability of the label), change (one of ``CHANGES``).
    Clips with predictions of only one model are omitted.
    """
    table = labelled[["clip_id", "y"]].reset_index(drop=True)
    for name, predictions in (("before", before), ("after", after)):
        mean = predictions.groupby("clip_id")[list(PROBA)].mean()
        table = table[table["clip_id"].isin(mean.index)]
        proba = mean.loc[table["clip_id"]].to_numpy()
        truth = pd.Index(EMOTIONS).get_indexer(pd.Index(table["y"]))
        table[name] = np.array(EMOTIONS)[proba.argmax(axis=1)] if len(table) else ""
        table[f"{name}_p"] = proba[np.arange(len(table)), truth]
    was, now = table["before"] == table["y"], table["after"] == table["y"]
    table["change"] = np.select([now & ~was, was & ~now, now], CHANGES[:3], CHANGES[3])
    return table.reset_index(drop=True)


def read_change_table(model: ModelDescription, name: str) -> pd.DataFrame | None:
    """Read a table that the retraining stored in the model's folder, or return None when there is no such file.

    The comparison that version 0.2 stored is not returned: it set cross-validated figures of the champion against
    held-out figures of the challenger.
    """
    path = model.folder / name
    if not path.is_file():
        return None
    table = pd.read_csv(path, dtype={"clip_id": str})
    return None if name == CHANGES_FILE and "protocol" not in table else table
