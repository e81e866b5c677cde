"""Read a model's results and its evaluation table from its stored files.

Models of version 0.2 have no evaluation table. Their table is computed from the stored predictions. A figure whose
predictions are no longer available is taken from metrics.json; without it, the figure is "not recorded".
"""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from core.errors import ModelError
from core.evaluation import evaluation_table as tables
from core.evaluation.evaluation_table import DEVELOPMENT, HELD_OUT, LABELLED, EvaluationTable
from core.evaluation.leaderboard import download_name
from core.evaluation.metrics import share_interval
from core.evaluation.results import ModelRef, Protocol, Result, make_result
from core.evaluation.run_files import Comparison, read_run
from core.file_names import ABOUT, COMPARISON, EVALUATION, LEARNED, OUT_OF_FOLD, POLICY
from core.file_names import ALL_CLIPS as ALL_CLIPS_FILE
from core.file_names import HELD_OUT as HELD_OUT_FILE
from core.models import registry
from core.models.bundle import read_policies
from core.models.description import ModelDescription, training_rows
from core.models.policy import Policy
from core.schema import PROBA
from core.settings import Settings
from core.spreadsheets import csv_for_people


def published_hash(model: ModelDescription) -> str:
    """Content hash of the published table in the model's training."""
    if model.has(LEARNED):
        return str(json.loads(model.read(LEARNED))["published_hash"])
    return model.data_hash


def stored_results(model: ModelDescription, settings: Settings) -> dict[str, Result]:
    """Results of a model by row of the evaluation table, from its stored predictions; rows without files are left out.

    Raises ModelError when a file is damaged, or belongs to another training.
    """
    rows = training_rows(model, settings)
    if rows is None:
        return {}
    rows = rows.assign(clip_id=rows["clip_id"].fillna("") if "clip_id" in rows else "")
    found: dict[str, Result] = {}

    def add(row: str, predictions: pd.DataFrame, protocol: Protocol) -> None:
        if len(predictions):
            ref = ModelRef(model.version, model.role)
            table = _with_labels(predictions, rows)
            found[row] = make_result(table, model=ref, protocol=protocol, published=published_hash(model))

    own = _read(model, OUT_OF_FOLD)
    held_rows, labelled_rows = (set(rows.loc[part, "row"]) for part in (rows["held_out"], rows["clip_id"] != ""))
    everything = own if set(own["row"]) & held_rows else None  # as in version 0.2: all distinct clips
    if model.has(ALL_CLIPS_FILE):
        everything = _read(model, ALL_CLIPS_FILE)
    runs = list(_runs(model, settings))
    if set(own["row"]) & held_rows:
        run = runs[0] if runs else None
        own = run.out_of_fold[run.out_of_fold["model"] == run.champion] if run else own.iloc[:0]
    add(DEVELOPMENT, own[~own["row"].isin(labelled_rows)], Protocol.CROSS_VALIDATED)
    labelled = own[own["row"].isin(labelled_rows)]
    if everything is None and len(labelled):
        everything = own
    if everything is not None:
        add(tables.ALL_CLIPS, everything, Protocol.CROSS_VALIDATED)
    held = _held_out(model, runs, settings)
    if held is not None:
        add(HELD_OUT, held[held["row"].isin(held_rows)], Protocol.HELD_OUT)
    add(LABELLED, labelled, Protocol.CROSS_VALIDATED)
    return found


def _read(model: ModelDescription, file: str) -> pd.DataFrame:
    content = model.read(file)
    try:
        table = pd.read_csv(io.BytesIO(content))
        return table[["row", *(c for c in ("repeat", "fold") if c in table), *PROBA]]
    except (ValueError, KeyError) as error:
        words = "held-out" if file == HELD_OUT_FILE else "out-of-fold"
        raise ModelError(f"The {words} predictions of the model cannot be read ({error}). Train again.") from error


def _with_labels(predictions: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    table = predictions.drop(columns=[c for c in ("model", "fold", "y", "group", "clip_id") if c in predictions])
    table = table.merge(rows[["row", "y", "group", "clip_id"]], on="row", how="left", validate="many_to_one")
    if table["y"].isna().any():
        raise ModelError("The stored results and the model come from different training runs. Train again.")
    return table


def _runs(model: ModelDescription, settings: Settings) -> Iterator[Comparison]:
    """Stored comparisons that come from the same training run as the model."""
    for folder in (settings.comparison_dir, settings.run_dir(model.created_at) / COMPARISON):
        about = folder / ABOUT
        if about.is_file():
            known = json.loads(about.read_text(encoding="utf-8"))
            if is_winner(model, known):
                yield read_run(folder)


def winner_results(run: Comparison, *, role: str = "champion") -> dict[str, Result]:
    """Results of the winner of a stored comparison: headline and held-out row."""
    ref = ModelRef(run.champion, role)
    published = str(run.about["data_hash"])
    return {
        row: make_result(
            run.predictions(run.champion, held_out=protocol == Protocol.HELD_OUT),
            model=ref,
            protocol=protocol,
            published=published,
        )
        for row, protocol in ((DEVELOPMENT, Protocol.CROSS_VALIDATED), (HELD_OUT, Protocol.HELD_OUT))
    }


def is_winner(model: ModelDescription, about: "dict[str, object] | Comparison") -> bool:
    """True if the model is the winner of this comparison. Not the data decide: two runs may use the same data."""
    facts = about.about if isinstance(about, Comparison) else about
    return (model.created_at, model.data_hash) == (facts.get("created_at"), facts.get("data_hash"))


def model_id(run: Comparison, algorithm: str, in_use: ModelDescription | None) -> str:
    """Name of a model of a run in file names and sources: its version if it is in use, as on all other pages.

    The models that did not win have no version: algorithm, day and revision of the run name them.
    """
    if in_use is not None and algorithm == run.champion and is_winner(in_use, run):
        return in_use.version
    return download_name(run, algorithm)


def _held_out(model: ModelDescription, runs: list[Comparison], settings: Settings) -> pd.DataFrame | None:
    if model.has(HELD_OUT_FILE):
        return _read(model, HELD_OUT_FILE)
    if runs:
        return runs[0].held_out[runs[0].held_out["model"] == runs[0].champion]
    if not model.registered:
        return None
    try:
        return registry.read_held_out(model.registered, settings=settings)
    except ModelError:
        return None  # the row of the table is then "not recorded"


def predictions_csv(results: Mapping[str, Result], *, comments: str = "") -> bytes:
    """All predictions of the results as CSV: part (row of the evaluation table), protocol, clip, y, repeat, p_*.

    comments : lines before the column names, from `core.source_note.SourceNote.header`.
    """
    parts = [
        result.predictions.assign(part=row, protocol=str(result.protocol), repeat=result.predictions.get("repeat", 0))
        for row, result in results.items()
    ]
    columns = ["part", "protocol", "clip", "group", "y", "repeat", *PROBA]
    table = pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
    return csv_for_people(table, index=False, comments=comments)


def headline_result(model: ModelDescription, settings: Settings) -> Result:
    """Predictions behind the headline. Raises ModelError when they are not available."""
    found = stored_results(model, settings).get(tables.HEADLINE)
    if found is None:
        raise ModelError(
            f"The cross-validated predictions of the development clips were not recorded for model {model.version}. "
            "Train again."
        )
    return found


def read_evaluation(model: ModelDescription, settings: Settings) -> EvaluationTable:
    """The evaluation table of a model; for a model of version 0.2, computed from its stored files."""
    ref = ModelRef(model.version, model.role)
    stability = stability_line(model.metrics.get("stability", []))
    if model.has(EVALUATION):
        return tables.from_csv(model.read(EVALUATION), ref).with_lines(stability)
    seed = int(model.metrics.get("run", {}).get("seed", 0))
    with_labels = model.has(LEARNED)
    known = tables.lines_of_metrics(model.metrics, with_labels=with_labels)
    results, policy = stored_results(model, settings), stored_policy(model)
    lines = tables.evaluation_lines(results, seed=seed, policy=policy, known=known)
    table = tables.empty_table(ref).with_lines(known).with_lines(lines)
    return table.with_lines(_speed_of_0_2(model)).with_lines(stability)


SMALL_CHANGE = re.compile(r"dB|^(0\.)?1 s later$|^MP3 128$")  # changes that hardly anybody hears


def stability_line(measured: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Line of the evaluation table with the largest share of other guesses after a small change of the sound.

    Its protocol names the music and the changes.

    measured : lines with music, change, windows, measure (``other_guess``), value, low, high, as stored in
        metrics.json.
    """
    small = [
        line
        for line in measured
        if line["measure"] == "other_guess" and SMALL_CHANGE.search(line["change"]) and line["value"] is not None
    ]
    if not small:
        return tables.empty_table(ModelRef("")).lines
    worst = max(small, key=lambda line: float(line["value"]))
    value, low, high = (float(worst[end]) for end in ("value", "low", "high"))
    changes: dict[str, list[str]] = {}
    for line in small:
        changes.setdefault(line["music"], []).append(line["change"])
    how = "; ".join(f"{music} ({', '.join(names)})" for music, names in changes.items())
    n = int(worst["windows"])
    if low == high:  # stored by a version whose interval had no width when all tracks agree
        tracks = int(worst.get("tracks", n))
        low, high = share_interval(value * tracks, tracks)
    return tables.measured_line(tables.STABILITY, "other_guess", n=n, value=value, low=low, high=high, how=how)


def stored_policy(model: ModelDescription) -> Policy:
    """Policy that was stored with the model, for the shares of accepted and right answers."""
    return read_policies(model.folder / POLICY).get("threshold", Policy()) if model.has(POLICY) else Policy()


def _speed_of_0_2(model: ModelDescription) -> pd.DataFrame:
    """The time that a model of version 0.2 has in its criteria; the number of clips was not recorded."""
    for line in model.metrics.get("acceptance", []):
        if str(line["criterion"]).startswith("Time") and line["value"] is not None:
            value = float(line["value"])
            return tables.measured_line(tables.SPEED, "latency_p95_s", n=0, value=value, low=value, high=value)
    return tables.empty_table(ModelRef(model.version)).lines
