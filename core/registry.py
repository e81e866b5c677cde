"""The only MLflow: log a training run, register versions, promote by alias through the gate, load by alias.

Runs, versions and aliases live in the store of ``settings.mlflow`` (SQLite by default), files under data/mlartifacts.
What is registered is the bundle (`core.bundle`) with a signature and an input example, but no MLflow flavour: the only
way to load it is ours, which trusts a list in the code. MLflow's own loader takes the list from the file.
"""

import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pandas as pd

from core.bundle import BACKGROUND, Bundle, load_bundle
from core.errors import ModelError
from core.gate import Verdict, gate
from core.schema import COLUMNS, EMOTIONS
from core.settings import Settings
from core.split import replace_file

if TYPE_CHECKING:
    from core.train import TrainingRun

NAME = "turkish-music-emotion"  # of the experiment and of the registered model
CHAMPION, CHALLENGER = "champion", "challenger"
DECIDED = "decided "  # beginning of the tags that keep what was decided of a version, with the moment
LINE = "champions"  # tag of the registered model: versions one after the other, JSON
COMMITTED = "models/champion"  # stands for the model of the repository, where a version replaced that one
HELD_OUT = "held_out.csv"
SQLITE = b"SQLite format 3\0"  # how every such file begins
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


# --- loading ---------------------------------------------------------------------------------------------------------


def load(alias: str = CHAMPION, *, settings: Settings) -> Bundle:
    """The bundle under an alias of the registry; for the champion, else the one in ``models/champion``.

    ``model.source`` says which it is, and why when the registry's champion could not be loaded.
    Raises ModelError when there is none, or when it is damaged or not trusted.
    """
    instead = "models/champion"
    try:
        found = find(alias, settings=settings)
        if found is not None:
            return load_bundle(found.folder, source=f"registry ({alias}, version {found.version})")
    except ModelError as error:
        if alias != CHAMPION:
            raise
        instead += f", because of the registry: {error}"
    if alias != CHAMPION:
        raise ModelError(f"There is no {alias} in the registry. Train one with: python -m core train")
    return load_bundle(settings.models_dir / CHAMPION, source=instead)


@dataclass(frozen=True)
class Found:
    """Where an alias points: version of the registry, and the folder of its bundle."""

    version: str
    folder: Path


def find(alias: str, *, settings: Settings) -> Found | None:
    """Where an alias points; None when there is no registry, or no such alias in it.

    MLflow takes seconds to import. So the answer is kept in data/cache beside the time and size of the registry's
    SQLite file, and MLflow is asked again only when the file has changed. No file: no registry, and none is made.
    A challenger that is the champion already (its promotion was cut short) is none.
    Raises ModelError when the file is no database or MLflow cannot work with it.
    """
    found = _find(alias, settings)
    if found is not None and alias == CHALLENGER and _find(CHAMPION, settings) == found:
        return None
    return found


def _find(alias: str, settings: Settings) -> Found | None:
    if not _exists(settings):
        return None
    file = _sqlite_file(settings.mlflow)
    if file is None:
        return _ask(alias, settings)
    kept, stamp = settings.cache_dir / f"registry_{alias}.json", _stamp(file)
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["stamp"] == stamp:
            return Found(known["version"], Path(known["folder"])) if known["version"] else None
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing kept, or by another version of this program: ask
    found = _ask(alias, settings)
    if stamp == _stamp(file):  # else somebody wrote meanwhile, and the answer may be the old one
        answer = {"stamp": stamp, "version": found and found.version, "folder": found and str(found.folder)}
        with suppress(OSError):  # a cache that cannot be written costs seconds, not the answer
            kept.parent.mkdir(parents=True, exist_ok=True)
            replace_file(kept, json.dumps(answer).encode())
    return found


def _stamp(file: Path) -> list[int | str]:
    state = file.stat()
    return [state.st_mtime_ns, state.st_size, str(file)]


def _sqlite_file(uri: str) -> Path | None:
    parts = urlsplit(uri)
    return Path(unquote(parts.path[1:])) if parts.scheme == "sqlite" else None


def _exists(settings: Settings) -> bool:
    """Whether there is a registry; one on a server is taken to exist."""
    file = _sqlite_file(settings.mlflow)
    if file is None:
        return True
    if not file.is_file() or file.stat().st_size == 0:
        return False
    with file.open("rb") as opened:
        if opened.read(len(SQLITE)) != SQLITE:
            raise ModelError(f"The registry {file.name} cannot be read: it is no SQLite database. Move it away.")
    return True


def _ask(alias: str, settings: Settings) -> Found | None:
    client = _client(settings)
    from mlflow.exceptions import MlflowException

    try:
        for version, aliases in _aliases(client).items():
            if alias in aliases:
                return Found(version, _folder(client, version))
    except MlflowException as error:
        raise ModelError(f"The registry cannot be read: {error}") from error
    return None


def ui_command(settings: Settings, *, port: int) -> tuple[str, list[str], dict[str, str]]:
    """Program, arguments and environment that open MLflow's page on our store, as ``os.execvpe`` takes them."""
    _client(settings)  # makes the store where there is none yet
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", settings.mlflow, "--port", str(port)]
    return command[0], command, {**os.environ, **QUIET}


def _client(settings: Settings) -> Any:
    """MLflow's client on our store: no telemetry, no progress bars, no chatter."""
    os.environ |= QUIET
    import mlflow

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    file = _sqlite_file(settings.mlflow)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(settings.mlflow)  # some calls of the client ask the global store
    mlflow.set_registry_uri(settings.mlflow)
    return mlflow.MlflowClient()


def _folder(client: Any, version: str) -> Path:
    """Folder of a version's files; they are on this machine, and are not copied."""
    from mlflow.artifacts import download_artifacts

    uri = client.get_model_version_download_uri(NAME, version)
    return Path(download_artifacts(artifact_uri=uri))


# --- logging ---------------------------------------------------------------------------------------------------------


def log_run(run: "TrainingRun", bundle: Path, *, settings: Settings) -> str:
    """Log a training run and register its champion as a new version with the alias ``challenger``.

    run : what was trained.  bundle : folder that `core.bundle.save_bundle` wrote for its champion.
    One run for the training, with the bundle, the tables of results and the held-out predictions as artefacts, and
    below it one run a candidate with its parameters, its cross-validated figures and its out-of-fold predictions.
    Returns the number of the version. It becomes champion only through `promote`.
    """
    client = _client(settings)
    experiment = _experiment(client, settings)
    facts = {
        "data_hash": run.data_hash,
        "origin": run.origin,
        "synthetic": str(run.synthetic),
        "seed": str(run.seed),
        "quick": str(run.quick),
        "revision": run.revision,
        **{f"version.{library}": version for library, version in run.versions.items()},
    }
    parent = client.create_run(experiment, run_name=f"training {run.created_at}", tags=facts).info.run_id
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _log_figures(client, parent, run, run.champion)
        held_out = _with_labels(run, run.held_out[run.held_out["model"] == run.champion])
        held_out.to_csv(folder / HELD_OUT, index=False)
        for table, content in run.tables.items():
            content.to_csv(folder / f"{table}.csv", index=False)
        client.log_artifacts(parent, str(folder))
        for candidate, own in run.out_of_fold.groupby("model"):
            tags = {**facts, "mlflow.parentRunId": parent, "candidate": str(candidate)}
            child = client.create_run(experiment, run_name=str(candidate), tags=tags).info.run_id
            _log_figures(client, child, run, str(candidate))
            own.drop(columns="model").to_csv(folder / "out_of_fold.csv", index=False)
            client.log_artifact(child, str(folder / "out_of_fold.csv"))
            client.set_terminated(child)
    version = _register(client, experiment, parent, bundle)
    client.set_terminated(parent)
    return version


def _experiment(client: Any, settings: Settings) -> str:
    known = client.get_experiment_by_name(NAME)
    if known is not None:
        return str(known.experiment_id)
    return str(client.create_experiment(NAME, artifact_location=(settings.data_dir / "mlartifacts").resolve().as_uri()))


def _with_labels(run: "TrainingRun", predictions: pd.DataFrame) -> pd.DataFrame:
    """A model's predictions with the columns y and group."""
    return predictions.drop(columns="model").merge(run.rows[["row", "y", "group"]], on="row", validate="many_to_one")


def _log_figures(client: Any, run_id: str, run: "TrainingRun", candidate: str) -> None:
    """Parameters and figures of a candidate: cross-validated and, with ``held_out_`` before, on the held-out clips."""
    from mlflow.entities import Metric, Param

    from core.evaluate import ALL, scores

    now = int(datetime.now(UTC).timestamp() * 1000)
    figures = {}
    for prefix, predictions in (("", run.out_of_fold), ("held_out_", run.held_out)):
        own = predictions[predictions["model"] == candidate]
        if len(own):
            table = scores(_with_labels(run, own), resamples=0)
            for measure, emotion, value in zip(table["measure"], table["emotion"], table["value"], strict=True):
                figures[f"{prefix}{measure}" + ("" if emotion == ALL else f"_{emotion}")] = float(value)
    params = [Param(key, str(value)[:500]) for key, value in run.parameters.get(candidate, {}).items()]
    client.log_batch(run_id, metrics=[Metric(k, float(v), now, 0) for k, v in figures.items()], params=params)


def _register(client: Any, experiment: str, run_id: str, bundle: Path) -> str:
    from mlflow.models import Model as Description
    from mlflow.models import infer_signature

    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    example = pd.read_csv(bundle / BACKGROUND, nrows=2, dtype=float)
    proba = pd.DataFrame(manifest["check"][:2], columns=list(EMOTIONS))
    logged = client.create_logged_model(experiment, name=manifest["name"], source_run_id=run_id)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        shutil.copytree(bundle, folder)
        described = Description(run_id=run_id, model_id=logged.model_id, signature=infer_signature(example, proba))
        described.save(str(folder / "MLmodel"))
        columns = {"columns": list(COLUMNS), "data": example.to_numpy().tolist()}
        (folder / "input_example.json").write_text(json.dumps(columns), encoding="utf-8")
        client.log_model_artifacts(logged.model_id, str(folder))
    client.finalize_logged_model(logged.model_id, "READY")
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME, description="Emotion of Turkish music from 50 features")
    tags = {"model_version": manifest["version"], "candidate": manifest["name"]}
    source = f"models:/{logged.model_id}"
    version = client.create_model_version(NAME, source, run_id=run_id, tags=tags, model_id=logged.model_id).version
    client.set_registered_model_alias(NAME, CHALLENGER, version)
    return str(version)


# --- promotion -------------------------------------------------------------------------------------------------------


def promote(
    version: str,
    *,
    settings: Settings,
    against: pd.DataFrame | None = None,
    shown: str | None = None,
    by: str = "",
) -> Verdict:
    """Make a version the champion if it passes the gate against the present one; nothing changes if it does not.

    against : held-out predictions of the model in use (see `core.gate.gate`) where the registry has no champion yet.
    shown : version of the challenger that the person saw, None for whichever it is.
    by : name of the person who decided, kept with the version.
    """
    _as_shown(CHALLENGER, shown, settings)
    client = _client(settings)
    present = find(CHAMPION, settings=settings)
    if present is not None and present.version == str(version):
        raise ModelError(f"Version {version} is the champion already.")
    verdict = gate(_held_out(client, present.version) if present else against, _held_out(client, version))
    client.set_model_version_tag(NAME, version, "gate", f"{'passed' if verdict.passed else 'failed'}: {verdict.reason}")
    if verdict.passed:
        line = _line(client, present) or ([] if against is None else [COMMITTED])
        challenger = _find(CHALLENGER, settings)
        client.set_model_version_tag(NAME, version, "promoted_at", _now())
        client.set_model_version_tag(NAME, version, "promoted_by", by)
        client.set_model_version_tag(NAME, version, "rolled_back", "")
        _note(client, version, "promoted", by)
        client.set_registered_model_tag(NAME, LINE, json.dumps([*line, str(version)]))
        client.set_registered_model_alias(NAME, CHAMPION, version)
        if challenger is not None and challenger.version == str(version):
            client.delete_registered_model_alias(NAME, CHALLENGER)
    return verdict


def _note(client: Any, version: str, what: str, by: str) -> None:
    """Keep what was decided of a version: every time, while the tags beside say the last time alone."""
    moment = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    client.set_model_version_tag(NAME, version, f"{DECIDED}{moment}", f"{what} by {by}" if by else what)


def _line(client: Any, present: Found | None) -> list[str]:
    """The champions one after the other as far as the way back goes: versions, the present one last.

    What was begun and cut short does not count: the line ends with the model that is in use.
    """
    in_use = present.version if present else COMMITTED
    known: list[str] = json.loads(client.get_registered_model(NAME).tags.get(LINE, "[]"))
    if in_use in known:
        return known[: len(known) - known[::-1].index(in_use)]
    return [in_use] if present else []


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _held_out(client: Any, version: str) -> pd.DataFrame:
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    try:
        run_id = client.get_model_version(NAME, version).run_id
        path = download_artifacts(run_id=run_id, artifact_path=HELD_OUT)
        predictions = pd.read_csv(path)
    except (MlflowException, OSError, ValueError) as error:
        raise ModelError(f"The held-out predictions of version {version} are not in the registry: {error}") from error
    if predictions.empty:
        raise ModelError(f"Version {version} was never asked about held-out clips: train again.")
    return predictions


def rollback(*, settings: Settings, shown: str | None = None, by: str = "") -> str:
    """Give the alias ``champion`` back to the version that the present champion replaced; returns its number.

    Where it replaced the model in ``models/champion``, the alias goes, and that model is in use again. The one that
    goes is the challenger again, unless another one waits.
    shown : version of the champion that the person saw, None for whichever it is.  by : name of that person.
    Raises ModelError when there is nothing to go back to, or another champion than the one that was shown.
    """
    present = _as_shown(CHAMPION, shown, settings)
    client = _client(settings)
    line = _line(client, present) if present else []
    if present is None or len(line) < 2:
        raise ModelError("There is no earlier champion to go back to.")
    before = line[-2]
    client.set_model_version_tag(NAME, present.version, "rolled_back", f"{_now()} {by}".strip())
    _note(client, present.version, "rolled back", by)
    if before == COMMITTED:
        client.delete_registered_model_alias(NAME, CHAMPION)
    else:
        client.set_registered_model_alias(NAME, CHAMPION, before)
    client.set_registered_model_tag(NAME, LINE, json.dumps(line[:-1]))
    waiting = find(CHALLENGER, settings=settings)
    if waiting is None or waiting.version == before:  # back into the shadow, where what is known of it is shown
        client.set_registered_model_alias(NAME, CHALLENGER, present.version)
    return before


def discard(*, settings: Settings, shown: str | None = None, by: str = "") -> str:
    """Take the alias ``challenger`` away, so that nothing is scored in its shadow; the version stays. Its number.

    shown, by : as in `rollback`.
    """
    present = _as_shown(CHALLENGER, shown, settings)
    if present is None:
        raise ModelError("There is no challenger.")
    client = _client(settings)
    client.set_model_version_tag(NAME, present.version, "discarded_by", by)
    _note(client, present.version, "discarded", by)
    client.delete_registered_model_alias(NAME, CHALLENGER)
    return present.version


def _as_shown(alias: str, shown: str | None, settings: Settings) -> Found | None:
    """Where the alias points. Raises ModelError when that is no longer what a person saw."""
    present = find(alias, settings=settings)
    if shown is not None and (present.version if present else "") != shown:
        now = f"version {present.version}" if present else "gone"
        raise ModelError(f"The {alias} is {now}: it changed since this page was drawn. Nothing was done. Look again.")
    return present


def history(*, settings: Settings) -> pd.DataFrame:
    """All versions, newest first: version, model_version, aliases, created_at, promoted_at, promoted_by, rolled_back
    (when, and by whom, the last time), decisions (all, the first one first), gate, macro_f1, held_out_macro_f1,
    data_hash, revision. Empty when there is no registry."""
    names = ["version", "model_version", "aliases", "created_at", "promoted_at", "promoted_by", "rolled_back"]
    names += ["decisions", "gate", "macro_f1", "held_out_macro_f1", "data_hash", "revision"]
    if not _exists(settings):
        return pd.DataFrame(columns=names)
    client = _client(settings)
    aliases = _aliases(client)
    lines = []
    for found in client.search_model_versions(f"name = '{NAME}'"):
        run = client.get_run(found.run_id).data
        known: Mapping[str, Any] = {**run.tags, **run.metrics, **found.tags}
        created = datetime.fromtimestamp(found.creation_timestamp / 1000, UTC).isoformat(timespec="seconds")
        own = {
            "version": str(found.version),
            "aliases": ", ".join(aliases.get(str(found.version), [])),
            "created_at": created,
            "decisions": "; ".join(
                f"{tag.removeprefix(DECIDED)[:16].replace('T', ' ')} {text}"
                for tag, text in sorted(found.tags.items())
                if tag.startswith(DECIDED)
            ),
        }
        lines.append({name: own.get(name, known.get(name)) for name in names})
    table = pd.DataFrame(lines, columns=names)
    return table.sort_values("version", key=lambda v: -v.astype(int), ignore_index=True)


def _aliases(client: Any) -> dict[str, list[str]]:
    """Version -> its aliases; empty when nothing is registered."""
    by_version: dict[str, list[str]] = {}
    for model in client.search_registered_models(f"name = '{NAME}'"):
        for alias, version in sorted(client.get_registered_model(model.name).aliases.items()):
            by_version.setdefault(str(version), []).append(alias)
    return by_version
