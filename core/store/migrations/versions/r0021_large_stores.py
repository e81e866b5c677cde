"""Indexes for large stores: deleted clips and the newest reading of a file are found without reading the tables.

The index of predictions by role is removed. No question used it any more, but SQLite chose it for "has this clip a
prediction in this role", and then read the predictions of all clips for each clip.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.drop_index("predictions_queue", table_name="predictions")
    deleted = sa.text("deleted_at IS NOT NULL")
    op.create_index("clips_deleted", "clips", ["deleted_at"], sqlite_where=deleted, postgresql_where=deleted)
    op.create_index("files_checked", "files", ["checked_at"])
