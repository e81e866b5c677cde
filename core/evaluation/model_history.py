"""The versions of the model over time: their figures, the decisions about them, and what changed between two of them.

All figures are those of the stored evaluation tables; nothing is measured again.
"""

import json
from dataclasses import dataclass

import pandas as pd

from core import wording
from core.errors import ModelError
from core.evaluation.before_after import compare_results
from core.evaluation.results import clip_keys
from core.evaluation.stored_evaluation import published_hash, read_evaluation, stored_results
from core.file_names import CHALLENGER, CHAMPION, LEARNED
from core.models import registry
from core.models.description import (
    ModelDescription,
    describe_version,
    read_description,
    training_rows,
    training_words,
)
from core.schema import EMOTIONS
from core.settings import Settings

COMMITTED = "0"  # number of the model that comes with the program: it is older than all versions of the registry
_VERSIONS = ["version", "model_version", "role", "created_at", "trained_on", "problem"]


@dataclass(frozen=True, eq=False)
class ModelHistory:
    """All versions of the model.

    Attributes
    ----------
    versions : one row for each version, oldest first: version (number in the registry, or ``COMMITTED``),
        model_version, role (champion, challenger or empty), created_at (UTC), trained_on (in words), problem (why its
        files cannot be read; empty if they can).
    figures : lines of the evaluation tables (`core.evaluation.evaluation_table`) with version, model_version, role and
        created_at.
    decisions : version, at (UTC), kind (`core.models.decisions.Decided`), words; oldest first.
    registered : all that the registry says about its versions, from `core.models.registry.history`.
    models : description of each version that can be read, by version.
    """

    versions: pd.DataFrame
    figures: pd.DataFrame
    decisions: pd.DataFrame
    registered: pd.DataFrame
    models: dict[str, ModelDescription]

    def of_role(self, role: str) -> str | None:
        """Version with this role; None without one, or if its files cannot be read."""
        found = self.versions.loc[self.versions["role"].eq(role) & self.versions["problem"].eq(""), "version"]
        return None if found.empty else str(found.iloc[0])


def read_history(settings: Settings) -> ModelHistory:
    """Read all versions of the registry and the model that comes with the program.

    A version whose files are damaged or gone stays in the list, with the reason.
    """
    table = registry.history(settings=settings)
    lines, figures, models = [], [], {}
    for version, stated in _stated(table, settings):
        try:
            model = _describe(version, stated["role"], settings)
            measured = read_evaluation(model, settings).lines
        except ModelError as error:
            lines.append({**stated, "problem": str(error)})
            continue
        models[version] = model
        facts = {**stated, "model_version": model.version, "created_at": model.created_at}
        figures.append(measured.assign(**facts))
        lines.append({**facts, "trained_on": training_words(model), "problem": ""})
    versions = pd.DataFrame(lines, columns=_VERSIONS).fillna("")
    twice = versions["version"].eq(COMMITTED) & versions["model_version"].duplicated(keep=False)
    versions = versions[~twice]  # the registry may hold the model that comes with the program too
    known = pd.concat(figures, ignore_index=True) if figures else pd.DataFrame(columns=["version", "created_at"])
    known = known[known["version"].isin(versions["version"])]
    versions = _with_times(versions).sort_values("created_at", ignore_index=True, kind="stable")
    return ModelHistory(versions, _with_times(known), registry.decisions(settings=settings), table, models)


def _with_times(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(created_at=pd.to_datetime(table["created_at"], utc=True, format="ISO8601"))


def _stated(table: pd.DataFrame, settings: Settings) -> list[tuple[str, dict[str, str]]]:
    """Versions with what the registry says about them. table : of the registry."""
    found: list[tuple[str, dict[str, str]]] = []
    in_use = CHAMPION if not table["aliases"].astype(str).str.contains(CHAMPION).any() else ""
    if settings.champion_dir.is_dir():
        found.append((COMMITTED, {"version": COMMITTED, "model_version": "models/champion", "role": in_use}))
    for row in table.to_dict("records"):
        aliases = str(row["aliases"]).split(", ")
        role = next((role for role in (CHAMPION, CHALLENGER) if role in aliases), "")
        names = {name: str(row[name]) for name in ("version", "model_version", "created_at")}
        found.append((names["version"], {**names, "role": role}))
    return found


def _describe(version: str, role: str, settings: Settings) -> ModelDescription:
    if version == COMMITTED:
        return read_description(settings.champion_dir, "models/champion", role=role or "candidate")
    return describe_version(version, settings=settings, role=role or "candidate")


@dataclass(frozen=True, eq=False)
class VersionChange:
    """What changed from one version to another.

    Attributes
    ----------
    figures : both versions on the same clips, from `core.evaluation.before_after.compare_results`; empty if they cannot
        be compared.
    problem : why the figures cannot be compared; empty if they can.
    facts : columns what, first, second, changed: data, features, algorithm, settings and libraries in words.
    """

    figures: pd.DataFrame
    problem: str
    facts: pd.DataFrame


def compare_versions(first: ModelDescription, second: ModelDescription, settings: Settings) -> VersionChange:
    """Compare two versions: figures on the same clips, training clips, features, algorithm and libraries."""
    problem, figures = "", pd.DataFrame()
    try:
        figures = compare_results(stored_results(first, settings), stored_results(second, settings))
        if figures.empty:
            problem = "The two versions have no predictions of the same clips."
    except ModelError as error:
        problem = str(error)
    return VersionChange(figures, problem, made_differently(first, second, settings))


def made_differently(first: ModelDescription, second: ModelDescription, settings: Settings) -> pd.DataFrame:
    """How two versions were made, as in `VersionChange.facts`: training clips, features, algorithm and libraries."""
    pairs = {**_clips(first, second, settings), **_made_by(first, second), **_libraries(first, second)}
    facts = pd.DataFrame([(what, *pair) for what, pair in pairs.items()], columns=["what", "first", "second"])
    return facts.assign(changed=facts["first"] != facts["second"])


Pair = tuple[str, str]


def _clips(first: ModelDescription, second: ModelDescription, settings: Settings) -> dict[str, Pair]:
    """The training clips of both versions in words. What is new or gone is said of the second."""
    found = {"trained on": (training_words(first), training_words(second))}
    found["published table"] = (published_hash(first)[:8], published_hash(second)[:8])
    before, after = _labels(first, settings), _labels(second, settings)
    if before is None or after is None:
        return found
    for emotion in EMOTIONS:
        found[f"training clips, {emotion}"] = (str(int((before == emotion).sum())), str(int((after == emotion).sum())))
    both = before.index.intersection(after.index)
    new, gone = len(after.index.difference(before.index)), len(before.index.difference(after.index))
    changed = int((before[both].to_numpy() != after[both].to_numpy()).sum())
    if new or gone or changed:
        words = f"{wording.counted(new, 'new clip')}, {gone} gone, {changed} with another label"
        found["training clips, one by one"] = ("", words)
    return found


def _labels(model: ModelDescription, settings: Settings) -> pd.Series | None:
    """Emotion of each training clip, by the key of the clip; None if the clips were not stored."""
    rows = training_rows(model, settings)
    if rows is None:
        return None
    rows = rows[~rows["held_out"].astype(bool)]
    return pd.Series(rows["y"].to_numpy(), index=clip_keys(rows, published=published_hash(model)).to_numpy())


def _made_by(first: ModelDescription, second: ModelDescription) -> dict[str, Pair]:
    models = (first, second)
    runs = [model.metrics.get("run", {}) for model in models]
    columns = [list(model.manifest["columns"]) for model in models]
    names = [f"{len(own)}" for own in columns]
    more = [sorted(set(columns[k]) - set(columns[1 - k])) for k in (0, 1)]
    features = [f"{names[k]}: with {', '.join(more[k])}" if more[k] else names[k] for k in (0, 1)]
    learned = [json.loads(m.read(LEARNED)) if m.has(LEARNED) else {} for m in models]
    pairs = {
        "algorithm": [str(model.manifest["name"]) for model in models],
        "features": features,
        "seed": [str(run.get("seed", "not recorded")) for run in runs],
        "program": [str(run.get("revision") or "not recorded") for run in runs],
        "started by": [str(one.get("by", "")) for one in learned],
    }
    return {what: (pair[0], pair[1]) for what, pair in pairs.items()}


def _libraries(first: ModelDescription, second: ModelDescription) -> dict[str, Pair]:
    versions = [dict(model.manifest.get("libraries", {})) for model in (first, second)]
    names = sorted({*versions[0], *versions[1]})
    return {name: (str(versions[0].get(name, "none")), str(versions[1].get(name, "none"))) for name in names}


def in_words(facts: pd.DataFrame) -> str:
    """What changed in one sentence. facts : as in `VersionChange`."""
    changed = facts.loc[facts["changed"], "what"].tolist()
    if not changed:
        return "Nothing that is recorded about the training changed."
    return f"Changed: {', '.join(changed)}."
