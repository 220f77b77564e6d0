"""Alembic's entry: runs the migrations in the transaction that ``server.opening`` hands in."""

from __future__ import annotations

from alembic import context

from millwright.kernel.tables import metadata

# One transaction for all, on SQLite too: a killed upgrade leaves the database as it was.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
