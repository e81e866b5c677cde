"""The revision of the database's schema."""

import sqlalchemy as sa


def current_revision(connection: sa.Connection) -> str | None:
    """Return the revision of the open database; None when it holds no tables of this program."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
