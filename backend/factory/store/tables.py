"""All tables: those of production data and those of access. Whoever needs them all imports them from here."""

from factory.store import access_schema
from factory.store.schema import metadata

__all__ = ["access_schema", "metadata"]
