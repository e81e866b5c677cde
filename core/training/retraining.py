"""Train a challenger on the stored labels, compare it with the champion, and score the stored clips.

A training registers a challenger and never changes the champion. Only `core.training.promotion.promote` changes the
champion, after the gate is passed and when a person asks for it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from core import file_names
from core.access import Action, requires
from core.dataset.loading import load_table
from core.dataset.table import Table, file_md5
from core.errors import ModelError, TableError
from core.evaluation.before_after import compare_results, describe_changes, label_changes
from core.evaluation.evaluation_table import LABELLED as LABELLED_ROW
from core.evaluation.results import Result
from core.evaluation.stored_evaluation import stored_results
from core.features import EXTRACTOR
from core.file_names import CHALLENGER, CHANGES, EACH, LEARNED
from core.full_disk import full_disk_means
from core.models import registry
from core.models.bundle import load_bundle
from core.models.description import ModelDescription, describe_alias
from core.models.policy import Policy
from core.models.prediction import WindowGuess
from core.models.tracking import log_run
from core.pipeline.deciding import Part, decide_pieces
from core.pipeline.serving import Served, serve
from core.records import ReportProgress
from core.same_recording import SameRecordings
from core.schema import COLUMNS, PROBA, FeatureVector
from core.settings import Settings
from core.store import (
    Store,
    features_table,
    predictions_table,
    read_windows,
    same_recordings,
    save_predictions,
    set_setting,
)
from core.training import labelled_data
from core.training.card import LABELLED
from core.training.labelled_data import LABELS_FILE, TrainingData, labels, labels_csv, predict_clips, seen_clips
from core.training.run_evaluation import run_results
from core.training.run_folder import NOT_REGISTERED, folder_of_run
from core.training.run_tables import candidate_figures
from core.training.status import LEARNED_HASH
from core.training.table_labels import TrainingTable

if TYPE_CHECKING:
    from core.models.training_run import TrainingRun

JOB, RESCORE = "retrain", "rescore"  # names of the locks
BATCH = 200  # clips per transaction


# --- training --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Retrained:
    """Result of a training: version in the registry, version of the bundle, and a summary for display."""

    version: str
    model_version: str
    summary: str


@requires(Action.TRAIN)
@full_disk_means(NOT_REGISTERED)
def train_challenger(
    store: Store,
    settings: Settings,
    *,
    progress: ReportProgress,
    seed: int = 0,
    repeats: int | None = None,
    by: str = "",
    table: TrainingTable | None = None,
) -> Retrained:
    """Train the champion's recipe on the published rows and the agreed labels, and register it as the challenger.

    Call `rescore` afterwards, so that the challenger scores the stored clips.

    Parameters
    ----------
    progress : called with the completed share in [0, 1] and a short text, but not after the registration. An exception
        from it stops the training, and nothing is registered.
    repeats : repeats of the folds; as in a full training by default.
    by : name of the person who started the training; stored with the model.
    table : labelled rows of a person's table, which train too; their provenance is stored with the model.

    Raises
    ------
    TableError : the published table is not available, an emotion has too few clips, or no row of ``table`` can be used.
    """
    from core.training.candidates import CHAMPION
    from core.training.publish import write_bundle
    from core.training.run import train_and_compare

    progress(0.0, "Reading the published table and the labels")
    published = load_table(settings, allow_download=True)
    if published.synthetic:
        raise TableError(
            f"The published table is not available, and models are not trained on synthetic clips. {published.note}"
        )
    data = training_data_of(published, labels(store), table, same_recordings(store))
    origin = {} if table is None else {"table": table.about | {"used": _used(data, table)}}
    champion = describe_alias(file_names.CHAMPION, settings=settings)
    run = train_and_compare(
        data.table,
        clips=data.clips(),
        only=(CHAMPION,),
        seed=seed,
        repeats=repeats,
        progress=lambda share, text: progress(0.02 + 0.83 * share, text),
    )
    run = replace(run, tables={**run.tables, LABELLED: data.labelled.drop(columns=["group", "held_out"])})
    progress(0.86, "Comparing with the champion")
    files, summary = _compare_with_champion(data, run, champion, settings, by=by, seed=seed, origin=origin)
    folder = settings.run_dir(run.created_at) / CHALLENGER
    with folder_of_run(folder.parent):
        progress(0.9, "Measuring the time for one clip")
        published_hash = data.published_hash
        model_version = write_bundle(run, data.table, folder, files=files, published=published_hash, speed=True)
        progress(0.95, "Registering the challenger")
        version = log_run(run, folder, figures=candidate_figures(run), settings=settings)
    set_setting(store, LEARNED_HASH, data.table.content_hash)
    of_table = "" if table is None else f" {_used(data, table)} rows of {table.about['name']} trained too."
    text = f"{model_version} is the challenger, version {version}.{of_table} {summary} {published.note}".strip()
    return Retrained(version, model_version, text)


def training_data_of(
    published: Table, stored: pd.DataFrame, own: TrainingTable | None, same: SameRecordings
) -> TrainingData:
    """Join the published rows, the agreed labels of the store and a person's table, with the MD5 of each of them.

    same : files that are one recording.
    """
    data = labelled_data.training_data(published, _with_table(stored, own), same)
    inputs = dict(published.inputs)
    if len(stored):
        inputs[LABELS_FILE] = file_md5(labels_csv(stored))
    if own is not None:
        name = own.about["name"]
        while name in inputs:  # a person's table may have the name of the published one
            name = f"own {name}"
        inputs[name] = own.about["md5"]
    return replace(data, table=replace(data.table, inputs=inputs))


def _with_table(stored: pd.DataFrame, table: TrainingTable | None) -> pd.DataFrame:
    """Join the labels of the store and of a table; the labels of the store come first."""
    if table is None:
        return stored
    parts = [part for part in (stored, table.labels) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else stored


def _used(data: TrainingData, table: TrainingTable) -> int:
    """Number of rows of the table that train. Raises TableError with the reasons if there is none."""
    used = int(data.labelled["clip_id"].isin(table.labels["clip_id"]).sum())
    if not used:
        reasons = data.left_out["reason"].value_counts()
        why = ", ".join(f"{reason} ({count})" for reason, count in reasons.items())
        raise TableError(f"No row of {table.about['name']} can be used for a training: {why}. Choose another table.")
    return used


def _compare_with_champion(
    data: TrainingData,
    run: "TrainingRun",
    champion: ModelDescription | None,
    settings: Settings,
    *,
    by: str,
    seed: int,
    origin: Mapping[str, object],
) -> tuple[dict[str, bytes], str]:
    """Files about the training and its effect, stored with the new model, and a summary of the effect in words."""
    learned = {
        "published_hash": data.published_hash,
        "published": data.published,
        "labelled": len(data.labelled),
        "left_out": int(len(data.left_out)),
        "compared_with": champion.version if champion else "",
        "by": by,
        **origin,
    }
    if champion is None:
        return {LEARNED: _json(learned)}, "There is no champion to compare it with."
    files = {LEARNED: _json(learned)}
    after = run_results(run, published=data.published_hash)
    after = {row: result.as_role(CHALLENGER) for row, result in after.items()}
    try:
        before = stored_results(champion, settings)
        files |= {EACH: _csv(_each_label(data, run, champion, before.get(LABELLED_ROW)))}
        changes = compare_results(before, after, seed=seed)
    except ModelError as error:  # the table has changed since the champion's training, or a file is damaged
        return files, str(error)
    files |= {CHANGES: _csv(changes)}
    return files, " ".join(describe_changes(changes)) or "There are too few clips to compare it with the champion."


def _each_label(
    data: TrainingData, run: "TrainingRun", champion: ModelDescription, known: Result | None
) -> pd.DataFrame:
    """Guesses of champion and new model for each labelled clip, each by a model that was not fitted on the clip.

    known : the champion's cross-validated predictions of the labelled clips in its own training.
    """
    seen, labelled = seen_clips(champion.folder), data.labelled
    new = labelled[~labelled["clip_id"].isin(seen)]
    before = predict_clips(new, load_bundle(champion.folder).model, data).merge(new[["row", "clip_id"]], on="row")
    if known is not None:
        before = pd.concat([before, known.predictions.rename(columns={"clip": "clip_id"})], ignore_index=True)
    own = run.out_of_fold[run.out_of_fold["model"] == run.champion]
    after = own.merge(labelled[["row", "clip_id"]], on="row")
    return label_changes(labelled, before[["clip_id", *PROBA]], after[["clip_id", *PROBA]])


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n", float_format="%.6g").encode()


def _json(content: dict[str, object]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


# --- stored clips ----------------------------------------------------------------------------------------------------


@requires(Action.CHOOSE_MODEL)
def score_stored(store: Store, settings: Settings, *, role: str, progress: ReportProgress) -> int:
    """Score every stored clip that the champion or the challenger has not scored; return the number of new scores.

    Each clip is decided under the policy of its newest prediction. Clips without any prediction are skipped.

    role : ``"champion"`` or ``"challenger"``.
    """
    served = serve(settings, alias=role)
    newest = predictions_table(store, role="champion", latest=True)
    done = predictions_table(store, role=role, model_version=served.model.version)["clip_id"]
    missing = newest[~newest["clip_id"].isin(done)]
    windows = {clip: read_windows(text) for clip, text in zip(missing["clip_id"], missing["windows"], strict=True)}
    done_now = 0
    for n, (policy, ids) in enumerate(batches := list(_batches(missing)), 1):
        done_now += _store_scores(store, served, {clip: windows[clip] for clip in ids}, policy, role)
        progress(n / len(batches), f"Scoring {len(missing)} stored clips")
    return done_now


def _batches(missing: pd.DataFrame) -> Iterable[tuple[Policy, list[str]]]:
    for policy, part in missing.groupby("policy"):
        ids = part["clip_id"].tolist()
        for at in range(0, len(ids), BATCH):
            yield Policy.from_json(str(policy)), ids[at : at + BATCH]


def _store_scores(
    store: Store, served: Served, windows: Mapping[str, Sequence[WindowGuess]], policy: Policy, role: str
) -> int:
    """Score the measured clips and store the predictions; return their number.

    windows : clip -> windows of its earlier prediction; none for a prediction from one window.
    """
    ids = {*windows, *(window.clip_id for several in windows.values() for window in several)}
    features = features_table(store, EXTRACTOR, clip_ids=sorted(ids))[list(COLUMNS)]
    vectors = {
        str(clip): FeatureVector(str(clip), EXTRACTOR, row)
        for clip, row in zip(features.index, features.to_numpy(dtype=float), strict=True)
    }
    pieces = [
        [Part(vectors[w.clip_id], w.start_s, w.end_s) for w in several if w.clip_id in vectors] or [Part(vectors[clip])]
        for clip, several in windows.items()
        if clip in vectors
    ]
    scored = [(one.prediction, one.decision) for one in decide_pieces(pieces, served, policy=policy)]
    save_predictions(store, scored, policy=policy, role=role)
    return len(scored)


@requires(Action.CHOOSE_MODEL)
def rescore(store: Store, settings: Settings, *, progress: ReportProgress) -> int:
    """Score every stored clip with the champion and the challenger, after one of them has changed.

    If a model changes during the run, the clips are scored again with the new model, so promotions need not wait.
    Returns the number of new scores.
    """
    count = 0
    while True:
        roles = {
            alias: registry.find(alias, settings=settings) for alias in (file_names.CHAMPION, file_names.CHALLENGER)
        }
        count += score_stored(
            store, settings, role="champion", progress=lambda share, text: progress(0.5 * share, text)
        )
        if roles[file_names.CHALLENGER] is not None:
            count += score_stored(
                store, settings, role="challenger", progress=lambda s, text: progress(0.5 + 0.5 * s, text)
            )
        if all(registry.find(alias, settings=settings) == model for alias, model in roles.items()):
            return count
