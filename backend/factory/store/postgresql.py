"""What only PostgreSQL does its own way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import psycopg2.errors
from psycopg2.extras import execute_values
from sqlalchemy import URL, Connection, Engine, text

from factory.settings import Settings

DriverError = psycopg2.Error

WRITE = {"isolation_level": "READ COMMITTED"}
SNAPSHOT = {"isolation_level": "REPEATABLE READ"}
WRITING_SNAPSHOT = SNAPSHOT

_FACTORY, _REGISTRIES, _DERIVED, _SCHEMA = 7301, 7302, 7303, 7304
"""First halves of the advisory locks' keys; the second is the factory's key."""


def engine_options(url: URL, settings: Settings) -> dict[str, Any]:
    """Arguments of create_engine."""
    limit = settings.db_statement_timeout_seconds * 1000
    return {
        "pool_size": settings.db_pool_size,
        "max_overflow": settings.db_max_overflow,
        "pool_timeout": settings.db_pool_timeout_seconds,
        "pool_pre_ping": True,
        "connect_args": {
            "application_name": "factory",
            "connect_timeout": 5,
            "options": f"-c statement_timeout={limit:.0f} -c timezone=UTC -c jit=off",
        },
    }


def prepare(engine: Engine, settings: Settings) -> None:
    """Nothing to do: connections come ready."""


def reason(error: BaseException | None) -> str:
    """Why the driver failed: conflict, busy, slow, away, or other."""
    if isinstance(error, psycopg2.errors.SerializationFailure | psycopg2.errors.DeadlockDetected):
        return "conflict"
    if isinstance(error, psycopg2.errors.QueryCanceled):
        return "slow"
    if isinstance(error, psycopg2.errors.LockNotAvailable):
        return "busy"
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        return "away"
    return "other"


def relation(columns: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """SQL of a table `given` with these columns (arrays or lists) and the row number `i`, from 0."""
    arrays, parameters = [], {}
    for name, values in columns.items():
        array = np.asarray(values)
        kind = {"i": "bigint", "u": "bigint", "f": "float8"}.get(array.dtype.kind, "text")
        arrays.append(f"CAST(:given_{name} AS {kind}[])")
        parameters[f"given_{name}"] = array.tolist()
    names = ", ".join(columns)
    return (
        f"(SELECT place - 1 AS i, {names} FROM unnest({', '.join(arrays)}) "
        f"WITH ORDINALITY AS u({names}, place)) AS given",
        parameters,
    )


def share_factory(tx: Connection, factory_key: int) -> None:
    """Write events of a factory beside others, until the end of the transaction."""
    tx.execute(text("SELECT pg_advisory_xact_lock_shared(:lock, :key)"), {"lock": _FACTORY, "key": factory_key})


def own_factory(tx: Connection, factory_key: int) -> None:
    """Wait until nobody else writes events of a factory, and keep others from it."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock, :key)"), {"lock": _FACTORY, "key": factory_key})


def own_registries(tx: Connection, factory_key: int) -> None:
    """Be the only one that gives out keys in a factory."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock, :key)"), {"lock": _REGISTRIES, "key": factory_key})


def try_own_derived(tx: Connection, factory_key: int) -> bool:
    """Be the only one that refreshes the derived rows of a factory, unless somebody is at it."""
    statement = text("SELECT pg_try_advisory_xact_lock(:lock, :key)")
    return bool(tx.execute(statement, {"lock": _DERIVED, "key": factory_key}).scalar_one())


def own_derived(tx: Connection, factory_key: int) -> None:
    """Wait to be the only one that refreshes the derived rows of a factory."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock, :key)"), {"lock": _DERIVED, "key": factory_key})


_INSERT = """INSERT INTO events (factory_key, worker_key, event_time, event_type, station_key, source_key,
    event_id, units, confidence, model_key, received_at) VALUES %s ON CONFLICT DO NOTHING"""


def insert_events(tx: Connection, rows: list[tuple[Any, ...]]) -> bool:
    """Insert events in the order of event_log.COLUMNS; whether all of them were new.

    Where some were stored before, nothing is inserted: ask which, and insert the others.
    """
    cursor = tx.connection.cursor()
    cursor.execute("SAVEPOINT insertion")
    execute_values(cursor, _INSERT, rows, page_size=len(rows))
    complete = bool(cursor.rowcount == len(rows))
    cursor.execute("RELEASE insertion" if complete else "ROLLBACK TO insertion")
    return complete


def file_size(tx: Connection) -> int:
    """Bytes of the database."""
    return int(tx.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def own_schema(tx: Connection) -> None:
    """Be the only one that changes the schema, until the end of the transaction."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock, 0)"), {"lock": _SCHEMA})
