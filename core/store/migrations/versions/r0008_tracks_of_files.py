"""Give each file a track of its own. Before, files with the same artist, title and folder shared a track.

A shared track is copied for each file. All copies have the values of the tags that were stored last. Measuring a file
again corrects its track, except for values that a person set.
"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

AT_ONCE = 500  # rows per statement


def upgrade() -> None:
    bind = op.get_bind()
    op.create_index("clips_track", "clips", ["track_id"])  # without it the moves below take quadratic time
    bind.execute(sa.text("UPDATE files SET stamp = '' WHERE state = 'refused'"))
    tables = sa.MetaData()
    tracks = sa.Table("tracks", tables, autoload_with=bind)
    clips = sa.table("clips", *map(sa.column, ("track_id", "content_hash", "origin")))
    of_a_file = clips.c.track_id.is_not(None) & (clips.c.origin != "demo")
    pairs = bind.execute(sa.select(clips.c.track_id, clips.c.content_hash).where(of_a_file).distinct()).all()
    moves = [(old, content, _of_file(content)) for old, content in pairs if old != _of_file(content)]
    there = set(bind.execute(sa.select(tracks.c.id)).scalars())
    move = (
        clips.update()
        .where(of_a_file, clips.c.track_id == sa.bindparam("old"), clips.c.content_hash == sa.bindparam("content"))
        .values(track_id=sa.bindparam("new"))
    )
    for start in range(0, len(moves), AT_ONCE):
        part = moves[start : start + AT_ONCE]
        olds = [old for old, _, _ in part]
        rows = {row.id: row._asdict() for row in bind.execute(sa.select(tracks).where(tracks.c.id.in_(olds)))}
        copies = {new: {**rows[old], "id": new} for old, _, new in part if new not in there}
        there |= copies.keys()
        if copies:
            bind.execute(tracks.insert(), list(copies.values()))
        bind.execute(move, [{"old": old, "content": content, "new": new} for old, content, new in part])
    used = sa.select(clips.c.track_id).where(clips.c.track_id == tracks.c.id)
    for start in range(0, len(moves), AT_ONCE):
        olds = [old for old, _, _ in moves[start : start + AT_ONCE]]
        bind.execute(tracks.delete().where(tracks.c.id.in_(olds), ~sa.exists(used)))


def _of_file(content: str) -> str:
    return hashlib.sha256(f"content {content}".encode()).hexdigest()
