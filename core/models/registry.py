"""The model registry in MLflow: versions, and the two aliases ``champion`` and ``challenger``.

Runs, versions and aliases are in the store of ``settings.mlflow`` (SQLite by default), files in
``settings.artifacts_dir``. Models are loaded by alias. `core.training.promotion` decides whether a version may become
champion; this module only stores the decision.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from core.access import Action, Person, requires
from core.atomic import replace_file
from core.errors import ModelError
from core.file_names import CHALLENGER, CHAMPION, HELD_OUT
from core.full_disk import full_disk_means
from core.models.artifacts import model_folder, run_file
from core.models.bundle import Bundle, load_bundle
from core.models.connection import NAME, connect, sqlite_file, store_exists
from core.models.decisions import Decided, decision_tag, read_decisions
from core.models.manifest import SEAL
from core.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

PROMOTION_HISTORY = (
    "champions"  # tag of the registered model with the promotion history: versions as JSON, oldest first
)
GATE_CHECKS = "gate_checks"  # tag of a version: all checks of the gate as JSON
COMMITTED = "models/champion"  # entry of the promotion history for the model in the repository


# --- loading ---------------------------------------------------------------------------------------------------------


def load(alias: str = CHAMPION, *, settings: Settings, on_demand: bool = False) -> Bundle:
    """Load the bundle with this alias. Without a champion in the registry, load the one in ``models/champion``.

    on_demand : load the pipeline when it is asked, see `core.models.bundle.load_bundle`.

    ``model.source`` names the origin of the bundle, and the error when the registry's champion could not be loaded.
    Raises ModelError when there is no bundle, or when it is damaged or contains untrusted types.
    """
    instead = "models/champion"
    try:
        model = find(alias, settings=settings)
        if model is not None:
            where = f"registry ({alias}, version {model.version})"
            return load_bundle(model.folder, source=where, seal=model.seal, on_demand=on_demand)
    except ModelError as error:
        if alias != CHAMPION:
            raise
        instead += f", because of the registry: {error}"
    if alias != CHAMPION:
        raise ModelError(f"There is no {alias} in the registry. Train one with: python -m core retrain")
    return load_bundle(settings.champion_dir, source=instead, on_demand=on_demand)


@dataclass(frozen=True)
class RegisteredModel:
    """A version of the registry, the folder of its bundle, and the seal of its manifest; older versions have none."""

    version: str
    folder: Path
    seal: str = ""


def find(alias: str, *, settings: Settings) -> RegisteredModel | None:
    """Return the version with this alias, or None when the registry or the alias does not exist.

    MLflow takes seconds to import. So the answer is cached in data/cache with the modification time and size of the
    registry's SQLite file, and MLflow is queried only after a change of the file. No registry is created.
    A challenger that is also the champion (after an interrupted promotion) is not returned.
    Raises ModelError when the file is not a database or MLflow cannot read it.
    """
    model = _find(alias, settings)
    if model is not None and alias == CHALLENGER and _find(CHAMPION, settings) == model:
        return None
    return model


def _find(alias: str, settings: Settings) -> RegisteredModel | None:
    if not store_exists(settings):
        return None
    file = sqlite_file(settings.mlflow)
    if file is None:
        return _query(alias, settings)
    cached, stamp = settings.cache_dir / f"registry_{alias}.json", _stamp(file)
    try:
        known = json.loads(cached.read_text(encoding="utf-8"))
        if known["stamp"] == stamp:
            if not known["version"]:
                return None
            return RegisteredModel(known["version"], settings.data_dir.resolve() / known["place"], known["seal"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no cached answer, or an answer of another version of this program
    model = _query(alias, settings)
    if stamp == _stamp(file):  # otherwise the file changed during the query, and the answer may be outdated
        place = _below(settings.data_dir.resolve(), model.folder) if model else None
        answer = {"stamp": stamp, "version": model and model.version, "place": place, "seal": model and model.seal}
        with suppress(OSError):  # without the cache, the next query only takes longer
            cached.parent.mkdir(parents=True, exist_ok=True)
            replace_file(cached, json.dumps(answer).encode())
    return model


def _stamp(file: Path) -> list[int | str]:
    state = file.stat()
    return [state.st_mtime_ns, state.st_size, str(file.resolve())]


def _below(data_dir: Path, folder: Path) -> str:
    """Folder relative to the data folder, which users may move; the full path when it is outside the data folder."""
    return folder.relative_to(data_dir).as_posix() if folder.is_relative_to(data_dir) else str(folder)


def _query(alias: str, settings: Settings) -> RegisteredModel | None:
    client = connect(settings)
    from mlflow.exceptions import MlflowException

    try:
        for version, aliases in _aliases(client).items():
            if alias in aliases:
                seal = client.get_model_version(NAME, version).tags.get(SEAL, "")
                return RegisteredModel(version, model_folder(client, NAME, version, settings=settings), seal)
    except MlflowException as error:
        raise ModelError(f"The registry cannot be read: {error}") from error
    return None


def find_version(version: str, *, settings: Settings) -> RegisteredModel:
    """Return a version of the registry. Raises ModelError when it does not exist."""
    client = connect(settings)
    from mlflow.exceptions import MlflowException

    try:
        seal = client.get_model_version(NAME, version).tags.get(SEAL, "")
        return RegisteredModel(version, model_folder(client, NAME, version, settings=settings), seal)
    except MlflowException as error:
        raise ModelError(f"Version {version} is not in the registry: {error}") from error


def run_tags(version: str, *, settings: Settings) -> dict[str, str]:
    """Facts of the training run of a version: data_hash, origin, seed, revision, versions of libraries.

    Raises ModelError when the version does not exist.
    """
    client = connect(settings)
    from mlflow.exceptions import MlflowException

    try:
        run_id = str(client.get_model_version(NAME, version).run_id)
        return {key: str(value) for key, value in client.get_run(run_id).data.tags.items()}
    except MlflowException as error:
        raise ModelError(f"Version {version} is not in the registry: {error}") from error


# --- champion and challenger -----------------------------------------------------------------------------------------


def read_held_out(version: str, *, settings: Settings) -> pd.DataFrame:
    """Return a version's predictions for the held-out clips: row, y, group, p_*.

    Raises ModelError when the version does not exist or has no held-out predictions.
    """
    client = connect(settings)
    from mlflow.exceptions import MlflowException

    try:
        run_id = str(client.get_model_version(NAME, version).run_id)
        predictions = pd.read_csv(run_file(client, run_id, HELD_OUT, settings=settings))
    except (MlflowException, OSError, ValueError) as error:
        raise ModelError(f"The held-out predictions of version {version} are not in the registry: {error}") from error
    if predictions.empty:
        raise ModelError(f"Version {version} has no predictions for the held-out clips. Train again.")
    return predictions


@requires(Action.CHOOSE_MODEL)
def note_gate(version: str, result: str, checks: str, *, settings: Settings, by: Person) -> None:
    """Store the latest result of the gate with a version: a sentence, and all checks as JSON for the report."""
    client = connect(settings)
    client.set_model_version_tag(NAME, version, "gate", result)
    client.set_model_version_tag(NAME, version, GATE_CHECKS, checks)


def gate_checks(version: str, *, settings: Settings) -> str:
    """Return the checks of the gate that `note_gate` stored, or an empty text."""
    return str(connect(settings).get_model_version(NAME, version).tags.get(GATE_CHECKS, ""))


@requires(Action.CHOOSE_MODEL)
def set_champion(
    version: str, *, settings: Settings, by: Person, reason: str = "", after_committed: bool = False
) -> None:
    """Give a version the alias ``champion``. `core.training.promotion.promote` checks the gate first.

    Parameters
    ----------
    by, reason : the person who decides, and the written reason; the name and the reason are stored with the version.
    after_committed : the version replaces the model in ``models/champion``, so a rollback returns to that model.
    """
    client = connect(settings)
    present, challenger = find(CHAMPION, settings=settings), _find(CHALLENGER, settings)
    line = _promotion_history(client, present) or ([COMMITTED] if after_committed else [])
    client.set_model_version_tag(NAME, version, "promoted_at", _now())
    client.set_model_version_tag(NAME, version, "promoted_by", by.name)
    client.set_model_version_tag(NAME, version, "reason", reason)
    client.set_model_version_tag(NAME, version, "rolled_back", "")
    _append_decision(client, version, Decided.PROMOTED, by.name, reason)
    client.set_registered_model_tag(NAME, PROMOTION_HISTORY, json.dumps([*line, str(version)]))
    client.set_registered_model_alias(NAME, CHAMPION, version)
    if challenger is not None and challenger.version == str(version):
        with full_disk_means(
            f"version {version} is the champion now, but stored clips were not scored again. Free some space, then "
            "run: python -m core rescore"
        ):
            client.delete_registered_model_alias(NAME, CHALLENGER)


def _append_decision(client: "MlflowClient", version: str, kind: Decided, by: str, reason: str = "") -> None:
    """Append a decision to the version's history; the other tags hold only the latest."""
    client.set_model_version_tag(NAME, version, *decision_tag(kind, by, reason))


def _promotion_history(client: "MlflowClient", present: RegisteredModel | None) -> list[str]:
    """Versions that have been champion, oldest first, ending with the current one.

    A promotion that was interrupted is dropped.
    """
    in_use = present.version if present else COMMITTED
    known: list[str] = json.loads(client.get_registered_model(NAME).tags.get(PROMOTION_HISTORY, "[]"))
    if in_use in known:
        return known[: len(known) - known[::-1].index(in_use)]
    return [in_use] if present else []


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@requires(Action.CHOOSE_MODEL)
def rollback(*, settings: Settings, by: Person, shown: str | None = None) -> str:
    """Return to the previous champion. Returns its version number.

    When the current champion replaced the model in ``models/champion``, the alias ``champion`` is removed, and that
    model is used again. The replaced champion becomes challenger, unless there is another challenger.

    Parameters
    ----------
    shown : version of the champion that the person saw; None skips the check.
    by : the person who decides; the name is stored with the version.

    Raises
    ------
    ModelError
        There is no previous champion, or the champion is no longer the version that was shown.
    """
    present = check_shown(CHAMPION, shown, settings=settings)
    client = connect(settings)
    line = _promotion_history(client, present) if present else []
    if present is None or len(line) < 2:
        raise ModelError("There is no earlier champion to go back to.")
    before = line[-2]
    with full_disk_means(
        "the way back to the previous champion may be incomplete. Free some space, and look which model is in use "
        "before you try again."
    ):
        client.set_model_version_tag(NAME, present.version, "rolled_back", f"{_now()} {by.name}".strip())
        _append_decision(client, present.version, Decided.ROLLED_BACK, by.name)
        if before == COMMITTED:
            client.delete_registered_model_alias(NAME, CHAMPION)
        else:
            client.set_registered_model_alias(NAME, CHAMPION, before)
        client.set_registered_model_tag(NAME, PROMOTION_HISTORY, json.dumps(line[:-1]))
        waiting = find(CHALLENGER, settings=settings)
        if waiting is None or waiting.version == before:  # challenger again, so that its shadow results stay visible
            client.set_registered_model_alias(NAME, CHALLENGER, present.version)
    return before


@requires(Action.CHOOSE_MODEL)
def discard(*, settings: Settings, by: Person, shown: str | None = None) -> str:
    """Remove the alias ``challenger``, which ends the shadow scoring. Returns the number of the version, which stays.

    shown, by : as in `rollback`.
    """
    present = check_shown(CHALLENGER, shown, settings=settings)
    if present is None:
        raise ModelError("There is no challenger.")
    client = connect(settings)
    with full_disk_means("the challenger was not discarded. Free some space and discard it again."):
        client.set_model_version_tag(NAME, present.version, "discarded_by", by.name)
        _append_decision(client, present.version, Decided.DISCARDED, by.name)
        client.delete_registered_model_alias(NAME, CHALLENGER)
    return present.version


def check_shown(alias: str, shown: str | None, *, settings: Settings) -> RegisteredModel | None:
    """Return the version with this alias. Raises ModelError when it is no longer the version that was shown.

    shown : version that a person saw; None skips the check.
    """
    present = find(alias, settings=settings)
    if shown is not None and (present.version if present else "") != shown:
        now = f"version {present.version}" if present else "gone"
        raise ModelError(
            f"The {alias} is {now}: it changed after you opened this page. Nothing was changed. Check the page again."
        )
    return present


def history(*, settings: Settings) -> pd.DataFrame:
    """Table of all versions, newest first; empty when there is no registry.

    Columns version, model_version, aliases, created_at, promoted_at, promoted_by, rolled_back (time and person of the
    last rollback), reason (of the last promotion), decisions (all, oldest first), gate, headline_macro_f1 and
    held_out_macro_f1 (from the evaluation table; empty for version 0.2, which did not record the headline), data_hash,
    revision.
    """
    names = ["version", "model_version", "aliases", "created_at", "promoted_at", "promoted_by", "rolled_back"]
    names += ["reason", "decisions", "gate", "headline_macro_f1", "held_out_macro_f1", "data_hash", "revision"]
    if not store_exists(settings):
        return pd.DataFrame(columns=names)
    client = connect(settings)
    aliases = _aliases(client)
    lines = []
    for model in client.search_model_versions(f"name = '{NAME}'"):
        run = client.get_run(str(model.run_id)).data
        known: Mapping[str, Any] = {**run.tags, **run.metrics, **model.tags}
        created = datetime.fromtimestamp(model.creation_timestamp / 1000, UTC).isoformat(timespec="seconds")
        own = {
            "version": str(model.version),
            "aliases": ", ".join(aliases.get(str(model.version), [])),
            "created_at": created,
            "decisions": "; ".join(map(str, read_decisions(model.tags))),
        }
        lines.append({name: own.get(name, known.get(name)) for name in names})
    table = pd.DataFrame(lines, columns=names)
    return table.sort_values("version", key=lambda v: -v.astype(int), ignore_index=True)


def decisions(*, settings: Settings) -> pd.DataFrame:
    """All decisions about all versions, oldest first: version, at (UTC), kind (`Decided`), words."""
    columns = ["version", "at", "kind", "words"]
    if not store_exists(settings):
        return pd.DataFrame(columns=columns)
    lines = [
        (str(model.version), decision.at, decision.kind, decision.words)
        for model in connect(settings).search_model_versions(f"name = '{NAME}'")
        for decision in read_decisions(model.tags)
    ]
    return pd.DataFrame(lines, columns=columns).sort_values("at", ignore_index=True, kind="stable")


def registry_stamp(settings: Settings) -> tuple[object, ...]:
    """Return a cache key that changes with the registry; empty for a database on a server, whose state is not known."""
    file = sqlite_file(settings.mlflow)
    return tuple(_stamp(file)) if file is not None and file.is_file() else ()


def _aliases(client: "MlflowClient") -> dict[str, list[str]]:
    """Aliases of each version; empty when nothing is registered."""
    by_version: dict[str, list[str]] = {}
    for model in client.search_registered_models(f"name = '{NAME}'"):
        for alias, version in sorted(client.get_registered_model(model.name).aliases.items()):
            by_version.setdefault(str(version), []).append(alias)
    return by_version
