"""All SQL. Functions take the factory's key; what differs between the databases is behind engine/dialect.py."""

from factory.store import access_schema  # noqa: F401  # so that the metadata in schema.py has all tables
from factory.store.engine.database import Store
from factory.store.engine.open_store import open_store

__all__ = ["Store", "open_store"]
