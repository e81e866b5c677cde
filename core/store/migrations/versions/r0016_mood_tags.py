"""Store which files got a mood in their tag: how to undo it, and that the content is the same piece as before."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
    op.create_table(
        "mood_tags",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("content_hash", sa.String(128), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("was_hash", sa.String(128), nullable=False),
        sa.Column("now_hash", sa.String(128), nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("edits", sa.Text, nullable=False),
        sa.Column("written_by", sa.Text, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("undone_at", moment),
    )
    op.create_index("mood_tags_now", "mood_tags", ["now_hash"])
    op.create_index("mood_tags_content", "mood_tags", ["content_hash"])
