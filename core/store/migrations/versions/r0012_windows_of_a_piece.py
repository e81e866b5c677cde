"""Store the windows that a prediction combines, clips that only serve as such a window, and clips of the table.

Predictions of earlier versions combine nothing: they stay predictions from one window.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("predictions", sa.Column("windows", sa.Text, nullable=False, server_default=""))
    op.add_column("predictions", sa.Column("unlike", sa.String(16)))
    op.add_column("clips", sa.Column("part_of", sa.String(128)))
    op.create_table(
        "table_clips",
        sa.Column("content_hash", sa.String(128), primary_key=True),
        sa.Column("row_key", sa.String(64), nullable=False),
        sa.Column("table_row", sa.Integer, nullable=False),
        sa.Column("same_rows", sa.Text, nullable=False),
        sa.Column("distance", sa.Double, nullable=False),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("extractor", sa.String(128), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite"), nullable=False),
    )
