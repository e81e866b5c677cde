"""The wiring of learning: stored labels to a challenger, and its comparison with the champion.

A training never changes which model is in use: it registers a challenger. Only `core.training.promotion.promote` does,
through the gate, and that is a person's click or command.
"""

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from core import file_names
from core.dataset.loading import load_table
from core.errors import TableError
from core.evaluation.before_after import FairPredictions, compare_predictions, describe_changes, label_changes
from core.evaluation.gate import check_gate
from core.features import EXTRACTOR
from core.file_names import CHALLENGER, CHANGES, EACH, LEARNED, OUT_OF_FOLD, ROWS
from core.models import registry
from core.models.bundle import load_bundle
from core.models.description import ModelDescription, describe_alias
from core.models.policy import Policy
from core.models.prediction import Model
from core.models.tracking import log_run
from core.pipeline.scoring import predict_and_decide
from core.pipeline.serving import Served, serve
from core.schema import COLUMNS, PROBA, FeatureVector
from core.settings import Settings
from core.store import Store, features_table, predictions_table, save_predictions, set_setting
from core.training import labelled_data
from core.training.card import LABELLED
from core.training.labelled_data import TrainingData, labels, predict_clips, seen_clips, trained_rows
from core.training.run_tables import candidate_figures
from core.training.status import LEARNED_HASH

if TYPE_CHECKING:
    from core.models.training_run import TrainingRun

JOB, RESCORE = "retrain", "rescore"  # names of the locks
AT_ONCE = 200  # clips that are scored and stored together

Tell = Callable[[float, str], None]


# --- training --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Retrained:
    """What came of a training. version : in the registry.  model_version : of the bundle.  summary : for a person."""

    version: str
    model_version: str
    summary: str


def train_challenger(
    store: Store, settings: Settings, *, tell: Tell, seed: int = 0, repeats: int | None = None, by: str = ""
) -> Retrained:
    """Train the champion's recipe on the published rows and the agreed labels, and register it as the challenger.

    tell : called with the share done and a few words; an exception from it ends the work, and nothing is registered.
    It is not called after the registration. `rescore` then lets the challenger judge the stored clips.
    repeats : of the folds; as in a full training unless given.  by : who asked for it, kept with the model.
    Raises TableError when the published table is not at hand or an emotion has too few clips.
    """
    from core.training.candidates import CHAMPION
    from core.training.publish import write_bundle
    from core.training.run import train_and_compare

    tell(0.0, "Reading the published table and the labels")
    published = load_table(settings, allow_download=True)
    if published.synthetic:
        raise TableError(
            "The published table is not at hand, and a model of the synthetic stand-in would know no music. "
            f"{published.note}"
        )
    data = labelled_data.training_data(published, labels(store))
    champion = describe_alias(file_names.CHAMPION, settings=settings)
    run = train_and_compare(
        data.table,
        clips=data.clips(),
        only=(CHAMPION,),
        seed=seed,
        repeats=repeats,
        progress=lambda share, text: tell(0.02 + 0.83 * share, text),
    )
    run = replace(run, tables={**run.tables, LABELLED: data.labelled.drop(columns=["group", "held_out"])})
    tell(0.86, "Comparing with the model in use")
    files, summary = _compared(data, run, champion, by=by, seed=seed)
    folder = settings.run_dir(run.created_at) / CHALLENGER
    try:
        model_version = write_bundle(run, data.table, folder, files=files)
        tell(0.9, "Registering the challenger")
    except BaseException:
        shutil.rmtree(folder.parent, ignore_errors=True)
        raise
    version = log_run(run, folder, figures=candidate_figures(run), settings=settings)
    set_setting(store, LEARNED_HASH, data.table.content_hash)
    said = f"{model_version} is the challenger, version {version}. {summary} {published.note}".strip()
    return Retrained(version, model_version, said)


def _compared(
    data: TrainingData, run: "TrainingRun", champion: ModelDescription | None, *, by: str, seed: int
) -> tuple[dict[str, bytes], str]:
    """What is kept beside the new model of how it came about and what it changed; and the latter in words."""
    own = run.out_of_fold[run.out_of_fold["model"] == run.champion]
    after = FairPredictions(own, run.held_out[run.held_out["model"] == run.champion])
    learned = {
        "published_hash": data.published_hash,
        "published": data.published,
        "labelled": len(data.labelled),
        "left_out": int(len(data.left_out)),
        "compared_with": champion.version if champion else "",
        "by": by,
    }
    files = {ROWS: _csv(data.rows)}
    if champion is None:
        return files | {LEARNED: _json(learned)}, "There is no model in use to compare it with."
    before = said_by(champion, load_bundle(champion.folder).model, data)
    changes = compare_predictions(data.rows, before, after, seed=seed)
    held = data.rows[data.rows["held_out"]]
    found = check_gate(before.for_rows(held, repeats=1), after.for_rows(held, repeats=1), seed=seed)
    learned["gate"] = {"passed": found.passed, "reason": found.reason}
    files |= {CHANGES: _csv(changes), EACH: _csv(label_changes(data.rows, before, after)), LEARNED: _json(learned)}
    return files, " ".join(
        describe_changes(changes)
    ) or "There are too few clips for a comparison with the model in use."


def said_by(model: ModelDescription, loaded: Model, data: TrainingData) -> FairPredictions:
    """What a model says of the rows of a training table, each row as one that it was not fitted on.

    Rows of its own training: from its stored out-of-fold predictions, where its rows can be told from these. The
    other rows: by asking it. Development rows of which neither is possible are left out.
    """
    rows = data.rows
    known = _rows_in(model, data)
    stored = pd.read_csv(model.folder / OUT_OF_FOLD)
    stored = stored.assign(row=stored["row"].map(known)).dropna(subset="row").astype({"row": int})
    new = rows[rows["held_out"] | (~rows["clip_id"].isin(seen_clips(model.folder)) & (rows["clip_id"] != ""))]
    stored = stored.loc[stored["row"].isin(rows["row"]), ["row", "repeat", *PROBA]]
    return FairPredictions(stored, predict_clips(new, loaded, data)[["row", *PROBA]])


def _rows_in(model: ModelDescription, data: TrainingData) -> dict[int, int]:
    """Row of the model's training table -> row of this one, where they are the same clip."""
    own = trained_rows(model.folder)
    before = json.loads((model.folder / LEARNED).read_text(encoding="utf-8")) if len(own) else {}
    same = before.get("published_hash", model.data_hash) == data.published_hash
    found = {row: row for row in range(data.published)} if same else {}
    here = dict(zip(data.labelled["clip_id"], data.labelled["row"], strict=True))
    people = own[own["clip_id"] != ""]
    return found | {int(r): here[c] for r, c in zip(people["row"], people["clip_id"], strict=True) if c in here}


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n", float_format="%.6g").encode()


def _json(content: dict[str, object]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


# --- stored clips ----------------------------------------------------------------------------------------------------


def score_stored(store: Store, settings: Settings, *, role: str, tell: Tell) -> int:
    """Let the champion or the challenger say something of every stored clip of which it has not; how many were new.

    Each clip is decided under the policy of its newest prediction. Clips that were never scored are left alone.
    """
    served = serve(settings, alias=role)
    newest = predictions_table(store, role="champion", latest=True)
    done = predictions_table(store, role=role, model_version=served.model.version)["clip_id"]
    missing = newest[~newest["clip_id"].isin(done)]
    done_now = 0
    for n, (policy, ids) in enumerate(parts := list(_parts(missing)), 1):
        done_now += _score(store, served, features_table(store, EXTRACTOR, clip_ids=ids), policy, role)
        tell(n / len(parts), f"Scoring {len(missing)} stored clips")
    return done_now


def _parts(missing: pd.DataFrame) -> Iterable[tuple[Policy, list[str]]]:
    for policy, part in missing.groupby("policy"):
        ids = part["clip_id"].tolist()
        for at in range(0, len(ids), AT_ONCE):
            yield Policy.from_json(str(policy)), ids[at : at + AT_ONCE]


def _score(store: Store, served: Served, features: pd.DataFrame, policy: Policy, role: str) -> int:
    """Clips that the present extractor has not measured are not among the features; how many were."""
    values = features[list(COLUMNS)].to_numpy(dtype=float)
    vectors = [FeatureVector(str(clip), EXTRACTOR, row) for clip, row in zip(features.index, values, strict=True)]
    said = [(one.prediction, one.decision) for one in predict_and_decide(vectors, served, policy=policy)]
    save_predictions(store, said, policy=policy, role=role)
    return len(said)


def rescore(store: Store, settings: Settings, *, tell: Tell) -> int:
    """Both models on every stored clip: after another model has come into use, or into the shadow.

    Models that change meanwhile are asked as well: who changes them need not wait for this work.
    """
    count = 0
    while True:
        roles = {
            alias: registry.find(alias, settings=settings) for alias in (file_names.CHAMPION, file_names.CHALLENGER)
        }
        count += score_stored(store, settings, role="champion", tell=lambda share, text: tell(0.5 * share, text))
        if roles[file_names.CHALLENGER] is not None:
            count += score_stored(store, settings, role="challenger", tell=lambda s, text: tell(0.5 + 0.5 * s, text))
        if all(registry.find(alias, settings=settings) == found for alias, found in roles.items()):
            return count
