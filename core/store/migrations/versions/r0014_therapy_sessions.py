"""Store clients (a code and no name), the rules for their pieces, and their sessions with pieces and outcome."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
MOODS = "'angry', 'happy', 'relax', 'sad'"


def upgrade() -> None:
    op.create_table(
        "clients",
        sa.Column("id", ID, primary_key=True),
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("owner_verified", sa.Boolean, nullable=False),
        sa.Column("code", sa.String(20), nullable=False),
        sa.Column("folded", sa.String(40), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.UniqueConstraint("owner", "owner_verified", "folded", name="clients_once"),
    )
    op.create_table(
        "client_pieces",
        sa.Column("client_id", ID, sa.ForeignKey("clients.id"), primary_key=True),
        sa.Column("piece_id", sa.String(128), primary_key=True),
        sa.Column("rule", sa.String(8), nullable=False),
        sa.Column("origin", sa.String(8), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("rule IN ('must', 'never')", name="rule_known"),
        sa.CheckConstraint("origin IN ('list', 'veto')", name="origin_known"),
    )
    op.create_table(
        "client_sessions",
        sa.Column("id", ID, primary_key=True),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("client_id", ID, sa.ForeignKey("clients.id"), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("name", "plan", "policy")),
        sa.Column("program", sa.String(64), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("vetoes", "replacements")),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("began_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("goal", "notes", "remarks")),
        *(sa.Column(f"mood_{when}", sa.String(16)) for when in ("before", "after")),
        *(sa.Column(f"{axis}_{when}", sa.Double) for when in ("before", "after") for axis in ("valence", "arousal")),
        sa.Column("rating", sa.Integer),
        sa.CheckConstraint(f"mood_before IN ({MOODS})", name="mood_before_known"),
        sa.CheckConstraint(f"mood_after IN ({MOODS})", name="mood_after_known"),
        sa.UniqueConstraint("token", name="client_sessions_once"),
    )
    op.create_index("client_sessions_client", "client_sessions", ["client_id"])
    op.create_table(
        "session_pieces",
        sa.Column("session_id", ID, sa.ForeignKey("client_sessions.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("piece_id", sa.String(128), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("stopped_at", MOMENT),
        sa.Column("stopped_s", sa.Double),
    )
