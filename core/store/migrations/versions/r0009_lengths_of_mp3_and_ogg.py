"""Let a library run measure MP3 and Ogg files once more: version 0.2 counted the length of some of them wrongly.

Only the name of the extractor in the list of files changes. The stored clips stay until they are measured again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

ENDINGS = (".mp3", ".mp2", ".mpga", ".ogg", ".oga", ".opus")


def upgrade() -> None:
    files = sa.table("files", *map(sa.column, ("path", "extractor")))
    counted = sa.or_(*(sa.func.lower(files.c.path).like(f"%{ending}") for ending in ENDINGS))
    op.get_bind().execute(files.update().where(counted).values(extractor=files.c.extractor + ", lengths of 0.2"))
