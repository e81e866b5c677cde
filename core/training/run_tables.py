"""Tidy tables of a training run: predictions, scores per fold, timings, ablation effects."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from core.evaluation import metrics, significance
from core.evaluation.learning_value import value_of_more_clips
from core.evaluation.run_files import DIGITS
from core.models.training_run import TrainingRun
from core.schema import ALL, EMOTIONS, PROBA
from core.training import ablations
from core.training.card import LABELLED
from core.training.folds import Clips, Fit


def by_model(predictions: pd.DataFrame, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Split predictions by model and add y and group, as `core.evaluation.metrics` expects them."""
    known = rows[["row", "y", "group"]]
    return {str(model): part.merge(known, on="row", how="left") for model, part in predictions.groupby("model")}


def out_of_fold(done: list[Fit], clips: Clips, *, noise: float = 0.0) -> pd.DataFrame:
    """Table of out-of-fold probabilities: model, row, repeat, fold, p_*."""
    parts = []
    for one in done:
        if noise in one.proba:
            part = pd.DataFrame(one.proba[noise].round(DIGITS), columns=list(PROBA))
            part["row"], part["model"] = clips.X.index[one.test], one.task.name
            part["repeat"], part["fold"] = one.task.repeat, one.task.fold
            parts.append(part[["model", "row", "repeat", "fold", *PROBA]])
    return pd.concat(parts, ignore_index=True).sort_values(["model", "repeat", "row"], ignore_index=True)


def fold_scores(done: list[Fit], clips: Clips) -> pd.DataFrame:
    """Scores per fold: model, repeat, fold, train and test (numbers of clips), measures."""
    lines = []
    for one in done:
        y, guess = clips.y[one.test], np.array(EMOTIONS)[one.proba[0.0].argmax(axis=1)]
        lines.append(
            {
                "model": one.task.name,
                "repeat": one.task.repeat,
                "fold": one.task.fold,
                "train": one.train,
                "test": len(one.test),
                "accuracy": accuracy_score(y, guess),
                "macro_f1": f1_score(y, guess, average="macro", zero_division=0),
                "weighted_f1": f1_score(y, guess, average="weighted", zero_division=0),
                "macro_precision": precision_score(y, guess, average="macro", zero_division=0),
                "macro_recall": recall_score(y, guess, average="macro", zero_division=0),
            }
        )
    return pd.DataFrame(lines)


def timings(done: list[Fit]) -> pd.DataFrame:
    """Median, 5th and 95th percentile of train_s (CPU seconds per fold) and predict_ms (per clip), by model."""
    each = pd.DataFrame(
        [(f.task.name, f.train_s, 1000 * f.predict_s / len(f.test)) for f in done],
        columns=["model", "train_s", "predict_ms"],
    ).melt("model", var_name="measure")
    by = each.groupby(["model", "measure"])["value"]
    return pd.DataFrame({"value": by.median(), "low": by.quantile(0.05), "high": by.quantile(0.95)}).reset_index()


def scores_of(tables: Mapping[str, pd.DataFrame], *, seed: int) -> pd.DataFrame:
    """Scores of each model with intervals: model, measure, emotion, value, low, high."""
    scored = [metrics.scores(table, seed=seed).assign(model=model) for model, table in tables.items()]
    return pd.concat(scored, ignore_index=True)[["model", "measure", "emotion", "value", "low", "high"]]


def robustness(done: list[Fit], clips: Clips, rows: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Scores under feature errors: model, noise, measure, value, low, high."""
    parts = []
    for noise in sorted({level for one in done for level in one.proba}):
        tables = by_model(out_of_fold(done, clips, noise=noise), rows)
        scored = scores_of(tables, seed=seed).query("measure in ['macro_f1', 'accuracy', 'ece']")
        parts.append(scored.assign(noise=noise))
    return pd.concat(parts, ignore_index=True)[["model", "noise", "measure", "value", "low", "high"]]


def tuning(done: list[Fit]) -> pd.DataFrame:
    """Settings chosen by the search in each fold: model, repeat, fold, settings (JSON), train_s."""
    lines = [
        (f.task.name, f.task.repeat, f.task.fold, json.dumps(f.settings, sort_keys=True), round(f.train_s, 2))
        for f in done
    ]
    return pd.DataFrame(lines, columns=["model", "repeat", "fold", "settings", "train_s"])


def ablation_effects(
    changed: list[Fit], bases: list[Fit], clips: Clips, rows: pd.DataFrame, *, seed: int
) -> pd.DataFrame:
    """Compare each ablation with its base on the same folds.

    Returns
    -------
    Columns: name, label, kind, base, macro_f1, macro_f1_noise (with `ablations.NOISE` error of every feature),
    difference (ablation minus base), low, high, p, p_holm, verdict.
    """
    options = ablations.options(seed)
    repeats = {f.task.repeat for f in changed}
    both = [*changed, *(f for f in bases if f.task.repeat in repeats)]
    tables, by_fold = by_model(out_of_fold(both, clips), rows), fold_scores(both, clips)
    pairs = [(name, option.base) for name, option in options.items()]
    compared = significance.compare(tables, by_fold, pairs=pairs, seed=seed).rename(columns={"a": "name"})
    shaken = by_model(out_of_fold(both, clips, noise=ablations.NOISE), rows)
    for column, source in (("macro_f1", tables), ("macro_f1_noise", shaken)):
        figures = [metrics.figure(metrics.scores(source[n], resamples=0), "macro_f1")["value"] for n in options]
        compared[column] = figures
    compared["label"] = [options[n].label for n in compared["name"]]
    compared["kind"] = [options[n].kind for n in compared["name"]]
    first = ["name", "label", "kind", "b", "macro_f1", "macro_f1_noise"]
    ordered = compared[[*first, "difference", "low", "high", "p", "p_holm", "verdict"]].rename(columns={"b": "base"})
    changed_it = np.where(ordered["difference"] > 0, "better", "worse")
    return ordered.assign(
        verdict=ordered["verdict"].where(ordered["verdict"] == significance.NO_DIFFERENCE, changed_it)
    )


def learning_curve(done: list[Fit], clips: Clips, rows: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Macro-F1 by number of training clips: model, share, train, value, low, high."""
    parts = []
    for share in sorted({f.task.share for f in done}):
        of_share = [f for f in done if f.task.share == share]
        scored = scores_of(by_model(out_of_fold(of_share, clips), rows), seed=seed).query("measure == 'macro_f1'")
        parts.append(scored.assign(share=share, train=round(float(np.mean([f.train for f in of_share])))))
    return pd.concat(parts, ignore_index=True)[["model", "share", "train", "value", "low", "high"]]


def learning_figures(
    done: list[Fit], tables: Mapping[str, pd.DataFrame], clips: Clips, rows: pd.DataFrame, *, seed: int
) -> dict[str, list[dict[str, Any]]]:
    """Learning curve of the champion and the value of more clips, as in metrics.json.

    done : the champion's fits of the curve.  clips : the development clips, which the served model is fitted on.
    """
    curve = {}
    for share in sorted({f.task.share for f in done}):
        of_share = [f for f in done if f.task.share == share]
        (curve[round(float(np.mean([f.train for f in of_share])))],) = by_model(
            out_of_fold(of_share, clips), rows
        ).values()
    value = value_of_more_clips(curve, trained=len(clips.y), seed=seed)
    points = tables["learning_curve"]
    own = points[points["model"] == done[0].task.name].drop(columns="model")
    return {
        "learning_curve": json.loads(own.to_json(orient="records", double_precision=6)),
        "learning_value": [asdict(value)] if value else [],
    }


def candidate_figures(run: TrainingRun) -> dict[str, dict[str, float]]:
    """Cross-validated figures of each candidate, and held-out figures with the prefix ``held_out_``.

    The cross-validated figures are those of the published development clips, as in the headline of the evaluation
    table; ``headline_macro_f1`` repeats macro-F1 under the name of that row. The name of a figure for one emotion ends
    with that emotion: ``f1_sad``.
    """
    figures: dict[str, dict[str, float]] = {}
    labelled = run.tables.get(LABELLED)
    published = run.out_of_fold
    if labelled is not None:
        published = published[~published["row"].isin(labelled["row"])]
    for prefix, predictions in (("", published), ("held_out_", run.held_out)):
        for model, own in predictions.groupby("model"):
            table = metrics.scores(run.with_labels(own), resamples=0)
            for measure, emotion, value in zip(table["measure"], table["emotion"], table["value"], strict=True):
                name = f"{prefix}{measure}" + ("" if emotion == ALL else f"_{emotion}")
                figures.setdefault(str(model), {})[name] = float(value)
    return {model: {**own, "headline_macro_f1": own["macro_f1"]} for model, own in figures.items()}
