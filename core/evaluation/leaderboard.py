"""The results of a training run arranged for reading: a line a model, a verdict in words, a class beside a class."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import ModelError
from core.evaluation.criteria import CRITERIA
from core.evaluation.metrics import LEVEL
from core.evaluation.run_files import Comparison
from core.evaluation.significance import NO_DIFFERENCE, compare
from core.schema import ALL, EMOTIONS

TUNED = "_tuned"  # ending of the name of a candidate whose settings were searched, as in `core.training.candidates`


@dataclass(frozen=True)
class Measure:
    """What a figure is called, what it says, and which end is good."""

    label: str
    meaning: str
    high_is_good: bool = True


MEASURES = {
    "macro_f1": Measure("Macro-F1", "Mean F1 of the four emotions: each counts the same. 1 is perfect."),
    "accuracy": Measure("Accuracy", "Share of clips with the right emotion."),
    "weighted_f1": Measure("Weighted F1", "F1 of the emotions weighted by their number of clips."),
    "macro_precision": Measure("Precision", "Mean over emotions: of the clips called so, the share that is so."),
    "macro_recall": Measure("Recall", "Mean over emotions: of the clips that are so, the share called so."),
    "macro_auc": Measure("AUC", "Mean over emotions: chance that a clip with it ranks above one without. 0.5 is luck."),
    "top2": Measure("Top 2", "Share of clips whose emotion is one of the two most probable."),
    "log_loss": Measure("Log-loss", "Mean -ln of the probability of the right emotion. 0 is perfect.", False),
    "brier": Measure("Brier", "Mean squared error of the four probabilities, summed, 0 to 2.", False),
    "ece": Measure("ECE", "Calibration error, 15 equal bins: how far the stated certainty is off on average.", False),
    "ece_adaptive": Measure("ECE, adaptive", "Calibration error with bins of equal numbers of clips.", False),
    "class_gap": Measure("Class gap", "Best minus worst F1 of the emotions.", False),
}
TIMES = {
    "train_s": Measure("Training (s)", "CPU-seconds to train on the clips of one fold: median over folds.", False),
    "predict_ms": Measure("Prediction (ms)", "CPU-milliseconds a clip: median over folds.", False),
}
PER_EMOTION = {
    "f1": Measure("F1", "Harmonic mean of precision and recall."),
    "precision": Measure("Precision", "Of the clips called so, the share that is so."),
    "recall": Measure("Recall", "Of the clips that are so, the share called so."),
    "auc": Measure("AUC", "Chance that a clip with the emotion ranks above one without it."),
    "support": Measure("Clips", "Clips with this emotion."),
}


def kind(model: str) -> str:
    """ "tuned" for a candidate whose settings were searched, else "as given"."""
    return "tuned" if model.endswith(TUNED) else "as given"


def scores(found: Comparison, *, held_out: bool = False) -> pd.DataFrame:
    """Figures of each model: model, measure, emotion, value, low, high; times are among those of the folds."""
    if held_out:
        return found.tables["held_out_scores"]
    times = found.tables["timings"].assign(emotion=ALL)
    return pd.concat([found.tables["scores"], times[found.tables["scores"].columns]], ignore_index=True)


def model_table(found: Comparison, *, held_out: bool = False) -> pd.DataFrame:
    """A line a model, the best macro-F1 on top: model (for people), name, settings, the measures, F1 by emotion."""
    table = scores(found, held_out=held_out)
    wanted = table[table["emotion"].eq(ALL) | table["measure"].eq("f1")]
    key = wanted["measure"].where(wanted["emotion"] == ALL, "f1_" + wanted["emotion"])
    wide = wanted.assign(key=key).pivot_table(index="model", columns="key", values="value", sort=False)
    order = [*MEASURES, *(f"f1_{e}" for e in EMOTIONS), *TIMES]
    wide = wide.reindex(columns=[c for c in order if c in wide.columns]).rename_axis("name").reset_index()
    wide.insert(0, "model", wide["name"].map(found.labels_of).fillna(wide["name"]))
    wide.insert(2, "settings", wide["name"].map(kind))
    return wide.sort_values("macro_f1", ascending=False, ignore_index=True).rename_axis(columns=None)


def ranking(
    found: Comparison, measure: str, *, emotion: str = ALL, held_out: bool = False, over: str = "clips"
) -> pd.DataFrame:
    """One figure of each model, the best on top: model, name, settings, value, low, high.

    over : "clips" is the 95 % interval of the group bootstrap; "folds" is where the middle 90 % of the folds lie, which
        is wider: a fold has a fifth of the clips. Figures that are not kept for each fold have no such range (NaN).
    """
    table = scores(found, held_out=held_out)
    table = table[table["measure"].eq(measure) & table["emotion"].eq(emotion)].rename(columns={"model": "name"})
    if over == "folds" and measure not in TIMES:
        folds = found.tables["folds"]
        known = measure in folds.columns and emotion == ALL and not held_out
        by = folds.groupby("model")[measure] if known else None
        for column, q in (("low", 0.05), ("high", 0.95)):
            table = table.assign(**{column: table["name"].map(by.quantile(q)) if by is not None else np.nan})
    table = table.assign(model=table["name"].map(found.labels_of), settings=table["name"].map(kind))
    good = (MEASURES | TIMES | PER_EMOTION)[measure].high_is_good
    table = table.sort_values("value", ascending=not good, ignore_index=True, kind="stable")
    return table[["model", "name", "settings", "value", "low", "high"]]


def version(found: Comparison, model: str = "run") -> str:
    """What a download of these results is called: the model, or the run of all models, and its day and revision."""
    revision = str(found.about["revision"])[:7]
    return "-".join(part for part in (model, str(found.about["created_at"])[:10], revision) if part)


@dataclass(frozen=True)
class Pair:
    """Two models on the same clips: difference (a minus b) in macro-F1 with its 95 % interval, p, and a sentence."""

    a: str
    b: str
    difference: float
    low: float
    high: float
    p: float
    corrected: bool
    words: str


def pair(found: Comparison, a: str, b: str) -> Pair:
    """What can be said of two models, in words.

    The run's table of pairs has p values corrected for their number; other pairs are compared here, one at a time.
    Raises ModelError when it is one model twice or the two share no fold.
    """
    if a == b:
        raise ModelError("A model does not differ from itself. Choose two models.")
    known = pd.concat([found.tables[t] for t in ("pairs", "tuned_against_default") if t in found.tables])
    line = known[(known["a"] == a) & (known["b"] == b)]
    turned = known[(known["a"] == b) & (known["b"] == a)]
    corrected = not (line.empty and turned.empty)
    if line.empty and turned.empty:
        folds = found.tables["folds"]
        if not set(folds.loc[folds["model"] == a, "repeat"]) & set(folds.loc[folds["model"] == b, "repeat"]):
            raise ModelError("These two models were not tried on the same folds, so they cannot be compared.")
        line = compare({m: found.predictions(m) for m in (a, b)}, folds, pairs=[(a, b)])
    one = line.iloc[0] if len(line) else turned.iloc[0]
    difference, low, high = one["difference"], one["low"], one["high"]
    if line.empty:
        difference, low, high = -difference, -high, -low
    names = found.labels_of
    p = float(one["p_holm"])
    if p < 1 - LEVEL:
        better, worse = (a, b) if difference > 0 else (b, a)
        words = f"{names[better]} is better than {names[worse]}"
    else:
        words = f"There is {NO_DIFFERENCE} between {names[a]} and {names[b]}"
    return Pair(a, b, float(difference), float(low), float(high), p, corrected, words)


def against_all(found: Comparison, model: str) -> pd.DataFrame:
    """A model against every one that the run compared it with: name, label, difference, low, high, p_holm, established.

    difference : the model minus the other, macro-F1; the other that it beats by most comes first.
    """
    known = pd.concat([found.tables[t] for t in ("pairs", "tuned_against_default") if t in found.tables])
    ours = known[known["a"] == model].rename(columns={"b": "name"})
    theirs = known[known["b"] == model].rename(columns={"a": "name", "low": "high", "high": "low"})
    theirs = theirs.assign(**{c: -theirs[c] for c in ("difference", "low", "high")})
    table = pd.concat([ours, theirs])
    table = table.assign(label=table["name"].map(found.labels_of), established=table["p_holm"] < 1 - LEVEL)
    columns = ["name", "label", "difference", "low", "high", "p_holm", "established"]
    return table[columns].sort_values("difference", ascending=False, ignore_index=True)


def per_class(found: Comparison, model: str, *, held_out: bool = False) -> pd.DataFrame:
    """Precision, recall, F1, AUC and clips of each emotion: emotion, then value, low and high of each measure."""
    table = scores(found, held_out=held_out)
    table = table[table["model"].eq(model) & table["emotion"].ne(ALL)]
    columns: dict[str, object] = {"emotion": list(EMOTIONS)}
    for measure in PER_EMOTION:
        part = table[table["measure"] == measure].set_index("emotion").reindex(EMOTIONS)
        columns[measure] = part["value"].to_numpy()
        if measure != "support":
            columns |= {f"{measure}_low": part["low"].to_numpy(), f"{measure}_high": part["high"].to_numpy()}
    return pd.DataFrame(columns)


@dataclass(frozen=True)
class Gap:
    """Best minus worst F1 with its interval, against what is accepted; a sentence says it."""

    value: float
    low: float
    high: float
    limit: float
    words: str


def class_gap(found: Comparison, model: str, *, held_out: bool = False) -> Gap:
    """The gap between the best and the worst emotion, against the criterion."""
    limit = next(c.target for c in CRITERIA if c.measure == "class_gap")
    table = ranking(found, "class_gap", held_out=held_out)
    line = table[table["name"] == model].iloc[0]
    value, low, high = float(line["value"]), float(line["low"]), float(line["high"])
    classes = per_class(found, model, held_out=held_out).set_index("emotion")["f1"]
    ends = f"between {classes.idxmax()} and {classes.idxmin()}"
    if high <= limit:
        verdict = "It meets the criterion"
    elif low > limit:
        verdict = "It misses the criterion"
    else:
        verdict = "At this number of clips it cannot be decided whether it meets the criterion"
    words = f"The gap {ends} is {value:.3f} ({low:.3f} to {high:.3f}). {verdict} of at most {limit:.2f}."
    return Gap(value, low, high, limit, words)
