"""Store what was measured of the karar and the makam of pieces, and the karars that people corrected."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    op.create_table(
        "makam_results",
        sa.Column("content_hash", sa.String(128), primary_key=True),
        sa.Column("analyser", sa.String(128), primary_key=True),
        sa.Column("duration_s", sa.Double, nullable=False),
        sa.Column("voiced_s", sa.Double, nullable=False),
        sa.Column("karar_hz", sa.Double),
        sa.Column("karar_probability", sa.Double),
        sa.Column("makam", sa.Text, nullable=False),
        sa.Column("makam_probability", sa.Double),
        sa.Column("makam_kind", sa.String(16), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        *(sa.Column(name, sa.Double) for name in ("range_commas", "drift_commas", "karar_share", "evenness")),
        sa.Column("created_at", _TIME, nullable=False),
    )
    op.create_table(
        "karar_words",
        sa.Column("id", _BIG_ID, primary_key=True),
        sa.Column("content_hash", sa.String(128), nullable=False),
        sa.Column("karar_hz", sa.Double, nullable=False),
        sa.Column("measured_hz", sa.Double),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("said_by", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("undone_at", _TIME),
    )
    op.create_index("karar_words_content", "karar_words", ["content_hash"])
