"""Note that somebody unknown brought each clip of earlier versions, and find files by their path.

Otherwise the next person who holds the same file would be its only owner, and could erase the answers of others.
"""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.execute(
        "INSERT INTO clip_owners (clip_id, owner, verified, shared, created_at) "
        "SELECT id, '', false, path IS NOT NULL, created_at FROM clips "
        "WHERE origin IN ('upload', 'recording', 'demo') AND part_of IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM clip_owners WHERE clip_owners.clip_id = clips.id)"
    )
    # A path may be too long for a B-tree of PostgreSQL; a hash index takes every length.
    op.create_index("files_path", "files", ["path"], postgresql_using="hash")
