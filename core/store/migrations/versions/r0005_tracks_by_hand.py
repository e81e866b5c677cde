"""Add the list of a track's columns that a person set; scoring the library again does not overwrite them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("tracks", sa.Column("by_hand", sa.Text, nullable=False, server_default="[]"))
