"""Store tasks for raters, and with each answer how long the person listened.

Answers of earlier versions keep NULL: nobody measured how long they took.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    for name in ("answer_s", "heard_s"):
        op.add_column("feedback", sa.Column(name, sa.Double))
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.add_column("feedback", sa.Column("task_id", number))
    op.add_column("feedback", sa.Column("turn", sa.Integer))
    moment = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
    op.create_table(
        "tasks",
        sa.Column("id", number, primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("chosen", sa.Text, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("ended_at", moment),
    )
    op.create_table(
        "task_clips",
        sa.Column("task_id", number, sa.ForeignKey("tasks.id"), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("clip_id", sa.String(128), sa.ForeignKey("clips.id"), nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.UniqueConstraint("task_id", "clip_id", "turn", name="task_clips_once"),
    )
    op.create_table(
        "task_raters",
        sa.Column("task_id", number, sa.ForeignKey("tasks.id"), primary_key=True),
        sa.Column("rater", sa.String(80), primary_key=True),
        sa.Column("verified", sa.Boolean, primary_key=True),
    )
    op.create_index("task_raters_rater", "task_raters", ["rater", "verified"])
    op.create_index("feedback_task", "feedback", ["task_id"])
