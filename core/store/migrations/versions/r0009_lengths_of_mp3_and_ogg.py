"""Let a library run measure MP3 and Ogg files once more: version 0.2 counted the length of some of them wrongly.

Only the name of the extractor in the list of files changes. The stored clips stay until they are measured again. If a
clip is another part of its file then, its earlier predictions stay, but the name of their extractor gets a date. The
triggers allow this change of a prediction and no other.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

ENDINGS = (".mp3", ".mp2", ".mpga", ".ogg", ".oga", ".opus")
COLUMNS = (
    *("id", "clip_id", "model_version", "role", "p_angry", "p_happy", "p_relax", "p_sad", "guess", "margin", "policy"),
    *("decision", "candidates", "reason", "latency_s", "created_at"),
)
DATED = "substr(NEW.extractor, 1, length(OLD.extractor) + 8) = OLD.extractor || ', until '"


def upgrade() -> None:
    files = sa.table("files", *map(sa.column, ("path", "extractor")))
    counted = sa.or_(*(sa.func.lower(files.c.path).like(f"%{ending}") for ending in ENDINGS))
    op.get_bind().execute(files.update().where(counted).values(extractor=files.c.extractor + ", lengths of 0.2"))
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER predictions_no_update")
        op.execute(
            f"CREATE TRIGGER predictions_no_update BEFORE UPDATE ON predictions WHEN NOT ({_dated('IS')}) "
            "BEGIN SELECT RAISE(ABORT, 'predictions is append-only'); END"
        )
        return
    refuse = "EXECUTE FUNCTION tme_append_only()"
    op.execute("DROP TRIGGER predictions_append_only ON predictions")
    op.execute(
        f"CREATE TRIGGER predictions_append_only BEFORE DELETE OR TRUNCATE ON predictions FOR EACH STATEMENT {refuse}"
    )
    op.execute(
        "CREATE TRIGGER predictions_no_update BEFORE UPDATE ON predictions "
        f"FOR EACH ROW WHEN (NOT ({_dated('IS NOT DISTINCT FROM')})) {refuse}"
    )


def _dated(same: str) -> str:
    """Condition that an update only dates the name of the extractor. same : the operator that compares NULL as well."""
    return " AND ".join([DATED, *(f"NEW.{column} {same} OLD.{column}" for column in COLUMNS)])
