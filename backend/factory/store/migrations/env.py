"""Runs migrations on the connection, and in the transaction, that factory.store.migrations hands over."""

from alembic import context

from factory.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
