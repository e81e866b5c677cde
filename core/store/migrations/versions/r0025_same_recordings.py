"""Store fingerprints of files, and which files are one recording."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

_TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    op.create_table(
        "fingerprints",
        sa.Column("content_hash", sa.String(128), primary_key=True),
        sa.Column("maker", sa.String(64), nullable=False),
        sa.Column("bits", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
    )
    op.create_table(
        "recording_links",
        sa.Column("one", sa.String(128), primary_key=True),
        sa.Column("other", sa.String(128), primary_key=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("found", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint("kind IN ('sure', 'doubt', 'apart')", name="kind_known"),
    )
    op.create_table(
        "recording_words",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("one", sa.String(128), nullable=False),
        sa.Column("other", sa.String(128), nullable=False),
        sa.Column("same", sa.Boolean, nullable=False),
        sa.Column("said_by", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("undone_at", _TIME),
    )
    op.create_index("recording_words_pair", "recording_words", ["one", "other"])
