"""SQLite: no program replaces what was said by inserting it again (INSERT OR REPLACE), whatever its settings.

The triggers of 0001 refuse UPDATE and DELETE, but SQLite asks them about a row that OR REPLACE removes only where a
connection has recursive_triggers on, as ours have. So each insert is looked at before it is made:

- under the id of a row that is there, or as a second undo of one answer, it is refused: "... is append-only";
- under the token of a form, or the unique columns of a label or a prediction, that are there, it is passed over without
  a word. To refuse it would refuse our own ON CONFLICT DO NOTHING too: a trigger cannot tell one from the other.

Whoever may write to the file can still remove the triggers themselves. PostgreSQL knows no OR REPLACE, and ON CONFLICT
DO UPDATE is an UPDATE there and here.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

ONCE = {
    "labels": ("clip_id", "source", "emotion"),
    "predictions": ("clip_id", "model_version", "extractor", "role", "policy"),
    "feedback": ("token",),
}
# The id that SQLite shows before an insert is -1 where none was given: it gives positive ones.
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
