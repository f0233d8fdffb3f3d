"""The tables. Every primary key and unique constraint of a factory's data begins with the factory's key.

Instants are microseconds since the epoch; a key is a small integer that stands for a text inside one
factory. Ids that a sender chose are stored once, in the registries.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.dialects import postgresql

# Texts are compared by code point in both databases.
ByCodePoint = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

# The tenants. 0 is the platform's operators', which has no factory, 1 the first one's.
organisations = Table(
    "organisations",
    metadata,
    Column("organisation_key", Integer, primary_key=True),
    Column("organisation_id", ByCodePoint, nullable=False, unique=True),
    Column("name", ByCodePoint, nullable=False),
    Column("second_factor", ByCodePoint),  # required from this role on; null: SECOND_FACTOR decides
)

factories = Table(
    "factories",
    metadata,
    Column("factory_key", Integer, primary_key=True),
    Column("organisation_key", Integer, ForeignKey("organisations.organisation_key"), nullable=False),
    Column("factory_id", ByCodePoint, nullable=False),
    Column("name", ByCodePoint, nullable=False),
    Column("time_zone", ByCodePoint, nullable=False),
    Column("state_timeout_seconds", Integer, nullable=False),
    Column("shifts", ByCodePoint, nullable=False),  # JSON, as domain/shifts.py has it
    # The valid generation of derived rows, and the one that is being built.
    Column("generation", Integer, nullable=False),
    Column("building", Integer),
    Column("building_seen_at", BigInteger),
    # Raised when registry rows are removed, so that no process uses cached keys of them.
    Column("registry_epoch", Integer, nullable=False),
    Column("first_event_at", BigInteger),
    Column("last_event_at", BigInteger),
    # Raw events before this instant are no longer kept (RETENTION_DAYS).
    Column("retained_from", BigInteger),
    # Whether permitted users see workers by name; null is the option PERSON_VIEWS.
    Column("person_views", Boolean),
    # The key of the digests that are the pseudonyms of workers.
    Column("pseudonym_key", LargeBinary, nullable=False),
    # Whether readers who see no persons see the present state of workstations where fewer than K_MIN are.
    Column("live_states", Boolean, nullable=False, server_default=false()),
    # The rules of the time zone by which the valid generation was made: their name, and the zone's file (TZif).
    Column("zone_rules", ByCodePoint),
    Column("zone_file", LargeBinary),
    UniqueConstraint("organisation_key", "factory_id"),
)


def _registry(name: str, key: str, text: str, key_type: type[Integer], *more: Column[str]) -> Table:
    return Table(
        name,
        metadata,
        Column("factory_key", Integer, ForeignKey("factories.factory_key"), nullable=False),
        Column(key, key_type, nullable=False),
        Column(text, ByCodePoint, nullable=False),
        *more,
        PrimaryKeyConstraint("factory_key", key),
        UniqueConstraint("factory_key", text),
        sqlite_with_rowid=False,
    )


workers = _registry("workers", "worker_key", "worker_id", Integer, Column("name", ByCodePoint, nullable=False))
workstations = _registry(
    "workstations",
    "station_key",
    "workstation_id",
    SmallInteger,
    Column("name", ByCodePoint, nullable=False),
    Column("type", ByCodePoint, nullable=False),
)
sources = _registry("sources", "source_key", "source_id", SmallInteger)
model_versions = _registry("model_versions", "model_key", "model_version", SmallInteger)

_IDENTITY = ("factory_key", "worker_key", "event_time", "event_type", "station_key", "source_key", "event_id")


def _events(name: str, key: tuple[str, ...], dialect: str) -> Table:
    """Declare a table of raw events; its columns are ordered by width.

    A missing source, model or event_id is 0 or '', a missing confidence -1: the primary key is an event's identity.
    """
    return Table(
        name,
        metadata,
        Column("event_time", BigInteger, nullable=False),
        Column("received_at", BigInteger, nullable=False),
        Column("confidence", Float(53), nullable=False),
        Column("factory_key", Integer, nullable=False),
        Column("worker_key", Integer, nullable=False),
        Column("units", Integer, nullable=False),
        Column("station_key", SmallInteger, nullable=False),
        Column("event_type", SmallInteger, nullable=False),
        Column("source_key", SmallInteger, nullable=False),
        Column("model_key", SmallInteger, nullable=False),
        Column("event_id", ByCodePoint, nullable=False),
        PrimaryKeyConstraint(*key),
        sqlite_with_rowid=False,
        postgresql_partition_by="LIST (factory_key)",
        info={"only": dialect},
    )


# On SQLite the table is its own index. On PostgreSQL `events` is a view of two tables: the first event of a
# worker at an instant, under a key that is half as large, and beside it the few others (docs/EVENT_TABLE.md).
# Each has one partition, named `…_rows`: COPY is not allowed into a table under row-level security.
_events("events", _IDENTITY, "sqlite")
_events("events_first", _IDENTITY[:3], "postgresql")
_events("events_beside", _IDENTITY, "postgresql")

# An empty table, which PostgreSQL locks: one transaction derives at a time.
derivation_lock = Table("derivation_lock", metadata, Column("factory_key", Integer, primary_key=True))

# One row per delivery: the worker-hours that it touched and that are not derived yet. Rows of generation 0 wait for
# the valid derived rows, others for the generation that is being built.
pending = Table(
    "pending",
    metadata,
    Column("factory_key", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("pending_key", BigInteger, nullable=False),
    Column("cells", LargeBinary, nullable=False),
    PrimaryKeyConstraint("factory_key", "generation", "pending_key"),
    sqlite_with_rowid=False,
)

# A change of a worker's state, which lasts until the worker's next one (domain/states/intervals.py).
intervals = Table(
    "intervals",
    metadata,
    Column("start_at", BigInteger, nullable=False),
    Column("factory_key", Integer, nullable=False),
    Column("worker_key", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("station_key", SmallInteger, nullable=False),
    PrimaryKeyConstraint("factory_key", "generation", "worker_key", "start_at"),
    sqlite_with_rowid=False,
)

# A page of totals of one hour, day or month of the factory's calendar (domain/states/totals.py).
rollups = Table(
    "rollups",
    metadata,
    Column("start_at", BigInteger, nullable=False),
    Column("factory_key", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("page", LargeBinary, nullable=False),
    PrimaryKeyConstraint("factory_key", "generation", "kind", "level", "start_at"),
    sqlite_with_rowid=False,
)


# New names that a sender had registered in an hour since the epoch; the hours before are removed.
registrations = Table(
    "registrations",
    metadata,
    Column("factory_key", Integer, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("sender", ByCodePoint, nullable=False),
    Column("names", Integer, nullable=False),
    PrimaryKeyConstraint("factory_key", "hour", "sender"),
    sqlite_with_rowid=False,
)

# Keyed digests of the ids of erased workers: a late delivery must not register them again.
erased_workers = Table(
    "erased_workers",
    metadata,
    Column("factory_key", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("erased_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("factory_key", "digest"),
)


def exists_on(table: Table, dialect: str) -> bool:
    """Tell whether a database of that kind has the table."""
    return table.info.get("only", dialect) == dialect
