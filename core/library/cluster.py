"""Work on Dask: in this process for a few files, on all cores, or on a cluster that is there; and what may go wrong.

Files travel in chunks, and only so many chunks are on their way at a time, so that a list may be as long as it likes.
A chunk whose worker died is taken apart: its files run one by one, and those whose worker died again run once more
with nothing beside them. What kills its worker even then is quarantined; no other file is lost.
"""

import queue
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import asdict, replace
from itertools import chain, islice
from typing import Any

from core.errors import CoreError
from core.features import EXTRACTOR
from core.library.reading import access_problem
from core.library.worker import measure_plain_chunk
from core.library.workers import (
    TICK_S,
    Beat,
    Link,
    Where,
    ask_workers,
    connect_workers,
    program_missing,
    submit_by_name,
    version_differs,
)
from core.records import Found, LibraryEntry, LibraryFile, Plan

MOST = 50  # files in a chunk of a long list: scheduling costs less than a thousandth, a lost chunk 15 s
SHARE = 4  # chunks a worker, so that none waits long for the last
AHEAD = 2  # chunks a worker has: one in work, one to go on with
MOST_TIMES = 5  # a chunk is sent, whose answers were lost with the scheduler or on their way
QUARANTINED = (
    "The process that worked on this file died, also when it worked on nothing else. "
    "It is left out until the file changes or is asked for with --retry."
)
UNSHARED = (
    "The worker that should have read it does not see it, though it is there: all machines of a cluster must share the "
    "folder under the same path."
)

Known = Callable[[Sequence[Found]], frozenset[str]]


def chunk_size(count: int, workers: int) -> int:
    """Files in a chunk: 50 of a long list, fewer where a worker would get less than its share of chunks."""
    return max(1, min(MOST, -(-count // (SHARE * workers))))


def measure(
    items: Iterable[Found],
    count: int,
    plan: Plan,
    *,
    where: Where,
    known: Known,
    max_mb: float,
    beat: Beat,
) -> Iterator[list[LibraryEntry]]:
    """Measure files and give their entries chunk by chunk, in the order in which they are done.

    count : how many there are.  known : content that need not be measured, for a chunk of files.
    beat : called once a second at least, with what a person is to know; what it raises ends the work.
    Raises CoreError when the workers cannot do the work, or stay away.
    """
    if not count:
        return
    with connect_workers(where, count) as link:
        if link.scheduler:
            items = iter(items)
            first = next(items)
            items = chain([first], items)
            ask_workers(link, first, beat)
        workers = max(1, link.threads() or where.processes(count))
        suspects: list[Found] = []
        # In this process nothing is waited for between two chunks, and a copy of what was just measured is known.
        first_ahead = AHEAD if link.scheduler or where.processes(count) else 1
        rounds = ((chunk_size(count, workers), first_ahead), (1, 1), (1, 0))
        for number, (size, ahead) in enumerate(rounds):
            waiting, suspects = (items if number == 0 else suspects), []

            def width(ahead: int = ahead) -> int:
                return max(1, ahead * link.threads())

            for chunk, entries in _round(link, _chunks(waiting, size), width, plan, known, max_mb, beat):
                if entries is None:
                    suspects += chunk
                else:
                    yield _correct_reasons(entries) if link.scheduler else entries
        if suspects:
            yield [LibraryEntry(_quarantined(item, plan)) for item in suspects]


def _quarantined(item: Found, plan: Plan) -> LibraryFile:
    return LibraryFile(
        path=item.path,
        plan=plan.name,
        size=item.size,
        stamp=item.stamp,
        state="quarantined",
        reason=QUARANTINED,
        extractor=EXTRACTOR,
    )


def _chunks(items: Iterable[Found], size: int) -> Iterator[list[Found]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _correct_reasons(entries: Sequence[LibraryEntry]) -> list[LibraryEntry]:
    """With the true reason for a file that its worker did not see, and that is not gone."""
    return [
        replace(entry, file=replace(entry.file, reason=UNSHARED))
        if entry.gone and not access_problem(entry.file.path)
        else entry
        for entry in entries
    ]


def _round(
    link: Link,
    chunks: Iterator[list[Found]],
    width: Callable[[], int],
    plan: Plan,
    known: Known,
    max_mb: float,
    beat: Beat,
) -> Iterator[tuple[list[Found], list[LibraryEntry] | None]]:
    """Each chunk with its entries, or with None when its worker died. At most width() chunks are on their way."""
    finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
    in_flight: dict[Any, tuple[list[Found], int]] = {}  # and how often it was sent
    again: list[tuple[list[Found], int]] = []
    fresh = ((chunk, 1) for chunk in chunks)
    try:
        while True:
            beat(link.status_note())
            if link.lost:
                link.reconnect(beat)
            while len(in_flight) < width() and (waits := next(chain(_pop_all(again), fresh), None)):
                chunk, times = waits
                plain = {
                    "items": [asdict(found) for found in chunk],
                    "plan": asdict(plan),
                    "known": [*known(chunk)],
                    "max_mb": max_mb,
                }
                future = submit_by_name(link.client, measure_plain_chunk, plain)
                in_flight[future] = chunk, times
                future.add_done_callback(finished.put)
            if not in_flight:
                return
            try:
                future = finished.get(timeout=TICK_S)
            except queue.Empty:
                continue
            chunk, times = in_flight.pop(future)
            try:
                entries = _collect(future)
            except _LostError as error:
                if times >= MOST_TIMES:
                    raise CoreError(
                        f"The answer to the same {len(chunk)} files was lost {times} times ({error}). See that the "
                        "workers stay up and can be reached, and start the command again: it goes on where it was."
                    ) from error
                again.append((chunk, times + 1))
            else:
                yield chunk, entries
            future.release()
    finally:
        for future in in_flight:
            future.release()


class _LostError(Exception):
    """The scheduler is gone, or the worker before it gave its answer."""


def _pop_all(waiting: list[Any]) -> Iterator[Any]:
    """Those that wait, each taken off the list as it is given."""
    while waiting:
        yield waiting.pop()


def _collect(future: Any) -> list[LibraryEntry] | None:
    """The entries of a chunk; None when the worker died of it. Raises _LostError when there is no answer."""
    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    try:
        entries: list[LibraryEntry] = future.result(timeout=60)
    except KilledWorker:
        return None
    except (CancelledError, CommClosedError, TimeoutError, OSError) as error:
        raise _LostError(type(error).__name__) from error
    except (ImportError, AttributeError) as error:  # as the call was unpacked: it lets no other one out
        raise CoreError(program_missing("A worker", error)) from error
    other = {entry.file.extractor for entry in entries} - {EXTRACTOR}
    if other:
        raise CoreError(version_differs("A worker", ", ".join(other)))
    return entries
