"""The work of a Dask worker: read, hash, decode and measure files, without database and model.

Files are measured by ``core.pipeline.measure``, like uploads. The main process predicts many clips in one call
(``core.pipeline.deciding.predict_and_decide``). Workers therefore need no pandas, scipy or scikit-learn: they start
fast and stay small.
"""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.audio.decoding import Source, inspect
from core.audio.tags import read_tags
from core.errors import AudioError, CoreError, DecoderError
from core.features import EXTRACTOR
from core.library.find import unsupported
from core.library.reading import GoneError, UnreadError, access_problem, read_content
from core.pipeline.measure import measure, measure_piece
from core.records import FoundFile, LibraryEntry, LibraryFile, MeasuredClip, Plan, Remark, RemarkKind, Window

SKIPPED = "The file is skipped until it changes or you score the library with --retry."


def describe_worker(path: str) -> dict[str, str]:
    """Return the extractor of this worker, and why it cannot access a file (empty when it can)."""
    return {"extractor": EXTRACTOR, "unseen": access_problem(path)}


def measure_plain_chunk(sent: Mapping[str, Any]) -> list[LibraryEntry]:
    """Call `measure_chunk` with arguments from plain data, see `core.library.workers.submit_by_name`."""
    items, plan = [FoundFile(**item) for item in sent["items"]], Plan(**sent["plan"])
    return measure_chunk(items, plan, frozenset(sent["known"]), sent["max_mb"])


def measure_chunk(items: Sequence[FoundFile], plan: Plan, known: frozenset[str], max_mb: float) -> list[LibraryEntry]:
    """Measure files in the given order; every file gives an entry, even if it fails.

    known : content hashes that need no measuring. Of files with the same content only the first is measured.
    """
    entries, seen = [], set(known)
    for item in items:
        entry = measure_file(item, plan, frozenset(seen), max_mb)
        if entry.file.state == "scored" and entry.file.content_hash:
            seen.add(entry.file.content_hash)
        entries.append(entry)
    return entries


def measure_file(item: FoundFile, plan: Plan, known: frozenset[str] | set[str], max_mb: float) -> LibraryEntry:
    """Read and measure one file. An error becomes the entry's state and reason."""
    file = LibraryFile(
        path=item.path, plan=plan.name, size=item.size, stamp=item.stamp, state="unread", extractor=EXTRACTOR
    )
    try:
        content = read_content(item, max_mb=max_mb)
        file = replace(file, size=content.size, stamp=content.stamp, state="refused")
        source = inspect(content.data, item.path.rpartition("/")[2], max_mb=max_mb)
        file = replace(file, content_hash=source.digest, duration_s=source.duration_s)
        if source.digest in known:
            return LibraryEntry(replace(file, state="scored"), known=True)
        return _measured(file, source, plan)
    except GoneError as error:
        return LibraryEntry(replace(file, state="unread", reason=str(error)), gone=True)
    except UnreadError as error:
        return LibraryEntry(replace(file, state="unread", reason=str(error)))
    except DecoderError as error:
        return LibraryEntry(replace(file, state="quarantined", reason=f"{error} {SKIPPED}"))
    except AudioError as error:
        return LibraryEntry(replace(file, reason=unsupported(item.path) or str(error)))
    except CoreError as error:  # the fault of this machine and not of the file: it is read again next time
        return LibraryEntry(replace(file, state="unread", stamp="", reason=str(error)))
    except Exception as error:  # noqa: BLE001 - a bug costs one file: it is reported with its line, and the file is retried
        return LibraryEntry(replace(file, state="fault", stamp="", reason=_fault(error)))


def _fault(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    return f"The program failed on this file ({type(error).__name__} in {where}: {error}). Please report it."[:1000]


def _measured(file: LibraryFile, source: Source, plan: Plan) -> LibraryEntry:
    """Measure the parts of a decoded file. Raises AudioError when no part can be measured."""
    windows: list[Window] = []
    clips: list[MeasuredClip] = []
    remarks: tuple[Remark, ...] = ()
    if plan.whole:
        return _answered(file, source, plan)
    for span in plan.spans(source.duration_s):
        try:
            measured = measure(source, span)
        except DecoderError:
            raise
        except AudioError as error:
            windows.append(Window(start_s=span[0], end_s=span[1], clip_id=None, remark=str(error)))
            continue
        clips.append(measured.clip)
        windows.append(_window(measured.clip))
        found = (remark for remark in measured.recording.remarks if remark.kind != RemarkKind.EXCERPT)
        remarks = tuple(dict.fromkeys((*remarks, *found)))
    if not clips:
        raise AudioError(windows[0].remark)
    done = replace(file, state="scored", windows=tuple(windows), remarks=remarks)
    return LibraryEntry(done, tuple(clips), read_tags(source.data, file.path))


def _answered(file: LibraryFile, source: Source, plan: Plan) -> LibraryEntry:
    """Measure the windows around the middle, which give one answer for the file."""
    parts = measure_piece(source, count=plan.count, apart_s=plan.apart_s)
    clips = tuple(part.clip for part in parts)
    remarks = tuple(dict.fromkeys(parts[0].recording.remarks))
    done = replace(file, state="scored", windows=tuple(_window(clip) for clip in clips), remarks=remarks)
    return LibraryEntry(done, clips, read_tags(source.data, file.path))


def _window(clip: MeasuredClip) -> Window:
    return Window(start_s=clip.start_s, end_s=clip.start_s + clip.duration_s, clip_id=clip.vector.clip_id)
