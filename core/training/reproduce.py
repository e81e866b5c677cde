"""Train a stored model again from what its card names, and compare: figures, probabilities, bytes of the model.

The same table, seed and library versions give the same model to the bit. Other versions of the libraries may change the
last digits; the comparison says which versions differ and by how much the model does.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from core.dataset.table import Table
from core.errors import ModelError, TableError
from core.evaluation.evaluation_table import EvaluationTable, evaluation_lines, from_csv
from core.evaluation.results import ModelRef
from core.evaluation.stored_evaluation import stored_policy
from core.file_names import ALL_CLIPS, EVALUATION, HELD_OUT, MODEL, OUT_OF_FOLD, ROWS
from core.models.canonical import canonical
from core.models.description import ModelDescription, data_version_words
from core.models.model_files import skops_io
from core.models.training_run import TrainingRun
from core.records import ReportProgress
from core.schema import PROBA
from core.training import folds, provenance, run_tables
from core.training.candidates import LABELS, all_candidates
from core.training.card import LABELLED
from core.training.folds import FOLDS, Clips, Fit, Task
from core.training.run import held_out_predictions
from core.training.run_evaluation import run_results

DIGITS_OF_FIGURES = 6  # significant digits of a stored figure
_KEYS = ["row", "measure", "emotion"]


@dataclass(frozen=True)
class Difference:
    """How far two tables of numbers are apart.

    what : name of the table.  n : numbers compared.  differ : numbers that are not equal, or that only one table has.
    largest : largest absolute difference; NaN if no number is in both.
    """

    what: str
    n: int
    differ: int
    largest: float


@dataclass(frozen=True, eq=False)
class Reproduction:
    """The stored model beside the model that was trained again.

    Attributes
    ----------
    versions : version then and now of the libraries that differ; an empty text where it is not known.
    revisions : revision of the code then and now.
    probabilities : one comparison for each file of probabilities.
    figures : comparison of the evaluation table; the rows that are measured on sound are left out.
    changed_figures : row, measure, emotion, stored, again: the figures that differ, with their intervals as text.
    parts : parts of the model file, such as arrays.
    changed_parts : parts that differ; 0 means that the models are equal to the bit.
    """

    model: ModelDescription
    versions: Mapping[str, tuple[str, str]]
    revisions: tuple[str, str]
    probabilities: tuple[Difference, ...]
    figures: Difference
    changed_figures: pd.DataFrame
    parts: int
    changed_parts: int

    @property
    def equal(self) -> bool:
        """True if model and probabilities are equal. Figures that differ then are computed in another way now."""
        return not self.changed_parts and not any(one.differ for one in self.probabilities)


def reproduce(
    model: ModelDescription,
    table: Table,
    clips: Clips,
    *,
    labelled: pd.DataFrame | None = None,
    published: str = "",
    progress: ReportProgress | None = None,
) -> Reproduction:
    """Train a model again and compare it with its files.

    Parameters
    ----------
    table, clips : the table of the training, and its distinct clips with their groups and held-out part.
    labelled : rows of the clips that people labelled, if the model was trained on such clips too.
    published : content hash of the published table in that case; by default the hash of ``table``.
    progress : called with the completed share in [0, 1] and a short text.

    Raises
    ------
    TableError : the table, the recordings or the held-out clips are not those of the training.
    ModelError : the recipe or the protocol of the training is not known to this program, or a file was changed.
    """
    facts, protocol = model.metrics["run"], model.metrics["protocol"]
    if table.content_hash != model.data_hash:
        if labelled is not None:
            raise TableError(
                f"{model.version} was trained on the published table and on labels. These labels have changed since, "
                f"or the table that trained too is missing (--table). Its data version: {data_version_words(model)}."
            )
        raise TableError(
            f"{model.version} was trained on the table with content hash {model.data_hash[:12]}; this table has "
            f"{table.content_hash[:12]}. Get the table of the training and name it in TME_TABLE. Its data version: "
            f"{data_version_words(model)}."
        )
    _require_same_clips(model, clips)
    name, seed, repeats = str(model.manifest["name"]), int(facts["seed"]), int(protocol["repeats"])
    if name not in all_candidates(seed) or protocol["folds"] != FOLDS:
        raise ModelError(
            f"This program does not know the recipe {name} with {protocol['folds']} folds. Use the version of the "
            f"program that trained it (code revision {facts['revision'] or 'not known'})."
        )
    fits = _fit_again(name, clips, seed=seed, repeats=repeats, whole=model.has(ALL_CLIPS), progress=progress)
    again = _as_run(name, fits, clips, table, seed=seed)
    if labelled is not None:
        again = replace(again, tables={LABELLED: labelled})
    stored = from_csv(model.read(EVALUATION), ModelRef(model.version))
    results = run_results(again, published=published)
    lines = evaluation_lines(results, seed=seed, policy=stored_policy(model))
    figures, changed = compare_figures(stored, lines)
    old, new = _parts(model.read(MODEL)), _parts(skops_io().dumps(again.pipelines[name]))
    return Reproduction(
        model,
        _other_versions(facts["versions"], again.versions),
        (str(facts["revision"]), again.revision),
        tuple(_compare_probabilities(model, again)),
        figures,
        changed,
        len(old.keys() | new.keys()),
        sum(old.get(part) != new.get(part) for part in old.keys() | new.keys()),
    )


def _require_same_clips(model: ModelDescription, clips: Clips) -> None:
    """Raise TableError unless labels, recordings and held-out clips are those of the training."""
    if not model.has(ROWS):
        return
    known, now = pd.read_csv(io.BytesIO(model.read(ROWS))), clips.rows()
    columns = ["row", "y", "group", "held_out"]
    if known[columns].to_numpy().tolist() != now[columns].to_numpy().tolist():
        raise TableError(
            f"{model.version} was trained on the same rows, but other clips belonged together as one recording then, "
            "or others were held out. Use the data and the version of the program of that time (code revision "
            f"{model.metrics['run']['revision'] or 'not known'})."
        )


def _fit_again(
    name: str, clips: Clips, *, seed: int, repeats: int, whole: bool, progress: ReportProgress | None
) -> dict[str, list[Fit]]:
    """The fits of one candidate by their kind, as `core.training.run` makes them."""
    pipeline = all_candidates(seed)[name].pipeline
    grid = [(repeat, fold) for repeat in range(repeats) for fold in range(FOLDS)]
    development = [Task("fold", name, pipeline, r, f) for r, f in grid] + [Task("final", name, pipeline)]
    everything = [Task("judged", name, pipeline, r, f) for r, f in grid] if whole else []
    done: dict[str, list[Fit]] = {"fold": [], "final": [], "judged": []}
    count = 0
    for tasks, part in ((development, clips.part(~clips.held_out)), (everything, clips)):
        for one in folds.run_fits(tasks, part, seed=seed):
            done[one.task.kind].append(one)
            count += 1
            if progress:
                progress(count / len(development + everything), "Training again")
    return done


def _as_run(name: str, fits: Mapping[str, list[Fit]], clips: Clips, table: Table, *, seed: int) -> TrainingRun:
    """The fits as a training run of one candidate."""
    development, rest = clips.part(~clips.held_out), clips.part(clips.held_out)
    pipelines = {name: fits["final"][0].fitted}
    judged = fits["judged"]
    return TrainingRun(
        champion=name,
        labels_of={name: LABELS[name]},
        pipelines=pipelines,
        rows=clips.rows(),
        out_of_fold=run_tables.out_of_fold(fits["fold"], development),
        held_out=held_out_predictions(pipelines, rest),
        shap={},
        tables={},
        metrics={},
        parameters={},
        all_clips=run_tables.out_of_fold(judged, clips).drop(columns="model") if judged else pd.DataFrame(),
        **provenance.facts(table, seed=seed, quick=False),
    )


def _compare_probabilities(model: ModelDescription, again: TrainingRun) -> list[Difference]:
    """Compare the stored probabilities with the new ones, file by file."""
    files = {
        "Out-of-fold probabilities, development clips": (OUT_OF_FOLD, again.out_of_fold),
        "Out-of-fold probabilities, all clips": (ALL_CLIPS, again.all_clips),
        "Probabilities of the held-out clips": (HELD_OUT, again.held_out),
    }
    found = []
    for what, (file, new) in files.items():
        if not model.has(file):
            continue
        old = pd.read_csv(io.BytesIO(model.read(file)))
        keys = [key for key in ("row", "repeat") if key in old]
        both = old.set_index(keys)[list(PROBA)].align(new.set_index(keys)[list(PROBA)], join="outer")
        found.append(compare_numbers(what, both[0].to_numpy(), both[1].to_numpy()))
    return found


def compare_numbers(what: str, old: np.ndarray, new: np.ndarray) -> Difference:
    """Compare two arrays of the same shape. NaN equals NaN; NaN beside a number is a difference."""
    same = (old == new) | (np.isnan(old) & np.isnan(new))
    apart = np.abs(old - new)
    largest = float(np.nanmax(apart)) if np.isfinite(apart).any() else float("nan")
    return Difference(what, old.size, int((~same).sum()), largest)


def compare_figures(stored: EvaluationTable, lines: pd.DataFrame) -> tuple[Difference, pd.DataFrame]:
    """Compare the stored figures of the rows in ``lines`` with new figures; also return those that differ.

    Values and both ends of each interval count, rounded as they are stored.
    """
    numbers = ["value", "low", "high"]
    old = stored.lines[stored.lines["row"].isin(set(lines["row"]))].set_index(_KEYS)[numbers]
    new = lines.set_index(_KEYS)[numbers].astype(float).map(lambda x: float(f"%.{DIGITS_OF_FIGURES}g" % x))
    old, new = old.align(new, join="outer")
    difference = compare_numbers("Figures", old.to_numpy(dtype=float), new.to_numpy(dtype=float))
    same = ((old == new) | (old.isna() & new.isna())).all(axis=1)
    changed = pd.DataFrame(index=old.index[~same]).reset_index()
    for name, table in (("stored", old), ("again", new)):
        changed[name] = [_text(figure) for _, figure in table[~same].iterrows()]
    return difference, changed


def _text(figure: pd.Series) -> str:
    if figure.isna().all():
        return "not recorded"
    value, low, high = (f"{figure[name]:.6g}" for name in ("value", "low", "high"))
    return value if figure[["low", "high"]].isna().all() else f"{value} ({low} to {high})"


def _parts(data: bytes) -> dict[str, bytes]:
    """The parts of a model file by name; equal models have equal parts.

    The text that names the version of skops is left out: it says how the file was written.
    """
    with zipfile.ZipFile(io.BytesIO(canonical(data))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    schema: dict[str, Any] = json.loads(parts["schema.json"])
    schema.pop("_skops_version", None)
    return parts | {"schema.json": json.dumps(schema).encode()}


def _other_versions(then: Mapping[str, str], now: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The libraries whose versions differ, with both versions."""
    return {
        name: (then.get(name, ""), now.get(name, "")) for name in {**then, **now} if then.get(name) != now.get(name)
    }
