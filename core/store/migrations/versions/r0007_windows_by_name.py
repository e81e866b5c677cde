"""Store the windows of library files as objects: ``{"start_s": ..., "end_s": ..., "clip_id": ..., "remark": ...}``.

Before, each window was a list of these values in this order. The values do not change.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

NAMES = ("start_s", "end_s", "clip_id", "remark")
AT_ONCE = 500  # files per batch, so that a large library need not fit into memory


def upgrade() -> None:
    files = sa.table("files", sa.column("id", sa.String), sa.column("windows", sa.Text))
    connection = op.get_bind()
    write = files.update().where(files.c.id == sa.bindparam("file")).values(windows=sa.bindparam("named"))
    last = ""
    while True:
        part = sa.select(files.c.id, files.c.windows).where(files.c.id > last).order_by(files.c.id).limit(AT_ONCE)
        rows = connection.execute(part).all()
        if not rows:
            return
        connection.execute(write, [{"file": row.id, "named": _named(row.windows)} for row in rows])
        last = rows[-1].id


def _named(windows: str) -> str:
    return json.dumps([dict(zip(NAMES, window, strict=True)) for window in json.loads(windows)])
