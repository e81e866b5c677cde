"""The steps of a canary: start, look, promote, abort. A person starts and promotes; the watch may only take out."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import urlopen

from core.access import Action, Person, decides, require, requires
from core.canary import evidence, proxy
from core.canary.comparing import Finding, Health, Standing, verdict
from core.canary.running import (
    LEAST_SHARE,
    MOST_SHARE,
    Canary,
    CanaryError,
    End,
    Ended,
    note_end,
    note_start,
    now,
    running,
)
from core.evaluation.gate import GateResult
from core.file_names import CHALLENGER, CHAMPION
from core.models import registry
from core.models.description import describe_alias, describe_model_in_use
from core.settings import Settings
from core.store import Store
from core.training import promotion

WATCH = "the watch"  # ``by`` of a canary that was taken out
ANSWERS_EVERY_S = 60.0  # the figures from the store change slowly and take seconds
NONE = "No canary is running. Start one with: python -m core canary start --share 5"
READY_S = 10.0  # a server that needs longer to say that it is ready is not


@dataclass(frozen=True)
class Look:
    """One look at a canary. ended : what was written down, if the look took it out."""

    canary: Canary
    findings: tuple[Finding, ...]
    health: Health
    ended: Ended | None = None


@requires(Action.CHOOSE_MODEL)
def start(settings: Settings, *, share: int, by: Person) -> tuple[Canary, str]:
    """Start a canary with the challenger of the registry. Returns it, and a sentence about nginx.

    Raises CanaryError when the share is not possible, a canary runs already, there is no challenger or it is the
    champion's model, or a server is not ready.
    """
    if not LEAST_SHARE <= share <= MOST_SHARE:
        raise CanaryError(f"A share of {share} % is not possible: choose {LEAST_SHARE} to {MOST_SHARE} %.")
    challenger = describe_alias(CHALLENGER, settings=settings)
    found = registry.find(CHALLENGER, settings=settings)
    if challenger is None or found is None:
        raise CanaryError(promotion.NO_CHALLENGER)
    champion = describe_model_in_use(settings)
    if champion.version == challenger.version:
        raise CanaryError(
            f"The challenger is the same model as the champion, {champion.version}, so there is nothing to compare. "
            "Train with other clips or settings first."
        )
    for role, address in ((CHAMPION, settings.champion_address), (CHALLENGER, settings.challenger_address)):
        _require_ready(role, address)
    canary = Canary(
        secrets.token_hex(4), share, champion.version, challenger.version, found.version, now(), by.name or "the owner"
    )
    note_start(canary, settings)
    try:
        return canary, proxy.divide(canary, settings)
    except (CanaryError, OSError) as error:
        note_end(canary, End.ABORTED, settings, why=f"It could not be started: {error}", by=canary.by, findings=())
        raise


def _require_ready(role: str, address: str) -> None:
    try:
        with urlopen(f"http://{address}/ready", timeout=READY_S) as answer:  # noqa: S310 - an address of the settings
            status = int(answer.status)
    except HTTPError as error:
        status = error.code
    except (OSError, ValueError, HTTPException) as error:
        raise CanaryError(
            f"The server of the {role} at {address} does not answer ({error}). Start it, then start the canary again. "
            "See docs/deployment.md."
        ) from error
    if status != 200:
        raise CanaryError(
            f"The server of the {role} at {address} is not ready (status {status}). Wait, then try again."
        )


def current(settings: Settings) -> Canary:
    """The canary that runs now. Raises CanaryError when none does."""
    canary = running(settings)
    if canary is None:
        raise CanaryError(NONE)
    return canary


def look(settings: Settings, store: Store | None) -> Look:
    """Look at the canary without changing anything. store : None leaves out the figures of the store."""
    canary = current(settings)
    findings = evidence.of_requests(canary, settings)
    if store is not None:
        findings += evidence.of_answers(canary, settings, store)
    return Look(canary, tuple(findings), verdict(findings))


@decides(Action.CHOOSE_MODEL)
def take_out_if_sick(settings: Settings, store: Store | None, *, by: Person) -> Look:
    """Look at the canary and take it out if it is sick."""
    require(by, Action.CHOOSE_MODEL)  # not the person of the store: that is the program
    seen = look(settings, store)
    if seen.health is not Health.SICK:
        return seen
    why = " ".join(f.sentence for f in seen.findings if f.standing is Standing.BAD)
    done = _end(seen.canary, End.SICK, settings, why=why, by=by.name or WATCH, findings=seen.findings)
    return Look(seen.canary, seen.findings, seen.health, done)


@decides(Action.CHOOSE_MODEL)
def watch(
    settings: Settings,
    store: Store,
    *,
    by: Person,
    every_s: float,
    stay: bool = False,
    wait: Callable[[float], None] = time.sleep,
) -> Ended | None:
    """Look again and again, and take the canary out when it is sick. Ends with the canary, unless it stays.

    Returns what was written down when this watch took the canary out; None when somebody else ended it.

    wait : called with the seconds between two looks.
    """
    require(by, Action.CHOOSE_MODEL)
    looks_at_store = 0.0
    while True:
        if running(settings) is not None:
            asks_store = time.monotonic() >= looks_at_store
            if asks_store:
                looks_at_store = time.monotonic() + ANSWERS_EVERY_S
            seen = _take_out_unless_ended(settings, store if asks_store else None, by)
            if seen is not None and seen.ended is not None and not stay:
                return seen.ended
        elif not stay:
            return None
        wait(every_s)


def _take_out_unless_ended(settings: Settings, store: Store | None, by: Person) -> Look | None:
    try:
        return take_out_if_sick(settings, store, by=by)
    except CanaryError:
        if running(settings) is None:  # a person ended it during the look
            return None
        raise


@decides(Action.CHOOSE_MODEL)
def promote(settings: Settings, store: Store, *, by: Person, reason: str = "") -> tuple[GateResult, Ended | None]:
    """Make the challenger of the canary the champion if the canary is healthy and the gate lets it.

    Returns the result of the gate, and what was written down; None when the gate did not let it: the canary goes on.

    Raises CanaryError when no canary runs, it is sick, or it is undecided and there is no reason.
    """
    require(by, Action.CHOOSE_MODEL)
    seen = look(settings, store)
    if seen.health is Health.SICK:
        raise CanaryError("The canary is sick and was not promoted. End it with: python -m core canary abort")
    if seen.health is Health.UNDECIDED and not promotion.check_reason(reason):
        raise CanaryError(
            "The canary is undecided and was not promoted. Wait for more requests, or promote it with your name and a "
            "written reason (--by, --reason)."
        )
    result = promotion.promote(
        settings,
        by=by,
        version=seen.canary.registered,
        shown=seen.canary.registered,
        reason=reason,
        store=store,
    )
    if not promotion.is_promoted(result, reason):
        return result, None
    why = reason or f"The canary is {seen.health}, and the gate: {result.outcome}."
    return result, _end(seen.canary, End.PROMOTED, settings, why=why, by=by.name, findings=seen.findings)


@requires(Action.CHOOSE_MODEL)
def abort(settings: Settings, *, by: Person, why: str = "") -> Ended:
    """End the canary: all callers get the champion again. Raises CanaryError when none is running."""
    canary = current(settings)
    findings = evidence.of_requests(canary, settings)
    return _end(canary, End.ABORTED, settings, why=why or "A person ended it.", by=by.name, findings=findings)


def _end(canary: Canary, end: End, settings: Settings, *, why: str, by: str, findings: Sequence[Finding]) -> Ended:
    """Give all callers the champion first, then write the end down: a crash between leaves a canary without callers."""
    proxy.divide(None, settings)
    return note_end(canary, end, settings, why=why, by=by, findings=[finding.sentence for finding in findings])
