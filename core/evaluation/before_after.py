"""Compare the model before and after a retraining on the same clips, with intervals and without leakage.

There are three parts. The *held-out* clips are in no training set. On the *development* clips, both models have
out-of-fold predictions. On the *labelled* clips, the new model has out-of-fold predictions; the old model has direct
predictions, or out-of-fold predictions for clips in its training set. The label queue prefers clips on which the old
model is unsure, so the labelled clips are biased against the old model.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.evaluation.metrics import RESAMPLES, figure, interval, resampled, scores
from core.evaluation.significance import NO_DIFFERENCE
from core.models.description import ModelDescription
from core.schema import ALL, EMOTIONS, PROBA

LABELLED = "labelled"
PARTS = {"held_out": "Held-out clips", "development": "Development clips", LABELLED: "Labelled clips"}
MEASURES = ("macro_f1", "accuracy", "macro_auc", "log_loss", "ece")
BETTER, WORSE = "the new model is better", "the new model is worse"
MIN_CLIPS = 8  # of a part; a bootstrap of fewer clips is meaningless
CHANGES = ("now right", "now wrong", "still right", "still wrong")


def paired_figures(
    before: pd.DataFrame, after: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Figures of two models on the same clips, and the interval of their difference (paired bootstrap).

    Parameters
    ----------
    before, after : tables of predictions (see `core.evaluation.metrics`) of the same rows.
    resamples : number of bootstrap resamples.

    Returns
    -------
    One row for each of ``MEASURES`` and for F1 of each emotion: measure, emotion, clips, before, before_low,
    before_high, after, after_low, after_high, difference (after minus before), low, high; NaN when an emotion has too
    few clips.
    """
    tables = [scores(t, resamples=resamples, seed=seed) for t in (before, after)]
    drawn = [resampled(t, resamples=resamples, seed=seed) for t in (before, after)]
    lines = []
    for measure, emotion in [*((m, ALL) for m in MEASURES), *(("f1", e) for e in EMOTIONS)]:
        one, two = (figure(t, measure, emotion)[["value", "low", "high"]].astype(float) for t in tables)
        difference = float(two["value"] - one["value"])
        between = drawn[1][measure, emotion] - drawn[0][measure, emotion]
        low, high = interval(difference, between) if np.isfinite(difference) else (np.nan, np.nan)
        lines.append((measure, emotion, before["row"].nunique(), *one, *two, difference, low, high))
    sides = [f"{side}{end}" for side in ("before", "after") for end in ("", "_low", "_high")]
    return pd.DataFrame(lines, columns=["measure", "emotion", "clips", *sides, "difference", "low", "high"])


def verdict(low: float, high: float) -> str:
    """Verdict from the interval of a difference, for a figure with higher values for better models."""
    return BETTER if low > 0 else WORSE if high < 0 else NO_DIFFERENCE


def describe_changes(changes: pd.DataFrame) -> list[str]:
    """Verdict on macro-F1, one sentence for each part with enough clips. changes : from `compare_predictions`."""
    sentences = []
    for line in changes[changes["measure"] == "macro_f1"].to_dict("records"):
        low, high = 100 * line["low"], 100 * line["high"]
        points = f"{100 * line['difference']:+.1f} points of macro-F1 ({low:+.1f} to {high:+.1f})"
        bias = " These clips are less reliable: the queue chose many of them because a model was unsure."
        bias = bias if line["part"] == LABELLED else ""
        sentences.append(f"{PARTS[line['part']]} ({line['clips']}): {points}, {verdict(low, high)}.{bias}")
    return sentences


@dataclass(frozen=True, eq=False)
class FairPredictions:
    """A model's predictions for rows of the training table, without leakage.

    out_of_fold : row, repeat, p_*; for rows in the model's training set.  direct : row, p_*; for all other rows.
    """

    out_of_fold: pd.DataFrame
    direct: pd.DataFrame

    def for_rows(self, rows: pd.DataFrame, *, repeats: int) -> pd.DataFrame:
        """Table of the predictions for these rows. Direct predictions are copied into every repeat.

        rows : row, y, group.
        """
        own = self.out_of_fold[self.out_of_fold["repeat"] < repeats]
        rest = self.direct[~self.direct["row"].isin(own["row"])]
        copies = [rest.assign(repeat=repeat) for repeat in range(repeats)]
        table = pd.concat([own, *copies], ignore_index=True)[["row", "repeat", *PROBA]]
        return table.merge(rows[["row", "y", "group"]], on="row", validate="many_to_one")


def shared_repeats(*models: FairPredictions) -> int:
    """Number of repeats that all models have; models without out-of-fold predictions are ignored."""
    counts = [model.out_of_fold["repeat"].nunique() for model in models if len(model.out_of_fold)]
    return min(counts, default=1)


def compare_predictions(
    rows: pd.DataFrame, before: FairPredictions, after: FairPredictions, *, seed: int = 0
) -> pd.DataFrame:
    """Compare two models on each part with at least ``MIN_CLIPS`` clips that both models have predicted.

    rows : row, y, group, held_out, clip_id (empty for published rows).
    Returns part and the columns of `paired_figures`.
    """
    labelled = rows["clip_id"] != ""
    parts = {"held_out": rows["held_out"], "development": ~rows["held_out"] & ~labelled, LABELLED: labelled}
    repeats, tables = shared_repeats(before, after), []
    for part, chosen in parts.items():
        one, two = (model.for_rows(rows[chosen], repeats=repeats) for model in (before, after))
        both = set(one["row"]) & set(two["row"])
        if len(both) >= MIN_CLIPS:
            one, two = (t[t["row"].isin(both)] for t in (one, two))
            tables.append(paired_figures(one, two, seed=seed).assign(part=part))
    columns = ["part", "measure", "emotion", "clips"]
    columns += [f"{side}{end}" for side in ("before", "after") for end in ("", "_low", "_high")]
    columns += ["difference", "low", "high"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def label_changes(rows: pd.DataFrame, before: FairPredictions, after: FairPredictions) -> pd.DataFrame:
    """Predictions of both models for each labelled clip, and the change between them.

    rows : row, y, group, clip_id.
    Returns clip_id, y, before, before_p, after, after_p (guess, and mean probability of the label over the repeats),
    change (one of ``CHANGES``). Clips with predictions of only one model are omitted.
    """
    labelled, repeats = rows[rows["clip_id"] != ""], shared_repeats(before, after)
    table = labelled[["row", "clip_id", "y"]].reset_index(drop=True)
    for name, model in (("before", before), ("after", after)):
        mean = model.for_rows(labelled, repeats=repeats).groupby("row")[list(PROBA)].mean()
        table = table[table["row"].isin(mean.index)]
        proba = mean.loc[table["row"]].to_numpy()
        truth = pd.Index(EMOTIONS).get_indexer(pd.Index(table["y"]))
        table[name] = np.array(EMOTIONS)[proba.argmax(axis=1)] if len(table) else ""
        table[f"{name}_p"] = proba[np.arange(len(table)), truth]
    was, now = table["before"] == table["y"], table["after"] == table["y"]
    table["change"] = np.select([now & ~was, was & ~now, now], CHANGES[:3], CHANGES[3])
    return table.drop(columns="row").reset_index(drop=True)


def read_change_table(model: ModelDescription, name: str) -> pd.DataFrame | None:
    """Read a table that the retraining stored in the model's folder, or return None when there is no such file."""
    path = model.folder / name
    return pd.read_csv(path, dtype={"clip_id": str}) if path.is_file() else None
