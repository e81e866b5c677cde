"""Files that got a mood in their tag after they were scored: their pieces have the name of their first content."""

from collections.abc import Sequence
from dataclasses import replace

from core.records import LibraryEntry
from core.store import Store, first_contents


def under_first_names(store: Store, entries: Sequence[LibraryEntry]) -> list[LibraryEntry]:
    """Return the entries of a worker, which knows only the bytes, under the names of their pieces."""
    first = first_contents(store, [str(e.file.content_hash) for e in entries if e.file.content_hash])
    renamed, measured = [], set()
    for entry in entries:
        named = _renamed(entry, first.get(str(entry.file.content_hash)))
        if named.clips and named.file.content_hash in measured:  # with another tag, also among these entries
            named = replace(named, clips=(), known=True)
        if named.clips:
            measured.add(named.file.content_hash)
        renamed.append(named)
    return renamed


def _renamed(entry: LibraryEntry, first: str | None) -> LibraryEntry:
    now = entry.file.content_hash
    if first is None or now is None or first == now:
        return entry
    windows = tuple(
        replace(window, clip_id=window.clip_id and window.clip_id.replace(now, first)) for window in entry.file.windows
    )
    clips = tuple(
        replace(
            clip,
            vector=replace(clip.vector, clip_id=clip.vector.clip_id.replace(now, first)),
            part_of=clip.part_of and clip.part_of.replace(now, first),
        )
        for clip in entry.clips
    )
    return replace(entry, file=replace(entry.file, content_hash=first, windows=windows), clips=clips)
