"""Promotion: make a version the champion if it passes the gate, or with a person's written reason.

Only a person starts a promotion, never a schedule.
"""

import json
from dataclasses import asdict

from core.access import Action, Person, requires
from core.errors import ModelError
from core.evaluation.criteria import Check, Verdict
from core.evaluation.evaluation_table import HELD_OUT, EvaluationTable, empty_table, evaluation_lines
from core.evaluation.gate import Evidence, GateResult, Outcome, check_gate
from core.evaluation.results import ModelRef, Protocol, make_result
from core.evaluation.run_files import read_run
from core.evaluation.stored_evaluation import read_evaluation, stored_policy, stored_results, winner_results
from core.file_names import CHALLENGER, CHAMPION, METRICS
from core.full_disk import full_disk_means
from core.models import registry
from core.models.description import ModelDescription, describe_alias, read_description
from core.models.manifest import read_manifest
from core.settings import Settings
from core.store import Event, EventKind, Store, record_events

NO_CHALLENGER = "There is no challenger to promote. Train one with: python -m core retrain"
SAME_CHAMPION = "The champion is the same as before."
LONGEST_REASON = 1000  # characters
LEAST_REASON = 10  # characters; a shorter text explains nothing


@requires(Action.CHOOSE_MODEL)
def promote(
    settings: Settings,
    *,
    by: Person,
    version: str | None = None,
    shown: str | None = None,
    reason: str = "",
    store: Store | None = None,
) -> GateResult:
    """Make a version the champion if the gate lets it; otherwise change nothing.

    Parameters
    ----------
    version : number of the version; the challenger by default.
    shown : version of the challenger that the person saw; None skips this check.
    by : the person who decides; the name is stored with the version.
    reason : written reason; needed when the outcome of the gate is undecided, and then the person needs a name.
    store : where the promotion is noted as an event; None notes nothing.

    Returns
    -------
    Result of the gate, which is also stored with the version. `is_promoted` says whether the version is the champion.

    Raises
    ------
    ModelError : the version does not exist, champion and challenger cannot be compared, the challenger has changed
        since it was shown, or the reason has no name, or is too short or too long.
    """
    chosen, champion = _chosen(settings, version=version, shown=shown)
    reason = check_reason(reason)
    before = champion_evidence(settings)
    result = _judge(_registered(chosen, settings), before, settings)
    words = f"{result.outcome}: {result.reason}"
    with full_disk_means(f"version {chosen} was not promoted. {SAME_CHAMPION} Free some space and promote it again."):
        registry.note_gate(chosen, words, gate_json(result), settings=settings, by=by)
        if not is_promoted(result, reason):
            return result
        if not result.passed and not by.name.strip():
            raise ModelError("A promotion with a reason needs the name of the person who decides. Give your name.")
        after_committed = champion is None and before is not None
        replaced = _in_use(settings)
        registry.set_champion(chosen, settings=settings, by=by, reason=reason, after_committed=after_committed)
    _note(EventKind.PROMOTED, store, settings, replaced=replaced)
    return result


@requires(Action.CHOOSE_MODEL)
def roll_back(settings: Settings, *, by: Person, shown: str | None = None, store: Store | None = None) -> str:
    """Return to the previous champion. Returns its version number. Parameters and errors as in `registry.rollback`.

    store : where it is noted as an event; None notes nothing.
    """
    replaced = _in_use(settings)
    before = registry.rollback(settings=settings, by=by, shown=shown)
    _note(EventKind.ROLLED_BACK, store, settings, replaced=replaced)
    return before


def _in_use(settings: Settings) -> str:
    """Version of the model in use; empty without one."""
    model = describe_alias(CHAMPION, settings=settings)
    return model.version if model else ""


def _note(kind: EventKind, store: Store | None, settings: Settings, *, replaced: str) -> None:
    record_events(store, Event(kind, model_version=_in_use(settings), about={"before": replaced}))


def is_promoted(result: GateResult, reason: str) -> bool:
    """True if this result of the gate, with this reason, makes the challenger the champion."""
    return result.passed or (result.needs_reason and bool(reason.strip()))


def check_reason(reason: str) -> str:
    """Return the reason on one line. Raises ModelError when it is too short or too long; an empty reason is allowed."""
    text = " ".join(reason.split())
    if text and not LEAST_REASON <= len(text) <= LONGEST_REASON:
        raise ModelError(
            f"The reason has {len(text)} characters; {LEAST_REASON} to {LONGEST_REASON} are possible. Write one or two "
            "sentences."
        )
    return text


def preview(settings: Settings) -> GateResult:
    """Result of the gate for the present challenger, without storing or changing anything."""
    challenger = registry.find(CHALLENGER, settings=settings)
    if challenger is None:
        raise ModelError(NO_CHALLENGER)
    return _judge(challenger, champion_evidence(settings), settings)


def _judge(challenger: registry.RegisteredModel, champion: Evidence | None, settings: Settings) -> GateResult:
    evidence = registered_evidence(challenger, settings, role=CHALLENGER)
    if HELD_OUT not in evidence.results:
        raise ModelError(f"Version {challenger.version} has no predictions for the held-out clips. Train again.")
    return check_gate(evidence, champion)


def _registered(version: str, settings: Settings) -> registry.RegisteredModel:
    challenger = registry.find(CHALLENGER, settings=settings)
    if challenger is not None and challenger.version == version:
        return challenger
    return registry.find_version(version, settings=settings)


def _chosen(
    settings: Settings, *, version: str | None, shown: str | None
) -> tuple[str, registry.RegisteredModel | None]:
    """The version that may become champion, and the present champion in the registry."""
    challenger = registry.find(CHALLENGER, settings=settings)
    if version is None and challenger is None:
        raise ModelError(NO_CHALLENGER)
    registry.check_shown(CHALLENGER, shown, settings=settings)
    chosen = version or (challenger.version if challenger else "")
    champion = registry.find(CHAMPION, settings=settings)
    if champion is not None and champion.version == chosen:
        raise ModelError(f"Version {chosen} is already the champion.")
    return chosen, champion


# --- evidence --------------------------------------------------------------------------------------------------------


def model_evidence(model: ModelDescription, settings: Settings) -> Evidence:
    """All that the gate needs to know about a model, from its stored files."""
    return Evidence(read_evaluation(model, settings), stored_results(model, settings), stored_policy(model))


def registered_evidence(found: registry.RegisteredModel, settings: Settings, *, role: str) -> Evidence:
    """Evidence about a version of the registry. Without metrics there are still held-out predictions.

    Raises ModelError when a file was changed after the training.
    """
    source = f"registry (version {found.version})"
    if METRICS not in read_manifest(found.folder, source, seal=found.seal)["sha256"]:
        return _only_held_out(found.version, settings, role=role)
    model = read_description(found.folder, source, role=role, registered=found.version, seal=found.seal)
    return model_evidence(model, settings)


def _only_held_out(version: str, settings: Settings, *, role: str) -> Evidence:
    predictions = registry.read_held_out(version, settings=settings)
    published = registry.run_tags(version, settings=settings).get("data_hash", "")
    ref = ModelRef(f"version {version}", role)
    result = make_result(predictions, model=ref, protocol=Protocol.HELD_OUT, published=published)
    return Evidence(EvaluationTable(ref, evaluation_lines({HELD_OUT: result})), {HELD_OUT: result})


def champion_evidence(settings: Settings) -> Evidence | None:
    """Evidence about the model in use; None when there is no model."""
    champion = registry.find(CHAMPION, settings=settings)
    if champion is not None:
        return registered_evidence(champion, settings, role=CHAMPION)
    model = describe_alias(CHAMPION, settings=settings)
    if model is not None:
        return model_evidence(model, settings)
    if not settings.comparison_dir.is_dir():
        return None
    results = winner_results(read_run(settings.comparison_dir))
    table = empty_table(results[HELD_OUT].model).with_lines(evaluation_lines(results))
    return Evidence(table, results)


def gate_json(result: GateResult) -> str:
    """The result of the gate as JSON, for the registry and the sign-off report."""
    content = asdict(result) | {"outcome": str(result.outcome)}
    return json.dumps(content, ensure_ascii=False)


def read_gate(content: str) -> GateResult:
    """Read the result of the gate that `gate_json` wrote."""
    known = json.loads(content)
    parts = {
        name: tuple(Check(**check | {"verdict": Verdict(check["verdict"])}) for check in known[name])
        for name in ("criteria", "losses")
    }
    return GateResult(
        Outcome(known["outcome"]), parts["criteria"], parts["losses"], tuple(known["reasons"]), known["compared_with"]
    )
