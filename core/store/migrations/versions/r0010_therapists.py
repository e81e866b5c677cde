"""Add the role of a therapist, and the person who started a job."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

KNOWN = "role IN ('rater', 'therapist', 'analyst')"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("started_by", sa.Text, nullable=False, server_default=""))
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("role_known", "raters")
        op.create_check_constraint("role_known", "raters", KNOWN)
        return
    op.create_table(  # SQLite cannot change a constraint
        "raters_new",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("verified", sa.Boolean, primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.CheckConstraint(KNOWN, name="role_known"),
    )
    op.execute("INSERT INTO raters_new SELECT name, verified, role, created_at FROM raters")
    op.drop_table("raters")
    op.rename_table("raters_new", "raters")
