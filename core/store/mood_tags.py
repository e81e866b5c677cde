"""Store which files got a mood in their tag.

A new tag changes the bytes of a file, and so their hash, but not the piece. The piece keeps the hash of its first
content as its name: answers, clips and lists refer to it. These rows say which later contents are the same piece, and
how the tag is undone.
"""

import json
from collections.abc import Sequence

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.store.checks import now
from core.store.connection import Store, frame, in_parts, read, write
from core.store.schema import clips, files, mood_tags
from core.store.tracks import note_library_changed


@requires(Action.TAG_FILES)
def note_tag(
    store: Store,
    content_hash: str,
    path: str,
    *,
    was_hash: str,
    now_hash: str,
    before: Sequence[str],
    after: str,
    edits: str,
) -> int:
    """Store that a file is about to get a mood in its tag, and return the number of the note.

    Parameters
    ----------
    content_hash
        The name of the piece: hash of its first content.
    was_hash, now_hash
        Hash of the file before and after.
    before, after
        Moods in the tag before, and the new one.
    edits
        The edits that write the tag, as text.
    """
    values = {
        "content_hash": content_hash,
        "path": path,
        "was_hash": was_hash,
        "now_hash": now_hash,
        "before": json.dumps(list(before), ensure_ascii=False),
        "after": after,
        "edits": edits,
        "written_by": store.by.mark,
        "created_at": now(),
    }

    def work(c: sa.Connection) -> int:
        (number,) = c.execute(mood_tags.insert().values(values)).inserted_primary_key or (0,)
        return int(number)

    return write(store, work)


@requires(Action.TAG_FILES)
def drop_note(store: Store, note: int) -> None:
    """Remove the note of a tag that could not be written."""
    write(store, lambda c: c.execute(mood_tags.delete().where(mood_tags.c.id == note)))


@requires(Action.TAG_FILES)
def file_rewritten(
    store: Store, content_hash: str, paths: Sequence[str], *, size: int, stamp: str, undone: int | None = None
) -> None:
    """Store size and stamp of a file after its tag was written, so that the next run does not read it as a new file.

    paths : of the file, as they are stored.  undone : number of the note whose tag was taken back.
    """
    of_file = files.c.path.in_(list(paths)) & (files.c.content_hash == content_hash)

    def work(c: sa.Connection) -> None:
        c.execute(files.update().where(of_file).values(size=size, stamp=stamp))
        note_library_changed(c)
        if undone is not None:
            c.execute(mood_tags.update().where(mood_tags.c.id == undone).values(undone_at=now()))

    write(store, work)


@requires(Action.TAG_FILES)
def tag_notes(store: Store) -> pd.DataFrame:
    """Return the tags that were written and not taken back, newest first.

    Columns id, content_hash, path, was_hash, now_hash, before (JSON list), after, edits, written_by, created_at.
    """
    query = sa.select(mood_tags).where(mood_tags.c.undone_at.is_(None)).order_by(mood_tags.c.id.desc())
    return read(store, lambda c: frame(c, query)).drop(columns="undone_at")


@requires(Action.LABEL)
def first_content(store: Store, content_hash: str) -> str:
    """Return the name of the piece with this content: the hash of its content before any tag was written."""
    return first_contents(store, [content_hash]).get(content_hash, content_hash)


@requires(Action.LABEL)
def first_contents(store: Store, contents: Sequence[str]) -> dict[str, str]:
    """Return the names of the pieces of these contents, for those that got a tag."""
    query = sa.select(mood_tags.c.now_hash, mood_tags.c.content_hash)
    parts = in_parts(contents)
    return read(
        store,
        lambda c: {
            row.now_hash: row.content_hash
            for part in parts
            for row in c.execute(query.where(mood_tags.c.now_hash.in_(part)))
        },
    )


@requires(Action.TAG_FILES)
def is_known_content(store: Store, content_hash: str) -> bool:
    """Return whether a file or a clip has this content as a piece of its own."""
    tables = (files, clips)
    queries = [sa.select(table.c.id).where(table.c.content_hash == content_hash).limit(1) for table in tables]
    return read(store, lambda c: any(c.execute(query).first() is not None for query in queries))


@requires(Action.SCORE_LIBRARY)
def later_contents(store: Store, names: Sequence[str]) -> set[str]:
    """Return the contents that these pieces have, or had, after a tag was written."""
    query = sa.select(mood_tags.c.now_hash)
    parts = in_parts(names)
    return read(
        store,
        lambda c: {
            str(content)
            for part in parts
            for content in c.execute(query.where(mood_tags.c.content_hash.in_(part))).scalars()
        },
    )
