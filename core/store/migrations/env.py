"""Entry point of alembic. The caller has opened the connection and its transaction, see core/store/upgrade.py."""

from alembic import context

# All migrations run in the caller's transaction: all succeed or none, on SQLite too.
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
