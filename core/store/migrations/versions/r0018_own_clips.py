"""Add who brought a clip of the Predict page, and let that person erase it.

Answers, predictions and labels stay append-only. A row can be deleted only while its clip is listed in the table
``erasing``. The function that erases a clip lists it there and removes it again in the same transaction.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"

TABLES = ("feedback", "labels", "predictions")
LISTED = "EXISTS (SELECT 1 FROM erasing WHERE erasing.clip_id = OLD.clip_id)"


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "clip_owners",
        sa.Column("clip_id", sa.String(128), sa.ForeignKey("clips.id"), primary_key=True),
        sa.Column("owner", sa.String(80), primary_key=True),
        sa.Column("verified", sa.Boolean, primary_key=True),
        sa.Column("shared", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.String(32) if sqlite else sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("clip_owners_owner", "clip_owners", ["owner", "verified"])
    op.create_table("erasing", sa.Column("clip_id", sa.String(128), primary_key=True))
    for table in TABLES:
        (_in_sqlite if sqlite else _in_postgresql)(table)


def _in_sqlite(table: str) -> None:
    op.execute(f"DROP TRIGGER {table}_no_delete")
    op.execute(
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} WHEN NOT {LISTED} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def _in_postgresql(table: str) -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION tme_only_erasing() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF {LISTED} THEN RETURN OLD; END IF; RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    verbs = "TRUNCATE" if table == "predictions" else "UPDATE OR TRUNCATE"  # 0009 has a trigger for their updates
    op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE {verbs} ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION tme_append_only()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION tme_only_erasing()"
    )
