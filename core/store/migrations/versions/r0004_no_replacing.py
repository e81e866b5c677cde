"""SQLite: prevent INSERT OR REPLACE from replacing rows of append-only tables, whatever a program's settings.

The triggers of 0001 refuse UPDATE and DELETE. For a row that OR REPLACE removes, SQLite fires them only if the
connection has recursive_triggers on, as this program's connections have. New triggers therefore check each insert:

- An insert with an existing id, or a second undo of one answer, is refused: "... is append-only".
- An insert with an existing token of a form, or existing unique columns of a label or a prediction, is ignored.
  Refusing it would also refuse this program's ON CONFLICT DO NOTHING, which a trigger cannot distinguish.

A program with write access to the file can still drop the triggers. PostgreSQL has no OR REPLACE, and ON CONFLICT DO
UPDATE counts as an UPDATE in both databases.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

ONCE = {
    "labels": ("clip_id", "source", "emotion"),
    "predictions": ("clip_id", "model_version", "extractor", "role", "policy"),
    "feedback": ("token",),
}
# Before an insert without an id, SQLite sets NEW.id to -1; the ids that it assigns are positive.
SAME_ID = "NEW.id > 0 AND EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)"
UNDONE = "EXISTS (SELECT 1 FROM feedback WHERE target_id = NEW.target_id)"


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for table, columns in ONCE.items():
        same = " AND ".join(f"{column} = NEW.{column}" for column in columns)
        refuse = f"SELECT RAISE(ABORT, '{table} is append-only') WHERE"
        steps = [
            f"{refuse} {SAME_ID.format(table=table)}",
            f"SELECT RAISE(IGNORE) WHERE EXISTS (SELECT 1 FROM {table} WHERE {same})",  # noqa: S608 - our own names
            *([f"{refuse} {UNDONE}"] if table == "feedback" else []),
        ]
        op.execute(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} BEGIN {'; '.join(steps)}; END")
