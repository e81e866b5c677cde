"""What a worker does: read files, hash, decode, measure. It asks no database and loads no model.

The steps are those of ``core.pipeline.score_clip``; what the model says of the features is asked where they come
together, for many clips at once (``core.pipeline.judge``), so that workers start fast and stay small: no pandas, no
scipy, no scikit-learn.
"""

import math
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.audio import Source, excerpt, inspect
from core.errors import AudioError, CoreError
from core.features import EXTRACTOR, extract
from core.library_files import UnreadError, read, unseen, unsupported
from core.library_tags import read_tags
from core.library_types import Found, LibraryClip, LibraryEntry, LibraryFile, Plan, Window
from core.loudness import Meter


def look(path: str) -> tuple[str, str]:
    """What this worker measures with, and why it does not see a file; empty when it does."""
    return EXTRACTOR, unseen(path)


def measure_sent(sent: Sequence[Any]) -> list[LibraryEntry]:
    """As `measure_chunk`, whose arguments came as plain data, see `core.library_link.sent`."""
    items, plan, known, max_mb = sent
    return measure_chunk([Found(*item) for item in items], Plan(*plan), frozenset(known), max_mb)


def measure_chunk(items: Sequence[Found], plan: Plan, known: frozenset[str], max_mb: float) -> list[LibraryEntry]:
    """Measure files one after the other, in the order given; each gives an entry, whatever becomes of it.

    known : content hashes that need no measuring. Of files with the same content the first is measured.
    """
    entries, seen = [], set(known)
    for item in items:
        entry = measure_file(item, plan, frozenset(seen), max_mb)
        if entry.file.state == "scored" and entry.file.content_hash:
            seen.add(entry.file.content_hash)
        entries.append(entry)
    return entries


def measure_file(item: Found, plan: Plan, known: frozenset[str] | set[str], max_mb: float) -> LibraryEntry:
    """Read and measure one file. What goes wrong is the entry's state and reason."""
    file = LibraryFile(item.path, plan.name, item.size, item.stamp, "unread", extractor=EXTRACTOR)
    try:
        content = read(item, max_mb=max_mb)
        file = replace(file, size=content.size, stamp=content.stamp, state="refused")
        source = inspect(content.data, item.path.rpartition("/")[2], max_mb=max_mb)
        file = replace(file, content_hash=source.digest, duration_s=source.duration_s)
        if source.digest in known:
            return LibraryEntry(replace(file, state="scored"), known=True)
        return _measured(file, source, plan)
    except UnreadError as error:
        return LibraryEntry(replace(file, state="unread", reason=str(error)))
    except CoreError as error:
        return LibraryEntry(replace(file, reason=unsupported(item.path) or str(error)))
    except Exception as error:  # noqa: BLE001 - a fault of ours costs its file, is told with its place, and is tried again
        return LibraryEntry(replace(file, state="fault", stamp="", reason=_fault(error)))


def _fault(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    return f"The program failed on this file ({type(error).__name__} in {where}: {error}). Please report it."[:1000]


def _measured(file: LibraryFile, source: Source, plan: Plan) -> LibraryEntry:
    """The entry of a file that holds audio. Raises AudioError when no part of it could be measured."""
    windows: list[Window] = []
    clips: list[LibraryClip] = []
    remarks: tuple[str, ...] = ()
    spans = [None] if plan.hop_s is None else plan.spans(source.duration_s)
    for span in spans:
        meter = Meter(source.sr)
        try:
            if span is None:
                recording = excerpt(source, listen=meter)
            else:
                recording = excerpt(source, start_s=span[0], length_s=span[1] - span[0], listen=meter)
        except AudioError as error:
            if span is None:
                raise
            windows.append(Window(*span, None, str(error)))
            continue
        clip, lufs = recording.clip, meter.lufs()
        start_s, length_s = recording.start_s, clip.duration_s
        bitrate = round(8 * len(source.data) / source.duration_s)
        vector = extract(clip)
        loud = None if math.isnan(lufs) else lufs
        clips.append(
            LibraryClip(vector, start_s, length_s, loud, source.sr, bitrate, source.duration_s, source.channels)
        )
        windows.append(Window(start_s, start_s + length_s, clip.clip_id))
        remarks = tuple(dict.fromkeys((*remarks, *recording.remarks)))
    if not clips:
        raise AudioError(windows[0].remark)
    done = replace(file, state="scored", windows=tuple(windows), remarks=remarks)
    return LibraryEntry(done, tuple(clips), read_tags(source.data, file.path))
