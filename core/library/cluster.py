"""Measure files with Dask: in this process for a few files, on all cores, or on an existing cluster.

Files are sent in chunks, and the number of chunks in flight is limited, so that memory does not grow with the list.
When a worker crashes, the files of its chunk are retried one by one, and files that crash a worker again are retried
alone, with no other file in flight. A file that crashes its worker even then is quarantined; no other file is lost.
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
from core.library.worker import SKIPPED, measure_plain_chunk
from core.library.worker_checks import ask_workers, program_missing, version_differs
from core.library.workers import TICK_S, Beat, Link, Where, connect_workers, submit_by_name
from core.records import FoundFile, LibraryEntry, LibraryFile, Plan

MOST = 50  # files per chunk: scheduling takes less than 0.1 % of the time, and a lost chunk costs 15 s
SHARE = 4  # chunks per worker, so that no worker waits long for the last chunk
AHEAD = 2  # chunks in flight per worker: one being measured, one waiting
MOST_ATTEMPTS = 5  # attempts to send a chunk whose result was lost
QUARANTINED = f"This file crashed its worker, also when it was the only file in work. {SKIPPED}"
UNSHARED = (
    "The file exists, but the worker cannot read it. All machines of a cluster must share the folder under the same "
    "path."
)

Known = Callable[[Sequence[FoundFile]], frozenset[str]]


def chunk_size(count: int, workers: int) -> int:
    """Return the number of files per chunk: at most ``MOST``, and at least ``SHARE`` chunks per worker if possible."""
    return max(1, min(MOST, -(-count // (SHARE * workers))))


def measure(
    items: Iterable[FoundFile],
    count: int,
    plan: Plan,
    *,
    where: Where,
    known: Known,
    max_mb: float,
    beat: Beat,
) -> Iterator[list[LibraryEntry]]:
    """Measure files and yield their entries chunk by chunk, in order of completion.

    Parameters
    ----------
    items, count
        The files, and their number.
    where
        Where to measure: this process, processes of this machine, or a cluster.
    known
        Function that returns, for a chunk of files, the content hashes that need no measuring.
    max_mb
        Size limit of a file in MB.
    beat
        Called at least once a second with a status note for the user; an exception that it raises ends the work.

    Raises
    ------
    CoreError
        When the workers cannot do the work, or none is available.
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
        suspects: list[FoundFile] = []
        # In this process there is no waiting between chunks. With one chunk in flight, copies of files that were just
        # measured are recognised.
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


def _quarantined(item: FoundFile, plan: Plan) -> LibraryFile:
    return LibraryFile(
        path=item.path,
        plan=plan.name,
        size=item.size,
        stamp=item.stamp,
        state="quarantined",
        reason=QUARANTINED,
        extractor=EXTRACTOR,
    )


def _chunks(items: Iterable[FoundFile], size: int) -> Iterator[list[FoundFile]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _correct_reasons(entries: Sequence[LibraryEntry]) -> list[LibraryEntry]:
    """Correct the reason of files that a worker did not find although they exist."""
    return [
        replace(entry, file=replace(entry.file, reason=UNSHARED))
        if entry.gone and not access_problem(entry.file.path)
        else entry
        for entry in entries
    ]


def _round(
    link: Link,
    chunks: Iterator[list[FoundFile]],
    width: Callable[[], int],
    plan: Plan,
    known: Known,
    max_mb: float,
    beat: Beat,
) -> Iterator[tuple[list[FoundFile], list[LibraryEntry] | None]]:
    """Yield each chunk with its entries, or with None when its worker crashed. At most width() chunks are in flight."""
    finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
    in_flight: dict[Any, tuple[list[FoundFile], int]] = {}  # future -> chunk, number of attempts
    retries: list[tuple[list[FoundFile], int]] = []
    fresh = ((chunk, 1) for chunk in chunks)
    try:
        while True:
            beat(link.status_note())
            if link.lost:
                link.reconnect(beat)
            while len(in_flight) < width() and (next_chunk := next(chain(_pop_all(retries), fresh), None)):
                chunk, attempts = next_chunk
                arguments = {
                    "items": [asdict(item) for item in chunk],
                    "plan": asdict(plan),
                    "known": [*known(chunk)],
                    "max_mb": max_mb,
                }
                future = submit_by_name(link.client, measure_plain_chunk, arguments)
                in_flight[future] = chunk, attempts
                future.add_done_callback(finished.put)
            if not in_flight:
                return
            try:
                future = finished.get(timeout=TICK_S)
            except queue.Empty:
                continue
            chunk, attempts = in_flight.pop(future)
            try:
                entries = _collect(future)
            except _LostError as error:
                if attempts >= MOST_ATTEMPTS:
                    raise CoreError(
                        f"The results of the same {len(chunk)} files were lost {attempts} times ({error}). Check that "
                        "the workers keep running and can be reached, then start the command again: it continues where "
                        "it stopped."
                    ) from error
                retries.append((chunk, attempts + 1))
            else:
                yield chunk, entries
            future.release()
    finally:
        for future in in_flight:
            future.release()


class _LostError(Exception):
    """The scheduler was lost, or the worker was lost before it returned its result."""


def _pop_all(waiting: list[Any]) -> Iterator[Any]:
    """Yield the items of a list, removing each from the list."""
    while waiting:
        yield waiting.pop()


def _collect(future: Any) -> list[LibraryEntry] | None:
    """Return the entries of a chunk; None when it crashed the worker. Raises _LostError when the result was lost."""
    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    try:
        entries: list[LibraryEntry] = future.result(timeout=60)
    except KilledWorker:
        return None
    except (CancelledError, CommClosedError, TimeoutError, OSError) as error:
        raise _LostError(type(error).__name__) from error
    except (ImportError, AttributeError) as error:  # only resolving the function raises these
        raise CoreError(program_missing("A worker", error)) from error
    other = {entry.file.extractor for entry in entries} - {EXTRACTOR}
    if other:
        raise CoreError(version_differs("A worker", ", ".join(other)))
    return entries
