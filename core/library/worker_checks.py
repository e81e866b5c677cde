"""Check the workers of a cluster before a run: this program's version, and access to the files."""

import time
from collections.abc import Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any

from core.errors import CoreError
from core.features import EXTRACTOR
from core.library.reading import access_problem
from core.library.worker import describe_worker
from core.library.workers import PATIENCE_S, TICK_S, Beat, Link, submit_by_name
from core.records import FoundFile

ANSWER_S = 10.0  # after the first worker's answer, the run waits this long for the others
SHOWN = 3  # workers that an error message names


def ask_workers(link: Link, item: FoundFile, beat: Beat) -> None:
    """Check the workers of a cluster before the run: their version, and whether they can access a file.

    Waits until the first worker has joined. Workers that join later, or are busy, are checked on their first result. If
    all are busy, this call blocks until one is free, at most ``PATIENCE_S``.

    Parameters
    ----------
    link
        Connection to the scheduler.
    item
        A file that every worker must be able to access.
    beat
        Called regularly with a status note for the user.

    Raises
    ------
    CoreError
        When a worker lacks this program, has another version of it, or cannot access the file.
    """
    asked: dict[str, Any] = {}
    answered_at: float | None = None
    deadline = time.monotonic() + PATIENCE_S
    try:
        while True:
            beat(link.status_note() or f"Asking the workers of {link.scheduler}")
            if link.lost:
                link.reconnect(beat)
                asked.clear()
            present = link.workers()
            for name in present.keys() - asked.keys():
                asked[name] = submit_by_name(
                    link.client, describe_worker, item.path, workers=[name], allow_other_workers=False, priority=10
                )
            answers = {name: answer for name, future in asked.items() if (answer := _answer(future))}
            _raise_for_unfit(answers, item)
            if answers and answered_at is None:
                answered_at = time.monotonic()
            late = answered_at is not None and time.monotonic() - answered_at > ANSWER_S
            if answers and (late or present.keys() <= answers.keys()):
                return
            if present and time.monotonic() > deadline:
                return
            time.sleep(TICK_S / 5)
    finally:
        for future in asked.values():
            future.release()


@dataclass(frozen=True)
class _Answer:
    """Answer of a worker.

    lacking : why it cannot run the program.  extractor : its extractor.  unseen : why it cannot access the file.
    """

    lacking: str = ""
    extractor: str = ""
    unseen: str = ""


def _answer(future: Any) -> _Answer | None:
    """Return the answer of a worker; None while it is pending, or when it was lost."""
    if future.status not in ("finished", "error"):
        return None
    try:
        return _Answer(**future.result(timeout=60))
    except (CancelledError, TimeoutError, OSError):
        return None  # the answer was lost
    except Exception as error:  # importing the program failed there, or crashed the worker
        return _Answer(lacking=str(error) or type(error).__name__)


def _raise_for_unfit(answers: Mapping[str, _Answer], item: FoundFile) -> None:
    """Raise CoreError if any worker cannot do the work."""
    lacking = {name: answer.lacking for name, answer in answers.items() if answer.lacking}
    able = {name: answer.extractor for name, answer in answers.items() if not answer.lacking}
    others = {name: extractor for name, extractor in able.items() if extractor != EXTRACTOR}
    blind = {name: answer.unseen for name, answer in answers.items() if answer.unseen}
    if lacking:
        raise CoreError(program_missing(_named(lacking), next(iter(lacking.values()))))
    if others:
        raise CoreError(version_differs(_named(others), next(iter(others.values()))))
    if blind and not access_problem(item.path):
        raise CoreError(file_not_visible(_named(blind), item.path, next(iter(blind.values()))))


def program_missing(who: str, why: object) -> str:
    """Return the error message for workers without the program."""
    return f"{who} lacks this program or one of its libraries ({why}). Install the same version there."


def version_differs(who: str, extractor: str) -> str:
    """Return the error message for workers with another version."""
    return f"{who} has another version ({extractor}) than this machine ({EXTRACTOR}). Install the same version there."


def file_not_visible(who: str, path: str, why: str) -> str:
    """Return the error message for workers that cannot access the files."""
    return (
        f"{who} cannot read {path}: {why} All machines of a cluster must share the folder under the same path. "
        "Alternatively, give an address that all of them can read."
    )


def _named(workers: Mapping[str, str]) -> str:
    first = list(workers)[:SHOWN]
    more = len(workers) - len(first)
    return f"The worker {' and '.join(first)}" + (f" (and {more} more)" if more else "")
