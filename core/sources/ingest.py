"""One run over a source: store what is new and changed, note what is gone, and find the sound.

Each part of the list is stored in one transaction with the place where the next part begins. A run that was stopped, or
that a service sent away, goes on there. Nothing is deleted because it is no longer listed; only what a service forbids
to store for longer is removed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from core.records import FoundFile, ReportProgress
from core.sources import spotify, youtube
from core.sources.protocol import FACTS, Item, PauseError, Source, SourceError
from core.store import (
    TRACK_FIELDS,
    SourceRow,
    SourceState,
    Store,
    begin_source,
    count_gone,
    forget_items,
    save_items,
    source_items_table,
)
from core.wording import counted

JOB = "ingest"  # name of the job and of its lock
WEEK = timedelta(days=6, hours=12)  # a weekly job of the system does not start to the second
LONGEST_STOP = timedelta(days=1)  # the place in a list that is older says nothing: the list has changed

LIMITED = {  # services that limit how long their data may be stored, with the days
    service: licence.days
    for service, licence in (("spotify:", spotify.LICENCE), ("youtube:", youtube.LICENCE))
    if licence.days
}


@dataclass(frozen=True)
class Report:
    """What a run found.

    Attributes
    ----------
    listed, new, changed, unchanged : items of this run.
    twice : items that the source lists more than once.  left_out : entries without data.
    elsewhere : items whose ISRC another source has, too.
    gone : items of an earlier run that are no longer listed; they stay in the store.
    removed : items that were removed because their service forbids to store them for longer.
    paused : why the run ended early, as a sentence; empty when the whole list was read.
    files : sound, to be scored.  tracks : by the path of a file, what the source says of it.
    """

    source: str
    licence: str
    note: str
    listed: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    twice: int = 0
    left_out: int = 0
    elsewhere: int = 0
    gone: int = 0
    removed: int = 0
    paused: str = ""
    files: list[FoundFile] = field(default_factory=list)
    tracks: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The report in sentences."""
        parts = [
            f"{self.source}: {counted(self.listed, 'item')} listed, {self.new:,} new, {self.changed:,} changed, "
            f"{self.unchanged:,} as before."
        ]
        if self.twice or self.left_out:
            parts.append(f"Listed twice: {self.twice:,}. Without data, left out: {self.left_out:,}.")
        if self.elsewhere:
            parts.append(f"Known from another source, by ISRC: {self.elsewhere:,}.")
        if self.gone:
            parts.append(f"No longer listed: {self.gone:,}. They stay stored.")
        if self.removed:
            parts.append(f"Removed, because their service forbids to store them for longer: {self.removed:,}.")
        return " ".join([*parts, f"Licence: {self.licence}.", self.note, *filter(None, [self.paused])])

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("files", "tracks")}


def is_due(state: SourceState | None, now: datetime | None = None) -> bool:
    """Return whether a weekly run is due: the last one is a week old, or did not reach its end."""
    if state is None or state.ended_at is None or state.ended_at < state.began_at:
        return True
    return (now or datetime.now(UTC)) - state.ended_at >= WEEK


def ingest(source: Source, store: Store, *, beat: ReportProgress = lambda share, text: None) -> Report:
    """List a source, and store what is new and changed. When its sound is scored, call `core.store.end_source`.

    Parameters
    ----------
    beat
        Called with the progress in [0, 1] and the present step. An exception that it raises ends the run; the next
        run goes on.

    Raises
    ------
    SourceError
        When the source lists nothing, or answers in an unknown form. What was stored before stays.
    """
    removed = sum(forget_items(store, service, older=timedelta(days=days)) for service, days in LIMITED.items())
    state = begin_source(store, source.name, longest=LONGEST_STOP)
    count = dict.fromkeys(("listed", "new", "changed", "unchanged", "twice", "left_out", "elsewhere"), 0)
    files: list[FoundFile] = []
    tracks: dict[str, Mapping[str, Any]] = {}
    seen: set[str] = set()
    gone, paused = 0, ""
    try:
        for page in source.list(state.after):
            items = [item for item in {item.id: item for item in page.items}.values() if item.id not in seen]
            seen.update(item.id for item in items)
            saved = save_items(store, source.name, [_row(item, source) for item in items], after=page.after)
            for name, value in (*asdict(saved).items(), ("listed", len(items)), ("left_out", page.left_out)):
                count[name] += value
            count["twice"] += len(page.items) - len(items)
            beat(0.0, f"{counted(count['listed'], 'item')} listed")
            for item, found in _sound(source, items, beat):
                files.append(found)
                if not found.problem and set(item.facts) & set(TRACK_FIELDS):
                    tracks[found.path] = item.facts
        if not seen and not state.after:
            raise SourceError(f"{source.name} lists nothing. Check its name. Nothing was changed.")
        gone = count_gone(store, source.name)
    except PauseError as error:
        paused = str(error)
    except SourceError:
        if state.after and not seen:  # the place may be what is refused: the next run begins at the beginning
            save_items(store, source.name, [], after="")
        raise
    licence = source.licence
    return Report(
        source.name,
        licence.name,
        licence.note,
        **count,
        gone=gone,
        removed=removed,
        paused=paused,
        files=files,
        tracks=tracks,
    )


def _sound(source: Source, items: list[Item], beat: ReportProgress) -> Iterator[tuple[Item, FoundFile]]:
    """Yield the items that have sound with their files, where the licence of the source lets us fetch it."""
    for item in items if source.licence.sound else ():
        found = source.fetch(item)
        if found is not None:
            yield item, found
            beat(0.0, f"Fetching {found.name}")


def _row(item: Item, source: Source) -> SourceRow:
    return SourceRow(
        item.id,
        item.known_stamp,
        dict(item.facts),
        str(item.facts.get("isrc", "")).replace("-", "").upper(),
        item.licence or source.licence.name,
    )


def catalogue(store: Store, source: Source) -> pd.DataFrame:
    """Return what is stored of a source, one row for each item.

    Columns: item, the ``FACTS``, licence, first_seen_at, changed_at, seen_at.
    """
    table = source_items_table(store, source.name)
    facts = pd.DataFrame(list(table.pop("facts")), index=table.index).reindex(columns=list(FACTS))
    return pd.concat([table[["item"]], facts, table[["licence", "first_seen_at", "changed_at", "seen_at"]]], axis=1)
