"""What a retraining changed: the model in use and the new one on the same clips, with intervals; nothing from memory.

Three parts, none of which either model was fitted on when it was asked. The *held-out* clips never trained anything.
The *development* clips are asked out of fold, of both models. The *labelled* clips are asked out of fold of the new
model, which was trained on them; of the model in use directly, or out of fold where it was trained on them as well.
The queue asks first for clips of which the model in use is unsure, so on labelled clips it looks worse than it is.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.evaluation.metrics import RESAMPLES, figure, interval, resampled, scores
from core.models.description import InUse
from core.schema import ALL, EMOTIONS, PROBA

LABELLED = "labelled"
PARTS = {"held_out": "Held-out clips", "development": "Development clips", LABELLED: "Labelled clips"}
MEASURES = ("macro_f1", "accuracy", "macro_auc", "log_loss", "ece")
NO_DIFFERENCE, BETTER, WORSE = "no evidence of a difference", "the new model is better", "the new model is worse"
LEAST = 8  # clips of a part; a bootstrap of fewer says nothing
CHANGES = ("now right", "now wrong", "still right", "still wrong")


def paired(before: pd.DataFrame, after: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Figures of two models on the same clips, and the interval of their difference: the same clips drawn for both.

    before, after : tables of predictions (see `core.evaluation.metrics`) of the same rows.
    Returns measure, emotion, clips, before, before_low, before_high, after, after_low, after_high, difference (after
    minus before), low, high, for ``MEASURES`` and F1 of each emotion; NaN where an emotion has no clip to tell.
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
    """What the interval of a difference allows to be said; of a figure that is better when it is higher."""
    return BETTER if low > 0 else WORSE if high < 0 else NO_DIFFERENCE


def in_words(changes: pd.DataFrame) -> list[str]:
    """The verdict on macro-F1, a sentence a part; none where there are too few clips. changes : from `before_after`."""
    said = []
    for line in changes[changes["measure"] == "macro_f1"].to_dict("records"):
        low, high = 100 * line["low"], 100 * line["high"]
        points = f"{100 * line['difference']:+.1f} points of macro-F1 ({low:+.1f} to {high:+.1f})"
        chosen = " They were asked for where a model was unsure, so they tell less." if line["part"] == LABELLED else ""
        said.append(f"{PARTS[line['part']]} ({line['clips']}): {points}, {verdict(low, high)}.{chosen}")
    return said


@dataclass(frozen=True, eq=False)
class Said:
    """What a model says of rows of the training table, honestly.

    out_of_fold : row, repeat, p_*; of rows that it was trained on.  direct : row, p_*; of rows that it was not.
    """

    out_of_fold: pd.DataFrame
    direct: pd.DataFrame

    def about(self, rows: pd.DataFrame, *, repeats: int) -> pd.DataFrame:
        """A table of predictions of those of the rows about which something is known, once a repeat.

        rows : row, y, group. What was said directly is the same in every repeat.
        """
        own = self.out_of_fold[self.out_of_fold["repeat"] < repeats]
        rest = self.direct[~self.direct["row"].isin(own["row"])]
        again = [rest.assign(repeat=repeat) for repeat in range(repeats)]
        said = pd.concat([own, *again], ignore_index=True)[["row", "repeat", *PROBA]]
        return said.merge(rows[["row", "y", "group"]], on="row", validate="many_to_one")


def repeats(*said: Said) -> int:
    """Repeats that all have; those with no out-of-fold predictions have any number."""
    counts = [s.out_of_fold["repeat"].nunique() for s in said if len(s.out_of_fold)]
    return min(counts, default=1)


def compare_predictions(rows: pd.DataFrame, before: Said, after: Said, *, seed: int = 0) -> pd.DataFrame:
    """The two models on each part that has ``LEAST`` clips about which both have said something.

    rows : row, y, group, held_out, clip_id (empty for published rows).  Returns part and the columns of `paired`.
    """
    people = rows["clip_id"] != ""
    of = {"held_out": rows["held_out"], "development": ~rows["held_out"] & ~people, "labelled": people}
    each, tables = repeats(before, after), []
    for part, chosen in of.items():
        one, two = (said.about(rows[chosen], repeats=each) for said in (before, after))
        both = set(one["row"]) & set(two["row"])
        if len(both) >= LEAST:
            one, two = (t[t["row"].isin(both)] for t in (one, two))
            tables.append(paired(one, two, seed=seed).assign(part=part))
    columns = ["part", "measure", "emotion", "clips"]
    columns += [f"{side}{end}" for side in ("before", "after") for end in ("", "_low", "_high")]
    columns += ["difference", "low", "high"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def each_label(rows: pd.DataFrame, before: Said, after: Said) -> pd.DataFrame:
    """What both models say of each labelled clip: mean probability over the repeats, the guess, and what changed.

    rows : row, y, group, clip_id. Returns clip_id, y, before, before_p, after, after_p (guess, and probability of the
    label), change (one of ``CHANGES``); clips of which only one model has said something are left out.
    """
    people, each = rows[rows["clip_id"] != ""], repeats(before, after)
    table = people[["row", "clip_id", "y"]].reset_index(drop=True)
    for name, said in (("before", before), ("after", after)):
        mean = said.about(people, repeats=each).groupby("row")[list(PROBA)].mean()
        table = table[table["row"].isin(mean.index)]
        proba = mean.loc[table["row"]].to_numpy()
        truth = pd.Index(EMOTIONS).get_indexer(pd.Index(table["y"]))
        table[name] = np.array(EMOTIONS)[proba.argmax(axis=1)] if len(table) else ""
        table[f"{name}_p"] = proba[np.arange(len(table)), truth]
    was, now = table["before"] == table["y"], table["after"] == table["y"]
    table["change"] = np.select([now & ~was, was & ~now, now], CHANGES[:3], CHANGES[3])
    return table.drop(columns="row").reset_index(drop=True)


def read_changes(model: InUse, name: str) -> pd.DataFrame | None:
    """A table that a retraining left beside its model; None where the model has none."""
    path = model.folder / name
    return pd.read_csv(path, dtype={"clip_id": str}) if path.is_file() else None
