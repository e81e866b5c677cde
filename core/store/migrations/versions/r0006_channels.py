"""Add the number of channels of a clip's file: two loudspeakers play a mono file louder than it was measured."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("clips", sa.Column("channels", sa.Integer))
