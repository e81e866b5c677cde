"""Run by alembic: the caller opened the connection and its transaction, see core/store/upgrade.py."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,  # SQLite can; alembic does not expect it
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
