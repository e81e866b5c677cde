"""Add raters with roles, settings, and jobs with a unique index: at most one job of a name runs at a time."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _time_type() -> sa.types.TypeEngine:
    return sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def _one_of(column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def upgrade() -> None:
    op.create_table(
        "raters",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("verified", sa.Boolean, primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("created_at", _time_type(), nullable=False),
        _one_of("role", "rater", "analyst"),
    )
    op.create_table(
        "settings",
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("changed_at", _time_type(), nullable=False),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("progress", sa.Double, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("cancel", sa.Boolean, nullable=False),
        sa.Column("started_at", _time_type(), nullable=False),
        sa.Column("heartbeat", _time_type(), nullable=False),
        sa.Column("ended_at", _time_type()),
        _one_of("state", "running", "done", "failed", "cancelled", "lost"),
    )
    running = sa.text("state = 'running'")
    op.create_index("jobs_one_running", "jobs", ["name"], unique=True, sqlite_where=running, postgresql_where=running)
