"""How many channels a clip's file has: one channel is played by two loudspeakers, and then is louder than measured."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("clips", sa.Column("channels", sa.Integer))
