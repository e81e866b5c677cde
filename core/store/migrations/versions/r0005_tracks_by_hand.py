"""Which columns of a track a person set: scoring the library again leaves those alone."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("tracks", sa.Column("by_hand", sa.Text, nullable=False, server_default="[]"))
