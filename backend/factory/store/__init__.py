"""All SQL. Every function takes the factory's key; the dialects differ in sqlite.py and postgresql.py only."""

from factory.store.engine.database import Store, open_store

__all__ = ["Store", "open_store"]
