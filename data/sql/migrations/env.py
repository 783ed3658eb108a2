"""Alembic's entry: `data.sql.schema` hands over a connection that holds the writers' lock already."""

from __future__ import annotations

from alembic import context

from data.sql.models import Row

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
