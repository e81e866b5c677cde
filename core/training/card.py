"""Write the model card as Markdown: the served model, its figures, its limits and its intended use.

Every figure comes from the training run; no figure is written by hand.
"""

import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.dataset.published import CITATIONS, LICENCE
from core.evaluation.criteria import check_criteria
from core.evaluation.evaluation_table import HEADLINE, HELD_OUT, ROW_WORDS, EvaluationTable
from core.evaluation.learning_value import LearningValue, describe_value
from core.evaluation.significance import ESTABLISHED, ON_THESE_CLIPS, against_each, findings
from core.evaluation.stability import MEASURES
from core.file_names import ALL_CLIPS, EVALUATION, OUT_OF_FOLD, ROWS
from core.file_names import HELD_OUT as HELD_OUT_FILE
from core.schema import ALL, COLUMNS, EMOTIONS, MIRTOOLBOX, readable
from core.training.estimators import FRAGILE

if TYPE_CHECKING:
    from core.models.training_run import TrainingRun

LABELLED = "labelled"  # table of a run: one row per clip that people labelled
MOST_EXTRACTORS = 5  # that are named
_NAMES = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro-F1",
    "weighted_f1": "Weighted F1",
    "macro_precision": "Macro precision",
    "macro_recall": "Macro recall",
    "macro_auc": "Macro AUC (one vs. rest)",
    "top2": "Top-2 accuracy",
    "log_loss": "Log-loss",
    "brier": "Brier score (0 to 2)",
    "ece": "Calibration error (ECE, 15 bins)",
    "ece_adaptive": "Calibration error (15 bins of equal count)",
    "class_gap": "Gap between the best and the worst F1",
}


def write_card(run: "TrainingRun", evaluation: EvaluationTable) -> str:
    """Markdown text of the card of the run's champion. Every figure of the champion is in the evaluation table."""
    metrics = run.metrics
    sections = [
        f"# Model card: {run.labels_of[run.champion]}",
        _warning(run),
        _what(run),
        _data(run),
        _protocol(metrics),
        _figures(evaluation),
        _emotions(evaluation),
        _criteria(evaluation),
        _gap(evaluation),
        _accepted(metrics),
        _more_clips(metrics),
        stability_section(metrics),
        _noise(metrics),
        _others(run),
        _limits(metrics, evaluation),
        _use(),
        _made(run),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _paragraph(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 110, break_long_words=False, break_on_hyphens=False)


def _table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    head = list(head)
    rows = [head, ["---"] * len(head), *map(list, lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _number(value: float | None) -> str:
    return "-" if value is None or pd.isna(value) else f"{value:.3f}"


def _between(line: Mapping[str, Any]) -> str:
    """Format a figure with its confidence interval: ``0.820 (0.786 to 0.851)``."""
    if line["low"] is None or pd.isna(line["low"]) or line["low"] == line["high"]:
        return _number(line["value"])
    return f"{_number(line['value'])} ({_number(line['low'])} to {_number(line['high'])})"


def _warning(run: "TrainingRun") -> str:
    notes = []
    if run.synthetic:
        notes.append("Trained on synthetic stand-in data, not on music: the figures say nothing about music.")
    if run.quick:
        notes.append("Quick run with one repeat of the folds: every figure is less certain than its interval suggests.")
    return "\n".join(f"> **{note}**" for note in notes)


def _what(run: "TrainingRun") -> str:
    what = _paragraph(f"""The model takes the {len(COLUMNS)} acoustic features of a clip of about 30 s and returns a
    probability for each of {", ".join(EMOTIONS)}. The model averages four models of different kinds (a regularised
    discriminant, logistic regression, a support vector machine, extra trees). Features are standardised to z-scores
    and clipped at three standard deviations. Skewed positive features enter as logarithms; log-ratios of correlated
    features are added. Each member is calibrated with its own temperature and the average with a further one; all
    temperatures are learned on folds of the training clips. Missing features are replaced by the median of the
    training clips.""")
    names = "; ".join(readable(column) for column in FRAGILE)
    dropped = _paragraph(f"""Five features are not used for other reasons than the level: {names}. The entropy varies
    so little in the published table that a small measurement error equals many standard deviations. The other four
    depend on details of how the table was made.""")
    level = _paragraph(f"""The model does not depend on the level of a recording: a louder or quieter copy of the same
    samples gets the same probabilities. Fluctuation is not used. Roughness and RMS energy are used only as one ratio:
    roughness divided by the square of RMS energy, in which the level cancels out. The program still measures, stores
    and shows all {len(COLUMNS)} features.""")
    return f"## Model\n\n{what}\n\n{dropped}\n\n{level}"


def _data(run: "TrainingRun") -> str:
    what = _paragraph(f"""{LICENCE}. 400 clips, 100 per emotion, measured with {MIRTOOLBOX}. This program measures
    uploaded clips with its own extractor and stores the extractor's name with every prediction.""")
    citations = "\n".join(f"- {citation}" for citation in CITATIONS)
    labels = run.tables.get(LABELLED)
    if labels is not None and len(labels):
        clips = "1 clip" if len(labels) == 1 else f"{len(labels)} clips"
        counts = ", ".join(f"{int((labels['y'] == emotion).sum())} {emotion}" for emotion in EMOTIONS)
        what += "\n\n" + _paragraph(
            f"""The training data also contains {clips} labelled by people ({counts}), measured by {
                _extractors(labels)
            }. None of these clips is held out."""
        )
    hashes = f"Content hash of the table used: `{run.data_hash}`."
    versions = " ".join(f"`{_plain(name)}`: `{md5}`." for name, md5 in run.inputs.items())
    hashes += f" Data version (MD5 of each input file): {versions}" if versions else ""
    return f"## Data\n\n{what}\n\n{citations}\n\n{hashes}"


def _extractors(labels: pd.DataFrame) -> str:
    """Names of the extractors as inline code. Names in a person's table can be any text, even Markdown."""
    names = sorted({_plain(name) for name in labels["extractor"]})
    more = f" and {len(names) - MOST_EXTRACTORS} others" if len(names) > MOST_EXTRACTORS else ""
    return ", ".join(f"`{name}`" for name in names[:MOST_EXTRACTORS] if name.strip()) + more


def _plain(name: str) -> str:
    """A name from outside as a text that can stand in inline code."""
    return "".join(c for c in name if c.isprintable() and c != "`")[:60]


def _protocol(metrics: Mapping[str, Any]) -> str:
    p = metrics["protocol"]
    clips = _paragraph(f"""{p["rows"]} distinct clips in {p["groups"]} recordings: exact duplicates are dropped,
    near-duplicates stay in the same fold. {p["held_out"]} clips, chosen once by a hash of their values, are held out:
    the served model was not fitted on them, and the candidates were not compared on them. The other
    {p["development"]} clips are the development clips.""")
    folds = _paragraph(f"""Cross-validation uses {p["repeats"]} x {p["folds"]} grouped, stratified folds. Every
    learned step is fitted inside the fold. Candidates were compared, and the champion was chosen, on the development
    clips.""")
    rows = _paragraph(f"""The headline is the cross-validation of the published development clips. Every model of this
    table has this row on the same clips, also after a training on people's labels, so a new headline means a new model
    and not other clips. {ROW_WORDS["all_clips"].label}: {ROW_WORDS["all_clips"].meaning} The held-out figures are
    those of the served model, which is fitted on the development clips.""")
    intervals = _paragraph(f"""Intervals are 95 % by bootstrap over recordings ({p["resamples"]} resamples): they
    cover the choice of test clips, but not the change of the model with other training clips.""")
    kind = _paragraph("""The figures are optimistic by about one point of F1. The members and the calibration were
    chosen from a few dozen blends on the development clips, and several of these blends were also tested on all
    clips. Earlier work on the whole table, held-out clips included, decided which columns are logged, divided and
    dropped. The held-out clips are therefore a fair test of the fitted model and of any later challenger, but not a
    fully independent test of the recipe.""")
    return f"## Evaluation protocol\n\n{clips}\n\n{folds}\n\n{rows}\n\n{intervals}\n\n{kind}"


def _figures(evaluation: EvaluationTable) -> str:
    rows = [row for row in evaluation.rows if evaluation.find("macro_f1", row=row) is not None]
    head = []
    for row in rows:
        one = evaluation.figure("macro_f1", row=row)
        head.append(f"{ROW_WORDS[row].label} ({one.clips} clips, {one.protocol})")
    lines = [[name, *(evaluation.figure(m, row=row).text for row in rows)] for m, name in _NAMES.items()]
    shares = {"accepted": "Share with one answer", "accepted_right": "Right when it answers"}
    lines += [[name, *(evaluation.figure(m, row=row).text for row in rows)] for m, name in shares.items()]
    perfect = [(row, evaluation.figure("ece_perfect", row=row)) for row in rows if row in (HEADLINE, HELD_OUT)]
    words = "; ".join(
        f"{ROW_WORDS[row].label.lower()} {one.value:.3f} (above {one.high:.3f} in 5 % of cases)" for row, one in perfect
    )
    note = _paragraph(f"""The calibration error is never zero with few clips. A perfectly calibrated model with these
    probabilities has an expected ECE of: {words}.""")
    return f"## Figures\n\n{_table(['Figure', *head], lines)}\n\n{note}"


def _emotions(evaluation: EvaluationTable) -> str:
    measures = ("precision", "recall", "f1", "auc")
    lines = [
        [
            e,
            *(evaluation.figure(m, emotion=e).text for m in measures),
            f"{evaluation.figure('support', emotion=e).value:.0f}",
        ]
        for e in EMOTIONS
    ]
    table = _table(["Emotion", "Precision", "Recall", "F1", "AUC", "Clips"], lines)
    return f"## By emotion\n\n{evaluation.figure('f1', emotion=EMOTIONS[0]).origin}.\n\n{table}"


def _criteria(evaluation: EvaluationTable) -> str:
    words = {"undecided": "undecided with this number of clips"}
    lines = [
        [c.name, ROW_WORDS[c.row].label, c.target, "-" if pd.isna(c.value) else c.text, words.get(c.verdict, c.verdict)]
        for c in check_criteria(evaluation)
    ]
    return f"""## Criteria

{_table(["Criterion", "Row", "Target", "Measured", "Verdict"], lines)}

*Pass* and *fail* mean that the whole confidence interval is on one side of the target. A calibration error that a
perfectly calibrated model also shows is no failure."""


def _gap(evaluation: EvaluationTable) -> str:
    ranked = sorted(EMOTIONS, key=lambda e: evaluation.figure("f1", emotion=e).value)
    macro, price = evaluation.figure("macro_f1").value, evaluation.figure("gap_price").value
    closed = evaluation.figure("gap_closed").value
    text = _paragraph(f"""The emotion with the best F1 is {ranked[-1]}, the one with the worst is {
        ranked[0]
    }: the gap is {evaluation.figure("class_gap").text}; the target is at most 0.10. A constant weight for each class
    brings the gap to {closed:.3f} and changes macro-F1 by {-100 * price:+.1f} points (to about {macro - price:.3f}).
    The search and the result use the same predictions, so the true price is probably higher. The model is not
    weighted.""")
    return f"## The gap between the emotions\n\n{text}"


def _accepted(metrics: Mapping[str, Any]) -> str:
    """How often an accepted emotion is right under the standard policy and the policy by emotion, and their prices."""
    if "called" not in metrics:
        return ""
    by: dict[str, list[Mapping[str, Any]]] = {}
    for line in metrics["called"]:
        by.setdefault(line["emotion"], []).append(line)
    lines = [
        [emotion, *(cell for line in pair for cell in (_limit(line["threshold"]), _accepted_cell(line)))]
        for emotion, pair in by.items()
    ]
    head = ["Accepted emotion", "Limit", "Right", "Limit by emotion", "Right"]
    note = _paragraph("""The first two columns are the standard policy, the last two the policy by emotion, which asks
    for a higher probability where an emotion is often wrong. In brackets: 95 % interval. After the comma: the share of
    all clips that are accepted with this emotion, which is the price of a higher limit.""")
    return f"## Accepted emotions\n\n{_table(head, lines)}\n\n{note}"


def _limit(threshold: float | None) -> str:
    return "" if threshold is None else f"{threshold:.2f}"


def _accepted_cell(line: Mapping[str, Any]) -> str:
    return f"{_between({**line, 'value': line['right']})}, {100 * line['accepted']:.1f} %"


def _more_clips(metrics: Mapping[str, Any]) -> str:
    """The learning curve and the expected gain from more clips."""
    if not metrics.get("learning_curve"):
        return ""
    lines = [[str(line["train"]), _between(line)] for line in metrics["learning_curve"]]
    values = [_paragraph(describe_value(LearningValue(**value))) for value in metrics["learning_value"]]
    note = _paragraph("""The expected gain continues the learning curve by a power law. Its interval covers the choice
    of test clips, but not the choice of training clips.""")
    return "\n\n".join(["## Value of more clips", _table(["Training clips", "Macro-F1"], lines), *values, note])


def stability_section(metrics: Mapping[str, Any]) -> str:
    """How often small changes of the same music give another answer; empty if it was not measured."""
    if not metrics.get("stability"):
        return ""
    lines: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for line in metrics["stability"]:
        lines.setdefault((line["music"], line["change"]), {})[line["measure"]] = line
    rows = [
        [music, change, str(by["other_guess"]["windows"]), *(_percent(by[measure]) for measure in MEASURES)]
        for (music, change), by in lines.items()
    ]
    head = ["Music", "Change", "Windows", *MEASURES.values()]
    note = _paragraph("""Each window is compared with itself after the change. In brackets: 95 % interval, by track.
    An accepted answer is lost when the same emotion is not accepted any more.""")
    return f"## Stability\n\n{_table(head, rows)}\n\n{note}"


def _percent(line: Mapping[str, Any]) -> str:
    if line["value"] is None:
        return "-"
    value, low, high = (100 * line[name] for name in ("value", "low", "high"))
    return f"{value:.1f} %" if low == high else f"{value:.1f} % ({low:.1f} to {high:.1f})"


def _noise(metrics: Mapping[str, Any]) -> str:
    levels: dict[float, dict[str, Mapping[str, Any]]] = {}
    for line in metrics["robustness"]:
        levels.setdefault(line["noise"], {})[line["measure"]] = line
    lines = [
        [f"{100 * noise:g} %", _between(by["macro_f1"]), _between(by["accuracy"]), _between(by["ece"])]
        for noise, by in sorted(levels.items())
    ]
    return f"""## Robustness to measurement errors

Cross-validation of {metrics["protocol"]["judged"]} clips: all clips after a full training, else the development clips.
Every feature of the test clips is multiplied by 1 plus a normally distributed error with this standard deviation.

{_table(["Error", "Macro-F1", "Accuracy", "ECE"], lines)}"""


def _others(run: "TrainingRun") -> str:
    """All candidates, best first, each with the result of the paired test against the champion; empty if none."""
    if len(run.labels_of) == 1:
        return ""
    scores = run.tables["scores"]
    scores = scores[scores["emotion"] == ALL]
    values = scores.pivot_table(index="model", columns="measure", values="value")
    macro = scores.query("measure == 'macro_f1'").set_index("model").sort_values("value", ascending=False)
    against = _verdicts(run.tables["pairs"], run.champion)
    lines = [
        [
            run.labels_of[model],
            _between(macro.loc[model].to_dict()),
            *(_number(values.loc[model, m]) for m in ("accuracy", "macro_auc", "ece")),
            against.get(model, ""),
        ]
        for model in macro.index
    ]
    head = ["Model", "Macro-F1", "Accuracy", "AUC", "ECE", "Compared with the champion"]
    note = _paragraph("""The last column is the result of a corrected resampled t test over the same folds (Nadeau &
    Bengio 2003) at the 5 % level, with Holm's correction for the comparisons of the champion with each other model.
    "On clips like these only" means: the 95 % interval of the difference for other test clips excludes zero, but for
    other training clips the test does not establish the difference. Tuned models are tuned inside each fold, with fewer
    repeats, and are compared only with their default settings.""")
    return f"## Comparison with the other candidates (development clips)\n\n{_table(head, lines)}\n\n{note}"


def _verdicts(pairs: pd.DataFrame, champion: str) -> dict[str, str]:
    """Result of the paired test against the champion in words, by model; the same as on the page Compare models."""
    table = against_each(pairs, champion)
    better = np.where(table["difference"] > 0, "champion is better", "better than the champion").tolist()
    found = findings(table, p="p_corrected")
    words = [
        {ESTABLISHED: who, ON_THESE_CLIPS: f"{who} on clips like these only"}.get(finding, finding)
        for who, finding in zip(better, found, strict=True)
    ]
    return dict(zip(table["name"], words, strict=True))


def _limits(metrics: Mapping[str, Any], evaluation: EvaluationTable) -> str:
    sad, relax = (evaluation.figure("f1", emotion=emotion).value for emotion in ("sad", "relax"))
    return f"""## Limits

- {metrics["protocol"]["rows"]} clips are few: differences of two or three points between models are not significant.
- Sad (F1 {sad:.2f}) and relax ({relax:.2f}) are often confused.
- One team made the labels; the agreement of other listeners is not known. Emotion in music depends on the listener,
  the lyrics and the occasion, which the features do not describe.
- The clips are 30 s of Turkish music. Performers are unknown, so one performer may be in several folds. For music that
  differs from the training music, the program shows a warning and asks for review.
- Probabilities are calibrated for clips like these, with the four emotions equally frequent."""


def _use() -> str:
    return """## Intended use

Exploring, sorting and pre-labelling recordings of Turkish music, with a person who listens and decides; teaching and
research on music emotion. **Not for clinical decisions**: the model predicts how listeners are likely to label a piece.
It does not predict what a listener will feel, and it says nothing about a patient. Not for assessing persons."""


def _made(run: "TrainingRun") -> str:
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    revision = f"`{run.revision}`" if run.revision else "not known"
    text = _paragraph(f"""Trained {run.created_at[:10]} with seed {run.seed}, code revision {revision}. {versions}.
    `{EVALUATION}` contains every figure of the model. `{OUT_OF_FOLD}`, `{ALL_CLIPS}` and `{HELD_OUT_FILE}` contain the
    probabilities; the figures can be computed again from these and the labels in `{ROWS}`. `python -m core {
        "retrain" if LABELLED in run.tables else "train"
    }` reproduces all files.""")
    return f"## Provenance\n\n{text}"
