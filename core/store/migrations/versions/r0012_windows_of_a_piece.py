"""Store the windows that a prediction combines, and mark clips that only serve as such a window.

Predictions of earlier versions combine nothing: they stay predictions from one window.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("predictions", sa.Column("windows", sa.Text, nullable=False, server_default=""))
    op.add_column("clips", sa.Column("part_of", sa.String(128)))
