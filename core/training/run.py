"""Train, compare, calibrate and document all candidate models on a labelled table.

Protocol: exact duplicates are dropped, near-duplicates share a group, and the held-out clips are never used to choose
a model. Every candidate is fitted on the same 10 x 5 grouped folds of the remaining development clips; medians, scales,
temperatures and tuned settings are learned inside each fold. The champion, fixed in advance, is then evaluated in the
same way on all distinct clips. The served model is fitted on development clips only, so that the held-out clips remain
a test for it and for later challengers.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed, parallel_config
from sklearn.pipeline import Pipeline

from core.dataset.table import Table
from core.evaluation import significance
from core.evaluation.leaderboard import TUNED
from core.evaluation.metrics import RESAMPLES
from core.evaluation.run_files import DIGITS
from core.models import explanation
from core.models.training_run import TrainingRun
from core.records import ReportProgress
from core.schema import PROBA
from core.training import ablations, folds, provenance, run_tables
from core.training.candidates import ALGORITHMS, CHAMPION, LABELS, all_candidates, searched
from core.training.folds import FOLDS, Clips, Fit, Task

REPEATS = 10
TUNED_REPEATS = 2  # a search costs about twenty fits per fold
ABLATION_REPEATS = 3
LEARNING_REPEATS = 2
LEARNING_SHARES = (0.2, 0.4, 0.6, 0.8)  # of the training clips of a fold; the comparison itself is the last point
LEARNERS = (CHAMPION, "random_forest", "svm_rbf", "logistic_regression")
NOISE = (0.01, 0.02, 0.05, 0.1, 0.2)

SLOW = ("stacking",)  # skipped in a quick run: costs as much as all other candidates except the champion
EXPLAINED = (*ALGORITHMS, CHAMPION)
EXPLAINED_PARTS = 8  # parts of the table, so that all cores work and the progress bar moves
_EXPLAINING = "Explaining every clip"


_WORDS = {
    "fold": "Comparing the models on the folds",
    "tuned": "Searching for better settings inside the folds",
    "ablation": "Measuring the effect of each part",
    "learning": "Measuring the effect of more clips",
    "final": "Fitting the models on all development clips",
    "judged": "Evaluating the champion on all clips",
}


def train_and_compare(
    table: Table,
    *,
    seed: int = 0,
    quick: bool = False,
    progress: ReportProgress | None = None,
    clips: Clips | None = None,
    only: Collection[str] = (),
    repeats: int | None = None,
) -> TrainingRun:
    """Train and evaluate all candidates.

    The same table and seed give the same figures; only the timings differ.

    Parameters
    ----------
    quick : run one repeat without tuning, ablations, explanations and stacking: seconds instead of minutes.
    clips : clips of the table with their groups and held-out part; computed from the table by default.
    only : names of the candidates to train, without tuning, ablations and explanations; all candidates if empty.
    repeats : repeats of the folds; ``REPEATS`` by default.
    progress : called with the completed share in [0, 1] and a short text.

    Raises
    ------
    TableError : the table has too few clips.
    """
    tell = progress or (lambda share, text: None)
    clips = clips or folds.distinct_clips(table)
    development = clips.part(~clips.held_out)
    repeats = repeats or (1 if quick else REPEATS)
    whole = not quick and not only
    tasks = list(_tasks(seed=seed, quick=quick, only=only, repeats=repeats))
    last = list(_champion_tasks(seed=seed, repeats=repeats)) if whole else []
    done: list[Fit] = []
    for part, of in ((tasks, development), (last, clips)):
        for one in folds.run_fits(part, of, seed=seed):
            done.append(one)
            tell((0.75 if whole else 0.95) * len(done) / len(tasks + last), _WORDS[one.task.kind])
    shap: dict[str, pd.DataFrame] = {}
    if whole:
        pipelines = {f.task.name: f.fitted for f in done if f.task.kind == "final" and f.task.name in EXPLAINED}
        shap = _explain(pipelines, clips, seed=seed, tell=lambda share: tell(0.75 + 0.2 * share, _EXPLAINING))
    tell(0.95, "Computing the figures and their intervals")
    done.sort(key=lambda f: (f.task.kind, f.task.name, f.task.share, f.task.repeat, f.task.fold))
    finished = _assemble(done, clips, shap, table=table, seed=seed, quick=quick)
    tell(1.0, "Done")
    return finished


def _explain(
    pipelines: Mapping[str, Pipeline], clips: Clips, *, seed: int, tell: Callable[[float], None]
) -> dict[str, pd.DataFrame]:
    """Feature contributions (SHAP) of every clip, including held-out clips, by model."""
    development = clips.part(~clips.held_out)
    background = explanation.make_background(development.X, development.y.tolist(), seed=seed)
    parts = np.array_split(np.arange(len(clips.y)), EXPLAINED_PARTS)
    jobs = [(name, part) for name in pipelines for part in parts]
    with parallel_config(backend="loky", n_jobs=cpu_count(), inner_max_num_threads=1):
        run_all = Parallel(return_as="generator")(
            delayed(explanation.explain_table)(
                pipelines[name], clips.X.iloc[part], background, seed=seed + int(part[0])
            )
            for name, part in jobs
        )
        made: dict[str, list[pd.DataFrame]] = {name: [] for name in pipelines}
        for i, ((name, _), table) in enumerate(zip(jobs, run_all, strict=True)):
            made[name].append(table)
            tell((i + 1) / len(jobs))
    return {name: pd.concat(tables, ignore_index=True) for name, tables in made.items()}


def _tasks(*, seed: int, quick: bool, only: Collection[str], repeats: int) -> Iterator[Task]:
    """Tasks of a run on the development clips."""
    left_out = SLOW if quick else ()
    made = {n: c for n, c in all_candidates(seed).items() if (n in only if only else n not in left_out)}
    grid = [(repeat, fold) for repeat in range(repeats) for fold in range(FOLDS)]
    for repeat, fold in grid:
        for name, candidate in made.items():
            levels = NOISE if name == CHAMPION or not quick else ()
            yield Task("fold", name, candidate.pipeline, repeat, fold, levels)
    for name, candidate in made.items():
        yield Task("final", name, candidate.pipeline)
    if quick:
        return
    for name in made.keys() & set(LEARNERS):
        for share in LEARNING_SHARES:
            few = [(r, f) for r, f in grid if r < LEARNING_REPEATS]
            yield from (Task("learning", name, made[name].pipeline, r, f, share=share) for r, f in few)
    if only:
        return
    for name in ALGORITHMS:
        search = searched(made[name], seed=seed)
        yield Task("final", name + TUNED, search)
        yield from (Task("tuned", name + TUNED, search, r, f) for r, f in grid if r < TUNED_REPEATS)
    for name, option in ablations.options(seed).items():
        noise = (ablations.NOISE,)
        yield from (Task("ablation", name, option.pipeline, r, f, noise) for r, f in grid if r < ABLATION_REPEATS)


def _champion_tasks(*, seed: int, repeats: int) -> Iterator[Task]:
    """Tasks for the champion on folds of all distinct clips."""
    pipeline = all_candidates(seed)[CHAMPION].pipeline
    for repeat in range(repeats):
        yield from (Task("judged", CHAMPION, pipeline, repeat, fold, NOISE) for fold in range(FOLDS))


def _assemble(
    done: list[Fit],
    clips: Clips,
    shap: Mapping[str, pd.DataFrame],
    *,
    table: Table,
    seed: int,
    quick: bool,
) -> TrainingRun:
    """Collect the fits into the tables and figures of a run."""
    kinds: dict[str, list[Fit]] = {kind: [f for f in done if f.task.kind == kind] for kind in _WORDS}
    development, rest, rows = clips.part(~clips.held_out), clips.part(clips.held_out), clips.rows()
    compared = [*kinds["fold"], *kinds["tuned"]]
    stored, fold_scores = run_tables.out_of_fold(compared, development), run_tables.fold_scores(compared, development)
    tables_of = run_tables.by_model(stored, rows)
    pipelines = {f.task.name: f.fitted for f in kinds["final"]}
    on_held_out = held_out_predictions(pipelines, rest)
    held_out_of = run_tables.by_model(on_held_out, rows)
    tables = {
        "scores": run_tables.scores_of(tables_of, seed=seed),
        "held_out_scores": run_tables.scores_of(held_out_of, seed=seed),
        "folds": fold_scores,
        "timings": run_tables.timings(compared),
        "pairs": significance.compare({n: t for n, t in tables_of.items() if n in LABELS}, fold_scores, seed=seed),
        "robustness": run_tables.robustness(kinds["fold"], development, rows, seed=seed),
    }
    if kinds["tuned"]:
        pairs = [(name + TUNED, name) for name in ALGORITHMS]
        tables["tuning"] = run_tables.tuning(kinds["tuned"])
        tables["tuned_against_default"] = significance.compare(tables_of, fold_scores, pairs=pairs, seed=seed)
        tables["ablations"] = run_tables.ablation_effects(
            kinds["ablation"], kinds["fold"], development, rows, seed=seed
        )
    learning = [*kinds["learning"], *(f for f in kinds["fold"] if _is_last_point(f))] if kinds["learning"] else []
    if learning:
        tables["learning_curve"] = run_tables.learning_curve(learning, development, rows, seed=seed)
    about = provenance.facts(table, seed=seed, quick=quick)
    judged = kinds["judged"] or [f for f in kinds["fold"] if f.task.name == CHAMPION]
    metrics = _metrics(judged, clips if kinds["judged"] else development, rows, about)
    of_champion = [f for f in learning if f.task.name == CHAMPION]
    metrics |= run_tables.learning_figures(of_champion, tables, development, rows, seed=seed) if of_champion else {}
    all_clips = (
        run_tables.out_of_fold(kinds["judged"], clips).drop(columns="model") if kinds["judged"] else pd.DataFrame()
    )
    labels = LABELS | {name + TUNED: f"{LABELS[name]}, tuned" for name in ALGORITHMS}
    return TrainingRun(
        champion=CHAMPION,
        labels_of={name: labels[name] for name in tables_of},
        pipelines=pipelines,
        rows=rows,
        out_of_fold=stored,
        held_out=on_held_out,
        shap=shap,
        tables=tables,
        metrics=metrics,
        parameters=provenance.parameters(pipelines, seed=seed),
        all_clips=all_clips,
        **about,
    )


def _is_last_point(one: Fit) -> bool:
    """Whether a fit of the comparison, which uses all clips of its fold, is also a point of the learning curve."""
    return one.task.name in LEARNERS and one.task.repeat < LEARNING_REPEATS


def held_out_predictions(pipelines: Mapping[str, Pipeline], clips: Clips) -> pd.DataFrame:
    """Predictions of the fitted pipelines for the held-out clips: model, row, p_*."""
    parts = []
    for name, pipeline in pipelines.items():
        part = pd.DataFrame(pipeline.predict_proba(clips.X).round(DIGITS), columns=list(PROBA))
        parts.append(part.assign(model=name, row=clips.X.index)[["model", "row", *PROBA]])
    return pd.concat(parts, ignore_index=True)


def _metrics(judged: list[Fit], clips: Clips, rows: pd.DataFrame, about: Mapping[str, Any]) -> dict[str, Any]:
    """Content of metrics.json: provenance, protocol, and figures with errors in the features.

    All other figures are in the evaluation table (`core.training.run_evaluation`).

    judged, clips : the champion's cross-validation with feature errors, and its clips.
    """
    shaken = run_tables.robustness(judged, clips, rows, seed=about["seed"])
    lines = json.loads(shaken.drop(columns="model").to_json(orient="records", double_precision=6))
    return {
        "model": CHAMPION,
        "run": about,
        "protocol": {
            "rows": len(rows),
            "groups": int(rows["group"].nunique()),
            "judged": len(clips.y),
            "development": int((~rows["held_out"]).sum()),
            "held_out": int(rows["held_out"].sum()),
            "folds": FOLDS,
            "repeats": len({fit.task.repeat for fit in judged}),
            "resamples": RESAMPLES,
        },
        "robustness": lines,
    }
