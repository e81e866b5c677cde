"""The registry of models in MLflow: versions, and the two aliases ``champion`` and ``challenger``.

Runs, versions and aliases live in the store of ``settings.mlflow`` (SQLite by default), files in
``settings.artifacts_dir``. A model is loaded by its alias. Whether a version may become champion is decided in
`core.training.promotion`; here it is only written down.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from core.atomic import replace_file
from core.errors import ModelError
from core.file_names import CHALLENGER, CHAMPION, HELD_OUT
from core.models.artifacts import model_folder, run_file
from core.models.bundle import Bundle, load_bundle
from core.models.connection import NAME, connect, sqlite_file, store_exists
from core.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

DECIDED = "decided "  # beginning of the tags that keep what was decided of a version, with the moment
LINE = "champions"  # tag of the registered model: versions one after the other, JSON
COMMITTED = "models/champion"  # stands for the model of the repository, where a version replaced that one


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
    return load_bundle(settings.champion_dir, source=instead)


@dataclass(frozen=True)
class RegisteredModel:
    """Where an alias points: version of the registry, and the folder of its bundle."""

    version: str
    folder: Path


def find(alias: str, *, settings: Settings) -> RegisteredModel | None:
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


def _find(alias: str, settings: Settings) -> RegisteredModel | None:
    if not store_exists(settings):
        return None
    file = sqlite_file(settings.mlflow)
    if file is None:
        return _ask(alias, settings)
    kept, stamp = settings.cache_dir / f"registry_{alias}.json", _stamp(file)
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["stamp"] == stamp:
            return (
                RegisteredModel(known["version"], settings.data_dir.resolve() / known["place"])
                if known["version"]
                else None
            )
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing kept, or by another version of this program: ask
    found = _ask(alias, settings)
    if stamp == _stamp(file):  # else somebody wrote meanwhile, and the answer may be the old one
        place = _below(settings.data_dir.resolve(), found.folder) if found else None
        answer = {"stamp": stamp, "version": found and found.version, "place": place}
        with suppress(OSError):  # a cache that cannot be written costs seconds, not the answer
            kept.parent.mkdir(parents=True, exist_ok=True)
            replace_file(kept, json.dumps(answer).encode())
    return found


def _stamp(file: Path) -> list[int | str]:
    state = file.stat()
    return [state.st_mtime_ns, state.st_size, str(file.resolve())]


def _below(data_dir: Path, folder: Path) -> str:
    """A folder relative to the data folder, which may be moved; as it is when it lies elsewhere."""
    return folder.relative_to(data_dir).as_posix() if folder.is_relative_to(data_dir) else str(folder)


def _ask(alias: str, settings: Settings) -> RegisteredModel | None:
    client = connect(settings)
    from mlflow.exceptions import MlflowException

    try:
        for version, aliases in _aliases(client).items():
            if alias in aliases:
                return RegisteredModel(version, model_folder(client, NAME, version, settings=settings))
    except MlflowException as error:
        raise ModelError(f"The registry cannot be read: {error}") from error
    return None


# --- champion and challenger -----------------------------------------------------------------------------------------


def held_out(version: str, *, settings: Settings) -> pd.DataFrame:
    """Return a version's predictions of the held-out clips: row, y, group, p_*.

    Raises ModelError when there is no such version, or it was never asked about held-out clips.
    """
    client = connect(settings)
    from mlflow.exceptions import MlflowException

    try:
        run_id = str(client.get_model_version(NAME, version).run_id)
        predictions = pd.read_csv(run_file(client, run_id, HELD_OUT, settings=settings))
    except (MlflowException, OSError, ValueError) as error:
        raise ModelError(f"The held-out predictions of version {version} are not in the registry: {error}") from error
    if predictions.empty:
        raise ModelError(f"Version {version} was never asked about held-out clips: train again.")
    return predictions


def note_gate(version: str, said: str, *, settings: Settings) -> None:
    """Keep with a version what the gate said of it the last time."""
    connect(settings).set_model_version_tag(NAME, version, "gate", said)


def set_champion(version: str, *, settings: Settings, by: str = "", after_committed: bool = False) -> None:
    """Give a version the alias ``champion``. `core.training.promotion.promote` asks the gate first.

    Parameters
    ----------
    by : name of the person who decided, kept with the version.
    after_committed : it replaces the committed model in ``models/champion``, so that a rollback goes back to that one.
    """
    client = connect(settings)
    present, challenger = find(CHAMPION, settings=settings), _find(CHALLENGER, settings)
    line = _line(client, present) or ([COMMITTED] if after_committed else [])
    client.set_model_version_tag(NAME, version, "promoted_at", _now())
    client.set_model_version_tag(NAME, version, "promoted_by", by)
    client.set_model_version_tag(NAME, version, "rolled_back", "")
    _note(client, version, "promoted", by)
    client.set_registered_model_tag(NAME, LINE, json.dumps([*line, str(version)]))
    client.set_registered_model_alias(NAME, CHAMPION, version)
    if challenger is not None and challenger.version == str(version):
        client.delete_registered_model_alias(NAME, CHALLENGER)


def _note(client: "MlflowClient", version: str, what: str, by: str) -> None:
    """Append a decision to the version's history; the other tags hold only the latest."""
    moment = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    client.set_model_version_tag(NAME, version, f"{DECIDED}{moment}", f"{what} by {by}" if by else what)


def _line(client: "MlflowClient", present: RegisteredModel | None) -> list[str]:
    """Versions that have been champion, oldest first, ending with the current one.

    A promotion that was interrupted is dropped.
    """
    in_use = present.version if present else COMMITTED
    known: list[str] = json.loads(client.get_registered_model(NAME).tags.get(LINE, "[]"))
    if in_use in known:
        return known[: len(known) - known[::-1].index(in_use)]
    return [in_use] if present else []


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def rollback(*, settings: Settings, shown: str | None = None, by: str = "") -> str:
    """Give the alias ``champion`` back to the version that the present champion replaced; returns its number.

    Where it replaced the model in ``models/champion``, the alias goes, and that model is in use again. The one that
    goes is the challenger again, unless another one waits.
    shown : version of the champion that the person saw, None for whichever it is.  by : name of that person.
    Raises ModelError when there is nothing to go back to, or another champion than the one that was shown.
    """
    present = check_shown(CHAMPION, shown, settings=settings)
    client = connect(settings)
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
    present = check_shown(CHALLENGER, shown, settings=settings)
    if present is None:
        raise ModelError("There is no challenger.")
    client = connect(settings)
    client.set_model_version_tag(NAME, present.version, "discarded_by", by)
    _note(client, present.version, "discarded", by)
    client.delete_registered_model_alias(NAME, CHALLENGER)
    return present.version


def check_shown(alias: str, shown: str | None, *, settings: Settings) -> RegisteredModel | None:
    """Return where the alias points.

    shown : version that a person saw; None for whichever it is. Raises ModelError when another one is there now.
    """
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
    if not store_exists(settings):
        return pd.DataFrame(columns=names)
    client = connect(settings)
    aliases = _aliases(client)
    lines = []
    for found in client.search_model_versions(f"name = '{NAME}'"):
        run = client.get_run(str(found.run_id)).data
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


def _aliases(client: "MlflowClient") -> dict[str, list[str]]:
    """Version -> its aliases; empty when nothing is registered."""
    by_version: dict[str, list[str]] = {}
    for model in client.search_registered_models(f"name = '{NAME}'"):
        for alias, version in sorted(client.get_registered_model(model.name).aliases.items()):
            by_version.setdefault(str(version), []).append(alias)
    return by_version
