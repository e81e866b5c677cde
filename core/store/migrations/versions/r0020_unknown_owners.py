"""Note that somebody unknown brought each clip of earlier versions, and who handed a client over.

Otherwise the next person who holds the same file would be its only owner, and could erase the answers of others. The
new index finds files by their path.
"""

import sqlalchemy as sa
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
    op.add_column("clients", sa.Column("handed_by", sa.Text, nullable=False, server_default=""))
    op.add_column("clients", sa.Column("handed_at", sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")))
