"""Add tracks, clips, labels, features, predictions and feedback. Feedback, labels and predictions are append-only."""

import sqlalchemy as sa
from alembic import op

from core.schema import COLUMNS  # the published columns never change

revision = "0001"
down_revision = None

EMOTIONS = ("angry", "happy", "relax", "sad")


def _id_type() -> sa.types.TypeEngine:
    return sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _time_type() -> sa.types.TypeEngine:
    return sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def _one_of(column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def _clip_id() -> sa.Column:
    return sa.Column("clip_id", sa.String(128), sa.ForeignKey("clips.id"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "tracks",
        sa.Column("id", sa.String(64), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("artist", "title", "source", "genre")),
        sa.Column("year", sa.Integer),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("makam", "usul", "performer")),
        sa.Column("created_at", _time_type(), nullable=False),
    )
    op.create_table(
        "clips",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("content_hash", sa.String(128), nullable=False),
        sa.Column("track_id", sa.String(64), sa.ForeignKey("tracks.id")),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("path", sa.Text),
        sa.Column("start_s", sa.Float, nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sa.Column("sr", sa.Integer, nullable=False),
        sa.Column("bitrate", sa.Integer),
        sa.Column("created_at", _time_type(), nullable=False),
        sa.Column("deleted_at", _time_type()),
        _one_of("origin", "upload", "recording", "library", "demo", "import"),
    )
    op.create_index("clips_content", "clips", ["content_hash"])
    op.create_index("clips_file", "clips", ["file_name"])
    op.create_table(
        "labels",
        sa.Column("id", _id_type(), primary_key=True),
        _clip_id(),
        sa.Column("emotion", sa.String(16), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("created_at", _time_type(), nullable=False),
        _one_of("emotion", *EMOTIONS),
        sa.UniqueConstraint("clip_id", "source", "emotion", name="labels_once"),
    )
    op.create_table(
        "features",
        sa.Column("clip_id", sa.String(128), sa.ForeignKey("clips.id"), primary_key=True),
        sa.Column("extractor", sa.String(128), primary_key=True),
        *(sa.Column(column, sa.Double) for column in COLUMNS),
        sa.Column("created_at", _time_type(), nullable=False),
    )
    _predictions()
    _feedback()
    for table in ("labels", "predictions", "feedback"):
        _append_only(table)


def _predictions() -> None:
    op.create_table(
        "predictions",
        sa.Column("id", _id_type(), primary_key=True),
        _clip_id(),
        sa.Column("model_version", sa.String(128), nullable=False),
        sa.Column("extractor", sa.String(128), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        *(sa.Column(f"p_{emotion}", sa.Double, nullable=False) for emotion in EMOTIONS),
        sa.Column("guess", sa.String(16), nullable=False),
        sa.Column("margin", sa.Double, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("decision", sa.String(16)),
        sa.Column("candidates", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("latency_s", sa.Double),
        sa.Column("created_at", _time_type(), nullable=False),
        _one_of("role", "champion", "challenger"),
        _one_of("guess", *EMOTIONS),
        _one_of("decision", *EMOTIONS),
        sa.UniqueConstraint("clip_id", "model_version", "extractor", "role", "policy", name="predictions_once"),
    )
    op.create_index("predictions_queue", "predictions", ["role", "margin"])


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", _id_type(), primary_key=True),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        _clip_id(),
        sa.Column("prediction_id", _id_type(), sa.ForeignKey("predictions.id")),
        sa.Column("display", sa.String(32), nullable=False),
        sa.Column("shown_label", sa.String(16)),
        sa.Column("label", sa.String(16)),
        sa.Column("skip_reason", sa.String(32)),
        sa.Column("rater", sa.String(80), nullable=False),
        sa.Column("verified", sa.Boolean, nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("target_id", _id_type(), sa.ForeignKey("feedback.id")),
        sa.Column("created_at", _time_type(), nullable=False),
        _one_of("kind", "answer", "undo", "adjudication"),
        _one_of("display", "shown", "hidden at random", "hidden by choice", "none"),
        _one_of("shown_label", *EMOTIONS),
        _one_of("label", *EMOTIONS),
        _one_of("skip_reason", "bad audio", "ambiguous", "none of the four"),
        _one_of("source", "label", "predict", "import"),
        sa.CheckConstraint("(display = 'shown') = (shown_label IS NOT NULL)", name="shown_is_named"),
        sa.CheckConstraint(
            "(kind = 'undo' AND target_id IS NOT NULL AND label IS NULL AND skip_reason IS NULL)"
            " OR (kind <> 'undo' AND target_id IS NULL AND (label IS NULL) <> (skip_reason IS NULL))",
            name="one_answer",
        ),
        sa.UniqueConstraint("token", name="feedback_once"),
        sa.UniqueConstraint("target_id", name="undone_once"),
    )
    op.create_index("feedback_clip", "feedback", ["clip_id"])
    op.create_index("feedback_rater", "feedback", ["rater", "verified"])


def _append_only(table: str) -> None:
    """Add triggers that refuse changes, also by other programs. Revision 0004 handles SQLite's OR REPLACE."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION tme_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION tme_append_only()"
    )
