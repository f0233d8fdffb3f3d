"""What only SQLite does its own way."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import URL, Connection, Engine, event, text

from factory.settings import Settings

DriverError = sqlite3.Error

WRITE = {"begin": "BEGIN IMMEDIATE"}
SNAPSHOT = {"begin": "BEGIN"}
WRITING_SNAPSHOT = WRITE


def engine_options(url: URL, settings: Settings) -> dict[str, Any]:
    """Arguments of create_engine; makes the folder of the file."""
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    return {
        "pool_size": settings.db_pool_size,
        "max_overflow": settings.db_max_overflow,
        "pool_timeout": settings.db_pool_timeout_seconds,
        "connect_args": {"timeout": settings.sqlite_busy_timeout_seconds},
    }


def prepare(engine: Engine, settings: Settings) -> None:
    """Set up each connection, and begin transactions ourselves: the driver would begin them late."""

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        _use_write_ahead_log(connection)
        for pragma in (
            "synchronous = FULL",
            "foreign_keys = ON",
            "temp_store = MEMORY",
            "cache_size = -32768",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN IMMEDIATE"))


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # Of several processes that open a new file at once all but one are told that it is locked, without
    # the wait that busy_timeout promises elsewhere.
    for attempt in range(50):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            time.sleep(0.01 * (attempt + 1))
    connection.execute("PRAGMA journal_mode = WAL")


def reason(error: BaseException | None) -> str:
    """Why the driver failed: busy, away, or other."""
    message = str(error)
    if "locked" in message or "busy" in message:
        return "busy"
    if isinstance(error, sqlite3.OperationalError) and ("unable to open" in message or "disk" in message):
        return "away"
    return "other"


def relation(columns: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """SQL of a table `given` with these columns (arrays or lists) and the row number `i`, from 0."""
    names = list(columns)
    lists = [np.asarray(columns[name]).tolist() for name in names]
    selected = ", ".join(f"json_extract(value, '$[{n}]') AS {name}" for n, name in enumerate(names))
    rows = msgspec.json.encode(list(zip(*lists, strict=True))).decode()
    return f"(SELECT key AS i, {selected} FROM json_each(:given)) AS given", {"given": rows}


def share_factory(tx: Connection, factory_key: int) -> None:
    """Nothing to do: a writer is alone."""


def own_factory(tx: Connection, factory_key: int) -> None:
    """Nothing to do: a writer is alone."""


def own_registries(tx: Connection, factory_key: int) -> None:
    """Nothing to do: a writer is alone."""


def try_own_derived(tx: Connection, factory_key: int) -> bool:
    """A writer is alone."""
    return True


def own_derived(tx: Connection, factory_key: int) -> None:
    """Nothing to do: a writer is alone."""


_INSERT = """INSERT INTO events (factory_key, worker_key, event_time, event_type, station_key, source_key,
    event_id, units, confidence, model_key, received_at) VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"""


def insert_events(tx: Connection, rows: list[tuple[Any, ...]]) -> bool:
    """Insert events in the order of event_log.COLUMNS; whether all of them were new.

    Where some were stored before, nothing is inserted: ask which, and insert the others.
    """
    tx.exec_driver_sql("SAVEPOINT insertion")
    complete = tx.exec_driver_sql(_INSERT, rows).rowcount == len(rows)
    if not complete:
        tx.exec_driver_sql("ROLLBACK TO insertion")
    tx.exec_driver_sql("RELEASE insertion")
    return complete


def file_size(tx: Connection) -> int:
    """Bytes of the database."""
    return int(tx.execute(text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")).scalar_one())


def own_schema(tx: Connection) -> None:
    """Nothing to do: a writer is alone."""
