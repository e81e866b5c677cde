"""Add the files of libraries, the loudness of clips, and albums."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

STATES = ("scored", "refused", "unread", "quarantined", "fault", "begun")


def upgrade() -> None:
    op.add_column("tracks", sa.Column("album", sa.Text, nullable=False, server_default=""))
    op.add_column("clips", sa.Column("file_duration_s", sa.Double))
    op.add_column("clips", sa.Column("lufs", sa.Double))
    listed = ", ".join(f"'{state}'" for state in STATES)
    op.create_table(
        "files",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("plan", sa.String(32), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("stamp", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("extractor", sa.String(128), nullable=False),
        sa.Column("content_hash", sa.String(128)),
        sa.Column("duration_s", sa.Double),
        sa.Column("windows", sa.Text, nullable=False),
        sa.Column("remarks", sa.Text, nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite"), nullable=False),
        sa.CheckConstraint(f"state IN ({listed})", name="state_known"),
    )
    op.create_index("files_content", "files", ["content_hash"])
    op.create_index("files_size", "files", ["size"])
