"""Tables and sentences from the results of a training run: ranking of models, paired comparisons, class gap."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import ModelError
from core.evaluation.criteria import CRITERIA
from core.evaluation.run_files import Comparison
from core.evaluation.significance import (
    ESTABLISHED,
    NO_DIFFERENCE,
    ON_THESE_CLIPS,
    against_each,
    compare,
    findings,
    turned,
)
from core.schema import ALL, EMOTIONS

TUNED = "_tuned"  # suffix of the name of a candidate whose settings are tuned inside each fold


@dataclass(frozen=True)
class Measure:
    """Name and meaning of a figure, and whether a high value is good."""

    label: str
    meaning: str
    high_is_good: bool = True


MEASURES = {
    "macro_f1": Measure("Macro-F1", "Mean F1 of the four emotions, with equal weights. 1 is perfect."),
    "accuracy": Measure("Accuracy", "Share of clips with a right prediction."),
    "weighted_f1": Measure("Weighted F1", "Mean F1 of the four emotions, weighted by their number of clips."),
    "macro_precision": Measure(
        "Precision", "Share of right predictions among all predictions of an emotion; mean over the emotions."
    ),
    "macro_recall": Measure("Recall", "Share of an emotion's clips with a right prediction; mean over the emotions."),
    "macro_auc": Measure(
        "AUC", "Chance that a clip of the emotion ranks above another clip; mean over the emotions. 0.5 is random."
    ),
    "top2": Measure("Top 2", "Share of clips whose emotion is one of the two most probable."),
    "log_loss": Measure("Log-loss", "Mean of -ln of the probability of the right emotion. 0 is perfect.", False),
    "brier": Measure("Brier", "Sum of the squared errors of the four probabilities, mean over clips; 0 to 2.", False),
    "ece": Measure(
        "ECE", "Calibration error: mean difference between confidence and accuracy in 15 bins of equal width.", False
    ),
    "ece_adaptive": Measure("ECE, adaptive", "Calibration error with equal numbers of clips in all bins.", False),
    "class_gap": Measure("Class gap", "Difference between the best and the worst F1 of the emotions.", False),
}
TIMES = {
    "train_s": Measure("Training (s)", "CPU-seconds to train on the clips of one fold; median over folds.", False),
    "predict_ms": Measure("Prediction (ms)", "CPU-milliseconds for one clip; median over folds.", False),
}
PER_EMOTION = {
    "f1": Measure("F1", "Harmonic mean of precision and recall."),
    "precision": Measure("Precision", "Share of right predictions among all predictions of this emotion."),
    "recall": Measure("Recall", "Share of this emotion's clips with a right prediction."),
    "auc": Measure("AUC", "Chance that a clip of this emotion ranks above another clip. 0.5 is random."),
    "support": Measure("Clips", "Number of clips with this emotion."),
}


def settings_kind(model: str) -> str:
    """Return "tuned" for a candidate with tuned hyperparameters, else "as given"."""
    return "tuned" if model.endswith(TUNED) else "as given"


def scores(comparison: Comparison, *, held_out: bool = False) -> pd.DataFrame:
    """Figures of all models: model, measure, emotion, value, low, high. Times exist only for the cross-validation."""
    if held_out:
        return comparison.tables["held_out_scores"]
    times = comparison.tables["timings"].assign(emotion=ALL)
    return pd.concat([comparison.tables["scores"], times[comparison.tables["scores"].columns]], ignore_index=True)


def model_table(comparison: Comparison, *, held_out: bool = False) -> pd.DataFrame:
    """One row for each model, best macro-F1 first: model (displayed name), name, settings, measures, F1 by emotion."""
    table = scores(comparison, held_out=held_out)
    wanted = table[table["emotion"].eq(ALL) | table["measure"].eq("f1")]
    key = wanted["measure"].where(wanted["emotion"] == ALL, "f1_" + wanted["emotion"])
    wide = wanted.assign(key=key).pivot_table(index="model", columns="key", values="value", sort=False)
    order = [*MEASURES, *(f"f1_{e}" for e in EMOTIONS), *TIMES]
    wide = wide.reindex(columns=[c for c in order if c in wide.columns]).rename_axis("name").reset_index()
    wide.insert(0, "model", wide["name"].map(comparison.labels_of).fillna(wide["name"]))
    wide.insert(2, "settings", wide["name"].map(settings_kind))
    return wide.sort_values("macro_f1", ascending=False, ignore_index=True).rename_axis(columns=None)


def ranking(
    comparison: Comparison, measure: str, *, emotion: str = ALL, held_out: bool = False, over: str = "clips"
) -> pd.DataFrame:
    """One figure of all models, best first: model, name, settings, value, low, high.

    Parameters
    ----------
    measure : name of the figure.
    emotion : an emotion, or "all".
    held_out : figures on the held-out clips instead of the cross-validation.
    over : source of low and high. "clips": 95 % interval of the group bootstrap. "folds": range of the middle 90 % of
        the folds, which is wider because a fold has a fifth of the clips; NaN for figures without values for each fold.
    """
    table = scores(comparison, held_out=held_out)
    table = table[table["measure"].eq(measure) & table["emotion"].eq(emotion)].rename(columns={"model": "name"})
    if over == "folds" and measure not in TIMES:
        folds = comparison.tables["folds"]
        known = measure in folds.columns and emotion == ALL and not held_out
        by = folds.groupby("model")[measure] if known else None
        for column, q in (("low", 0.05), ("high", 0.95)):
            table = table.assign(**{column: table["name"].map(by.quantile(q)) if by is not None else np.nan})
    table = table.assign(model=table["name"].map(comparison.labels_of), settings=table["name"].map(settings_kind))
    good = (MEASURES | TIMES | PER_EMOTION)[measure].high_is_good
    table = table.sort_values("value", ascending=not good, ignore_index=True, kind="stable")
    return table[["model", "name", "settings", "value", "low", "high"]]


def download_name(comparison: Comparison, model: str = "run") -> str:
    """Base name of a download: the model (or "run" for all models), day and revision of the run."""
    revision = str(comparison.about["revision"])[:7]
    return "-".join(part for part in (model, str(comparison.about["created_at"])[:10], revision) if part)


ONE_MODEL, ALL_PAIRS = "one", "all"  # questions of a comparison


@dataclass(frozen=True)
class Pair:
    """Comparison of two models on the same clips.

    difference : macro-F1 of a minus b.  low, high : 95 % interval.  p : of this pair alone.  p_corrected : corrected by
    Holm for the family.  family : the comparisons that the correction covers, in words.  finding : see
    `core.evaluation.significance.findings`.  words : the result as a sentence.
    """

    a: str
    b: str
    difference: float
    low: float
    high: float
    p: float
    p_corrected: float
    family: str
    finding: str
    words: str


def compare_pair(comparison: Comparison, a: str, b: str, *, question: str = ONE_MODEL) -> Pair:
    """Compare two models.

    Parameters
    ----------
    question : ONE_MODEL asks how model ``a`` does against each other model; the correction covers these comparisons.
        ALL_PAIRS asks which of all models differ; the correction covers all pairs of the run.

    Pairs outside the tables of the run are compared here, without correction. Raises ModelError when both are the same
    model, or when they have no fold in common.
    """
    if a == b:
        raise ModelError("A model cannot be compared with itself. Choose two different models.")
    table = comparisons_of(comparison, a, question=question)
    line = table[table["name"] == b]
    if line.empty:
        folds = comparison.tables["folds"]
        if not set(folds.loc[folds["model"] == a, "repeat"]) & set(folds.loc[folds["model"] == b, "repeat"]):
            raise ModelError(
                "These two models have no fold in common, so they cannot be compared. Choose another pair."
            )
        line = compare({m: comparison.predictions(m) for m in (a, b)}, folds, pairs=[(a, b)])
        line = line.assign(p_corrected=line["p"], family="this pair alone, not corrected")
        line = line.assign(finding=findings(line, p="p_corrected"))
    one = line.iloc[0]
    better, worse = (a, b) if one["difference"] > 0 else (b, a)
    names = comparison.labels_of
    words = {
        ESTABLISHED: f"{names[better]} is better than {names[worse]}",
        ON_THESE_CLIPS: f"{names[better]} is better than {names[worse]} on clips like these; for other training clips, "
        "this is not established",
        NO_DIFFERENCE: f"There is {NO_DIFFERENCE} between {names[a]} and {names[b]}",
    }[str(one["finding"])]
    difference, low, high, p, corrected = (float(one[c]) for c in ("difference", "low", "high", "p", "p_corrected"))
    return Pair(a, b, difference, low, high, p, corrected, str(one["family"]), str(one["finding"]), words)


def comparisons_of(comparison: Comparison, model: str, *, question: str = ONE_MODEL) -> pd.DataFrame:
    """All comparisons of one model in the run, the largest difference first.

    Returns columns name, label, difference (macro-F1 of the model minus the other model), low, high, p, p_corrected,
    family, finding. question : as in `compare_pair`; the correction of a model with tuned settings against the same
    algorithm as given always covers all algorithms.
    """
    found = []
    for name, words in (("pairs", "all {} pairs of models"), ("tuned_against_default", "the {} tuned algorithms")):
        if name not in comparison.tables:
            continue
        table = comparison.tables[name]
        if name == "pairs" and question == ONE_MODEL:
            own = against_each(table, model)
            family = f"{comparison.labels_of[model]} against each of the other {len(own)} models"
        else:
            own = turned(table, model).rename(columns={"p_holm": "p_corrected"})
            family = words.format(len(table))
        own = own.assign(family=family)
        found.append(own)
    joined = pd.concat(found)
    joined = joined.assign(label=joined["name"].map(comparison.labels_of), finding=findings(joined, p="p_corrected"))
    columns = ["name", "label", "difference", "low", "high", "p", "p_corrected", "family", "finding"]
    return joined[columns].sort_values("difference", ascending=False, ignore_index=True)


def per_class(comparison: Comparison, model: str, *, held_out: bool = False) -> pd.DataFrame:
    """Figures of each emotion (F1, precision, recall, AUC, clips): emotion, then value, low and high of each figure."""
    table = scores(comparison, held_out=held_out)
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
    """Gap between the best and the worst F1 with its interval, the accepted limit, and the result as a sentence."""

    value: float
    low: float
    high: float
    limit: float
    words: str


def class_gap(comparison: Comparison, model: str, *, held_out: bool = False) -> Gap:
    """Compare the gap between the best and the worst emotion with the acceptance criterion."""
    limit = next(c.target for c in CRITERIA if c.measure == "class_gap")
    table = ranking(comparison, "class_gap", held_out=held_out)
    line = table[table["name"] == model].iloc[0]
    value, low, high = float(line["value"]), float(line["low"]), float(line["high"])
    classes = per_class(comparison, model, held_out=held_out).set_index("emotion")["f1"]
    of_means = float(classes.max() - classes.min())
    ends = f"between {classes.idxmax()} and {classes.idxmin()}"
    if high <= limit:
        verdict = "The gap meets the criterion"
    elif low > limit:
        verdict = "The gap does not meet the criterion"
    else:
        verdict = "There are too few clips to decide whether the gap meets the criterion"
    words = f"The gap {ends} is {value:.3f} ({low:.3f} to {high:.3f}). {verdict} of at most {limit:.2f}."
    if f"{of_means:.3f}" != f"{value:.3f}":
        words += (
            " The gap is measured in each repeat, and this is the mean of the repeats. The F1 of each emotion in the "
            f"table and its download is already a mean over the repeats, so their difference is {of_means:.3f}."
        )
    return Gap(value, low, high, limit, words)
