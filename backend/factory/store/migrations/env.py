"""Runs migrations on the connection, and in the transaction, that factory.store.migrations hands over."""

from alembic import context

from factory.store.migrations import declared_for
from factory.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, include_object=declared_for(connection.dialect.name))
context.run_migrations()
