"""Store what happens: clips scored, refused and played, answers, sessions, promotions, alarms."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("model_version", sa.String(128), nullable=False),
        sa.Column("clip_id", sa.String(128), nullable=False),
        sa.Column("seconds", sa.Double),
        sa.Column("value", sa.Double),
        sa.Column("about", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sqlite_autoincrement=True,  # a number is never used again: totals know the last one that they count
    )
    op.create_index("events_kind", "events", ["kind", "at", "way", "model_version", "seconds", "value"])
    op.create_index("events_at", "events", ["at"])
    op.create_index("events_clip", "events", ["clip_id"])
    op.create_index("events_session", "events", ["session_id"])
