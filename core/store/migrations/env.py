"""Run by alembic: the caller opened the connection and its transaction, see core/store/upgrade.py."""

from alembic import context

# In the caller's transaction all migrations succeed or none, on SQLite too.
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
