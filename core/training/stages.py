"""The last stages from the published table to a model: train, compare, card. Each has files as input and as output.

The stages register no model and change no model in use. The first stages are in ``core.dataset.stages``.
"""

import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from core.atomic import replace_file
from core.dataset.stages import check_split, read_cleaned
from core.errors import ModelError
from core.evaluation.evaluation_table import HEADLINE, HELD_OUT, EvaluationTable
from core.evaluation.gate import check_gate
from core.evaluation.run_files import read_run
from core.evaluation.stored_evaluation import read_evaluation
from core.file_names import CHAMPION, COMPARISON
from core.models.description import ModelDescription, read_description
from core.models.training_run import TrainingRun
from core.records import ReportProgress
from core.schema import ALL, EMOTIONS, PROBA
from core.settings import Settings
from core.training import candidates
from core.training.card import write_card
from core.training.folds import distinct_clips
from core.training.promotion import model_evidence
from core.training.publish import publish_run
from core.training.run import train_and_compare

VERDICT, FIGURES, MODELS, CONFUSION = "verdict.json", "metrics.json", "models.csv", "confusion.csv"
MEASURES = ("macro_f1", "accuracy", "macro_auc", "ece", "class_gap")
NOT_COMPARABLE = "not comparable"
_FACTS = ("data_hash", "origin", "synthetic", "seed", "quick", "versions", "revision", "created_at", "inputs")


def train_stage(
    cleaned: Path,
    parts: Path,
    out: Path,
    *,
    seed: int = 0,
    quick: bool = False,
    repeats: int | None = None,
    models: Collection[str] = (),
    progress: ReportProgress | None = None,
) -> str:
    """Train on a cleaned table and write the model and the comparison into the folder `out`; return the version.

    cleaned, parts : folders of the stages clean and split.  models : as ``only`` of `train_and_compare`, all if empty.

    Raises
    ------
    TableError : the parts do not belong to the table, or an emotion has too few clips.
    ModelError : a name in ``models`` is not known, or the recipe of the champion is not among them.
    """
    known = candidates.all_candidates(seed)
    unknown = [name for name in models if name not in known]
    if unknown or (models and candidates.CHAMPION not in models):
        what = f"{unknown[0]!r} is no model" if unknown else f"The model {candidates.CHAMPION} is needed"
        raise ModelError(f"{what}. Choose {candidates.CHAMPION} and any of: {', '.join(known)}; or all, with no name.")
    table = read_cleaned(cleaned)
    clips = distinct_clips(table)
    check_split(table, parts, clips.X.index[clips.held_out].tolist())
    run = train_and_compare(table, seed=seed, quick=quick, clips=clips, only=models, repeats=repeats, progress=progress)
    return publish_run(run, table, out, speed=not quick and not models)


def compare_stage(run: Path, out: Path, settings: Settings) -> dict[str, Any]:
    """Compare the model of a run with the model in the repository; write verdict, figures and tables for plots.

    Two models with other clips or another protocol cannot be compared: the verdict says so with the reason.
    """
    new = _described(run)
    in_use = read_description(settings.champion_dir, "models/champion", role=CHAMPION)
    evaluation, before = read_evaluation(new, settings), read_evaluation(in_use, settings)
    try:
        gate = check_gate(model_evidence(new, settings), model_evidence(in_use, settings))
        verdict: dict[str, Any] = {"outcome": str(gate.outcome), "reason": gate.reason}
    except ModelError as error:
        verdict = {"outcome": NOT_COMPARABLE, "reason": str(error)}
    verdict = {"model": new.version, "compared_with": in_use.version, **verdict}
    figures = {
        "headline": _figures(evaluation, HEADLINE),
        "held_out": _figures(evaluation, HELD_OUT),
        "in_use": _figures(before, HEADLINE),
    }
    comparison = read_run(run / COMPARISON)
    out.mkdir(parents=True, exist_ok=True)
    replace_file(out / VERDICT, _json(verdict))
    replace_file(out / FIGURES, _json(figures))
    replace_file(out / MODELS, _csv(_macro_f1(comparison.tables["scores"], comparison.labels_of)))
    replace_file(out / CONFUSION, _csv(_guesses(comparison.predictions(comparison.champion))))
    return verdict


def card_stage(run: Path, compared: Path, out: Path, settings: Settings) -> None:
    """Write the model card of a run from its stored files, with the comparison with the model in use."""
    verdict = json.loads((compared / VERDICT).read_text(encoding="utf-8"))
    text = write_card(read_training_run(run), read_evaluation(_described(run), settings))
    outcome = f"Outcome of the gate: {verdict['outcome']}. {verdict['reason']}"
    text += f"\n## Compared with the model in use\n\nCompared with `{verdict['compared_with']}`. {outcome}\n"
    replace_file(out, text.encode())


def read_training_run(folder: Path) -> TrainingRun:
    """Read a stored training run back, without its fitted models and its feature contributions."""
    model, stored = _described(folder), read_run(folder / COMPARISON)
    return TrainingRun(
        champion=stored.champion,
        labels_of=stored.labels_of,
        pipelines={},
        rows=stored.rows,
        out_of_fold=stored.out_of_fold,
        held_out=stored.held_out,
        shap={},
        tables=stored.tables,
        metrics=model.metrics,
        parameters=stored.about["parameters"],
        **{name: stored.about[name] for name in _FACTS if name in stored.about},
    )


def _described(run: Path) -> ModelDescription:
    return read_description(run / CHAMPION, f"{run.name}/{CHAMPION}")


def _figures(evaluation: EvaluationTable, row: str) -> dict[str, float]:
    """The measures that are known: JSON has no NaN."""
    found = {measure: evaluation.find(measure, row=row) for measure in MEASURES}
    return {
        measure: round(figure.value, 6) for measure, figure in found.items() if figure and math.isfinite(figure.value)
    }


def _macro_f1(scores: pd.DataFrame, labels_of: dict[str, str]) -> pd.DataFrame:
    """Macro-F1 of each model, best first: model, macro_f1, low, high."""
    best = scores[(scores["measure"] == "macro_f1") & (scores["emotion"] == ALL)].sort_values("value", ascending=False)
    named = best.assign(model=best["model"].map(labels_of)).rename(columns={"value": "macro_f1"})
    return named[["model", "macro_f1", "low", "high"]]


def _guesses(predictions: pd.DataFrame) -> pd.DataFrame:
    """Emotion and most probable emotion of each cross-validated prediction: actual, predicted."""
    guess = pd.Series(EMOTIONS).to_numpy()[predictions[list(PROBA)].to_numpy().argmax(axis=1)]
    return pd.DataFrame({"actual": predictions["y"].to_numpy(), "predicted": guess})


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n", float_format="%.6g").encode()
